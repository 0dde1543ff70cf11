//! Items for a JavaScript function, and what became of them.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use millrace_core::system::{Delivery, ExternalConsumer};
use millrace_core::{Batch, Items, ReceiveError};
use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;

use crate::chunk::{Chunk, Marks, from_ms};
use crate::environment::{Environment, lock};
use crate::error::Result;
use crate::label::{NativeLabels, labels_in};
use crate::large::Large;
use crate::registry;

/// What a take says where it gives no items. Shared with src/binding.ts.
pub const NOTHING: i32 = 0;
pub const ENDED: i32 = -1;
pub const ABORTED: i32 = -2;
/// The next item is to be handled alone.
pub const ALONE: i32 = -3;

/// Where there is room for fewer items, a chunk is full: a few off a large batch cost more than they are worth.
const WORTH_TAKING: usize = 32;

/// The consumer of a system whose handler is a JavaScript function.
pub struct Callback {
    consumer: ExternalConsumer<Items, Items>,
    waker: Waker,
    /// Taken, and not yet given to JavaScript.
    rest: Option<Delivery<Items>>,
    /// Given to JavaScript; the first `handed` of these items went to the handler.
    given: Vec<Delivery<Items>>,
    handed: usize,
    /// The bytes of the last chunk, where they did not fit it.
    large: Large,
    /// The chunk.
    memory: Option<Uint8Array>,
}

impl Callback {
    pub fn new(consumer: ExternalConsumer<Items, Items>, environment: &Arc<Environment>, system: u32) -> Self {
        Callback {
            consumer,
            waker: environment.items_waker(system),
            rest: None,
            given: Vec::new(),
            handed: 0,
            large: Large::None,
            memory: None,
        }
    }

    fn settle(&mut self, marks: &Marks) {
        for generation in 0..2 {
            if marks.handed[generation] > 0 {
                self.consumer.handed(generation, marks.handed[generation]);
                self.handed += marks.handed[generation];
            }
        }
        if marks.sample_ms > 0.0 {
            self.consumer.sampled(from_ms(marks.sample_ms));
        }
        let mut busy = from_ms(marks.busy_ms);
        for generation in 0..2 {
            if marks.processed[generation] > 0 || !busy.is_zero() {
                self.consumer.processed(generation, marks.processed[generation], std::mem::take(&mut busy));
            }
            if marks.failed[generation] > 0 {
                self.consumer.failed(generation, marks.failed[generation]);
            }
        }
        if self.handed == self.given.iter().map(|delivery| delivery.batch.len()).sum() {
            self.given.clear();
            self.handed = 0;
        }
    }

    /// Fills the chunk with what is there and goes together, so that one call serves several batches.
    fn take(&mut self, mut chunk: Chunk<'_>) -> i32 {
        self.large = Large::None;
        let mut generation = None;
        let most = self.consumer.most(usize::MAX);
        while chunk.count() < most {
            let mut delivery = match self.next(&chunk) {
                Poll::Ready(Ok(delivery)) => delivery,
                // Where something was taken, the end comes with the next call.
                _ if chunk.count() > 0 => break,
                Poll::Ready(Err(ReceiveError::Closed)) => return ENDED,
                Poll::Ready(Err(ReceiveError::Aborted)) => return ABORTED,
                Poll::Pending => return NOTHING,
            };
            let fitting = chunk.fit(&delivery.batch);
            if fitting == 0 || generation.is_some_and(|generation| generation != delivery.generation) {
                self.rest = Some(delivery);
                break;
            }
            generation = Some(delivery.generation);
            let part = delivery.batch.split_front(fitting);
            self.large.add(chunk.add(&part));
            self.given.push(Delivery { batch: part, generation: delivery.generation });
            if !delivery.batch.is_empty() {
                self.rest = Some(delivery);
            }
        }
        chunk.finish(generation.unwrap_or_default())
    }

    fn next(&mut self, chunk: &Chunk<'_>) -> Poll<std::result::Result<Delivery<Items>, ReceiveError>> {
        if let Some(delivery) = self.rest.take() {
            return Poll::Ready(Ok(delivery));
        }
        if chunk.room() < WORTH_TAKING {
            return Poll::Pending;
        }
        if chunk.count() > 0 {
            return self
                .consumer
                .try_take(self.consumer.most(chunk.room()))
                .map_or(Poll::Pending, |delivery| Poll::Ready(Ok(delivery)));
        }
        let most = self.consumer.most(chunk.room());
        self.consumer.poll_take(&mut Context::from_waker(&self.waker), most)
    }

    fn end(&mut self) {
        let mut handed = std::mem::take(&mut self.handed);
        for Delivery { mut batch, generation } in self.given.drain(..).chain(self.rest.take()) {
            let seen = handed.min(batch.len());
            handed -= seen;
            let unseen = batch.split_off(seen);
            if !unseen.is_empty() {
                self.consumer.returned(generation, unseen);
            }
        }
        self.consumer.ended();
    }
}

/// Settles what the chunk's marks say, then calls `then`, if the system has a callback consumer with a chunk.
fn with_callback<T>(system: u32, then: impl FnOnce(&mut Callback, Chunk<'_>) -> T) -> Result<Option<T>> {
    let entry = registry::system(system)?;
    let mut callback = lock(&entry.callback);
    let Some(callback) = &mut *callback else { return Ok(None) };
    let Some(mut memory) = callback.memory.take() else { return Ok(None) };
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    let mut chunk = Chunk::new(unsafe { memory.as_mut() });
    let marks = chunk.take_marks();
    callback.settle(&marks);
    let outcome = then(callback, chunk);
    callback.memory = Some(memory);
    Ok(Some(outcome))
}

/// The chunk is kept, so that the calls that follow, which are many, need not look at an array each time.
#[napi(catch_unwind)]
pub fn attach_items(system: u32, mut chunk: Uint8Array) -> Result<()> {
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    Chunk::new(unsafe { chunk.as_mut() });
    if let Some(callback) = &mut *lock(&registry::system(system)?.callback) {
        callback.memory = Some(chunk);
    }
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_items(system: u32) -> Result<i32> {
    Ok(with_callback(system, Callback::take)?.unwrap_or(ABORTED))
}

/// The labels of the items that were taken last.
#[napi(catch_unwind)]
pub fn take_item_labels(system: u32) -> Result<NativeLabels> {
    let entry = registry::system(system)?;
    let callback = lock(&entry.callback);
    let given = callback.iter().flat_map(|callback| &callback.given);
    Ok(NativeLabels::of(given.flat_map(|delivery| labels_in(&delivery.batch))))
}

#[napi(catch_unwind)]
pub fn report_items(system: u32) -> Result<()> {
    with_callback(system, |_, _| ())?;
    Ok(())
}

#[napi(catch_unwind)]
pub fn end_items(system: u32) -> Result<()> {
    with_callback(system, |callback, _| callback.end())?;
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_large_items(system: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    let entry = registry::system(system)?;
    let mut callback = lock(&entry.callback);
    Ok(callback.as_mut().map_or_else(|| Large::None.take(), |callback| callback.large.take()))
}

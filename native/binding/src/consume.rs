//! Items for a JavaScript function, and what became of them.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use millrace_core::system::{Delivery, ExternalConsumer};
use millrace_core::{Batch, Collect, Items, ReceiveError};
use napi::bindgen_prelude::{Uint8Array, Uint8ArraySlice};
use napi_derive::napi;

use crate::chunk::{Chunk, INLINE_BYTES, ITEMS, Marks, bytes_of, take_part};
use crate::environment::{Environment, Ready, lock};
use crate::error::Result;
use crate::registry;

/// What a take says where it gives no items. Shared with src/binding.ts.
pub const NOTHING: i32 = 0;
pub const ENDED: i32 = -1;
pub const ABORTED: i32 = -2;

/// The consumer of a system whose handler is a JavaScript function.
pub struct Callback {
    consumer: ExternalConsumer<Items, Items>,
    waker: Waker,
    /// Taken, and not yet given to JavaScript: all of one generation, and then some of the other.
    rest: Items,
    next: Option<Delivery<Items>>,
    /// Given to JavaScript; the first `handed` of them went to the handler.
    given: Items,
    handed: usize,
    generation: usize,
    /// The bytes of the last chunk, where they did not fit it.
    large: Option<Vec<u8>>,
}

impl Callback {
    pub fn new(consumer: ExternalConsumer<Items, Items>, environment: Arc<Environment>, system: u32) -> Self {
        Callback {
            consumer,
            waker: Waker::from(Arc::new(ItemsWaker { environment, system })),
            rest: Items::default(),
            next: None,
            given: Items::default(),
            handed: 0,
            generation: 0,
            large: None,
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
        if self.handed == self.given.len() {
            self.given = Items::default();
            self.handed = 0;
        }
    }

    fn take(&mut self, chunk: &mut Chunk<'_>) -> i32 {
        if self.rest.is_empty()
            && let Some(Delivery { batch, generation }) = self.next.take()
        {
            self.rest = batch;
            self.generation = generation;
        }
        if self.rest.is_empty() {
            match self.consumer.poll_take(&mut Context::from_waker(&self.waker), ITEMS) {
                Poll::Ready(Ok(Delivery { batch, generation })) => {
                    self.rest = batch;
                    self.generation = generation;
                    self.take_more();
                }
                Poll::Ready(Err(ReceiveError::Closed)) => return ENDED,
                Poll::Ready(Err(ReceiveError::Aborted)) => return ABORTED,
                Poll::Pending => return NOTHING,
            }
        }
        let part = take_part(&mut self.rest);
        let count = part.len().cast_signed() as i32;
        self.large = (!chunk.put(&part, self.generation)).then(|| bytes_of(&part));
        // Something is left of the last chunk only while JavaScript takes all there is without handing it over.
        self.given.append(part);
        count
    }

    /// Fills up the chunk with batches that are there, so that one call serves them all.
    fn take_more(&mut self) {
        while self.rest.len() < ITEMS && self.rest.byte_len() < INLINE_BYTES {
            // Nobody has to be woken: JavaScript asks again once it is through with these.
            let mut context = Context::from_waker(Waker::noop());
            match self.consumer.poll_take(&mut context, ITEMS - self.rest.len()) {
                Poll::Ready(Ok(Delivery { batch, generation })) if generation == self.generation => {
                    self.rest.append(batch);
                }
                Poll::Ready(Ok(delivery)) => {
                    self.next = Some(delivery);
                    return;
                }
                // An end comes again.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }
    fn end(&mut self) {
        let handed = std::mem::take(&mut self.handed);
        let unseen = std::mem::take(&mut self.given).split_off(handed);
        for items in [unseen, std::mem::take(&mut self.rest)] {
            if !items.is_empty() {
                self.consumer.returned(self.generation, items);
            }
        }
        if let Some(Delivery { batch, generation }) = self.next.take() {
            self.consumer.returned(generation, batch);
        }
        self.consumer.ended();
    }
}

struct ItemsWaker {
    environment: Arc<Environment>,
    system: u32,
}

impl Wake for ItemsWaker {
    fn wake(self: Arc<Self>) {
        self.environment.notify(Ready::Items(self.system));
    }
}

fn from_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

/// Settles what the chunk's marks say, then calls `then` with the consumer, if the system has one.
fn with_callback<T>(
    system: u32,
    memory: &mut Uint8ArraySlice<'_>,
    then: impl FnOnce(&mut Callback, &mut Chunk<'_>) -> T,
) -> Result<Option<T>> {
    let entry = registry::system(system)?;
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    let mut chunk = Chunk::new(unsafe { memory.as_mut() });
    let marks = chunk.take_marks();
    Ok(lock(&entry.callback).as_mut().map(|callback| {
        callback.settle(&marks);
        then(callback, &mut chunk)
    }))
}

#[napi(catch_unwind)]
pub fn take_items(system: u32, mut chunk: Uint8ArraySlice) -> Result<i32> {
    Ok(with_callback(system, &mut chunk, Callback::take)?.unwrap_or(ABORTED))
}

#[napi(catch_unwind)]
pub fn report_items(system: u32, mut chunk: Uint8ArraySlice) -> Result<()> {
    with_callback(system, &mut chunk, |_, _| ())?;
    Ok(())
}

#[napi(catch_unwind)]
pub fn end_items(system: u32, mut chunk: Uint8ArraySlice) -> Result<()> {
    with_callback(system, &mut chunk, |callback, _| callback.end())?;
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_large_items(system: u32) -> Result<Uint8Array> {
    let entry = registry::system(system)?;
    let large = lock(&entry.callback).as_mut().and_then(|callback| callback.large.take());
    Ok(large.unwrap_or_default().into())
}

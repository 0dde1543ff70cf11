//! Items for a JavaScript function one at a time, each settled by itself: they may be tried again.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use millrace_core::system::{Fate, LeasedConsumer};
use millrace_core::{Batch, Items, ReceiveError};
use napi::bindgen_prelude::{Either, Float64ArraySlice, Uint8Array, Uint8ArraySlice};
use napi_derive::napi;

use crate::chunk::Chunk;
use crate::consume::{ABORTED, ENDED, NOTHING};
use crate::environment::{Environment, lock};
use crate::error::{NativeFailure, Result};
use crate::label::NativeLabel;
use crate::large::Large;
use crate::outcome::epoch_ms;
use crate::registry;

/// The consumer of a system whose handler is a JavaScript function, where items are leased.
pub struct Leased {
    consumer: LeasedConsumer<Items, Items>,
    waker: Waker,
    /// The bytes of the last item, where they did not fit the chunk.
    large: Large,
}

impl Leased {
    pub fn new(consumer: LeasedConsumer<Items, Items>, environment: &Arc<Environment>, system: u32) -> Self {
        let waker = environment.items_waker(system);
        Leased { consumer, waker, large: Large::None }
    }

    fn take(&mut self, mut chunk: Chunk<'_>, row: &mut [f64]) -> i32 {
        self.large = Large::None;
        let number = match self.consumer.poll_take(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Ok(number)) => number,
            Poll::Ready(Err(ReceiveError::Closed)) => return ENDED,
            Poll::Ready(Err(ReceiveError::Aborted)) => return ABORTED,
            Poll::Pending => return NOTHING,
        };
        let Some((items, attempt)) = self.consumer.item(number) else { return NOTHING };
        row[0] = f64::from(number);
        row[1] = f64::from(attempt);
        row[2] = items.tag(0) as f64;
        self.large = chunk.add(items);
        chunk.finish(0)
    }
}

/// What became of an item that failed: `delay` in ms where it is tried again. Times are in ms since the epoch.
#[napi(object)]
pub struct NativeFate {
    pub delay: Option<f64>,
    pub attempts: u32,
    pub deaths: u32,
    pub first_at: f64,
    pub last_at: f64,
}

fn with<T>(system: u32, then: impl FnOnce(&mut Leased) -> T) -> Result<Option<T>> {
    let entry = registry::system(system)?;
    Ok(lock(&entry.leased).as_mut().map(then))
}

/// Takes one item into the chunk; returns 1 or a `Take`. `row` gets its number, which attempt it is, and its tag.
#[napi(catch_unwind)]
pub fn take_leased_item(system: u32, mut chunk: Uint8ArraySlice, mut row: Float64ArraySlice) -> Result<i32> {
    // SAFETY: the arrays are ours, and JavaScript does nothing with them during this call.
    let (chunk, row) = (Chunk::new(unsafe { chunk.as_mut() }), unsafe { row.as_mut() });
    Ok(with(system, |leased| leased.take(chunk, row))?.unwrap_or(ABORTED))
}

#[napi(catch_unwind)]
pub fn take_large_leased_item(system: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    Ok(with(system, |leased| leased.large.take())?.unwrap_or_else(|| Large::None.take()))
}

/// The label of an item in hand, if it has one.
#[napi(catch_unwind)]
pub fn leased_item_label(system: u32, number: u32) -> Result<Option<NativeLabel>> {
    let label = with(system, |leased| {
        let (items, _) = leased.consumer.item(number)?;
        items.label(0).map(|label| NativeLabel::from(&**label))
    })?;
    Ok(label.flatten())
}

/// Item `first` and those after it, `count` in all, are about to be handled together.
#[napi(catch_unwind)]
pub fn begin_leased_batch(system: u32, first: u32, count: u32) -> Result<()> {
    with(system, |leased| leased.consumer.begun_together(first, count))?;
    Ok(())
}

#[napi(catch_unwind)]
pub fn settle_leased_item(system: u32, number: u32) -> Result<()> {
    with(system, |leased| leased.consumer.processed(number))?;
    Ok(())
}

/// The attempt at an item failed. Null where it was settled before.
#[napi(catch_unwind)]
pub fn fail_leased_item(system: u32, number: u32, failure: NativeFailure) -> Result<Option<NativeFate>> {
    let fate = with(system, |leased| leased.consumer.failed(number, failure.into()))?.flatten();
    Ok(fate.map(|fate| match fate {
        Fate::Retried(delay) => {
            let delay = Some(delay.as_secs_f64() * 1000.0);
            NativeFate { delay, attempts: 0, deaths: 0, first_at: 0.0, last_at: 0.0 }
        }
        Fate::GivenUp(letter) => NativeFate {
            delay: None,
            attempts: letter.attempts,
            deaths: letter.deaths,
            first_at: epoch_ms(letter.first),
            last_at: epoch_ms(letter.last),
        },
    }))
}

/// The end.
#[napi(catch_unwind)]
pub fn end_leased_items(system: u32) -> Result<()> {
    with(system, |leased| leased.consumer.ended())?;
    Ok(())
}

//! Items for a handler in a worker, and what became of them. The worker claims items and notes its results in memory
//! that this side reads, so that none of that is lost with it.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use millrace_core::channel::ClaimWord;
use millrace_core::system::{WorkerBatch, WorkerConsumer};
use millrace_core::{Batch, Items, KindNumbers, Label, ReceiveError};
use napi::bindgen_prelude::{Either, Uint8Array, Uint32Array};
use napi_derive::napi;

use crate::chunk::{Chunk, from_ms};
use crate::consume::{ABORTED, ALONE, ENDED, NOTHING};
use crate::environment::{Environment, lock};
use crate::error::{NativeFailure, Result, columns_error};
use crate::label::{NativeLabels, labels_in};
use crate::large::Large;
use crate::outbox::{Notes, Outbox};
use crate::registry;

/// A worker's consumer, as its environment holds it.
pub struct Worker {
    pub environment: Arc<Environment>,
    pub system: u32,
    state: Mutex<Option<State>>,
}

struct State {
    // Dropped before the memory that its word is in.
    consumer: WorkerConsumer<Items, Items>,
    waker: Waker,
    /// The bytes of the last chunk, where they did not fit it.
    large: Large,
    /// The labels of its items, where there are some.
    labels: Vec<Option<Arc<Label>>>,
    chunk: Uint8Array,
    outbox: Outbox,
    _claims: Uint32Array,
}

impl Worker {
    /// The environment ends. What was noted in the memory counts.
    pub fn close(&self) {
        if let Some(mut state) = lock(&self.state).take() {
            // A worker that is terminated may have stopped in the middle of a note: that one is not counted.
            let _ = state.settle();
        }
    }

    /// Looks after what is done and was not told: the worker may be busy with one item for long. From any thread.
    pub fn tick(&self) {
        // Where the worker is in a call, it sees to that itself.
        if let Ok(mut state) = self.state.try_lock()
            && let Some(state) = &mut *state
            && let Ok(notes) = state.outbox.read()
        {
            state.settle_notes(notes);
            state.consumer.tell();
        }
    }

    fn with<T>(&self, then: impl FnOnce(&mut State) -> Result<T>) -> Result<Option<T>> {
        lock(&self.state).as_mut().map(then).transpose()
    }
}

impl State {
    /// Settles what the outbox says. On the worker's own thread.
    fn settle(&mut self) -> Result<()> {
        let notes = self.outbox.take()?;
        self.settle_notes(notes);
        Ok(())
    }

    fn settle_notes(&mut self, notes: Notes) {
        self.consumer.claimed();
        if notes.sample_ms > 0.0 {
            self.consumer.sampled(from_ms(notes.sample_ms));
        }
        let count = notes.has_result.len();
        if count > 0 || notes.busy_ms > 0.0 {
            let busy = from_ms(notes.busy_ms);
            self.consumer.processed(count, busy, notes.results, |index| notes.has_result[index]);
        }
    }

    /// Fills the chunk with up to `max` items; with `fresh`, with none that is tried again.
    fn take(&mut self, max: usize, fresh: bool) -> i32 {
        // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
        let mut chunk = Chunk::new(unsafe { self.chunk.as_mut() });
        let max = self.consumer.most(max.clamp(1, chunk.room()));
        self.large = Large::None;
        self.labels.clear();
        let mut batches: Vec<WorkerBatch<Items>> = Vec::new();
        let mut attempt = 1;
        while chunk.count() < max {
            let room = max - chunk.count();
            let taken = if batches.is_empty() {
                match self.consumer.poll_take(&mut Context::from_waker(&self.waker), room) {
                    Poll::Ready(Ok(batch)) => batch,
                    Poll::Ready(Err(ReceiveError::Closed)) => return ENDED,
                    Poll::Ready(Err(ReceiveError::Aborted)) => return ABORTED,
                    Poll::Pending => return NOTHING,
                }
            } else {
                match self.consumer.try_take(room) {
                    Some(batch) => batch,
                    None => break,
                }
            };
            // It may be what an earlier worker died of.
            if taken.attempt() > 1 && (fresh || !batches.is_empty()) {
                self.consumer.put_back(taken);
                if batches.is_empty() {
                    return ALONE;
                }
                break;
            }
            attempt = taken.attempt();
            let mut rest = taken;
            let fitting = chunk.fit(rest.items());
            if fitting == 0 {
                self.consumer.put_back(rest);
                break;
            }
            let part = if fitting == rest.items().len() { None } else { Some(rest.split_front(fitting)) };
            let (batch, left) = match part {
                Some(part) => (part, Some(rest)),
                None => (rest, None),
            };
            self.large.add(chunk.add(batch.items()));
            batches.push(batch);
            if let Some(left) = left {
                self.consumer.put_back(left);
                break;
            }
            if attempt > 1 {
                break;
            }
        }
        // From then on an idle worker may take items away.
        if batches.iter().any(|batch| batch.items().has_labels()) {
            self.labels = batches.iter().flat_map(|batch| labels_in(batch.items())).map(Option::<&_>::cloned).collect();
        }
        let count = chunk.finish_for_worker(self.consumer.collects(), attempt);
        self.consumer.publish(batches);
        count
    }
}

/// Makes this environment the worker in place `index` of a system, by the name of `thread` in failures; `null` where that
/// place is not vacant. The arrays
/// are kept, and read when the environment ends; the one element of `claims` is used by `Atomics` alone.
#[napi(catch_unwind)]
pub fn attach_worker(
    environment: u32,
    system: u32,
    index: u32,
    thread: u32,
    mut chunk: Uint8Array,
    outbox: Uint8Array,
    mut claims: Uint32Array,
) -> Result<Option<u32>> {
    let environment = registry::environment(environment)?;
    let entry = registry::system(system)?;
    // SAFETY: the arrays are ours, and JavaScript does nothing with them during this call.
    let word = unsafe {
        Chunk::new(chunk.as_mut());
        NonNull::from(&mut claims.as_mut()[0])
    };
    let outbox = Outbox::new(outbox);
    // SAFETY: aligned as an element of its array is, and in memory that the state keeps until the consumer is dropped.
    let word = unsafe { ClaimWord::new(word) };
    let Some(consumer) = entry.system.worker_consumer(index as usize, thread, word) else { return Ok(None) };
    let worker = registry::next_handle();
    let waker = environment.items_waker(worker);
    let state = State { consumer, waker, large: Large::None, labels: Vec::new(), chunk, outbox, _claims: claims };
    registry::add_worker(worker, Arc::new(Worker { environment, system, state: Mutex::new(Some(state)) }));
    Ok(Some(worker))
}

/// Settles what the outbox says, then fills the chunk with up to `max` items; returns how many, or why none. With `fresh`,
/// for a worker that has some already, none of them is tried again.
#[napi(catch_unwind)]
pub fn take_work(worker: u32, max: u32, fresh: bool) -> Result<i32> {
    let taken = registry::worker(worker)?.with(|state| {
        state.settle()?;
        Ok(state.take(max as usize, fresh))
    })?;
    Ok(taken.unwrap_or(ABORTED))
}

/// Settles what the outbox says, and tells of results that were held back.
#[napi(catch_unwind)]
pub fn report_work(worker: u32) -> Result<()> {
    registry::worker(worker)?.with(|state| {
        state.settle()?;
        state.consumer.tell();
        Ok(())
    })?;
    Ok(())
}

/// Settles what the outbox says, and then the next item with a result that does not fit there.
#[napi(catch_unwind)]
pub fn settle_large_work(worker: u32, kind: u8, bytes: &[u8], length: u32) -> Result<()> {
    let bytes = &bytes[..length as usize];
    let result =
        Items::copy_blobs(bytes, &[length], KindNumbers::One(kind)).map_err(|refused| columns_error(&refused))?;
    registry::worker(worker)?.with(|state| {
        state.settle()?;
        state.consumer.processed(1, Duration::ZERO, result, |_| true);
        Ok(())
    })?;
    Ok(())
}

/// Settles what the outbox says, and then the next item as failed.
#[napi(catch_unwind)]
pub fn fail_work(worker: u32, failure: NativeFailure) -> Result<()> {
    registry::worker(worker)?.with(|state| {
        state.settle()?;
        state.consumer.failed(failure.into());
        Ok(())
    })?;
    Ok(())
}

/// The bytes of the items that were taken last, where they did not fit the chunk.
#[napi(catch_unwind)]
pub fn take_large_work(worker: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    let large = registry::worker(worker)?.with(|state| Ok(state.large.take()))?;
    Ok(large.unwrap_or_else(|| Large::None.take()))
}

/// The labels of the items that were taken last.
#[napi(catch_unwind)]
pub fn take_work_labels(worker: u32) -> Result<NativeLabels> {
    let labels = registry::worker(worker)?.with(|state| Ok(std::mem::take(&mut state.labels)))?.unwrap_or_default();
    Ok(NativeLabels::of(labels.iter().map(Option::as_ref)))
}

/// Settles what the outbox says. The end of this worker's consumer: what it has begun is given up.
#[napi(catch_unwind)]
pub fn end_work(worker: u32) -> Result<()> {
    let Some(entry) = registry::remove_worker(worker) else { return Ok(()) };
    if let Some(mut state) = lock(&entry.state).take() {
        state.settle()?;
        state.consumer.end();
    }
    Ok(())
}

/// Whether items are queued of which none can be handled before another one of its key is settled.
#[napi(catch_unwind)]
pub fn is_parked(system: u32) -> Result<bool> {
    Ok(registry::system(system)?.system.is_parked())
}

/// Whether a place without a worker needs one.
#[napi(catch_unwind)]
pub fn needs_worker(system: u32, index: u32) -> Result<bool> {
    Ok(registry::system(system)?.system.needs_worker(index as usize))
}

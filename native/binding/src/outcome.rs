//! What native consumers made of items: results, replies to `run()`, and dead letters.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_core::system::{DeadLetter, Reply};
use millrace_core::{Batch, Channel, Collect, Items, TryReceiveError, channel::Receiving};
use napi::bindgen_prelude::{Either, Uint8Array, Uint8ArraySlice};
use napi_derive::napi;

use crate::chunk::{Chunk, ITEMS};
use crate::consume::{ENDED, NOTHING};
use crate::environment::{Environment, Ready, lock};
use crate::error::{NativeFailure, Result, state_error};
use crate::items::{NativeItems, in_parts};
use crate::large::Large;
use crate::registry;

/// Items on their way to JavaScript, a chunk at a time.
#[derive(Default)]
pub struct Outbox {
    rest: Items,
    /// The bytes of the last chunk, where they did not fit it.
    large: Large,
}

impl Outbox {
    fn give(&mut self, mut chunk: Chunk<'_>) -> i32 {
        let part = self.rest.split_front(chunk.fit_owned(&self.rest));
        self.large = chunk.add_owned(part);
        chunk.finish(0)
    }

    fn take_large(&mut self) -> Either<Uint8Array, Vec<Uint8Array>> {
        self.large.take()
    }
}

/// The reader of a system's results.
pub struct Results {
    channel: Channel<Items>,
    receiving: Receiving<Items>,
    waker: Waker,
    outbox: Outbox,
}

struct ResultsWaker {
    environment: Arc<Environment>,
    system: u32,
}

impl Wake for ResultsWaker {
    fn wake(self: Arc<Self>) {
        self.environment.notify(Ready::Results(self.system));
    }
}

impl Results {
    fn take(&mut self, chunk: Chunk<'_>, wait: bool) -> i32 {
        if self.outbox.rest.is_empty() {
            let polled = if wait {
                Pin::new(&mut self.receiving).poll(&mut Context::from_waker(&self.waker)).map_err(TryReceiveError::from)
            } else {
                Poll::Ready(self.channel.try_receive(ITEMS))
            };
            match polled {
                Poll::Ready(Ok(results)) => self.outbox.rest = results,
                Poll::Ready(Err(TryReceiveError::Empty)) | Poll::Pending => return NOTHING,
                Poll::Ready(Err(_)) => return ENDED,
            }
        }
        self.outbox.give(chunk)
    }
}

/// Replies that were taken from the system and not yet by JavaScript.
#[derive(Default)]
pub struct Replies {
    results: Outbox,
    failures: Vec<NativeReplyFailure>,
}

impl Replies {
    fn add(&mut self, Reply { tags, outcome }: Reply<Items>) {
        match outcome {
            Ok(mut results) => {
                for (index, tag) in tags.into_iter().enumerate() {
                    results.set_id(index, tag);
                }
                self.results.rest.append(results);
            }
            Err(failure) => {
                let failures =
                    tags.into_iter().map(|tag| NativeReplyFailure { tag: tag as f64, failure: failure.clone().into() });
                self.failures.extend(failures);
            }
        }
    }
}

/// A `run()` whose item failed natively.
#[napi(object)]
pub struct NativeReplyFailure {
    pub tag: f64,
    pub failure: NativeFailure,
}

/// Natively failed items. Times are in ms since the epoch.
#[napi(object)]
pub struct NativeDeadLetter {
    pub items: Vec<NativeItems>,
    pub failure: NativeFailure,
    pub attempts: u32,
    pub deaths: u32,
    pub first_at: f64,
    pub last_at: f64,
}

impl From<DeadLetter<Items>> for NativeDeadLetter {
    fn from(letter: DeadLetter<Items>) -> Self {
        NativeDeadLetter {
            items: in_parts(letter.items),
            failure: letter.failure.into(),
            attempts: letter.attempts,
            deaths: letter.deaths,
            first_at: epoch_ms(letter.first),
            last_at: epoch_ms(letter.last),
        }
    }
}

pub fn epoch_ms(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64
}

#[napi(catch_unwind)]
pub fn want_results(system: u32) -> Result<()> {
    let entry = registry::system(system)?;
    let channel = entry.system.want_results().map_err(state_error)?;
    let waker = ResultsWaker { environment: Arc::clone(&entry.environment), system };
    *lock(&entry.results) = Some(Results {
        receiving: channel.receive_async(ITEMS),
        channel,
        waker: Waker::from(Arc::new(waker)),
        outbox: Outbox::default(),
    });
    Ok(())
}

/// Sends results into a channel, which is closed with the system where `close` says so.
#[napi(catch_unwind)]
pub fn send_results_to(system: u32, channel: u32, close: bool) -> Result<()> {
    let channel = registry::attachment(channel)?.entry.channel.clone();
    registry::system(system)?.system.send_results_to(channel, close).map_err(state_error)
}

#[napi(catch_unwind)]
pub fn take_results(system: u32, mut chunk: Uint8ArraySlice, wait: bool) -> Result<i32> {
    let entry = registry::system(system)?;
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    let chunk = Chunk::new(unsafe { chunk.as_mut() });
    Ok(lock(&entry.results).as_mut().map_or(ENDED, |results| results.take(chunk, wait)))
}

#[napi(catch_unwind)]
pub fn take_large_results(system: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    let entry = registry::system(system)?;
    Ok(lock(&entry.results).as_mut().map_or_else(|| Large::None.take(), |results| results.outbox.take_large()))
}

#[napi(catch_unwind)]
pub fn end_results(system: u32) -> Result<()> {
    let entry = registry::system(system)?;
    *lock(&entry.results) = None;
    entry.system.end_results();
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_replies(system: u32, mut chunk: Uint8ArraySlice) -> Result<i32> {
    let entry = registry::system(system)?;
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    let chunk = Chunk::new(unsafe { chunk.as_mut() });
    let mut replies = lock(&entry.replies);
    if replies.results.rest.is_empty() {
        entry.system.take_replies().into_iter().for_each(|reply| replies.add(reply));
    }
    if replies.results.rest.is_empty() {
        return Ok(NOTHING);
    }
    Ok(replies.results.give(chunk))
}

#[napi(catch_unwind)]
pub fn take_large_replies(system: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    let entry = registry::system(system)?;
    let large = lock(&entry.replies).results.take_large();
    Ok(large)
}

#[napi(catch_unwind)]
pub fn take_reply_failures(system: u32) -> Result<Vec<NativeReplyFailure>> {
    let entry = registry::system(system)?;
    let failures = std::mem::take(&mut lock(&entry.replies).failures);
    Ok(failures)
}

/// JavaScript keeps so many more dead letters, or fewer, than it took.
#[napi(catch_unwind)]
pub fn keep_dead_letters(system: u32, change: i32) -> Result<()> {
    registry::system(system)?.system.keep_dead_letters(change as isize);
    Ok(())
}

#[napi(catch_unwind)]
pub fn watch_dead_letters(system: u32, watched: bool) -> Result<()> {
    registry::system(system)?.system.watch_dead_letters(watched);
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_dead_letters(system: u32) -> Result<Vec<NativeDeadLetter>> {
    let letters = registry::system(system)?.system.take_dead_letters();
    Ok(letters.into_iter().map(NativeDeadLetter::from).collect())
}

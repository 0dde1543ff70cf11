//! Sends from outside that don't wait: without room, the system's channel drops items, or refuses.

use super::envelope::Envelope;
use super::inner::Inner;
use super::sending::{SendCount, unseal_try};
use super::{ExternalConsumer, Port, WorkerConsumer};
use crate::batch::{Batch, Collect};
use crate::channel::{Dropped, Overflow, TrySendError};
use crate::failure::Failure;

impl<B: Collect, R: Collect> Port<B, R> {
    /// What the system's options say of sends that find no room.
    pub fn overflow(&self) -> Overflow {
        self.inner().channel.overflow()
    }

    /// As [`Channel::offer`](crate::Channel::offer) in the order of this port; with `from_source` as
    /// [`source_send`](Port::source_send) where the system drains. What is dropped is produced and discarded; who waits
    /// for its result gets a failure with the code `ERR_MILLRACE_FULL`.
    ///
    /// # Errors
    /// As there.
    pub fn offer(&self, batch: B, from_source: bool, mut dropped: impl FnMut(B)) -> Result<(), TrySendError<B>> {
        let inner = self.inner();
        if inner.refuses() && !from_source && !batch.is_empty() {
            return Err(TrySendError::Closed(batch));
        }
        let (count, envelope) = SendCount::begin(inner, batch);
        let outcome = self.producer().offer_counted(envelope, |item| dropped(inner.dropped(item))).map_err(unseal_try);
        let refused = match &outcome {
            Ok(()) => 0,
            Err(TrySendError::Full(rest) | TrySendError::Closed(rest) | TrySendError::Aborted(rest)) => rest.len(),
        };
        count.end(inner, refused);
        inner.check_idle();
        outcome
    }
}

impl<B: Collect, R: Collect> Inner<B, R> {
    fn most(&self, max: usize) -> usize {
        if self.channel.overflow() == Overflow::DropOldest { 1 } else { max }
    }

    /// Settles what was dropped.
    fn dropped(&self, item: Dropped<Envelope<B>>) -> B {
        let outside = &self.counters.outside;
        let Envelope { batch, generation, .. } = match item {
            Dropped::Oldest(envelope) => envelope,
            Dropped::Newest(envelope) => {
                outside.produced.add_shared(envelope.len() as u64);
                envelope
            }
        };
        let n = batch.len() as u64;
        self.counters.discarded.add_shared(n);
        // Neither will be handled, which is all that matters to who waits for the settlement of everything.
        outside.refused[generation].add_shared(n);
        if batch.is_tagged() {
            let tags: Vec<_> = (0..batch.len()).map(|index| batch.tag(index)).filter(|tag| *tag != 0).collect();
            if !tags.is_empty() {
                let message = "expected room for the item in the channel, got a full one that dropped it";
                self.reply(tags, Err(Failure::new("ERR_MILLRACE_FULL", message)));
            }
        }
        batch
    }
}

impl<B: Collect, R: Collect> ExternalConsumer<B, R> {
    /// How many items to take at most where `max` could be: 1 where the oldest are to make room, because what a handler has
    /// not seen and holds can't.
    pub fn most(&self, max: usize) -> usize {
        self.inner().most(max)
    }
}

impl<B: Collect, R: Collect> WorkerConsumer<B, R> {
    /// As [`ExternalConsumer::most`].
    pub fn most(&self, max: usize) -> usize {
        self.inner().most(max)
    }
}

//! Sends from outside, in the order of one producer: each JavaScript environment has a port of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::envelope::Envelope;
use super::inner::Inner;
use super::sending::{SendCount, SystemSend, unseal_try};
use crate::batch::{Batch, Collect};
use crate::channel::{Producer, SendError, TrySendError};
use crate::sync::lock;

/// A producer of a system whose sends are futures, admitted in the order of the calls.
pub struct Port<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    entry: Arc<PortEntry<B>>,
}

/// A port, as its system knows it.
pub(super) struct PortEntry<B: Batch> {
    pub(super) producer: Producer<Envelope<B>>,
    /// Whether a consumer of the system has said that it waits for a send of this port.
    waits: AtomicBool,
}

impl<B: Collect> PortEntry<B> {
    /// Whether the consumer does wait: it may not have heard yet that its send was admitted.
    fn holds_consumer(&self) -> bool {
        self.waits.load(Ordering::Acquire) && self.producer.is_waiting()
    }
}

impl<B: Collect, R: Collect> Port<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>) -> Self {
        let entry = Arc::new(PortEntry { producer: inner.channel.producer(), waits: AtomicBool::new(false) });
        lock(&inner.ports).push(Arc::clone(&entry));
        Port { inner, entry }
    }

    pub(super) fn inner(&self) -> &Arc<Inner<B, R>> {
        &self.inner
    }

    pub(super) fn producer(&self) -> &Producer<Envelope<B>> {
        &self.entry.producer
    }

    /// Sends all of `batch` or nothing. Never waits.
    ///
    /// # Errors
    /// `Full` too while an earlier [`send`](Port::send) of this port waits.
    pub fn try_send(&self, batch: B) -> Result<(), TrySendError<B>> {
        if self.inner.refuses() && !batch.is_empty() {
            return Err(TrySendError::Closed(batch));
        }
        let (count, envelope) = SendCount::begin(&self.inner, batch);
        let outcome = self.entry.producer.try_send(envelope).map_err(unseal_try);
        let refused = match &outcome {
            Ok(()) => 0,
            Err(TrySendError::Full(batch) | TrySendError::Closed(batch) | TrySendError::Aborted(batch)) => batch.len(),
        };
        count.end(&self.inner, refused);
        outcome
    }

    /// Sends all of `batch` as a future. What is free is taken at once; the rest is admitted by whoever frees room.
    ///
    /// # Errors
    /// The batch comes back where the system takes no more.
    pub fn send(&self, batch: B) -> Result<SystemSend<B, R>, SendError<B>> {
        if self.inner.refuses() {
            return Err(SendError::Closed(batch));
        }
        Ok(self.source_send(batch))
    }

    /// As [`send`](Port::send), for the items of an external source: while the system drains, what the source had in
    /// hand is still taken.
    pub fn source_send(&self, batch: B) -> SystemSend<B, R> {
        let (count, envelope) = SendCount::begin(&self.inner, batch);
        let sending = self.entry.producer.send(envelope);
        SystemSend::new(Arc::clone(&self.inner), count, sending)
    }

    /// An item of an external source could not be sent: it is produced, and a dead letter that the caller keeps.
    pub fn reject(&self) {
        self.inner.counters.outside.produced.add_shared(1);
        self.inner.counters.outside.rejected.add_shared(1);
    }

    /// One of the system's consumers, which sends here, is about to wait for room in its channel. False where it is the only
    /// one, so that nobody would make any.
    pub fn begin_wait(&self) -> bool {
        let may_wait = self.inner.counters.consumers.len() > 1;
        self.entry.waits.store(may_wait, Ordering::Release);
        may_wait
    }

    /// To be asked by a consumer that waits: whether nobody is left to make room, as all consumers wait, or all that have items do
    /// and what is queued has the keys of those. It no longer counts as one that waits then, so of several who ask, one is told.
    pub fn end_wait_if_stuck(&self) -> bool {
        let consumers = &self.inner.counters.consumers;
        let at_work = consumers.iter().filter(|consumer| consumer.in_hand.load(Ordering::Acquire) > 0).count();
        let parked = self.inner.channel.is_parked();
        let ports = lock(&self.inner.ports);
        let waiting = ports.iter().filter(|entry| entry.holds_consumer()).count();
        let stuck = waiting >= consumers.len() || (at_work <= waiting && parked);
        if stuck {
            self.end_wait();
        }
        stuck
    }

    /// It waits no more.
    pub fn end_wait(&self) {
        self.entry.waits.store(false, Ordering::Release);
    }
}

impl<B: Collect, R: Collect> Drop for Port<B, R> {
    fn drop(&mut self) {
        let mut ports = lock(&self.inner.ports);
        ports.retain(|entry| !Arc::ptr_eq(entry, &self.entry));
        self.inner.counters.outside.produced.add_shared(self.entry.producer.admitted());
    }
}

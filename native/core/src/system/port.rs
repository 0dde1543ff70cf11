//! Sends from outside, in the order of one producer: each JavaScript environment has a port of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::envelope::Envelope;
use super::inner::Inner;
use super::sending::{SendCount, SystemSend, unseal_try};
use crate::batch::Collect;
use crate::channel::{Producer, SendError, TrySendError};
use crate::sync::lock;

/// A producer of a system whose sends are futures, admitted in the order of the calls.
pub struct Port<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    producer: Arc<Producer<Envelope<B>>>,
    /// How many of the system's consumers wait here.
    waiting: AtomicUsize,
}

impl<B: Collect, R: Collect> Port<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>) -> Self {
        let producer = Arc::new(inner.channel.producer());
        lock(&inner.ports).push(Arc::clone(&producer));
        Port { inner, producer, waiting: AtomicUsize::new(0) }
    }

    pub(super) fn inner(&self) -> &Arc<Inner<B, R>> {
        &self.inner
    }

    pub(super) fn producer(&self) -> &Producer<Envelope<B>> {
        &self.producer
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
        let outcome = self.producer.try_send(envelope).map_err(unseal_try);
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
        let sending = self.producer.send(envelope);
        SystemSend::new(Arc::clone(&self.inner), count, sending)
    }

    /// An item of an external source could not be sent: it is produced, and a dead letter that the caller keeps.
    pub fn reject(&self) {
        self.inner.counters.outside.produced.add_shared(1);
        self.inner.counters.outside.rejected.add_shared(1);
    }

    /// One of the system's consumers is about to wait for room in its channel. False where all others wait already, so
    /// that nobody would be left to make any.
    pub fn begin_wait(&self) -> bool {
        let before = self.inner.waiting_consumers.fetch_add(1, Ordering::AcqRel);
        if before + 1 >= self.inner.counters.consumers.len() {
            self.inner.waiting_consumers.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Whether all consumers that have items wait for room, and none of the items that take it can be handled before
    /// theirs are settled, so that nobody is left to make any.
    pub fn is_stuck(&self) -> bool {
        let consumers = &self.inner.counters.consumers;
        let at_work = consumers.iter().filter(|consumer| consumer.in_hand.load(Ordering::Acquire) > 0).count();
        at_work <= self.inner.waiting_consumers.load(Ordering::Acquire) && self.inner.channel.is_parked()
    }

    /// It waits no more.
    pub fn end_wait(&self) {
        let ended = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| waiting.checked_sub(1));
        if ended.is_ok() {
            self.inner.waiting_consumers.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl<B: Collect, R: Collect> Drop for Port<B, R> {
    fn drop(&mut self) {
        self.inner.waiting_consumers.fetch_sub(*self.waiting.get_mut(), Ordering::AcqRel);
        let mut ports = lock(&self.inner.ports);
        ports.retain(|producer| !Arc::ptr_eq(producer, &self.producer));
        self.inner.counters.outside.produced.add_shared(self.producer.admitted());
    }
}

//! Results of a worker on their way to their reader.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::inner::Inner;
use crate::alarm::{self, Ring};
use crate::batch::Collect;
use crate::channel::{Producer, Sending};

/// The longest that results are held back, to be told together: waking an event loop for each takes 60 to 80 µs of its
/// thread, which is as much of a core as a worker has.
const HOLD: Duration = Duration::from_millis(5);

/// Only items that take less are worth it.
const SHORT: Duration = Duration::from_millis(2);

pub(super) struct Outgoing<R: Collect> {
    producer: Option<Producer<R>>,
    held: R,
    /// Results that wait for room. Its worker takes no more items meanwhile, so there is one such send at the most, but for
    /// the last report of one that died.
    sending: Option<Sending<R>>,
}

impl<R: Collect> Outgoing<R> {
    pub(super) fn new(producer: Option<Producer<R>>) -> Self {
        Outgoing { producer, held: R::with_capacity(0), sending: None }
    }

    /// Whether no result waits for room; the waker is woken once that is so.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> bool {
        if self.sending.as_mut().is_some_and(|sending| Pin::new(sending).poll(cx).is_pending()) {
            return false;
        }
        self.sending = None;
        true
    }

    /// Hands results of items that took `busy` together to their reader, or keeps them for it.
    pub(super) fn keep<B: Collect>(&mut self, inner: &Arc<Inner<B, R>>, results: R, busy: Duration) {
        if results.is_empty() || self.producer.is_none() {
            return;
        }
        let is_alone = results.len() == 1 && busy < SHORT;
        let is_first = self.held.is_empty();
        self.held.append(results);
        if !(is_alone && self.are_unmissed(inner)) {
            self.tell();
        } else if is_first && !inner.told_soon.swap(true, Ordering::AcqRel) {
            let inner: Arc<dyn Ring> = inner.clone();
            alarm::set(Instant::now() + HOLD, Arc::downgrade(&inner));
        }
    }

    /// Whether there is more for the consumers to do than there are results held back, so that a reader who sends an item
    /// for each result keeps them all busy; and there is room for the results.
    fn are_unmissed<B: Collect>(&self, inner: &Inner<B, R>) -> bool {
        let consumers = inner.counters.consumers.len();
        self.held.len() * consumers <= inner.channel.len()
            && inner.results.get().is_some_and(|results| results.len() + self.held.len() < results.capacity())
    }

    /// Hands over what is held back. Never waits.
    pub(super) fn tell(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let held = std::mem::replace(&mut self.held, R::with_capacity(0));
        let Some(producer) = &self.producer else { return };
        if let Some(earlier) = self.sending.replace(producer.send(held)) {
            earlier.detach();
        }
        self.poll_sent(&mut Context::from_waker(Waker::noop()));
    }
}

impl<R: Collect> Drop for Outgoing<R> {
    fn drop(&mut self) {
        self.tell();
        if let Some(sending) = self.sending.take() {
            sending.detach();
        }
    }
}

/// Results have been held back for as long as they may be. What this misses, of a worker that is in a call right now, the
/// supervisor's next tick finds.
impl<B: Collect, R: Collect> Ring for Inner<B, R> {
    fn ring(&self) {
        self.told_soon.store(false, Ordering::Release);
        self.observer.tick();
    }
}

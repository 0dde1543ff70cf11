//! Results of a worker on their way to their reader.

use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::inner::Inner;
use crate::alarm::{self, Ring};
use crate::batch::Collect;
use crate::channel::{Producer, Sending};

/// How long results are held back at the least and at the most, to be told together: an event loop that wakes takes 60 to
/// 200 µs of a core that a worker could have (docs/performance.md).
const HOLD: RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_millis(50);

/// Between those it is one in so many parts of the time that what is queued will take, so that an item which waited for
/// long comes little later for it.
const SHARE: u32 = 8;

/// Only items that take less are worth it.
const SHORT: Duration = Duration::from_millis(2);

/// Whether workers of a system hold results back, and an alarm is set for it.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    workers: AtomicUsize,
    alarmed: AtomicBool,
}

impl Holding {
    /// Whether an alarm is to be set by the caller.
    fn wants_alarm(&self) -> bool {
        !self.alarmed.swap(true, Ordering::AcqRel)
    }
}

pub(super) struct Outgoing<R: Collect> {
    producer: Option<Producer<R>>,
    held: R,
    holding: Arc<Holding>,
    /// Results that wait for room. Its worker takes no more items meanwhile, so there is one such send at the most, but for
    /// the last report of one that died.
    sending: Option<Sending<R>>,
}

impl<R: Collect> Outgoing<R> {
    pub(super) fn new(producer: Option<Producer<R>>, holding: Arc<Holding>) -> Self {
        Outgoing { producer, held: R::with_capacity(0), holding, sending: None }
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
        if self.held.is_empty() {
            self.holding.workers.fetch_add(1, Ordering::AcqRel);
        }
        self.held.append(results);
        if !(is_alone && self.are_unmissed(inner)) {
            self.tell();
        } else if self.holding.wants_alarm() {
            let ahead = inner.channel.len() / inner.counters.consumers.len();
            let hold = (busy * ahead as u32 / SHARE).clamp(*HOLD.start(), *HOLD.end());
            let inner: Arc<dyn Ring> = inner.clone();
            alarm::set(Instant::now() + hold, Arc::downgrade(&inner));
        }
    }

    /// Whether there is more for the consumers to do than there are results held back, so that a reader who sends an item
    /// for each result keeps them all busy; and there is room for the results.
    fn are_unmissed<B: Collect>(&self, inner: &Inner<B, R>) -> bool {
        let consumers = inner.counters.consumers.len();
        self.held.len() * consumers <= inner.channel.len()
            && inner.results.get().is_some_and(|results| results.len() + self.held.len() < results.capacity())
    }

    /// Whether any is held back.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Hands over what is held back. Never waits.
    pub(super) fn tell(&mut self) {
        if self.held.is_empty() {
            return;
        }
        self.holding.workers.fetch_sub(1, Ordering::AcqRel);
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

impl<B: Collect, R: Collect> Ring for Inner<B, R> {
    /// Results have been held back for as long as they may be.
    fn ring(&self) -> Option<Duration> {
        // Who holds results back sees that no alarm is set, and sets one; or is seen below.
        self.holding.alarmed.swap(false, Ordering::AcqRel);
        self.observer.tick();
        // That misses a worker which is in a call right now.
        (self.holding.workers.load(Ordering::Acquire) > 0 && self.holding.wants_alarm()).then_some(*HOLD.start())
    }
}

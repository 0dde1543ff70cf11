//! A consumer outside that says of each item by itself what became of it: a JavaScript function whose items may be tried
//! again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use super::consumer::consumer_ended;
use super::counters::ConsumerCounts;
use super::envelope::{Envelope, History};
use super::inner::Inner;
use super::letters::DeadLetter;
use super::stats::ThreadState;
use crate::batch::Collect;
use crate::channel::{Keys, ReceiveError, Receiving};
use crate::failure::Failure;

/// What became of an item whose attempt failed.
#[derive(Debug)]
pub enum Fate<B> {
    /// It is tried again after this wait.
    Retried(Duration),
    /// It was given up, and is a dead letter that the caller keeps.
    GivenUp(DeadLetter<B>),
}

/// Takes items one at a time for a handler that the system does not run itself, as leases. None of its calls waits.
///
/// Each item that [`poll_take`](LeasedConsumer::poll_take) gives is handed over by then, and gets one of
/// [`processed`](LeasedConsumer::processed) and [`failed`](LeasedConsumer::failed). After the end, and once the last item
/// is settled, [`ended`](LeasedConsumer::ended).
pub struct LeasedConsumer<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    receiving: Receiving<Envelope<B>>,
    held: HashMap<u32, Held<B>>,
    last: u32,
    ended: bool,
}

struct Held<B> {
    envelope: Envelope<B>,
    began: SystemTime,
    /// For the time it takes.
    start: Instant,
    /// How many are handled together, which share that time.
    sharers: u32,
}

impl<B: Collect, R: Collect> LeasedConsumer<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>) -> Self {
        let receiving = inner.channel.receive_async(1);
        LeasedConsumer { inner, receiving, held: HashMap::new(), last: 0, ended: false }
    }

    fn counts(&self) -> &ConsumerCounts {
        &self.inner.counters.consumers[0]
    }

    /// Takes one item, which counts as handed over, or leaves the waker to be woken when there may be one. Gives a number
    /// for it.
    ///
    /// # Errors
    /// `Closed` at the end; `Aborted` after an abort, and when a stop is past its time-out.
    pub fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<u32, ReceiveError>> {
        let Poll::Ready(taken) = self.receiving.poll_take_leased(cx, 1) else {
            if self.inner.idle.check_before_wait(&self.inner.counters) {
                self.inner.observer.notify(super::Notice::Idle);
            }
            return Poll::Pending;
        };
        Poll::Ready(taken.map(|(envelope, permits)| self.accept(envelope, permits)))
    }

    fn accept(&mut self, envelope: Envelope<B>, permits: usize) -> u32 {
        if envelope.sent_at > 0 {
            let queued = self.inner.clock().saturating_sub(envelope.sent_at);
            self.counts().record(Some(queued), None);
        }
        self.last = self.last.wrapping_add(1);
        let held = Held { envelope, began: SystemTime::now(), start: Instant::now(), sharers: 1 };
        self.held.insert(self.last, held);
        // Before the permit is free: at no time the item is neither queued nor in hand.
        self.publish_in_hand();
        self.inner.channel.hand_over(permits);
        self.last
    }

    /// Item `number`, while it is not settled, and which attempt this is.
    pub fn item(&self, number: u32) -> Option<(&B, u32)> {
        let Envelope { batch, history, .. } = &self.held.get(&number)?.envelope;
        Some((batch, history.as_ref().map_or(0, |history| history.attempts) + 1))
    }

    /// Item `first` and those after it, `n` in all, are handled together from now on, and not since they were taken.
    pub fn begun_together(&mut self, first: u32, n: u32) {
        let (now, start) = (SystemTime::now(), Instant::now());
        for number in (0..n).map(|index| first.wrapping_add(index)) {
            if let Some(held) = self.held.get_mut(&number) {
                (held.began, held.start, held.sharers) = (now, start, n);
            }
        }
    }

    /// It was handled with success. False where it was settled before.
    pub fn processed(&mut self, number: u32) -> bool {
        let Some(Held { envelope, start, sharers, .. }) = self.held.remove(&number) else { return false };
        self.counts().processed.add(1);
        self.took(start, sharers);
        self.settled(&envelope);
        true
    }

    /// Its attempt failed: it is tried again, or given up. Nothing where it was settled before.
    pub fn failed(&mut self, number: u32, failure: Failure) -> Option<Fate<B>> {
        let Held { mut envelope, began, start, sharers } = self.held.remove(&number)?;
        let history = History::after(envelope.history.as_deref(), began, false);
        self.counts().failed_attempts.add(1);
        self.took(start, sharers);
        let retry = self.inner.next_attempt(&failure, &history, || true);
        self.inner.attempt_failed(&envelope.batch, &failure, &history, retry);
        if let Some(delay) = retry {
            envelope.history = Some(Box::new(history));
            match self.inner.channel.return_lease(envelope, history.attempts + 1, delay) {
                Ok(()) => {
                    self.publish_in_hand();
                    return Some(Fate::Retried(delay));
                }
                Err(back) => envelope = back,
            }
        }
        self.counts().dead_lettered.add(1);
        self.settled(&envelope);
        let Envelope { batch, .. } = envelope;
        Some(Fate::GivenUp(DeadLetter::new(batch, failure, &history)))
    }

    /// It is over: the end came and everything is settled, or the environment is gone. What is not settled then is
    /// discarded.
    pub fn ended(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let n = self.held.len();
        self.held.clear();
        self.publish_in_hand();
        self.inner.counters.discarded.add_shared(n as u64);
        self.inner.channel.settle_leased(n);
        self.counts().phase.set(ThreadState::Ended);
        consumer_ended(&self.inner);
    }

    fn took(&self, start: Instant, sharers: u32) {
        let handling = start.elapsed() / sharers;
        self.counts().busy.add(handling.as_nanos() as u64);
        self.counts().record(None, Some(handling));
    }

    fn settled(&self, envelope: &Envelope<B>) {
        self.publish_in_hand();
        self.counts().settled[envelope.generation].add(1);
        self.inner.channel.free_keys(&Keys::of(envelope));
        self.inner.channel.settle_leased(1);
        self.inner.check_idle();
    }

    fn publish_in_hand(&self) {
        let in_hand = self.held.len() as u64;
        self.counts().in_hand.store(in_hand, Ordering::Release);
        self.counts().phase.set(if in_hand > 0 { ThreadState::Busy } else { ThreadState::Waiting });
    }
}

impl<B: Collect, R: Collect> Drop for LeasedConsumer<B, R> {
    fn drop(&mut self) {
        self.ended();
    }
}

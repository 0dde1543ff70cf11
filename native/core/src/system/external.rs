//! A consumer outside: a JavaScript function in some environment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use super::consumer::consumer_ended;
use super::counters::ConsumerCounts;
use super::envelope::Envelope;
use super::inner::Inner;
use super::stats::ThreadState;
use crate::batch::Collect;
use crate::channel::{Keys, ReceiveError, Receiving, TryReceiveError};

/// Items that went to a handler outside, and the generation that their settlement is counted in.
#[derive(Debug)]
pub struct Delivery<B> {
    /// The items.
    pub batch: B,
    /// 0 or 1; to be given back with every count of these items.
    pub generation: usize,
}

/// Takes items for a handler that the system does not run itself. None of its calls waits.
///
/// The order of calls: [`poll_take`](ExternalConsumer::poll_take), then [`handed`](ExternalConsumer::handed) as items
/// go to the handler, then one of `processed` and `failed` for each; `returned` for those that never went. After the
/// end, and once the last item is settled, [`ended`](ExternalConsumer::ended).
pub struct ExternalConsumer<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    receiving: Receiving<Envelope<B>>,
    /// Items whose permits are held, by generation.
    unseen: [u64; 2],
    /// When their sends began, or 0, and how many of each are left, in order.
    sends: VecDeque<(u64, u64)>,
    /// Items that the handler has, by generation.
    in_hand: [u64; 2],
    /// Keys of items that are not known to be settled. Counts don't say which items are, so they are freed together, once
    /// all are.
    keys: Keys,
    ended: bool,
}

/// Takes up to `n` out of `count` and says how many that were: a caller's wrong count must not upset the sums.
fn take_up_to(count: &mut u64, n: usize) -> u64 {
    let taken = (*count).min(n as u64);
    *count -= taken;
    taken
}

impl<B: Collect, R: Collect> ExternalConsumer<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>) -> Self {
        let receiving = inner.channel.receive_async(1);
        ExternalConsumer {
            inner,
            receiving,
            unseen: [0; 2],
            sends: VecDeque::new(),
            in_hand: [0; 2],
            keys: Keys::none(),
            ended: false,
        }
    }

    pub(super) fn inner(&self) -> &Inner<B, R> {
        &self.inner
    }

    fn counts(&self) -> &ConsumerCounts {
        &self.inner.counters.consumers[0]
    }

    /// Takes up to `max` items, or leaves the waker to be woken when there may be some. They count as queued until
    /// they are handed over.
    ///
    /// # Errors
    /// `Closed` at the end; `Aborted` after an abort, and when a stop is past its time-out.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Delivery<B>, ReceiveError>> {
        let Poll::Ready(taken) = self.receiving.poll_held(cx, max.max(1)) else {
            if self.inner.idle.check_before_wait(&self.inner.counters) {
                self.inner.observer.notify(super::Notice::Idle);
            }
            return Poll::Pending;
        };
        Poll::Ready(taken.map(|envelope| self.accept(envelope)))
    }

    /// As [`poll_take`](ExternalConsumer::poll_take), but leaves no waker: for a caller that has items already, and
    /// asks again when it is through with them.
    ///
    /// # Errors
    /// As there, and `Empty` where there is nothing for now, or where the channel has lanes: the next item is chosen when
    /// it can be handled.
    pub fn try_take(&mut self, max: usize) -> Result<Delivery<B>, TryReceiveError> {
        if self.inner.channel.has_lanes() {
            return Err(TryReceiveError::Empty);
        }
        self.inner.channel.try_take(max.max(1)).map(|envelope| self.accept(envelope))
    }

    fn accept(&mut self, envelope: Envelope<B>) -> Delivery<B> {
        self.keys.append(Keys::of(&envelope));
        let Envelope { batch, generation, sent_at, .. } = envelope;
        self.unseen[generation] += batch.len() as u64;
        self.sends.push_back((sent_at, batch.len() as u64));
        Delivery { batch, generation }
    }

    /// `n` taken items went to the handler: their permits are free. May be said a little later, for a small batch.
    pub fn handed(&mut self, generation: usize, n: usize) {
        let n = take_up_to(&mut self.unseen[generation], n);
        self.in_hand[generation] += n;
        self.publish_in_hand();
        self.inner.channel.hand_over(n as usize);
        if let Some(sent_at) = self.last_send(n) {
            self.counts().record(Some(self.inner.clock().saturating_sub(sent_at)), None);
        }
    }

    /// When the send of the last of the next `n` items began, or of those before it, as far as it was noted.
    fn last_send(&mut self, mut n: u64) -> Option<u64> {
        let mut last = None;
        while n > 0
            && let Some((sent_at, left)) = self.sends.front_mut()
        {
            if *sent_at > 0 {
                last = Some(*sent_at);
            }
            let taken = take_up_to(left, n as usize);
            n -= taken;
            if *left == 0 {
                self.sends.pop_front();
            }
        }
        last
    }

    /// `n` items were handled with success, in `busy` altogether.
    pub fn processed(&mut self, generation: usize, n: usize, busy: Duration) {
        let n = self.settle(generation, n);
        self.counts().processed.add(n);
        self.counts().busy.add(busy.as_nanos() as u64);
        self.inner.check_idle();
    }

    /// `n` items were given up: they are dead letters, which the caller keeps.
    pub fn failed(&mut self, generation: usize, n: usize) {
        let n = self.settle(generation, n);
        self.counts().failed_attempts.add(n);
        self.counts().dead_lettered.add(n);
        self.inner.check_idle();
    }

    /// A sample of the time from an item's hand-over to its settlement.
    pub fn sampled(&mut self, handling: Duration) {
        self.counts().record(None, Some(handling));
    }

    /// These items were taken and never handed over, and now never will be. After an abort they are in the report;
    /// when a stop is past its time-out they are dead letters, which the caller keeps.
    pub fn returned(&mut self, generation: usize, batch: B) {
        let n = take_up_to(&mut self.unseen[generation], batch.len());
        let _ = self.last_send(n);
        self.inner.channel.hand_over(n as usize);
        self.inner.take_back(batch, n);
    }

    /// It is over: the end came and everything is settled, or the environment is gone. What is not settled then is
    /// discarded.
    pub fn ended(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let unseen: u64 = std::mem::take(&mut self.unseen).iter().sum();
        self.inner.channel.hand_over(unseen as usize);
        let in_hand: u64 = std::mem::take(&mut self.in_hand).iter().sum();
        self.publish_in_hand();
        self.inner.counters.discarded.add_shared(unseen + in_hand);
        self.counts().phase.set(ThreadState::Ended);
        consumer_ended(&self.inner);
    }

    fn settle(&mut self, generation: usize, n: usize) -> u64 {
        let n = take_up_to(&mut self.in_hand[generation], n);
        self.publish_in_hand();
        self.counts().settled[generation].add(n);
        if self.unseen == [0; 2] && self.in_hand == [0; 2] {
            self.inner.channel.free_keys(&std::mem::replace(&mut self.keys, Keys::none()));
        }
        n
    }

    fn publish_in_hand(&self) {
        let in_hand = self.in_hand.iter().sum();
        self.counts().in_hand.store(in_hand, Ordering::Release);
        self.counts().phase.set(if in_hand > 0 { ThreadState::Busy } else { ThreadState::Waiting });
    }
}

impl<B: Collect, R: Collect> Drop for ExternalConsumer<B, R> {
    fn drop(&mut self) {
        self.ended();
    }
}

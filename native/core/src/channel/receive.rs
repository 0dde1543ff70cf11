//! Receiving: to take, to wait, and to pass a wake-up on.

use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::error::{ReceiveError, ReceiveTimeoutError, TryReceiveError};
use super::limit::Limit;
use super::permits::OVERTAKING;
use super::receivers::{Place, Receivers, Taken};
use super::senders::Senders;
use super::shared::{ASIDE, LATE, RECEIVER_SLEEPS, Shared};
use super::wait::{Deadline, Kind, WakeList, thread_waker};
use crate::batch::Batch;
use crate::sync::{Ordering, lock, seq_cst_fence, thread};

/// What stands for a delay past the clock's range.
const LONGEST_DELAY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<B: Batch> Shared<B> {
    /// Takes up to `limit`, or queues. `lease` counts them as outstanding before their permits can be released.
    pub(super) fn poll_take(
        &self,
        place: &mut Place,
        limit: impl Into<Limit>,
        lease: bool,
        kind: Kind,
        looker: &Waker,
    ) -> Poll<Result<Taken<B>, ReceiveError>> {
        let limit = limit.into();
        let mut wakes = WakeList::default();
        let (mut waiting, mut receivers) = self.lock_to_receive();
        let (outcome, old) =
            match self.take_now(&mut receivers, *place, (limit, lease), waiting.as_deref_mut(), &mut wakes) {
                Ok(None) => {
                    let due = receivers.delivered + (OVERTAKING * self.permits.capacity()) as u64;
                    (Poll::Pending, receivers.wait(place, kind, looker, due))
                }
                Ok(Some(taken)) => (Poll::Ready(Ok(taken)), receivers.leave(place)),
                Err(end) => (Poll::Ready(Err(end)), receivers.leave(place)),
            };
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        self.after_receive(waiting, &mut wakes);
        drop(old);
        wakes.wake();
        outcome
    }

    /// Takes a single item without the lock, where all there is to mind is the slots.
    #[inline]
    fn take_from_slots(&self, lease: bool) -> Option<Taken<B>> {
        if self.signals.load(Ordering::Relaxed) & (ASIDE | LATE) != 0 {
            return None;
        }
        let batch = self.slots.pop()?;
        if lease {
            self.outstanding.fetch_add(1, Ordering::AcqRel);
        }
        Some(Taken { batch, attempt: 1, permits: 1, leased: lease })
    }

    /// Takes up to `limit` if some items are there.
    pub(super) fn try_take(&self, limit: impl Into<Limit>, lease: bool) -> Result<Taken<B>, TryReceiveError> {
        if B::SINGLE
            && let Some(taken) = self.take_from_slots(lease)
        {
            return Ok(taken);
        }
        let mut wakes = WakeList::default();
        let (mut waiting, mut receivers) = self.lock_to_receive();
        let taken = self.take_now(&mut receivers, None, (limit.into(), lease), waiting.as_deref_mut(), &mut wakes);
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        self.after_receive(waiting, &mut wakes);
        wakes.wake();
        taken?.ok_or(TryReceiveError::Empty)
    }

    fn take_now(
        &self,
        receivers: &mut Receivers<B>,
        place: Place,
        (limit, lease): (Limit, bool),
        waiting: Option<&mut Senders<B>>,
        wakes: &mut WakeList,
    ) -> Result<Option<Taken<B>>, ReceiveError> {
        if self.permits.snapshot().aborted() {
            return Err(ReceiveError::Aborted);
        }
        let mut taken = None;
        if !receivers.held && !receivers.must_yield(place, self.permits.capacity(), wakes) {
            let kept = receivers.kept_from(place);
            taken = receivers.take(&self.slots, limit, kept);
            if taken.is_none() && receivers.scheduled.is_some() {
                return self.take_scheduled(receivers, (limit.unseen(), lease), kept, waiting, wakes);
            }
        }
        let Some(mut taken) = taken else { return self.nothing() };
        let n = taken.batch.len();
        receivers.delivered += n as u64;
        if lease && !taken.leased {
            self.outstanding.fetch_add(n, Ordering::AcqRel);
            taken.leased = true;
        }
        Ok(Some(taken))
    }

    /// There is nothing to take: for now, or for good.
    pub(super) fn nothing(&self) -> Result<Option<Taken<B>>, ReceiveError> {
        if !self.ended() {
            return Ok(None);
        }
        // An abort may have come after the first look: then it is what emptied the channel.
        let aborted = self.permits.snapshot().aborted();
        Err(if aborted { ReceiveError::Aborted } else { ReceiveError::Closed })
    }

    /// Takes up to `limit`; the thread waits while there are none.
    pub(super) fn take_until(
        &self,
        limit: impl Into<Limit>,
        lease: bool,
        deadline: Deadline,
    ) -> Result<Taken<B>, ReceiveTimeoutError> {
        let limit = limit.into();
        for _ in 0..limit.yields() {
            match self.try_take(limit, lease) {
                Err(TryReceiveError::Empty) if deadline.passed() => return Err(ReceiveTimeoutError::Timeout),
                Err(TryReceiveError::Empty) => thread::yield_now(),
                Err(TryReceiveError::Closed) => return Err(ReceiveTimeoutError::Closed),
                Err(TryReceiveError::Aborted) => return Err(ReceiveTimeoutError::Aborted),
                Ok(taken) => return Ok(taken),
            }
        }
        let waker = thread_waker();
        let mut place = None;
        loop {
            match self.poll_take(&mut place, limit, lease, Kind::Thread, &waker) {
                Poll::Ready(outcome) => return Ok(outcome?),
                Poll::Pending if deadline.passed() => {
                    self.stop_waiting(&mut place);
                    return Err(ReceiveTimeoutError::Timeout);
                }
                Poll::Pending => deadline.park(),
            }
        }
    }

    /// Leaves the queue; a wake-up that was on its way goes to the next one.
    pub(super) fn stop_waiting(&self, place: &mut Place) {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        let old = receivers.leave(place);
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        drop(old);
        wakes.wake();
    }

    /// A push saw that a receiver sleeps.
    pub(super) fn wake_receivers(&self, wakes: &mut WakeList) {
        self.pass_on(&mut lock(&self.receivers), wakes);
    }

    /// Wakes who should look for items: threads one at a time, because the one that is woken comes here again; every
    /// task on the way to it, because a busy event loop must not keep items from those that are idle. Leaves the
    /// signal set, or a thread woken, or every waiter woken, or nobody waiting.
    pub(super) fn pass_on(&self, receivers: &mut Receivers<B>, wakes: &mut WakeList) {
        self.mind_aside(receivers);
        if receivers.waiters.is_empty() || receivers.waking {
            return self.signal(RECEIVER_SLEEPS, false);
        }
        self.signal(RECEIVER_SLEEPS, true);
        // Pairs with the fence in `Shared::push`: either that push sees the signal, or the batch is seen here.
        seq_cst_fence!("sleep_fence");
        if receivers.held {
            return;
        }
        let mut kept = 0;
        for at in 0..receivers.waiters.len() {
            if !receivers.has_more_than(&self.slots, kept) {
                if let Some(at) = receivers.next_token(false) {
                    self.ring_at(at);
                }
                return;
            }
            let waiter = &mut receivers.waiters[at];
            kept += usize::from(waiter.kept);
            if waiter.woken {
                continue;
            }
            waiter.woken = true;
            wakes.push(waiter.waker.clone());
            if waiter.kind == Kind::Thread {
                receivers.waking = true;
                break;
            }
        }
        self.signal(RECEIVER_SLEEPS, false);
    }

    /// Tells receivers of single items whether they may do without the lock.
    fn mind_aside(&self, receivers: &Receivers<B>) {
        if B::SINGLE {
            self.signal(ASIDE, receivers.has_aside());
        }
    }

    /// Sets or clears one of the signals. Under the receivers' lock, so a look saves a write to a line that every push
    /// reads.
    fn signal(&self, signal: u8, on: bool) {
        if (self.signals.load(Ordering::Relaxed) & signal != 0) == on {
            return;
        }
        if on {
            self.signals.fetch_or(signal, Ordering::Relaxed);
        } else {
            self.signals.fetch_and(!signal, Ordering::Relaxed);
        }
    }

    /// Stops handing items over, or goes on with it. A channel at its end says so all the same.
    pub(super) fn hold(&self, held: bool) {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        receivers.held = held;
        if held {
            self.reclaim_all(&mut receivers);
        }
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
    }

    /// Puts a lease on the return list for its next attempt, after `delay` at the earliest. After an abort it is
    /// discarded.
    pub(super) fn give_back(&self, batch: B, attempt: u32, delay: Duration) {
        if let Err(batch) = self.return_lease(batch, attempt, delay) {
            self.outstanding.fetch_sub(batch.len(), Ordering::AcqRel);
            self.discarded.fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
    }

    /// As [`give_back`](Shared::give_back), but after an abort it comes back, still to be settled.
    pub(super) fn return_lease(&self, batch: B, attempt: u32, delay: Duration) -> Result<(), B> {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        if self.permits.snapshot().aborted() {
            return Err(batch);
        }
        if !delay.is_zero() {
            let now = Instant::now();
            let due = now.checked_add(delay).unwrap_or(now + LONGEST_DELAY);
            receivers.give_back_at(batch, attempt, due);
            self.mind_aside(&receivers);
            self.set_alarm(&mut receivers);
            return Ok(());
        }
        receivers.give_back(batch, attempt);
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
        Ok(())
    }

    /// Sees to it that someone looks when the next lease is due. An alarm's lock comes after that of the receivers.
    fn set_alarm(&self, receivers: &mut Receivers<B>) {
        if let Some(at) = receivers.delayed.next_alarm() {
            self.ring_at(at);
        }
    }

    /// Sees to it that someone looks at that time.
    pub(super) fn ring_at(&self, at: Instant) {
        #[cfg(not(loom))]
        crate::alarm::set(at, self.this.clone());
        // The models know no time.
        #[cfg(loom)]
        let _ = at;
    }

    /// Settles `n` leased items.
    pub(super) fn settle(&self, n: usize) {
        if self.outstanding.fetch_sub(n, Ordering::AcqRel) == n {
            let mut wakes = WakeList::default();
            self.wake_if_ended(&mut wakes);
            wakes.wake();
        }
    }
}

#[cfg(not(loom))]
impl<B: Batch> crate::alarm::Ring for Shared<B> {
    fn ring(&self) -> Option<Duration> {
        let mut wakes = WakeList::default();
        let (waiting, mut receivers) = self.lock_to_receive();
        receivers.delayed.rung();
        receivers.mature();
        self.pass_on(&mut receivers, &mut wakes);
        self.set_alarm(&mut receivers);
        drop(receivers);
        self.after_receive(waiting, &mut wakes);
        wakes.wake();
        None
    }
}

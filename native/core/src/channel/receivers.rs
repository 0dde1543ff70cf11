//! Receiving: one lock, under which batches are popped, split and returned, and receivers queue.
//!
//! The lock is what lets a receiver take fewer items than a batch has without breaking the order: the rest becomes
//! the front, and everyone looks there first. It is taken once a batch.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::error::{ReceiveError, ReceiveTimeoutError, TryReceiveError};
use super::permits::OVERTAKING;
use super::shared::{LATE, RECEIVER_SLEEPS, Shared};
use super::slots::Slots;
use super::wait::{Deadline, Kind, WakeList, YIELDS, thread_waker};
use crate::batch::Batch;
use crate::sync::{Ordering, fence, lock, thread};

#[derive(Debug)]
pub(super) struct Receivers<B> {
    /// Leases that were given back, and reserved items whose waiter left. Taken before anything else.
    returned: VecDeque<Taken<B>>,
    /// What is left of a batch that a receiver took the first items of.
    front: Option<B>,
    /// What did not fit the slots because the bound was lifted.
    pub(super) overflow: VecDeque<B>,
    waiters: VecDeque<Waiter<B>>,
    next_id: u64,
    /// A thread was woken and has not looked yet. It passes the wake-up on.
    waking: bool,
    /// Nothing is handed over for now.
    held: bool,
    /// Items handed over in all.
    delivered: u64,
}

#[derive(Debug)]
struct Waiter<B> {
    id: u64,
    /// The count of delivered items at which this one is due.
    due: u64,
    kind: Kind,
    waker: Waker,
    /// It was woken since it last looked.
    woken: bool,
    /// An item that became this waiter's own because it had been overtaken for too long. Its permit is still held.
    reserved: Option<Taken<B>>,
}

/// A place in the queue of receivers, kept between two polls.
pub(super) type Place = Option<u64>;

/// Items that left the channel.
#[derive(Debug)]
pub(super) struct Taken<B> {
    pub(super) batch: B,
    /// From 1. Above 1, the items were leased before, and are counted as outstanding.
    pub(super) attempt: u32,
    /// How many permits they still hold: one an item, or none where a lease gave them back.
    pub(super) permits: usize,
}

impl<B: Batch> Receivers<B> {
    pub(super) fn new() -> Self {
        Receivers {
            returned: VecDeque::new(),
            front: None,
            overflow: VecDeque::new(),
            waiters: VecDeque::new(),
            next_id: 0,
            waking: false,
            held: false,
            delivered: 0,
        }
    }

    fn has_items(&self, slots: &Slots<B>) -> bool {
        !self.returned.is_empty() || self.front.is_some() || !slots.is_empty() || !self.overflow.is_empty()
    }

    fn take(&mut self, slots: &Slots<B>, max: usize) -> Option<Taken<B>> {
        if let Some(mut taken) = self.returned.pop_front() {
            if taken.batch.len() > max {
                let mut rest = taken;
                let batch = rest.batch.split_front(max);
                let permits = rest.permits.min(max);
                rest.permits -= permits;
                taken = Taken { batch, attempt: rest.attempt, permits };
                self.returned.push_front(rest);
            }
            return Some(taken);
        }
        let mut batch = self.front.take().or_else(|| slots.pop()).or_else(|| self.overflow.pop_front())?;
        if batch.len() > max {
            let part = batch.split_front(max);
            self.front = Some(batch);
            batch = part;
        }
        let permits = batch.len();
        Some(Taken { batch, attempt: 1, permits })
    }

    /// Whether the one who looks, at `place`, must leave what is there to a waiter that has been overtaken for too
    /// long. A task that is due only gets one item set aside, so that its event loop, which may be busy, holds up
    /// nobody else.
    fn must_yield(&mut self, place: Place, slots: &Slots<B>, wakes: &mut WakeList) -> bool {
        let due = self
            .waiters
            .front()
            .is_some_and(|first| Some(first.id) != place && self.delivered >= first.due && first.reserved.is_none());
        if !due {
            return false;
        }
        if self.waiters.front().is_some_and(|first| first.kind == Kind::Thread) {
            return true;
        }
        let reserved = self.take(slots, 1);
        if let Some(first) = self.waiters.front_mut() {
            first.reserved = reserved;
            if !first.woken {
                first.woken = true;
                wakes.push(first.waker.clone());
            }
        }
        false
    }

    fn take_reserved(&mut self, place: Place) -> Option<Taken<B>> {
        let id = place?;
        self.waiters.iter_mut().find(|waiter| waiter.id == id)?.reserved.take()
    }

    fn leave(&mut self, place: &mut Place) {
        let Some(id) = place.take() else { return };
        if let Some(at) = self.waiters.iter().position(|waiter| waiter.id == id)
            && let Some(waiter) = self.waiters.remove(at)
        {
            if waiter.woken && waiter.kind == Kind::Thread {
                self.waking = false;
            }
            self.returned.extend(waiter.reserved);
        }
    }

    fn wake_all(&mut self, wakes: &mut WakeList) {
        for waiter in &mut self.waiters {
            if !waiter.woken {
                waiter.woken = true;
                wakes.push(waiter.waker.clone());
            }
        }
    }
}

impl<B: Batch> Shared<B> {
    /// Takes up to `max` items, or queues. `lease` counts them as outstanding before their permits can be released.
    pub(super) fn poll_take(
        &self,
        place: &mut Place,
        max: usize,
        lease: bool,
        kind: Kind,
        waker: &Waker,
    ) -> Poll<Result<Taken<B>, ReceiveError>> {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        let outcome = match self.take_now(&mut receivers, *place, max, lease, &mut wakes) {
            Ok(None) => {
                let due = receivers.delivered + (OVERTAKING * self.permits.capacity()) as u64;
                receivers.wait(place, kind, waker, due);
                Poll::Pending
            }
            Ok(Some(taken)) => {
                receivers.leave(place);
                Poll::Ready(Ok(taken))
            }
            Err(end) => {
                receivers.leave(place);
                Poll::Ready(Err(end))
            }
        };
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
        outcome
    }

    /// Takes up to `max` items if some are there.
    pub(super) fn try_take(&self, max: usize, lease: bool) -> Result<Taken<B>, TryReceiveError> {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        let taken = self.take_now(&mut receivers, None, max, lease, &mut wakes);
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
        taken?.ok_or(TryReceiveError::Empty)
    }

    fn take_now(
        &self,
        receivers: &mut Receivers<B>,
        place: Place,
        max: usize,
        lease: bool,
        wakes: &mut WakeList,
    ) -> Result<Option<Taken<B>>, ReceiveError> {
        if self.permits.snapshot().aborted() {
            return Err(ReceiveError::Aborted);
        }
        if receivers.held || receivers.must_yield(place, &self.slots, wakes) {
            return Ok(None);
        }
        let Some(taken) = receivers.take_reserved(place).or_else(|| receivers.take(&self.slots, max)) else {
            return if self.ended() { Err(ReceiveError::Closed) } else { Ok(None) };
        };
        let n = taken.batch.len();
        receivers.delivered += n as u64;
        if lease && taken.permits > 0 {
            self.outstanding.fetch_add(n, Ordering::AcqRel);
        }
        Ok(Some(taken))
    }

    /// Takes up to `max` items; the thread waits while there are none.
    pub(super) fn take_until(
        &self,
        max: usize,
        lease: bool,
        deadline: Deadline,
    ) -> Result<Taken<B>, ReceiveTimeoutError> {
        for _ in 0..YIELDS {
            match self.try_take(max, lease) {
                Err(TryReceiveError::Empty) => thread::yield_now(),
                Err(TryReceiveError::Closed) => return Err(ReceiveTimeoutError::Closed),
                Err(TryReceiveError::Aborted) => return Err(ReceiveTimeoutError::Aborted),
                Ok(taken) => return Ok(taken),
            }
        }
        let waker = thread_waker();
        let mut place = None;
        loop {
            match self.poll_take(&mut place, max, lease, Kind::Thread, &waker) {
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
        receivers.leave(place);
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
    }

    /// A push saw that a receiver sleeps.
    pub(super) fn wake_receivers(&self, wakes: &mut WakeList) {
        self.pass_on(&mut lock(&self.receivers), wakes);
    }

    /// Wakes who should look for items: threads one at a time, because the one that is woken comes here again; every
    /// task on the way to it, because a busy event loop must not keep items from those that are idle. Leaves the
    /// signal set, or a thread woken, or every waiter woken, or nobody waiting.
    fn pass_on(&self, receivers: &mut Receivers<B>, wakes: &mut WakeList) {
        if receivers.waiters.is_empty() || receivers.waking {
            // Only ever changed under this lock, so the look saves a write to a line that every push reads.
            if self.signals.load(Ordering::Relaxed) & RECEIVER_SLEEPS != 0 {
                self.signals.fetch_and(!RECEIVER_SLEEPS, Ordering::Relaxed);
            }
            return;
        }
        self.signals.fetch_or(RECEIVER_SLEEPS, Ordering::Relaxed);
        // Pairs with the fence in `Shared::push`: either that push sees the signal, or the batch is seen here.
        fence(Ordering::SeqCst);
        if receivers.held || !receivers.has_items(&self.slots) {
            return;
        }
        self.signals.fetch_and(!RECEIVER_SLEEPS, Ordering::Relaxed);
        for waiter in &mut receivers.waiters {
            if waiter.woken {
                continue;
            }
            waiter.woken = true;
            wakes.push(waiter.waker.clone());
            if waiter.kind == Kind::Thread {
                receivers.waking = true;
                return;
            }
        }
    }

    /// Wakes everyone if the end has come.
    pub(super) fn wake_if_ended(&self, wakes: &mut WakeList) {
        if self.permits.snapshot().closed() {
            let mut receivers = lock(&self.receivers);
            if self.ended() {
                receivers.wake_all(wakes);
            }
        }
    }

    /// Stops handing items over, or goes on with it.
    pub(super) fn hold(&self, held: bool) {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        receivers.held = held;
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
    }

    /// Puts a lease on the return list for its next attempt. After an abort it is discarded.
    pub(super) fn give_back(&self, batch: B, attempt: u32) {
        let mut wakes = WakeList::default();
        let mut receivers = lock(&self.receivers);
        if self.permits.snapshot().aborted() {
            drop(receivers);
            self.outstanding.fetch_sub(batch.len(), Ordering::AcqRel);
            self.discarded.fetch_add(batch.len() as u64, Ordering::Relaxed);
            return;
        }
        receivers.returned.push_back(Taken { batch, attempt, permits: 0 });
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        wakes.wake();
    }

    /// Settles `n` leased items.
    pub(super) fn settle(&self, n: usize) {
        if self.outstanding.fetch_sub(n, Ordering::AcqRel) == n {
            let mut wakes = WakeList::default();
            self.wake_if_ended(&mut wakes);
            wakes.wake();
        }
    }

    /// Takes out everything that is queued, and wakes everyone. The word says aborted already.
    pub(super) fn abort_receivers(&self, wakes: &mut WakeList) -> Vec<B> {
        self.signals.fetch_or(LATE, Ordering::Relaxed);
        // Pairs with the fence in `Shared::push`: a batch that is not found here is discarded by its sender.
        fence(Ordering::SeqCst);
        let mut receivers = lock(&self.receivers);
        let reserved: Vec<Taken<B>> =
            receivers.waiters.iter_mut().filter_map(|waiter| waiter.reserved.take()).collect();
        let mut permits = 0;
        let mut queued = Vec::new();
        for taken in receivers.returned.drain(..).chain(reserved) {
            permits += taken.permits;
            if taken.permits == 0 {
                self.outstanding.fetch_sub(taken.batch.len(), Ordering::AcqRel);
            }
            queued.push(taken.batch);
        }
        let rest = self.empty_slots(&mut receivers);
        permits += rest.iter().map(Batch::len).sum::<usize>();
        queued.extend(rest);
        receivers.wake_all(wakes);
        drop(receivers);
        self.release(permits, wakes);
        queued
    }

    /// A batch was pushed while the channel was aborted: nobody will ever take it.
    pub(super) fn discard_late(&self, wakes: &mut WakeList) {
        let late = self.empty_slots(&mut lock(&self.receivers));
        let n = late.iter().map(Batch::len).sum();
        self.discarded.fetch_add(n as u64, Ordering::Relaxed);
        self.release(n, wakes);
    }

    fn empty_slots(&self, receivers: &mut Receivers<B>) -> Vec<B> {
        let mut queued: Vec<B> = receivers.front.take().into_iter().collect();
        queued.extend(std::iter::from_fn(|| self.slots.pop()));
        queued.extend(receivers.overflow.drain(..));
        queued
    }
}

impl<B> Receivers<B> {
    fn wait(&mut self, place: &mut Place, kind: Kind, waker: &Waker, due: u64) {
        if let Some(id) = *place
            && let Some(waiter) = self.waiters.iter_mut().find(|waiter| waiter.id == id)
        {
            if waiter.kind == Kind::Thread && waiter.woken {
                self.waking = false;
            }
            waiter.woken = false;
            waiter.waker.clone_from(waker);
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        *place = Some(id);
        self.waiters.push_back(Waiter { id, due, kind, waker: waker.clone(), woken: false, reserved: None });
    }
}

//! Receiving from a channel that has lanes or a rate, or in which items have keys: everything goes through a schedule,
//! under the receivers' lock. A channel without any of them never comes here.

use super::clock::{clock, instant};
use super::error::ReceiveError;
use super::limit::Limit;
use super::options::ChannelOptions;
use super::rate::Bucket;
use super::receivers::{Receivers, Taken};
use super::schedule::Schedule;
use super::senders::Senders;
use super::shared::Shared;
use super::slots::Slots;
use super::wait::{Kind, WakeList};
use crate::batch::Batch;
use crate::sync::{MutexGuard, Ordering, lock};

#[derive(Debug)]
pub(super) struct Scheduled<B> {
    schedule: Schedule<B>,
    bucket: Option<Bucket>,
    /// Whether the last look for more found no token. One may have come a moment later, and would be nobody's.
    dry: bool,
    /// When the alarm rings that was set for the next token.
    alarm: Option<u64>,
}

impl<B: Batch> Scheduled<B> {
    /// What the options ask for.
    pub(super) fn wanted(options: &ChannelOptions) -> Option<Box<Self>> {
        (options.lanes > 1 || options.rate.is_some()).then(|| Self::new(options))
    }

    fn new(options: &ChannelOptions) -> Box<Self> {
        Box::new(Scheduled {
            schedule: Schedule::new(options.lanes, options.aging),
            bucket: options.rate.map(Bucket::new),
            dry: false,
            alarm: None,
        })
    }

    fn tokens(&self, now: u64) -> usize {
        self.bucket.as_ref().map_or(usize::MAX, |bucket| bucket.tokens(now))
    }

    fn spend(&mut self, tokens: usize, now: u64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.spend(tokens, now);
        }
    }

    /// The item of this key that was out is settled.
    pub(super) fn free(&mut self, key: u64) {
        self.schedule.free(key);
    }

    /// Items that were taken come back.
    pub(super) fn put_back(&mut self, batch: B) {
        self.refund(batch.len());
        self.schedule.put_back(batch, clock());
    }

    /// Tokens that were used for nothing.
    pub(super) fn refund(&mut self, tokens: usize) {
        if let Some(bucket) = &mut self.bucket {
            bucket.refund(tokens);
        }
    }

    pub(super) fn drain(&mut self) -> Vec<B> {
        self.schedule.drain()
    }
}

impl<B: Batch> Receivers<B> {
    /// `first`, which was just popped, has keys: everything goes through a schedule from now on.
    #[cold]
    pub(super) fn begin_schedule(&mut self, first: B) {
        self.front.push_front(first);
        self.scheduled = Some(Scheduled::new(&ChannelOptions::new(1)));
    }

    /// Moves what has come since into the schedule.
    fn gather(&mut self, slots: &Slots<B>) -> Option<&mut Scheduled<B>> {
        let Receivers { scheduled, front, overflow, .. } = self;
        let scheduled = scheduled.as_deref_mut()?;
        let now = clock();
        while let Some(batch) = front.pop_front().or_else(|| slots.pop()).or_else(|| overflow.pop_front()) {
            scheduled.schedule.push(batch, now);
        }
        Some(scheduled)
    }

    /// Takes up to `max` items, of which a receiver that takes one may take the first, and leaves `kept` of those that
    /// are there. A send in `waiting` that counts as more than all of them goes first; what was taken of it has no permit
    /// and is not counted as leased yet.
    fn take_scheduled(
        &mut self,
        slots: &Slots<B>,
        (max, kept): (usize, usize),
        waiting: Option<&mut Senders<B>>,
        wakes: &mut WakeList,
    ) -> Option<Taken<B>> {
        let full = self.mature();
        let now = clock();
        let returned: usize = self.returned.iter().map(|taken| taken.batch.len()).sum();
        let scheduled = self.gather(slots)?;
        let tokens = scheduled.tokens(now);
        if tokens == 0 {
            return self.take_ahead(max);
        }
        let max = max.min(tokens);
        let here = if kept == 0 {
            max
        } else {
            let enough = kept.saturating_add(max);
            max.min((returned + scheduled.schedule.count(enough)).min(enough).saturating_sub(kept))
        };
        if here > 0 && returned > 0 {
            let mut taken = self.returned.pop_front()?;
            if taken.batch.len() > here {
                let part = taken.split_front(here);
                self.returned.push_front(std::mem::replace(&mut taken, part));
            }
            self.scheduled.as_mut()?.spend(taken.batch.len(), now);
            return Some(taken);
        }
        if full {
            return None;
        }
        let queued = if here > 0 { scheduled.schedule.best(now) } else { None };
        if let Some(senders) = waiting
            && let Some((score, at)) = senders.best_direct(&mut scheduled.schedule, now)
            && queued.is_none_or(|(best, _)| score > best)
        {
            let batch = senders.take_direct(at, max, &mut scheduled.schedule, now, wakes);
            scheduled.spend(batch.len(), now);
            return Some(Taken { batch, attempt: 1, permits: 0, leased: false });
        }
        let Some((_, lane)) = queued else { return if here > 0 { self.take_ahead(max) } else { None } };
        let batch = scheduled.schedule.take(lane, here, now)?;
        let permits = batch.len();
        scheduled.spend(permits, now);
        Some(Taken { batch, attempt: 1, permits, leased: false })
    }

    /// Takes the oldest item of the lowest lane out, where that is not above `lane`, to be dropped.
    pub(super) fn take_oldest_scheduled(&mut self, slots: &Slots<B>, lane: u8) -> Option<B> {
        let schedule = &mut self.gather(slots)?.schedule;
        let most = schedule.lanes().of(lane);
        schedule.take_oldest(most)
    }

    /// Whether more than `n` items could be taken now.
    #[inline(never)]
    pub(super) fn has_more_scheduled(&mut self, slots: &Slots<B>, n: usize, full: bool) -> bool {
        if n == 0 && self.any_ahead() {
            return true;
        }
        let now = clock();
        let returned: usize = self.returned.iter().map(|taken| taken.batch.len()).sum();
        let Some(scheduled) = self.gather(slots) else { return false };
        scheduled.dry = scheduled.tokens(now) == 0;
        if scheduled.dry {
            return false;
        }
        returned > n
            || (!full && if n == 0 { scheduled.schedule.any() } else { returned + scheduled.schedule.count(n + 1) > n })
    }

    /// Whether items are there of which none can be taken before another one of its key is settled, and no other is on
    /// its way back.
    fn is_parked(&mut self, slots: &Slots<B>, waiting: Option<&Senders<B>>) -> bool {
        if self.held || self.retrying() > 0 || self.any_ahead() {
            return false;
        }
        let Some(scheduled) = self.gather(slots) else { return false };
        let taken_direct =
            waiting.is_some_and(|senders| senders.best_direct(&mut scheduled.schedule, clock()).is_some());
        !taken_direct && scheduled.schedule.is_parked()
    }

    /// When to look again, where items are there, or in sends that wait, for which there is no token; the caller sets the alarm. Nothing, where
    /// one is set.
    #[inline(never)]
    pub(super) fn next_token(&mut self, sends_wait: bool) -> Option<std::time::Instant> {
        /// What the bucket holds bridges that; more alarms would wake receivers for a token each.
        const LEAST: u64 = 1_000_000;
        let wanted = sends_wait || !self.returned.is_empty();
        let scheduled = self.scheduled.as_deref_mut()?;
        let bucket = scheduled.bucket.as_ref()?;
        let now = clock();
        if !scheduled.dry || !(wanted || scheduled.schedule.any()) {
            return None;
        }
        if scheduled.alarm.is_some_and(|at| at > now) {
            return None;
        }
        let at = bucket.next().max(now.saturating_add(LEAST));
        scheduled.alarm = Some(at);
        Some(instant(at))
    }
}

impl<B: Batch> Shared<B> {
    /// As [`take_now`](Shared::take_now), where a schedule decides.
    #[inline(never)]
    pub(super) fn take_scheduled(
        &self,
        receivers: &mut Receivers<B>,
        (max, lease): (usize, bool),
        kept: usize,
        waiting: Option<&mut Senders<B>>,
        wakes: &mut WakeList,
    ) -> Result<Option<Taken<B>>, ReceiveError> {
        let taken = receivers.take_scheduled(&self.slots, (max, kept), waiting, wakes);
        let Some(mut taken) = taken else { return self.nothing() };
        let n = taken.batch.len();
        receivers.delivered += n as u64;
        // What was taken from a send that waits has no permit that keeps the end back.
        if (lease || taken.permits == 0) && !taken.leased {
            self.outstanding.fetch_add(n, Ordering::AcqRel);
            taken.leased = true;
        }
        Ok(Some(taken))
    }

    /// Whether sends wait that a receiver must look at, too.
    fn lanes_wait(&self) -> bool {
        self.has_lanes && self.permits.snapshot().senders_wait()
    }

    /// The locks that a receiver needs. In a channel without lanes, that of the receivers.
    #[inline]
    pub(super) fn lock_to_receive(&self) -> (Option<MutexGuard<'_, Senders<B>>>, MutexGuard<'_, Receivers<B>>) {
        if self.has_lanes { self.lock_both() } else { (None, lock(&self.receivers)) }
    }

    #[inline(never)]
    fn lock_both(&self) -> (Option<MutexGuard<'_, Senders<B>>>, MutexGuard<'_, Receivers<B>>) {
        loop {
            let senders = self.lanes_wait().then(|| lock(&self.senders));
            let receivers = lock(&self.receivers);
            // A send that came in between looks for receivers that sleep under their lock.
            if senders.is_some() || !self.lanes_wait() {
                return (senders, receivers);
            }
        }
    }

    /// Sees to the sends that wait, once a receiver is through with them and has left its own lock.
    #[inline]
    pub(super) fn after_receive(&self, senders: Option<MutexGuard<'_, Senders<B>>>, wakes: &mut WakeList) {
        if let Some(senders) = senders {
            self.admit_after_receive(senders, wakes);
        }
    }

    #[inline(never)]
    fn admit_after_receive(&self, mut senders: MutexGuard<'_, Senders<B>>, wakes: &mut WakeList) {
        self.admit_waiting(&mut senders, wakes);
        self.look_after_waiting(&senders, wakes);
    }

    /// Wakes a receiver where a send that waits could be taken as it is, past a channel full of items that can't be.
    pub(super) fn look_after_waiting(&self, senders: &Senders<B>, wakes: &mut WakeList) {
        if !self.has_lanes || senders.waiting() == 0 {
            return;
        }
        let mut receivers = lock(&self.receivers);
        if receivers.held || receivers.waking || receivers.waiters.is_empty() || receivers.mature() {
            return;
        }
        let Some(scheduled) = receivers.gather(&self.slots) else { return };
        let now = clock();
        if senders.best_direct(&mut scheduled.schedule, now).is_none() {
            return;
        }
        scheduled.dry = scheduled.tokens(now) == 0;
        if scheduled.dry {
            if let Some(at) = receivers.next_token(true) {
                self.ring_at(at);
            }
            return;
        }
        if let Some(waiter) = receivers.waiters.iter_mut().find(|waiter| !waiter.woken) {
            waiter.woken = true;
            wakes.push(waiter.waker.clone());
            receivers.waking = waiter.kind == Kind::Thread;
        }
    }

    /// These items are settled.
    #[cold]
    pub(super) fn free_keys_of(&self, items: &B) {
        self.free_keys(&Keys::of(items));
    }

    /// Items of these keys are settled: others of them may be handled.
    #[inline(never)]
    pub(super) fn free_keys(&self, keys: &Keys) {
        if keys.0.is_empty() {
            return;
        }
        let mut wakes = WakeList::default();
        let (senders, mut receivers) = self.lock_to_receive();
        if let Some(scheduled) = &mut receivers.scheduled {
            keys.0.iter().for_each(|key| scheduled.free(*key));
        }
        self.pass_on(&mut receivers, &mut wakes);
        drop(receivers);
        self.after_receive(senders, &mut wakes);
        wakes.wake();
    }

    /// Whether what there is waits for other items of its keys to be settled, all of it.
    pub(super) fn is_parked(&self) -> bool {
        let (senders, mut receivers) = self.lock_to_receive();
        receivers.is_parked(&self.slots, senders.as_deref())
    }

    /// How many items someone may take who does not need them all at once.
    pub(super) fn prefetch(&self, max: usize) -> usize {
        if self.has_lanes { 1 } else { max }
    }

    /// As [`prefetch`](Shared::prefetch), for who minds the bytes, too.
    pub(super) fn prefetch_within(&self, limit: Limit) -> Limit {
        Limit { items: self.prefetch(limit.items), ..limit }
    }
}

/// The keys of some items, in their order; nothing where none has one.
#[derive(Debug)]
#[must_use]
pub(crate) struct Keys(Vec<u64>);

impl Keys {
    #[inline]
    pub(crate) fn of<B: Batch>(items: &B) -> Self {
        Keys(if items.is_marked() { (0..items.len()).map(|index| items.key(index)).collect() } else { Vec::new() })
    }

    /// Without the key of an item that is not settled. No other of them has it.
    pub(crate) fn keep(&mut self, key: u64) {
        self.0.retain(|other| *other != key);
    }

    /// None.
    pub(crate) fn none() -> Self {
        Keys(Vec::new())
    }

    /// Adds those of more items.
    pub(crate) fn append(&mut self, mut other: Keys) {
        self.0.append(&mut other.0);
    }

    /// Those of the first `n` items.
    pub(crate) fn truncate(&mut self, n: usize) {
        self.0.truncate(n);
    }
}

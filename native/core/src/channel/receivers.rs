//! What there is to receive, and the queue of receivers that wait for it.
//!
//! One lock guards both: it is what lets a receiver take fewer items than a batch has without breaking the order. The
//! rest becomes the front, and everyone looks there first. The lock is taken once a batch.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Instant;

use super::delayed::Delayed;
use super::limit::Limit;
use super::options::ChannelOptions;
use super::scheduled::Scheduled;
use super::slots::Slots;
use super::wait::{Kind, WakeList};
use crate::batch::Batch;

#[derive(Debug)]
pub(super) struct Receivers<B> {
    /// Leases that were given back. Taken before anything else.
    pub(super) returned: VecDeque<Taken<B>>,
    /// Leases that were given back for later.
    pub(super) delayed: Delayed<B>,
    /// Where lanes, keys or a rate decide what is next. Then nothing stays in the front.
    pub(super) scheduled: Option<Box<Scheduled<B>>>,
    /// What was popped and not taken yet, the rest of a batch above all.
    pub(super) front: VecDeque<B>,
    /// What receivers have taken ahead.
    pub(super) ahead: Vec<crate::sync::Arc<super::ahead::Cell<B>>>,
    /// What went past the slots because the bound was lifted.
    pub(super) overflow: VecDeque<B>,
    pub(super) waiters: VecDeque<Waiter>,
    next_id: u64,
    /// How many waiters have an item kept for them.
    keeping: usize,
    /// A thread was woken and has not looked yet. It passes the wake-up on.
    pub(super) waking: bool,
    /// Nothing is handed over for now.
    pub(super) held: bool,
    /// Items handed over in all.
    pub(super) delivered: u64,
    /// What got in after an abort whose caller wants that, too.
    pub(super) late: Option<Vec<B>>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    id: u64,
    /// The count of delivered items at which this one is due.
    due: u64,
    pub(super) kind: Kind,
    pub(super) waker: Waker,
    /// It was woken since it last looked.
    pub(super) woken: bool,
    /// It is due, and those behind it leave one item for it.
    pub(super) kept: bool,
}

/// A place in the queue of receivers, kept between two polls.
pub(super) type Place = Option<u64>;

/// Items on their way out of the channel.
#[derive(Debug)]
#[must_use = "its items are lost otherwise"]
pub struct Taken<B> {
    pub(super) batch: B,
    /// From 1.
    pub(super) attempt: u32,
    /// How many permits they still hold: one an item, or none where they were handed over before.
    pub(super) permits: usize,
    /// Whether they are counted as outstanding.
    pub(super) leased: bool,
}

impl<B: Batch> Taken<B> {
    /// The items.
    pub fn batch(&self) -> &B {
        &self.batch
    }

    /// Takes the items out, once they are claimed.
    pub fn into_batch(self) -> B {
        self.batch
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Splits off the first `n` of the items.
    pub fn split_front(&mut self, n: usize) -> Self {
        let batch = self.batch.split_front(n);
        let permits = if self.permits > 0 { n } else { 0 };
        self.permits -= permits;
        Taken { batch, permits, ..*self }
    }
}

impl<B: Batch> Receivers<B> {
    pub(super) fn new(options: &ChannelOptions) -> Self {
        Receivers {
            returned: VecDeque::new(),
            delayed: Delayed::new(options.capacity),
            scheduled: Scheduled::wanted(options),
            front: VecDeque::new(),
            ahead: Vec::new(),
            overflow: VecDeque::new(),
            waiters: VecDeque::new(),
            next_id: 0,
            keeping: 0,
            waking: false,
            held: false,
            delivered: 0,
            late: None,
        }
    }

    /// Whether there is more to mind than what is in the slots.
    pub(super) fn has_aside(&self) -> bool {
        if self.scheduled.is_some() || !self.delayed.is_empty() {
            return true;
        }
        self.held || !self.waiters.is_empty() || !self.returned.is_empty() || !self.front.is_empty()
    }

    /// How many receivers wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Puts a lease on the return list.
    pub(super) fn give_back(&mut self, batch: B, attempt: u32) {
        self.returned.push_back(Taken { batch, attempt, permits: 0, leased: true });
    }

    /// As [`give_back`](Receivers::give_back), but nobody takes it before `due`.
    pub(super) fn give_back_at(&mut self, batch: B, attempt: u32, due: Instant) {
        self.delayed.push(Taken { batch, attempt, permits: 0, leased: true }, due);
    }

    /// Empties the return list.
    pub(super) fn take_returned(&mut self) -> Vec<B> {
        self.returned.extend(self.delayed.take_all());
        self.returned.drain(..).map(|taken| taken.batch).collect()
    }

    /// How many items wait for another attempt.
    pub(super) fn retrying(&self) -> usize {
        let returned: usize = self.returned.iter().map(|taken| taken.batch.len()).sum();
        returned + self.delayed.len()
    }

    /// Puts what is due on the return list. Whether so much waits to become due that nothing else is to be taken.
    pub(super) fn mature(&mut self) -> bool {
        if self.delayed.is_empty() {
            return false;
        }
        self.returned.extend(self.delayed.take_due());
        self.delayed.is_full()
    }

    /// Empties the channel, leases that were given back apart.
    pub(super) fn pop_all(&mut self, slots: &Slots<B>) -> Vec<B> {
        let mut all = self.scheduled.as_mut().map_or_else(Vec::new, |scheduled| scheduled.drain());
        all.extend(self.front.drain(..));
        all.extend(std::iter::from_fn(|| slots.pop()));
        // What is in the overflow came after everything in the slots of the same producer.
        all.extend(self.overflow.drain(..));
        all
    }

    /// The next batch in order, leases that were given back apart.
    pub(super) fn pop(&mut self, slots: &Slots<B>) -> Option<B> {
        // What is in the overflow came after everything in the slots of the same producer.
        self.front.pop_front().or_else(|| slots.pop()).or_else(|| self.overflow.pop_front())
    }

    /// Takes up to `limit`, and leaves `kept` of those that are there. Nothing, where a schedule decides, which may
    /// have begun with this call.
    pub(super) fn take(&mut self, slots: &Slots<B>, limit: Limit, kept: usize) -> Option<Taken<B>> {
        if self.scheduled.is_some() {
            return None;
        }
        let full = self.mature();
        let mut limit = limit;
        if kept > 0 {
            let here = self.count(slots, kept.saturating_add(limit.items));
            limit.items = limit.items.min(here.saturating_sub(kept));
        }
        if limit.items == 0 {
            return None;
        }
        if let Some(mut taken) = self.returned.pop_front() {
            let n = limit.of(&taken.batch);
            if n < taken.batch.len() {
                let part = taken.split_front(n);
                self.returned.push_front(std::mem::replace(&mut taken, part));
            }
            return Some(taken);
        }
        if full {
            return None;
        }
        let Some(mut batch) = self.pop(slots) else { return self.take_ahead(limit.unseen()) };
        if batch.is_marked() {
            self.begin_schedule(batch);
            return None;
        }
        let n = limit.of(&batch);
        if n < batch.len() {
            let part = batch.split_front(n);
            self.front.push_front(batch);
            batch = part;
        }
        let permits = batch.len();
        Some(Taken { batch, attempt: 1, permits, leased: false })
    }

    /// Whether more than `n` items are there.
    pub(super) fn has_more_than(&mut self, slots: &Slots<B>, n: usize) -> bool {
        let full = self.mature();
        if self.scheduled.is_some() {
            return self.has_more_scheduled(slots, n, full);
        }
        if full {
            return self.returned.iter().map(|taken| taken.batch.len()).sum::<usize>() > n;
        }
        if n > 0 {
            return self.count(slots, n + 1) > n;
        }
        !self.returned.is_empty()
            || !self.front.is_empty()
            || !slots.is_empty()
            || !self.overflow.is_empty()
            || self.any_ahead()
    }

    /// How many items are there, looking at no more batches than it takes to see `enough`.
    fn count(&mut self, slots: &Slots<B>, enough: usize) -> usize {
        let mut n = 0;
        for batch in self.returned.iter().map(|taken| &taken.batch).chain(&self.front) {
            n += batch.len();
            if n >= enough {
                return n;
            }
        }
        // Receivers that pop without the lock would take later ones meanwhile.
        if B::SINGLE {
            return n + slots.len() + self.overflow.len();
        }
        while n < enough
            && let Some(batch) = slots.pop().or_else(|| self.overflow.pop_front())
        {
            n += batch.len();
            self.front.push_back(batch);
        }
        n
    }

    /// Sees to the waiters ahead of `place` that have been overtaken for too long. True: everything that is there must
    /// be left to one of them, a thread, which is about to look. A task only gets one item kept for it, so that its
    /// event loop, which may be busy, holds up nobody; and never all that fit the channel, or its own sends might wait
    /// for it to receive.
    pub(super) fn must_yield(&mut self, place: Place, capacity: usize, wakes: &mut WakeList) -> bool {
        for waiter in self.waiters.iter_mut().take_while(|waiter| Some(waiter.id) != place) {
            if waiter.kept {
                continue;
            }
            if self.delivered < waiter.due {
                return false;
            }
            match waiter.kind {
                Kind::Thread => return true,
                Kind::Task if self.keeping + 1 < capacity => {
                    waiter.kept = true;
                    self.keeping += 1;
                    if !waiter.woken {
                        waiter.woken = true;
                        wakes.push(waiter.waker.clone());
                    }
                }
                Kind::Task => {}
            }
        }
        false
    }

    /// How many items are kept for waiters ahead of `place`.
    pub(super) fn kept_from(&self, place: Place) -> usize {
        if self.keeping == 0 {
            return 0;
        }
        self.waiters.iter().take_while(|waiter| Some(waiter.id) != place).filter(|waiter| waiter.kept).count()
    }

    /// Queues the one who looked at `place` and found nothing, or notes that it has looked. Gives back a waker that is
    /// not needed any more, to be dropped once no lock is held: it may be the last hold on a task of its user.
    #[must_use]
    pub(super) fn wait(&mut self, place: &mut Place, kind: Kind, waker: &Waker, due: u64) -> Option<Waker> {
        if let Some(id) = *place
            && let Some(waiter) = self.waiters.iter_mut().find(|waiter| waiter.id == id)
        {
            if waiter.kind == Kind::Thread && waiter.woken {
                self.waking = false;
            }
            waiter.woken = false;
            return if waiter.waker.will_wake(waker) {
                None
            } else {
                Some(std::mem::replace(&mut waiter.waker, waker.clone()))
            };
        }
        let id = self.next_id;
        self.next_id += 1;
        *place = Some(id);
        self.waiters.push_back(Waiter { id, due, kind, waker: waker.clone(), woken: false, kept: false });
        None
    }

    /// Leaves the queue. Gives back a waker to be dropped once no lock is held.
    #[must_use]
    pub(super) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let id = place.take()?;
        let at = self.waiters.iter().position(|waiter| waiter.id == id)?;
        let waiter = self.waiters.remove(at)?;
        if waiter.woken && waiter.kind == Kind::Thread {
            self.waking = false;
        }
        self.keeping -= usize::from(waiter.kept);
        Some(waiter.waker)
    }

    pub(super) fn wake_all(&mut self, wakes: &mut WakeList) {
        for waiter in &mut self.waiters {
            if !waiter.woken {
                waiter.woken = true;
                wakes.push(waiter.waker.clone());
            }
        }
    }
}

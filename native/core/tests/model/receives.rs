//! What a consumer may be given.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use millrace_core::channel::OVERTAKING;
use millrace_core::system::State;

use super::{Given, Item, Model, Origin, Waiter, ids};

impl Model {
    /// What a consumer that asks now may take of the queue, in order.
    fn next_in_queue(&self, max: usize) -> Vec<Item> {
        let mut left: Vec<_> = self.queue.iter().copied().collect();
        let mut out = self.out.clone();
        let mut order = Vec::new();
        for _ in 0..max {
            let ready = left.iter().enumerate().filter(|(_, item)| !out.contains(&item.key));
            let best = ready.max_by_key(|(at, item)| (self.lane(item), std::cmp::Reverse(*at)));
            let Some((at, _)) = best else { break };
            let item = left.remove(at);
            if item.key != 0 {
                out.insert(item.key);
            }
            order.push(item);
        }
        order
    }

    /// A send that waits and counts as more than all that could be taken of the queue.
    fn next_in_waiting(&self, best: Option<u8>) -> Option<usize> {
        if self.setup.lanes == 1 {
            return None;
        }
        let ready = |lane| self.queue.iter().any(|item| self.lane(item) == lane && self.is_free(item.key));
        let first = |at: usize| self.waiting[at].sends[0].items[0];
        (0..self.waiting.len())
            .filter(|at| {
                let (item, lane) = (first(*at), self.lane(&first(*at)));
                self.is_free(item.key) && !ready(lane) && best.is_none_or(|best| lane > best)
            })
            .max_by_key(|at| self.lane(&first(*at)))
    }

    /// How many items consumers could take now that each take one.
    fn ready(&self) -> usize {
        let mut seen = HashSet::new();
        self.queue.iter().filter(|item| item.key == 0 || (self.is_free(item.key) && seen.insert(item.key))).count()
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self.state, State::Draining | State::Stopped) && self.is_idle()
    }

    /// Whether nobody will be given anything any more.
    pub fn is_over(&self) -> bool {
        self.broken_off || self.is_ended()
    }

    fn is_blocked(&self, place: usize) -> bool {
        self.results.waiting.iter().any(|(worker, _)| *worker == self.places[place].worker)
    }

    /// Whether `given` is what place `place` may be given that asked for up to `max` items between the two moments, and
    /// takes it. `waits`: one that is given nothing queues.
    pub fn take(&mut self, place: usize, max: usize, waits: bool, given: &Given, span: (Instant, Instant)) -> bool {
        if self.broken_off {
            return *given == Given::Aborted;
        }
        if self.is_blocked(place) {
            return *given == Given::Nothing;
        }
        let origin = self.origin(place, max, given, span);
        match (given, origin) {
            (_, None) => return false,
            (Given::Items(items), Some(origin)) => {
                self.waiters.retain(|waiter| waiter.place != place);
                self.given += items.len();
                self.take_from(place, origin);
            }
            (Given::Nothing, _) => {
                let queued = self.waiters.iter().any(|waiter| waiter.place == place);
                if waits && !queued {
                    let due = self.given + OVERTAKING * self.setup.capacity;
                    self.waiters.push(Waiter { place, due, kept: false });
                }
            }
            _ => self.closed = true,
        }
        true
    }

    /// Consumers that wait and were overtaken for too long have an item kept, all but one of the capacity.
    fn keep_for_waiters(&mut self, place: usize) -> usize {
        let mut keeping = self.waiters.iter().filter(|waiter| waiter.kept).count();
        for waiter in self.waiters.iter_mut().take_while(|waiter| waiter.place != place) {
            if waiter.kept {
                continue;
            }
            if self.given < waiter.due {
                break;
            }
            if keeping + 1 < self.setup.capacity {
                waiter.kept = true;
                keeping += 1;
            }
        }
        self.waiters.iter().take_while(|waiter| waiter.place != place).filter(|waiter| waiter.kept).count()
    }

    fn origin(&mut self, place: usize, max: usize, given: &Given, span: (Instant, Instant)) -> Option<Origin> {
        if self.state == State::Paused {
            return (*given == Given::Nothing).then_some(Origin::Nowhere);
        }
        let kept = self.keep_for_waiters(place);
        let surely = self.delayed.iter().take_while(|delayed| delayed.latest <= span.0).count();
        let perhaps = self.delayed.iter().take_while(|delayed| delayed.earliest <= span.1).count();
        // Until one with a key was taken, all of one key may count as items that others could take.
        let all = if self.setup.lanes == 1 && self.out.is_empty() { self.queue.len() } else { self.ready() };
        (surely..=perhaps).flat_map(|due| [(due, self.ready()), (due, all)]).find_map(|(due, ready)| {
            let left = (self.returned.len() + due + ready).saturating_sub(kept);
            self.origin_with(place, (due, if kept == 0 { max } else { max.min(left) }), given)
        })
    }

    /// As if `due` of those that wait for their next attempt were due.
    fn origin_with(&self, place: usize, (due, here): (usize, usize), given: &Given) -> Option<Origin> {
        let returned = self.returned.len() + due;
        let is = |first: Option<&Item>| first.is_some_and(|item| *given == Given::Items(vec![item.id]));
        if here > 0 && returned > 0 {
            // Which of the two came back first depends on when somebody looked.
            if is(self.returned.front()) {
                return Some(Origin::Returned);
            }
            return (due > 0 && is(self.delayed.front().map(|delayed| &delayed.item))).then_some(Origin::Delayed);
        }
        if self.delayed.len() - due >= self.setup.capacity {
            return (*given == Given::Nothing).then_some(Origin::Nowhere);
        }
        let next = self.next_in_queue(here);
        if let Some(at) = self.next_in_waiting(next.first().map(|item| self.lane(item))) {
            return is(self.waiting[at].sends[0].items.front()).then_some(Origin::Waiting(at));
        }
        if !next.is_empty() {
            // How many at once depends on the batches that they came in.
            let Given::Items(items) = given else { return None };
            let some = !items.is_empty() && items.len() <= next.len() && *items == ids(&next[..items.len()]);
            return some.then_some(Origin::Queue(items.len()));
        }
        let others = || (0..self.places.len()).filter(|other| *other != place && self.has_ahead(*other));
        if here > 0 && others().next().is_some() {
            return others().find_map(|victim| self.origin_ahead(victim, here, given));
        }
        let nothing = match given {
            Given::Nothing => !self.closed,
            Given::Closed => self.is_ended(),
            _ => false,
        };
        nothing.then_some(Origin::Nowhere)
    }

    /// Half of what somebody has ahead, at most, off its end.
    fn origin_ahead(&self, victim: usize, max: usize, given: &Given) -> Option<Origin> {
        let Given::Items(items) = given else { return None };
        let (ahead, n) = (&self.places[victim].ahead, items.len());
        let most = ahead.len().div_ceil(2).min(max);
        let is = (1..=most).contains(&n) && ids(ahead.iter().skip(ahead.len() - n)) == *items;
        is.then_some(Origin::Ahead(victim, n))
    }

    fn take_from(&mut self, place: usize, origin: Origin) {
        let mut taken = Vec::new();
        match origin {
            Origin::Nowhere => {}
            Origin::Returned => taken.extend(self.returned.pop_front()),
            Origin::Delayed => taken.extend(self.delayed.pop_front().map(|delayed| delayed.item)),
            Origin::Queue(n) => {
                taken = self.next_in_queue(n);
                self.queue.retain(|item| !taken.contains(item));
            }
            Origin::Waiting(at) => {
                let mut line = self.waiting.remove(at);
                taken.extend(line.sends[0].items.pop_front());
                self.counts.produced += 1;
                self.stay(line, at);
            }
            Origin::Ahead(victim, n) => {
                let ahead = &mut self.places[victim].ahead;
                taken.extend(ahead.split_off(ahead.len() - n));
            }
        }
        self.out.extend(taken.iter().map(|item| item.key).filter(|key| *key != 0));
        self.places[place].ahead.extend(taken);
    }

    /// The last `n` items that were taken go back, where they came from. `returned`: they had been tried before.
    pub fn put_back(&mut self, place: usize, n: usize, returned: bool) {
        let ahead = &mut self.places[place].ahead;
        let back = ahead.split_off(ahead.len() - n);
        if returned {
            back.into_iter().rev().for_each(|item| self.returned.push_front(item));
        } else {
            self.requeue(back);
        }
    }

    pub(super) fn requeue(&mut self, items: VecDeque<Item>) {
        for item in items.into_iter().rev() {
            self.out.remove(&item.key);
            self.queue.push_front(item);
        }
    }

    /// The first item that `place` has ahead is begun. `told`: the system knows.
    pub fn begin(&mut self, place: usize, told: bool) -> Option<Item> {
        let place = &mut self.places[place];
        let item = place.ahead.pop_front()?;
        place.started.push_back(item);
        place.untold += usize::from(!told);
        self.admit();
        Some(item)
    }

    /// Whether there was anything to tell.
    pub fn tell(&mut self, place: usize) -> bool {
        std::mem::take(&mut self.places[place].untold) > 0
    }
}

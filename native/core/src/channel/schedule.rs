//! Which item is next, where items have lanes and keys. Pure: no lock, no clock, no permit.
//!
//! An item is *ready* until it is taken, or until it turns out that another item of its key is out: then it is *parked*
//! with the key. When that one is settled, the first parked item of each lane is ready again, in its old place.
//!
//! Invariant: while no item of a key is out, the first of its items in each lane is ready.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::lanes::{Lanes, Score};
use crate::batch::Batch;

#[derive(Debug)]
pub(super) struct Schedule<B> {
    lanes: Lanes,
    /// By number, for each lane.
    ready: Box<[BTreeMap<u64, Entry<B>>]>,
    /// Keys of which an item is out, or parked.
    keys: HashMap<u64, Key<B>>,
    /// The next number of what comes in, and of what comes back.
    next: u64,
    first: u64,
}

/// Items of one lane that came together: one item of a key, or any number without.
#[derive(Debug)]
struct Entry<B> {
    batch: B,
    key: u64,
    since: u64,
}

#[derive(Debug)]
struct Key<B> {
    out: bool,
    parked: BTreeMap<(usize, u64), Entry<B>>,
}

impl<B: Batch> Schedule<B> {
    pub(super) fn new(lanes: u8, aging: Duration) -> Self {
        Schedule {
            lanes: Lanes::new(lanes, aging),
            ready: (0..lanes).map(|_| BTreeMap::new()).collect(),
            keys: HashMap::new(),
            next: 1 << 63,
            first: 1 << 63,
        }
    }

    /// Items come in.
    pub(super) fn push(&mut self, batch: B, now: u64) {
        let number = self.next;
        self.next += batch.len() as u64;
        self.insert(batch, number, now);
    }

    /// Items that were taken come back, before all others of their lanes.
    pub(super) fn put_back(&mut self, batch: B, now: u64) {
        for index in 0..batch.len() {
            self.free(batch.key(index));
        }
        self.first -= batch.len() as u64;
        self.insert(batch, self.first, now);
    }

    fn insert(&mut self, mut batch: B, mut number: u64, since: u64) {
        while !batch.is_empty() {
            let (lane, key) = (batch.lane(0), batch.key(0));
            let goes_along = |index: &usize| batch.lane(*index) == lane && batch.key(*index) == 0;
            let n = if key == 0 { 1 + (1..batch.len()).take_while(goes_along).count() } else { 1 };
            let entry = Entry { batch: batch.split_front(n), key, since };
            let lane = self.lanes.of(lane);
            if self.is_free(key) {
                self.ready[lane].insert(number, entry);
            } else {
                self.park(lane, number, entry);
            }
            number += n as u64;
        }
    }

    fn park(&mut self, lane: usize, number: u64, entry: Entry<B>) {
        if let Some(key) = self.keys.get_mut(&entry.key) {
            key.parked.insert((lane, number), entry);
        }
    }

    /// Whether no item of the key is out.
    pub(super) fn is_free(&self, key: u64) -> bool {
        key == 0 || self.keys.get(&key).is_none_or(|key| !key.out)
    }

    /// Whether an item that is no part of this would be the next of its lane.
    pub(super) fn would_be_next(&mut self, lane: usize, key: u64) -> bool {
        self.is_free(key) && self.look(lane).is_none()
    }

    /// Since when the first item of a lane is there that can be taken.
    fn look(&mut self, lane: usize) -> Option<u64> {
        loop {
            let (&number, first) = self.ready[lane].first_key_value()?;
            if self.is_free(first.key) {
                return Some(first.since);
            }
            let entry = self.ready[lane].remove(&number)?;
            self.park(lane, number, entry);
        }
    }

    /// What an item counts as that is the first of its lane since `since`.
    pub(super) fn score(&self, lane: usize, since: u64, now: u64) -> Score {
        self.lanes.score(lane, since, now)
    }

    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The lane that goes next, and what it counts as.
    pub(super) fn best(&mut self, now: u64) -> Option<(Score, usize)> {
        (0..self.lanes.count())
            .filter_map(|lane| self.look(lane).map(|since| (self.lanes.score(lane, since, now), lane)))
            .max()
    }

    /// Whether there is anything to take.
    pub(super) fn any(&mut self) -> bool {
        (0..self.lanes.count()).any(|lane| self.look(lane).is_some())
    }

    /// Whether there are items of which none can be taken before another one of its key is settled.
    pub(super) fn is_parked(&mut self) -> bool {
        !self.any() && self.keys.values().any(|key| !key.parked.is_empty())
    }

    /// How many items could be taken now by receivers that each take one, as far as `enough`.
    pub(super) fn count(&self, enough: usize) -> usize {
        let mut seen = std::collections::HashSet::new();
        let mut n = 0;
        for entry in self.ready.iter().flat_map(BTreeMap::values) {
            if n >= enough {
                break;
            }
            if entry.key == 0 || (self.is_free(entry.key) && seen.insert(entry.key)) {
                n += entry.batch.len();
            }
        }
        n
    }

    /// Takes up to `max` items off the front of a lane that [`best`](Schedule::best) gave. Of a key, one.
    pub(super) fn take(&mut self, lane: usize, max: usize, now: u64) -> Option<B> {
        self.lanes.serve(lane, now);
        let (number, mut entry) = self.ready[lane].pop_first()?;
        if entry.batch.len() > max {
            let part = entry.batch.split_front(max);
            let batch = std::mem::replace(&mut entry.batch, part);
            let rest = Entry { batch, ..entry };
            self.ready[lane].insert(number + max as u64, rest);
        }
        self.take_out(entry.key);
        Some(entry.batch)
    }

    /// An item that is no part of this is taken.
    pub(super) fn take_other(&mut self, lane: usize, key: u64, now: u64) {
        self.lanes.serve(lane, now);
        self.take_out(key);
    }

    fn take_out(&mut self, key: u64) {
        if key != 0 {
            self.keys.entry(key).or_insert_with(|| Key { out: false, parked: BTreeMap::new() }).out = true;
        }
    }

    /// The item of this key that was out is settled.
    pub(super) fn free(&mut self, key: u64) {
        let Some(state) = self.keys.get_mut(&key) else { return };
        state.out = false;
        for (lane, ready) in self.ready.iter_mut().enumerate() {
            if let Some((&at, _)) = state.parked.range((lane, 0)..=(lane, u64::MAX)).next()
                && let Some(entry) = state.parked.remove(&at)
            {
                ready.insert(at.1, entry);
            }
        }
        if state.parked.is_empty() {
            self.keys.remove(&key);
        }
    }

    /// Takes the oldest item of the lowest lane out, where that is not above `most`, whether it may be handled now or not.
    pub(super) fn take_oldest(&mut self, most: usize) -> Option<B> {
        for lane in 0..=most {
            let ready = self.ready[lane].first_key_value().map(|(number, _)| *number);
            let parked = self.keys.iter().filter_map(|(key, state)| {
                let ((_, number), _) = state.parked.range((lane, 0)..=(lane, u64::MAX)).next()?;
                Some((*number, *key))
            });
            match (ready, parked.min()) {
                (None, None) => {}
                (ready, Some((number, key))) if ready.is_none_or(|ready| number < ready) => {
                    let state = self.keys.get_mut(&key)?;
                    let entry = state.parked.remove(&(lane, number));
                    if state.parked.is_empty() && !state.out {
                        self.keys.remove(&key);
                    }
                    return entry.map(|entry| entry.batch);
                }
                _ => {
                    let (number, mut entry) = self.ready[lane].pop_first()?;
                    let key = entry.key;
                    let oldest = entry.batch.split_front(1);
                    if !entry.batch.is_empty() {
                        self.ready[lane].insert(number + 1, entry);
                    }
                    // Others of its key may have been behind it.
                    if self.is_free(key) {
                        self.free(key);
                    }
                    return Some(oldest);
                }
            }
        }
        None
    }

    /// Takes out everything, in the order in which it came.
    pub(super) fn drain(&mut self) -> Vec<B> {
        let ready = self.ready.iter_mut().flat_map(std::mem::take);
        let parked = std::mem::take(&mut self.keys).into_values().flat_map(|key| key.parked);
        let mut all: Vec<_> = ready.chain(parked.map(|((_, number), entry)| (number, entry))).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, entry)| entry.batch).collect()
    }
}

//! A round on a channel: producers and consumers that do everything that can be done, then an end, then the account.

mod end;
mod receive;
mod send;
mod shape;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fastrand::Rng;
use millrace_core::{Channel, Items};

use crate::gate::Gate;
use crate::load::{Counted, Load, Marks, forget_drops};
use crate::tally::{Fault, Tally};
use shape::{Carries, Shape};

/// What the threads of a round share.
struct Round<B: Load> {
    shape: Shape,
    channel: Channel<B>,
    /// Nothing ever comes here: the other case of each select.
    silent: Channel<B>,
    /// Items whose send has said that they were admitted.
    admitted: AtomicUsize,
    /// Items that the only consumer was given for the first time.
    delivered: AtomicUsize,
    dropped: AtomicUsize,
    producers_left: AtomicUsize,
    /// Opens when it is time for the end.
    ending: Gate,
    /// Everyone is to leave everything as it is.
    quit: AtomicBool,
    /// For each key, whether an item of it is out.
    keys: Vec<AtomicBool>,
}

impl<B: Load> Round<B> {
    fn marks(&self) -> Marks {
        self.shape.marks
    }

    fn admitted(&self, n: usize) {
        let after = self.shape.end.after();
        let before = self.admitted.fetch_add(n, Ordering::SeqCst);
        if before < after && before + n >= after {
            self.ending.open();
        }
    }

    fn delivered(&self, n: usize) {
        self.delivered.fetch_add(n, Ordering::SeqCst);
    }

    fn dropped(&self, batch: &B, ids: &mut Vec<u64>) {
        batch.append_to(ids);
        self.dropped.fetch_add(batch.len(), Ordering::SeqCst);
    }

    fn producer_ended(&self) {
        if self.producers_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.ending.open();
        }
    }

    fn quits(&self) -> bool {
        self.quit.load(Ordering::Relaxed)
    }

    fn check_bound(&self, tally: &mut Tally) {
        let (length, capacity) = (self.channel.len(), self.shape.capacity);
        tally.expect(length <= capacity, || format!("{length} items in a channel of {capacity}"));
    }

    /// The bound, by what came out of the channel and not by its own count. By the only consumer, while it receives nothing.
    fn check_inside(&self, tally: &mut Tally) {
        // In this order: an item is dropped before the one that it made room for is admitted.
        let admitted = self.admitted.load(Ordering::SeqCst);
        let left = self.delivered.load(Ordering::SeqCst) + self.dropped.load(Ordering::SeqCst);
        let (inside, capacity) = (admitted.saturating_sub(left), self.shape.capacity);
        tally.expect(inside <= capacity, || format!("{inside} items were in a channel of {capacity}"));
    }

    /// Items were leased, or are held: no other item of their keys is out.
    fn take_keys(&self, ids: &[u64], tally: &mut Tally) {
        for key in self.keys_of(ids) {
            let out = self.keys[key].swap(true, Ordering::AcqRel);
            tally.expect(!out, || format!("two items of key {key} are out"));
        }
    }

    /// They are about to be settled, or to go back.
    fn free_keys(&self, ids: &[u64]) {
        for key in self.keys_of(ids) {
            self.keys[key].store(false, Ordering::Release);
        }
    }

    fn keys_of(&self, ids: &[u64]) -> impl Iterator<Item = usize> {
        let marks = self.shape.marks;
        ids.iter().map(move |id| marks.key(*id) as usize).filter(|key| B::MARKED && *key > 0)
    }
}

/// Plays the round that `rng` draws.
pub fn round(rng: &mut Rng) -> Tally {
    let shape = Shape::draw(rng);
    match shape.carries {
        Carries::Vectors => play::<Vec<Counted>>(shape, rng),
        Carries::Singles => play::<Option<Counted>>(shape, rng),
        Carries::Columns => play::<Items>(shape, rng),
    }
}

fn play<B: Load>(shape: Shape, rng: &mut Rng) -> Tally {
    let mut tally = Tally::default();
    let channel = match Channel::<B>::with_options(&shape.options()) {
        Ok(channel) => channel,
        Err(error) => {
            tally.fault(Fault::Wrong, 1, || error.to_string());
            return tally;
        }
    };
    forget_drops();
    let round = Round {
        channel,
        silent: Channel::new(1).unwrap_or_else(|_| unreachable!("1 is a capacity")),
        admitted: AtomicUsize::new(0),
        delivered: AtomicUsize::new(0),
        dropped: AtomicUsize::new(0),
        producers_left: AtomicUsize::new(shape.producers),
        ending: Gate::default(),
        quit: AtomicBool::new(false),
        keys: (0..=shape.marks.keys).map(|_| AtomicBool::new(false)).collect(),
        shape,
    };
    match end::run(&round, rng) {
        Some(history) => end::account(round, history, rng, &mut tally),
        None => tally.fault(Fault::Wrong, 1, || "a thread panicked; its message is on stderr".to_owned()),
    }
    tally
}

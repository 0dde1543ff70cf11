//! What travels: the batches of the library, with items that are ids.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use millrace_core::{Batch, Item, Items};

use crate::ledger::{id, parts};
use crate::tally::{Fault, Tally};

/// Which lane and key an item has, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    pub lanes: u8,
    /// How many keys there are; a few items have one of them.
    pub keys: u64,
    pub salt: u64,
}

impl Marks {
    pub const NONE: Marks = Marks { lanes: 1, keys: 0, salt: 0 };

    pub fn lane(self, id: u64) -> u8 {
        (mix(id ^ self.salt) % u64::from(self.lanes)) as u8
    }

    /// From 1; 0 is none.
    pub fn key(self, id: u64) -> u64 {
        if self.keys == 0 {
            return 0;
        }
        let mixed = mix(id ^ !self.salt);
        if mixed.is_multiple_of(4) { mixed / 4 % self.keys + 1 } else { 0 }
    }

    /// How many pairs of a lane and a key there are.
    pub fn kinds(self) -> usize {
        usize::from(self.lanes) * (self.keys as usize + 1)
    }

    pub fn kind(self, id: u64) -> usize {
        self.key(id) as usize * usize::from(self.lanes) + usize::from(self.lane(id))
    }
}

/// The finalizer of `SplitMix64`: similar ids get unlike numbers.
pub fn mix(id: u64) -> u64 {
    let mixed = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The most streams of a round, and the most items of a stream.
pub const STREAMS: usize = 32;
pub const ITEMS: usize = 1 << 13;

/// How often each item of this round was dropped. One for all rounds, which are played one after the other: a pointer in each
/// item would be counted by all threads at once.
static DROPS: [[AtomicU8; ITEMS]; STREAMS] = [const { [const { AtomicU8::new(0) }; ITEMS] }; STREAMS];

/// Forgets the drops of the round before.
pub fn forget_drops() {
    // Relaxed, here and below: threads are started and joined in between.
    DROPS.iter().flatten().for_each(|drops| drops.store(0, Ordering::Relaxed));
}

/// Each of the first `made` items of `stream` has to have been dropped once, or to be so soon: the last handle of a channel may be that
/// of the alarm, whose thread looks after it for a moment. Gives up after `patience`.
pub fn check_drops(stream: usize, made: usize, patience: Duration, tally: &mut Tally) {
    let start = Instant::now();
    for (n, drops) in DROPS[stream].iter().take(made).enumerate() {
        while drops.load(Ordering::Relaxed) == 0 && start.elapsed() < patience {
            std::thread::yield_now();
        }
        match drops.load(Ordering::Relaxed) {
            1 => {}
            0 => tally.fault(Fault::Lost, 1, || format!("item {:#x} was never dropped", id(stream, n))),
            drops => {
                tally.fault(Fault::Duplicated, 1, || format!("item {:#x} was dropped {drops} times", id(stream, n)));
            }
        }
    }
}

/// An item that counts its drop.
#[derive(Debug)]
pub struct Counted(u64);

impl Drop for Counted {
    fn drop(&mut self) {
        let (stream, n) = parts(self.0);
        DROPS[stream][n].fetch_add(1, Ordering::Relaxed);
    }
}

/// A batch whose items are ids.
pub trait Load: Batch {
    /// The most items that one can hold.
    const MOST: usize = usize::MAX;
    /// Whether its items have lanes and keys.
    const MARKED: bool = false;
    /// Whether its items count their drops.
    const COUNTED: bool = false;

    fn empty() -> Self;

    /// Adds an item.
    fn add(&mut self, id: u64, marks: Marks);

    /// The id of item `index`.
    fn id_at(&self, index: usize) -> u64;

    /// Appends all ids to `ids`.
    fn append_to(&self, ids: &mut Vec<u64>) {
        ids.extend((0..self.len()).map(|index| self.id_at(index)));
    }

    /// The items `first..first + n` of a stream.
    fn made(stream: usize, first: usize, n: usize, marks: Marks) -> Self {
        let mut batch = Self::empty();
        (first..first + n).for_each(|n| batch.add(id(stream, n), marks));
        batch
    }

    fn ids(&self) -> Vec<u64> {
        let mut ids = Vec::with_capacity(self.len());
        self.append_to(&mut ids);
        ids
    }
}

impl Load for Vec<Counted> {
    const COUNTED: bool = true;

    fn empty() -> Self {
        Vec::new()
    }

    fn add(&mut self, id: u64, _marks: Marks) {
        self.push(Counted(id));
    }

    fn id_at(&self, index: usize) -> u64 {
        self[index].0
    }
}

impl Load for Option<Counted> {
    const MOST: usize = 1;
    const COUNTED: bool = true;

    fn empty() -> Self {
        None
    }

    fn add(&mut self, id: u64, _marks: Marks) {
        *self = Some(Counted(id));
    }

    fn id_at(&self, _index: usize) -> u64 {
        self.as_ref().map_or(u64::MAX, |item| item.0)
    }
}

impl Load for Items {
    const MARKED: bool = true;

    fn empty() -> Self {
        Items::default()
    }

    /// Every third one as text, so that the columns change their kind.
    fn add(&mut self, id: u64, marks: Marks) {
        if id.is_multiple_of(3) {
            self.push(Item::Text(id.to_string().as_bytes()));
        } else {
            self.push_number(id as f64);
        }
        let (at, lane, key) = (self.len() - 1, marks.lane(id), marks.key(id));
        if lane > 0 {
            self.set_lane(at, lane);
        }
        if key > 0 {
            self.set_key(at, key);
        }
    }

    fn id_at(&self, index: usize) -> u64 {
        match self.get(index) {
            Item::Number(number) => number as u64,
            Item::Text(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX),
            _ => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { lanes: 3, keys: 4, salt: 9 };

    #[test]
    fn every_batch_gives_back_the_ids_it_was_made_of() {
        fn check<B: Load>() {
            let n = B::MOST.min(40);
            let batch = B::made(1, 5, n, MARKS);
            assert_eq!(batch.ids(), (5..5 + n).map(|n| id(1, n)).collect::<Vec<_>>());
            if B::MARKED {
                for (at, id) in batch.ids().into_iter().enumerate() {
                    assert_eq!((batch.lane(at), batch.key(at)), (MARKS.lane(id), MARKS.key(id)));
                }
            }
        }
        check::<Vec<Counted>>();
        check::<Option<Counted>>();
        check::<Items>();
    }

    #[test]
    fn an_item_that_is_never_dropped_or_dropped_twice_is_found() {
        let faults = |made| {
            let mut tally = Tally::default();
            check_drops(0, made, Duration::ZERO, &mut tally);
            tally.faults()
        };
        let batch = Vec::<Counted>::made(0, 0, 3, Marks::NONE);
        assert_eq!(faults(3), [(Fault::Lost, 3)]);
        drop(batch);
        assert_eq!(faults(3), []);
        assert_eq!(faults(4), [(Fault::Lost, 1)]);
        drop(Vec::<Counted>::made(0, 1, 1, Marks::NONE));
        assert_eq!(faults(3), [(Fault::Duplicated, 1)]);
    }
}

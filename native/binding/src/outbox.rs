//! The memory in which a worker notes what it made of the items that it claimed, in the order of its claims.
//! src/modules/outbox.ts has the same layout; a test compares the two.

use std::collections::HashMap;

use napi_derive::napi;

use crate::chunk::ITEMS;

const COUNT: usize = 0;
const BUSY: usize = 8;
const SAMPLE: usize = 16;
const ENDS: usize = 24;
const KINDS: usize = ENDS + 4 * ITEMS;
const BYTES: usize = KINDS + ITEMS;
const SIZE: usize = BYTES + 64 * 1024;

/// The kind of an item that has no result.
const NONE: u8 = 255;

pub struct Outbox<'a> {
    memory: &'a mut [u8],
}

/// What a worker noted since the last look.
pub struct Notes {
    /// How many items it settled as processed.
    pub count: usize,
    pub busy_ms: f64,
    pub sample_ms: f64,
    /// For each of those, whether it has a result.
    pub has_result: Vec<bool>,
    /// The results.
    pub kinds: Vec<u8>,
    pub ends: Vec<u32>,
    pub bytes: Vec<u8>,
}

impl<'a> Outbox<'a> {
    /// # Panics
    /// Where the memory is too small.
    pub fn new(memory: &'a mut [u8]) -> Self {
        assert!(memory.len() >= SIZE, "expected an outbox of {SIZE} bytes, got {}", memory.len());
        Outbox { memory }
    }

    /// Reads the notes and clears them.
    pub fn take(&mut self) -> Notes {
        let count = (u32::from_ne_bytes(self.read(COUNT)) as usize).min(ITEMS);
        let (busy_ms, sample_ms) = (f64::from_ne_bytes(self.read(BUSY)), f64::from_ne_bytes(self.read(SAMPLE)));
        self.memory[..ENDS].fill(0);
        let end_of = |index: usize| {
            let at = ENDS + 4 * index;
            u32::from_ne_bytes([self.memory[at], self.memory[at + 1], self.memory[at + 2], self.memory[at + 3]])
        };
        let all = &self.memory[KINDS..KINDS + count];
        let has_result: Vec<bool> = all.iter().map(|&kind| kind != NONE).collect();
        let kinds = all.iter().copied().filter(|&kind| kind != NONE).collect();
        let ends: Vec<u32> = (0..count).filter(|&index| has_result[index]).map(end_of).collect();
        let length = ends.last().map_or(0, |&end| (end as usize).min(SIZE - BYTES));
        let bytes = self.memory[BYTES..BYTES + length].to_vec();
        Notes { count, busy_ms, sample_ms, has_result, kinds, ends, bytes }
    }

    fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.memory[at..at + N]);
        bytes
    }
}

/// The layout by name, for the test that compares it with src/modules/outbox.ts.
#[napi(catch_unwind)]
pub fn outbox_layout() -> HashMap<String, u32> {
    let places = [
        ("count", COUNT),
        ("busy", BUSY),
        ("sample", SAMPLE),
        ("ends", ENDS),
        ("kinds", KINDS),
        ("bytes", BYTES),
        ("size", SIZE),
        ("none", NONE as usize),
    ];
    places.into_iter().map(|(name, place)| (name.to_owned(), place as u32)).collect()
}

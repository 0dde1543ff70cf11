//! The memory in which a worker notes what it made of the items that it claimed, in the order of its claims.
//! src/modules/outbox.ts has the same layout; a test compares the two.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use millrace_core::{Items, Kind, KindNumbers};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::chunk::ITEMS;
use crate::error::{Result, columns_error};

const COUNT: usize = 0;
const BUSY: usize = 8;
/// In ms, beside `BUSY`.
const SAMPLE: usize = 16;
const ENDS: usize = 24;
const KINDS: usize = ENDS + 4 * ITEMS;
const BYTES: usize = KINDS + ITEMS;
const SIZE: usize = BYTES + 64 * 1024;

/// The kind of an item that has no result.
const NONE: u8 = 255;

/// The memory, which the worker writes at any time: it adds notes, and then counts them. What was counted does not change
/// until the count is cleared, which is done on the worker's own thread.
pub struct Outbox {
    memory: Uint8Array,
    /// How many of the notes were read.
    read: usize,
}

/// What a worker noted since the last look.
#[derive(Default)]
pub struct Notes {
    /// For each item that was settled as processed, whether it has a result.
    pub has_result: Vec<bool>,
    pub results: Items,
    pub busy_ms: f64,
    pub sample_ms: f64,
}

#[expect(clippy::cast_ptr_alignment, reason = "the memory is aligned, as `new` sees to, and so are the places")]
impl Outbox {
    /// # Panics
    /// Where the memory is too small, or not aligned.
    pub fn new(memory: Uint8Array) -> Self {
        assert!(memory.len() >= SIZE, "expected an outbox of {SIZE} bytes, got {}", memory.len());
        assert!(memory.as_ptr().cast::<f64>().is_aligned(), "expected an outbox that is aligned to 8 bytes");
        Outbox { memory, read: 0 }
    }

    /// What is noted and was not read. From any thread.
    pub fn read(&mut self) -> Result<Notes> {
        let count = (self.count().load(Ordering::Acquire) as usize).min(ITEMS);
        let new = self.read.min(count)..count;
        self.read = count;
        if new.is_empty() {
            return Ok(Notes::default());
        }
        // What is noted is looked at, and not believed: this also runs on a thread that must not panic.
        let begin = if new.start == 0 { 0 } else { self.end(new.start - 1).min(SIZE - BYTES) };
        let end = self.end(count - 1).clamp(begin, SIZE - BYTES);
        let all = self.column(KINDS + new.start, new.len());
        let has_result: Vec<bool> = all.iter().map(|&kind| kind != NONE).collect();
        let kinds: Vec<u8> = all.iter().copied().filter(|&kind| kind != NONE).collect();
        let bytes = self.column(BYTES + begin, end - begin);
        let results = if !kinds.is_empty() && kinds.iter().all(|&kind| kind == Kind::Number as u8) {
            let values =
                bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|at| chunk[at])));
            Items::from(values.collect::<Vec<f64>>())
        } else {
            let ends: Vec<u32> = new
                .clone()
                .filter(|index| has_result[index - new.start])
                .map(|index| self.end(index).saturating_sub(begin) as u32)
                .collect();
            let one = kinds.first().filter(|&&first| kinds.iter().all(|&kind| kind == first));
            let numbers = one.map_or(KindNumbers::Each(&kinds), |&kind| KindNumbers::One(kind));
            Items::from_blobs(bytes.to_vec(), &ends, numbers).map_err(|refused| columns_error(&refused))?
        };
        Ok(Notes { has_result, results, busy_ms: 0.0, sample_ms: 0.0 })
    }

    /// What is noted and was not read, and the times; then clears it all. On the worker's own thread.
    pub fn take(&mut self) -> Result<Notes> {
        let notes = self.read();
        self.read = 0;
        self.count().store(0, Ordering::Release);
        // SAFETY: within the memory, aligned as `new` saw, and written by this thread alone.
        let times = unsafe { std::slice::from_raw_parts_mut(self.at(BUSY).cast::<f64>().cast_mut(), 2) };
        let [busy_ms, sample_ms] = [std::mem::take(&mut times[0]), std::mem::take(&mut times[1])];
        Ok(Notes { busy_ms, sample_ms, ..notes? })
    }

    fn at(&self, place: usize) -> *const u8 {
        self.memory.as_ptr().wrapping_add(place)
    }

    fn count(&self) -> &AtomicU32 {
        // SAFETY: within the memory, aligned as `new` saw; JavaScript stores it by `Atomics`.
        unsafe { AtomicU32::from_ptr(self.at(COUNT).cast::<u32>().cast_mut()) }
    }

    /// A part of a column that was counted, or whose end was.
    fn column(&self, place: usize, len: usize) -> &[u8] {
        assert!(place <= SIZE && len <= SIZE - place, "within the memory");
        // SAFETY: within the memory, and not written any more: it was counted, and the count is cleared on the worker's
        // thread under the lock that the caller holds. JavaScript does not let go of the memory while this has the array.
        unsafe { std::slice::from_raw_parts(self.at(place), len) }
    }

    fn end(&self, index: usize) -> usize {
        let bytes = self.column(ENDS + 4 * index, 4);
        u32::from_ne_bytes([0, 1, 2, 3].map(|at| bytes[at])) as usize
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

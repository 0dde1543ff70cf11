//! The memory in which a call hands over up to 128 items: one buffer that JavaScript made, read and written by both
//! sides. src/chunk.ts has the same layout; a test compares the two.

use millrace_core::{Batch, Items, KindView, View};
use napi_derive::napi;

/// The most items in a chunk.
pub const ITEMS: usize = 128;
/// The most bytes of items in the chunk itself.
pub const INLINE_BYTES: usize = 64 * 1024;

const MIXED: u8 = 255;
const NUMBER: u8 = millrace_core::Kind::Number as u8;

const HEADER: usize = 0;
const NUMBERS: usize = 128;
const TAGS: usize = NUMBERS + 8 * ITEMS;
const ENDS: usize = TAGS + 8 * ITEMS;
const KINDS: usize = ENDS + 4 * ITEMS;
const BYTES: usize = KINDS + ITEMS;
const SIZE: usize = BYTES + INLINE_BYTES;

/// Places in the header, a row of doubles.
#[derive(Clone, Copy)]
enum Header {
    /// In: the next three by generation.
    Handed = 0,
    Processed = 2,
    Failed = 4,
    /// In: ms in the handler; ms of one sampled item.
    Busy = 6,
    Sample = 7,
    /// Out.
    Generation = 8,
    Kind = 9,
    Bytes = 10,
    Tagged = 11,
}

/// A chunk, for the time of a call.
pub struct Chunk<'a> {
    memory: &'a mut [u8],
}

/// What a callback consumer did since its last call. Counts are by generation.
#[derive(Default)]
pub struct Marks {
    pub handed: [usize; 2],
    pub processed: [usize; 2],
    pub failed: [usize; 2],
    pub busy_ms: f64,
    pub sample_ms: f64,
}

impl<'a> Chunk<'a> {
    /// # Panics
    /// Where the memory is too small.
    pub fn new(memory: &'a mut [u8]) -> Self {
        assert!(memory.len() >= SIZE, "expected a chunk of {SIZE} bytes, got {}", memory.len());
        Chunk { memory }
    }

    /// Reads the marks and clears them.
    pub fn take_marks(&mut self) -> Marks {
        let marks = Marks {
            handed: self.take_counts(Header::Handed),
            processed: self.take_counts(Header::Processed),
            failed: self.take_counts(Header::Failed),
            busy_ms: self.read(Header::Busy as usize),
            sample_ms: self.read(Header::Sample as usize),
        };
        self.write(Header::Busy as usize, 0.0);
        self.write(Header::Sample as usize, 0.0);
        marks
    }

    /// Writes all of `items`, which are at most [`ITEMS`]. Says whether their bytes fitted.
    pub fn put(&mut self, items: &Items, generation: usize) -> bool {
        let count = items.len();
        self.write(Header::Generation as usize, generation as f64);
        self.write(Header::Tagged as usize, f64::from(u8::from(items.is_tagged())));
        if items.is_tagged() {
            fill(&mut self.memory[TAGS..ENDS], (0..count).map(|index| (items.tag(index) as f64).to_ne_bytes()));
        }
        match items.view(0..count) {
            View::Numbers(values) => {
                self.write(Header::Kind as usize, f64::from(NUMBER));
                self.write(Header::Bytes as usize, 0.0);
                fill(&mut self.memory[NUMBERS..TAGS], values.iter().map(|value| value.to_ne_bytes()));
                true
            }
            View::Blobs(blobs) => {
                let kind = match blobs.kinds {
                    KindView::One(kind) => kind as u8,
                    KindView::Each(kinds) => {
                        fill(&mut self.memory[KINDS..BYTES], kinds.iter().map(|kind| [*kind as u8]));
                        MIXED
                    }
                };
                self.write(Header::Kind as usize, f64::from(kind));
                self.write(Header::Bytes as usize, blobs.bytes.len() as f64);
                fill(&mut self.memory[ENDS..KINDS], blobs.ends().map(u32::to_ne_bytes));
                let fits = blobs.bytes.len() <= INLINE_BYTES;
                if fits {
                    self.memory[BYTES..BYTES + blobs.bytes.len()].copy_from_slice(blobs.bytes);
                }
                fits
            }
        }
    }

    fn take_counts(&mut self, first: Header) -> [usize; 2] {
        let first = first as usize;
        let counts = [self.read(first) as usize, self.read(first + 1) as usize];
        self.write(first, 0.0);
        self.write(first + 1, 0.0);
        counts
    }

    fn read(&self, place: usize) -> f64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.memory[HEADER + 8 * place..][..8]);
        f64::from_ne_bytes(bytes)
    }

    fn write(&mut self, place: usize, value: f64) {
        self.memory[HEADER + 8 * place..][..8].copy_from_slice(&value.to_ne_bytes());
    }
}

/// Writes values one after the other.
fn fill<const N: usize>(column: &mut [u8], values: impl Iterator<Item = [u8; N]>) {
    for (out, value) in column.chunks_exact_mut(N).zip(values) {
        out.copy_from_slice(&value);
    }
}

/// Takes as many items off the front of `items` as one chunk holds; a larger one comes alone.
pub fn take_part(items: &mut Items) -> Items {
    let count = items.fit(ITEMS, INLINE_BYTES);
    items.split_front(count)
}

/// The bytes of all items, end to end.
pub fn bytes_of(items: &Items) -> Vec<u8> {
    match items.view(0..items.len()) {
        View::Numbers(_) => Vec::new(),
        View::Blobs(blobs) => blobs.bytes.to_vec(),
    }
}

/// The layout by name, for the test that compares it with src/chunk.ts.
#[napi(catch_unwind)]
pub fn chunk_layout() -> std::collections::HashMap<String, u32> {
    let places = [
        ("header", HEADER),
        ("numbers", NUMBERS),
        ("tags", TAGS),
        ("ends", ENDS),
        ("kinds", KINDS),
        ("bytes", BYTES),
        ("size", SIZE),
        ("Handed", Header::Handed as usize),
        ("Processed", Header::Processed as usize),
        ("Failed", Header::Failed as usize),
        ("Busy", Header::Busy as usize),
        ("Sample", Header::Sample as usize),
        ("Generation", Header::Generation as usize),
        ("Kind", Header::Kind as usize),
        ("Bytes", Header::Bytes as usize),
        ("Tagged", Header::Tagged as usize),
    ];
    places.into_iter().map(|(name, place)| (name.to_owned(), place as u32)).collect()
}

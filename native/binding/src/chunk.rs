//! The memory in which a call hands over up to 512 items: one buffer that JavaScript made, read and written by both
//! sides. src/chunk.ts has the same layout; a test compares the two.

use std::time::Duration;

use millrace_core::{Batch, BlobView, Items, Kind, KindView, View};
use napi_derive::napi;

use crate::large::Large;

/// The most items in a chunk.
pub const ITEMS: usize = 512;
/// The most bytes of items in the chunk itself.
pub const INLINE_BYTES: usize = 64 * 1024;

const HEADER: usize = 0;
const NUMBERS: usize = 128;
const TAGS: usize = NUMBERS + 8 * ITEMS;
const ENDS: usize = TAGS + 8 * ITEMS;
const KINDS: usize = ENDS + 4 * ITEMS;
const BYTES: usize = KINDS + ITEMS;
const SIZE: usize = BYTES + INLINE_BYTES;
/// The most bytes that one of UTF-8 becomes in UTF-16.
const WIDENED: usize = 2;

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
    /// Out, for workers: whether results are wanted; which attempt the items are at.
    Collecting = 12,
    Attempt = 13,
    /// Out, for channels: whether more items are there, which did not fit or go together with these.
    More = 14,
    /// Out: whether any item has a label, which is to be asked for.
    Labeled = 15,
}

/// A chunk, for the time of a call: batches are added until one does not fit the shape or the room.
pub struct Chunk<'a> {
    memory: &'a mut [u8],
    count: usize,
    bytes: usize,
    shape: Shape,
    tagged: bool,
    labeled: bool,
}

/// What the items of a chunk have in common.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// Numbers in a column of their own.
    Numbers,
    /// Bytes, all of one kind.
    One(Kind),
    /// UTF-8 that goes as UTF-16.
    Wide,
    /// Bytes, each of a kind of its own.
    Each,
    /// Bytes, each in memory of its own, which is not the chunk's.
    Large,
}

impl Shape {
    fn of(blobs: &BlobView<'_>) -> Self {
        match blobs.kinds {
            KindView::One(kind) => Shape::One(kind),
            KindView::Each(_) => Shape::Each,
        }
    }

    /// What it lies in the chunk as.
    fn written(self) -> Self {
        if self == Shape::Wide { Shape::One(Kind::Text16) } else { self }
    }

    /// As JavaScript knows it.
    fn number(self) -> u8 {
        match self {
            Shape::Numbers => Kind::Number as u8,
            Shape::One(kind) => kind as u8,
            Shape::Wide => Kind::Text16 as u8,
            Shape::Large => Kind::Bytes as u8,
            Shape::Each => 255,
        }
    }
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
        Chunk { memory, count: 0, bytes: 0, shape: Shape::Numbers, tagged: false, labeled: false }
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

    pub fn count(&self) -> usize {
        self.count
    }

    /// How many more items fit.
    pub fn room(&self) -> usize {
        ITEMS - self.count
    }

    /// How many items off the front of `items` can be added. To an empty chunk at least one can.
    pub fn fit(&self, items: &Items) -> usize {
        let left = INLINE_BYTES.saturating_sub(self.bytes);
        let mut fitting = items.fit(self.room(), left);
        let wide = matches!(items.view(0..fitting), View::Blobs(blobs) if blobs.is_wide_text());
        if wide {
            fitting = items.fit(self.room(), left / WIDENED);
        }
        if self.count == 0 || fitting == 0 {
            return fitting;
        }
        let goes_along = items.is_tagged() == self.tagged
            && match items.view(0..fitting) {
                View::Numbers(_) => self.shape == Shape::Numbers,
                View::Large(_) => false,
                View::Blobs(blobs) => {
                    let shape = if wide { self.shape_of(&blobs) } else { Shape::of(&blobs) };
                    self.shape == shape.written() && blobs.bytes.len() <= left
                }
            };
        if goes_along { fitting } else { 0 }
    }

    /// As [`fit`](Chunk::fit), for [`add_owned`](Chunk::add_owned): large items that are not copied are as many as there is
    /// room for.
    pub fn fit_owned(&self, items: &Items) -> usize {
        if !items.is_large() {
            return self.fit(items);
        }
        let goes_along = self.count == 0 || (self.shape == Shape::Large && items.is_tagged() == self.tagged);
        if goes_along { items.len().min(self.room()) } else { 0 }
    }

    fn shape_of(&self, blobs: &BlobView<'_>) -> Shape {
        let fits = self.bytes + WIDENED * blobs.bytes.len() <= INLINE_BYTES;
        if fits && blobs.is_wide_text() { Shape::Wide } else { Shape::of(blobs) }
    }

    /// Adds all of `items`, of which [`fit_owned`](Chunk::fit_owned) has said that they can be. Large ones are not copied.
    pub fn add_owned(&mut self, items: Items) -> Large {
        if !items.is_large() {
            return self.add(&items);
        }
        self.add_large(&items);
        items.into_large().map_or(Large::None, Large::Items)
    }

    /// Adds all of `items`, of which [`fit`](Chunk::fit) has said that they can be. Returns what is too large for the chunk.
    pub fn add(&mut self, items: &Items) -> Large {
        let mut large = Large::None;
        match items.view(0..items.len()) {
            View::Numbers(values) => {
                self.shape = Shape::Numbers;
                fill(&mut self.memory[NUMBERS + 8 * self.count..TAGS], values.iter().map(|value| value.to_ne_bytes()));
            }
            View::Large(copied) => {
                self.add_large(items);
                return Large::Items(copied.to_vec());
            }
            View::Blobs(blobs) => {
                let shape = self.shape_of(&blobs);
                self.shape = shape.written();
                if shape == Shape::Wide {
                    self.add_wide(&blobs);
                } else {
                    large = self.add_blobs(&blobs);
                }
            }
        }
        self.add_tags(items);
        large
    }

    fn add_large(&mut self, items: &Items) {
        self.shape = Shape::Large;
        // More than fits, whatever they are: JavaScript is to ask for them.
        self.bytes = INLINE_BYTES + 1;
        self.add_tags(items);
    }

    /// Counts the items, and tells their tags.
    fn add_tags(&mut self, items: &Items) {
        self.labeled |= items.has_labels();
        self.tagged = items.is_tagged();
        if self.tagged {
            let tags = (0..items.len()).map(|index| (items.tag(index) as f64).to_ne_bytes());
            fill(&mut self.memory[TAGS + 8 * self.count..ENDS], tags);
        }
        self.count += items.len();
    }

    fn add_blobs(&mut self, blobs: &BlobView<'_>) -> Large {
        if let KindView::Each(kinds) = blobs.kinds {
            fill(&mut self.memory[KINDS + self.count..BYTES], kinds.iter().map(|kind| [*kind as u8]));
        }
        let base = self.bytes as u32;
        let ends = blobs.ends().map(|end| (base + end).to_ne_bytes());
        fill(&mut self.memory[ENDS + 4 * self.count..KINDS], ends);
        let end = self.bytes + blobs.bytes.len();
        let begin = std::mem::replace(&mut self.bytes, end);
        if end <= INLINE_BYTES {
            self.memory[BYTES + begin..BYTES + end].copy_from_slice(blobs.bytes);
            return Large::None;
        }
        // Items without bytes may follow a large one.
        if blobs.bytes.is_empty() { Large::None } else { Large::Bytes(blobs.bytes.to_vec()) }
    }

    fn add_wide(&mut self, blobs: &BlobView<'_>) {
        let base = self.bytes as u32;
        let (columns, bytes) = self.memory.split_at_mut(BYTES);
        let mut ends = columns[ENDS + 4 * self.count..KINDS].chunks_exact_mut(4);
        let length = blobs.write_utf16(&mut bytes[self.bytes..], |end| {
            if let Some(place) = ends.next() {
                place.copy_from_slice(&(base + end).to_ne_bytes());
            }
        });
        self.bytes += length;
    }

    /// Completes the chunk and says how many items are in it.
    pub fn finish(mut self, generation: usize) -> i32 {
        self.write(Header::Generation as usize, generation as f64);
        self.write(Header::Kind as usize, f64::from(self.shape.number()));
        self.write(Header::Bytes as usize, self.bytes as f64);
        self.write(Header::Tagged as usize, f64::from(u8::from(self.tagged)));
        self.write(Header::Labeled as usize, f64::from(u8::from(self.labeled)));
        self.count.cast_signed() as i32
    }

    /// As [`finish`](Chunk::finish), for a worker.
    pub fn finish_for_worker(mut self, collecting: bool, attempt: u32) -> i32 {
        self.write(Header::Collecting as usize, f64::from(u8::from(collecting)));
        self.write(Header::Attempt as usize, f64::from(attempt));
        self.finish(0)
    }

    /// As [`finish`](Chunk::finish), for a channel.
    pub fn finish_for_channel(mut self, more: bool) -> i32 {
        self.write(Header::More as usize, f64::from(u8::from(more)));
        self.finish(0)
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

/// A time that JavaScript measured.
pub fn from_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

/// Writes values one after the other.
fn fill<const N: usize>(column: &mut [u8], values: impl Iterator<Item = [u8; N]>) {
    for (out, value) in column.chunks_exact_mut(N).zip(values) {
        out.copy_from_slice(&value);
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
        ("Collecting", Header::Collecting as usize),
        ("Attempt", Header::Attempt as usize),
        ("More", Header::More as usize),
        ("Labeled", Header::Labeled as usize),
    ];
    places.into_iter().map(|(name, place)| (name.to_owned(), place as u32)).collect()
}

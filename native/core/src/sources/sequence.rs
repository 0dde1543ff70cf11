//! Made-up items: names, numbers or bytes, as fast as they go or with a delay after each.

use fastrand::Rng;

use crate::delay::{Delay, from_ms};
use crate::items::{Items, Kind};
use crate::options::OptionError;
use crate::source::{Emitter, Halt, Source};

/// The most bytes in a batch of several items: few enough that they are still in a core's cache when they are handled,
/// and that a consumer takes them undivided.
const BATCH_BYTES: usize = 64 << 10;

/// The most bytes that are copied at once from those already made: from this core's nearest cache.
const COPY_BYTES: usize = 8 << 10;

/// What a sequence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SequenceItem {
    /// Text: `item_{producer}_{n}`, with `n` from 0 for each producer.
    #[default]
    Name,
    /// Numbers, each once. With a limit they are `0..limit`, and each producer makes a run of them; without one,
    /// producer `i` of `c` makes `i`, `i + c`, `i + 2c` and so on.
    Number,
    /// Bytes: the number that [`SequenceItem::Number`] would be, as 8 bytes in little-endian order, over and over.
    Bytes,
}

/// What can be set about a [`Sequence`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequenceOptions {
    /// What it is made of. Default: names.
    pub of: SequenceItem,
    /// How many bytes each item has, where it is made of bytes. Default: 64.
    pub size: usize,
    /// How long a producer sleeps after each item. Default: not at all.
    pub delay: Delay,
    /// How many items all producers make together, as evenly shared as it goes. Default: no end.
    pub limit: Option<u64>,
}

impl Default for SequenceOptions {
    fn default() -> Self {
        SequenceOptions { of: SequenceItem::Name, size: 64, delay: Delay::NONE, limit: None }
    }
}

/// Made-up items. Without a delay they go out in full batches; with one, each goes out before the sleep that follows.
#[derive(Debug, Clone, Copy)]
pub struct Sequence {
    options: SequenceOptions,
}

impl Sequence {
    /// The most bytes an item can have: 1 GiB.
    pub const MAX_SIZE: usize = 1 << 30;

    /// The highest limit, 2^53: up to there every number has its own `f64`.
    pub const MAX_LIMIT: u64 = 1 << 53;

    /// A sequence as `options` say.
    pub fn new(options: SequenceOptions) -> Result<Self, OptionError> {
        if options.size > Self::MAX_SIZE {
            let expected = format!("a number of bytes up to {}", Self::MAX_SIZE);
            return Err(OptionError::new("size", expected, options.size.to_string()));
        }
        if let Some(limit) = options.limit.filter(|limit| *limit > Self::MAX_LIMIT) {
            let expected = format!("a number of items up to {}", Self::MAX_LIMIT);
            return Err(OptionError::new("limit", expected, limit.to_string()));
        }
        Ok(Sequence { options })
    }

    /// One source for each of `count` producers.
    pub fn sources(&self, count: usize) -> Vec<SequenceSource> {
        let all = count as u64;
        (0..all)
            .map(|index| {
                let (start, step, left) = match self.options.limit {
                    Some(limit) => {
                        // The first producers make one more each where it doesn't come out even.
                        let (share, over) = (limit / all, limit % all);
                        (index * share + index.min(over), 1, share + u64::from(index < over))
                    }
                    None => (index, all, u64::MAX),
                };
                SequenceSource { options: self.options, index, start, step, next: 0, left }
            })
            .collect()
    }
}

/// One producer's part of a [`Sequence`].
#[derive(Debug)]
pub struct SequenceSource {
    options: SequenceOptions,
    index: u64,
    start: u64,
    step: u64,
    next: u64,
    left: u64,
}

impl Source<Items> for SequenceSource {
    fn run(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        match self.options.of {
            SequenceItem::Name => {
                let prefix = format!("item_{}_", self.index);
                self.produce(out, |n, _, batch| {
                    batch.push_with(Kind::Text, |bytes| {
                        bytes.extend_from_slice(prefix.as_bytes());
                        bytes.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
                    });
                })
            }
            SequenceItem::Number if self.options.delay.is_none() => self.produce_numbers(out),
            SequenceItem::Number => self.produce(out, |_, number, batch| batch.push_number(number as f64)),
            SequenceItem::Bytes => {
                let size = self.options.size;
                let together = if self.options.delay.is_none() { BATCH_BYTES / size.max(1) } else { 1 };
                let whole = together.clamp(1, out.room()) * size;
                self.produce(out, |_, number, batch| {
                    batch.push_with(Kind::Bytes, |bytes| {
                        if bytes.is_empty() {
                            // All at once: growing would copy each item once more.
                            bytes.reserve(whole);
                        }
                        repeat(number.to_le_bytes(), size, bytes);
                    });
                })
            }
        }
    }
}

impl SequenceSource {
    /// Makes items one by one: `make` gets how many this producer made before, and the item's number among all.
    fn produce(
        &mut self,
        out: &mut Emitter<'_, Items>,
        mut make: impl FnMut(u64, u64, &mut Items),
    ) -> Result<(), Halt> {
        let delay = self.options.delay;
        let mut random = Rng::new();
        while self.left > 0 {
            let mut heavy = false;
            out.emit(|batch| {
                make(self.next, self.number(), batch);
                heavy = batch.byte_len() + self.options.size > BATCH_BYTES;
            })?;
            self.advance(1);
            if heavy {
                out.flush()?;
            }
            if !delay.is_none() && self.left > 0 {
                out.sleep(from_ms(delay.draw(&mut random)))?;
            }
        }
        Ok(())
    }

    /// Makes numbers by the batch.
    fn produce_numbers(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        let step = self.step as f64;
        while self.left > 0 {
            let first = self.number() as f64;
            // Counting in 32 bits lets the compiler make several numbers an instruction.
            let count = i32::try_from(self.left.min(out.room() as u64)).unwrap_or(i32::MAX);
            out.emit(|batch| batch.extend_numbers((0..count).map(|i| first + step * f64::from(i))))?;
            self.advance(count as u64);
        }
        Ok(())
    }

    /// The next item's number among all.
    fn number(&self) -> u64 {
        self.start + self.next * self.step
    }

    fn advance(&mut self, items: u64) {
        self.next += items;
        self.left -= items;
    }
}

/// Appends `word` over and over until `size` bytes are there.
fn repeat(word: [u8; 8], size: usize, bytes: &mut Vec<u8>) {
    let words = [word; 8];
    let words = words.as_flattened();
    let begin = bytes.len();
    let end = begin + size;
    bytes.reserve(size);
    bytes.extend_from_slice(&words[..size.min(words.len())]);
    while bytes.len() < end {
        // Whole words until the last copy, so that the pattern goes on.
        let copied = (bytes.len() - begin).min(COPY_BYTES).min(end - bytes.len());
        bytes.extend_from_within(begin..begin + copied);
    }
}

//! The lines of files.

mod buffer;
mod input;

use std::path::PathBuf;
use std::sync::Arc;

use memchr::memchr;

use crate::items::{Encoding, Items};
use crate::options::OptionError;
use crate::source::{Emitter, Halt, Source};

use buffer::LineBuffer;
use input::{Claim, Claims, Input, RangeReader, StreamReader};

/// What can be set about [`Lines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinesOptions {
    /// How a line reaches JavaScript. Default: as text.
    pub encoding: Encoding,
    /// How many bytes of a file a producer takes on at a time. Default: 4 MiB.
    pub range: u64,
    /// How many bytes a producer reads at a time. Default: 256 KiB.
    pub buffer: usize,
    /// Where a line has its key. Default: nowhere.
    pub key: Option<KeyColumn>,
}

/// The column of a line that is its key, by its bytes. Nothing is unquoted. A line with fewer columns has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumn {
    /// Which one, from 0.
    pub index: usize,
    /// What is between two columns.
    pub delimiter: u8,
}

impl KeyColumn {
    fn of(self, line: &[u8]) -> Option<&[u8]> {
        let mut begin = 0;
        for _ in 0..self.index {
            begin += memchr(self.delimiter, &line[begin..])? + 1;
        }
        let rest = &line[begin..];
        Some(&rest[..memchr(self.delimiter, rest).unwrap_or(rest.len())])
    }
}

impl Default for LinesOptions {
    fn default() -> Self {
        LinesOptions { encoding: Encoding::Utf8, range: 4 << 20, buffer: 256 << 10, key: None }
    }
}

/// The lines of files, each exactly once, without its `\n` or `\r\n`. Empty lines count, and so does a last line
/// without `\n`.
///
/// Producers take ranges of the files from a common list, so that they all have work to the end. A line belongs to
/// the range in which it begins. Each producer needs its buffer and room for the longest line it meets.
///
/// A regular file is read up to the size it had when the plan was made; one that is found shorter than that, or
/// replaced by another, ends the source with `ERR_MILLRACE_FILE_CHANGED`. Anything else that can be read, such as a
/// FIFO or `/dev/stdin`, is read by one producer from beginning to end.
#[derive(Debug, Clone)]
pub struct Lines {
    inputs: Arc<[Input]>,
    options: LinesOptions,
}

impl Lines {
    /// The largest buffer, 1 MiB: between two reads a producer looks at the stop flag.
    pub const MAX_BUFFER: usize = 1 << 20;

    /// The lines of the files at `paths`. Opens each once, to see that it can be read.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>, options: LinesOptions) -> Result<Self, OptionError> {
        if options.range == 0 {
            return Err(OptionError::new("range", "a number of bytes from 1", "0"));
        }
        if !(1..=Self::MAX_BUFFER).contains(&options.buffer) {
            let expected = format!("a number of bytes from 1 to {}", Self::MAX_BUFFER);
            return Err(OptionError::new("buffer", expected, options.buffer.to_string()));
        }
        let inputs = paths.into_iter().map(Input::new).collect::<Result<Arc<[_]>, _>>()?;
        if inputs.is_empty() {
            return Err(OptionError::new("paths", "at least one path", "none"));
        }
        Ok(Lines { inputs, options })
    }

    /// One source for each of `count` producers.
    pub fn sources(&self, count: usize) -> Vec<LinesSource> {
        let claims = Arc::new(Claims::new(Arc::clone(&self.inputs), self.options.range));
        (0..count).map(|_| LinesSource { claims: Arc::clone(&claims), options: self.options }).collect()
    }
}

/// One producer's part of [`Lines`].
#[derive(Debug)]
pub struct LinesSource {
    claims: Arc<Claims>,
    options: LinesOptions,
}

impl Source<Items> for LinesSource {
    fn run(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        let mut buffer = LineBuffer::new(&self.options);
        let mut open = None;
        while let Some(claim) = self.claims.next() {
            match claim {
                Claim::Stream(input) => {
                    let mut reader = StreamReader::open(input)?;
                    buffer.split(&mut reader, 0..u64::MAX, out)?;
                }
                Claim::Range(input, range) => {
                    let mut reader = RangeReader::open(input, &range, &mut open)?;
                    buffer.split(&mut reader, range, out)?;
                }
            }
        }
        Ok(())
    }
}

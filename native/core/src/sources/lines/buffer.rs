//! Cutting what is read into lines.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::input::Reader;
use super::{KeyColumn, LinesOptions};
use crate::batch::Batch;
use crate::failure::Failure;
use crate::items::{Item, Items, Kind};
use crate::key::key_of;
use crate::source::{Emitter, Halt};
use crate::sources::BATCH_BYTES;

/// The longest line, in bytes: what an item may have.
const LONGEST: usize = 1 << 30;

/// What was read and is not cut into lines yet. Grows to the longest line, and back once that is through.
pub(super) struct LineBuffer {
    bytes: Vec<u8>,
    size: usize,
    begin: usize,
    end: usize,
    kind: Kind,
    key: Option<KeyColumn>,
}

impl LineBuffer {
    pub fn new(options: &LinesOptions) -> Self {
        let size = options.buffer;
        LineBuffer { bytes: vec![0; size], size, begin: 0, end: 0, kind: options.encoding.kind(), key: options.key }
    }

    /// Sends the lines that begin in `range`. `reader` starts at the byte before the range, because whether a line
    /// begins with the range depends on it, or at 0 where there is none.
    pub fn split<R: Reader>(
        &mut self,
        reader: &mut R,
        range: Range<u64>,
        out: &mut Emitter<'_, Items>,
    ) -> Result<(), Halt> {
        self.reset();
        let mut at = range.start.saturating_sub(1);
        if range.start > 0 && !self.skip_line(reader, &mut at, range.end, out)? {
            return Ok(());
        }
        let mut searched = 0;
        while at < range.end {
            let taken = self.send_lines(searched, range.end - at, out)?;
            self.begin += taken;
            at += taken as u64;
            if at >= range.end {
                return Ok(());
            }
            searched = self.unread().len();
            if self.fill(reader, out)? == 0 {
                return self.send_rest(out);
            }
        }
        Ok(())
    }

    /// Moves to behind the first `\n` at or after `at`. False: there is none before the last byte of the range, so that
    /// no line begins in it.
    fn skip_line<R: Reader>(
        &mut self,
        reader: &mut R,
        at: &mut u64,
        end: u64,
        out: &mut Emitter<'_, Items>,
    ) -> Result<bool, Halt> {
        while *at + 1 < end && self.fill(reader, out)? > 0 {
            let newline = memchr(b'\n', self.unread());
            let skipped = newline.map_or(self.unread().len(), |newline| newline + 1);
            self.begin += skipped;
            *at += skipped as u64;
            if newline.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends the whole lines there are that begin before `end`, knowing that there is no `\n` before `searched`.
    /// Returns how many bytes they take, their ends included.
    fn send_lines(&self, searched: usize, end: u64, out: &mut Emitter<'_, Items>) -> Result<usize, Halt> {
        let unread = self.unread();
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let mut newlines = memchr_iter(b'\n', &unread[searched..]).map(|newline| newline + searched);
        let mut begin = 0;
        let mut more = true;
        while more {
            let mut heavy = false;
            let room = out.room();
            out.emit(|batch| {
                for _ in 0..room {
                    let Some(newline) = newlines.next().filter(|_| begin < end) else {
                        more = false;
                        break;
                    };
                    let line = &unread[begin..newline];
                    self.push(batch, line.strip_suffix(b"\r").unwrap_or(line));
                    begin = newline + 1;
                    heavy = batch.byte_len() >= BATCH_BYTES;
                    if heavy {
                        break;
                    }
                }
            })?;
            if heavy {
                out.flush()?;
            }
        }
        Ok(begin)
    }

    /// Sends what follows the last `\n` of the file.
    fn send_rest(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        let rest = self.unread();
        if rest.is_empty() {
            return Ok(());
        }
        out.emit(|batch| self.push(batch, rest))
    }

    fn push(&self, batch: &mut Items, line: &[u8]) {
        batch.push(match self.kind {
            Kind::Bytes => Item::Bytes(line),
            _ => Item::Text(line),
        });
        if let Some(key) = self.key.and_then(|column| column.of(line)) {
            batch.set_key(batch.len() - 1, key_of(key));
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }

    /// Reads more behind what there is; 0 is the end of the input. Flushes first, since reading may wait.
    fn fill<R: Reader>(&mut self, reader: &mut R, out: &mut Emitter<'_, Items>) -> Result<usize, Halt> {
        out.flush()?;
        if self.begin > 0 {
            self.bytes.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
        }
        if self.end >= LONGEST {
            let message = format!("lines: expected lines of at most {LONGEST} bytes, got a longer one");
            return Err(Failure::new("ERR_MILLRACE_LINE_TOO_LONG", message).into());
        }
        if self.end == self.bytes.len() {
            // Fresh zeroed memory, where `resize` would write zeros: pages that no line reaches are never touched.
            let mut grown = vec![0; self.bytes.len() * 2];
            grown[..self.end].copy_from_slice(&self.bytes);
            self.bytes = grown;
        }
        // No more at a time where the buffer has grown, so that the stop flag is looked at as often.
        let space = (self.bytes.len() - self.end).min(self.size);
        let read = reader.read(&mut self.bytes[self.end..][..space], out)?;
        self.end += read;
        Ok(read)
    }

    fn reset(&mut self) {
        self.begin = 0;
        self.end = 0;
        if self.bytes.len() > self.size {
            self.bytes = vec![0; self.size];
        }
    }
}

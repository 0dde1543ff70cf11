//! The inputs of a [`Lines`](super::Lines), how they are shared out, and how they are read.

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Access, FileType};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::file;
use crate::items::Items;
use crate::options::OptionError;
use crate::source::{Emitter, Halt, STOP_CHECK};

/// How many bytes to read at a time past the end of a range, where only one line is to be finished.
const FINISH_BYTES: usize = 64 << 10;

/// A file that can be read, by a look at it when the plan was made.
#[derive(Debug)]
pub(super) struct Input {
    path: PathBuf,
    /// Of a regular file; none where the input is read from beginning to end.
    extent: Option<Extent>,
}

/// Which file it is, and how much of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    device: u64,
    inode: u64,
    size: u64,
}

impl Input {
    pub fn new(path: PathBuf) -> Result<Self, OptionError> {
        match Extent::look(&path) {
            Ok(Ok(extent)) => Ok(Input { path, extent }),
            Ok(Err(what)) => Err(unusable(&path, &what)),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// How many ranges of `range` bytes it has.
    fn ranges(&self, range: u64) -> u64 {
        self.extent.map_or(1, |extent| extent.size.div_ceil(range))
    }
}

fn unusable(path: &Path, what: &dyn std::fmt::Display) -> OptionError {
    OptionError::new("paths", "files that can be read", format!("{}: {what}", path.display()))
}

impl Extent {
    /// What to read of `path`, or the name of what can't be read. Opens only regular files: opening a FIFO would
    /// tell its writer that somebody reads, and closing it again that nobody does.
    fn look(path: &Path) -> io::Result<Result<Option<Self>, &'static str>> {
        match file::type_of(&rustix::fs::stat(path)?) {
            FileType::RegularFile => {
                let (_, stat) = file::open(path)?;
                let extent = Extent::of(&stat);
                // Files in /proc say that they are empty, and are not.
                Ok(Ok(Some(extent).filter(|extent| extent.size > 0)))
            }
            other @ (FileType::Directory | FileType::Socket) => Ok(Err(file::type_name(other))),
            _ => {
                rustix::fs::access(path, Access::READ_OK)?;
                Ok(Ok(None))
            }
        }
    }

    fn of(stat: &rustix::fs::Stat) -> Self {
        Extent { device: stat.st_dev, inode: stat.st_ino, size: stat.st_size as u64 }
    }
}

/// What is still to be read, shared by all producers.
#[derive(Debug)]
pub(super) struct Claims {
    inputs: Arc<[Input]>,
    range: u64,
    /// For each input the number of its first range, and at the end the number of all.
    firsts: Vec<u64>,
    next: AtomicU64,
}

/// A part of the work that a producer took on.
pub(super) enum Claim<'a> {
    /// All of an input.
    Stream(&'a Input),
    /// A range of a regular file.
    Range(&'a Input, Range<u64>),
}

impl Claims {
    pub fn new(inputs: Arc<[Input]>, range: u64) -> Self {
        let mut firsts = vec![0];
        firsts.extend(inputs.iter().scan(0, |first, input| {
            *first += input.ranges(range);
            Some(*first)
        }));
        Claims { inputs, range, firsts, next: AtomicU64::new(0) }
    }

    /// The next part that nobody took on yet.
    pub fn next(&self) -> Option<Claim<'_>> {
        // Relaxed: all that matters is that each number is drawn once.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let index = self.firsts.partition_point(|first| *first <= number) - 1;
        let input = self.inputs.get(index)?;
        let Some(extent) = input.extent else {
            return Some(Claim::Stream(input));
        };
        let start = (number - self.firsts[index]) * self.range;
        Some(Claim::Range(input, start..start.saturating_add(self.range).min(extent.size)))
    }
}

/// Where lines are read from.
pub(super) trait Reader {
    /// Reads into `bytes`, which is not empty, and says how much; 0 is the end. What may wait long looks at the stop
    /// flag of `out`.
    fn read(&mut self, bytes: &mut [u8], out: &Emitter<'_, Items>) -> Result<usize, Halt>;
}

/// Reads a regular file from the byte before a range up to the size the file had at first.
pub(super) struct RangeReader<'a> {
    file: &'a OwnedFd,
    path: &'a Path,
    offset: u64,
    range_end: u64,
    size: u64,
}

/// The regular file that a producer has open, kept from one range to the next.
pub(super) struct OpenFile {
    file: OwnedFd,
    extent: Extent,
}

impl<'a> RangeReader<'a> {
    pub fn open(input: &'a Input, range: &Range<u64>, open: &'a mut Option<OpenFile>) -> Result<Self, Failure> {
        let path = &*input.path;
        let expected = input.extent.expect("ranges are of regular files");
        if open.as_ref().is_none_or(|open| open.extent != expected) {
            let (file, stat) = file::open(path).map_err(|error| Failure::io(&error, path))?;
            let found = Extent::of(&stat);
            if (found.device, found.inode) != (expected.device, expected.inode) {
                return Err(file::changed(path, "the file that was there at first, got another"));
            }
            *open = Some(OpenFile { file, extent: expected });
        }
        let file = &open.as_ref().expect("opened above").file;
        let offset = range.start.saturating_sub(1);
        Ok(RangeReader { file, path, offset, range_end: range.end, size: expected.size })
    }
}

impl Reader for RangeReader<'_> {
    fn read(&mut self, bytes: &mut [u8], _: &Emitter<'_, Items>) -> Result<usize, Halt> {
        let (end, most) =
            if self.offset < self.range_end { (self.range_end, bytes.len()) } else { (self.size, FINISH_BYTES) };
        let left = usize::try_from(end - self.offset).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(0);
        }
        let most = most.min(left).min(bytes.len());
        let read = rustix::io::retry_on_intr(|| rustix::io::pread(self.file, &mut bytes[..most], self.offset))
            .map_err(|error| Failure::io(&error.into(), self.path))?;
        if read == 0 {
            file::check_end(self.file, self.path, self.size)?;
        }
        self.offset += read as u64;
        Ok(read)
    }
}

/// Reads an input of any type from beginning to end.
pub(super) struct StreamReader<'a> {
    file: OwnedFd,
    path: &'a Path,
}

impl<'a> StreamReader<'a> {
    pub fn open(input: &'a Input) -> Result<Self, Failure> {
        let (file, _) = file::open(&input.path).map_err(|error| Failure::io(&error, &input.path))?;
        Ok(StreamReader { file, path: &input.path })
    }
}

impl Reader for StreamReader<'_> {
    fn read(&mut self, bytes: &mut [u8], out: &Emitter<'_, Items>) -> Result<usize, Halt> {
        let slice = Timespec::try_from(STOP_CHECK).expect("a short time");
        let failed = |error: Errno| Failure::io(&error.into(), self.path);
        loop {
            out.check()?;
            // A FIFO that never had a writer reads as ended, so ask first: it is ready once one has come.
            let mut ready = [PollFd::new(&self.file, PollFlags::IN)];
            match rustix::event::poll(&mut ready, Some(&slice)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(failed(error).into()),
            }
            match rustix::io::read(&self.file, &mut *bytes) {
                // Another reader of the same FIFO was faster.
                Err(Errno::AGAIN | Errno::INTR) => {}
                Ok(read) => return Ok(read),
                Err(error) => return Err(failed(error).into()),
            }
        }
    }
}

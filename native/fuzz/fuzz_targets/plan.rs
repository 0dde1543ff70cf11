//! One run of the lines source, and what it ought to send.

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use millrace_core::sources::{KeyColumn, Lines, LinesOptions};
use millrace_core::{Batch, Emitter, Encoding, Failure, Halt, Item, Items, Kind, Outlet, Source, key_of};
use rustix::fs::MemfdFlags;

use crate::feed::Feed;

/// The most that a piece of an input is repeated, so that a few bytes become lines longer than any buffer.
const REPEATED: usize = 300;
const PIECES: usize = 12;
const INPUTS: usize = 3;

enum Input {
    Regular {
        file: File,
        content: Vec<u8>,
        /// Its size once the plan is made.
        becomes: usize,
    },
    Stream(RefCell<Feed>, Vec<u8>),
}

impl Input {
    fn new(input: &mut Unstructured) -> Result<Self> {
        let content = content(input)?;
        if input.ratio(1, 3)? {
            return Ok(Input::Stream(RefCell::new(Feed::new(&content, input)?), content));
        }
        let file = File::from(rustix::fs::memfd_create("lines", MemfdFlags::CLOEXEC).expect("a file in memory"));
        file.write_all_at(&content, 0).expect("memory");
        // What says that it is empty is read to its end whenever that is, as files in /proc have to be.
        let changed = !content.is_empty() && input.ratio(1, 8)?;
        let becomes = if changed { input.int_in_range(0..=content.len() + 10)? } else { content.len() };
        Ok(Input::Regular { file, content, becomes })
    }

    fn path(&self) -> PathBuf {
        let place = match self {
            Input::Regular { file, .. } => file.as_raw_fd(),
            Input::Stream(feed, _) => feed.borrow().as_raw_fd(),
        };
        PathBuf::from(format!("/proc/self/fd/{place}"))
    }

    fn content(&self) -> &[u8] {
        let (Input::Regular { content, .. } | Input::Stream(_, content)) = self;
        content
    }

    fn is_shorter(&self) -> bool {
        matches!(self, Input::Regular { content, becomes, .. } if *becomes < content.len())
    }
}

fn content(input: &mut Unstructured) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    for _ in 0..input.int_in_range(0..=PIECES)? {
        let ends: [&[u8]; 6] = [b"\n", b"\r\n", b"\r", b"\0", b"\xff", b""];
        let piece: Vec<u8> = input.arbitrary()?;
        let times = if input.ratio(1, 4)? { input.int_in_range(1..=REPEATED)? } else { 1 };
        content.extend(piece.repeat(times));
        content.extend_from_slice(input.choose(&ends)?);
    }
    Ok(content)
}

/// The lines by the plainest means.
fn split(content: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = content.split(|byte| *byte == b'\n').collect();
    let rest = lines.pop().filter(|rest| !rest.is_empty());
    for line in &mut lines {
        *line = line.strip_suffix(b"\r").unwrap_or(line);
    }
    lines.extend(rest);
    lines
}

fn key(line: &[u8], column: Option<KeyColumn>) -> u64 {
    let column = column.and_then(|KeyColumn { index, delimiter }| line.split(|byte| *byte == delimiter).nth(index));
    column.map_or(0, key_of)
}

/// What is sent, compared with what ought to be as it comes.
struct Expecting<'a> {
    lines: std::vec::IntoIter<&'a [u8]>,
    options: LinesOptions,
    limit: usize,
    inputs: &'a [Input],
    /// How many batches are taken before the system stops.
    batches: usize,
}

impl Outlet<Items> for Expecting<'_> {
    fn send(&mut self, batch: Items) -> std::result::Result<(), Halt> {
        assert!((1..=self.limit).contains(&batch.len()), "a batch of {} items of at most {}", batch.len(), self.limit);
        if self.batches == 0 {
            return Err(Halt::Stopped);
        }
        self.batches -= 1;
        for index in 0..batch.len() {
            let line = self.lines.next().expect("no more lines than there are");
            match (batch.get(index), self.options.encoding.kind()) {
                (Item::Text(got), Kind::Text) | (Item::Bytes(got), Kind::Bytes) => assert_eq!(got, line),
                (other, kind) => panic!("expected {kind:?}, got {other:?}"),
            }
            assert_eq!(batch.key(index), key(line, self.options.key));
        }
        Ok(())
    }

    fn forward(&mut self, batch: Items) -> std::result::Result<(), (Halt, Items)> {
        panic!("expected the source to make its batches, got {batch:?}");
    }

    fn reject(&mut self, batch: Items, failure: Failure) {
        panic!("expected no line to fail, got {batch:?}: {failure:?}");
    }

    fn stopping(&self) -> bool {
        // The source looks here before each read that may wait: the moment to have something there.
        for input in self.inputs {
            if let Input::Stream(feed, _) = input {
                feed.borrow_mut().next();
            }
        }
        self.batches == 0
    }
}

/// Splits what `data` says in the way that it says.
pub fn run(data: &[u8]) -> Result<()> {
    let input = &mut Unstructured::new(data);
    let key = KeyColumn { index: input.int_in_range(0..=3)?, delimiter: input.arbitrary()? };
    let options = LinesOptions {
        encoding: if input.arbitrary()? { Encoding::Utf8 } else { Encoding::Buffer },
        range: if input.arbitrary()? { input.int_in_range(1..=20)? } else { input.int_in_range(1..=5000)? },
        buffer: if input.arbitrary()? { input.int_in_range(1..=20)? } else { input.int_in_range(1..=5000)? },
        key: input.arbitrary::<bool>()?.then_some(key),
    };
    let limit = input.int_in_range(1..=70)?;
    let stops = input.ratio(1, 8)?;
    let batches = if stops { input.int_in_range(0..=10)? } else { usize::MAX };
    let inputs = (0..input.int_in_range(1..=INPUTS)?).map(|_| Input::new(input)).collect::<Result<Vec<_>>>()?;

    let plan = Lines::new(inputs.iter().map(Input::path), options).expect("files that can be read");
    for input in &inputs {
        if let Input::Regular { file, content, becomes } = input
            && *becomes != content.len()
        {
            file.set_len(*becomes as u64).expect("memory");
        }
    }
    let lines: Vec<_> = inputs.iter().flat_map(|input| split(input.content())).collect();
    let mut expecting = Expecting { lines: lines.into_iter(), options, limit, inputs: &inputs, batches };
    let mut out = Emitter::new(&mut expecting, limit, 0, 1);
    let ended = plan.sources(1)[0].run(&mut out).and_then(|()| out.flush());
    match ended {
        Ok(()) => {
            assert!(!inputs.iter().any(Input::is_shorter), "expected a file that was cut off to be noticed");
            assert_eq!(expecting.lines.as_slice(), [&[0u8; 0][..]; 0], "lines that were not sent");
        }
        Err(Halt::Stopped) => assert_eq!(expecting.batches, 0),
        Err(Halt::Failed(failure)) => {
            assert_eq!(failure.code, "ERR_MILLRACE_FILE_CHANGED");
            assert!(inputs.iter().any(Input::is_shorter));
        }
    }
    Ok(())
}

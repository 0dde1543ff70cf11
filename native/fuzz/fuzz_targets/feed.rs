//! A FIFO that is written portion by portion, each once the one before was read.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// What every FIFO has room for, so that no write waits.
const PORTION: usize = 4096;

pub struct Feed {
    reader: OwnedFd,
    /// Until everything is written: then the readers get the end.
    writer: Option<OwnedFd>,
    portions: VecDeque<Vec<u8>>,
}

impl Feed {
    /// All of `content`, cut where the input says.
    pub fn new(content: &[u8], input: &mut Unstructured) -> Result<Self> {
        let (reader, writer) = rustix::pipe::pipe().expect("a FIFO");
        let mut portions = VecDeque::new();
        let mut rest = content;
        while !rest.is_empty() {
            let most = rest.len().min(PORTION);
            let length = if input.is_empty() { most } else { input.int_in_range(1..=most)? };
            portions.push_back(rest[..length].to_vec());
            rest = &rest[length..];
        }
        Ok(Feed { reader, writer: Some(writer), portions })
    }

    /// Writes the next portion where there is nothing to read.
    pub fn next(&mut self) {
        if rustix::io::ioctl_fionread(&self.reader).expect("a FIFO") > 0 {
            return;
        }
        let (Some(portion), Some(writer)) = (self.portions.pop_front(), &self.writer) else {
            self.writer = None;
            return;
        };
        let written = rustix::io::write(writer, &portion).expect("room in a FIFO");
        assert_eq!(written, portion.len());
    }
}

impl AsRawFd for Feed {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}

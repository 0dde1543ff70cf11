//! Hashes files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::FileType;

use super::digest::{Algorithm, Hasher, Hex};
use crate::failure::Failure;
use crate::file;
use crate::items::{Encoding, FileDigest, Item, Items};
use crate::task::{Task, TaskContext};

/// How many bytes to read at a time. On cached files, sizes from 64 KiB to 1 MiB were measured within a tenth of each
/// other; this one stays in a second-level cache.
const BUFFER: usize = 128 << 10;

/// Hashes the content of the file that each item names, as text or bytes; the result is the path with the digest.
///
/// Files are read in parts through one buffer a thread. What is no regular file fails with
/// `ERR_MILLRACE_NOT_A_FILE`, and never waits for a writer or a device. One that gets shorter while it is read fails with
/// `ERR_MILLRACE_FILE_CHANGED`.
#[derive(Debug, Clone, Copy)]
pub struct HashFile {
    algorithm: Algorithm,
    encoding: Encoding,
}

impl HashFile {
    /// A task that hashes with `algorithm` and gives paths in `encoding`.
    pub fn new(algorithm: Algorithm, encoding: Encoding) -> Self {
        HashFile { algorithm, encoding }
    }

    /// A task for one consumer thread.
    pub fn task(&self) -> HashFileTask {
        HashFileTask { hasher: self.algorithm.hasher(), encoding: self.encoding, buffer: vec![0; BUFFER] }
    }
}

/// One consumer's [`HashFile`].
pub struct HashFileTask {
    hasher: Hasher,
    encoding: Encoding,
    buffer: Vec<u8>,
}

impl Task<Items, Items> for HashFileTask {
    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        let Some(path) = batch.get(index).content() else {
            return Err(super::invalid_item("a path, as text or bytes", batch.kind(index)));
        };
        let hex = self.hash(Path::new(OsStr::from_bytes(&path)), *context)?;
        if let Some(results) = results {
            let raw = self.encoding == Encoding::Buffer;
            results.push(Item::FileDigest(FileDigest { digest: hex.as_bytes(), path: &path, raw }));
        }
        Ok(())
    }
}

impl HashFileTask {
    fn hash(&mut self, path: &Path, context: TaskContext<'_>) -> Result<Hex, Failure> {
        let failed = |error: std::io::Error| Failure::io(&error, path);
        let (file, stat) = file::open(path).map_err(failed)?;
        match file::type_of(&stat) {
            FileType::RegularFile => {}
            other => {
                let message = format!("{}: expected a regular file, got {}", path.display(), file::type_name(other));
                return Err(Failure::new("ERR_MILLRACE_NOT_A_FILE", message));
            }
        }
        let size = stat.st_size as u64;
        let mut total = 0;
        self.hasher.reset();
        loop {
            context.check()?;
            let read = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *self.buffer))
                .map_err(|error| failed(error.into()))?;
            self.hasher.update(&self.buffer[..read]);
            total += read as u64;
            // A short read that ends at the size of the file saves the one that would say 0. Files in /proc have
            // no size, and are read until then.
            if read == 0 && total < size {
                file::check_end(&file, path, size)?;
            }
            if read == 0 || (read < self.buffer.len() && total == size) {
                return Ok(self.hasher.finish());
            }
        }
    }
}

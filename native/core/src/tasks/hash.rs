//! Hashes items.

use super::CHECK_BYTES;
use super::digest::{Algorithm, Hasher};
use crate::failure::Failure;
use crate::items::{Item, Items};
use crate::task::{Task, TaskContext};

/// Hashes the bytes of each item, or the UTF-8 of its text; the result is text in lowercase hex digits. Anything else
/// fails with `ERR_MILLRACE_INVALID_ITEM`.
#[derive(Debug, Clone, Copy)]
pub struct Hash {
    algorithm: Algorithm,
}

impl Hash {
    /// A task that hashes with `algorithm`.
    pub fn new(algorithm: Algorithm) -> Self {
        Hash { algorithm }
    }

    /// A task for one consumer thread.
    pub fn task(&self) -> HashTask {
        HashTask { hasher: self.algorithm.hasher() }
    }
}

/// One consumer's [`struct@Hash`]. Takes small items several at once, and large ones one at a time.
pub struct HashTask {
    hasher: Hasher,
}

/// The most small items to take at once.
const PREFETCH: usize = 64;

/// How many bytes to take at once: some 50 µs of SHA-256, about what it takes to wake an idle consumer.
const PREFETCH_BYTES: usize = 64 << 10;

impl Task<Items, Items> for HashTask {
    fn prefetch(&self) -> usize {
        PREFETCH
    }

    fn prefetch_bytes(&self) -> usize {
        PREFETCH_BYTES
    }

    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        let item = batch.get(index);
        let invalid = || super::invalid_item("bytes or text", item.kind());
        let mut parts = item.content_parts(CHECK_BYTES).ok_or_else(invalid)?;
        self.hasher.reset();
        let mut check = false;
        while let Some(part) = parts.next_part() {
            // Not at the front of each item: what was taken together is done within microseconds.
            if check {
                context.check()?;
            }
            check = true;
            self.hasher.update(part.map_err(|_| invalid())?);
        }
        let hex = self.hasher.finish();
        if let Some(results) = results {
            results.push(Item::Text(hex.as_bytes()));
        }
        Ok(())
    }
}

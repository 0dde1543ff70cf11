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

/// One consumer's [`struct@Hash`]. Takes one item at a time: the next may be a gigabyte.
pub struct HashTask {
    hasher: Hasher,
}

impl Task<Items, Items> for HashTask {
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
        while let Some(part) = parts.next_part() {
            context.check()?;
            self.hasher.update(part.map_err(|_| invalid())?);
        }
        let hex = self.hasher.finish();
        if let Some(results) = results {
            results.push(Item::Text(hex.as_bytes()));
        }
        Ok(())
    }
}

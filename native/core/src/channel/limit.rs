//! How much to take at once.

use super::wait::RECEIVE_YIELDS;
use crate::batch::Batch;

/// How much to take at once: so many items, and so many bytes unless one item alone has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

impl From<usize> for Limit {
    fn from(items: usize) -> Self {
        Limit { items, bytes: usize::MAX }
    }
}

impl Limit {
    /// Whether it says anything about bytes.
    #[inline]
    pub(crate) fn weighs(self) -> bool {
        self.bytes < usize::MAX
    }

    /// How many items to take where their bytes are not looked at.
    pub(super) fn unseen(self) -> usize {
        if self.weighs() { 1 } else { self.items }
    }

    /// How often to yield before a wait. Who minds the bytes works for long on what it takes, and so do the others: a yield
    /// would last a time slice of theirs, while another core is idle that a wake-up would use.
    pub(super) fn yields(self) -> u32 {
        if self.weighs() { 0 } else { RECEIVE_YIELDS }
    }

    /// How many items of `batch` to take.
    #[inline]
    pub(super) fn of<B: Batch>(self, batch: &B) -> usize {
        if self.weighs() { batch.fit(self.items, self.bytes) } else { self.items.min(batch.len()) }
    }
}

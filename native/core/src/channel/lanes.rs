//! Which lane goes next: the highest, but for those that have waited long.

use std::time::Duration;

/// What the next item of a lane counts as. The greatest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score {
    /// Its lane, and one more for each time of aging that it has waited.
    level: u64,
    /// How long it has waited.
    waited: u64,
}

/// When each lane had its turn. A lane waits from the moment it has an item, or from its last turn where that was later:
/// so a long backlog of a low lane gains it one turn in a while, and never makes it as good as the highest.
#[derive(Debug)]
pub(super) struct Lanes {
    aging: u64,
    served: Box<[u64]>,
}

impl Lanes {
    pub(super) fn new(count: u8, aging: Duration) -> Self {
        let aging = u64::try_from(aging.as_nanos()).unwrap_or(u64::MAX).max(1);
        Lanes { aging, served: vec![0; usize::from(count)].into() }
    }

    pub(super) fn count(&self) -> usize {
        self.served.len()
    }

    /// The lane that a number stands for.
    pub(super) fn of(&self, number: u8) -> usize {
        usize::from(number).min(self.served.len() - 1)
    }

    /// What an item counts as that is the first of its lane since `since`.
    pub(super) fn score(&self, lane: usize, since: u64, now: u64) -> Score {
        let waited = now.saturating_sub(since.max(self.served[lane]));
        Score { level: (lane as u64).saturating_add(waited / self.aging), waited }
    }

    /// A lane has its turn.
    pub(super) fn serve(&mut self, lane: usize, now: u64) {
        self.served[lane] = now;
    }
}

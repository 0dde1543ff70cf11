//! What came of a system.

use super::stats::SystemStats;
use crate::failure::Failure;

/// What came of a system.
#[derive(Debug)]
pub struct Report<B> {
    /// The figures at the end.
    pub stats: SystemStats,
    /// Items that an abort found in the channel, or handed to nobody.
    pub unprocessed: Vec<B>,
    /// The error of the source that failed first.
    pub source_failure: Option<Failure>,
    /// Why it was aborted.
    pub abort_reason: Option<Failure>,
    /// Whether a stop ran past its time-out.
    pub timed_out: bool,
    /// Threads that did not end in time and were left to themselves.
    pub detached: Vec<String>,
}

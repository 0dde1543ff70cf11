//! What each thread counts, on cache lines of its own, so that counting costs nobody anything. Summed when read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use hdrhistogram::Histogram;

use super::stats::ThreadState;
use crate::sync::lock;

/// A counter that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds, where no other thread ever does: a load and a store are enough.
    pub(crate) fn add(&self, n: u64) {
        // Release: who reads a settled count also sees what was counted before it; see idle.rs.
        self.0.store(self.0.load(Ordering::Relaxed) + n, Ordering::Release);
    }

    /// Adds, where other threads may too.
    pub(crate) fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Ordering::AcqRel);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What a thread is doing; written by it, and by the supervisor that gives it up.
#[derive(Debug, Default)]
pub(crate) struct Phase(AtomicU8);

impl Phase {
    pub(crate) fn set(&self, state: ThreadState) {
        self.0.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> ThreadState {
        use ThreadState::{Busy, Detached, Ended, Starting, Waiting};
        let states = [Starting, Busy, Waiting, Ended, Detached];
        states[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

/// One producer's counts. Written by it alone; the one for sends from outside is shared, see [`Count::add_shared`].
#[derive(Debug, Default)]
pub(crate) struct ProducerCounts {
    pub(crate) phase: Phase,
    /// Items admitted. Those of the one producer outside whose sends are futures are counted by the channel.
    pub(crate) produced: Count,
    /// Items whose send began, by generation.
    pub(crate) begun: [Count; 2],
    /// Of those, items that were refused.
    pub(crate) refused: [Count; 2],
    /// Items that the source itself reported as failed.
    pub(crate) rejected: Count,
    /// Time spent on a full channel, in ns.
    pub(crate) waiting: Count,
}

/// One consumer's counts. Written by it alone, but for `in_hand`.
#[derive(Debug, Default)]
pub(crate) struct ConsumerCounts {
    pub(crate) phase: Phase,
    pub(crate) processed: Count,
    pub(crate) failed_attempts: Count,
    pub(crate) dead_lettered: Count,
    /// Items processed or dead-lettered, by generation.
    pub(crate) settled: [Count; 2],
    /// Time spent on an empty channel, in ns.
    pub(crate) waiting: Count,
    /// Time spent in the handler, in ns.
    pub(crate) busy: Count,
    /// Items of the batch that is being handled. Whoever takes the number settles them: the consumer, or the
    /// supervisor that gives the consumer up.
    pub(crate) in_hand: AtomicU64,
    pub(crate) latencies: Mutex<Latencies>,
}

/// Sampled latencies, in ns.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// From the send to the hand-over.
    pub(crate) queued: Histogram<u64>,
    /// From the hand-over to the settlement.
    pub(crate) handling: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { queued: new_histogram(), handling: new_histogram() }
    }
}

/// From 1 ns to an hour, to two digits.
pub(crate) fn new_histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 3_600_000_000_000, 2) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("constant bounds: {error}"),
    }
}

impl ConsumerCounts {
    /// Records one item's latencies; longer ones than an hour count as an hour.
    pub(crate) fn record(&self, queued: Option<u64>, handling: Option<Duration>) {
        let mut latencies = lock(&self.latencies);
        if let Some(queued) = queued {
            latencies.queued.saturating_record(queued.max(1));
        }
        if let Some(handling) = handling {
            latencies.handling.saturating_record((handling.as_nanos() as u64).max(1));
        }
    }
}

/// The counts of all threads.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) producers: Vec<CachePadded<ProducerCounts>>,
    /// Sends from outside: any thread, and JavaScript.
    pub(crate) outside: CachePadded<ProducerCounts>,
    pub(crate) consumers: Vec<CachePadded<ConsumerCounts>>,
    /// Items that an abort took out of the channel.
    pub(crate) discarded: Count,
    /// Items dead-lettered by the supervisor: queued past a stop's time-out, or in the hands of a thread that was
    /// given up.
    pub(crate) expired: Count,
}

impl Counters {
    pub(crate) fn new(producers: usize, consumers: usize) -> Self {
        Counters {
            producers: (0..producers).map(|_| CachePadded::default()).collect(),
            outside: CachePadded::default(),
            consumers: (0..consumers).map(|_| CachePadded::default()).collect(),
            discarded: Count::default(),
            expired: Count::default(),
        }
    }

    pub(crate) fn all_producers(&self) -> impl Iterator<Item = &ProducerCounts> {
        self.producers.iter().map(|counts| &**counts).chain(std::iter::once(&*self.outside))
    }

    pub(crate) fn processed(&self) -> u64 {
        self.consumers.iter().map(|counts| counts.processed.get()).sum()
    }
}

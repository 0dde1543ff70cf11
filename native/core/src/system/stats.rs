//! What a system counts, as one snapshot.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::counters::{Counters, ProducerCounts, new_histogram};
use super::state::State;
use crate::sync::lock;

/// A snapshot of a system's figures. At rest they are exact and
/// `produced = processed + dead_lettered + discarded + retrying + in_flight + queued`;
/// while items move, each may be off by what is moving. Durations are wall-clock time.
#[derive(Debug, Clone)]
pub struct SystemStats {
    /// What the system is doing.
    pub state: State,
    /// Time since `start`; stands still once the system is over.
    pub elapsed: Duration,
    /// The most items the channel holds.
    pub capacity: u64,
    /// Items in the channel.
    pub queued: u64,
    /// The most items that were ever in the channel at once; never above `capacity`.
    pub peak_queued: u64,
    /// Sends that wait for room.
    pub waiting_sends: u64,
    /// Items admitted, from sources and by sends.
    pub produced: u64,
    /// Items handled with success.
    pub processed: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Items that wait for their next attempt.
    pub retrying: u64,
    /// Items given up.
    pub dead_lettered: u64,
    /// Items thrown away by an abort.
    pub discarded: u64,
    /// Items that a handler has and has not settled.
    pub in_flight: u64,
    /// Items processed a second, over the last second or so.
    pub current_throughput: f64,
    /// Items processed a second, since `start`.
    pub mean_throughput: f64,
    /// Time that producers spent on a full channel, summed over threads.
    pub producers_waiting: Duration,
    /// Time that consumers spent on an empty channel, summed over threads.
    pub consumers_waiting: Duration,
    /// From the send to the hand-over. Sampled.
    pub queued_latency: Percentiles,
    /// From the hand-over to the settlement. Sampled.
    pub handling_latency: Percentiles,
    /// One row a producer thread, and a last one, `send`, once anything was sent from outside.
    pub producers: Vec<ThreadStats>,
    /// One row a consumer thread; one in all for a handler outside.
    pub consumers: Vec<ThreadStats>,
}

/// What one thread did.
#[derive(Debug, Clone)]
pub struct ThreadStats {
    /// The thread's name.
    pub name: String,
    /// What it was doing.
    pub state: ThreadState,
    /// Items produced, or processed.
    pub items: u64,
    /// Items that failed for good.
    pub failed: u64,
    /// Time spent in the handler; sampled where an item takes less than a microsecond; 0 for producers.
    pub busy: Duration,
    /// Time spent on a full, or on an empty, channel.
    pub waiting: Duration,
}

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum ThreadState {
    /// It does not run yet.
    #[default]
    Starting,
    /// It runs its source or handler.
    Busy,
    /// A producer waits for room in the channel, a consumer for an item.
    Waiting,
    /// It has ended.
    Ended,
    /// It did not end in time and was left to itself.
    Detached,
}

impl ThreadState {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            ThreadState::Starting => "starting",
            ThreadState::Busy => "busy",
            ThreadState::Waiting => "waiting",
            ThreadState::Ended => "ended",
            ThreadState::Detached => "detached",
        }
    }
}

/// A sampled latency distribution, exact to two digits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Percentiles {
    /// How many samples there are.
    pub count: u64,
    /// The median.
    pub p50: Duration,
    /// 90 of 100 samples are below it.
    pub p90: Duration,
    /// 99 of 100 samples are below it.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| Duration::from_nanos(histogram.value_at_quantile(quantile));
        Percentiles {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: Duration::from_nanos(histogram.max()),
        }
    }
}

/// The sums over all threads.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) produced: u64,
    pub(super) processed: u64,
    pub(super) failed_attempts: u64,
    pub(super) dead_lettered: u64,
    pub(super) discarded: u64,
    pub(super) in_flight: u64,
}

impl Sums {
    /// Settled counts are read before those of items that came before them, so that no snapshot shows more items
    /// settled than were handed over, or more handed over than were produced.
    pub(super) fn of(counters: &Counters, admitted: impl FnOnce() -> u64, late: u64) -> Self {
        let mut sums = Sums { discarded: counters.discarded.get() + late, ..Sums::default() };
        let expired = counters.expired.get();
        for counts in &counters.consumers {
            sums.processed += counts.processed.get();
            sums.dead_lettered += counts.dead_lettered.get();
            sums.failed_attempts += counts.failed_attempts.get();
            sums.in_flight += counts.in_hand.load(std::sync::atomic::Ordering::Acquire);
        }
        let rejected: u64 = counters.all_producers().map(|counts| counts.rejected.get()).sum();
        sums.dead_lettered += rejected + expired;
        sums.failed_attempts += rejected;
        sums.produced = counters.all_producers().map(|counts| counts.produced.get()).sum::<u64>() + admitted();
        sums
    }
}

/// The rows of the producers, then of the consumers. `admitted` are the items of sends that are futures.
pub(super) fn rows(
    counters: &Counters,
    admitted: u64,
    kind: super::ConsumerKind,
) -> (Vec<ThreadStats>, Vec<ThreadStats>) {
    let row = |name, counts: &ProducerCounts, items| ThreadStats {
        name,
        state: counts.phase.get(),
        items,
        failed: counts.rejected.get(),
        busy: Duration::ZERO,
        waiting: Duration::from_nanos(counts.waiting.get()),
    };
    let mut producers: Vec<_> = counters
        .producers
        .iter()
        .enumerate()
        .map(|(index, counts)| row(super::producer_name(index), counts, counts.produced.get()))
        .collect();
    let sent = counters.outside.produced.get() + admitted;
    if sent > 0 {
        producers.push(row("send".to_owned(), &counters.outside, sent));
    }
    let consumers = counters
        .consumers
        .iter()
        .enumerate()
        .map(|(index, counts)| ThreadStats {
            name: kind.name(index),
            state: counts.phase.get(),
            items: counts.processed.get(),
            failed: counts.dead_lettered.get(),
            busy: Duration::from_nanos(counts.busy.get()),
            waiting: Duration::from_nanos(counts.waiting.get()),
        })
        .collect();
    (producers, consumers)
}

/// The latencies over all consumers: queued, handling.
pub(super) fn latencies(counters: &Counters) -> (Percentiles, Percentiles) {
    let (mut queued, mut handling) = (new_histogram(), new_histogram());
    for counts in &counters.consumers {
        let latencies = lock(&counts.latencies);
        // All have the same bounds, so adding never fails.
        let _ = queued.add(&latencies.queued);
        let _ = handling.add(&latencies.handling);
    }
    (Percentiles::of(&queued), Percentiles::of(&handling))
}

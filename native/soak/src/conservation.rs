//! What has to hold of the figures of every system that is over.

use millrace_core::system::SystemStats;

use crate::tally::Tally;

/// `produced = processed + deadLettered + discarded + retrying + inFlight + queued`, and nothing is left.
pub fn check(stats: &SystemStats, tally: &mut Tally) {
    let SystemStats { produced, processed, dead_lettered, discarded, retrying, in_flight, queued, .. } = *stats;
    let sum = processed + dead_lettered + discarded + retrying + in_flight + queued;
    tally.expect(produced == sum, || format!("{produced} produced, and {sum} accounted for: {stats:?}"));
    let left = (retrying, in_flight, queued, stats.waiting_sends);
    tally.expect(stats.state.is_final() && left == (0, 0, 0, 0), || format!("something is left: {stats:?}"));
    tally.expect(stats.peak_queued <= stats.capacity, || format!("a peak above the capacity: {stats:?}"));
}

//! A round on the hot path: a sequence of numbers through a system of 10 producers, 5 consumers and 1000 items.

use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;
use millrace_core::sources::{AnySource, Sequence, SequenceItem, SequenceOptions};
use millrace_core::system::{Handlers, Report, System, SystemOptions};
use millrace_core::{Batch, Failure, Items, Task, TaskContext};

use crate::conservation;
use crate::gate::Gate;
use crate::runs::Runs;
use crate::tally::{Fault, Tally};

const PRODUCERS: usize = 10;
const CONSUMERS: usize = 5;
const CAPACITY: usize = 1000;

/// As many as a source of this capacity sends at once.
const BATCH: usize = 125;

/// How many numbers a round has at the most. The sets of that many fit the cache.
const LIMIT: u64 = 1 << 23;

/// How a round ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With its source.
    Exhausted,
    /// By a stop, once the first consumer has had so many numbers.
    Stop(u64),
    /// By an abort, likewise.
    Abort(u64),
}

struct Shared {
    /// The numbers that each consumer was given.
    handled: Mutex<Vec<Runs>>,
    ending: Gate,
}

/// Notes which numbers it was given, and does nothing with them.
struct Note {
    runs: Runs,
    /// After so many numbers it is time for the end.
    left: Option<u64>,
    shared: Arc<Shared>,
}

impl Task<Items, Items> for Note {
    fn prefetch(&self) -> usize {
        BATCH
    }

    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        _results: Option<&mut Items>,
        _context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        match batch.as_numbers() {
            Some(numbers) => self.runs.insert_numbers(&numbers[index..=index]),
            None => return Err(Failure::new("ERR_SOAK", "expected numbers")),
        }
        Ok(())
    }

    fn handle_batch(
        &mut self,
        batch: &Items,
        done: &mut usize,
        _results: Option<&mut Items>,
        _context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        let Some(numbers) = batch.as_numbers() else { return Err(Failure::new("ERR_SOAK", "expected numbers")) };
        let numbers = &numbers[*done..];
        self.runs.insert_numbers(numbers);
        *done += numbers.len();
        if let Some(left) = self.left {
            self.left = left.checked_sub(numbers.len() as u64);
            if self.left.is_none() {
                self.shared.ending.open();
            }
        }
        Ok(())
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let runs = std::mem::replace(&mut self.runs, Runs::new(0));
        self.shared.handled.lock().unwrap_or_else(PoisonError::into_inner).push(runs);
        // Where the source ended first.
        self.shared.ending.open();
    }
}

/// Plays the round that `rng` draws.
pub fn round(rng: &mut Rng) -> Tally {
    let mut tally = Tally::default();
    let limit = rng.u64(LIMIT / 2..=LIMIT);
    let after = rng.u64(0..limit / CONSUMERS as u64);
    let end = match rng.u8(0..8) {
        0 => End::Stop(after),
        1 => End::Abort(after),
        _ => End::Exhausted,
    };
    match play(limit, end) {
        Ok((report, handled)) => account(limit, end, &report, &handled, &mut tally),
        Err(failure) => tally.fault(Fault::Wrong, 1, || failure.to_string()),
    }
    tally
}

fn play(limit: u64, end: End) -> Result<(Report<Items>, Vec<Runs>), Failure> {
    let plan =
        Sequence::new(SequenceOptions { of: SequenceItem::Number, limit: Some(limit), ..SequenceOptions::default() })?;
    let shared = Arc::new(Shared { handled: Mutex::default(), ending: Gate::default() });
    let handlers = {
        let shared = Arc::clone(&shared);
        let after = match end {
            End::Exhausted => None,
            End::Stop(after) | End::Abort(after) => Some(after),
        };
        Handlers::native(move |index| {
            let left = after.filter(|_| index == 0);
            Note { runs: Runs::new(limit as usize), left, shared: Arc::clone(&shared) }
        })
    };
    let options =
        SystemOptions { producers: PRODUCERS, consumers: CONSUMERS, capacity: CAPACITY, ..SystemOptions::default() };
    let system = System::new(options, AnySource::Sequence(plan).into(), handlers, ())?;
    system.start().map_err(|error| Failure::new("ERR_SOAK", error.to_string()))?;
    if end != End::Exhausted {
        shared.ending.pass();
    }
    match end {
        End::Exhausted => {}
        End::Stop(_) => system.stop(None),
        End::Abort(_) => system.abort(Failure::aborted("the soak")),
    }
    let report = system.join();
    let handled = std::mem::take(&mut *shared.handled.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((report, handled))
}

fn account(limit: u64, end: End, report: &Report<Items>, handled: &[Runs], tally: &mut Tally) {
    let stats = &report.stats;
    conservation::check(stats, tally);
    let mut seen = Runs::new(limit as usize);
    for runs in handled {
        seen.merge(runs);
    }
    tally.expect(seen.len() == stats.processed, || format!("{} numbers were handled: {stats:?}", seen.len()));
    let mut unprocessed = 0;
    for batch in &report.unprocessed {
        unprocessed += batch.len() as u64;
        seen.insert_numbers(batch.as_numbers().unwrap_or_default());
    }
    seen.check(tally);
    // Each producer makes a run of numbers, and what of it was produced is its beginning.
    let (share, over) = (limit / PRODUCERS as u64, limit % PRODUCERS as u64);
    let (mut missing, mut produced) = (0, 0);
    for (index, row) in stats.producers.iter().enumerate() {
        let index = index as u64;
        let first = index * share + index.min(over);
        missing += seen.missing(first as usize, row.items as usize);
        produced += row.items;
    }
    let late = stats.discarded - unprocessed;
    if missing > late {
        tally.fault(Fault::Lost, missing - late, || format!("{missing} numbers are nowhere: {stats:?}"));
    }
    tally.expect(missing >= late, || format!("only {missing} numbers are nowhere: {stats:?}"));
    tally.expect(produced == stats.produced && seen.len() + missing == produced, || {
        format!("{} numbers were seen, and {missing} are missing, of {produced}: {stats:?}", seen.len())
    });
    let all = end != End::Exhausted || produced == limit;
    tally.expect(all, || format!("{produced} of {limit} numbers were produced"));
    tally.hot_items += produced;
    tally.closes += u64::from(!matches!(end, End::Abort(_)));
    tally.aborts += u64::from(matches!(end, End::Abort(_)));
}

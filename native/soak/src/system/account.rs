//! What became of every item of a system.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use millrace_core::Items;
use millrace_core::system::{State, System};

use super::Round;
use super::shape::{End, SourceEnd};
use super::threads::History;
use crate::conservation;
use crate::ledger::{Ledger, Stream, parts};
use crate::load::Load;
use crate::tally::{Fault, Tally};

/// Settles what became of every item.
pub fn settle(round: &Round, system: &System<Items, Items>, history: History, tally: &mut Tally) {
    let History { report, sent, results, mut letters } = history;
    letters.extend(system.take_dead_letters());
    let (shape, stats) = (&round.shape, &report.stats);
    conservation::check(stats, tally);
    tally.expect(report.detached.is_empty(), || format!("threads did not end: {:?}", report.detached));

    let mut streams = Vec::new();
    for index in 0..shape.options.producers {
        streams.extend(source_streams(round, index, stats.producers.get(index).map_or(0, |row| row.items), tally));
    }
    for (stream, own) in sent {
        streams.push(stream);
        tally.add(own);
    }
    let mut ledger = Ledger::new(streams);
    tally.expect(ledger.admitted() as u64 == stats.produced, || {
        format!("{} items were admitted: {stats:?}", ledger.admitted())
    });
    tally.wild_items += stats.produced;

    let mut processed = Vec::new();
    let mut failed = 0;
    for handled in round.handled.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        processed.extend(handled.processed);
        failed += handled.failed;
        tally.add(handled.tally);
    }
    let dead: Vec<_> = letters.iter().flat_map(|letter| letter.items.ids()).collect();
    let unprocessed: Vec<_> = report.unprocessed.iter().flat_map(Load::ids).collect();
    let rejected: usize = round.rejected.iter().map(|rejected| rejected.load(Ordering::Relaxed)).sum();
    failed += rejected as u64;
    let seen = (processed.len() as u64, dead.len() as u64, failed);
    tally.expect(seen == (stats.processed, stats.dead_lettered, stats.failed_attempts), || {
        format!("{seen:?} were processed, dead-lettered and failed: {stats:?}")
    });
    tally.failed_attempts += failed;
    ledger.see("processed", &processed, tally);
    ledger.see("dead-lettered", &dead, tally);
    ledger.see("unprocessed", &unprocessed, tally);
    tally.expect(stats.discarded >= unprocessed.len() as u64, || {
        format!("{} items are unprocessed: {stats:?}", unprocessed.len())
    });
    ledger.close(stats.discarded.saturating_sub(unprocessed.len() as u64), tally);

    let aborted = stats.state == State::Aborted;
    tally.expect(aborted || stats.discarded == 0, || format!("discarded without an abort: {stats:?}"));
    let attempts: HashMap<_, _> =
        letters.iter().flat_map(|letter| letter.items.ids().into_iter().map(|id| (id, letter.attempts))).collect();
    check_plans(round, aborted || report.timed_out, &processed, &attempts, tally);
    if let Some((results, broke_off)) = results {
        check_results(&processed, results, broke_off, tally);
    }
    let fails = shape.source_end != SourceEnd::Done && shape.options.producers > 0;
    tally.expect(fails || report.source_failure.is_none(), || format!("{:?}", report.source_failure));
    let may_abort = matches!(shape.end, End::Abort | End::StopAndAbort);
    tally.expect(may_abort || !aborted, || format!("nobody aborted it: {:?}", report.abort_reason));
    tally.closes += u64::from(!aborted);
    tally.aborts += u64::from(aborted);
}

/// What a source emitted, of which the beginning was produced, and what it rejected.
fn source_streams(round: &Round, index: usize, produced: u64, tally: &mut Tally) -> [Stream; 2] {
    let emitted = round.emitted[index].load(Ordering::Relaxed);
    let rejected = round.rejected[index].load(Ordering::Relaxed);
    let sent = (produced as usize).saturating_sub(rejected);
    tally.expect(sent <= emitted, || format!("source {index} emitted {emitted} items, and {sent} were produced"));
    let (mut out, mut bad) = (Stream::new(2 * index), Stream::new(2 * index + 1));
    out.admit_first(emitted, sent.min(emitted));
    bad.admit_first(rejected, rejected);
    [out, bad]
}

/// What became of each item is what was planned for it; where the system was broken off, it may be less.
fn check_plans(round: &Round, broken_off: bool, processed: &[u64], letters: &HashMap<u64, u32>, tally: &mut Tally) {
    let shape = &round.shape;
    let tried = |id| {
        let (stream, n) = parts(id);
        round.tried.get(stream).and_then(|stream| stream.get(n)).map_or(0, |tried| tried.load(Ordering::Relaxed).into())
    };
    let planned = |id| shape.plan(id).outcome(shape.options.retry.attempts);
    for id in processed {
        let (attempts, succeeds) = planned(*id);
        let tried: u32 = tried(*id);
        tally.expect(succeeds && tried == attempts, || {
            format!("item {id:#x} was processed in {tried} attempts, by plan {:?}", shape.plan(*id))
        });
    }
    for (id, said) in letters {
        let (stream, _) = parts(*id);
        if stream < 2 * shape.options.producers && stream % 2 == 1 {
            tally.expect(*said == 1 && tried(*id) == 0, || format!("item {id:#x} was rejected, and tried"));
            continue;
        }
        let (attempts, succeeds) = planned(*id);
        let tried: u32 = tried(*id);
        let right = tried == *said && if broken_off { tried <= attempts } else { tried == attempts && !succeeds };
        tally.expect(right, || {
            format!("item {id:#x} was given up after {tried} attempts, said {said}, by plan {:?}", shape.plan(*id))
        });
    }
}

/// Every success has one result, unless the reader broke off.
fn check_results(processed: &[u64], mut results: Vec<u64>, broke_off: bool, tally: &mut Tally) {
    results.sort_unstable();
    let n = results.len();
    results.dedup();
    if results.len() < n {
        tally.fault(Fault::Duplicated, (n - results.len()) as u64, || "results came twice".to_owned());
    }
    let missing = processed.iter().filter(|id| results.binary_search(id).is_err()).count();
    let found = processed.len() - missing;
    tally.expect(found == results.len(), || format!("{} results are of no success", results.len() - found));
    if missing > 0 && !broke_off {
        tally.fault(Fault::Lost, missing as u64, || format!("{missing} results are nowhere"));
    }
}

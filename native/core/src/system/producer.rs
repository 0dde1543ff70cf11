//! Producer threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use super::counters::ProducerCounts;
use super::envelope::Envelope;
use super::inner::Inner;
use super::letters::DeadLetter;
use super::stats::ThreadState;
use crate::batch::Collect;
use crate::failure::Failure;
use crate::source::{Emitter, Halt, Outlet, Source};

/// The most items in a batch. Larger ones gain nothing and make the channel's level coarse.
const BATCH: usize = 128;

/// One batch in this many is stamped for the latency figures where batches are large.
const SAMPLING: u64 = 8;

/// The most items that a source's batch holds: few enough that 8 of them fit the channel.
pub(crate) fn batch_limit(capacity: usize) -> usize {
    (capacity / 8).clamp(1, BATCH)
}

/// Runs a source on this thread until it ends, and reports that.
pub(crate) fn run<B: Collect, R: Collect>(
    inner: &Arc<Inner<B, R>>,
    mut source: Box<dyn Source<B>>,
    index: usize,
    count: usize,
) {
    let mut outlet = SystemOutlet { inner, index, counts: &inner.counters.producers[index], batches: 0 };
    outlet.counts.phase.set(ThreadState::Busy);
    let mut emitter = Emitter::new(&mut outlet, batch_limit(inner.channel.capacity()), index, count);
    let outcome = catch_unwind(AssertUnwindSafe(|| source.run(&mut emitter)));
    emitter.finish();
    let failure = match outcome {
        Ok(Ok(()) | Err(Halt::Stopped)) => None,
        Ok(Err(Halt::Failed(failure))) => Some(failure),
        Err(panic) => Some(Failure::from_panic(&*panic)),
    };
    // Its files close before the system learns that it has ended.
    drop(source);
    inner.counters.producers[index].phase.set(ThreadState::Ended);
    producer_ended(inner, failure);
}

/// A source has ended; a failed one ends production.
pub(crate) fn producer_ended<B: Collect, R: Collect>(inner: &Inner<B, R>, failure: Option<Failure>) {
    inner.change(|control| {
        control.producers_left = control.producers_left.saturating_sub(1);
        if let Some(failure) = failure {
            inner.stopping.store(true, Ordering::Release);
            control.source_failure.get_or_insert(failure);
        }
    });
}

struct SystemOutlet<'a, B: Collect, R: Collect> {
    inner: &'a Arc<Inner<B, R>>,
    index: usize,
    counts: &'a ProducerCounts,
    batches: u64,
}

impl<B: Collect, R: Collect> Outlet<B> for SystemOutlet<'_, B, R> {
    fn send(&mut self, batch: B) -> Result<(), Halt> {
        self.forward(batch).map_err(|(halt, _)| halt)
    }

    fn forward(&mut self, batch: B) -> Result<(), (Halt, B)> {
        let inner = self.inner;
        let len = batch.len() as u64;
        let generation = inner.idle.generation();
        self.batches += 1;
        let sampled = len == 1 || self.batches % SAMPLING == 1;
        let sent_at = if sampled { inner.clock() } else { 0 };
        self.counts.begun[generation].add(len);
        let envelope = Envelope { batch, generation, sent_at, history: None };
        // Counted at the admission, part by part: a producer that waits may have sent the first part of its batch.
        let produced = |n| self.counts.produced.add(n as u64);
        let outcome = match inner.channel.send_now(envelope, produced) {
            Ok(None) => Ok(()),
            Ok(Some(rest)) => {
                let start = Instant::now();
                self.counts.phase.set(ThreadState::Waiting);
                let produced = {
                    let (counters, index) = (Arc::clone(&inner.counters), self.index);
                    // Not shared: where others count, it is under a lock, and this thread waits.
                    move |n| counters.producers[index].produced.add(n as u64)
                };
                let outcome = inner.channel.send_counted(rest, produced);
                self.counts.phase.set(ThreadState::Busy);
                self.counts.waiting.add(start.elapsed().as_nanos() as u64);
                outcome
            }
            Err(refused) => Err(refused),
        };
        if let Err(refused) = outcome {
            let rest = refused.into_inner().batch;
            self.counts.refused[generation].add(rest.len() as u64);
            return Err((Halt::Stopped, rest));
        }
        if self.stopping() { Err((Halt::Stopped, B::with_capacity(0))) } else { Ok(()) }
    }

    fn fresh(&mut self, items: usize) -> B {
        self.inner.spares.take(items)
    }

    fn reject(&mut self, items: B, failure: Failure) {
        let n = items.len() as u64;
        self.counts.produced.add(n);
        self.counts.rejected.add(n);
        let now = SystemTime::now();
        self.inner.dead_letter(DeadLetter { items, failure, attempts: 1, deaths: 0, first: now, last: now });
    }

    fn stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }
}

//! Consumer threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use super::counters::ConsumerCounts;
use super::envelope::Envelope;
use super::inner::Inner;
use super::letters::{DeadLetter, timed_out};
use super::stats::ThreadState;
use crate::batch::{Batch, Collect};
use crate::channel::{Keys, ReceiveError, TryReceiveError};
use crate::failure::{ABORTED, Failure};
use crate::task::{Task, TaskContext};

/// One batch in this many is timed where batches are taken ahead.
const SAMPLING: u64 = 16;

/// Handles items on this thread until the end of the channel, and reports that.
pub(crate) fn run<B: Collect, R: Collect>(inner: &Arc<Inner<B, R>>, task: Box<dyn Task<B, R>>, index: usize) {
    let mut consumer = Consumer { inner, counts: &inner.counters.consumers[index], task, batches: 0 };
    // A panic of the task fails its item; what is caught here is a panic of an item's own drop, or of a waker.
    consumer.counts.phase.set(ThreadState::Busy);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        while let Ok(envelope) = consumer.take() {
            consumer.handle(envelope);
        }
    }));
    drop(consumer);
    inner.counters.consumers[index].phase.set(ThreadState::Ended);
    consumer_ended(inner);
}

/// A consumer has ended.
pub(crate) fn consumer_ended<B: Collect, R: Collect>(inner: &Inner<B, R>) {
    inner.change(|control| control.consumers_left = control.consumers_left.saturating_sub(1));
}

struct Consumer<'a, B: Collect, R: Collect> {
    inner: &'a Arc<Inner<B, R>>,
    counts: &'a ConsumerCounts,
    task: Box<dyn Task<B, R>>,
    batches: u64,
}

impl<B: Collect, R: Collect> Consumer<'_, B, R> {
    fn take(&self) -> Result<Envelope<B>, ReceiveError> {
        let max = self.task.prefetch().max(1);
        match self.inner.channel.try_take(max) {
            Ok(envelope) => Ok(envelope),
            Err(TryReceiveError::Closed) => Err(ReceiveError::Closed),
            Err(TryReceiveError::Aborted) => Err(ReceiveError::Aborted),
            Err(TryReceiveError::Empty) => {
                if self.inner.idle.check_before_wait(&self.inner.counters) {
                    self.inner.observer.notify(super::Notice::Idle);
                }
                let start = Instant::now();
                self.counts.phase.set(ThreadState::Waiting);
                let taken = self.inner.channel.take(max);
                self.counts.phase.set(ThreadState::Busy);
                self.counts.waiting.add(start.elapsed().as_nanos() as u64);
                taken
            }
        }
    }

    fn handle(&mut self, envelope: Envelope<B>) {
        let keys = Keys::of(&envelope);
        let Envelope { batch, generation, sent_at, .. } = envelope;
        let n = batch.len();
        let ahead = self.task.prefetch() > 1;
        self.batches += 1;
        let timed = !ahead || self.batches % SAMPLING == 1;
        let queued = (sent_at > 0).then(|| self.inner.clock().saturating_sub(sent_at));
        let start = timed.then(Instant::now);

        self.counts.in_hand.store(n as u64, Ordering::Release);
        // Items taken ahead are handed over within microseconds, all of them: one release then serves them all.
        if !ahead {
            self.inner.channel.hand_over(n);
        }
        let failed = if batch.is_tagged() { self.handle_tagged(batch) } else { self.handle_all(batch, ahead) };
        let handling = start.map(|start| start.elapsed() / n as u32);
        // The first settlement wins: where the supervisor has given this thread up, it took the number.
        if self.counts.in_hand.swap(0, Ordering::AcqRel) > 0 {
            let n = n as u64;
            self.counts.failed_attempts.add(failed);
            self.counts.dead_lettered.add(failed);
            self.counts.processed.add(n - failed);
            self.counts.settled[generation].add(n);
        }
        self.inner.channel.free_keys(&keys);
        if ahead {
            self.inner.channel.hand_over(n);
        }
        if queued.is_some() || handling.is_some() {
            self.counts.record(queued, handling);
        }
        if let Some(handling) = handling {
            let share = if ahead { SAMPLING } else { 1 };
            self.counts.busy.add(handling.as_nanos() as u64 * n as u64 * share);
        }
        self.inner.check_idle();
    }

    /// Handles a batch whose results, if anyone wants them, go to the results channel. Says how many items failed.
    /// `spare`: whether the batch is worth keeping afterwards.
    fn handle_all(&mut self, mut batch: B, spare: bool) -> u64 {
        let collecting = self.inner.collecting.load(Ordering::Relaxed);
        let mut failed = 0;
        loop {
            // A task that takes items ahead needs a microsecond for them, so their attempts begin and end together.
            let begun = (batch.len() == 1).then(SystemTime::now);
            let mut at = 0;
            let mut results = collecting.then(|| R::with_capacity(batch.len()));
            let outcome = self.attempt(&batch, &mut at, results.as_mut());
            let rest = outcome.is_err().then(|| batch.split_off(at));
            if let Some(mut results) = results {
                drop_from(&mut results, at);
                let handled = std::mem::replace(&mut batch, B::with_capacity(0));
                let (back, undelivered) = self.deliver(handled, results);
                batch = back;
                failed += undelivered;
            }
            let (Err(failure), Some(mut rest)) = (outcome, rest) else { break };
            failed += 1;
            let items = rest.split_front(1);
            batch = rest;
            let last = SystemTime::now();
            let first = begun.unwrap_or(last);
            self.inner.dead_letter(DeadLetter { items, failure, attempts: 1, deaths: 0, first, last });
        }
        if spare {
            self.inner.spares.give(batch);
        }
        failed
    }

    /// Gives the results of `handled` to who wants them. Where that is a channel which takes no more, the items whose
    /// results are left become dead letters. Gives back the other items, and says how many those were.
    fn deliver(&self, mut handled: B, results: R) -> (B, u64) {
        let Some(channel) = self.inner.results.get() else { return (handled, 0) };
        let Some((rest, failure)) = self.inner.send_results(channel, results) else { return (handled, 0) };
        let left = rest.len();
        let items = handled.split_off(handled.len() - left);
        let last = SystemTime::now();
        self.inner.dead_letter(DeadLetter { items, failure, attempts: 1, deaths: 0, first: last, last });
        (handled, left as u64)
    }

    /// Handles a batch in which callers wait for results of their own. Says how many items failed.
    fn handle_tagged(&mut self, mut batch: B) -> u64 {
        let mut failed = 0;
        while !batch.is_empty() {
            let item = batch.split_front(1);
            let tag = item.tag(0);
            if tag == 0 {
                failed += self.handle_all(item, false);
                continue;
            }
            let begun = SystemTime::now();
            let mut result = R::with_capacity(1);
            match self.attempt(&item, &mut 0, Some(&mut result)) {
                Ok(()) => self.inner.reply(vec![tag], Ok(result)),
                Err(failure) => {
                    failed += 1;
                    self.inner.reply(vec![tag], Err(failure.clone()));
                    let last = SystemTime::now();
                    self.inner.dead_letter(DeadLetter {
                        items: item,
                        failure,
                        attempts: 1,
                        deaths: 0,
                        first: begun,
                        last,
                    });
                }
            }
        }
        failed
    }

    fn attempt(&mut self, batch: &B, at: &mut usize, results: Option<&mut R>) -> Result<(), Failure> {
        let context = TaskContext::new(&self.inner.aborted);
        let task = &mut self.task;
        // The task may be in any state after a panic of its own; that is its business, as it is with a thread.
        match catch_unwind(AssertUnwindSafe(|| task.handle_batch(batch, at, results, &context))) {
            Ok(Err(failure)) if failure.code == ABORTED && self.inner.control().expired => Err(timed_out()),
            Ok(outcome) => outcome,
            Err(panic) => Err(Failure::from_panic(&*panic)),
        }
    }
}

/// Drops results that a failed attempt had written.
fn drop_from<R: Batch>(results: &mut R, done: usize) {
    if results.len() > done {
        drop(results.split_off(done));
    }
}

//! Consumer threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use super::counters::ConsumerCounts;
use super::envelope::{Envelope, History};
use super::inner::Inner;
use super::letters::{DeadLetter, timed_out};
use super::stats::ThreadState;
use crate::batch::{Batch, Collect};
use crate::channel::{Keys, Limit, ReceiveError, TryReceiveError};
use crate::failure::{ABORTED, Failure};
use crate::task::{Task, TaskContext};

/// One batch in this many is timed where batches are taken ahead.
const SAMPLING: u64 = 16;

/// Handles items on this thread until the end of the channel, and reports that.
pub(crate) fn run<B: Collect, R: Collect>(inner: &Arc<Inner<B, R>>, task: Box<dyn Task<B, R>>, index: usize) {
    let counts = &inner.counters.consumers[index];
    // Where dead letters are to wait for room, what comes behind one is not to be out of the channel meanwhile.
    let items = if inner.letters.is_limited() { 1 } else { task.prefetch().max(1) };
    let limit = Limit { items, bytes: task.prefetch_bytes() };
    let mut consumer = Consumer { inner, limit, counts, task, batches: 0, taken: Taken::default() };
    // A panic of the task fails its item; what is caught here is a panic of an item's own drop, or of a waker.
    consumer.counts.phase.set(ThreadState::Busy);
    if limit.weighs() {
        inner.channel.expect_long_work();
    }
    let _ = catch_unwind(AssertUnwindSafe(|| {
        while let Ok((envelope, permits)) = consumer.take() {
            consumer.handle(envelope, permits);
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
    /// What it takes at once.
    limit: Limit,
    batches: u64,
    taken: Taken,
}

/// What was taken, and what became of it so far.
#[derive(Default)]
struct Taken {
    generation: usize,
    /// Only ever of a batch of one.
    history: Option<Box<History>>,
    failed_attempts: u64,
    dead_lettered: u64,
    retried: u64,
    /// Of those that are tried again.
    kept_keys: Vec<u64>,
}

impl<B: Collect, R: Collect> Consumer<'_, B, R> {
    /// Whether items are leased: where they may be given back, or come from a send that waits, which has no permit for them.
    fn leases(&self) -> bool {
        self.inner.retry.is_used() || self.inner.channel.has_lanes()
    }

    fn try_take(&self, limit: Limit) -> Result<(Envelope<B>, usize), TryReceiveError> {
        if self.leases() {
            return self.inner.channel.try_take_leased(limit);
        }
        self.inner.channel.try_take(limit).map(|envelope| {
            let permits = envelope.len();
            (envelope, permits)
        })
    }

    /// Takes items, and says how many permits they hold.
    fn take(&self) -> Result<(Envelope<B>, usize), ReceiveError> {
        let limit = self.limit;
        if limit.weighs() {
            self.inner.channel.give_way();
        }
        match self.try_take(limit) {
            Ok(taken) => Ok(taken),
            Err(TryReceiveError::Closed) => Err(ReceiveError::Closed),
            Err(TryReceiveError::Aborted) => Err(ReceiveError::Aborted),
            Err(TryReceiveError::Empty) => {
                if limit.weighs() {
                    self.inner.channel.ask_for_more();
                }
                if self.inner.idle.check_before_wait(&self.inner.counters) {
                    self.inner.observer.notify(super::Notice::Idle);
                }
                let start = Instant::now();
                self.counts.phase.set(ThreadState::Waiting);
                let taken = if self.leases() {
                    self.inner.channel.take_leased(limit)
                } else {
                    self.inner.channel.take(limit).map(|envelope| {
                        let permits = envelope.len();
                        (envelope, permits)
                    })
                };
                self.counts.phase.set(ThreadState::Busy);
                self.counts.waiting.add(start.elapsed().as_nanos() as u64);
                taken
            }
        }
    }

    fn handle(&mut self, envelope: Envelope<B>, permits: usize) {
        let mut keys = Keys::of(&envelope);
        let Envelope { batch, generation, sent_at, history } = envelope;
        let n = batch.len();
        self.taken = Taken { generation, history, ..Taken::default() };
        // Several items, or one of a task that needs next to no time for any.
        let ahead = n > 1 || (self.limit.items > 1 && !self.limit.weighs());
        self.batches += 1;
        let sampled = ahead && !self.limit.weighs();
        let timed = !sampled || self.batches % SAMPLING == 1;
        let queued = (sent_at > 0).then(|| self.inner.clock().saturating_sub(sent_at));
        let start = timed.then(Instant::now);

        self.counts.in_hand.store(n as u64, Ordering::Release);
        // Items taken ahead are handed over within microseconds, all of them: one release then serves them all.
        if !ahead {
            self.inner.channel.hand_over(permits);
        }
        if batch.is_tagged() {
            self.handle_tagged(batch);
        } else {
            self.handle_all(batch, ahead);
        }
        let handling = start.map(|start| start.elapsed() / n as u32);
        let Taken { failed_attempts, dead_lettered, retried, .. } = self.taken;
        let left = n as u64 - retried;
        // The first settlement wins: where the supervisor has given this thread up, it took the number.
        if self.counts.in_hand.swap(0, Ordering::AcqRel) > 0 || left == 0 {
            self.counts.failed_attempts.add(failed_attempts);
            self.counts.dead_lettered.add(dead_lettered);
            self.counts.processed.add(left - dead_lettered);
            self.counts.settled[generation].add(left);
        }
        if self.leases() {
            self.inner.channel.settle_leased(left as usize);
        }
        // What waits for another attempt keeps its key.
        self.taken.kept_keys.drain(..).for_each(|key| keys.keep(key));
        self.inner.channel.free_keys(&keys);
        if ahead {
            self.inner.channel.hand_over(permits);
        }
        if queued.is_some() || handling.is_some() {
            self.counts.record(queued, handling);
        }
        if let Some(handling) = handling {
            let share = if sampled { SAMPLING } else { 1 };
            self.counts.busy.add(handling.as_nanos() as u64 * n as u64 * share);
        }
        self.inner.check_idle();
    }

    /// Handles a batch whose results, if anyone wants them, go to the results channel. `spare`: whether the batch is worth
    /// keeping afterwards.
    fn handle_all(&mut self, mut batch: B, spare: bool) {
        let collecting = self.inner.collecting.load(Ordering::Relaxed);
        loop {
            // A task that takes items ahead is soon through with all of them, so their attempts begin and end together.
            let begun = (batch.len() == 1).then(SystemTime::now);
            let mut at = 0;
            let mut results = collecting.then(|| R::with_capacity(batch.len()));
            let outcome = self.attempt(&batch, &mut at, results.as_mut());
            let rest = outcome.is_err().then(|| batch.split_off(at));
            if let Some(mut results) = results {
                drop_from(&mut results, at);
                let handled = std::mem::replace(&mut batch, B::with_capacity(0));
                batch = self.deliver(handled, results);
            }
            let (Err(failure), Some(mut rest)) = (outcome, rest) else { break };
            let item = rest.split_front(1);
            batch = rest;
            self.failed(item, failure, begun.unwrap_or_else(SystemTime::now));
        }
        if spare {
            self.inner.spares.give(batch);
        }
    }

    /// Gives the results of `handled` to who wants them. Where that is a channel which takes no more, the items whose
    /// results are left become dead letters. Gives back the other items.
    fn deliver(&mut self, mut handled: B, results: R) -> B {
        let Some(channel) = self.inner.results.get() else { return handled };
        let Some((rest, failure)) = self.inner.send_results(channel, results) else { return handled };
        let left = rest.len();
        let items = handled.split_off(handled.len() - left);
        self.taken.failed_attempts += left as u64;
        let history = History::after(self.taken.history.as_deref(), SystemTime::now(), false);
        self.bury(items, failure, &history);
        handled
    }

    /// Handles a batch in which callers wait for results of their own.
    fn handle_tagged(&mut self, mut batch: B) {
        while !batch.is_empty() {
            let item = batch.split_front(1);
            let tag = item.tag(0);
            if tag == 0 {
                self.handle_all(item, false);
                continue;
            }
            let begun = SystemTime::now();
            let mut result = R::with_capacity(1);
            match self.attempt(&item, &mut 0, Some(&mut result)) {
                Ok(()) => self.inner.reply(vec![tag], Ok(result)),
                Err(failure) => self.failed(item, failure, begun),
            }
        }
    }

    fn attempt(&mut self, batch: &B, at: &mut usize, results: Option<&mut R>) -> Result<(), Failure> {
        let deadline = self.inner.handler_timeout.and_then(|limit| Instant::now().checked_add(limit));
        let context = TaskContext::new(&self.inner.aborted).until(deadline);
        let task = &mut self.task;
        // The task may be in any state after a panic of its own; that is its business, as it is with a thread.
        match catch_unwind(AssertUnwindSafe(|| task.handle_batch(batch, at, results, &context))) {
            Ok(Err(failure)) if failure.code == ABORTED && self.inner.control().expired => Err(timed_out()),
            Ok(outcome) => outcome,
            Err(panic) => Err(Failure::from_panic(&*panic)),
        }
    }

    /// An attempt at an item failed: it is tried again, or given up.
    fn failed(&mut self, item: B, failure: Failure, begun: SystemTime) {
        self.taken.failed_attempts += 1;
        let history = History::after(self.taken.history.as_deref(), begun, false);
        let retry = self.inner.next_attempt(&failure, &history, || self.leave_one());
        self.inner.attempt_failed(&item, &failure, &history, retry);
        let Some(delay) = retry else { return self.bury(item, failure, &history) };
        let attempt = history.attempts + 1;
        let key = item.key(0);
        let envelope =
            Envelope { batch: item, generation: self.taken.generation, sent_at: 0, history: Some(Box::new(history)) };
        match self.inner.channel.return_lease(envelope, attempt, delay) {
            Ok(()) => {
                self.taken.retried += 1;
                if key != 0 {
                    self.taken.kept_keys.push(key);
                }
            }
            // The system breaks off.
            Err(Envelope { batch, .. }) => {
                self.counts.in_hand.fetch_add(1, Ordering::AcqRel);
                self.bury(batch, failure, &history);
            }
        }
    }

    /// Takes one item off those in hand, unless the supervisor has given this thread up with all of them.
    fn leave_one(&self) -> bool {
        self.counts.in_hand.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).is_ok()
    }

    fn bury(&mut self, items: B, failure: Failure, history: &History) {
        self.taken.dead_lettered += items.len() as u64;
        if items.tag(0) != 0 {
            self.inner.reply(vec![items.tag(0)], Err(failure.clone()));
        }
        self.inner.dead_letter(DeadLetter::new(items, failure, history));
    }
}

/// Drops results that a failed attempt had written.
fn drop_from<R: Batch>(results: &mut R, done: usize) {
    if results.len() > done {
        drop(results.split_off(done));
    }
}

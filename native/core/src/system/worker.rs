//! Consumers in threads that may die: JavaScript workers. Each takes items ahead, claims them one at a time, and settles
//! them in the order of its claims. What a dead one held goes back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use super::counters::ConsumerCounts;
use super::envelope::{Envelope, History};
use super::inner::Inner;
use super::letters::{DeadLetter, timed_out};
use super::outgoing::Outgoing;
use super::stats::ThreadState;
use crate::batch::{Batch, Collect};
use crate::channel::{Ahead, ClaimWord, ReceiveError, Taken};
use crate::failure::Failure;

/// Where one of a system's workers stands. A worker that died leaves its place vacant for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerPlace {
    Vacant,
    Taken,
    Ended,
}

/// Items on their way to a worker.
#[derive(Debug)]
#[must_use = "its items are lost otherwise"]
pub struct WorkerBatch<B: Batch>(Taken<Envelope<B>>);

impl<B: Batch> WorkerBatch<B> {
    /// The items.
    pub fn items(&self) -> &B {
        &self.0.batch().batch
    }

    /// Whether it is to be the only one that the worker has: an earlier worker died of it.
    pub fn is_suspect(&self) -> bool {
        self.0.batch().history.as_ref().is_some_and(|history| history.deaths > 0)
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.batch().history.as_ref().map_or(0, |history| history.attempts) + 1
    }

    /// Splits off the first `n` items.
    pub fn split_front(&mut self, n: usize) -> Self {
        WorkerBatch(self.0.split_front(n))
    }
}

/// Takes items for one worker and settles them. None of its calls waits.
///
/// The order of calls: [`poll_take`](WorkerConsumer::poll_take) and [`try_take`](WorkerConsumer::try_take), then
/// [`publish`](WorkerConsumer::publish) with what of it the worker gets and [`put_back`](WorkerConsumer::put_back) with
/// the rest; [`claimed`](WorkerConsumer::claimed) before items are settled. After the end,
/// [`end`](WorkerConsumer::end). One that is dropped before died: what it had ahead goes back untouched, and what it
/// had begun is tried once more elsewhere, or given up once it has killed as many workers as
/// [`Retry::deaths`](super::Retry::deaths) says.
pub struct WorkerConsumer<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    index: usize,
    thread: u32,
    ahead: Ahead<Envelope<B>>,
    /// Claimed and not settled.
    started: VecDeque<Envelope<B>>,
    started_at: SystemTime,
    results: Outgoing<R>,
    /// How many items of each generation were processed and don't count as settled yet, because results of theirs may be
    /// held back: until those are told the system is not idle. Who hears that it is may let the process end.
    untold: [u64; 2],
    ended: bool,
}

impl<B: Collect, R: Collect> WorkerConsumer<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>, index: usize, thread: u32, word: ClaimWord) -> Option<Self> {
        {
            let mut control = inner.control();
            let place = control.workers.get_mut(index)?;
            if *place != WorkerPlace::Vacant {
                return None;
            }
            *place = WorkerPlace::Taken;
        }
        let producer = inner.results.get().map(crate::channel::Channel::producer);
        let results = Outgoing::new(producer, Arc::clone(&inner.holding));
        let ahead = inner.channel.ahead(word, true);
        let started_at = SystemTime::now();
        let consumer = WorkerConsumer {
            inner,
            index,
            thread,
            ahead,
            started: VecDeque::new(),
            started_at,
            results,
            untold: [0; 2],
            ended: false,
        };
        consumer.counts().phase.set(ThreadState::Waiting);
        Some(consumer)
    }

    pub(super) fn inner(&self) -> &Inner<B, R> {
        &self.inner
    }

    fn counts(&self) -> &ConsumerCounts {
        &self.inner.counters.consumers[self.index]
    }

    /// Whether results go somewhere. Those of tagged items always do.
    pub fn collects(&self) -> bool {
        self.inner.collecting.load(Ordering::Relaxed)
    }

    /// Takes up to `max` items, or leaves the waker to be woken when there may be some: when they come, and when the
    /// results that this worker has made found room.
    ///
    /// # Errors
    /// `Closed` at the end; `Aborted` after an abort, and when a stop is past its time-out.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<WorkerBatch<B>, ReceiveError>> {
        if !self.results.poll_sent(cx) {
            return Poll::Pending;
        }
        if !self.inner.letters.poll_room(self.in_hand(), cx.waker()) {
            self.tell();
            return Poll::Pending;
        }
        // Each may become a dead letter.
        let max = if self.inner.letters.is_limited() { 1 } else { max.max(1) };
        let Poll::Ready(taken) = self.ahead.poll_take(cx, max) else {
            self.tell();
            if self.inner.idle.check_before_wait(&self.inner.counters) {
                self.inner.observer.notify(super::Notice::Idle);
            }
            return Poll::Pending;
        };
        Poll::Ready(taken.map(WorkerBatch))
    }

    /// More items for a worker that has some already.
    pub fn try_take(&mut self, max: usize) -> Option<WorkerBatch<B>> {
        if self.inner.letters.is_limited() || self.inner.channel.has_lanes() {
            return None;
        }
        self.ahead.try_take(max.max(1)).ok().map(WorkerBatch)
    }

    /// The worker does not get these.
    pub fn put_back(&mut self, batch: WorkerBatch<B>) {
        self.ahead.put_back(batch.0);
    }

    /// The worker may claim these from now on.
    ///
    /// A single item counts as begun at once.
    pub fn publish(&mut self, mut batches: Vec<WorkerBatch<B>>) {
        for batch in &batches {
            let sent_at = batch.0.batch().sent_at;
            if sent_at > 0 {
                self.counts().record(Some(self.inner.clock().saturating_sub(sent_at)), None);
            }
        }
        self.started_at = SystemTime::now();
        if let [WorkerBatch(alone)] = &mut batches[..]
            && alone.batch().len() == 1
        {
            self.ahead.publish_claimed(alone);
            self.started.extend(batches.pop().map(|batch| batch.0.into_batch()));
            self.publish_in_hand();
            return;
        }
        self.ahead.publish(batches.into_iter().map(|batch| batch.0));
    }

    /// Takes note of what the worker has claimed. Permits of those items are free.
    pub fn claimed(&mut self) {
        self.started.extend(self.ahead.claimed().into_iter().map(Taken::into_batch));
        self.publish_in_hand();
    }

    /// How many items are claimed and not settled.
    pub fn in_hand(&self) -> usize {
        self.started.iter().map(Batch::len).sum()
    }

    /// The first `n` claimed items were handled with success, in `busy` altogether. `has_result` says of each of them
    /// whether `results` has one for it.
    ///
    /// The result of an item alone may be held back for 5 to 50 ms: while more items are at hand, and no longer than to the
    /// next [`tell`](WorkerConsumer::tell), for which the observer's [`tick`](super::Observer::tick) asks.
    pub fn processed(&mut self, n: usize, busy: Duration, mut results: R, has_result: impl Fn(usize) -> bool) {
        let mut done = 0;
        let mut kept = R::with_capacity(0);
        let (mut tags, mut replies) = (Vec::new(), R::with_capacity(0));
        while done < n
            && let Some(mut envelope) = self.started.pop_front()
        {
            if envelope.len() > n - done {
                let part = envelope.split_front(n - done);
                self.started.push_front(std::mem::replace(&mut envelope, part));
            }
            let Envelope { batch, generation, .. } = envelope;
            let len = batch.len();
            if batch.is_tagged() {
                for index in 0..len {
                    if !has_result(done + index) {
                        continue;
                    }
                    match batch.tag(index) {
                        0 => kept.append(results.split_front(1)),
                        tag => {
                            tags.push(tag);
                            replies.append(results.split_front(1));
                        }
                    }
                }
            } else {
                let count = (done..done + len).filter(|&index| has_result(index)).count();
                kept.append(results.split_front(count));
            }
            done += len;
            self.ahead.free_keys(&batch);
            self.counts().processed.add(len as u64);
            self.untold[generation] += len as u64;
            self.ahead.settle(len);
        }
        self.counts().busy.add(busy.as_nanos() as u64);
        if !tags.is_empty() {
            self.inner.reply(tags, Ok(replies));
        }
        if self.collects() {
            self.results.keep(&self.inner, kept, busy);
        }
        if !self.results.is_holding() {
            self.settle_told();
        }
        self.publish_in_hand();
        self.inner.check_idle();
    }

    /// The first claimed item failed: it is tried again, or given up.
    pub fn failed(&mut self, failure: Failure) {
        if let Some(envelope) = self.pop_started() {
            let history = History::after(envelope.history.as_deref(), self.started_at, false);
            self.counts().failed_attempts.add(1);
            let retry = self.inner.next_attempt(&failure, &history, || true);
            self.inner.attempt_failed(&envelope.batch, &failure, &history, retry);
            self.retry_or_bury(envelope, failure, history, retry);
        }
        self.publish_in_hand();
        self.inner.check_idle();
    }

    /// A sample of the time from an item's claim to its settlement.
    pub fn sampled(&self, handling: Duration) {
        self.counts().record(None, Some(handling));
    }

    /// It is over: the end came, or the system breaks off. What is not settled then is given up.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.claimed();
        let failure = self.break_reason();
        while let Some(envelope) = self.pop_started() {
            self.counts().failed_attempts.add(1);
            let history = History::after(envelope.history.as_deref(), self.started_at, false);
            self.bury(envelope, failure.clone(), &history);
        }
        self.publish_in_hand();
        self.tell();
        // Before the report, which is to have them.
        self.ahead.give_up();
        self.counts().phase.set(ThreadState::Ended);
        self.inner.end_worker(self.index);
        self.inner.check_idle();
    }

    /// The worker died.
    fn died(&mut self) {
        self.claimed();
        while let Some(envelope) = self.pop_started() {
            let history = History::after(envelope.history.as_deref(), self.started_at, true);
            self.counts().failed_attempts.add(1);
            let deaths = history.deaths;
            let failure = Failure::died(self.thread, deaths);
            let retry = (deaths < self.inner.retry.deaths).then_some(Duration::ZERO);
            self.inner.attempt_failed(&envelope.batch, &failure, &history, retry);
            self.retry_or_bury(envelope, failure, history, retry);
        }
        self.publish_in_hand();
        self.tell();
        self.ahead.give_up();
        self.counts().phase.set(ThreadState::Starting);
        self.inner.vacate_worker(self.index);
        self.inner.check_idle();
    }

    fn retry_or_bury(
        &mut self,
        mut envelope: Envelope<B>,
        mut failure: Failure,
        history: History,
        retry: Option<Duration>,
    ) {
        if let Some(delay) = retry {
            envelope.history = Some(Box::new(history));
            match self.ahead.give_back(envelope, history.attempts + 1, delay) {
                Ok(()) => return,
                Err(back) => {
                    envelope = back;
                    failure = self.break_reason();
                }
            }
        }
        self.bury(envelope, failure, &history);
    }

    /// Makes an item a dead letter.
    fn bury(&mut self, envelope: Envelope<B>, failure: Failure, history: &History) {
        let Envelope { batch, generation, .. } = envelope;
        if batch.tag(0) != 0 {
            self.inner.reply(vec![batch.tag(0)], Err(failure.clone()));
        }
        let n = batch.len();
        self.ahead.free_keys(&batch);
        self.inner.dead_letter(DeadLetter::new(batch, failure, history));
        self.counts().dead_lettered.add(n as u64);
        self.counts().settled[generation].add(n as u64);
        self.ahead.settle(n);
    }

    fn pop_started(&mut self) -> Option<Envelope<B>> {
        let mut first = self.started.pop_front()?;
        if first.len() > 1 {
            let item = first.split_front(1);
            self.started.push_front(std::mem::replace(&mut first, item));
        }
        Some(first)
    }

    /// Hands over the results that are held back.
    pub fn tell(&mut self) {
        self.results.tell();
        if self.settle_told() {
            self.inner.check_idle();
        }
    }

    /// Counts the items whose results are told as settled; whether there were any.
    fn settle_told(&mut self) -> bool {
        let told = std::mem::take(&mut self.untold);
        for (generation, n) in told.into_iter().enumerate() {
            self.counts().settled[generation].add(n);
        }
        told != [0; 2]
    }

    fn break_reason(&self) -> Failure {
        if self.inner.control().expired {
            timed_out()
        } else {
            Failure::aborted("the system was aborted while the item was being handled")
        }
    }

    fn publish_in_hand(&self) {
        let in_hand = self.in_hand() as u64;
        self.counts().in_hand.store(in_hand, Ordering::Release);
        self.counts().phase.set(if in_hand > 0 { ThreadState::Busy } else { ThreadState::Waiting });
    }
}

impl<B: Collect, R: Collect> Drop for WorkerConsumer<B, R> {
    fn drop(&mut self) {
        if !self.ended {
            if self.inner.aborted.load(Ordering::Acquire) {
                self.finish();
            } else {
                self.died();
            }
        }
    }
}

impl<B: Collect, R: Collect> Inner<B, R> {
    /// A worker has ended for good.
    fn end_worker(&self, index: usize) {
        self.change(|control| control.end_worker(index));
    }

    /// A worker died, and its place is for another one, unless the system breaks off.
    fn vacate_worker(&self, index: usize) {
        self.change(|control| {
            control.workers[index] = WorkerPlace::Vacant;
            // Those that are vacant then end after the flag was set, under this lock: here, or there.
            if self.aborted.load(Ordering::Acquire) {
                control.end_worker(index);
            }
        });
    }

    /// Whether a place without a worker needs one. Where the system has nothing left for it, its place ends.
    pub(crate) fn needs_worker(&self, index: usize) -> bool {
        let over = self.aborted.load(Ordering::Acquire) || self.channel.is_ended();
        let mut needed = false;
        self.change(|control| {
            if control.workers.get(index) == Some(&WorkerPlace::Vacant) {
                needed = !over;
                if over {
                    control.end_worker(index);
                }
            }
        });
        needed
    }
}

//! The state that a system's handles and threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use super::counters::Counters;
use super::envelope::{Envelope, History};
use super::idle::Idle;
use super::letters::{DeadLetter, Letters, Reply, timed_out};
use super::notice::FailedAttempt;
use super::outgoing::Holding;
use super::port::PortEntry;
use super::retry::Retry;
use super::spares::Spares;
use super::state::{Event, Lifecycle, State, StateError};
use super::stats::{Sums, SystemStats, latencies, rows};
use super::worker::WorkerPlace;
use super::{ConsumerKind, Notice, Observer, Report};
use crate::batch::{Batch, Collect};
use crate::channel::{Channel, SendTimeoutError};
use crate::failure::Failure;
use crate::source::STOP_CHECK;
use crate::sync::{lock, wait};

pub(crate) struct Inner<B: Batch, R: Batch> {
    pub(crate) channel: Channel<Envelope<B>>,
    /// For their counts of admitted items, and the consumers that wait there.
    pub(super) ports: Mutex<Vec<Arc<PortEntry<B>>>>,
    /// Emptied batches on their way back to the producers.
    pub(crate) spares: Spares<B>,
    pub(crate) results: OnceLock<Channel<R>>,
    /// Whether the results' channel is the user's own, which is full when it is full and may be closed at any time; and
    /// whether it is closed with the system.
    pub(crate) sink: OnceLock<bool>,
    /// Whether results still go somewhere.
    pub(crate) collecting: AtomicBool,
    pub(crate) holding: Arc<Holding>,
    pub(crate) letters: Letters<B>,
    pub(crate) replies: Mutex<Vec<Reply<R>>>,
    /// Shared with sends that wait, for which others count.
    pub(crate) counters: Arc<Counters>,
    pub(crate) idle: Idle,
    /// Producers should end.
    pub(crate) stopping: AtomicBool,
    /// Handlers should give up.
    pub(crate) aborted: AtomicBool,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) kind: ConsumerKind,
    pub(crate) retry: Retry,
    /// Whether someone listens for attempts that fail.
    pub(crate) watching_attempts: AtomicBool,
    pub(crate) handler_timeout: Option<Duration>,
    pub(crate) built: Instant,
    control: Mutex<Control<B>>,
    changed: Condvar,
    /// Items processed a second over the last second, in thousandths; `u64::MAX` until the supervisor has seen one.
    pub(crate) current_throughput: AtomicU64,
}

/// What the supervisor acts on.
pub(crate) struct Control<B> {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) started: Option<Instant>,
    pub(crate) ended: Option<Instant>,
    pub(crate) start_outcome: Option<Result<(), Failure>>,
    /// Past it, a stop breaks off what is not settled.
    pub(crate) deadline: Option<Instant>,
    /// The deadline has passed.
    pub(crate) expired: bool,
    pub(crate) abort_reason: Option<Failure>,
    pub(crate) source_failure: Option<Failure>,
    /// Producers and consumers that have not ended.
    pub(crate) producers_left: usize,
    pub(crate) consumers_left: usize,
    /// The places of workers, where they handle the items.
    pub(crate) workers: Vec<WorkerPlace>,
    /// Aborts that have not put down yet what they took out of the channel.
    pub(crate) breaking_off: usize,
    /// What an abort took out of the channel, and what handlers outside gave back unseen.
    pub(crate) unprocessed: Vec<B>,
    pub(crate) detached: Vec<String>,
    pub(crate) report: Option<Report<B>>,
}

impl<B> Control<B> {
    /// Place `index` will never have a worker again.
    pub(crate) fn end_worker(&mut self, index: usize) {
        if let Some(place) = self.workers.get_mut(index)
            && std::mem::replace(place, WorkerPlace::Ended) != WorkerPlace::Ended
        {
            self.consumers_left = self.consumers_left.saturating_sub(1);
        }
    }

    pub(crate) fn end_vacant_workers(&mut self) {
        for index in 0..self.workers.len() {
            if self.workers[index] == WorkerPlace::Vacant {
                self.end_worker(index);
            }
        }
    }
}

impl<B: Collect, R: Collect> Inner<B, R> {
    pub(crate) fn new(
        channel: Channel<Envelope<B>>,
        producers: usize,
        consumers: usize,
        kind: ConsumerKind,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Inner {
            channel,
            ports: Mutex::default(),
            spares: Spares::new(),
            results: OnceLock::new(),
            sink: OnceLock::new(),
            collecting: AtomicBool::new(false),
            holding: Arc::default(),
            letters: Letters::new(),
            replies: Mutex::new(Vec::new()),
            counters: Arc::new(Counters::new(producers, consumers)),
            idle: Idle::default(),
            stopping: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            observer,
            kind,
            retry: Retry::default(),
            watching_attempts: AtomicBool::new(false),
            handler_timeout: None,
            built: Instant::now(),
            control: Mutex::new(Control {
                lifecycle: Lifecycle::READY,
                started: None,
                ended: None,
                start_outcome: None,
                deadline: None,
                expired: false,
                abort_reason: None,
                source_failure: None,
                producers_left: 0,
                consumers_left: 0,
                workers: Vec::new(),
                breaking_off: 0,
                unprocessed: Vec::new(),
                detached: Vec::new(),
                report: None,
            }),
            changed: Condvar::new(),
            current_throughput: AtomicU64::new(u64::MAX),
        }
    }

    pub(crate) fn control(&self) -> MutexGuard<'_, Control<B>> {
        lock(&self.control)
    }

    /// Makes a move and tells the supervisor.
    pub(crate) fn apply(&self, event: Event) -> Result<State, StateError> {
        let mut control = self.control();
        let next = control.lifecycle.after(event)?;
        control.lifecycle = next;
        self.changed.notify_all();
        Ok(next.state)
    }

    /// Makes a move towards the end, unless the system is over, together with a change that the supervisor must see with
    /// it. Says from where: of all who end a system that never started, one alone is told so.
    pub(crate) fn move_to_end(&self, event: Event, change: impl FnOnce(&mut Control<B>)) -> Option<State> {
        let mut control = self.control();
        let before = control.lifecycle.state;
        if before.is_final() {
            return None;
        }
        control.lifecycle = control.lifecycle.after(event).ok()?;
        change(&mut control);
        drop(control);
        self.changed.notify_all();
        Some(before)
    }

    pub(crate) fn tell_supervisor(&self) {
        self.changed.notify_all();
    }

    /// Changes what the supervisor acts on and tells it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Control<B>)) {
        change(&mut self.control());
        self.changed.notify_all();
    }

    /// Waits for a change, for at most `timeout`.
    pub(crate) fn wait_for_change<'a>(
        &'a self,
        control: MutexGuard<'a, Control<B>>,
        timeout: Duration,
    ) -> MutexGuard<'a, Control<B>> {
        wait(&self.changed, &self.control, control, Some(timeout))
    }

    /// Whether sends from outside are refused already, although the channel may be open for producers' last items.
    pub(crate) fn refuses(&self) -> bool {
        self.stopping.load(Ordering::Acquire) && !self.channel.is_closed()
    }

    /// Nanoseconds since the system was built, at least 1.
    pub(crate) fn clock(&self) -> u64 {
        (self.built.elapsed().as_nanos() as u64).max(1)
    }

    /// From draining on, results and dead letters pass their bounds rather than hold anything up.
    pub(crate) fn lift_bounds(&self) {
        self.letters.lift();
        if let Some(results) = self.results.get()
            && self.sink.get().is_none()
        {
            results.lift();
        }
    }

    /// Breaks off: handlers give up, everything that waits ends, and what was queued comes back.
    pub(crate) fn break_off(&self) -> Vec<Envelope<B>> {
        self.stopping.store(true, Ordering::Release);
        self.aborted.store(true, Ordering::Release);
        self.lift_bounds();
        self.channel.abort_and_keep()
    }

    /// Breaks off; what was queued is for the report. For all but the first caller that is nothing.
    pub(crate) fn discard_queued(&self) {
        let queued = self.break_off();
        self.give_back(queued);
    }

    /// Items that nobody will handle are for the report.
    fn give_back(&self, queued: Vec<Envelope<B>>) {
        let n: u64 = queued.iter().map(|envelope| envelope.batch.len() as u64).sum();
        self.counters.discarded.add_shared(n);
        self.change(|control| control.unprocessed.extend(queued.into_iter().map(|envelope| envelope.batch)));
    }

    /// Breaks off past a stop's time-out: what was queued is dead-lettered.
    pub(crate) fn expire_queued(&self) {
        let queued = self.break_off();
        self.expire(queued);
    }

    fn expire(&self, queued: Vec<Envelope<B>>) {
        let n: u64 = queued.iter().map(|envelope| envelope.batch.len() as u64).sum();
        self.counters.expired.add_shared(n);
        let now = SystemTime::now();
        for Envelope { batch: items, history, .. } in queued {
            for tag in (0..items.len()).map(|index| items.tag(index)).filter(|&tag| tag != 0) {
                self.reply(vec![tag], Err(timed_out()));
            }
            let (attempts, deaths, first) =
                history.map_or((0, 0, now), |history| (history.attempts, history.deaths, history.first));
            self.dead_letter(DeadLetter { items, failure: timed_out(), attempts, deaths, first, last: now });
        }
    }

    /// What a sender was just putting in while the system broke off shares the lot of what was queued.
    pub(crate) fn end_late(&self) {
        let late = self.channel.take_late();
        if self.control().expired { self.expire(late) } else { self.give_back(late) }
    }

    /// Items that a handler outside took and never saw come back: into the report, or past a stop's time-out as dead
    /// letters that the handler's side keeps.
    pub(crate) fn take_back(&self, batch: B, n: u64) {
        let mut control = self.control();
        if control.expired {
            self.counters.expired.add_shared(n);
        } else {
            self.counters.discarded.add_shared(n);
            control.unprocessed.push(batch);
        }
    }

    /// Sends results; waits while their channel is full. What a channel of the user's own does not take any more comes
    /// back with the reason; of a reader that has broken off, nothing does.
    pub(crate) fn send_results(&self, channel: &Channel<R>, results: R) -> Option<(R, Failure)> {
        if results.is_empty() {
            return None;
        }
        if self.sink.get().is_none() {
            // Refused only where the reader has broken off, and then nobody wants them.
            let _ = channel.send(results);
            return None;
        }
        let mut rest = results;
        loop {
            match channel.send_timeout(rest, STOP_CHECK) {
                Ok(()) => return None,
                Err(SendTimeoutError::Closed(rest)) => {
                    let message = "expected a channel that takes the results, got one that was closed";
                    return Some((rest, Failure::new("ERR_MILLRACE_CLOSED", message)));
                }
                Err(SendTimeoutError::Aborted(rest)) => {
                    let message = "expected a channel that takes the results, got one that was aborted";
                    return Some((rest, Failure::new("ERR_MILLRACE_SINK_ABORTED", message)));
                }
                Err(SendTimeoutError::Timeout(left)) if self.aborted.load(Ordering::Acquire) => {
                    let expired = self.control().expired;
                    let failure = if expired { timed_out() } else { Failure::aborted("the system was aborted") };
                    return Some((left, failure));
                }
                Err(SendTimeoutError::Timeout(left)) => rest = left,
            }
        }
    }

    /// How long an item whose last attempt failed waits for the next; nothing where it is given up. `leave` takes it from
    /// who has it, unless it is too late for that.
    pub(crate) fn next_attempt(
        &self,
        failure: &Failure,
        history: &History,
        leave: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        let delay = self.retry.after(failure, history.failed())?;
        (!self.aborted.load(Ordering::Acquire) && leave()).then_some(delay)
    }

    /// Tells whoever listens for that of an attempt that failed, and whether there will be another.
    pub(crate) fn attempt_failed(&self, item: &B, failure: &Failure, history: &History, retry: Option<Duration>) {
        if self.watching_attempts.load(Ordering::Relaxed) {
            self.observer.attempt_failed(&FailedAttempt { item, failure, attempt: history.attempts, retry });
        }
    }

    pub(crate) fn dead_letter(&self, letter: DeadLetter<B>) {
        // What a thread of JavaScript does never waits for another thread.
        self.letters.add(letter, self.kind == ConsumerKind::Thread);
        self.observer.notify(Notice::DeadLetters);
    }

    pub(crate) fn reply(&self, tags: Vec<u64>, outcome: Result<R, Failure>) {
        lock(&self.replies).push(Reply { tags, outcome });
        self.observer.notify(Notice::Replies);
    }

    pub(crate) fn check_idle(&self) {
        if self.idle.check(&self.counters) {
            self.observer.notify(Notice::Idle);
        }
    }

    pub(crate) fn stats(&self) -> SystemStats {
        let (state, elapsed) = {
            let control = self.control();
            let end = control.ended.unwrap_or_else(Instant::now);
            let elapsed = control.started.map_or(Duration::ZERO, |start| end.saturating_duration_since(start));
            (control.lifecycle.state, elapsed)
        };
        let channel = self.channel.stats();
        // Held for both: a port that goes away passes what it has sent on to the counters.
        let ports = lock(&self.ports);
        let admitted = || ports.iter().map(|entry| entry.producer.admitted()).sum();
        let sums = Sums::of(&self.counters, admitted, channel.discarded);
        let (producers, consumers) = rows(&self.counters, admitted(), self.kind);
        drop(ports);
        let (queued_latency, handling_latency) = latencies(&self.counters);
        let seconds = elapsed.as_secs_f64();
        let mean = if seconds > 0.0 { sums.processed as f64 / seconds } else { 0.0 };
        // Before the supervisor has seen a whole second, the mean is what there is.
        let current = match self.current_throughput.load(Ordering::Relaxed) {
            _ if state.is_final() => 0.0,
            u64::MAX => mean,
            thousandths => thousandths as f64 / 1000.0,
        };
        SystemStats {
            state,
            elapsed,
            capacity: channel.capacity as u64,
            queued: channel.length as u64,
            peak_queued: channel.peak as u64,
            waiting_sends: channel.waiting_sends as u64,
            produced: sums.produced,
            processed: sums.processed,
            failed_attempts: sums.failed_attempts,
            retrying: channel.retrying as u64,
            dead_lettered: sums.dead_lettered,
            discarded: sums.discarded,
            in_flight: sums.in_flight,
            current_throughput: current,
            mean_throughput: mean,
            producers_waiting: producers.iter().map(|row| row.waiting).sum(),
            consumers_waiting: consumers.iter().map(|row| row.waiting).sum(),
            queued_latency,
            handling_latency,
            producers,
            consumers,
        }
    }
}

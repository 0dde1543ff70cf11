//! The supervisor: a thread for each started system that starts its threads, closes the channel when production ends,
//! minds the time-out of a stop, joins, and reports. Nobody else ever waits for a thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::inner::{Control, Inner};
use super::state::{Event, State};
use super::stats::ThreadState;
use super::worker::WorkerPlace;
use super::{Handlers, Notice, Report, Sources, consumer, producer};
use crate::batch::Collect;
use crate::failure::Failure;
use crate::source::Source;
use crate::task::Task;

/// How often the supervisor takes a sample of the throughput.
const TICK: Duration = Duration::from_millis(250);

/// How many samples make up the current throughput: a second's.
const SAMPLES: usize = 4;

/// How long threads that were told to give up may take before they are left to themselves.
const GRACE: Duration = Duration::from_secs(1);

/// How long the report waits for sends that were interrupted between their permit and their push: some time slices.
const LATE_SENDS: Duration = Duration::from_millis(50);

pub(crate) struct Supervisor<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    sources: Sources<B>,
    handlers: Handlers<B, R>,
    threads: Vec<Thread>,
    samples: VecDeque<(Instant, u64)>,
    /// When threads that were told to give up are left to themselves.
    patience: Option<Instant>,
}

struct Thread {
    name: String,
    kind: ThreadKind,
    handle: JoinHandle<()>,
}

/// What a thread runs, and its index among those that do.
#[derive(Debug, Clone, Copy)]
enum ThreadKind {
    Producer(usize),
    Consumer(usize),
}

impl<B: Collect, R: Collect> Supervisor<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>, sources: Sources<B>, handlers: Handlers<B, R>) -> Self {
        Supervisor { inner, sources, handlers, threads: Vec::new(), samples: VecDeque::new(), patience: None }
    }

    /// Runs the system from its start to its report.
    pub(crate) fn run(mut self) {
        let started = self.start_threads();
        if let Err(failure) = &started {
            // Without all of its threads the system is not what was asked for. Those that run end at once.
            let failure = failure.clone();
            let (producers, consumers) = self.missing_threads();
            let _ = self.inner.apply(Event::Abort);
            self.inner.change(|control| {
                control.abort_reason.get_or_insert(failure);
                control.producers_left = control.producers_left.saturating_sub(producers);
                control.consumers_left = control.consumers_left.saturating_sub(consumers);
            });
        }
        self.inner.counters.outside.phase.set(ThreadState::Busy);
        self.inner.change(|control| control.start_outcome = Some(started));
        self.inner.observer.notify(Notice::Started);
        self.watch();
        self.finish();
    }

    fn start_threads(&mut self) -> Result<(), Failure> {
        let consumers = self.make_tasks();
        let producers = self.make_sources();
        for (index, task) in consumers.into_iter().enumerate() {
            let inner = Arc::clone(&self.inner);
            let name = self.inner.kind.name(index);
            self.spawn(name, ThreadKind::Consumer(index), move || consumer::run(&inner, task, index))?;
        }
        let count = producers.len();
        for (index, source) in producers.into_iter().enumerate() {
            let inner = Arc::clone(&self.inner);
            let name = super::producer_name(index);
            self.spawn(name, ThreadKind::Producer(index), move || producer::run(&inner, source, index, count))?;
        }
        Ok(())
    }

    fn make_tasks(&mut self) -> Vec<Box<dyn Task<B, R>>> {
        match &mut self.handlers {
            Handlers::External | Handlers::Workers => Vec::new(),
            Handlers::Native(make) => (0..self.inner.counters.consumers.len()).map(make).collect(),
        }
    }

    fn make_sources(&mut self) -> Vec<Box<dyn Source<B>>> {
        match &mut self.sources {
            Sources::None | Sources::External => Vec::new(),
            Sources::Native(make) => make(self.inner.counters.producers.len()),
        }
    }

    fn spawn(&mut self, name: String, kind: ThreadKind, body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        match std::thread::Builder::new().name(name.clone()).spawn(body) {
            Ok(handle) => {
                self.threads.push(Thread { name, kind, handle });
                Ok(())
            }
            Err(error) => Err(Failure::new(
                "ERR_MILLRACE_SPAWN",
                format!("expected to start thread {name}, number {}: {error}", self.threads.len() + 1),
            )),
        }
    }

    /// Native producers and consumers that were counted on and will never run.
    fn missing_threads(&self) -> (usize, usize) {
        let consumers = self.threads.iter().filter(|thread| matches!(thread.kind, ThreadKind::Consumer(_))).count();
        let producers = self.threads.len() - consumers;
        let wanted = match self.handlers {
            Handlers::Native(_) => self.inner.counters.consumers.len(),
            Handlers::External | Handlers::Workers => 0,
        };
        (self.inner.counters.producers.len() - producers, wanted - consumers)
    }

    /// Acts on every change until nobody is left to wait for.
    fn watch(&mut self) {
        let mut draining = false;
        let mut broken_off = false;
        let mut closed = false;
        let inner = Arc::clone(&self.inner);
        let mut control = inner.control();
        loop {
            let now = Instant::now();
            if control.producers_left == 0
                && let Ok(next) = control.lifecycle.after(Event::Exhausted)
                && self.has_source()
            {
                control.lifecycle = next;
            }
            if control.source_failure.is_some()
                && let Ok(next) = control.lifecycle.after(Event::Stop)
            {
                control.lifecycle = next;
            }
            let state = control.lifecycle.state;
            if control.deadline.is_some_and(|deadline| now >= deadline) && state == State::Draining {
                control.expired = true;
            }
            if state == State::Draining && !draining {
                draining = true;
                drop(control);
                self.begin_drain();
                control = inner.control();
                continue;
            }
            if (state == State::Aborted || control.expired) && !broken_off {
                broken_off = true;
                let expired = control.expired;
                drop(control);
                self.break_off(expired);
                self.patience = Some(Instant::now() + GRACE);
                control = inner.control();
                continue;
            }
            if state == State::Draining && control.producers_left == 0 && !closed {
                closed = true;
                drop(control);
                inner.channel.close();
                control = inner.control();
                continue;
            }
            // Nothing is left for whoever would take a place that no worker has.
            if closed && control.workers.contains(&WorkerPlace::Vacant) && inner.channel.is_ended() {
                control.end_vacant_workers();
            }
            let reportable = control.breaking_off == 0;
            if control.producers_left == 0 && control.consumers_left == 0 && reportable {
                return;
            }
            if reportable && self.patience.is_some_and(|end| now >= end) && self.only_threads_left(&control) {
                return;
            }
            let timeout = self.next_look(&control, now);
            control = inner.wait_for_change(control, timeout);
            let ticked = self.sample(Instant::now());
            // Senders may wait for what workers have claimed without a call.
            drop(control);
            inner.channel.free_claimed();
            if ticked {
                inner.observer.tick();
                crate::alarm::look();
            }
            control = inner.control();
        }
    }

    fn has_source(&self) -> bool {
        !matches!(self.sources, Sources::None)
    }

    /// A handler outside is never left to itself: its environment is alive, or has said that it ended.
    fn only_threads_left(&self, control: &Control<B>) -> bool {
        matches!(self.handlers, Handlers::Native(_)) || control.consumers_left == 0
    }

    fn next_look(&self, control: &Control<B>, now: Instant) -> Duration {
        let ends = [control.deadline.filter(|_| !control.expired), self.patience];
        ends.into_iter().flatten().map(|end| end.saturating_duration_since(now)).fold(TICK, Duration::min)
    }

    /// Takes a sample of the throughput, where the last one is old enough.
    fn sample(&mut self, now: Instant) -> bool {
        if self.samples.back().is_some_and(|(at, _)| now.duration_since(*at) < TICK) {
            return false;
        }
        self.samples.push_back((now, self.inner.counters.processed()));
        if self.samples.len() > SAMPLES + 1 {
            self.samples.pop_front();
        }
        if let (Some((from, before)), Some((to, after))) = (self.samples.front(), self.samples.back())
            && self.samples.len() > SAMPLES
        {
            let seconds = to.duration_since(*from).as_secs_f64();
            let thousandths = (after - before) as f64 / seconds * 1000.0;
            self.inner.current_throughput.store(thousandths as u64, Ordering::Relaxed);
        }
        true
    }

    /// Producers end after what they have in hand; a paused system goes on to the end; nothing that is reported holds
    /// anything up any more.
    fn begin_drain(&self) {
        self.inner.stopping.store(true, Ordering::Release);
        self.inner.lift_bounds();
        self.inner.channel.hold(false);
        self.inner.observer.notify(Notice::Draining);
    }

    /// Handlers give up. What was queued is dead-lettered where a stop is past its time-out, and is in the report
    /// where the system was aborted.
    fn break_off(&self, expired: bool) {
        if expired {
            self.inner.expire_queued();
        } else {
            self.inner.discard_queued();
        }
        // Nobody is going to take the places that wait for a worker.
        self.inner.change(Control::end_vacant_workers);
        self.inner.observer.notify(Notice::BrokenOff);
    }

    /// Joins, reports, and ends the results.
    fn finish(mut self) {
        let all_ended = {
            let control = self.inner.control();
            control.producers_left == 0 && control.consumers_left == 0
        };
        for thread in std::mem::take(&mut self.threads) {
            if all_ended || thread.handle.is_finished() {
                // Nothing of a thread's own can panic past its catch; if it did, its end is all that matters here.
                let _ = thread.handle.join();
            } else {
                self.give_up(&thread);
            }
        }
        self.await_late_sends();
        self.inner.report();
    }

    /// A send from outside that took its room before an abort may have been interrupted on its way into the channel. Its item is in no
    /// account until it goes on, and the report would be short of it.
    fn await_late_sends(&self) {
        let until = Instant::now() + LATE_SENDS;
        while !self.inner.channel.is_empty() && Instant::now() < until {
            std::thread::yield_now();
        }
    }

    /// Leaves a thread to itself. What it has in hand is dead-lettered here, and its own settlement comes too late.
    fn give_up(&self, thread: &Thread) {
        let counters = &self.inner.counters;
        match thread.kind {
            ThreadKind::Producer(index) => counters.producers[index].phase.set(ThreadState::Detached),
            ThreadKind::Consumer(index) => {
                let counts = &counters.consumers[index];
                counters.expired.add_shared(counts.in_hand.swap(0, Ordering::AcqRel));
                counts.phase.set(ThreadState::Detached);
            }
        }
        self.inner.change(|control| control.detached.push(thread.name.clone()));
    }
}

impl<B: Collect, R: Collect> Inner<B, R> {
    /// Makes the report and tells everyone that the system is over.
    pub(crate) fn report(&self) {
        self.end_late();
        self.counters.outside.phase.set(ThreadState::Ended);
        let _ = self.apply(Event::Settled);
        self.change(|control| control.ended = Some(Instant::now()));
        let stats = self.stats();
        self.change(|control| {
            control.report = Some(Report {
                stats,
                unprocessed: std::mem::take(&mut control.unprocessed),
                source_failure: control.source_failure.clone(),
                abort_reason: control.abort_reason.clone(),
                timed_out: control.expired,
                detached: std::mem::take(&mut control.detached),
            });
        });
        if let Some(results) = self.results.get()
            && self.sink.get().copied().unwrap_or(true)
        {
            results.close();
        }
        self.observer.notify(Notice::Finished);
    }
}

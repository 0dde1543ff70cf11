//! A producer-consumer system: producer threads that run a source, a bounded channel, consumer threads that run a
//! task, and a supervisor that sees them through to the report.
//!
//! # Shutdown
//! 1. `stop`, or the end of every source, makes the system drain: producers end after the item in hand.
//! 2. When the last producer has ended the channel is closed.
//! 3. Consumers take what there is, settle it, and end.
//! 4. The supervisor joins them and reports.
//!
//! A stop past its time-out, and an abort, cut this short: handlers are told to give up, what was queued comes out of
//! the channel, and a thread that still does not end is left to itself and named in the report.
//!
//! # Who may block
//! [`System::send`] and [`System::join`] block the calling thread. Nothing else waits.

mod consumer;
mod counters;
mod envelope;
mod external;
mod idle;
mod inner;
mod leased;
mod letters;
mod notice;
mod outgoing;
mod overflow;
mod parts;
mod port;
mod producer;
mod report;
mod retry;
mod sending;
mod spares;
mod state;
mod stats;
mod supervisor;
mod worker;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use external::{Delivery, ExternalConsumer};
pub use leased::{Fate, LeasedConsumer};
pub use letters::{DeadLetter, LETTERS_KEPT, Reply};
pub use notice::{FailedAttempt, Notice, Observer};
pub use parts::{Handlers, MakeSources, MakeTask, Sources};
pub use port::Port;
pub use report::Report;
pub use retry::{Backoff, Retry};
pub use sending::SystemSend;
pub use state::{Event, State, StateError};
pub use stats::{Percentiles, SystemStats, ThreadState, ThreadStats};
pub use worker::{WorkerBatch, WorkerConsumer};

use crate::batch::Collect;
use crate::channel::{Channel, ChannelOptions, ClaimWord, Overflow, SendError};
use crate::failure::Failure;
use crate::sync::lock;
use inner::Inner;
use sending::{SendCount, refused, unseal};
use supervisor::Supervisor;
use worker::WorkerPlace;

/// How many threads a system has and how many items its channel holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SystemOptions {
    /// Producer threads, each with a source of its own. Only for native sources.
    pub producers: usize,
    /// Consumer threads, each with a task of its own. Only for native handlers.
    pub consumers: usize,
    /// The most items in the channel, from 1 to [`MAX_CAPACITY`](crate::channel::MAX_CAPACITY).
    pub capacity: usize,
    /// Whether results are kept for a reader; see [`System::results`].
    pub results: bool,
    /// What becomes of items whose attempt failed.
    pub retry: Retry,
    /// How long an attempt may take. Native tasks look at it at least every 50 ms or 1 MiB; then the attempt fails.
    pub handler_timeout: Option<Duration>,
    /// What an [`offer`](Port::offer) does that finds no room.
    pub overflow: Overflow,
}

impl Default for SystemOptions {
    /// 10 producers, 5 consumers, 1000 items, one attempt each.
    fn default() -> Self {
        SystemOptions {
            producers: 10,
            consumers: 5,
            capacity: 1000,
            results: false,
            retry: Retry::default(),
            handler_timeout: None,
            overflow: Overflow::Wait,
        }
    }
}

/// Where a system's handlers run, and what its consumers are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsumerKind {
    Thread,
    Callback,
    Worker,
}

impl ConsumerKind {
    pub(crate) fn name(self, index: usize) -> String {
        match self {
            ConsumerKind::Thread => format!("millrace-c{index}"),
            ConsumerKind::Callback => "callback".to_owned(),
            ConsumerKind::Worker => format!("millrace-w{index}"),
        }
    }
}

pub(crate) fn producer_name(index: usize) -> String {
    format!("millrace-p{index}")
}

/// A producer-consumer system. Clones are handles to the same one; when the last is dropped the system is aborted.
///
/// ```
/// use millrace_core::{Emitter, Failure, Halt, Overflow, Source, Task, TaskContext};
/// use millrace_core::system::{Handlers, Sources, System, SystemOptions};
///
/// struct Count(u64);
/// impl Source<Vec<u64>> for Count {
///     fn run(&mut self, out: &mut Emitter<'_, Vec<u64>>) -> Result<(), Halt> {
///         (0..self.0).try_for_each(|n| out.emit(|batch| batch.push(n)))
///     }
/// }
///
/// struct Even;
/// impl Task<Vec<u64>, Vec<u64>> for Even {
///     fn handle(
///         &mut self,
///         batch: &Vec<u64>,
///         index: usize,
///         results: Option<&mut Vec<u64>>,
///         _context: &TaskContext<'_>,
///     ) -> Result<(), Failure> {
///         if batch[index] % 2 == 1 {
///             return Err(Failure::new("ERR_ODD", "expected an even number"));
///         }
///         if let Some(results) = results {
///             results.push(batch[index] / 2);
///         }
///         Ok(())
///     }
/// }
///
/// let options = SystemOptions { producers: 2, consumers: 2, ..SystemOptions::default() };
/// let sources = Sources::native(|_index, _count| Count(100));
/// let system = System::new(options, sources, Handlers::native(|_| Even), ())?;
/// system.start()?;
/// let report = system.join();
/// assert_eq!((report.stats.produced, report.stats.processed, report.stats.dead_lettered), (200, 100, 100));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct System<B: Collect, R: Collect> {
    handle: Arc<Handle<B, R>>,
}

impl<B: Collect, R: Collect> Clone for System<B, R> {
    fn clone(&self) -> Self {
        System { handle: Arc::clone(&self.handle) }
    }
}

type Parts<B, R> = (Sources<B>, Handlers<B, R>);

struct Handle<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    /// What `start` makes threads of.
    parts: Mutex<Option<Parts<B, R>>>,
}

impl<B: Collect, R: Collect> Drop for Handle<B, R> {
    fn drop(&mut self) {
        self.abort(Failure::aborted("every handle of the system was dropped"));
    }
}

impl<B: Collect, R: Collect> Handle<B, R> {
    fn abort(&self, reason: Failure) {
        // With the move: the supervisor may report as soon as it sees that.
        let moved = self.inner.move_to_end(Event::Abort, |control| {
            control.abort_reason.get_or_insert(reason);
            control.breaking_off += 1;
        });
        let Some(before) = moved else { return };
        // Sends are refused from here on, not only once the supervisor has acted.
        self.inner.stopping.store(true, Ordering::Release);
        // Not left to the supervisor: a handler outside gives up what it has right after this call, and none of that may
        // be tried again, or make room for a send that waits.
        self.inner.discard_queued();
        self.inner.change(|control| control.breaking_off -= 1);
        if before == State::Ready {
            // There is no supervisor to do it.
            self.inner.report();
        }
    }

    /// A system that never started has no supervisor to end it.
    fn end_unstarted(&self) {
        self.inner.discard_queued();
        self.inner.report();
    }
}

impl<B: Collect, R: Collect> System<B, R> {
    /// A system in the ready state. Starts nothing.
    ///
    /// # Errors
    /// `ERR_MILLRACE_INVALID_OPTION` for a capacity out of range, or no thread where threads are meant.
    pub fn new(
        options: SystemOptions,
        sources: Sources<B>,
        handlers: Handlers<B, R>,
        observer: impl Observer + 'static,
    ) -> Result<Self, Failure> {
        Self::with_channel(options, &ChannelOptions::new(options.capacity), sources, handlers, observer)
    }

    /// As [`new`](System::new), with lanes or a rate. The capacity is that of `channel`, the overflow that of `options`.
    ///
    /// # Errors
    /// Those of `new`, and of [`Channel::with_options`].
    pub fn with_channel(
        options: SystemOptions,
        channel: &ChannelOptions,
        sources: Sources<B>,
        handlers: Handlers<B, R>,
        observer: impl Observer + 'static,
    ) -> Result<Self, Failure> {
        let kind = match handlers {
            Handlers::Native(_) => ConsumerKind::Thread,
            Handlers::External => ConsumerKind::Callback,
            Handlers::Workers => ConsumerKind::Worker,
        };
        let producers = if matches!(sources, Sources::Native(_)) { options.producers } else { 0 };
        let consumers = if kind == ConsumerKind::Callback { 1 } else { options.consumers };
        let invalid = |message: String| Failure::new("ERR_MILLRACE_INVALID_OPTION", message);
        if producers == 0 && matches!(sources, Sources::Native(_)) {
            return Err(invalid("producers: expected at least 1, got 0".to_owned()));
        }
        if consumers == 0 {
            return Err(invalid("consumers: expected at least 1, got 0".to_owned()));
        }
        let channel = Channel::with_options(&channel.overflow(options.overflow))?;
        if options.retry.attempts == 0 || options.retry.deaths == 0 {
            return Err(invalid("retry: expected at least 1 attempt and 1 death, got 0".to_owned()));
        }
        let mut inner = Inner::new(channel, producers, consumers, kind, Arc::new(observer));
        inner.retry = options.retry;
        inner.handler_timeout = options.handler_timeout;
        let system = System {
            handle: Arc::new(Handle { inner: Arc::new(inner), parts: Mutex::new(Some((sources, handlers))) }),
        };
        if options.results {
            system.want_results().map_err(|error| invalid(error.to_string()))?;
        }
        Ok(system)
    }

    fn inner(&self) -> &Arc<Inner<B, R>> {
        &self.handle.inner
    }

    /// Starts the threads. Returns at once: [`Notice::Started`] tells when they run.
    ///
    /// # Errors
    /// In any state but ready.
    pub fn start(&self) -> Result<(), StateError> {
        let inner = self.inner();
        let (sources, handlers) = {
            let mut control = inner.control();
            control.lifecycle = control.lifecycle.after(Event::Start)?;
            let Some(parts) = lock(&self.handle.parts).take() else { unreachable!("a system starts once") };
            control.started = Some(Instant::now());
            control.producers_left = match parts.0 {
                Sources::None => 0,
                Sources::External => 1,
                Sources::Native(_) => inner.counters.producers.len(),
            };
            control.consumers_left = inner.counters.consumers.len();
            if matches!(parts.1, Handlers::Workers) {
                control.workers = vec![WorkerPlace::Vacant; inner.counters.consumers.len()];
            }
            parts
        };
        let supervisor = Supervisor::new(Arc::clone(inner), sources, handlers);
        let spawned = std::thread::Builder::new().name("millrace-sv".to_owned()).spawn(move || supervisor.run());
        if let Err(error) = spawned {
            let failure = Failure::new("ERR_MILLRACE_SPAWN", format!("expected to start the supervisor: {error}"));
            let _ = inner.apply(Event::Abort);
            inner.change(|control| {
                control.start_outcome = Some(Err(failure.clone()));
                control.abort_reason = Some(failure);
            });
            self.handle.end_unstarted();
            inner.observer.notify(Notice::Started);
        }
        Ok(())
    }

    /// Whether all threads were started; `None` before [`Notice::Started`].
    pub fn start_outcome(&self) -> Option<Result<(), Failure>> {
        self.inner().control().start_outcome.clone()
    }

    /// Hands nothing more to handlers. Sources go on until the channel is full. What handlers have, they finish.
    ///
    /// # Errors
    /// In any state but running and paused.
    pub fn pause(&self) -> Result<(), StateError> {
        self.hold(Event::Pause, true)
    }

    /// Goes on after a [`pause`](System::pause).
    ///
    /// # Errors
    /// In any state but running and paused.
    pub fn resume(&self) -> Result<(), StateError> {
        self.hold(Event::Resume, false)
    }

    fn hold(&self, event: Event, held: bool) -> Result<(), StateError> {
        let mut control = self.inner().control();
        control.lifecycle = control.lifecycle.after(event)?;
        // Under the lock, so that the hold of a pause never comes after the release of a stop.
        self.inner().channel.hold(held);
        self.inner().tell_supervisor();
        Ok(())
    }

    /// Stops gracefully: production ends, everything that was produced is settled. Returns at once; the report comes
    /// with [`Notice::Finished`]. Past `timeout`, what is not settled is dead-lettered. A later call with an earlier
    /// end takes its place. What was sent to a system that never started is in the report.
    pub fn stop(&self, timeout: Option<Duration>) {
        let inner = self.inner();
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let moved = inner.move_to_end(Event::Stop, |control| {
            if let Some(end) = end {
                control.deadline = Some(control.deadline.map_or(end, |deadline| deadline.min(end)));
            }
        });
        let Some(before) = moved else { return };
        if before == State::Ready {
            self.handle.end_unstarted();
            return;
        }
        inner.stopping.store(true, Ordering::Release);
    }

    /// Breaks off now: what was queued is in the report and counted as discarded, what handlers have is given up and
    /// dead-lettered. Returns at once.
    pub fn abort(&self, reason: Failure) {
        self.handle.abort(reason);
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        self.inner().control().lifecycle.state
    }

    /// Whether items are queued of which none can be handled before another one of its key is settled.
    pub fn is_parked(&self) -> bool {
        self.inner().channel.is_parked()
    }

    /// A snapshot of its figures.
    pub fn stats(&self) -> SystemStats {
        self.inner().stats()
    }

    /// The report, once: after [`Notice::Finished`].
    pub fn take_report(&self) -> Option<Report<B>> {
        self.inner().control().report.take()
    }

    /// Blocks until the system is over and takes its report. For one caller.
    pub fn join(&self) -> Report<B> {
        let inner = self.inner();
        let mut control = inner.control();
        loop {
            if let Some(report) = control.report.take() {
                return report;
            }
            control = inner.wait_for_change(control, Duration::from_secs(1));
        }
    }

    /// Asks to be told, by [`Notice::Idle`], when everything sent before this call is settled. Returns the number of
    /// the turn: it is done when [`idle_turns`](System::idle_turns) has reached it.
    pub fn watch_idle(&self) -> u64 {
        let inner = self.inner();
        let (turn, done) = inner.idle.watch_fenced(&inner.counters);
        if done {
            inner.observer.notify(Notice::Idle);
        }
        turn
    }

    /// How many turns of [`watch_idle`](System::watch_idle) are done.
    pub fn idle_turns(&self) -> u64 {
        self.inner().idle.done()
    }

    /// A way in for sends that are futures, and keep the order of the calls.
    pub fn port(&self) -> Port<B, R> {
        Port::new(Arc::clone(self.inner()))
    }

    /// Sends all of `batch`; blocks while the channel is full.
    pub fn send(&self, batch: B) -> Result<(), SendError<B>> {
        if self.inner().refuses() {
            return Err(SendError::Closed(batch));
        }
        let (count, envelope) = SendCount::begin(self.inner(), batch);
        let produced = {
            let counters = Arc::clone(&self.inner().counters);
            move |n| counters.outside.produced.add_shared(n as u64)
        };
        let outcome = self.inner().channel.send_counted(envelope, produced).map_err(unseal);
        count.end(self.inner(), refused(&outcome));
        outcome
    }

    /// For [`Sources::External`]: there will be no more items; with a failure, because the source failed. The sends
    /// of the source itself go through [`Port::source_send`].
    pub fn source_ended(&self, failure: Option<Failure>) {
        producer::producer_ended(self.inner(), failure);
    }

    /// The consumer for [`Handlers::External`]; one a system.
    pub fn external_consumer(&self) -> ExternalConsumer<B, R> {
        ExternalConsumer::new(Arc::clone(self.inner()))
    }

    /// For [`Handlers::External`], in place of the [`external_consumer`](System::external_consumer): one that says of each
    /// item by itself what became of it.
    pub fn leased_consumer(&self) -> LeasedConsumer<B, R> {
        LeasedConsumer::new(Arc::clone(self.inner()))
    }

    /// For [`Handlers::Workers`], once the system was started: the consumer in place `index`, with its claims in
    /// `word`. Nothing, where that place has a worker, or has ended. `thread` is what failures say of which one died.
    pub fn worker_consumer(&self, index: usize, thread: u32, word: ClaimWord) -> Option<WorkerConsumer<B, R>> {
        WorkerConsumer::new(Arc::clone(self.inner()), index, thread, word)
    }

    /// For [`Handlers::Workers`]: whether place `index` is without a worker and needs one.
    pub fn needs_worker(&self, index: usize) -> bool {
        self.inner().needs_worker(index)
    }

    /// Keeps results from now on, in a channel of the same capacity: a reader that is slow slows the consumers.
    ///
    /// # Errors
    /// In any state but ready.
    pub fn want_results(&self) -> Result<Channel<R>, StateError> {
        let inner = self.inner();
        let state = inner.control().lifecycle.state;
        if let Some(results) = inner.results.get() {
            return Ok(results.clone());
        }
        if state != State::Ready {
            return Err(StateError { state, event: Event::Start });
        }
        let results = inner.results.get_or_init(|| match Channel::new(inner.channel.capacity()) {
            Ok(channel) => channel,
            Err(error) => unreachable!("the same capacity was valid before: {error}"),
        });
        inner.collecting.store(true, Ordering::Release);
        Ok(results.clone())
    }

    /// Sends results to `channel` from now on, which holds up the consumers while it is full. Where it takes no more, the
    /// items whose results it does not take become dead letters. `close`: it is closed once the system is over.
    ///
    /// # Errors
    /// In any state but ready.
    pub fn send_results_to(&self, channel: Channel<R>, close: bool) -> Result<(), StateError> {
        let inner = self.inner();
        let state = inner.control().lifecycle.state;
        if state != State::Ready || inner.results.set(channel).is_err() {
            return Err(StateError { state, event: Event::Start });
        }
        inner.sink.get_or_init(|| close);
        inner.collecting.store(true, Ordering::Release);
        Ok(())
    }

    /// The results, if they are kept. It ends when the system is over.
    pub fn results(&self) -> Option<Channel<R>> {
        self.inner().results.get().cloned()
    }

    /// The reader broke off: later results are dropped and nobody waits for a reader again.
    pub fn end_results(&self) {
        self.inner().collecting.store(false, Ordering::Release);
        if let Some(results) = self.inner().results.get() {
            drop(results.abort());
        }
    }

    /// Whether dead letters wait to be taken, so that none is lost: then a consumer that has one more than
    /// [`LETTERS_KEPT`] waits. Otherwise the newest are kept.
    pub fn watch_dead_letters(&self, watched: bool) {
        self.inner().letters.watch(watched);
    }

    /// Whoever takes the dead letters keeps them. Where they are watched, consumers wait while those kept and the ones not
    /// taken yet are as many as `limit`.
    pub fn limit_dead_letters(&self, limit: usize) {
        self.inner().letters.limit(limit);
    }

    /// So many more dead letters, or fewer, are kept than were taken.
    pub fn keep_dead_letters(&self, change: isize) {
        self.inner().letters.keep(change);
    }

    /// Whether the observer is told of attempts that fail.
    pub fn watch_attempts(&self, watched: bool) {
        self.inner().watching_attempts.store(watched, Ordering::Relaxed);
    }

    /// Takes the dead letters that are there.
    pub fn take_dead_letters(&self) -> Vec<DeadLetter<B>> {
        self.inner().letters.take()
    }

    /// Takes the replies to tagged items that are there.
    pub fn take_replies(&self) -> Vec<Reply<R>> {
        std::mem::take(&mut *lock(&self.inner().replies))
    }
}

//! What a producer runs: the [`Source`] trait and the [`Emitter`] it sends through.

use std::time::{Duration, Instant};

use crate::batch::Collect;
use crate::failure::Failure;

/// How long a source or a task may go on between two looks at the stop flag.
pub const STOP_CHECK: Duration = Duration::from_millis(50);

/// Sleeps for `delay`, with a look at `check` at least every [`STOP_CHECK`]; its error ends the sleep.
pub(crate) fn sleep_checking<E>(delay: Duration, check: impl Fn() -> Result<(), E>) -> Result<(), E> {
    let end = Instant::now() + delay;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(STOP_CHECK));
    }
}

/// Makes items. Each producer thread runs a source of its own.
///
/// A source runs until it has no more items, until an emitter call says [`Halt::Stopped`], or until it fails. It
/// looks at the stop flag at least every 50 ms or 1 MiB of input: every [`Emitter`] call does, and
/// [`Emitter::check`] does nothing else.
pub trait Source<B: Collect>: Send {
    /// Produces into `out` until the items end. A panic counts as a failure.
    fn run(&mut self, out: &mut Emitter<'_, B>) -> Result<(), Halt>;
}

/// Why a source ended before its items did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The system stops, or no longer takes items. Sources pass it on with `?`.
    Stopped,
    /// The source can't go on.
    Failed(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Halt::Failed(failure)
    }
}

/// Where an emitter's batches go: the system in production, a list in a source's own tests.
pub trait Outlet<B> {
    /// Sends a batch; waits while the channel is full.
    fn send(&mut self, batch: B) -> Result<(), Halt>;
    /// As [`send`](Outlet::send), but gives back what was not admitted.
    ///
    /// # Errors
    /// Why it ends, and what is left.
    fn forward(&mut self, batch: B) -> Result<(), (Halt, B)>;
    /// An empty batch with room for about `items`, such as one that has come back from a consumer.
    fn fresh(&mut self, items: usize) -> B
    where
        B: Collect,
    {
        B::with_capacity(items)
    }
    /// Counts the items of `batch` as produced and failed, without sending them.
    fn reject(&mut self, batch: B, failure: Failure);
    /// Whether the source should end now.
    fn stopping(&self) -> bool;
}

/// What a source sends through. It batches adaptively: items that come without a wait between them travel together,
/// up to `limit`, and nothing is held back while the source waits, because [`sleep`](Emitter::sleep) and
/// [`flush`](Emitter::flush) send what there is first. What is left is flushed when the source returns.
pub struct Emitter<'a, B: Collect> {
    outlet: &'a mut dyn Outlet<B>,
    pending: B,
    limit: usize,
    index: usize,
    count: usize,
}

impl<'a, B: Collect> Emitter<'a, B> {
    /// An emitter for producer `index` of `count` that sends batches of at most `limit` items to `outlet`.
    pub fn new(outlet: &'a mut dyn Outlet<B>, limit: usize, index: usize, count: usize) -> Self {
        Emitter { outlet, pending: B::with_capacity(limit), limit, index, count }
    }

    /// The number of this producer, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many producers run the same source.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many more items fit the batch being filled; at least 1.
    pub fn room(&self) -> usize {
        self.limit - self.pending.len()
    }

    /// Adds the items that `fill` appends to the batch: one, or up to [`room`](Emitter::room). Sends the batch when
    /// it is full, and then waits while the channel is.
    #[inline]
    pub fn emit(&mut self, fill: impl FnOnce(&mut B)) -> Result<(), Halt> {
        fill(&mut self.pending);
        if self.pending.len() >= self.limit { self.flush() } else { Ok(()) }
    }

    /// Sends what there is; waits while the channel is full. A source calls it before anything that may wait.
    pub fn flush(&mut self) -> Result<(), Halt> {
        if self.pending.is_empty() {
            return self.check();
        }
        let next = self.outlet.fresh(self.limit);
        let batch = std::mem::replace(&mut self.pending, next);
        self.outlet.send(batch)
    }

    /// Sends a batch that comes from elsewhere, as it is; waits while the channel is full.
    ///
    /// # Errors
    /// Why the source has to end, and what was not admitted.
    pub fn forward(&mut self, batch: B) -> Result<(), (Halt, B)> {
        match self.flush() {
            Ok(()) => self.outlet.forward(batch),
            Err(halt) => Err((halt, batch)),
        }
    }

    /// Sends what is left once the source has returned, however it ended: it was produced.
    pub(crate) fn finish(self) {
        if !self.pending.is_empty() {
            // Refused only where the system no longer takes anything, and then there is nobody to tell.
            let _ = self.outlet.send(self.pending);
        }
    }

    /// Reports an item that could not be made as it should, such as an unreadable directory: it is counted as
    /// produced and dead-lettered with `failure`.
    pub fn reject(&mut self, fill: impl FnOnce(&mut B), failure: Failure) {
        let mut item = B::with_capacity(1);
        fill(&mut item);
        self.outlet.reject(item, failure);
    }

    /// Sends what there is, then sleeps for `delay`, or until the system stops.
    pub fn sleep(&mut self, delay: Duration) -> Result<(), Halt> {
        self.flush()?;
        sleep_checking(delay, || self.check())
    }

    /// Looks at the stop flag, and does nothing else.
    pub fn check(&self) -> Result<(), Halt> {
        if self.outlet.stopping() { Err(Halt::Stopped) } else { Ok(()) }
    }
}

//! What a native consumer runs: the [`Task`] trait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::failure::Failure;
use crate::source::sleep_checking;

/// Handles items natively. Each consumer thread runs a task of its own.
///
/// `B` is the batch that items come in, `R` the batch that results go out in.
pub trait Task<B: Batch, R>: Send {
    /// The most items to take from the channel at once. Items taken ahead wait behind the one that is being handled,
    /// so anything above the default of 1 is only for tasks that are through with all of them before an idle consumer
    /// would have woken up: some 50 µs at the most.
    fn prefetch(&self) -> usize {
        1
    }

    /// The most bytes to take at once where that is several items: for a task whose work goes by the bytes. Items of a
    /// batch that does not know its bytes are only counted. Default: no limit.
    ///
    /// A task that has a limit is expected to keep a core busy for as long as a wake-up takes: a source's thread that finds
    /// the channel full then sleeps until half of it is free, for 2 ms at the most while there is any room.
    fn prefetch_bytes(&self) -> usize {
        usize::MAX
    }

    /// Handles item `index` of `batch`. Where results are wanted, `results` is there and gets exactly one item for
    /// each success. An error or a panic fails this item and nothing else.
    fn handle(
        &mut self,
        batch: &B,
        index: usize,
        results: Option<&mut R>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure>;

    /// Handles the items of `batch` from `done` on, in order, each as [`handle`](Task::handle) does, and counts
    /// `done` up behind each. Where one fails or panics, `done` is its index: the caller settles it and goes on
    /// behind it.
    ///
    /// A caller that holds the task as `dyn Task` pays for one dynamic call and one guard against panics a batch, and
    /// not an item: at a few nanoseconds each, that would be most of the time.
    fn handle_batch(
        &mut self,
        batch: &B,
        done: &mut usize,
        mut results: Option<&mut R>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        while *done < batch.len() {
            self.handle(batch, *done, results.as_deref_mut(), context)?;
            *done += 1;
        }
        Ok(())
    }
}

/// What a task can ask of the system while it handles an item.
#[derive(Debug, Clone, Copy)]
pub struct TaskContext<'a> {
    aborted: &'a AtomicBool,
    deadline: Option<Instant>,
}

impl<'a> TaskContext<'a> {
    /// A context that reports `aborted` as the system's abort flag.
    pub fn new(aborted: &'a AtomicBool) -> Self {
        TaskContext { aborted, deadline: None }
    }

    /// The same for an attempt that is to end in time.
    #[must_use]
    pub fn until(self, deadline: Option<Instant>) -> Self {
        TaskContext { deadline, ..self }
    }

    /// Fails once the system was aborted, its stop ran past the time-out, or the attempt has taken too long. A task calls it at least every 50 ms
    /// or 1 MiB of work.
    pub fn check(&self) -> Result<(), Failure> {
        // Relaxed: a flag to look at now and then; nothing is read on the strength of it.
        if self.aborted.load(Ordering::Relaxed) {
            return Err(Failure::aborted("the system was aborted while this item was handled"));
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Failure::handler_timeout());
        }
        Ok(())
    }

    /// Sleeps for `delay`, or fails when the system is aborted meanwhile.
    pub fn sleep(&self, delay: Duration) -> Result<(), Failure> {
        sleep_checking(delay, || self.check())
    }
}

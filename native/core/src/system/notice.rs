//! How a system tells that something happened.

use std::any::Any;
use std::time::Duration;

use crate::failure::Failure;

/// Told of what happens, from any thread. It must not block, and not call the system.
pub trait Observer: Send + Sync {
    /// Something happened; the system says what exactly when it is asked.
    fn notify(&self, notice: Notice);

    /// Some time has passed, while the system runs: a moment to look after what is done and was not told yet, and to have
    /// workers [tell](super::WorkerConsumer::tell) of it.
    fn tick(&self) {}

    /// An attempt failed. Called only while [`System::watch_attempts`](super::System::watch_attempts) asks for it.
    fn attempt_failed(&self, attempt: &FailedAttempt<'_>) {
        let _ = attempt;
    }
}

/// An attempt that failed.
pub struct FailedAttempt<'a> {
    /// The item, as a batch of one of the system's type.
    pub item: &'a dyn Any,
    /// Its error.
    pub failure: &'a Failure,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How long the item waits for its next attempt; nothing where it is given up.
    pub retry: Option<Duration>,
}

/// What an observer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// All threads run, or one could not be started; see [`System::start_outcome`](super::System::start_outcome).
    Started,
    /// Production is over: what there is gets settled.
    Draining,
    /// The system was aborted, or a stop is past its time-out: handlers outside give up what they have.
    BrokenOff,
    /// A turn that [`System::watch_idle`](super::System::watch_idle) asked for is done.
    Idle,
    /// There are replies to take.
    Replies,
    /// There are dead letters to take.
    DeadLetters,
    /// The report is there.
    Finished,
}

/// An observer that nobody listens to.
impl Observer for () {
    fn notify(&self, _notice: Notice) {}
}

//! A send that waits, as its future sees it.

use std::task::{Poll, Waker};

use super::error::SendError;
use super::wait::WakeList;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

/// Where a future and the one who admits its batch meet.
#[derive(Debug)]
pub(super) struct Ticket<B> {
    state: Mutex<State<B>>,
    progress: Arc<Progress>,
}

/// What became of the sends of one producer.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// How many of them wait.
    pub(super) pending: AtomicUsize,
    /// Items admitted in all. Counted before they can be received.
    pub(super) admitted: AtomicU64,
}

#[derive(Debug)]
enum State<B> {
    Waiting(Option<Waker>),
    Done(Result<(), SendError<B>>),
    Taken,
}

impl<B> Ticket<B> {
    /// A ticket for one more send that waits.
    pub(super) fn new(progress: &Arc<Progress>) -> Arc<Self> {
        progress.pending.fetch_add(1, Ordering::Relaxed);
        Arc::new(Ticket { state: Mutex::new(State::Waiting(None)), progress: Arc::clone(progress) })
    }

    /// `n` items of the send are admitted.
    pub(super) fn admit(&self, n: usize) {
        self.progress.admitted.fetch_add(n as u64, Ordering::Release);
    }

    /// The send is over.
    pub(super) fn complete(&self, outcome: Result<(), SendError<B>>, wakes: &mut WakeList) {
        let before = std::mem::replace(&mut *lock(&self.state), State::Done(outcome));
        self.wait_no_more();
        if let State::Waiting(Some(waker)) = before {
            wakes.push(waker);
        }
    }

    /// The send was taken out of the queue.
    pub(super) fn wait_no_more(&self) {
        // Release: a producer that sees none of its sends waiting also sees their batches in the slots.
        self.progress.pending.fetch_sub(1, Ordering::Release);
    }

    pub(super) fn poll(&self, waker: &Waker) -> Poll<Result<(), SendError<B>>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting(old) => {
                *state = State::Waiting(Some(waker.clone()));
                // The last clone of a waker may drop a whole task, so it goes where no lock is held.
                drop(state);
                drop(old);
                Poll::Pending
            }
            State::Done(outcome) => Poll::Ready(outcome),
            State::Taken => panic!("a send was polled after it had completed"),
        }
    }

    /// The outcome of a send that is out of the queue, where it was completed before it was taken out.
    pub(super) fn outcome(&self) -> Result<(), SendError<B>> {
        match std::mem::replace(&mut *lock(&self.state), State::Taken) {
            State::Done(outcome) => outcome,
            State::Waiting(_) | State::Taken => unreachable!("a send leaves the queue completed or cancelled"),
        }
    }
}

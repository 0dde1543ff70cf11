//! A send that waits, as its future sees it.

use std::fmt;
use std::task::{Poll, Waker};

use super::error::SendError;
use super::wait::WakeList;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

/// Where a future and the one who admits its batch meet.
#[derive(Debug)]
pub(super) struct Ticket<B> {
    state: Mutex<State<B>>,
    progress: Arc<Progress>,
    /// Of a batch whose items are sends of their own: how many of them were admitted.
    each: Option<AtomicUsize>,
}

/// What a batch is, for those who count sends and wait for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sends {
    /// One send.
    One,
    /// As many sends as items: each is told of by itself.
    Each,
}

/// Who hears how many items of a send are admitted, before anyone can receive them, from whichever thread admits them.
pub(crate) trait Admitted: Fn(usize) + Send + Sync + 'static {}

impl<F: Fn(usize) + Send + Sync + 'static> Admitted for F {}

/// What became of the sends of one producer.
#[derive(Default)]
pub(super) struct Progress {
    /// How many of them wait.
    pub(super) pending: AtomicUsize,
    /// Items admitted in all. Counted before they can be received.
    pub(super) admitted: AtomicU64,
    /// Who hears of them, too.
    heard: Option<Box<dyn Admitted>>,
}

impl Progress {
    /// That of a thread which waits.
    pub(super) fn heard_by(admitted: Box<dyn Admitted>) -> Self {
        Progress { heard: Some(admitted), ..Progress::default() }
    }

    fn admit(&self, n: usize) {
        self.admitted.fetch_add(n as u64, Ordering::Release);
        if let Some(heard) = &self.heard {
            heard(n);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { pending, admitted, .. } = self;
        f.debug_struct("Progress").field("pending", pending).field("admitted", admitted).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum State<B> {
    Waiting(Option<Waker>),
    Done(Result<(), SendError<B>>),
    Taken,
}

impl<B> Ticket<B> {
    /// A ticket for one more batch that waits.
    pub(super) fn new(progress: &Arc<Progress>, kind: Sends) -> Arc<Self> {
        progress.pending.fetch_add(1, Ordering::Relaxed);
        let each = (kind == Sends::Each).then(AtomicUsize::default);
        Arc::new(Ticket { state: Mutex::new(State::Waiting(None)), progress: Arc::clone(progress), each })
    }

    /// The next `n` items of the batch, of which `of` are left, are admitted. Gives how many sends that ends.
    pub(super) fn admit(&self, n: usize, of: usize, wakes: &mut WakeList) -> usize {
        self.progress.admit(n);
        let Some(each) = &self.each else { return usize::from(n == of) };
        // Before the waker is taken: who leaves one behind and then looks misses nothing.
        each.fetch_add(n, Ordering::Release);
        if n < of
            && let State::Waiting(waker) = &mut *lock(&self.state)
            && let Some(waker) = waker.take()
        {
            wakes.push(waker);
        }
        n
    }

    /// How many items were admitted of a batch of sends.
    pub(super) fn admitted(&self) -> usize {
        self.each.as_ref().map_or(0, |each| each.load(Ordering::Acquire))
    }

    /// How many sends a batch of `items` is.
    pub(super) fn sends(&self, items: usize) -> usize {
        if self.each.is_some() { items } else { 1 }
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

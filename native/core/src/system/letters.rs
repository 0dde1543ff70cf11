//! Dead letters and replies on their way to whoever takes them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::SystemTime;

use super::envelope::History;
use crate::failure::Failure;
use crate::sync::lock;

/// How many dead letters are kept for whoever takes them.
pub const LETTERS_KEPT: usize = 1000;

/// An item that was given up.
#[derive(Debug)]
pub struct DeadLetter<B> {
    /// The item, as a batch of one; more, where a stop's time-out gave up a queue.
    pub items: B,
    /// The error of the last attempt.
    pub failure: Failure,
    /// How often it was tried; 0 where it never was.
    pub attempts: u32,
    /// Of those, the attempts whose worker died.
    pub deaths: u32,
    /// When its first attempt began.
    pub first: SystemTime,
    /// When its last attempt ended.
    pub last: SystemTime,
}

impl<B> DeadLetter<B> {
    /// The letter of items whose last attempt has just ended.
    pub(crate) fn new(items: B, failure: Failure, history: &History) -> Self {
        let History { attempts, deaths, first } = *history;
        DeadLetter { items, failure, attempts, deaths, first, last: SystemTime::now() }
    }
}

/// Why an item that is not settled when a stop's time-out passes becomes a dead letter.
pub(crate) fn timed_out() -> Failure {
    Failure::new("ERR_MILLRACE_TIMEOUT", "the stop's time-out passed before the item was handled")
}

/// What became of tagged items.
#[derive(Debug)]
pub struct Reply<R> {
    /// The items' tags.
    pub tags: Vec<u64>,
    /// A result for each of them, or the error of the last attempt.
    pub outcome: Result<R, Failure>,
}

/// Dead letters that nobody has taken yet. Where somebody watches, a consumer that adds one to a full list waits, so
/// that none is lost; otherwise the oldest goes. From draining on nobody waits.
#[derive(Debug)]
pub(crate) struct Letters<B> {
    state: Mutex<LettersState<B>>,
    room: Condvar,
}

#[derive(Debug)]
struct LettersState<B> {
    letters: VecDeque<DeadLetter<B>>,
    watched: bool,
    unbounded: bool,
}

impl<B> Letters<B> {
    pub(crate) fn new() -> Self {
        let state = LettersState { letters: VecDeque::new(), watched: false, unbounded: false };
        Letters { state: Mutex::new(state), room: Condvar::new() }
    }

    /// Adds a letter. Waits while the list is full, watched and bounded.
    pub(crate) fn add(&self, letter: DeadLetter<B>) {
        let mut state = lock(&self.state);
        while state.letters.len() >= LETTERS_KEPT && state.watched && !state.unbounded {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.letters.len() >= LETTERS_KEPT && !state.watched {
            state.letters.pop_front();
        }
        state.letters.push_back(letter);
    }

    pub(crate) fn take(&self) -> Vec<DeadLetter<B>> {
        let letters = std::mem::take(&mut lock(&self.state).letters);
        self.room.notify_all();
        letters.into()
    }

    pub(crate) fn watch(&self, watched: bool) {
        lock(&self.state).watched = watched;
        self.room.notify_all();
    }

    pub(crate) fn lift(&self) {
        lock(&self.state).unbounded = true;
        self.room.notify_all();
    }
}

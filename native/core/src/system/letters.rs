//! Dead letters and replies on their way to whoever takes them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::task::Waker;
use std::time::SystemTime;

use super::envelope::History;
use crate::failure::Failure;
use crate::sync::{lock, wait};

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
    /// How many were taken and are kept, where that counts.
    kept: usize,
    /// With so many, kept ones included, consumers wait for room.
    limit: Option<usize>,
    watched: bool,
    unbounded: bool,
    /// Consumers that must not block, and wait for room.
    wakers: Vec<Waker>,
}

impl<B> LettersState<B> {
    fn is_full(&self) -> bool {
        self.lacks_room_beside(0)
    }

    fn lacks_room_beside(&self, in_hand: usize) -> bool {
        let letters = self.letters.len() + self.kept + in_hand;
        self.watched && !self.unbounded && letters >= self.limit.unwrap_or(LETTERS_KEPT)
    }
}

impl<B> Letters<B> {
    pub(crate) fn new() -> Self {
        let state = LettersState {
            letters: VecDeque::new(),
            kept: 0,
            limit: None,
            watched: false,
            unbounded: false,
            wakers: Vec::new(),
        };
        Letters { state: Mutex::new(state), room: Condvar::new() }
    }

    /// Adds a letter. Where the caller `may_wait`, it does while the list is full; others look for room before they take
    /// an item.
    pub(crate) fn add(&self, letter: DeadLetter<B>, may_wait: bool) {
        let mut state = lock(&self.state);
        while may_wait && state.is_full() {
            state = wait(&self.room, &self.state, state, None);
        }
        if state.letters.len() >= LETTERS_KEPT && !state.watched {
            state.letters.pop_front();
        }
        state.letters.push_back(letter);
    }

    /// Whether there is room for one more than those in hand, should they all fail; otherwise `waker` is woken when there
    /// may be.
    pub(crate) fn poll_room(&self, in_hand: usize, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        if state.lacks_room_beside(in_hand) {
            state.wakers.push(waker.clone());
            return false;
        }
        true
    }

    pub(crate) fn take(&self) -> Vec<DeadLetter<B>> {
        let taken = self.change(|state| {
            if state.limit.is_some() {
                state.kept += state.letters.len();
            }
            std::mem::take(&mut state.letters)
        });
        taken.into()
    }

    pub(crate) fn watch(&self, watched: bool) {
        self.change(|state| state.watched = watched);
    }

    /// Whoever takes letters keeps them, `limit` at the most.
    pub(crate) fn limit(&self, limit: usize) {
        self.change(|state| state.limit = Some(limit));
    }

    /// Whether those that were taken count too.
    pub(crate) fn is_limited(&self) -> bool {
        lock(&self.state).limit.is_some()
    }

    /// The number of those kept has changed.
    pub(crate) fn keep(&self, change: isize) {
        self.change(|state| state.kept = state.kept.saturating_add_signed(change));
    }

    pub(crate) fn lift(&self) {
        self.change(|state| state.unbounded = true);
    }

    /// Changes what may have made room, and tells all who wait for some.
    fn change<T>(&self, change: impl FnOnce(&mut LettersState<B>) -> T) -> T {
        let mut state = lock(&self.state);
        let outcome = change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.room.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        outcome
    }
}

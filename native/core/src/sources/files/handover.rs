//! Where the walk leaves paths and producers pick them up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::batch::Batch;
use crate::failure::Failure;
use crate::items::{Items, Kind};
use crate::sync::{lock, wait};

/// How many paths may lie here.
const BOUND: usize = 1024;

/// A bounded hand-over of paths. The walk's threads wait in it while it is full, producers while it is empty. A path
/// is there for every producer the moment it is found, and what piled up meanwhile is taken together.
#[derive(Debug)]
pub(super) struct Handover {
    state: Mutex<State>,
    /// Producers wait for this.
    filled: Condvar,
    /// The walk's threads wait for this.
    emptied: Condvar,
    /// Written with the lock held, so that no waiter misses it; the walk reads it without for every entry.
    stopped: AtomicBool,
}

#[derive(Debug)]
struct State {
    paths: Items,
    failed: Vec<(Vec<u8>, Failure)>,
    /// Whether the walk may still bring something.
    open: bool,
    /// Why the walk can't come to its end.
    broken: Option<Failure>,
    takers: Waiters,
    givers: Waiters,
}

/// Who waits. One wake-up at a time is under way: each costs a system call, and a waiter that comes back while there
/// is more to do wakes the next.
#[derive(Debug, Default)]
struct Waiters {
    waiting: usize,
    waking: bool,
}

impl Waiters {
    fn wake(&mut self, condvar: &Condvar) {
        if self.waiting > 0 && !self.waking {
            self.waking = true;
            condvar.notify_one();
        }
    }

    fn returned(&mut self) {
        self.waiting -= 1;
        self.waking = false;
    }
}

/// What a producer got.
pub(super) enum Taken {
    Paths(Items),
    /// A directory that could not be read.
    Failed {
        path: Vec<u8>,
        failure: Failure,
    },
    /// The walk can't come to its end.
    Broken(Failure),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    End,
}

impl Handover {
    pub fn new() -> Self {
        Handover {
            state: Mutex::new(State {
                paths: Items::default(),
                failed: Vec::new(),
                open: true,
                broken: None,
                takers: Waiters::default(),
                givers: Waiters::default(),
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Leaves a path. Waits while there are too many, unless stopped. False: the walk should end.
    pub fn put(&self, path: &[u8], kind: Kind) -> bool {
        self.give(|state| state.paths.push_with(kind, |bytes| bytes.extend_from_slice(path)))
    }

    /// Leaves a directory that could not be read; waits like [`put`](Handover::put).
    pub fn put_failed(&self, path: Vec<u8>, failure: Failure) -> bool {
        self.give(|state| state.failed.push((path, failure)))
    }

    fn give(&self, add: impl FnOnce(&mut State)) -> bool {
        let mut state = self.lock();
        while state.len() >= BOUND && !self.stopped() {
            state.givers.waiting += 1;
            state = wait(&self.emptied, &self.state, state, None);
            state.givers.returned();
        }
        if self.stopped() {
            return false;
        }
        add(&mut state);
        state.takers.wake(&self.filled);
        if state.len() < BOUND {
            state.givers.wake(&self.emptied);
        }
        true
    }

    /// Takes what there is, up to `most` paths. Never waits.
    pub fn take(&self, most: usize) -> Taken {
        let mut state = self.lock();
        let taken = if let Some(failure) = &state.broken {
            Taken::Broken(failure.clone())
        } else if let Some((path, failure)) = state.failed.pop() {
            Taken::Failed { path, failure }
        } else if !state.paths.is_empty() {
            let count = most.min(state.paths.len());
            Taken::Paths(state.paths.split_front(count))
        } else if state.open {
            return Taken::Nothing;
        } else {
            return Taken::End;
        };
        // Not for every path that is taken: then the two sides would take turns, a switch of threads for each batch.
        if state.len() <= BOUND / 2 {
            state.givers.wake(&self.emptied);
        }
        if state.len() > 0 {
            state.takers.wake(&self.filled);
        }
        taken
    }

    /// Waits until there is something to take, or nothing more will come, or `timeout` has passed.
    pub fn wait(&self, timeout: Duration) {
        let mut state = self.lock();
        if state.len() == 0 && state.open && state.broken.is_none() {
            state.takers.waiting += 1;
            state = wait(&self.filled, &self.state, state, Some(timeout));
            state.takers.returned();
        }
    }

    /// Ends the walk early; what it found lies here until somebody takes it.
    pub fn stop(&self) {
        let _state = self.lock();
        // Relaxed: the lock orders it for those who wait, and the walk's own looks are for speed only.
        self.stopped.store(true, Ordering::Relaxed);
        self.emptied.notify_all();
    }

    /// Whether the walk should end.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the walk, which can't come to its end by itself, for all producers.
    pub fn break_off(&self, failure: Failure) {
        self.lock().broken.get_or_insert(failure);
        self.stop();
        self.filled.notify_all();
    }

    /// Whether [`break_off`](Handover::break_off) was called.
    pub fn is_broken(&self) -> bool {
        self.lock().broken.is_some()
    }

    /// Says that nothing more will come.
    pub fn close(&self) {
        self.lock().open = false;
        self.filled.notify_all();
    }
}

impl State {
    fn len(&self) -> usize {
        self.paths.len() + self.failed.len()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Leaves `count` paths; true if all were taken.
    fn give(handover: &Handover, count: usize) -> bool {
        (0..count).all(|n| handover.put(n.to_string().as_bytes(), Kind::Text))
    }

    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn the_walk_waits_at_the_bound_and_goes_on_when_there_is_room() {
        let handover = Handover::new();
        thread::scope(|scope| {
            let giver = scope.spawn(|| {
                let all = give(&handover, BOUND * 3);
                handover.close();
                all
            });
            until(|| handover.lock().givers.waiting == 1);
            let mut taken = Vec::new();
            loop {
                let left = handover.lock().paths.len();
                assert!(left <= BOUND, "{left} paths");
                match handover.take(100) {
                    Taken::Paths(paths) => taken.extend(paths.iter().map(|path| format!("{path:?}"))),
                    Taken::Nothing => handover.wait(Duration::MAX),
                    Taken::End => break,
                    Taken::Failed { failure, .. } | Taken::Broken(failure) => panic!("{failure}"),
                }
            }
            assert!(giver.join().expect("no panic"));
            let expected = (0..BOUND * 3).map(|n| format!("{:?}", crate::Item::Text(n.to_string().as_bytes())));
            assert!(taken.into_iter().eq(expected));
        });
    }

    #[test]
    fn a_stop_wakes_the_walk_that_waits_for_room() {
        let handover = Handover::new();
        thread::scope(|scope| {
            let givers = [(); 2].map(|()| scope.spawn(|| give(&handover, BOUND * 2)));
            until(|| handover.lock().givers.waiting == 2);
            handover.stop();
            assert!(givers.into_iter().all(|giver| !giver.join().expect("no panic")));
        });
        assert_eq!(handover.lock().paths.len(), BOUND);
    }

    #[test]
    fn a_broken_walk_is_told_to_every_producer_and_its_threads_that_wait_end() {
        let handover = Handover::new();
        let failure = Failure::new("ERR_TEST", "broken");
        thread::scope(|scope| {
            let giver = scope.spawn(|| give(&handover, BOUND * 2));
            until(|| handover.lock().givers.waiting == 1);
            handover.break_off(failure.clone());
            assert!(!giver.join().expect("no panic"));
        });
        assert!(handover.is_broken());
        handover.wait(Duration::MAX);
        for _ in 0..2 {
            assert!(matches!(handover.take(10), Taken::Broken(found) if found == failure));
        }
    }

    #[test]
    fn each_path_goes_to_one_of_the_producers_that_wait() {
        let handover = Handover::new();
        let taken = thread::scope(|scope| {
            let takers = [(); 3].map(|()| {
                scope.spawn(|| {
                    let mut taken = 0;
                    loop {
                        match handover.take(10) {
                            Taken::Paths(paths) => taken += paths.len(),
                            Taken::Nothing => handover.wait(Duration::MAX),
                            Taken::End => return taken,
                            Taken::Failed { failure, .. } | Taken::Broken(failure) => panic!("{failure}"),
                        }
                    }
                })
            });
            until(|| handover.lock().takers.waiting == 3);
            assert!(give(&handover, 10_000));
            handover.close();
            takers.map(|taker| taker.join().expect("no panic"))
        });
        assert_eq!(taken.iter().sum::<usize>(), 10_000);
    }
}

//! Consumers: what they are given, and what they do with it.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use millrace_core::system::{Fate, State, SystemStats};
use millrace_core::{Batch, ReceiveError, TryReceiveError};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::worker::Worker;
use super::{Outcome, Run, SETTLES, failure};
use crate::model::{Given, Item};

fn given<T>(taken: &Poll<Result<T, ReceiveError>>, ids: impl FnOnce(&T) -> Vec<u64>) -> Given {
    match taken {
        Poll::Ready(Ok(taken)) => Given::Items(ids(taken)),
        Poll::Ready(Err(ReceiveError::Closed)) => Given::Closed,
        Poll::Ready(Err(ReceiveError::Aborted)) => Given::Aborted,
        Poll::Pending => Given::Nothing,
    }
}

impl Run {
    pub(super) fn tell(&mut self, place: usize) -> Outcome {
        if let Some(worker) = &mut self.workers[place] {
            worker.consumer.claimed();
        }
        if self.model.tell(place) {
            self.settle()?;
        }
        Ok(())
    }

    pub(super) fn tell_all(&mut self) -> Outcome {
        (0..self.over.len()).try_for_each(|place| self.tell(place))
    }

    /// Waits until the room of what was claimed is free: the supervisor may be about to free it at this very moment.
    pub(super) fn settle(&self) -> Outcome<SystemStats> {
        let (expected, untold) = (self.model.figures(), self.model.untold());
        let began = Instant::now();
        loop {
            let stats = self.system.stats();
            let free = (expected.queued..=expected.queued + untold).contains(&stats.queued);
            if free && stats.waiting_sends == expected.waiting_sends && stats.produced == expected.produced {
                // What was admitted is counted before it can be received; the second look waits for that.
                return Ok(if self.sends.is_empty() { stats } else { self.system.stats() });
            }
            let now = (stats.queued, stats.waiting_sends, stats.produced);
            prop_assert!(began.elapsed() < SETTLES, "{:?} are queued, wait, were produced, not {:?}", now, expected);
            std::thread::yield_now();
        }
    }

    pub(super) fn take(&mut self, place: usize, max: usize, fits: usize) -> Outcome {
        if self.over[place] || self.model.state == State::Ready || self.model.has_ahead(place) {
            return Ok(());
        }
        if self.leased.is_some() { self.take_leased() } else { self.take_ahead(place, max, fits) }
    }

    pub(super) fn take_leased(&mut self) -> Outcome {
        let Some(consumer) = &mut self.leased else { return Ok(()) };
        let before = Instant::now();
        let taken = consumer.poll_take(&mut Context::from_waker(Waker::noop()));
        let got = given(&taken, |number| consumer.item(*number).map_or(Vec::new(), |(load, _)| load.ids()));
        let allowed = self.model.take(0, 1, true, &got, (before, Instant::now()));
        prop_assert!(allowed, "{:?} was given, with {:?}", got, self.model);
        if let Poll::Ready(Ok(number)) = taken {
            let attempt = consumer.item(number).map(|(_, attempt)| attempt);
            let expected = self.model.begin(0, true).map(|item| self.model.attempt(item.id));
            prop_assert_eq!(attempt, expected);
            self.numbers.push(number);
        }
        self.came_to_end(0, &got);
        Ok(())
    }

    pub(super) fn came_to_end(&mut self, place: usize, got: &Given) {
        if *got != Given::Closed {
            return;
        }
        self.over[place] = true;
        if let Some(worker) = self.workers[place].take() {
            worker.consumer.end();
        }
        if let Some(consumer) = &mut self.leased {
            consumer.ended();
        }
    }

    /// Makes a worker for a place that needs one.
    pub(super) fn staff(&mut self, place: usize) -> Outcome<bool> {
        if self.workers[place].is_some() {
            return Ok(true);
        }
        if !self.system.needs_worker(place) {
            prop_assert!(self.model.is_over(), "a worker is needed");
            self.over[place] = true;
            return Ok(false);
        }
        self.workers[place] = Worker::new(&self.system, place);
        prop_assert!(self.workers[place].is_some(), "the place is vacant");
        self.model.worker(place);
        Ok(true)
    }

    pub(super) fn take_ahead(&mut self, place: usize, max: usize, fits: usize) -> Outcome {
        self.tell_all()?;
        if !self.staff(place)? {
            return Ok(());
        }
        let Some(worker) = &mut self.workers[place] else { return Ok(()) };
        let max = worker.consumer.most(max);
        let at_once = |max: usize| if self.model.setup.lanes > 1 { 1 } else { max };
        let mut allowed_at_once = at_once(max);
        let before = Instant::now();
        let taken = worker.consumer.poll_take(&mut Context::from_waker(Waker::noop()), max);
        let got = given(&taken, |batch| batch.items().ids());
        let allowed = self.model.take(place, allowed_at_once, true, &got, (before, Instant::now()));
        prop_assert!(allowed, "{:?} was given, with {:?}", got, self.model);
        let Poll::Ready(Ok(mut batch)) = taken else {
            self.came_to_end(place, &got);
            return Ok(());
        };
        let first = batch.items().0[0].id;
        prop_assert_eq!(batch.attempt(), self.model.attempt(first));
        prop_assert_eq!(batch.is_suspect(), self.model.is_suspect(first));
        let n = batch.items().len();
        let mut batches = Vec::new();
        if n > fits {
            let front = batch.split_front(fits);
            worker.consumer.put_back(std::mem::replace(&mut batch, front));
            self.model.put_back(place, n - fits, false);
        } else if n < max && batch.attempt() == 1 {
            // As a worker does: what was tried before is to be its only item.
            allowed_at_once = max - n;
            let before = Instant::now();
            let more = worker.consumer.try_take(max - n);
            let got = more.as_ref().map_or(Given::Nothing, |batch| Given::Items(batch.items().ids()));
            if self.model.setup.lanes == 1 {
                // At a place in the queue it would be told of the end, here of nothing.
                let allowed = self.model.take(place, allowed_at_once, false, &got, (before, Instant::now()));
                prop_assert!(allowed, "{:?} was given too, with {:?}", got, self.model);
            } else {
                prop_assert_eq!(got, Given::Nothing);
            }
            match more {
                Some(more) if more.attempt() > 1 => {
                    worker.consumer.put_back(more);
                    self.model.put_back(place, 1, true);
                }
                more => batches.extend(more),
            }
        }
        batches.insert(0, batch);
        let alone = batches.len() == 1 && batches[0].items().len() == 1;
        worker.publish(batches);
        if alone {
            let claimed = worker.claim();
            let expected = self.model.begin(place, true).map(|item| item.id);
            prop_assert_eq!(claimed, expected);
        }
        Ok(())
    }

    pub(super) fn claim(&mut self, place: usize, quiet: bool) -> Outcome {
        let waits = self.model.any_send_waits();
        let quiet = quiet && !waits;
        let Some(worker) = &mut self.workers[place] else { return Ok(()) };
        let claimed = worker.claim();
        let expected = self.model.begin(place, false).map(|item| item.id);
        prop_assert_eq!(claimed, expected, "claimed");
        if !quiet {
            worker.consumer.claimed();
            self.model.tell(place);
        }
        if waits {
            // Ports take turns for the room that is freed at once.
            self.settle()?;
        }
        Ok(())
    }

    pub(super) fn process(&mut self, place: usize, n: usize) -> Outcome {
        let started: Vec<_> = self.model.started(place).iter().copied().collect();
        if started.is_empty() {
            return Ok(());
        }
        if let Some(consumer) = &mut self.leased {
            let at = n % started.len();
            prop_assert!(consumer.processed(self.numbers.remove(at)));
            self.model.processed(0, at, 1);
            return self.end_of(started[at].id, "processed");
        }
        self.tell(place)?;
        let Some(worker) = &mut self.workers[place] else { return Ok(()) };
        let done = &started[..n.min(started.len())];
        let results = done.iter().filter(|item| item.has_result()).map(Item::result).collect();
        worker.consumer.processed(done.len(), Duration::ZERO, results, |index| done[index].has_result());
        // The model holds no results back.
        worker.consumer.tell();
        self.model.processed(place, 0, done.len());
        done.iter().try_for_each(|item| self.end_of(item.id, "processed"))
    }

    pub(super) fn fail(&mut self, place: usize, nth: usize, unrecoverable: bool) -> Outcome {
        let started = self.model.started(place).len();
        if started == 0 {
            return Ok(());
        }
        let failure = if unrecoverable { failure().unrecoverable() } else { failure() };
        self.tell(place)?;
        let before = Instant::now();
        if let Some(consumer) = &mut self.leased {
            let at = nth % started;
            let fate = consumer.failed(self.numbers.remove(at), failure);
            let again = self.model.failed(0, at, unrecoverable, (before, Instant::now()));
            match fate {
                Some(Fate::Retried(_)) => prop_assert_eq!(again, Some(true)),
                Some(Fate::GivenUp(letter)) => {
                    prop_assert_eq!(again, Some(false));
                    self.take_letter(&letter)?;
                }
                None => return Err(TestCaseError::fail("it was settled")),
            }
        } else if let Some(worker) = &mut self.workers[place] {
            worker.consumer.failed(failure);
            self.model.failed(place, 0, unrecoverable, (before, Instant::now()));
        }
        Ok(())
    }

    pub(super) fn die(&mut self, place: usize) {
        if let Some(worker) = self.workers[place].take() {
            drop(worker);
            self.model.died(place);
            self.over[place] = self.model.broken_off;
        }
    }

    pub(super) fn read(&mut self, max: usize) -> Outcome {
        let Some(results) = &self.results else { return Ok(()) };
        let read = match results.try_receive(max) {
            Ok(read) => read,
            Err(TryReceiveError::Empty | TryReceiveError::Closed) => Vec::new(),
            Err(TryReceiveError::Aborted) => return Err(TestCaseError::fail("the results were aborted")),
        };
        prop_assert!(self.model.read(max, &read), "{:?} was read, with {:?}", read, self.model);
        Ok(())
    }
}

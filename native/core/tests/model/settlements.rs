//! What becomes of an item that was begun.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Delayed, History, Item, Letter, Model, Place};

impl Model {
    pub(super) fn reply(&mut self, item: &Item, outcome: Result<u64, &str>) {
        if item.tagged {
            self.replies.push((item.id, outcome.map_err(str::to_owned)));
        }
    }

    pub fn processed(&mut self, place: usize, at: usize, n: usize) {
        let mut results = VecDeque::new();
        for _ in 0..n {
            let Some(item) = self.places[place].started.remove(at) else { return };
            self.out.remove(&item.key);
            self.counts.processed += 1;
            if self.setup.workers {
                self.reply(&item, Ok(item.result()));
                if item.has_result() && !item.tagged {
                    results.push_back(item.result());
                }
            }
        }
        if self.setup.results && !results.is_empty() {
            self.send_results(self.places[place].worker, results);
        }
    }

    pub(super) fn bury(&mut self, item: &Item, code: &str, replies: bool) {
        let History { attempts, deaths } = self.history.get(&item.id).copied().unwrap_or_default();
        self.out.remove(&item.key);
        self.counts.dead_lettered += 1;
        if replies {
            self.reply(item, Err(code));
        }
        self.letters.push(Letter { id: item.id, code: code.to_owned(), attempts, deaths });
    }

    /// An attempt of a started item failed. Whether there will be another, after the delay of the options. `span`: when
    /// it was given back.
    pub fn failed(&mut self, place: usize, at: usize, unrecoverable: bool, span: (Instant, Instant)) -> Option<bool> {
        let item = self.places[place].started.remove(at)?;
        let history = self.history.entry(item.id).or_default();
        history.attempts += 1;
        let History { attempts, deaths } = *history;
        self.counts.failed_attempts += 1;
        let again = !unrecoverable && !self.broken_off && attempts - deaths < self.setup.attempts;
        self.failures.push((item.id, attempts, again));
        if !again {
            // Who leases outside tells by itself.
            self.bury(&item, "ERR_TEST", self.setup.workers);
        } else if self.setup.delay.is_zero() {
            self.returned.push_back(item);
        } else {
            let (earliest, latest) = (span.0 + self.setup.delay, span.1 + self.setup.delay);
            self.delayed.push_back(Delayed { item, earliest, latest });
        }
        Some(again)
    }

    pub fn worker(&mut self, place: usize) {
        self.workers_made += 1;
        self.places[place] = Place { worker: self.workers_made, ..Place::default() };
    }

    /// What it had begun gains a death; what it had ahead goes back untouched.
    pub fn died(&mut self, place: usize) {
        if self.broken_off {
            return self.ended(place);
        }
        let Place { ahead, started, .. } = std::mem::take(&mut self.places[place]);
        for item in started {
            let history = self.history.entry(item.id).or_default();
            history.attempts += 1;
            history.deaths += 1;
            let History { attempts, deaths } = *history;
            self.counts.failed_attempts += 1;
            let again = deaths < self.setup.deaths;
            self.failures.push((item.id, attempts, again));
            if again {
                self.returned.push_back(item);
            } else {
                self.bury(&item, "ERR_MILLRACE_WORKER_DIED", true);
            }
        }
        self.waiters.retain(|waiter| waiter.place != place);
        self.requeue(ahead);
    }

    /// It came to the end, or to the abort: what it has not settled then is given up.
    pub fn ended(&mut self, place: usize) {
        let code = if self.expired { "ERR_MILLRACE_TIMEOUT" } else { "ERR_MILLRACE_ABORTED" };
        self.places[place].untold = 0;
        for item in std::mem::take(&mut self.places[place].started) {
            self.history.entry(item.id).or_default().attempts += 1;
            self.counts.failed_attempts += 1;
            self.bury(&item, code, true);
        }
        self.waiters.retain(|waiter| waiter.place != place);
    }
}

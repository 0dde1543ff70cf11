//! Pauses, stops and aborts.

use std::collections::VecDeque;

use millrace_core::system::State;

use super::{LONG, Left, Letter, Model, ids};

impl Model {
    pub fn pause(&mut self, paused: bool) -> bool {
        let allowed = matches!(self.state, State::Running | State::Paused);
        if allowed {
            self.state = if paused { State::Paused } else { State::Running };
            if paused {
                self.reclaim();
            }
        }
        allowed
    }

    /// What nobody has begun comes back, in order.
    pub(super) fn reclaim(&mut self) {
        let mut all = VecDeque::new();
        // In the order in which the workers came.
        let mut order: Vec<_> = (0..self.places.len()).collect();
        order.sort_by_key(|place| self.places[*place].worker);
        for place in order {
            all.append(&mut self.places[place].ahead);
        }
        self.requeue(all);
    }

    pub fn stop(&mut self) {
        if self.state == State::Ready {
            self.state = State::Stopped;
            return self.break_off();
        }
        if !self.state.is_final() {
            self.state = State::Draining;
            self.admit_results();
        }
    }

    /// A stop whose time-out has passed.
    pub fn expire(&mut self) {
        if self.state == State::Ready || self.state.is_final() {
            return self.stop();
        }
        self.stop();
        if !self.broken_off {
            self.expired = true;
            self.break_off();
        }
    }

    pub fn abort(&mut self) {
        if self.state.is_final() {
            return;
        }
        self.state = State::Aborted;
        if !self.broken_off {
            self.break_off();
        }
    }

    fn break_off(&mut self) {
        self.broken_off = true;
        self.admit_results();
        self.reclaim();
        let returned: Vec<_> = self.returned.drain(..).collect();
        let delayed: Vec<_> = self.delayed.drain(..).map(|delayed| delayed.item).collect();
        let queued: Vec<_> = self.queue.drain(..).collect();
        let left = Left { returned: ids(&returned), delayed: ids(&delayed), queued: ids(&queued) };
        let all: Vec<_> = [returned, delayed, queued].concat();
        if self.expired {
            self.open = Some((self.letters.len(), self.replies.len(), left));
            for item in &all {
                self.bury(item, "ERR_MILLRACE_TIMEOUT", true);
            }
        } else {
            self.counts.discarded += all.len() as u64;
            self.unprocessed = left;
        }
        self.waiters.clear();
    }

    /// Whether these were left by an abort.
    pub fn left(&self, items: &[u64]) -> bool {
        self.unprocessed.is(items)
    }

    /// Takes over the order of the dead letters that a time-out gave, if it is allowed.
    pub fn accept_order(&mut self, letters: &[Letter]) -> bool {
        let Some((first, reply, left)) = self.open.take() else { return true };
        let order: Vec<_> = letters.iter().skip(first).map(|letter| letter.id).collect();
        let place = |id: &u64| order.iter().position(|other| other == id);
        self.letters[first..].sort_by_key(|letter| place(&letter.id));
        self.replies[reply..].sort_by_key(|(id, _)| place(id));
        left.is(&order)
    }

    /// What of a send that waited comes back when the system breaks off.
    pub fn take_refused(&mut self, number: usize) -> Option<Vec<u64>> {
        if self.broken_off { self.cancel(number) } else { None }
    }

    /// Whether nobody will ever get what is left: it waits for its next attempt, or behind those that do.
    pub fn waits_for_ever(&self) -> bool {
        self.setup.delay == LONG && !self.delayed.is_empty()
    }
}

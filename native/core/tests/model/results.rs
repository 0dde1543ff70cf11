//! Results on their way to their reader.

use std::collections::VecDeque;

use millrace_core::system::State;

use super::{Model, Results};

impl Model {
    pub(super) fn admit_results(&mut self) {
        let lifted = self.broken_off || matches!(self.state, State::Draining | State::Stopped);
        let bound = if lifted { usize::MAX } else { self.setup.capacity };
        let Results { queue, waiting } = &mut self.results;
        while queue.len() < bound && !waiting.is_empty() {
            let (worker, mut sends) = waiting.remove(0);
            let n = (bound - queue.len()).min(sends[0].len());
            queue.extend(sends[0].drain(..n));
            if sends[0].is_empty() {
                sends.pop_front();
            }
            if !sends.is_empty() {
                waiting.push((worker, sends));
            }
        }
    }

    pub(super) fn send_results(&mut self, worker: usize, results: VecDeque<u64>) {
        match self.results.waiting.iter_mut().find(|(other, _)| *other == worker) {
            Some((_, sends)) => sends.push_back(results),
            None => self.results.waiting.push((worker, VecDeque::from([results]))),
        }
        self.admit_results();
    }

    /// Whether a reader that asked for `max` results may be given these.
    pub fn read(&mut self, max: usize, given: &[u64]) -> bool {
        let queue = &mut self.results.queue;
        let expected = given.len() <= max
            && given.iter().eq(queue.iter().take(given.len()))
            && given.is_empty() == queue.is_empty();
        queue.drain(..given.len().min(queue.len()));
        self.admit_results();
        expected
    }
}

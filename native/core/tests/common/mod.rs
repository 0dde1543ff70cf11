//! Sources and tasks over plain numbers, for the tests of the system.
#![allow(dead_code, reason = "each test file uses a part of it")]

use millrace_core::system::{SystemOptions, SystemStats};
use millrace_core::{Emitter, Failure, Halt, Overflow, Source, Task, TaskContext};

pub fn options(producers: usize, consumers: usize, capacity: usize) -> SystemOptions {
    SystemOptions { producers, consumers, capacity, results: false, overflow: Overflow::Wait }
}

/// A random generator and the seed it started from; `MILLRACE_SEED` replays one.
#[allow(clippy::print_stdout, reason = "a failed round can be replayed with the seed")]
pub fn random() -> (fastrand::Rng, u64) {
    let seed =
        std::env::var("MILLRACE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("MILLRACE_SEED={seed}");
    (fastrand::Rng::with_seed(seed), seed)
}

pub fn assert_conserved(stats: &SystemStats) {
    let settled = stats.processed + stats.dead_lettered + stats.discarded;
    assert_eq!(stats.produced, settled + stats.retrying + stats.in_flight + stats.queued, "{stats:?}");
    if stats.state.is_final() {
        assert_eq!((stats.in_flight, stats.queued, stats.waiting_sends), (0, 0, 0), "{stats:?}");
    }
}

/// The numbers from `next` to before `end`.
pub struct Count {
    next: u64,
    end: u64,
}

impl Count {
    /// `count` numbers for producer `index`, after those of the producers before it.
    pub fn from(index: usize, count: u64) -> Self {
        let next = if count == u64::MAX { 0 } else { index as u64 * count };
        Count { next, end: next.saturating_add(count) }
    }
}

impl Source<Vec<u64>> for Count {
    fn run(&mut self, out: &mut Emitter<'_, Vec<u64>>) -> Result<(), Halt> {
        while self.next < self.end {
            let n = self.next;
            self.next += 1;
            out.emit(|batch| batch.push(n))?;
        }
        Ok(())
    }
}

/// Calls a function for each number; its value is the result.
pub struct Each<F> {
    ahead: usize,
    handle: F,
}

impl<F: FnMut(u64) -> Result<u64, Failure> + Send> Each<F> {
    pub fn new(handle: F) -> Self {
        Each { ahead: 1, handle }
    }

    pub fn ahead(ahead: usize, handle: F) -> Self {
        Each { ahead, handle }
    }
}

impl<F: FnMut(u64) -> Result<u64, Failure> + Send> Task<Vec<u64>, Vec<u64>> for Each<F> {
    fn prefetch(&self) -> usize {
        self.ahead
    }

    fn handle(
        &mut self,
        batch: &Vec<u64>,
        index: usize,
        results: Option<&mut Vec<u64>>,
        _context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        let result = (self.handle)(batch[index])?;
        if let Some(results) = results {
            results.push(result);
        }
        Ok(())
    }
}

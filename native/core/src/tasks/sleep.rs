//! Stands for work that takes time and next to no CPU.

use std::thread::yield_now;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::delay::{Delay, from_ms};
use crate::failure::Failure;
use crate::items::Items;
use crate::task::{Task, TaskContext};

/// The shortest sleep that is begun with being woken early in mind. Below, what is left to wait for would be a large part.
const SHORTEST_EXACT: Duration = Duration::from_millis(1);

/// Sleeps for each item, no shorter than drawn and hardly longer; the result is how long, in ms, as it was drawn.
#[derive(Debug, Clone, Copy)]
pub struct Sleep {
    delay: Delay,
}

impl Sleep {
    /// A task that sleeps for `delay`, drawn anew for each item.
    pub fn new(delay: Delay) -> Self {
        Sleep { delay }
    }

    /// A task for one consumer thread.
    pub fn task(&self) -> SleepTask {
        SleepTask { delay: self.delay, random: Rng::new(), exact: false, lateness: Lateness::default() }
    }
}

/// One consumer's [`Sleep`].
#[derive(Debug)]
pub struct SleepTask {
    delay: Delay,
    random: Rng,
    exact: bool,
    lateness: Lateness,
}

impl Task<Items, Items> for SleepTask {
    fn handle(
        &mut self,
        _: &Items,
        _: usize,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        if !self.exact {
            wake_exactly();
            self.exact = true;
        }
        let ms = self.delay.draw(&mut self.random);
        self.sleep(from_ms(ms), context)?;
        if let Some(results) = results {
            results.push_number(ms);
        }
        Ok(())
    }
}

impl SleepTask {
    /// Asks to be woken as much earlier as it is woken late, and yields until the time has come.
    fn sleep(&mut self, delay: Duration, context: &TaskContext<'_>) -> Result<(), Failure> {
        let start = Instant::now();
        let early = if delay < SHORTEST_EXACT { Duration::ZERO } else { self.lateness.least };
        let asked = delay.saturating_sub(early);
        context.sleep(asked)?;
        if !delay.is_zero() {
            self.lateness.note(start.elapsed().saturating_sub(asked));
        }
        if early.is_zero() {
            return Ok(());
        }
        while start.elapsed() < delay {
            yield_now();
        }
        context.check()
    }
}

/// How late sleeps end. A virtual machine ends them some 100 µs late, because it has to be woken itself.
#[derive(Debug, Clone, Copy, Default)]
struct Lateness {
    /// About the least of late.
    least: Duration,
}

impl Lateness {
    /// What is above it, as after a time slice of another thread, says little about the next one.
    const MOST: Duration = Duration::from_micros(300);

    /// Follows what is less at once and what is more slowly, so that a thread is seldom woken too early, when it has to
    /// yield. Where the rule was tried, in a script of 5 threads on such a machine, they yielded for 6 to 7 µs a sleep with
    /// a sixteenth, and were 36 to 39 µs late in place of 111 to 121 (medians of 600 sleeps, twice). With an eighth they
    /// yielded for 13 µs, and were no less late.
    fn note(&mut self, late: Duration) {
        let late = late.min(Self::MOST);
        self.least = if late < self.least { late } else { self.least + late.saturating_sub(self.least) / 16 };
    }
}

/// Has Linux end the sleeps of this thread when they are due. By default it may add 50 µs to each.
fn wake_exactly() {
    #[cfg(target_os = "linux")]
    {
        // Where it is refused, sleeps are a little longer and nothing else is different.
        let _ = rustix::thread::set_current_timer_slack(Some(std::num::NonZeroU64::MIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lates: impl IntoIterator<Item = u64>) -> Duration {
        let mut lateness = Lateness::default();
        lates.into_iter().for_each(|late| lateness.note(Duration::from_micros(late)));
        lateness.least
    }

    #[test]
    fn follows_the_least_lateness() {
        assert_eq!(after([160]), Duration::from_micros(10));
        assert_eq!(after([160, 7]), Duration::from_micros(7));
        assert!((95..=100).contains(&after([100; 100]).as_micros()));
        assert!(after([120; 100].into_iter().chain([100, 130, 140])) < Duration::from_micros(105));
    }

    #[test]
    fn one_long_delay_changes_little() {
        assert!(after([100; 100].into_iter().chain([1_000_000])) < Duration::from_micros(120));
    }
}

//! Whether an item whose attempt failed is tried again, and when.

use std::time::Duration;

use crate::failure::Failure;

/// How often an item is tried, and how long it waits in between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// How many attempts may fail, the first included; at least 1. Those that end with the death of their worker have a
    /// limit of their own.
    pub attempts: u32,
    /// How many workers an item may kill before it is given up; at least 1.
    pub deaths: u32,
    /// How long to wait before the next attempt.
    pub backoff: Backoff,
}

impl Default for Retry {
    /// One attempt, and two workers.
    fn default() -> Self {
        Retry { attempts: 1, deaths: 2, backoff: Backoff::default() }
    }
}

/// The wait before another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Backoff {
    /// Before the second attempt.
    pub delay: Duration,
    /// Whether each wait is twice the one before.
    pub exponential: bool,
    /// The longest wait; zero stands for no limit.
    pub max: Duration,
    /// From 0 to 1: the share of a wait that is drawn at random, so that items which failed together do not come back
    /// together. With 1 a wait is anything from nothing to all of it.
    pub jitter: f64,
}

impl Backoff {
    /// How long to wait after `failed` attempts have failed.
    fn after(&self, failed: u32) -> Duration {
        let doublings = if self.exponential { failed.saturating_sub(1) } else { 0 };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let full = self.delay.saturating_mul(factor);
        let full = if self.max.is_zero() { full } else { full.min(self.max) };
        if self.jitter <= 0.0 { full } else { full.mul_f64(1.0 - self.jitter * fastrand::f64()) }
    }
}

impl Retry {
    /// How long an item waits for its next attempt after `failed` of them have failed, the last with `failure`; nothing
    /// where it is given up.
    pub(crate) fn after(&self, failure: &Failure, failed: u32) -> Option<Duration> {
        (!failure.unrecoverable && failed < self.attempts).then(|| self.backoff.after(failed))
    }

    /// Whether consumers have to hold items as leases, to give them back.
    pub(crate) fn is_used(&self) -> bool {
        self.attempts > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn waits(backoff: Backoff, n: u32) -> Vec<u128> {
        (1..=n).map(|failed| backoff.after(failed).as_millis()).collect()
    }

    #[test]
    fn waits_are_the_same_or_double_up_to_the_longest() {
        let fixed = Backoff { delay: 50 * MS, ..Backoff::default() };
        assert_eq!(waits(fixed, 3), [50, 50, 50]);
        let exponential = Backoff { exponential: true, ..fixed };
        assert_eq!(waits(exponential, 4), [50, 100, 200, 400]);
        assert_eq!(waits(Backoff { max: 300 * MS, ..exponential }, 5), [50, 100, 200, 300, 300]);
        assert_eq!(waits(Backoff { max: 300 * MS, ..exponential }, 200)[199], 300);
        assert!(exponential.after(u32::MAX) >= Duration::from_secs(3600));
    }

    #[test]
    fn jitter_takes_off_at_most_its_share() {
        let backoff = Backoff { delay: 100 * MS, jitter: 0.5, ..Backoff::default() };
        let drawn: Vec<_> = (0..1000).map(|_| backoff.after(1)).collect();
        assert!(drawn.iter().all(|wait| (50 * MS..=100 * MS).contains(wait)));
        assert!(drawn.iter().any(|wait| *wait < 60 * MS) && drawn.iter().any(|wait| *wait > 90 * MS));
    }

    #[test]
    fn an_item_is_given_up_after_its_attempts_or_an_unrecoverable_failure() {
        let retry = Retry { attempts: 3, ..Retry::default() };
        let failure = Failure::new("ERR", "no");
        assert_eq!(retry.after(&failure, 1), Some(Duration::ZERO));
        assert_eq!(retry.after(&failure, 2), Some(Duration::ZERO));
        assert_eq!(retry.after(&failure, 3), None);
        assert_eq!(retry.after(&failure.unrecoverable(), 1), None);
    }
}

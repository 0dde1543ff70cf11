//! How long to look out before a sleep.

use std::task::Poll;
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// How long a thread looks out for what it waits for, before it sleeps: the other side is often about to do it, and
/// to be woken costs both sides some ten microseconds, on a virtual machine a hundred. It grows while waits are short, and
/// shrinks to nothing where they are not, as hypervisors do for a processor that has nothing to do (`halt_poll_ns` of KVM,
/// of which the figures are).
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    limit: Duration,
    /// When the wait began that is under way.
    since: Option<Instant>,
}

const LONGEST: Duration = Duration::from_micros(200);
const FIRST: Duration = Duration::from_micros(50);
const SHORTEST: Duration = Duration::from_micros(10);

impl Default for Patience {
    fn default() -> Self {
        Patience { limit: FIRST, since: None }
    }
}

impl Patience {
    /// Begins a wait: calls `poll` until it is ready, or patience is at its end. Yields between two calls.
    pub fn poll<T>(&mut self, mut poll: impl FnMut() -> Poll<T>) -> Poll<T> {
        // Who doesn't say when a wait is over begins the next one then.
        self.waited();
        if let Poll::Ready(outcome) = poll() {
            return Poll::Ready(outcome);
        }
        // A model explores what happens around a sleep, and no time passes in it.
        if cfg!(loom) {
            return Poll::Pending;
        }
        let since = Instant::now();
        self.since = Some(since);
        while since.elapsed() < self.limit {
            yield_now();
            if let Poll::Ready(outcome) = poll() {
                self.waited();
                return Poll::Ready(outcome);
            }
        }
        Poll::Pending
    }

    /// The wait is over, if one was under way.
    pub fn waited(&mut self) {
        if let Some(since) = self.since.take() {
            self.limit = adapted(self.limit, since.elapsed());
        }
    }
}

/// How long to look out the next time, after a wait that took `wait`.
fn adapted(limit: Duration, wait: Duration) -> Duration {
    if wait <= limit {
        limit
    } else if wait <= LONGEST {
        (limit * 2).clamp(SHORTEST, LONGEST)
    } else if limit / 2 < SHORTEST {
        Duration::ZERO
    } else {
        limit / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(waits: impl IntoIterator<Item = u64>) -> Duration {
        waits.into_iter().fold(FIRST, |limit, wait| adapted(limit, Duration::from_micros(wait)))
    }

    #[test]
    fn looks_out_for_longer_while_waits_are_short() {
        assert_eq!(after([20, 30]), FIRST);
        assert_eq!(after([150]), 2 * FIRST);
        assert_eq!(after([150, 150, 150, 199]), LONGEST);
    }

    #[test]
    fn does_not_look_out_where_waits_are_long() {
        assert_eq!(after([1_000]), FIRST / 2);
        assert_eq!(after([1_000; 3]), Duration::ZERO);
        assert_eq!(after([1_000, 1_000, 1_000, 100]), SHORTEST);
    }
}

//! Waits of a worker thread. They end after a slice, so that the thread comes back to JavaScript, where it can be
//! terminated.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park_timeout, yield_now};
use std::time::{Duration, Instant};

/// The longest slice.
const SLICE: Duration = Duration::from_millis(20);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long a worker thread looks out for what it waits for, before it sleeps: the other side is often about to do it, and
/// to be woken costs both sides some ten microseconds, on a virtual machine a hundred. It grows while waits are short, and
/// shrinks to nothing where they are not, as hypervisors do for a processor that has nothing to do (`halt_poll_ns` of KVM,
/// of which the figures are).
///
/// The main thread looks once: on a busy machine a yield may last a time slice, which it must not lose.
#[derive(Clone, Copy)]
pub struct Patience {
    may_wait: bool,
    limit: Duration,
    /// When the wait began that is under way.
    since: Option<Instant>,
}

const LONGEST: Duration = Duration::from_micros(200);
const FIRST: Duration = Duration::from_micros(50);
const SHORTEST: Duration = Duration::from_micros(10);

impl Patience {
    pub fn new(may_wait: bool) -> Self {
        Patience { may_wait, limit: FIRST, since: None }
    }

    /// Begins a wait: calls `poll` until it is ready, or patience is at its end.
    pub fn poll<T>(&mut self, mut poll: impl FnMut() -> Poll<T>) -> Poll<T> {
        // Who doesn't say when a wait is over begins the next one then.
        self.waited();
        if let Poll::Ready(outcome) = poll() {
            return Poll::Ready(outcome);
        }
        if !self.may_wait {
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

/// Blocks until `poll` is ready, for `ms` at most, and never for longer than a slice.
pub fn block_for<T>(ms: f64, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    let deadline = Instant::now() + Duration::try_from_secs_f64(ms / 1000.0).map_or(SLICE, |ms| ms.min(SLICE));
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(outcome) = poll(&mut context) {
            return Poll::Ready(outcome);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Pending;
        }
        park_timeout(left);
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

    #[test]
    fn the_main_thread_looks_once() {
        let mut looks = 0;
        let polled: Poll<()> = Patience::new(false).poll(|| {
            looks += 1;
            Poll::Pending
        });
        assert!(polled.is_pending());
        assert_eq!(looks, 1);
    }
}

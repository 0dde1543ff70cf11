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

/// How long a worker thread looks out for what it waits for, before it leaves that to its event loop: the other side is
/// often about to do it, and to be woken costs some ten microseconds on both sides. Waits that turn out long make it
/// short, as hypervisors do for a processor that has nothing to do (`halt_poll_ns` of KVM).
///
/// The main thread looks once: on a busy machine a yield may last a time slice, which it must not lose.
pub struct Patience {
    may_wait: bool,
    limit: Duration,
    gave_up: Option<Instant>,
}

const LONGEST: Duration = Duration::from_micros(50);
const SHORTEST: Duration = Duration::from_micros(2);

impl Patience {
    pub fn new(may_wait: bool) -> Self {
        Patience { may_wait, limit: LONGEST, gave_up: None }
    }

    /// Calls `poll` until it is ready, or patience is at its end.
    pub fn poll<T>(&mut self, mut poll: impl FnMut() -> Poll<T>) -> Poll<T> {
        let mut begin = None;
        loop {
            if let Poll::Ready(outcome) = poll() {
                if let Some(gave_up) = self.gave_up.take()
                    && gave_up.elapsed() < 2 * LONGEST
                {
                    self.limit = LONGEST;
                }
                return Poll::Ready(outcome);
            }
            if !self.may_wait {
                return Poll::Pending;
            }
            let begin = *begin.get_or_insert_with(Instant::now);
            if begin.elapsed() >= self.limit {
                self.limit = (self.limit / 2).max(SHORTEST);
                self.gave_up = Some(Instant::now());
                return Poll::Pending;
            }
            yield_now();
        }
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

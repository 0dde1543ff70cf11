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

/// How often to yield before a wait that would go through the event loop. The other side is often about to do what
/// is waited for, and to be woken costs some ten microseconds on both sides.
const YIELDS: u32 = 8;

/// Calls `poll` until it is ready; a few times, where the thread may wait, and else once. On a busy machine a yield may
/// last a time slice, which the main thread must not lose.
pub fn poll_for_a_moment<T>(may_wait: bool, mut poll: impl FnMut() -> Poll<T>) -> Poll<T> {
    if !may_wait {
        return poll();
    }
    for _ in 0..YIELDS {
        if let Poll::Ready(outcome) = poll() {
            return Poll::Ready(outcome);
        }
        yield_now();
    }
    Poll::Pending
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

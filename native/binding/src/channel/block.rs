//! Waits of a worker thread. They end after a slice, so that the thread comes back to JavaScript, where it can be
//! terminated.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park_timeout};
use std::time::{Duration, Instant};

/// The longest slice.
const SLICE: Duration = Duration::from_millis(20);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long an environment's thread looks out before it sleeps. The main thread looks once: on a busy machine a yield may
/// last a time slice, which it must not lose.
#[derive(Clone, Copy)]
pub struct Patience(Option<millrace_core::Patience>);

impl Patience {
    pub fn new(may_wait: bool) -> Self {
        Patience(may_wait.then(millrace_core::Patience::default))
    }

    /// Begins a wait: calls `poll` until it is ready, or patience is at its end.
    pub fn poll<T>(&mut self, mut poll: impl FnMut() -> Poll<T>) -> Poll<T> {
        match &mut self.0 {
            Some(patience) => patience.poll(poll),
            None => poll(),
        }
    }

    /// The wait is over, if one was under way.
    pub fn waited(&mut self) {
        if let Some(patience) = &mut self.0 {
            patience.waited();
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

//! Futures without an executor.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs `future` on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls up to `polls` times, as an event loop with other things to do would.
pub fn poll_some<T>(polls: usize, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    for at in 0..polls {
        if at > 0 {
            thread::yield_now();
        }
        if let Poll::Ready(output) = poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
    }
    None
}

/// Polls `future` up to `polls` times.
pub fn poll_future<F: Future + Unpin>(polls: usize, future: &mut F) -> Option<F::Output> {
    poll_some(polls, |context| Pin::new(&mut *future).poll(context))
}

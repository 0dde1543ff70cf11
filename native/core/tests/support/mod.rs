//! What the tests of the channel share: seeded rounds, values that count their drops, futures without an executor.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use millrace_core::{Batch, Channel};

/// Far above what any test takes: a test that is still running then has lost a wake-up.
const HANGS: Duration = Duration::from_secs(120);

/// Runs `test` and fails, rather than hang, where it does not come to an end.
pub fn finishes(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let runner = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match finished.recv_timeout(HANGS) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs: a wake-up was lost"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            if let Err(panic) = runner.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Runs `round` so many times, each with a seed of its own. `MILLRACE_SEED` repeats the round with that seed; a round
/// that fails prints its own.
pub fn rounds(n: usize, round: impl Fn(&mut Rng) + Send + 'static) {
    struct Report(u64);
    impl Drop for Report {
        #[expect(clippy::print_stderr, reason = "the one way to repeat a round that failed")]
        fn drop(&mut self) {
            if thread::panicking() {
                eprintln!("MILLRACE_SEED={} repeats the round that failed", self.0);
            }
        }
    }
    let fixed = std::env::var("MILLRACE_SEED").ok().map(|seed| seed.parse().expect("MILLRACE_SEED is a number"));
    finishes(move || {
        for _ in 0..n {
            let seed = fixed.unwrap_or_else(|| fastrand::u64(..));
            let _report = Report(seed);
            round(&mut Rng::with_seed(seed));
        }
    });
}

/// Yields until `condition` holds.
pub fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// Yields until `n` sends wait.
pub fn until_waiting<B: Batch>(channel: &Channel<B>, n: usize) {
    until(|| channel.stats().waiting_sends == n);
}

/// Counts the drops of values that are numbered from 0.
#[derive(Debug)]
pub struct Tally {
    drops: Vec<AtomicUsize>,
}

impl Tally {
    pub fn new(values: usize) -> Arc<Self> {
        Arc::new(Tally { drops: (0..values).map(|_| AtomicUsize::new(0)).collect() })
    }

    pub fn value(self: &Arc<Self>, id: usize) -> Counted {
        Counted { id, tally: Arc::clone(self) }
    }

    pub fn values(self: &Arc<Self>, ids: std::ops::Range<usize>) -> Vec<Counted> {
        ids.map(|id| self.value(id)).collect()
    }

    pub fn drops(&self, id: usize) -> usize {
        self.drops[id].load(Ordering::Relaxed)
    }

    pub fn assert_each_dropped_once(&self) {
        for (id, drops) in self.drops.iter().enumerate() {
            assert_eq!(drops.load(Ordering::Relaxed), 1, "drops of value {id}");
        }
    }
}

/// A value that counts its drop.
#[derive(Debug)]
pub struct Counted {
    pub id: usize,
    tally: Arc<Tally>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.drops[self.id].fetch_add(1, Ordering::Relaxed);
    }
}

/// Fails unless `seen` has each number below `n` once.
pub fn assert_each_once(mut seen: Vec<usize>, n: usize) {
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..n), "expected each of {n} items once, got {} items", seen.len());
}

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

/// A waker that only notes that it was called: an event loop that does not turn by itself.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    pub fn new() -> (Arc<Self>, Waker) {
        let flag = Arc::new(Flag::default());
        (Arc::clone(&flag), flag.into())
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Polls `future` once.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

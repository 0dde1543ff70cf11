//! The primitives the channel is built on: std's, or loom's when the models run.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) use std::thread;

/// Loom's threads, with an `unpark` that is kept until the next `park`. Loom's own is lost where the thread waits for
/// a mutex in between.
#[cfg(loom)]
pub(crate) mod thread {
    use super::{Arc, AtomicBool, Ordering};

    pub(crate) use loom::thread::yield_now;

    #[derive(Debug, Clone)]
    pub(crate) struct Thread {
        unparked: Arc<AtomicBool>,
        thread: loom::thread::Thread,
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            self.unparked.swap(true, Ordering::AcqRel);
            self.thread.unpark();
        }
    }

    loom::thread_local! {
        static CURRENT: Thread =
            Thread { unparked: Arc::new(AtomicBool::new(false)), thread: loom::thread::current() };
    }

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    pub(crate) fn park() {
        let me = current();
        while !me.unparked.swap(false, Ordering::AcqRel) {
            loom::thread::park();
        }
    }

    /// Loom has no clock: a timed wait of a model never waits.
    pub(crate) fn park_timeout(_timeout: std::time::Duration) {
        yield_now();
    }
}

/// A number of the calling thread: 0 for the first that asks, 1 for the next.
#[cfg(not(loom))]
pub(crate) fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    // While a thread's locals are being dropped, any number is good enough.
    NUMBER.try_with(|number| *number).unwrap_or(0)
}

#[cfg(loom)]
pub(crate) fn thread_number() -> usize {
    loom::lazy_static! { static ref NEXT: AtomicUsize = AtomicUsize::new(0); }
    loom::thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

/// Locks, whatever a panic elsewhere left behind: no code of ours panics between two states of what it guards.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

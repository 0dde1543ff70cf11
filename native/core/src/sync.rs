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

/// Whether an essential ordering is broken on purpose, so that a model can be seen to fail; see
/// `tests/loom_models/broken.rs`.
#[cfg(not(loom))]
macro_rules! broken {
    ($ordering:literal) => {
        false
    };
}
#[cfg(loom)]
macro_rules! broken {
    ($ordering:literal) => {
        $crate::sync::is_broken($ordering)
    };
}

/// A `SeqCst` fence. Broken, it lets a later load pass an earlier store, which is all that the others do not.
macro_rules! seq_cst_fence {
    ($ordering:literal) => {
        $crate::sync::fence(if $crate::sync::broken!($ordering) {
            $crate::sync::Ordering::AcqRel
        } else {
            $crate::sync::Ordering::SeqCst
        })
    };
}

pub(crate) use {broken, seq_cst_fence};

/// The one that LOOM_BROKEN names.
#[cfg(loom)]
pub(crate) fn is_broken(ordering: &str) -> bool {
    static BROKEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    BROKEN.get_or_init(|| std::env::var("LOOM_BROKEN").ok()).as_deref() == Some(ordering)
}

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

/// Waits at `condvar` for at most `timeout`; who waits looks again afterwards.
#[cfg(not(any(loom, tsan)))]
pub(crate) fn wait<'a, T>(
    condvar: &std::sync::Condvar,
    _mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    timeout: Option<std::time::Duration>,
) -> MutexGuard<'a, T> {
    use std::sync::PoisonError;
    match timeout {
        Some(timeout) => condvar.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0,
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
    }
}

/// A condvar gives the lock back and takes it again within std, unseen: see `lock`.
#[cfg(tsan)]
pub(crate) fn wait<'a, T>(
    _condvar: &std::sync::Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    timeout: Option<std::time::Duration>,
) -> MutexGuard<'a, T> {
    let a_while = std::time::Duration::from_millis(1);
    drop(guard);
    thread::sleep(timeout.map_or(a_while, |timeout| timeout.min(a_while)));
    lock(mutex)
}

/// Locks, whatever a panic elsewhere left behind: no code of ours panics between two states of what it guards.
#[cfg(not(tsan))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `ThreadSanitizer` sees what is compiled with it, and std is not: where a lock is waited for, std takes it unseen, and
/// all that it guards would look raced for. What takes a free one is inlined, and seen.
#[cfg(tsan)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    use std::sync::TryLockError::{Poisoned, WouldBlock};
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(Poisoned(error)) => return error.into_inner(),
            Err(WouldBlock) => thread::yield_now(),
        }
    }
}

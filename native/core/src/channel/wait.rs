//! Who waits, and how it is woken.

use std::task::Waker;

use crate::sync::thread::{Thread, current, park, park_timeout};

/// What a waiter is, because the two want different wake-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A parked thread. One is woken at a time; it passes the wake-up on when it has taken what it wants.
    Thread,
    /// A future, such as a JavaScript environment's. Its event loop may be busy for long, so nobody relies on it to
    /// pass a wake-up on.
    Task,
}

/// What to do once no lock is held, because it may run code of users that calls the channel again: wakers to call,
/// items to drop.
#[derive(Default)]
pub(super) struct WakeList {
    first: Option<Waker>,
    /// Rarely there, so that the list of a send that meets nobody costs next to nothing.
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    wakers: Vec<Waker>,
    dropped: Vec<Box<dyn Send>>,
}

impl WakeList {
    pub(super) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.more.get_or_insert_default().wakers.push(waker);
        }
    }

    pub(super) fn drop_afterwards(&mut self, late: impl Send + 'static) {
        self.more.get_or_insert_default().dropped.push(Box::new(late));
    }

    /// Wakes them all. Not under a lock.
    #[inline]
    pub(super) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
        }
        if let Some(more) = self.more {
            more.wakers.into_iter().for_each(Waker::wake);
        }
    }
}

struct Unpark(Thread);

impl std::task::Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

fn new_waker() -> Waker {
    std::sync::Arc::new(Unpark(current())).into()
}

/// A waker that unparks the calling thread.
pub(super) fn thread_waker() -> Waker {
    #[cfg(not(loom))]
    thread_local!(static WAKER: Waker = new_waker());
    #[cfg(loom)]
    loom::thread_local!(static WAKER: Waker = new_waker());
    // While a thread's locals are being dropped the cached one is gone.
    WAKER.try_with(Waker::clone).unwrap_or_else(|_| new_waker())
}

/// How often a sender yields before it queues. Where threads outnumber cores, the thread that would empty the channel
/// runs meanwhile and does so for a thousand items, for a fraction of what a sleep and a wake-up cost; spinning would
/// only keep it from running. The figures are in docs/performance.md.
pub(super) const SEND_YIELDS: u32 = if cfg!(loom) { 0 } else { 16 };

/// The same for a receiver. Fewer gain as much, and a receiver with little to do comes here for every item.
pub(super) const RECEIVE_YIELDS: u32 = if cfg!(loom) { 0 } else { 4 };

/// When a wait ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline(Option<std::time::Instant>);

impl Deadline {
    pub(super) const NEVER: Deadline = Deadline(None);

    /// `timeout` from now; never, where that is past the clock's range.
    pub(super) fn after(timeout: std::time::Duration) -> Self {
        Deadline(std::time::Instant::now().checked_add(timeout))
    }

    pub(super) fn passed(self) -> bool {
        self.0.is_some_and(|end| std::time::Instant::now() >= end)
    }

    /// Parks the thread until it is woken, for no reason at all, or until the deadline.
    pub(super) fn park(self) {
        match self.0 {
            None => park(),
            Some(end) => park_timeout(end.saturating_duration_since(std::time::Instant::now())),
        }
    }
}

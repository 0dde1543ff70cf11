//! The state that all handles of one channel share, and the two steps that both sides use: a push and a release.

use std::sync::atomic::AtomicBool;

use crossbeam_utils::CachePadded;

use super::options::{ChannelOptions, Overflow};
use super::permits::{Permits, Released};
use super::receivers::Receivers;
use super::senders::Senders;
use super::slots::Slots;
use super::wait::WakeList;
use crate::batch::Batch;
use crate::sync::{AtomicU8, AtomicU64, AtomicUsize, Mutex, Ordering, lock, seq_cst_fence};

/// A push must look after the receivers that wait: one sleeps, and no wake-up is on its way.
pub(super) const RECEIVER_SLEEPS: u8 = 1;
/// A push came too late: the channel was aborted.
pub(super) const LATE: u8 = 2;
/// The bound was lifted, so the slots may not have room.
pub(super) const LIFTED: u8 = 4;
/// Receivers have to mind more than the slots: items elsewhere, or one another.
pub(super) const ASIDE: u8 = 8;

/// The smallest capacity for which a sleep until half of it is free is worth it.
const LONG_WORK: usize = if cfg!(loom) { 0 } else { 64 };

/// Locks are taken in this order and never the other way round: `senders`, a select's decision, `receivers`,
/// one ticket or stub. They are held for a few moves of memory, never across a wait.
#[derive(Debug)]
pub(super) struct Shared<B> {
    /// For alarms.
    #[cfg(not(loom))]
    pub(super) this: std::sync::Weak<Self>,
    /// Receivers look at the sends that wait, too.
    pub(super) has_lanes: bool,
    pub(super) permits: Permits,
    pub(super) slots: Slots<B>,
    pub(super) senders: CachePadded<Mutex<Senders<B>>>,
    pub(super) receivers: CachePadded<Mutex<Receivers<B>>>,
    /// What a push has to see to: `RECEIVER_SLEEPS`, `LATE`, `LIFTED`.
    pub(super) signals: CachePadded<AtomicU8>,
    /// Items leased and not yet settled: held by someone, or on the return list.
    pub(super) outstanding: AtomicUsize,
    pub(super) discarded: AtomicU64,
    pub(super) next_producer: AtomicU64,
    pub(super) overflow: Overflow,
    pub(super) dropped: AtomicU64,
    /// See [`expect_long_work`](Shared::expect_long_work). Nothing but how threads wait hangs on it.
    long_work: AtomicBool,
}

impl<B: Batch> Shared<B> {
    pub(super) fn new(options: &ChannelOptions, #[cfg(not(loom))] this: std::sync::Weak<Self>) -> Self {
        let capacity = options.capacity;
        let overflow = options.overflow;
        // Items are dropped only where nothing is free, and permits on their way to a cell can't be found.
        let in_cells = B::SINGLE && overflow == Overflow::Wait;
        let receivers = Receivers::new(options);
        let signals = if receivers.has_aside() { ASIDE } else { 0 };
        Shared {
            #[cfg(not(loom))]
            this,
            has_lanes: options.lanes > 1,
            permits: if in_cells { Permits::of_single(capacity) } else { Permits::new(capacity) },
            slots: Slots::new(capacity),
            senders: CachePadded::new(Mutex::new(Senders::new(options))),
            receivers: CachePadded::new(Mutex::new(receivers)),
            signals: CachePadded::new(AtomicU8::new(signals)),
            outstanding: AtomicUsize::new(0),
            discarded: AtomicU64::new(0),
            next_producer: AtomicU64::new(0),
            overflow,
            dropped: AtomicU64::new(0),
            long_work: AtomicBool::new(false),
        }
    }

    /// Receivers work for long on what they take, as long as it takes to wake a thread, and so they keep all cores busy. From
    /// now on a thread that finds the channel full sleeps at once, until half of it is free, receivers have nothing left, or some
    /// time has passed: a yield would last a time slice of theirs, and to be woken by each of them costs it one each time.
    pub(super) fn expect_long_work(&self) {
        // A few items are soon worked through: then a sleep for each half of them is longer than the work.
        self.long_work.store(self.permits.capacity() >= LONG_WORK, Ordering::Relaxed);
    }

    pub(super) fn is_long_work(&self) -> bool {
        self.long_work.load(Ordering::Relaxed)
    }

    /// How many permits are to be free before a thread that waits for one is woken.
    pub(super) fn enough(&self) -> usize {
        if self.is_long_work() { (self.permits.capacity() / 2).max(1) } else { 1 }
    }

    /// Puts a batch whose permits are held into the slots and sees to the receivers.
    pub(super) fn push(&self, batch: B, wakes: &mut WakeList) {
        // Permits never outnumber slots until the bound is lifted. From then on everything goes past the slots,
        // so that no producer's batch gets a slot while an earlier one of its own waits in the overflow.
        let past =
            if self.signals.load(Ordering::Relaxed) & LIFTED == 0 { self.slots.push(batch).err() } else { Some(batch) };
        if let Some(batch) = past {
            lock(&self.receivers).overflow.push_back(batch);
        }
        // Who goes to sleep sets its signal, fences, and looks at the slots once more; an abort sets its signal,
        // fences, and empties them. With this fence between the push and the look at the signals, either that
        // look sees the signal or the other side sees the batch.
        seq_cst_fence!("push_fence");
        let signals = self.signals.load(Ordering::Relaxed);
        if signals & (RECEIVER_SLEEPS | LATE) != 0 {
            self.after_push(signals, wakes);
        }
    }

    #[cold]
    fn after_push(&self, signals: u8, wakes: &mut WakeList) {
        if signals & LATE != 0 {
            self.end_late(wakes);
        } else {
            self.wake_receivers(wakes);
        }
    }

    /// Gives permits back and sees to the senders, and to the receivers that wait for the end.
    #[inline]
    pub(super) fn release(&self, n: usize, wakes: &mut WakeList) {
        if n > 0 {
            let released = if B::SINGLE { self.permits.release_single(n) } else { self.permits.release(n) };
            self.after_release(released, wakes);
        }
    }

    /// Gives back what is in the cells.
    pub(super) fn sweep(&self, wakes: &mut WakeList) {
        self.after_release(self.permits.sweep(), wakes);
    }

    #[inline]
    fn after_release(&self, released: Released, wakes: &mut WakeList) {
        if released.wake {
            self.wake_senders(wakes);
        }
        if released.drained {
            self.wake_if_ended(wakes);
        }
    }

    /// Lifts the bound: every send that waits completes, and later ones never wait.
    pub(super) fn lift(&self) {
        // Before the word says so: who is admitted because of it must see the signal.
        self.signals.fetch_or(LIFTED, Ordering::Relaxed);
        self.permits.lift();
        let mut wakes = WakeList::default();
        self.wake_senders(&mut wakes);
        wakes.wake();
    }
}

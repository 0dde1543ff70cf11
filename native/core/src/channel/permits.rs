//! Permits: the right to have one item in the channel. One atomic word counts them, so the bound is exact whatever
//! the batching.
//!
//! ```text
//! 63            32 31         5   4      3       2      1      0
//! | items admitted |  in use  | LIFTED ABORTED CLOSED QUEUED WAKE |
//! ```
//!
//! The count of permits in use and the flags share one modification order. So a release either sees `WAKE` and looks
//! after the senders, or it makes the compare-exchange that sets `WAKE` fail, and the sender that meant to sleep looks again:
//! no wake-up is lost. The running count of admitted items (it wraps) costs nothing there and is what fairness is
//! measured with: a waiter is due once [`OVERTAKING`] × capacity items were admitted since it queued.

use crossbeam_utils::CachePadded;

use super::cells::Cells;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, broken, seq_cst_fence};

/// A release must look after the senders that wait: one sleeps, and no wake-up is on its way.
const WAKE: u64 = 1;
/// Senders wait, so whoever does not must mind the due mark.
const QUEUED: u64 = 1 << 1;
const CLOSED: u64 = 1 << 2;
const ABORTED: u64 = 1 << 3;
/// The bound no longer holds.
const LIFTED: u64 = 1 << 4;
const USED: u64 = 1 << 5;
const USED_MASK: u64 = (1 << 27) - 1;
/// All that stands below the counts.
const FLAGS: u64 = USED - 1;
const ADMITTED: u64 = 1 << 32;

/// The largest capacity: 16,777,216 items.
pub const MAX_CAPACITY: usize = 1 << 24;

/// A waiter may be overtaken by this many times the capacity; then the next permits, or items, are its own.
pub const OVERTAKING: usize = if cfg!(loom) { 1 } else { 4 };

/// What came of an attempt to take permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// This many, at most what was asked for; 0 only where nothing was asked for.
    Took(usize),
    Full,
    Closed,
    Aborted,
}

/// The word as it was at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot(u64);

impl Snapshot {
    pub(super) fn used(self) -> usize {
        ((self.0 / USED) & USED_MASK) as usize
    }

    pub(super) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(super) fn aborted(self) -> bool {
        self.0 & ABORTED != 0
    }

    pub(super) fn senders_wait(self) -> bool {
        self.0 & QUEUED != 0
    }

    /// Closed, with no item in the channel and none waiting to get in.
    pub(super) fn empty_for_good(self) -> bool {
        self.closed() && self.used() == 0 && self.0 & QUEUED == 0
    }

    /// Somebody waits, or the channel is not open any more.
    fn disturbed(self) -> bool {
        self.0 & FLAGS != 0
    }

    fn admitted(self) -> u32 {
        (self.0 / ADMITTED) as u32
    }
}

/// What a release has to see to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Released {
    /// A sender sleeps that nobody has woken.
    pub(super) wake: bool,
    /// The channel is closed and this was its last item.
    pub(super) drained: bool,
}

impl Released {
    const NOTHING: Released = Released { wake: false, drained: false };
}

#[derive(Debug)]
pub(super) struct Permits {
    word: CachePadded<AtomicU64>,
    /// The count of admitted items at which the first waiter is due. Written under the senders' lock before `QUEUED`
    /// is set; it only moves forward, so that a stale value sends a sender to the queue too early, never too late.
    due: AtomicU32,
    peak: AtomicU32,
    /// How many of the permits in use are held ahead, and stand for no item yet. For figures alone: nothing is decided
    /// by it.
    ahead: AtomicUsize,
    capacity: usize,
    cells: Cells,
}

impl Permits {
    pub(super) fn new(capacity: usize) -> Self {
        Permits::with_cells(capacity, Cells::none())
    }

    /// For items that come and go one by one.
    pub(super) fn of_single(capacity: usize) -> Self {
        Permits::with_cells(capacity, Cells::new(capacity))
    }

    fn with_cells(capacity: usize, cells: Cells) -> Self {
        Permits {
            word: CachePadded::new(AtomicU64::new(0)),
            due: AtomicU32::new(0),
            peak: AtomicU32::new(0),
            ahead: AtomicUsize::new(0),
            capacity,
            cells,
        }
    }

    /// As if so many items had been admitted before.
    #[cfg(test)]
    pub(super) fn starting_at(capacity: usize, admitted: u32) -> Self {
        let permits = Permits::new(capacity);
        permits.word.store(u64::from(admitted) * ADMITTED, Ordering::Relaxed);
        permits
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn peak(&self) -> usize {
        self.note_peak(self.snapshot());
        self.peak.load(Ordering::Relaxed) as usize
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot(self.word.load(Ordering::Acquire))
    }

    /// How many items are in the channel.
    pub(super) fn occupied(&self) -> usize {
        self.items(self.snapshot())
    }

    fn items(&self, word: Snapshot) -> usize {
        word.used().saturating_sub(self.ahead.load(Ordering::Relaxed) + self.cells.held())
    }

    fn free(&self, word: Snapshot) -> usize {
        let bound = if word.0 & LIFTED != 0 { USED_MASK as usize } else { self.capacity };
        bound.saturating_sub(word.used())
    }

    /// How many a sender that does not wait may take. It may overtake waiters until one of them is due.
    fn free_to_overtake(&self, word: Snapshot) -> Result<usize, Take> {
        if word.0 & (CLOSED | QUEUED) == 0 {
            return Ok(self.free(word));
        }
        if word.aborted() {
            return Err(Take::Aborted);
        }
        if word.closed() {
            return Err(Take::Closed);
        }
        let left = self.due.load(Ordering::Relaxed).wrapping_sub(word.admitted()).cast_signed();
        Ok(self.free(word).min(usize::try_from(left).unwrap_or(0)))
    }

    /// Takes up to `want` permits for a sender that does not wait.
    pub(super) fn take(&self, want: usize) -> Take {
        self.take_if(want, 1, |word| self.free_to_overtake(word))
    }

    /// Takes exactly `want` permits or none, as [`take`](Permits::take) does.
    pub(super) fn take_all(&self, want: usize) -> Take {
        self.take_if(want, want, |word| self.free_to_overtake(word))
    }

    /// Takes one from the thread's cell, if it may.
    #[inline]
    pub(super) fn take_from_cell(&self) -> bool {
        !self.snapshot().disturbed() && self.cells.take()
    }

    /// As [`take`](Permits::take), for a thread whose cell is empty: one for its send, and some for its cell, which the
    /// caller is to [`release`](Permits::release).
    pub(super) fn take_for_cell(&self) -> Take {
        let took = self.take_if(1 + self.cells.size(), 1, |word| {
            let free = self.free_to_overtake(word)?;
            Ok(if word.disturbed() { free.min(1) } else { free })
        });
        if took != Take::Full || self.snapshot().disturbed() {
            return took;
        }
        match self.cells.steal() {
            0 => Take::Full,
            n => Take::Took(n),
        }
    }

    /// Whether senders wait although `enough` are free: they were woken, and have not run yet.
    pub(super) fn is_awaited(&self, enough: usize) -> bool {
        let word = self.snapshot();
        word.senders_wait() && self.free(word) >= enough
    }

    /// Whether fewer than `n` are free, those in cells apart.
    pub(super) fn lacks(&self, n: usize) -> bool {
        self.free(self.snapshot()) < n
    }

    /// As [`take`](Permits::take), for items that are to come.
    pub(super) fn take_ahead(&self, want: usize) -> Take {
        // Before they are in use, so that at no time they look like items.
        self.ahead.fetch_add(want, Ordering::Relaxed);
        let took = self.take(want);
        let n = if let Take::Took(n) = took { n } else { 0 };
        self.ahead.fetch_sub(want - n, Ordering::Relaxed);
        took
    }

    /// `n` permits that were held ahead get their items.
    pub(super) fn spend(&self, n: usize) {
        self.ahead.fetch_sub(n, Ordering::Relaxed);
        self.note_peak(self.snapshot());
    }

    /// `n` permits that were held ahead are about to be released.
    pub(super) fn forgo(&self, n: usize) {
        self.ahead.fetch_sub(n, Ordering::Relaxed);
    }

    /// Takes up to `want` permits for the first waiter. A closed channel still admits it. Under the senders' lock.
    pub(super) fn take_first(&self, want: usize) -> Take {
        self.take_if(want, 1, |word| if word.aborted() { Err(Take::Aborted) } else { Ok(self.free(word)) })
    }

    /// As [`take_first`](Permits::take_first), for items that are to come.
    pub(super) fn take_first_ahead(&self, want: usize) -> Take {
        self.ahead.fetch_add(want, Ordering::Relaxed);
        let took = self.take_first(want);
        let n = if let Take::Took(n) = took { n } else { 0 };
        self.ahead.fetch_sub(want - n, Ordering::Relaxed);
        took
    }

    fn take_if(&self, want: usize, least: usize, free: impl Fn(Snapshot) -> Result<usize, Take>) -> Take {
        loop {
            // Acquire: with QUEUED comes the due mark that was written before it.
            let word = self.snapshot();
            let n = match free(word) {
                Ok(free) => want.min(free),
                Err(refused) => return refused,
            };
            // No item needs no room.
            if n < least.min(want) {
                return Take::Full;
            }
            if n == 0 || self.admit(word.0, n) {
                return Take::Took(n);
            }
        }
    }

    fn admit(&self, word: u64, n: usize) -> bool {
        let next = word.wrapping_add(n as u64 * (ADMITTED + USED));
        // Acquire: the slot that a release made room in must be seen as empty by the push that follows.
        let won = self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed).is_ok();
        // Where some are for a cell, they look like items until they are there.
        if won && self.cells.size() == 0 {
            self.note_peak(Snapshot(next));
        }
        won
    }

    pub(super) fn note_peak(&self, word: Snapshot) {
        let peak = self.peak.load(Ordering::Relaxed);
        if word.used() as u32 > peak {
            let items = self.items(word) as u32;
            if items > peak {
                self.peak.fetch_max(items, Ordering::Relaxed);
            }
        }
    }

    /// Takes `n` permits for items that are on their way out already, whether they are free or not.
    pub(super) fn force(&self, n: usize) {
        self.word.fetch_add(n as u64 * (ADMITTED + USED), Ordering::AcqRel);
    }

    /// Gives `n` permits back. The caller must act on what it returns.
    #[must_use]
    pub(super) fn release(&self, n: usize) -> Released {
        let earlier = broken!("waiter_bit").then(|| self.snapshot());
        let before = Snapshot(self.word.fetch_sub(n as u64 * USED, Ordering::Release));
        debug_assert!(before.used() >= n, "more permits released than taken");
        Released { wake: earlier.unwrap_or(before).0 & WAKE != 0, drained: before.closed() && before.used() == n }
    }

    /// As [`release`](Permits::release), of single items: to the thread's cell, if they may lie there.
    #[must_use]
    #[inline]
    pub(super) fn release_single(&self, n: usize) -> Released {
        // SeqCst: see cells.rs.
        let n = self.cells.put(n, || Snapshot(self.word.load(Ordering::SeqCst)).disturbed());
        if n == 0 { Released::NOTHING } else { self.release(n) }
    }

    /// Gives back what is in the cells. The caller must act on what it returns.
    #[must_use]
    pub(super) fn sweep(&self) -> Released {
        if self.cells.size() == 0 {
            return Released::NOTHING;
        }
        // Pairs with what a `put` does: either it sees the flag that is set by now, or its permits are found.
        seq_cst_fence!("sweep_fence");
        let n = self.cells.sweep();
        if n == 0 { Released::NOTHING } else { self.release(n) }
    }

    /// Says that senders wait, unless the channel is closed. Under the senders' lock.
    pub(super) fn queue(&self) -> Result<(), Take> {
        let mut word = self.snapshot();
        loop {
            if word.aborted() {
                return Err(Take::Aborted);
            }
            if word.closed() {
                return Err(Take::Closed);
            }
            // Release: publishes the due mark.
            match self.word.compare_exchange_weak(word.0, word.0 | QUEUED, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => word = Snapshot(now),
            }
        }
    }

    /// If fewer than `enough` permits are free, asks the next release for a wake-up and answers yes. After a no there is
    /// so much to take, and no release need see to it. Under the senders' lock, while senders wait.
    pub(super) fn arm(&self, enough: usize) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let lacking = self.free(Snapshot(word)) < enough;
            let next = if lacking { word | WAKE } else { word & !WAKE };
            // A word that may be stale is good enough here: WAKE changes under this lock alone, so a release that
            // it does not show has seen WAKE too, and waits for the lock.
            if next != word
                && let Err(now) = self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                word = now;
                continue;
            }
            if !lacking || !self.sweep().wake {
                return lacking;
            }
            word = self.word.load(Ordering::Acquire);
        }
    }

    /// Nobody waits any more. Under the senders' lock.
    pub(super) fn unqueue(&self) {
        self.word.fetch_and(!(WAKE | QUEUED), Ordering::AcqRel);
    }

    /// The mark at which a sender that starts to wait now is due.
    pub(super) fn due_from_now(&self) -> u32 {
        self.snapshot().admitted().wrapping_add((OVERTAKING * self.capacity) as u32)
    }

    /// The first waiter's mark. Under the senders' lock, before [`arm`](Permits::arm).
    pub(super) fn set_due(&self, due: u32) {
        self.due.store(due, Ordering::Relaxed);
    }

    /// Closes; says how the word was.
    pub(super) fn close(&self) -> Snapshot {
        Snapshot(self.word.fetch_or(CLOSED, Ordering::AcqRel))
    }

    /// Aborts; says how the word was.
    pub(super) fn abort(&self) -> Snapshot {
        Snapshot(self.word.fetch_or(CLOSED | ABORTED, Ordering::AcqRel))
    }

    /// Lifts the bound.
    pub(super) fn lift(&self) {
        self.word.fetch_or(LIFTED, Ordering::AcqRel);
    }
}

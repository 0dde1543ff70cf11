//! Cells: permits of single items that are free, kept near the threads that will take them, so that most sends and
//! receives leave the one word of all permits alone.
//!
//! To the word a permit in a cell is in use. A sender that takes permits from the word takes some more for its cell, and
//! a receiver leaves those that it frees in its own, up to a number. A sender that finds the word full takes what lies in
//! any other cell, so all of the capacity is anyone's.
//!
//! Cells are for times when no sender waits and the channel is open. Who is about to sleep, or closes, has set a flag of
//! the word, fences, and empties all cells; who puts a permit into a cell looks at the flags afterwards, and empties the
//! cell again where one is set. One of the two sees the other's step, so no permit stays in a cell while a sender, or the
//! end, waits for it.

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicUsize, Ordering, broken, thread_number};

/// So many threads have cells of their own, the next ones share them.
const CELLS: usize = if cfg!(loom) { 2 } else { 16 };

/// The most that a cell keeps.
const MOST: usize = 16;

#[derive(Debug)]
pub(super) struct Cells {
    cells: Box<[CachePadded<AtomicUsize>]>,
    /// How many permits a cell keeps; 0: there are none.
    size: usize,
}

impl Cells {
    /// Cells that keep at most a quarter of the capacity, all together.
    pub(super) fn new(capacity: usize) -> Self {
        let size = if cfg!(loom) { 1 } else { (capacity / (4 * CELLS)).min(MOST) };
        let count = if size == 0 { 0 } else { CELLS };
        Cells { cells: (0..count).map(|_| CachePadded::default()).collect(), size }
    }

    pub(super) fn none() -> Self {
        Cells { cells: Box::new([]), size: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The cell of the calling thread.
    #[inline]
    fn own(&self) -> Option<&AtomicUsize> {
        if self.size == 0 {
            return None;
        }
        self.cells.get(thread_number() % CELLS).map(|cell| &**cell)
    }

    /// Takes a permit from the thread's own cell. The caller has seen that no flag is set.
    #[inline]
    pub(super) fn take(&self) -> bool {
        let Some(cell) = self.own() else { return false };
        let mut n = cell.load(Ordering::Relaxed);
        while n > 0 {
            // Acquire: the slot that a receiver made room in must be seen as empty by the push that follows.
            match cell.compare_exchange_weak(n, n - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => n = now,
            }
        }
        false
    }

    /// Puts `n` permits into the thread's own cell, unless `disturbed` says that a flag is set. How many are to be
    /// released instead: these, or all that were there.
    #[inline]
    pub(super) fn put(&self, n: usize, disturbed: impl Fn() -> bool) -> usize {
        let Some(cell) = self.own() else { return n };
        if n > self.size || disturbed() {
            return n;
        }
        // SeqCst, as the look at the flags behind it; see above. Release: as in `Permits::release`.
        let before = cell.fetch_add(n, Ordering::SeqCst);
        // Loom takes every access that is SeqCst for AcqRel.
        #[cfg(loom)]
        crate::sync::fence(Ordering::SeqCst);
        let too_much = before + n > self.size || (!broken!("cell_look") && disturbed());
        if too_much { cell.swap(0, Ordering::AcqRel) } else { 0 }
    }

    /// Empties the first cell in which there is something.
    #[cold]
    pub(super) fn steal(&self) -> usize {
        self.cells.iter().map(empty).find(|n| *n > 0).unwrap_or(0)
    }

    /// Empties all cells.
    pub(super) fn sweep(&self) -> usize {
        self.cells.iter().map(empty).sum()
    }

    /// How many permits are in cells.
    pub(super) fn held(&self) -> usize {
        self.cells.iter().map(|cell| cell.load(Ordering::Relaxed)).sum()
    }
}

fn empty(cell: &CachePadded<AtomicUsize>) -> usize {
    // A look saves a write to lines that other threads write.
    if cell.load(Ordering::Relaxed) == 0 { 0 } else { cell.swap(0, Ordering::AcqRel) }
}

//! Leases that were given back for later: each waits for its time, without a permit.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::receivers::Taken;
use crate::batch::Batch;

/// What waits, and when it is due.
#[derive(Debug)]
pub(super) struct Delayed<B> {
    heap: BinaryHeap<Entry<B>>,
    items: usize,
    /// So many items at the most are to wait: then receivers take no new ones, which might have to wait too.
    capacity: usize,
    next: u64,
    /// When the next alarm rings.
    alarm: Option<Instant>,
}

#[derive(Debug)]
struct Entry<B> {
    due: Instant,
    /// Tells apart what is due at the same time.
    number: u64,
    taken: Taken<B>,
}

// The earliest is the greatest, as a heap wants it.
impl<B> Ord for Entry<B> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<B> PartialOrd for Entry<B> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<B> PartialEq for Entry<B> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<B> Eq for Entry<B> {}

impl<B: Batch> Delayed<B> {
    pub(super) fn new(capacity: usize) -> Self {
        Delayed { heap: BinaryHeap::new(), items: 0, capacity, next: 0, alarm: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Items.
    pub(super) fn len(&self) -> usize {
        self.items
    }

    pub(super) fn is_full(&self) -> bool {
        self.items >= self.capacity
    }

    pub(super) fn push(&mut self, taken: Taken<B>, due: Instant) {
        self.items += taken.batch.len();
        self.heap.push(Entry { due, number: self.next, taken });
        self.next += 1;
    }

    /// Takes out what is due, in the order of the times.
    pub(super) fn take_due(&mut self) -> Vec<Taken<B>> {
        let now = Instant::now();
        let mut due = Vec::new();
        while self.heap.peek().is_some_and(|entry| entry.due <= now) {
            due.extend(self.heap.pop().map(|entry| entry.taken));
        }
        self.items -= due.iter().map(|taken| taken.batch.len()).sum::<usize>();
        due
    }

    /// Takes out everything, in the order of the times.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Taken<B>> + use<B> {
        self.items = 0;
        std::mem::take(&mut self.heap).into_sorted_vec().into_iter().rev().map(|entry| entry.taken)
    }

    /// When to ring, unless an alarm is set that rings early enough. The caller sets it.
    pub(super) fn next_alarm(&mut self) -> Option<Instant> {
        let due = self.heap.peek()?.due;
        if self.alarm.is_some_and(|alarm| alarm <= due) {
            return None;
        }
        self.alarm = Some(due);
        Some(due)
    }

    /// An alarm has rung, which may have been set for something else.
    pub(super) fn rung(&mut self) {
        if self.alarm.is_some_and(|alarm| alarm <= Instant::now()) {
            self.alarm = None;
        }
    }
}

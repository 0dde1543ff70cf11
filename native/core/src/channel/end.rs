//! The two ends: a close, after which everything is received, and an abort, after which nothing is.

use super::receivers::Receivers;
use super::shared::{LATE, Shared};
use super::wait::WakeList;
use crate::batch::Batch;
use crate::sync::{Ordering, broken, lock, seq_cst_fence};

impl<B: Batch> Shared<B> {
    pub(super) fn close(&self) {
        let before = self.permits.close();
        let mut wakes = WakeList::default();
        self.sweep(&mut wakes);
        if before.senders_wait() {
            self.refuse_rooms(&mut wakes);
        }
        self.wake_if_ended(&mut wakes);
        wakes.wake();
    }

    /// Whether the channel is closed and nothing is queued, waits to be sent, or is leased. Once true, always true.
    pub(super) fn ended(&self) -> bool {
        // In this order: an item that is leased is counted in `outstanding` before its permit is released.
        let settled = || self.outstanding.load(Ordering::Acquire) == 0;
        let early = broken!("end_order").then(settled);
        self.permits.snapshot().empty_for_good() && early.unwrap_or_else(settled)
    }

    /// Wakes everyone if the end has come. Whoever brings about a part of it calls this afterwards.
    pub(super) fn wake_if_ended(&self, wakes: &mut WakeList) {
        // The end is read from two places. Of two callers that each bring about one part, at least one sees the
        // other's behind this fence.
        seq_cst_fence!("end_fence");
        if self.ended() {
            lock(&self.receivers).wake_all(wakes);
        }
    }

    /// Ends everything that waits. Gives what was queued to the first caller. What gets in later is kept for
    /// [`take_late`](Shared::take_late), or dropped.
    pub(super) fn abort(&self, keep_late: bool) -> Vec<B> {
        if self.permits.abort().aborted() {
            return Vec::new();
        }
        let mut wakes = WakeList::default();
        self.abort_senders(&mut wakes);
        let queued = self.abort_receivers(keep_late, &mut wakes);
        wakes.wake();
        queued
    }

    /// Takes out everything that is queued, and wakes everyone. The word says aborted already.
    fn abort_receivers(&self, keep_late: bool, wakes: &mut WakeList) -> Vec<B> {
        let mut receivers = lock(&self.receivers);
        receivers.late = keep_late.then(Vec::new);
        // Under the lock: a push that sees it waits until what was queued before has been taken out.
        self.signals.fetch_or(LATE, Ordering::Relaxed);
        // Pairs with the fence in `Shared::push`: a batch that is not found here is a late one of its sender.
        seq_cst_fence!("abort_fence");
        self.reclaim_all(&mut receivers);
        let mut queued = receivers.take_returned();
        let leased: usize = queued.iter().map(Batch::len).sum();
        self.outstanding.fetch_sub(leased, Ordering::AcqRel);
        queued.extend(self.empty_slots(&mut receivers));
        receivers.wake_all(wakes);
        drop(receivers);
        self.release(queued.iter().map(Batch::len).sum::<usize>() - leased, wakes);
        queued
    }

    /// A batch was pushed while the channel was aborted: nobody will ever receive it.
    pub(super) fn end_late(&self, wakes: &mut WakeList) {
        let mut receivers = lock(&self.receivers);
        let late = self.empty_slots(&mut receivers);
        let n = late.iter().map(Batch::len).sum();
        self.keep_late(&mut receivers, late, wakes);
        drop(receivers);
        // After it was kept: who finds the channel empty finds the batch.
        self.release(n, wakes);
    }

    /// Items that nobody will ever receive. Under the receivers' lock.
    pub(super) fn keep_late(&self, receivers: &mut Receivers<B>, late: Vec<B>, wakes: &mut WakeList) {
        if let Some(kept) = &mut receivers.late {
            kept.extend(late);
        } else {
            let n: usize = late.iter().map(Batch::len).sum();
            self.discarded.fetch_add(n as u64, Ordering::Relaxed);
            // The senders' lock may be held, and to drop an item is to run its owner's code.
            wakes.drop_afterwards(late);
        }
    }

    /// What got in after the abort. From now on such items are dropped and counted.
    pub(super) fn take_late(&self) -> Vec<B> {
        lock(&self.receivers).late.take().unwrap_or_default()
    }

    fn empty_slots(&self, receivers: &mut Receivers<B>) -> Vec<B> {
        receivers.pop_all(&self.slots)
    }
}

//! Credit: permits that a producer holds ahead of its items, so that most of its sends take none.

use super::error::SendError;
use super::permits::Take;
use super::shared::Shared;
use super::ticket::Progress;
use super::wait::WakeList;
use crate::batch::Batch;
use crate::sync::{Arc, Ordering};

/// Permits that one [`Producer`](super::Producer) holds ahead. They count towards the bound, and keep the end of a
/// closed channel back, but no item is in the channel because of them. Dropping it gives them back.
///
/// Who holds credit is out of the producer's order: before any other send of the same producer it has to be spent or
/// given back.
#[derive(Debug)]
pub struct Credit<B: Batch> {
    channel: Arc<Shared<B>>,
    progress: Arc<Progress>,
    held: usize,
}

impl<B: Batch> Credit<B> {
    pub(super) fn new(channel: Arc<Shared<B>>, progress: Arc<Progress>) -> Self {
        Credit { channel, progress, held: 0 }
    }

    /// How many permits are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes more permits until `want` are held, as far as they are free. Never waits. None are taken while a send of
    /// the producer waits, so that nothing passes it.
    ///
    /// # Errors
    /// `Closed` and `Aborted`. Permits that are held already can be spent all the same.
    pub fn top_up(&mut self, want: usize) -> Result<(), SendError<()>> {
        if self.progress.pending.load(Ordering::Acquire) > 0 {
            return Ok(());
        }
        let want = want.saturating_sub(self.held);
        // What lies in cells is free, too.
        if B::SINGLE && self.channel.permits.lacks(want) {
            let mut wakes = WakeList::default();
            self.channel.sweep(&mut wakes);
            wakes.wake();
        }
        match self.channel.permits.take_ahead(want) {
            Take::Took(n) => self.held += n,
            Take::Full => {}
            Take::Closed => return Err(SendError::Closed(())),
            Take::Aborted => return Err(SendError::Aborted(())),
        }
        Ok(())
    }

    /// Sends `batch` on permits that are held. Never waits. After a close it is still received; after an abort it is
    /// dropped, and counted as discarded.
    ///
    /// # Panics
    /// Where fewer permits are held than the batch has items.
    pub fn send(&mut self, batch: B) {
        let n = batch.len();
        assert!(n <= self.held, "expected at most {} items, for which there is credit, got {n}", self.held);
        if n == 0 {
            return;
        }
        self.held -= n;
        self.channel.permits.spend(n);
        self.progress.admitted.fetch_add(n as u64, Ordering::Release);
        let mut wakes = WakeList::default();
        self.channel.push(batch, &mut wakes);
        wakes.wake();
    }

    /// Gives back what is held. Never waits.
    pub fn give_back(&mut self) {
        let n = std::mem::take(&mut self.held);
        if n == 0 {
            return;
        }
        self.channel.permits.forgo(n);
        let mut wakes = WakeList::default();
        self.channel.release(n, &mut wakes);
        wakes.wake();
    }
}

impl<B: Batch> Drop for Credit<B> {
    fn drop(&mut self) {
        self.give_back();
    }
}

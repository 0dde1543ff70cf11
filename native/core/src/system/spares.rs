//! Emptied batches on their way back from consumers to producers.
//!
//! A batch that one thread allocates and another frees costs the allocator's lock on both sides, and at millions of
//! batches a second the two meet there. The figures are in docs/performance.md.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::batch::Collect;

/// How many are kept: as many as lie in a channel of the default capacity, and a few in hand.
const KEPT: usize = 32;

pub(crate) struct Spares<B> {
    sender: Sender<B>,
    receiver: Receiver<B>,
}

impl<B: Collect> Spares<B> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = bounded(KEPT);
        Spares { sender, receiver }
    }

    /// An empty batch with room for about `items`.
    pub(crate) fn take(&self, items: usize) -> B {
        self.receiver.try_recv().unwrap_or_else(|_| B::with_capacity(items))
    }

    /// Gives a batch back. Its items are dropped; where enough batches are kept, so is it.
    pub(crate) fn give(&self, mut batch: B) {
        batch.clear();
        drop(self.sender.try_send(batch));
    }
}

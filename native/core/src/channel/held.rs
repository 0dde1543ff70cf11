//! Items taken by a call that may find that it can't hand all of them over.

use super::receivers::Taken;
use super::shared::Shared;
use crate::batch::Batch;
use crate::sync::{Arc, lock};

/// Items that were taken and are not handed over yet: they count as in the channel. Those that are not handed over
/// when it is dropped go back to the front, before everything else that is there.
///
/// None of its operations waits.
#[derive(Debug)]
pub struct Held<B: Batch> {
    channel: Arc<Shared<B>>,
    /// `None` once it is over.
    taken: Option<Taken<B>>,
}

impl<B: Batch> Held<B> {
    pub(super) fn new(channel: Arc<Shared<B>>, taken: Taken<B>) -> Self {
        Held { channel, taken: Some(taken) }
    }

    /// The items.
    pub fn batch(&self) -> &B {
        let Some(taken) = &self.taken else { unreachable!("what is held is over once it is dropped") };
        &taken.batch
    }

    /// Hands the items over: their permits are free.
    pub fn hand_over(mut self) -> B {
        let Some(taken) = self.taken.take() else { unreachable!("what is held is over once it is dropped") };
        self.channel.deliver(taken)
    }

    /// Splits off the first `n` items, to be held by themselves.
    ///
    /// # Panics
    /// Where there are not so many.
    #[must_use]
    pub fn split_front(&mut self, n: usize) -> Self {
        let Some(taken) = &mut self.taken else { unreachable!("what is held is over once it is dropped") };
        let front = taken.split_front(n);
        Held::new(Arc::clone(&self.channel), front)
    }
}

impl<B: Batch> Drop for Held<B> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take()
            && !taken.batch.is_empty()
        {
            self.channel.put_back(lock(&self.channel.receivers), vec![taken]);
        }
    }
}

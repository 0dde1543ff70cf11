//! A batch on its way through a system, with what the system needs to know about it.

use crate::batch::Batch;

#[derive(Debug)]
pub(crate) struct Envelope<B> {
    pub(crate) batch: B,
    /// Which of the two generations its items are counted in; see idle.rs.
    pub(crate) generation: usize,
    /// When its send began, in ns since the system was built; 0 where it is not sampled.
    pub(crate) sent_at: u64,
}

impl<B: Batch> Batch for Envelope<B> {
    fn len(&self) -> usize {
        self.batch.len()
    }

    fn tag(&self, index: usize) -> u64 {
        self.batch.tag(index)
    }

    fn is_tagged(&self) -> bool {
        self.batch.is_tagged()
    }

    fn split_off(&mut self, at: usize) -> Self {
        Envelope { batch: self.batch.split_off(at), ..*self }
    }

    fn split_front(&mut self, n: usize) -> Self {
        Envelope { batch: self.batch.split_front(n), ..*self }
    }
}

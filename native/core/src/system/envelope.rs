//! A batch on its way through a system, with what the system needs to know about it.

use std::time::SystemTime;

use crate::batch::Batch;

#[derive(Debug)]
pub(crate) struct Envelope<B> {
    pub(crate) batch: B,
    /// Which of the two generations its items are counted in; see idle.rs.
    pub(crate) generation: usize,
    /// When its send began, in ns since the system was built; 0 where it is not sampled.
    pub(crate) sent_at: u64,
    /// What became of the item before; only ever with a batch of one.
    pub(crate) history: Option<Box<History>>,
}

/// What became of an item that was handed over before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History {
    /// The attempts that were begun.
    pub(crate) attempts: u32,
    /// Of those, the ones whose worker died.
    pub(crate) deaths: u32,
    /// When the first attempt began.
    pub(crate) first: SystemTime,
}

impl History {
    /// What it is once another attempt, begun at `began`, is over.
    pub(crate) fn after(before: Option<&History>, began: SystemTime, died: bool) -> Self {
        let mut history = before.copied().unwrap_or(History { attempts: 0, deaths: 0, first: began });
        history.attempts += 1;
        history.deaths += u32::from(died);
        history
    }

    /// Attempts that failed without the death of a worker.
    pub(crate) fn failed(&self) -> u32 {
        self.attempts - self.deaths
    }
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

    fn lane(&self, index: usize) -> u8 {
        self.batch.lane(index)
    }

    fn key(&self, index: usize) -> u64 {
        self.batch.key(index)
    }

    fn is_marked(&self) -> bool {
        self.batch.is_marked()
    }

    fn fit(&self, items: usize, bytes: usize) -> usize {
        self.batch.fit(items, bytes)
    }

    fn split_off(&mut self, at: usize) -> Self {
        Envelope { batch: self.batch.split_off(at), history: self.history.clone(), ..*self }
    }

    fn split_front(&mut self, n: usize) -> Self {
        Envelope { batch: self.batch.split_front(n), history: self.history.clone(), ..*self }
    }
}

//! The test's own worker.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use millrace_core::channel::ClaimWord;
use millrace_core::system::{System, WorkerBatch, WorkerConsumer};

use crate::model::Load;

const LIMIT: u32 = 1 << 16;

/// A worker as JavaScript is one: it claims in the word.
pub struct Worker {
    pub consumer: WorkerConsumer<Load, Vec<u64>>,
    items: Vec<u64>,
    at: usize,
    word: Box<AtomicU32>,
}

impl Worker {
    pub fn new(system: &System<Load, Vec<u64>>, place: usize) -> Option<Self> {
        let word = Box::new(AtomicU32::new(0));
        // SAFETY: fields are dropped in order, so the word outlives the consumer.
        let claims = unsafe { ClaimWord::new(NonNull::from(&*word).cast()) };
        let consumer = system.worker_consumer(place, 0, claims)?;
        Some(Worker { consumer, items: Vec::new(), at: 0, word })
    }

    pub fn claim(&mut self) -> Option<u64> {
        let now = self.word.fetch_add(1, Ordering::AcqRel);
        if now % LIMIT >= now / LIMIT {
            return None;
        }
        self.at += 1;
        Some(self.items[self.at - 1])
    }

    pub fn publish(&mut self, batches: Vec<WorkerBatch<Load>>) {
        self.items = batches.iter().flat_map(|batch| batch.items().ids()).collect();
        self.at = 0;
        self.consumer.publish(batches);
    }
}

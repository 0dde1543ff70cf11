//! Leases: items handed over and not yet settled.

use std::ops::Deref;
use std::time::Duration;

use super::receivers::Taken;
use super::scheduled::Keys;
use super::shared::Shared;
use super::wait::WakeList;
use crate::batch::Batch;
use crate::sync::Arc;

/// Items that were taken under a promise to say what became of them.
///
/// [`settle`](Lease::settle) is the end of them; [`retry`](Lease::retry), or a drop, gives them back. Given-back
/// items wait on a list of their own, outside the slots and without permits, so they never break the bound, and
/// receivers look there first. A closed channel does not end before every lease is settled.
///
/// None of its operations waits.
#[derive(Debug)]
pub struct Lease<B: Batch> {
    channel: Arc<Shared<B>>,
    /// `None` once settled or given back.
    batch: Option<B>,
    attempt: u32,
}

impl<B: Batch> Lease<B> {
    /// A lease of items that were taken as such; their permits are free from now on.
    pub(super) fn of(channel: &Arc<Shared<B>>, taken: Taken<B>) -> Self {
        let mut wakes = WakeList::default();
        channel.release(taken.permits, &mut wakes);
        wakes.wake();
        Lease { channel: Arc::clone(channel), batch: Some(taken.batch), attempt: taken.attempt }
    }

    /// The items, to be marked or changed in their place. There have to be as many of them afterwards, of the
    /// same keys.
    pub fn batch_mut(&mut self) -> &mut B {
        let Some(batch) = &mut self.batch else { unreachable!("a lease ends once") };
        batch
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The items are done with. Gives them to the caller.
    pub fn settle(mut self) -> B {
        let Some(batch) = self.batch.take() else { unreachable!("a lease ends once") };
        self.channel.free_keys(&Keys::of(&batch));
        self.channel.settle(batch.len());
        batch
    }

    /// Passes the items on to `next`, which says which of them, off the end, it could not take: those go back untouched,
    /// and the others are settled.
    pub fn pass_on<E>(mut self, next: impl FnOnce(B) -> Result<(), (E, B)>) -> Result<(), E> {
        let Some(batch) = self.batch.take() else { unreachable!("a lease ends once") };
        let n = batch.len();
        let mut keys = Keys::of(&batch);
        let (outcome, rest) = match next(batch) {
            Ok(()) => (Ok(()), None),
            Err((error, rest)) => (Err(error), Some(rest)),
        };
        let left = rest.as_ref().map_or(0, Batch::len);
        if let Some(rest) = rest
            && left > 0
        {
            self.channel.give_back(rest, self.attempt, Duration::ZERO);
        }
        if n > left {
            {
                keys.truncate(n - left);
                self.channel.free_keys(&keys);
            }
            self.channel.settle(n - left);
        }
        outcome
    }

    /// Gives the items back for another attempt. After an abort they are discarded.
    pub fn retry(self) {
        drop(self);
    }

    /// As [`retry`](Lease::retry), but nobody gets them before `delay` has passed. While as many items wait so as the
    /// channel has capacity, receivers get only those that are due.
    pub fn retry_after(mut self, delay: Duration) {
        if let Some(batch) = self.batch.take() {
            self.channel.give_back(batch, self.attempt.saturating_add(1), delay);
        }
    }
}

impl<B: Batch> Deref for Lease<B> {
    type Target = B;

    fn deref(&self) -> &B {
        let Some(batch) = &self.batch else { unreachable!("a lease ends once") };
        batch
    }
}

impl<B: Batch> Drop for Lease<B> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.channel.give_back(batch, self.attempt.saturating_add(1), Duration::ZERO);
        }
    }
}

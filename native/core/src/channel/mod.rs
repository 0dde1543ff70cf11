//! A bounded multi-producer multi-consumer channel that carries batches and counts items.
//!
//! # Bound
//! At most `capacity` items are in a channel: an item counts from the moment its send is admitted until it is
//! received. Permits count items, whatever the batching, so a sender that sends item by item can use all of it.
//!
//! # Order
//! First in, first out for each producer. Items that were leased and given back may come after later ones. Nothing
//! is promised between producers.
//!
//! # Fairness
//! Whoever comes may overtake those that wait, which is what makes the channel fast, until a waiter has been
//! overtaken by [`OVERTAKING`] × capacity items. Then the next permits, or items, are its own.
//!
//! # Closing
//! [`close`](Channel::close) refuses later sends. Sends that wait still complete as room comes, receivers get all of
//! it, and then the end: [`ReceiveError::Closed`]. The end is given only when nothing is queued, waiting to be sent,
//! or leased. [`abort`](Channel::abort) ends everything that waits at once and gives back what was queued.
//!
//! # Who may block
//! `send`, `receive`, `lease` and their timed forms park the calling thread. Nothing else waits: neither the `try_`
//! forms nor the futures nor `close` and `abort`. The locks inside are held for a few moves of memory.

mod end;
mod error;
mod future;
#[cfg(not(loom))]
mod internal;
mod lease;
mod permits;
mod receive;
mod receivers;
mod send;
mod senders;
mod shared;
mod slots;
#[cfg(all(test, not(loom)))]
mod tests;
mod ticket;
mod wait;

use std::time::Duration;

pub use error::{
    CapacityError, ReceiveError, ReceiveTimeoutError, SendError, SendTimeoutError, TryReceiveError, TrySendError,
};
pub use future::{Cancelled, Producer, Receiving, Sending};
pub use lease::Lease;
pub use permits::{MAX_CAPACITY, OVERTAKING};

use crate::batch::Batch;
use crate::sync::{Arc, Ordering, lock};
use receivers::Taken;
use shared::Shared;
use wait::{Deadline, WakeList};

/// A handle to a channel. Clones are handles to the same one; all of them can send and receive.
///
/// It is never closed by running out of senders: closing is a call.
///
/// ```
/// use millrace_core::{Channel, ReceiveError};
///
/// let channel = Channel::new(1000)?;
/// let producers: Vec<_> = (0..4)
///     .map(|_| {
///         let channel = channel.clone();
///         std::thread::spawn(move || channel.send(vec![1, 2, 3]))
///     })
///     .collect();
/// for producer in producers {
///     producer.join().expect("no panic")?;
/// }
/// channel.close();
/// let mut sum = 0;
/// while let Ok(batch) = channel.receive(64) {
///     sum += batch.iter().sum::<i32>();
/// }
/// assert_eq!(sum, 24);
/// assert_eq!(channel.receive(64), Err(ReceiveError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Channel<B: Batch> {
    shared: Arc<Shared<B>>,
}

impl<B: Batch> Clone for Channel<B> {
    fn clone(&self) -> Self {
        Channel { shared: Arc::clone(&self.shared) }
    }
}

/// What a channel holds, at one moment. For people to look at, never something to decide by: it may be old news
/// before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelStats {
    /// The most items it holds.
    pub capacity: usize,
    /// Items in it now.
    pub length: usize,
    /// The most items that were ever in it at once.
    pub peak: usize,
    /// Sends that wait.
    pub waiting_sends: usize,
    /// Items leased and not yet settled, those given back included.
    pub leased: usize,
    /// Items that an abort found on their way in, or given back after it.
    pub discarded: u64,
}

impl<B: Batch> Channel<B> {
    /// A channel for at most `capacity` items, from 1 to [`MAX_CAPACITY`]. Its slots are allocated here, one for each
    /// item.
    pub fn new(capacity: usize) -> Result<Self, CapacityError> {
        if capacity == 0 || capacity > MAX_CAPACITY {
            return Err(CapacityError { capacity });
        }
        Ok(Channel { shared: Arc::new(Shared::new(capacity)) })
    }

    /// Sends all of `batch`. Blocks while the channel is full. A close meanwhile does not stop it, an abort does.
    ///
    /// # Errors
    /// `Closed` where the channel was closed before, `Aborted` at any time; what was not sent is in the error.
    pub fn send(&self, batch: B) -> Result<(), SendError<B>> {
        self.shared.send_until(batch, Deadline::NEVER).map_err(|error| match error {
            SendTimeoutError::Aborted(batch) => SendError::Aborted(batch),
            SendTimeoutError::Closed(batch) | SendTimeoutError::Timeout(batch) => SendError::Closed(batch),
        })
    }

    /// As [`send`](Channel::send), for at most `timeout`.
    ///
    /// # Errors
    /// Those of `send`, and `Timeout`. What was not sent is in the error and provably out of the channel; the first
    /// part of the batch may have been sent.
    pub fn send_timeout(&self, batch: B, timeout: Duration) -> Result<(), SendTimeoutError<B>> {
        self.shared.send_until(batch, Deadline::after(timeout))
    }

    /// Sends all of `batch` or nothing. Never waits.
    ///
    /// # Errors
    /// `Full` where there is not room for all of it, `Closed`, `Aborted`; the batch is in the error.
    ///
    /// ```
    /// use millrace_core::{Channel, TrySendError};
    ///
    /// let channel = Channel::new(2)?;
    /// assert!(channel.try_send(vec!['a', 'b']).is_ok());
    /// assert_eq!(channel.try_send(vec!['c']), Err(TrySendError::Full(vec!['c'])));
    /// # Ok::<(), millrace_core::CapacityError>(())
    /// ```
    pub fn try_send(&self, batch: B) -> Result<(), TrySendError<B>> {
        self.shared.try_send(batch)
    }

    /// A producer whose sends are futures.
    pub fn producer(&self) -> Producer<B> {
        Producer::new(Arc::clone(&self.shared))
    }

    /// Receives up to `max` items that lie together; blocks while there are none. Their permits are free when it
    /// returns.
    ///
    /// # Errors
    /// `Closed` at the end, `Aborted`.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn receive(&self, max: usize) -> Result<B, ReceiveError> {
        self.take_blocking(max, false).map(|taken| self.shared.deliver(taken))
    }

    /// As [`receive`](Channel::receive), for at most `timeout`.
    ///
    /// # Errors
    /// Those of `receive`, and `Timeout`.
    pub fn receive_timeout(&self, max: usize, timeout: Duration) -> Result<B, ReceiveTimeoutError> {
        let taken = self.shared.take_until(at_least_one(max), false, Deadline::after(timeout))?;
        Ok(self.shared.deliver(taken))
    }

    /// Receives up to `max` items if some are there. Never waits.
    ///
    /// # Errors
    /// `Empty`, `Closed` at the end, `Aborted`.
    pub fn try_receive(&self, max: usize) -> Result<B, TryReceiveError> {
        let taken = self.shared.try_take(at_least_one(max), false)?;
        Ok(self.shared.deliver(taken))
    }

    /// Receives up to `max` items as a future.
    pub fn receive_async(&self, max: usize) -> Receiving<B> {
        Receiving::new(Arc::clone(&self.shared), at_least_one(max))
    }

    /// As [`receive`](Channel::receive), but the items are the caller's only until it settles them or gives them
    /// back; see [`Lease`].
    ///
    /// ```
    /// use millrace_core::Channel;
    ///
    /// let channel = Channel::new(10)?;
    /// channel.send(vec!["a job"]).expect("open");
    /// let lease = channel.lease(1).expect("there is one");
    /// lease.retry();
    /// let lease = channel.lease(1).expect("it came back");
    /// assert_eq!(lease.attempt(), 2);
    /// assert_eq!(lease.settle(), ["a job"]);
    /// # Ok::<(), millrace_core::CapacityError>(())
    /// ```
    pub fn lease(&self, max: usize) -> Result<Lease<B>, ReceiveError> {
        self.take_blocking(max, true).map(|taken| self.to_lease(taken))
    }

    /// As [`lease`](Channel::lease), for at most `timeout`.
    pub fn lease_timeout(&self, max: usize, timeout: Duration) -> Result<Lease<B>, ReceiveTimeoutError> {
        self.shared.take_until(at_least_one(max), true, Deadline::after(timeout)).map(|taken| self.to_lease(taken))
    }

    /// Leases up to `max` items if some are there. Never waits.
    pub fn try_lease(&self, max: usize) -> Result<Lease<B>, TryReceiveError> {
        self.shared.try_take(at_least_one(max), true).map(|taken| self.to_lease(taken))
    }

    /// Closes: later sends are refused, those that wait complete, receivers get what there is and then the end.
    /// Never waits; idempotent.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Aborts: everything that waits ends now with `Aborted`, and what was queued comes back, to the first caller.
    /// Later calls get nothing. Never waits.
    ///
    /// Items that a sender was just putting in are counted as discarded, in [`ChannelStats::discarded`]; so are
    /// leases that are given back later.
    pub fn abort(&self) -> Vec<B> {
        self.shared.abort()
    }

    /// How many items are in it, at this moment.
    pub fn len(&self) -> usize {
        self.shared.permits.snapshot().used()
    }

    /// Whether no item is in it, at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most items it holds.
    pub fn capacity(&self) -> usize {
        self.shared.permits.capacity()
    }

    /// Whether it was closed or aborted.
    pub fn is_closed(&self) -> bool {
        self.shared.permits.snapshot().closed()
    }

    /// A snapshot of its figures.
    pub fn stats(&self) -> ChannelStats {
        ChannelStats {
            capacity: self.capacity(),
            length: self.len(),
            peak: self.shared.permits.peak(),
            waiting_sends: lock(&self.shared.senders).waiting(),
            leased: self.shared.outstanding.load(Ordering::Relaxed),
            discarded: self.shared.discarded.load(Ordering::Relaxed),
        }
    }

    fn take_blocking(&self, max: usize, lease: bool) -> Result<Taken<B>, ReceiveError> {
        self.shared.take_until(at_least_one(max), lease, Deadline::NEVER).map_err(|error| match error {
            ReceiveTimeoutError::Aborted => ReceiveError::Aborted,
            ReceiveTimeoutError::Closed | ReceiveTimeoutError::Timeout => ReceiveError::Closed,
        })
    }

    fn to_lease(&self, taken: Taken<B>) -> Lease<B> {
        let mut wakes = WakeList::default();
        self.shared.release(taken.permits, &mut wakes);
        wakes.wake();
        Lease::new(Arc::clone(&self.shared), taken)
    }
}

impl<B: Batch> Shared<B> {
    /// Hands items over for good: their permits are free, and returned ones are settled.
    fn deliver(&self, taken: Taken<B>) -> B {
        if taken.permits == 0 {
            self.settle(taken.batch.len());
        } else {
            let mut wakes = WakeList::default();
            self.release(taken.permits, &mut wakes);
            wakes.wake();
        }
        taken.batch
    }
}

fn at_least_one(max: usize) -> usize {
    assert!(max > 0, "expected to receive at least 1 item, got a max of 0");
    max
}

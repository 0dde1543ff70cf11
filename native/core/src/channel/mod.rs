//! A bounded multi-producer multi-consumer channel that carries batches and counts items.
//!
//! # Bound
//! At most `capacity` items are in a channel: an item counts from the moment its send is admitted until it is
//! received. Permits count items, whatever the batching, so a sender that sends item by item can use all of it. Items
//! that were leased and given back wait outside and hold no permits. Capacity bounds items, not bytes.
//!
//! # Order
//! First in, first out for each producer: a thread that calls [`send`](Channel::send), or a [`Producer`]. Items that
//! were leased and given back may come after later ones. Nothing is promised between producers.
//!
//! # Batches
//! A send of several items is not one step: it takes what room there is and waits for more, and others may come in
//! between. Only [`try_send`](Channel::try_send) sends all or nothing. A receive takes items from one batch, in
//! order, and never more than asked for; what it leaves is the next that anyone receives.
//!
//! # Single items
//! What comes and goes item by item is best sent as `Option`s, in a [`Channel<Option<T>>`](Channel). In a large channel of
//! those, a thread that sends takes some permits ahead, and a thread that receives gives them back some at a time. Others take
//! what lies there when they find the channel full, so all of the capacity stays anyone's; what is just being moved counts as
//! taken.
//!
//! # Lanes, keys and rates
//! With [`lanes`](ChannelOptions::lanes) the items of the highest lane are received first, and past a full channel those
//! of sends that wait; order is by producer and lane. A lane that has items and gets none received counts as one higher after
//! each [`aging`](ChannelOptions::aging), so none starves. Of the items of one [`key`](Batch::key), one is out at a time, and
//! those of a lane in order: it is free when what was received is handed over, or a lease settled. Items that wait for their
//! key keep their permits. A [`rate`](ChannelOptions::rate) holds for all receivers together. See [`Marked`](crate::Marked).
//!
//! # Fairness
//! Whoever comes may overtake those that wait, which is what makes the channel fast, until a waiter has been
//! overtaken by [`OVERTAKING`] × capacity items. Then the next permits, or items, are its own. A receive that waits
//! as a future is never waited for: one item is kept for it while others go on, and of `n` permits at most `n - 1`
//! are kept so.
//!
//! # Overflow
//! Sends wait for room. An [`offer`](Channel::offer) does not: without room it is refused, or items are dropped, as the
//! channel's [`Overflow`] says.
//!
//! # Select
//! [`select`] lets exactly one of several sends and receives happen, on any channels.
//!
//! # Closing
//! [`close`](Channel::close) refuses later sends. Sends that wait still complete as room comes, receivers get all of
//! it, and then the end: [`ReceiveError::Closed`]. The end is given only when nothing is queued, waiting to be sent,
//! or leased. [`abort`](Channel::abort) ends everything that waits at once and gives back what was queued. A channel
//! is never closed by running out of senders.
//!
//! # Who may block
//! `send`, `receive`, `lease` and their timed forms park the calling thread. Nothing else waits: neither the `try_`
//! forms nor the futures nor `close` and `abort`. The locks inside are held for a few moves of memory. No waker is
//! called, and no item dropped, while one is held, so both may call the channel again; the methods of a
//! [`Batch`] are called under locks, and must neither panic nor call the channel.

#[expect(unsafe_code, reason = "its claims lie in memory that is JavaScript's, too")]
mod ahead;
#[cfg(all(test, not(loom)))]
#[expect(unsafe_code, reason = "they lend it such memory")]
mod ahead_tests;
mod cells;
mod clock;
mod credit;
mod delayed;
#[cfg(all(test, not(loom)))]
mod delayed_tests;
mod end;
mod error;
mod future;
mod held;
#[cfg(loom)]
mod inside;
mod internal;
mod lanes;
mod lease;
mod limit;
mod options;
mod overflow;
mod permits;
mod rate;
mod receive;
mod receivers;
mod room;
mod schedule;
#[cfg(all(test, not(loom)))]
mod schedule_tests;
mod scheduled;
mod select;
#[cfg(all(test, not(loom)))]
mod select_tests;
mod send;
mod senders;
mod shared;
mod slots;
#[cfg(all(test, not(loom)))]
mod tests;
mod ticket;
mod wait;

use std::time::Duration;

pub use ahead::{AHEAD_MAX, Ahead, ClaimWord, Word};
pub use credit::Credit;
pub use error::{
    CapacityError, ReceiveError, ReceiveTimeoutError, SendError, SendTimeoutError, TryReceiveError, TrySendError,
};
pub use future::{Cancelled, Producer, Receiving, Sending};
pub use held::Held;
#[cfg(loom)]
pub use inside::Inside;
pub use lease::Lease;
pub(crate) use limit::Limit;
pub use options::{ChannelOptions, MAX_LANES, Overflow, Rate};
pub(crate) use overflow::Dropped;
pub use permits::{MAX_CAPACITY, OVERTAKING};
pub use receivers::Taken;
pub(crate) use scheduled::Keys;
pub use select::{
    Case, ReceivingCase, Selecting, Selector, SendingCase, select, select_async, select_timeout, try_select,
};

use crate::batch::Batch;
use crate::options::OptionError;
use crate::sync::{Arc, Ordering, lock};
use shared::Shared;
use ticket::Admitted;
use wait::{Deadline, WakeList};

/// A handle to a channel. Clones are handles to the same one; all of them can send and receive.
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
    /// The most items that were ever in it at once. Of single items, senders look once in a few sends, and may miss as many.
    pub peak: usize,
    /// Sends that wait.
    pub waiting_sends: usize,
    /// Items leased and not yet settled, those given back included.
    pub leased: usize,
    /// Of those, the ones that wait for another attempt.
    pub retrying: usize,
    /// Items that an abort found on their way in, or given back after it.
    pub discarded: u64,
    /// Items that [`offer`](Channel::offer)s dropped, for want of room.
    pub dropped: u64,
}

impl<B: Batch> Channel<B> {
    /// A channel for at most `capacity` items. Its slots are allocated here: one for each item, of the size of a batch
    /// and a word.
    ///
    /// # Errors
    /// Where `capacity` is not from 1 to [`MAX_CAPACITY`].
    pub fn new(capacity: usize) -> Result<Self, CapacityError> {
        Self::with_options(&ChannelOptions::new(capacity)).map_err(|_| CapacityError { capacity })
    }

    /// A channel with lanes, or with a rate.
    ///
    /// # Errors
    /// Names the first option that is out of range, and `rate` where no thread can be started to count its time.
    pub fn with_options(options: &ChannelOptions) -> Result<Self, OptionError> {
        options.check()?;
        // Later there is nobody to tell, and the receivers that wait for the rate would wait for ever.
        #[cfg(not(loom))]
        if options.rate.is_some() {
            crate::alarm::start()
                .map_err(|error| OptionError::new("rate", "a thread to count its time", error.to_string()))?;
        }
        #[cfg(not(loom))]
        let shared = Arc::new_cyclic(|this| Shared::new(options, this.clone()));
        #[cfg(loom)]
        let shared = Arc::new(Shared::new(options));
        Ok(Channel { shared })
    }

    /// Sends all of `batch`, part by part as room comes. Blocks while the channel is full.
    ///
    /// A close while it waits does not stop it: receivers get its items before the end. An abort does.
    ///
    /// # Errors
    /// `Closed` where the channel was closed before it had to wait, `Aborted` at any time. What was not sent is in the
    /// error; the first part of the batch may have been sent.
    ///
    /// ```
    /// use millrace_core::{Channel, SendError};
    ///
    /// let channel = Channel::new(2)?;
    /// assert_eq!(channel.send(vec!['a', 'b']), Ok(()));
    /// channel.close();
    /// assert_eq!(channel.send(vec!['c']), Err(SendError::Closed(vec!['c'])));
    /// # Ok::<(), millrace_core::CapacityError>(())
    /// ```
    pub fn send(&self, batch: B) -> Result<(), SendError<B>> {
        self.send_counted(batch, |_| ())
    }

    /// As [`send`](Channel::send), but waits for at most `timeout`. Without room, a time-out of zero fails at once.
    ///
    /// # Errors
    /// Those of `send`, and `Timeout`. What was not sent is in the error and provably out of the channel; the first
    /// part of the batch may have been sent.
    pub fn send_timeout(&self, batch: B, timeout: Duration) -> Result<(), SendTimeoutError<B>> {
        self.shared.send_until(batch, Deadline::after(timeout), |_| ())
    }

    /// Sends all of `batch` or nothing. Never waits.
    ///
    /// # Errors
    /// `Full` where there is not room for all of it, or where what room there is belongs to senders that have been
    /// overtaken for too long; `Closed`; `Aborted`. The batch is in the error. One that is larger than the capacity is
    /// always refused.
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
        self.shared.try_send(batch, |_| ())
    }

    /// A producer of its own whose sends are futures, admitted in the order of the calls.
    ///
    /// ```
    /// use millrace_core::Channel;
    /// use millrace_core::channel::Cancelled;
    ///
    /// let channel = Channel::new(2)?;
    /// let producer = channel.producer();
    /// let sending = producer.send(vec![1, 2, 3]);
    /// assert!(producer.is_waiting());
    /// assert_eq!(sending.cancel(), Cancelled::Rest(vec![3]));
    /// # Ok::<(), millrace_core::CapacityError>(())
    /// ```
    pub fn producer(&self) -> Producer<B> {
        Producer::new(Arc::clone(&self.shared))
    }

    /// Receives from 1 up to `max` items of one batch. Blocks while there are none. Their permits are free when it
    /// returns.
    ///
    /// After a close it goes on receiving until nothing is left.
    ///
    /// # Errors
    /// `Closed` at the end, `Aborted`.
    ///
    /// # Panics
    /// Where `max` is 0.
    ///
    /// ```
    /// use millrace_core::Channel;
    ///
    /// let channel = Channel::new(10)?;
    /// channel.send(vec![1, 2, 3]).expect("open");
    /// assert_eq!(channel.receive(2), Ok(vec![1, 2]));
    /// assert_eq!(channel.receive(2), Ok(vec![3]));
    /// # Ok::<(), millrace_core::CapacityError>(())
    /// ```
    pub fn receive(&self, max: usize) -> Result<B, ReceiveError> {
        self.take_blocking(max, false).map(|taken| self.shared.deliver(taken))
    }

    /// As [`receive`](Channel::receive), but waits for at most `timeout`. One that is late takes nothing with it.
    ///
    /// # Errors
    /// Those of `receive`, and `Timeout`.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn receive_timeout(&self, max: usize, timeout: Duration) -> Result<B, ReceiveTimeoutError> {
        let taken = self.shared.take_until(at_least_one(max), false, Deadline::after(timeout))?;
        Ok(self.shared.deliver(taken))
    }

    /// As [`receive`](Channel::receive), but never waits.
    ///
    /// # Errors
    /// `Empty` where nothing is there, or where what is there belongs to receivers that have been overtaken for too
    /// long; `Closed` at the end; `Aborted`.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn try_receive(&self, max: usize) -> Result<B, TryReceiveError> {
        let taken = self.shared.try_take(at_least_one(max), false)?;
        Ok(self.shared.deliver(taken))
    }

    /// As [`receive`](Channel::receive), as a future that can be polled on after it has given items: it then
    /// receives again.
    ///
    /// # Cancel safety
    /// It takes items only when it is polled and gives them at once, so one that is dropped never takes any with it;
    /// a wake-up that was on its way to it goes to the next receiver.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn receive_async(&self, max: usize) -> Receiving<B> {
        Receiving::new(Arc::clone(&self.shared), at_least_one(max))
    }

    /// As [`receive`](Channel::receive), but the caller has to say what became of the items: settled, or given back
    /// for another attempt; see [`Lease`]. Their permits are free when it returns.
    ///
    /// After a close the end is not given before every lease is settled.
    ///
    /// # Errors
    /// `Closed` at the end, `Aborted`.
    ///
    /// # Panics
    /// Where `max` is 0.
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

    /// As [`lease`](Channel::lease), but waits for at most `timeout`. One that is late takes nothing with it.
    ///
    /// # Errors
    /// Those of `lease`, and `Timeout`.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn lease_timeout(&self, max: usize, timeout: Duration) -> Result<Lease<B>, ReceiveTimeoutError> {
        self.shared.take_until(at_least_one(max), true, Deadline::after(timeout)).map(|taken| self.to_lease(taken))
    }

    /// As [`lease`](Channel::lease), but never waits.
    ///
    /// # Errors
    /// Those of [`try_receive`](Channel::try_receive).
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn try_lease(&self, max: usize) -> Result<Lease<B>, TryReceiveError> {
        self.shared.try_take(at_least_one(max), true).map(|taken| self.to_lease(taken))
    }

    /// As [`try_receive`](Channel::try_receive), but the items stay in the channel until they are handed over; see
    /// [`Held`].
    ///
    /// # Errors
    /// Those of `try_receive`.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn try_hold(&self, max: usize) -> Result<Held<B>, TryReceiveError> {
        self.shared.try_take(at_least_one(max), false).map(|taken| Held::new(Arc::clone(&self.shared), taken))
    }

    /// Closes: later sends are refused, those that wait complete as room comes, receivers get what there is and then
    /// the end. Never waits; to close again does nothing.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Aborts: everything that waits ends now with `Aborted`, and what was queued, or given back by leases, comes back
    /// to the first caller, in order. Later calls get nothing. Never waits. It may follow a close.
    ///
    /// Sends that wait keep their items: they are in their errors. Items that a sender was just putting in are dropped
    /// and counted, in [`ChannelStats::discarded`]; so are leases that are given back later.
    pub fn abort(&self) -> Vec<B> {
        self.shared.abort(false)
    }

    /// How many items are in it, at this moment. Permits that producers hold ahead are no items.
    pub fn len(&self) -> usize {
        self.shared.permits.occupied()
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

    /// Whether there is nothing more to come: it was aborted, or it was closed and everything in it was received and
    /// settled. Once true, always true.
    pub fn is_ended(&self) -> bool {
        self.shared.permits.snapshot().aborted() || self.shared.ended()
    }

    /// A snapshot of its figures. Takes a lock that only senders that wait take.
    pub fn stats(&self) -> ChannelStats {
        ChannelStats {
            capacity: self.capacity(),
            length: self.len(),
            peak: self.shared.permits.peak(),
            waiting_sends: lock(&self.shared.senders).waiting(),
            leased: self.shared.outstanding.load(Ordering::Relaxed),
            retrying: lock(&self.shared.receivers).retrying(),
            discarded: self.shared.discarded.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }

    /// As [`send`](Channel::send); `admitted` hears of items before anyone can receive them, also from the threads that admit
    /// them while this one waits.
    pub(crate) fn send_counted(&self, batch: B, admitted: impl Admitted) -> Result<(), SendError<B>> {
        self.shared.send_until(batch, Deadline::NEVER, admitted).map_err(|error| match error {
            SendTimeoutError::Aborted(batch) => SendError::Aborted(batch),
            SendTimeoutError::Closed(batch) | SendTimeoutError::Timeout(batch) => SendError::Closed(batch),
        })
    }

    fn take_blocking(&self, max: usize, lease: bool) -> Result<Taken<B>, ReceiveError> {
        self.shared.take_until(at_least_one(max), lease, Deadline::NEVER).map_err(|error| match error {
            ReceiveTimeoutError::Aborted => ReceiveError::Aborted,
            ReceiveTimeoutError::Closed | ReceiveTimeoutError::Timeout => ReceiveError::Closed,
        })
    }

    fn to_lease(&self, taken: Taken<B>) -> Lease<B> {
        Lease::of(&self.shared, taken)
    }
}

impl<B: Batch> Shared<B> {
    /// `n` items are handed over for good: `permits` of them are free, and what was leased before is settled.
    fn delivered(&self, n: usize, permits: usize, leased: bool) {
        let mut wakes = WakeList::default();
        self.release(permits, &mut wakes);
        wakes.wake();
        if leased && n > 0 {
            self.settle(n);
        }
    }

    /// Hands items over for good: their permits are free, and returned ones are settled.
    fn deliver(&self, taken: Taken<B>) -> B {
        self.delivered(taken.batch.len(), taken.permits, taken.leased);
        if taken.batch.is_marked() {
            self.free_keys_of(&taken.batch);
        }
        taken.batch
    }
}

fn at_least_one(max: usize) -> usize {
    assert!(max > 0, "expected to receive at least 1 item, got a max of 0");
    max
}

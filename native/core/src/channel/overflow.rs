//! What an offer does that finds no room: see [`Overflow`].

use std::hint::spin_loop;

use super::Channel;
use super::error::{SendError, TrySendError};
use super::future::Producer;
use super::options::Overflow;
use super::shared::Shared;
use crate::batch::Batch;
use crate::sync::{Ordering, lock};

/// How often an offer looks again where nothing can make room, because all that counts is on its way out. That takes its
/// receiver a few instructions, unless it holds on to it.
const LOOKS: usize = if cfg!(loom) { 1 } else { 200 };

/// An item that was dropped to make room, or for want of it.
pub(crate) enum Dropped<B> {
    /// It was in the channel.
    Oldest(B),
    /// It was offered, and was never in the channel.
    Newest(B),
}

impl<B> Dropped<B> {
    fn into_batch(self) -> B {
        match self {
            Dropped::Oldest(batch) | Dropped::Newest(batch) => batch,
        }
    }
}

impl<B: Batch> Channel<B> {
    /// What its options said of offers that find no room.
    pub fn overflow(&self) -> Overflow {
        self.shared.overflow
    }

    /// Sends what there is room for, and does with the rest what the channel's [`Overflow`] says. Never waits. `dropped`
    /// gets what is dropped, before this returns and under no lock; it is counted, in
    /// [`ChannelStats::dropped`](super::ChannelStats::dropped).
    ///
    /// To make room, items that nobody has taken yet are dropped, oldest first, of the lowest lane that has any and none
    /// above that of the new item; never those that were leased and came
    /// back, or were taken ahead. Where there are none of the former, the rest of what is offered is dropped itself.
    ///
    /// All other ways to send wait for room, or fail without it, whatever the overflow.
    ///
    /// # Errors
    /// `Full`, with [`Overflow::Wait`] and [`Overflow::Reject`]; `Closed`; `Aborted`. What was not sent is in the error;
    /// the first part of the batch may have been sent.
    ///
    /// ```
    /// use millrace_core::Channel;
    /// use millrace_core::channel::{ChannelOptions, Overflow};
    ///
    /// let channel = Channel::with_options(&ChannelOptions::new(2).overflow(Overflow::DropOldest))?;
    /// let mut dropped = Vec::new();
    /// for item in 1..=5 {
    ///     channel.offer(vec![item], |old| dropped.extend(old)).expect("open");
    /// }
    /// assert_eq!(dropped, [1, 2, 3]);
    /// assert_eq!(channel.receive(1), Ok(vec![4]));
    /// # Ok::<(), millrace_core::OptionError>(())
    /// ```
    pub fn offer(&self, batch: B, mut dropped: impl FnMut(B)) -> Result<(), TrySendError<B>> {
        self.shared.send_over(batch, |_| (), |item| dropped(item.into_batch()))
    }
}

impl<B: Batch> Producer<B> {
    /// As [`Channel::offer`], in this producer's order: while an earlier send of it waits, there is no room, and nothing
    /// makes any.
    ///
    /// # Errors
    /// As there.
    pub fn offer(&self, batch: B, mut dropped: impl FnMut(B)) -> Result<(), TrySendError<B>> {
        self.offer_counted(batch, |item| dropped(item.into_batch()))
    }

    pub(crate) fn offer_counted(&self, batch: B, mut dropped: impl FnMut(Dropped<B>)) -> Result<(), TrySendError<B>> {
        let channel = self.shared();
        if self.is_waiting() && !channel.permits.snapshot().closed() {
            return channel.without_room(batch, &mut dropped);
        }
        channel.send_over(batch, |n| self.count(n), dropped)
    }
}

impl<B: Batch> Shared<B> {
    fn send_over(
        &self,
        batch: B,
        mut admitted: impl FnMut(usize),
        mut dropped: impl FnMut(Dropped<B>),
    ) -> Result<(), TrySendError<B>> {
        let Some(mut rest) = self.send_some(batch, &mut admitted)? else { return Ok(()) };
        if self.free_claimed() {
            let Some(left) = self.send_some(rest, &mut admitted)? else { return Ok(()) };
            rest = left;
        }
        let mut looks = 0;
        while self.overflow == Overflow::DropOldest && looks < LOOKS {
            let Some(oldest) = self.take_oldest(&rest) else {
                looks += 1;
                spin_loop();
                let Some(left) = self.send_some(rest, &mut admitted)? else { return Ok(()) };
                rest = left;
                continue;
            };
            // Its permits pass to as many of the new items, so that nobody can come in between.
            let n = oldest.len();
            let part = rest.split_front(n);
            admitted(n);
            self.push_and_wake(part);
            self.dropped.fetch_add(n as u64, Ordering::Relaxed);
            dropped(Dropped::Oldest(oldest));
            if rest.is_empty() {
                return Ok(());
            }
            looks = 0;
        }
        self.without_room(rest, &mut dropped)
    }

    fn without_room(&self, rest: B, dropped: &mut dyn FnMut(Dropped<B>)) -> Result<(), TrySendError<B>> {
        match self.overflow {
            Overflow::Wait | Overflow::Reject => Err(TrySendError::Full(rest)),
            Overflow::DropNewest | Overflow::DropOldest => {
                self.dropped.fetch_add(rest.len() as u64, Ordering::Relaxed);
                dropped(Dropped::Newest(rest));
                Ok(())
            }
        }
    }

    /// Takes as many of the oldest items out as `new` has, or fewer, with their permits. Those that were handed over before
    /// are no items of the channel.
    fn take_oldest(&self, new: &B) -> Option<B> {
        let mut receivers = lock(&self.receivers);
        // After it, they are the abort's.
        if self.permits.snapshot().aborted() {
            return None;
        }
        if receivers.scheduled.is_some() {
            return receivers.take_oldest_scheduled(&self.slots, new.lane(0));
        }
        let mut batch = receivers.pop(&self.slots)?;
        if batch.len() > new.len() {
            let part = batch.split_front(new.len());
            receivers.front.push_front(std::mem::replace(&mut batch, part));
        }
        Some(batch)
    }
}

impl<B> From<SendError<B>> for TrySendError<B> {
    fn from(error: SendError<B>) -> Self {
        match error {
            SendError::Closed(batch) => TrySendError::Closed(batch),
            SendError::Aborted(batch) => TrySendError::Aborted(batch),
        }
    }
}

//! What the system needs of the channel and nobody else should: permits that stay held until items are really handed
//! over, a hold on the receiving side, and a bound that can be lifted.

use std::task::{Context, Poll};
use std::time::Duration;

use super::error::{ReceiveError, SendError, TryReceiveError};
use super::limit::Limit;
use super::receivers::Taken;
use super::scheduled::Keys;
use super::shared::Shared;
use super::wait::{Deadline, WakeList};
use super::{Channel, Receiving};
use crate::batch::Batch;
use crate::sync::thread;

impl<B: Batch> Channel<B> {
    /// Sends what there is room for and gives the rest back. Never waits. `admitted` hears of items before anyone can
    /// receive them.
    pub(crate) fn send_now(&self, batch: B, admitted: impl FnMut(usize)) -> Result<Option<B>, SendError<B>> {
        self.shared.send_some(batch, admitted)
    }

    /// Takes up to `max` items whose permits stay held until [`hand_over`](Channel::hand_over). Never waits.
    pub(crate) fn try_take(&self, limit: impl Into<Limit>) -> Result<B, TryReceiveError> {
        let taken = self.shared.try_take(self.shared.prefetch_within(limit.into()), false)?;
        Ok(self.shared.with_permits(taken))
    }

    /// As [`try_take`](Channel::try_take), but blocks while there is nothing.
    pub(crate) fn take(&self, limit: impl Into<Limit>) -> Result<B, ReceiveError> {
        match self.shared.take_until(self.shared.prefetch_within(limit.into()), false, Deadline::NEVER) {
            Ok(taken) => Ok(self.shared.with_permits(taken)),
            Err(super::ReceiveTimeoutError::Aborted) => Err(ReceiveError::Aborted),
            Err(_) => Err(ReceiveError::Closed),
        }
    }

    /// As [`try_take`](Channel::try_take), but the items are leased: they are to be settled or given back. Says how many
    /// permits they hold.
    pub(crate) fn try_take_leased(&self, limit: impl Into<Limit>) -> Result<(B, usize), TryReceiveError> {
        self.shared.try_take(self.shared.prefetch_within(limit.into()), true).map(|taken| (taken.batch, taken.permits))
    }

    /// As [`try_take_leased`](Channel::try_take_leased), but blocks while there is nothing.
    pub(crate) fn take_leased(&self, limit: impl Into<Limit>) -> Result<(B, usize), ReceiveError> {
        match self.shared.take_until(self.shared.prefetch_within(limit.into()), true, Deadline::NEVER) {
            Ok(taken) => Ok((taken.batch, taken.permits)),
            Err(super::ReceiveTimeoutError::Aborted) => Err(ReceiveError::Aborted),
            Err(_) => Err(ReceiveError::Closed),
        }
    }

    /// Settles `n` leased items.
    pub(crate) fn settle_leased(&self, n: usize) {
        self.shared.settle(n);
    }

    /// Gives leased items back for another attempt, after `delay` at the earliest.
    ///
    /// # Errors
    /// After an abort nobody would take them: they come back, still to be settled.
    pub(crate) fn return_lease(&self, batch: B, attempt: u32, delay: Duration) -> Result<(), B> {
        self.shared.return_lease(batch, attempt, delay)
    }

    /// Frees the permits of `n` taken items.
    pub(crate) fn hand_over(&self, n: usize) {
        let mut wakes = WakeList::default();
        self.shared.release(n, &mut wakes);
        wakes.wake();
    }

    /// Who takes from here works for long on it.
    pub(crate) fn expect_long_work(&self) {
        self.shared.expect_long_work();
    }

    /// There is nothing left to work on: threads that wait for half of the room are woken for any.
    pub(crate) fn ask_for_more(&self) {
        self.shared.fill();
    }

    /// Lets a sender run that was woken and has not run yet. Where all cores work for long, the system keeps it waiting until
    /// a time slice of theirs is over, and the channel is empty by then.
    pub(crate) fn give_way(&self) {
        if self.shared.permits.is_awaited(self.shared.enough()) {
            thread::yield_now();
        }
    }

    /// Items are settled whose keys were these: others of the same keys may be handled.
    pub(crate) fn free_keys(&self, keys: &Keys) {
        self.shared.free_keys(keys);
    }

    /// Whether there are items, and all of them wait for others of their keys to be settled.
    pub(crate) fn is_parked(&self) -> bool {
        self.shared.is_parked()
    }

    /// Whether nothing is to be taken before there is someone to handle it.
    pub(crate) fn has_lanes(&self) -> bool {
        self.shared.has_lanes
    }

    /// Hands nothing out until it is called again with `false`.
    pub(crate) fn hold(&self, held: bool) {
        self.shared.hold(held);
    }

    /// As [`abort`](Channel::abort), but items that a sender was just putting in are kept, for
    /// [`take_late`](Channel::take_late).
    pub(crate) fn abort_and_keep(&self) -> Vec<B> {
        self.shared.abort(true)
    }

    /// What got in after [`abort_and_keep`](Channel::abort_and_keep), if nobody has taken it. Later items are dropped
    /// and counted.
    pub(crate) fn take_late(&self) -> Vec<B> {
        self.shared.take_late()
    }

    /// From now on sends never find it full: those that wait complete, and later ones never wait.
    pub(crate) fn lift(&self) {
        self.shared.lift();
    }
}

impl<B: Batch> Receiving<B> {
    /// Takes up to `max` items whose permits stay held until [`Channel::hand_over`]; queues where there are none.
    pub(crate) fn poll_held(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<B, ReceiveError>> {
        let max = self.channel().prefetch(max);
        self.poll_take(cx, max).map(|taken| taken.map(|taken| self.channel().with_permits(taken)))
    }

    /// As [`Channel::try_take_leased`]; queues where there are none.
    pub(crate) fn poll_take_leased(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
    ) -> Poll<Result<(B, usize), ReceiveError>> {
        let max = self.channel().prefetch(max);
        self.poll_take_lease(cx, max).map(|taken| taken.map(|taken| (taken.batch, taken.permits)))
    }
}

impl<B: Batch> Shared<B> {
    /// Taken items for someone who counts their permits: what was taken from a send that waits gets some, for the
    /// moment until it is handed over.
    fn with_permits(&self, taken: Taken<B>) -> B {
        let n = taken.batch.len();
        if taken.permits < n {
            self.permits.force(n - taken.permits);
            self.settle(n);
        }
        taken.batch
    }
}

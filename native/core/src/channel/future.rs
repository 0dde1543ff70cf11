//! Notified waiting: sends and receives as futures, for executors and for event loops.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::credit::Credit;
use super::error::{ReceiveError, SendError, TrySendError};
use super::held::Held;
use super::lease::Lease;
use super::receivers::{Place, Taken};
use super::shared::Shared;
use super::ticket::{Progress, Sends, Ticket};
use super::wait::Kind;
use crate::batch::Batch;
use crate::sync::{Arc, Ordering};

/// A producer that does not block: its sends are admitted in the order of the calls.
///
/// Each thread that sends by [`Channel::send`](super::Channel::send) is a producer by itself. Code whose sends are
/// futures, such as a JavaScript environment, has one of these for them to keep their order.
#[derive(Debug)]
pub struct Producer<B: Batch> {
    channel: Arc<Shared<B>>,
    id: u64,
    progress: Arc<Progress>,
}

impl<B: Batch> Producer<B> {
    pub(super) fn new(channel: Arc<Shared<B>>) -> Self {
        let id = channel.next_producer.fetch_add(1, Ordering::Relaxed);
        Producer { channel, id, progress: Arc::default() }
    }

    /// Permits for it to hold ahead of its items; none at first.
    pub fn credit(&self) -> Credit<B> {
        Credit::new(Arc::clone(&self.channel), Arc::clone(&self.progress))
    }

    /// Whether some of its sends wait. Later ones then wait behind them.
    pub fn is_waiting(&self) -> bool {
        self.progress.pending.load(Ordering::Acquire) > 0
    }

    /// How many items of its sends were admitted in all.
    pub fn admitted(&self) -> u64 {
        self.progress.admitted.load(Ordering::Acquire)
    }

    pub(super) fn shared(&self) -> &Arc<Shared<B>> {
        &self.channel
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub(super) fn count(&self, n: usize) {
        self.progress.admitted.fetch_add(n as u64, Ordering::Release);
    }

    /// Sends all of `batch` or nothing. Never waits.
    ///
    /// # Errors
    /// Those of [`Channel::try_send`](super::Channel::try_send). It is `Full` too while an earlier send of this producer
    /// waits.
    pub fn try_send(&self, batch: B) -> Result<(), TrySendError<B>> {
        if self.is_waiting() && !self.channel.permits.snapshot().closed() {
            return Err(TrySendError::Full(batch));
        }
        self.channel.try_send(batch, |n| self.count(n))
    }

    /// Sends all of `batch`. Never waits itself: what there is room for is sent before this returns, the rest waits in
    /// the channel's own queue, from where whoever frees room admits it, in order and without this producer's help.
    /// The future only tells when that is done.
    ///
    /// A close while it waits does not stop it, an abort does.
    ///
    /// # Errors
    /// Those of [`Channel::send`](super::Channel::send).
    ///
    /// # Cancel safety
    /// Dropping the future takes out what was not admitted, and drops it; [`Sending::cancel`] gives it back.
    pub fn send(&self, batch: B) -> Sending<B> {
        self.send_as(batch, Sends::One)
    }

    /// As [`send`](Producer::send), for a batch whose items are sends of their own: each of them counts where sends that
    /// wait are counted, and whoever polls the future is woken whenever some are admitted; see [`Sending::admitted`].
    pub fn send_each(&self, batch: B) -> Sending<B> {
        self.send_as(batch, Sends::Each)
    }

    fn send_as(&self, batch: B, kind: Sends) -> Sending<B> {
        let items = batch.len();
        // An empty batch has no place in the order, and the queue has none for it.
        let behind = self.is_waiting() && !batch.is_empty();
        let rest = if behind { Ok(Some(batch)) } else { self.channel.send_some(batch, |n| self.count(n)) };
        let mut at_once = 0;
        let state = match rest {
            Ok(None) => State::Done(Ok(())),
            Err(refused) => State::Done(Err(refused)),
            Ok(Some(rest)) => {
                at_once = items - rest.len();
                match self.channel.queue_send(self.id, &self.progress, rest, kind) {
                    Ok(ticket) => State::Waiting { channel: Arc::clone(&self.channel), producer: self.id, ticket },
                    Err(refused) => State::Done(Err(refused)),
                }
            }
        };
        Sending { state, at_once }
    }
}

/// A send under way; see [`Producer::send`].
#[derive(Debug)]
#[must_use = "a send that is dropped is cancelled"]
pub struct Sending<B: Batch> {
    state: State<B>,
    /// How many items were admitted before the rest began to wait.
    at_once: usize,
}

#[derive(Debug)]
enum State<B: Batch> {
    Done(Result<(), SendError<B>>),
    Waiting { channel: Arc<Shared<B>>, producer: u64, ticket: Arc<Ticket<B>> },
    Over,
}

/// What a cancelled send had come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Cancelled<B> {
    /// It waited. This is what was not admitted, and is provably out of the channel.
    Rest(B),
    /// It was over already.
    Over(Result<(), SendError<B>>),
}

impl<B: Batch> Sending<B> {
    /// Cancels the send unless it is over. Never waits.
    ///
    /// # Panics
    /// Where the future has given its outcome.
    pub fn cancel(mut self) -> Cancelled<B> {
        match self.take_out() {
            Some(cancelled) => cancelled,
            None => panic!("a send was cancelled after it had completed"),
        }
    }

    /// How many of its items are admitted, as long as it waits; of a [`send_each`](Producer::send_each) alone. Read after
    /// a poll, it misses none of which that poll's waker will not tell.
    pub fn admitted(&self) -> usize {
        match &self.state {
            State::Waiting { ticket, .. } => self.at_once + ticket.admitted(),
            State::Done(_) | State::Over => 0,
        }
    }

    /// Leaves the send to itself: what was not admitted yet still waits, and nobody hears of its end.
    pub fn detach(mut self) {
        self.state = State::Over;
    }

    fn take_out(&mut self) -> Option<Cancelled<B>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Over => None,
            State::Done(outcome) => Some(Cancelled::Over(outcome)),
            State::Waiting { channel, producer, ticket } => Some(match channel.cancel_send(producer, &ticket) {
                Some(rest) => Cancelled::Rest(rest),
                None => Cancelled::Over(ticket.outcome()),
            }),
        }
    }
}

// Nothing in it is address-sensitive.
impl<B: Batch> Unpin for Sending<B> {}

impl<B: Batch> Future for Sending<B> {
    type Output = Result<(), SendError<B>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match std::mem::replace(&mut self.state, State::Over) {
            State::Done(outcome) => outcome,
            State::Waiting { channel, producer, ticket } => match ticket.poll(cx.waker()) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    self.state = State::Waiting { channel, producer, ticket };
                    return Poll::Pending;
                }
            },
            State::Over => panic!("a send was polled after it had completed"),
        };
        Poll::Ready(outcome)
    }
}

impl<B: Batch> Drop for Sending<B> {
    fn drop(&mut self) {
        self.take_out();
    }
}

/// A receive under way. It takes items only when it is polled, so a cancelled one never takes any with it.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Receiving<B: Batch> {
    channel: Arc<Shared<B>>,
    place: Place,
    max: usize,
}

impl<B: Batch> Receiving<B> {
    pub(super) fn new(channel: Arc<Shared<B>>, max: usize) -> Self {
        Receiving { channel, place: None, max }
    }

    pub(super) fn channel(&self) -> &Shared<B> {
        &self.channel
    }

    /// As `poll`, but for the owner of an [`Ahead`](super::Ahead), who publishes what it takes or puts it back.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn poll_taken(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Taken<B>, ReceiveError>> {
        self.poll_take(cx, super::at_least_one(max))
    }

    /// As `poll`, but the permits stay held.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Taken<B>, ReceiveError>> {
        self.channel.poll_take(&mut self.place, max, false, Kind::Task, cx.waker())
    }

    /// As `poll`, but the items are leased, and their permits stay held.
    pub(super) fn poll_take_lease(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Taken<B>, ReceiveError>> {
        self.channel.poll_take(&mut self.place, max, true, Kind::Task, cx.waker())
    }

    /// As `poll`, but takes up to `max` items, which stay in the channel until they are handed over.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn poll_hold(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Held<B>, ReceiveError>> {
        let taken = self.poll_take(cx, super::at_least_one(max));
        taken.map(|taken| taken.map(|taken| Held::new(Arc::clone(&self.channel), taken)))
    }

    /// As `poll`, but leases up to `max` items.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn poll_lease(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Lease<B>, ReceiveError>> {
        let max = super::at_least_one(max);
        let taken = self.channel.poll_take(&mut self.place, max, true, Kind::Task, cx.waker());
        taken.map(|taken| taken.map(|taken| Lease::of(&self.channel, taken)))
    }

    /// Whether it stands in the queue: it was polled, and neither ready nor at rest since. An item may be kept for it then.
    pub fn is_waiting(&self) -> bool {
        self.place.is_some()
    }

    /// Waits no more, until it is polled again. A wake-up that was on its way to it goes to the next receiver.
    pub fn rest(&mut self) {
        if self.place.is_some() {
            self.channel.stop_waiting(&mut self.place);
        }
    }
}

impl<B: Batch> Future for Receiving<B> {
    type Output = Result<B, ReceiveError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let max = self.max;
        self.poll_take(cx, max).map(|taken| taken.map(|taken| self.channel.deliver(taken)))
    }
}

impl<B: Batch> Drop for Receiving<B> {
    fn drop(&mut self) {
        self.rest();
    }
}

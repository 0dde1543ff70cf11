//! Select: of several sends and receives, on any channels, exactly one happens.
//!
//! # Which
//! One that is ready. Where several are, each is as likely as any other. A select that waits is served in its turn, as
//! every other waiter of the channel is.
//!
//! # Ready
//! A receiving case is ready once there are items, at the end of a closed channel, and after an abort. A sending case
//! is ready once there is room for all of its batch, and where the channel was closed or aborted: even while the select
//! waits, for it is no send until it happens. The outcome says which.
//!
//! # What is left of the others
//! Nothing: no place in a queue, no item taken, none sent. A wake-up that was on its way to them goes to the next
//! waiter. A select never meets itself: nothing passes from its sending case to its receiving case but through the
//! channel.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::error::{ReceiveError, SendError, TryReceiveError, TrySendError};
use super::future::Producer;
use super::held::Held;
use super::receivers::{Place, Taken};
use super::room::{Decision, Room, Spot, Stub};
use super::shared::Shared;
use super::ticket::Progress;
use super::wait::{Deadline, Kind, RECEIVE_YIELDS, WakeList, thread_waker};
use super::{Channel, at_least_one};
use crate::batch::Batch;
use crate::sync::{Arc, Ordering, thread};

/// One case of a select: a [`ReceivingCase`] or a [`SendingCase`]. Those of one select may be of different channels,
/// with batches of different types.
pub trait Case: Attempt {}

mod sealed {
    use super::{Arc, Decision, Kind, Waker};

    /// A case that waits, as the select sees it.
    #[derive(Clone, Copy)]
    pub struct Look<'a> {
        pub(in crate::channel) index: usize,
        pub(in crate::channel) decision: &'a Arc<Decision>,
        pub(in crate::channel) waker: &'a Waker,
        pub(in crate::channel) kind: Kind,
    }

    pub trait Attempt {
        /// Happens if it is ready.
        fn try_now(&mut self) -> bool;
        /// Happens if it is ready, or queues. Only while the select is not decided.
        fn look(&mut self, look: Look<'_>) -> bool;
        /// Whether room was offered to it while the select looked.
        fn is_offered(&self) -> bool;
        /// Leaves the queue. Where it was decided for it, it has happened.
        fn leave(&mut self);
    }
}

use sealed::{Attempt, Look};

/// Receives items in a [`select`]; see [`Channel::receiving`].
pub struct ReceivingCase<B: Batch> {
    channel: Arc<Shared<B>>,
    max: usize,
    place: Place,
    outcome: Option<Result<Held<B>, ReceiveError>>,
}

impl<B: Batch> ReceivingCase<B> {
    /// What it received, where it is what happened. The items are handed over here: they stay in the channel until
    /// then, and go back to the front where the case is dropped before.
    pub fn outcome(&mut self) -> Option<Result<B, ReceiveError>> {
        self.held_outcome().map(|outcome| outcome.map(Held::hand_over))
    }

    /// As [`outcome`](ReceivingCase::outcome), with items that are still to be handed over.
    pub fn held_outcome(&mut self) -> Option<Result<Held<B>, ReceiveError>> {
        self.outcome.take()
    }

    fn took(&mut self, taken: Result<Taken<B>, ReceiveError>) -> bool {
        self.outcome = Some(taken.map(|taken| Held::new(Arc::clone(&self.channel), taken)));
        true
    }
}

impl<B: Batch> Attempt for ReceivingCase<B> {
    fn try_now(&mut self) -> bool {
        match self.channel.try_take(self.max, false) {
            Ok(taken) => self.took(Ok(taken)),
            Err(TryReceiveError::Empty) => false,
            Err(TryReceiveError::Closed) => self.took(Err(ReceiveError::Closed)),
            Err(TryReceiveError::Aborted) => self.took(Err(ReceiveError::Aborted)),
        }
    }

    fn look(&mut self, Look { waker, kind, .. }: Look<'_>) -> bool {
        match self.channel.poll_take(&mut self.place, self.max, false, kind, waker) {
            Poll::Ready(taken) => self.took(taken),
            Poll::Pending => false,
        }
    }

    fn is_offered(&self) -> bool {
        false
    }

    fn leave(&mut self) {
        if self.place.is_some() {
            self.channel.stop_waiting(&mut self.place);
        }
    }
}

impl<B: Batch> Case for ReceivingCase<B> {}

impl<B: Batch> Drop for ReceivingCase<B> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<B: Batch> fmt::Debug for ReceivingCase<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivingCase").field("max", &self.max).finish_non_exhaustive()
    }
}

/// Sends a batch in a [`select`]; see [`Channel::sending`].
pub struct SendingCase<B: Batch> {
    channel: Arc<Shared<B>>,
    /// Whose earlier sends come first.
    producer: Option<(u64, Arc<Progress>)>,
    items: usize,
    /// `None` once it is sent, or while it is in the queue.
    batch: Option<B>,
    queued: Option<(u64, Arc<Stub<B>>)>,
    outcome: Option<Result<(), SendError<B>>>,
}

impl<B: Batch> SendingCase<B> {
    /// Whether it was sent, where it is what happened.
    pub fn outcome(&mut self) -> Option<Result<(), SendError<B>>> {
        self.outcome.take()
    }

    /// The batch, where it was not sent.
    pub fn into_batch(mut self) -> Option<B> {
        self.leave();
        self.batch.take().or_else(|| self.outcome.take()?.err().map(SendError::into_inner))
    }

    fn ended(&mut self, outcome: Result<(), SendError<B>>) -> bool {
        if outcome.is_ok()
            && let Some((_, progress)) = &self.producer
        {
            progress.admitted.fetch_add(self.items as u64, Ordering::Release);
        }
        self.outcome = Some(outcome);
        true
    }

    fn take_batch(&mut self) -> B {
        self.batch.take().expect("expected a sending case whose batch was not sent, got one that was sent before")
    }

    fn queue(&mut self, Look { index, decision, .. }: Look<'_>) -> bool {
        let stub = Stub::new();
        let room = Room {
            batch: self.take_batch(),
            held: 0,
            follows: self.producer.as_ref().map(|(id, _)| *id),
            index,
            since: 0,
            decision: Arc::clone(decision),
            stub: Arc::clone(&stub),
        };
        match self.channel.queue_room(room) {
            Ok(me) => {
                self.queued = Some((me, stub));
                false
            }
            Err(refused) => self.ended(Err(refused)),
        }
    }

    /// Sends a batch whose permits are held.
    fn push(&mut self, batch: B) {
        let mut wakes = WakeList::default();
        self.channel.permits.spend(batch.len());
        self.channel.push(batch, &mut wakes);
        wakes.wake();
    }
}

impl<B: Batch> Attempt for SendingCase<B> {
    fn try_now(&mut self) -> bool {
        let behind = self.producer.as_ref().is_some_and(|(_, progress)| progress.pending.load(Ordering::Acquire) > 0);
        if behind && self.items > 0 && !self.channel.permits.snapshot().closed() {
            return false;
        }
        let batch = self.take_batch();
        match self.channel.try_send(batch, |_| ()) {
            Ok(()) => self.ended(Ok(())),
            Err(TrySendError::Full(batch)) => {
                self.batch = Some(batch);
                false
            }
            Err(TrySendError::Closed(batch)) => self.ended(Err(SendError::Closed(batch))),
            Err(TrySendError::Aborted(batch)) => self.ended(Err(SendError::Aborted(batch))),
        }
    }

    fn look(&mut self, look: Look<'_>) -> bool {
        let Some((_, stub)) = &self.queued else { return self.queue(look) };
        if !stub.is_ready() {
            return false;
        }
        match stub.take() {
            Spot::Offered(batch) => {
                self.push(batch);
                self.ended(Ok(()));
            }
            Spot::Refused(refused) => {
                self.ended(Err(refused));
            }
            Spot::Queued | Spot::Sent => unreachable!("it is ready, and nobody but its select takes it"),
        }
        self.queued = None;
        true
    }

    fn is_offered(&self) -> bool {
        self.queued.as_ref().is_some_and(|(_, stub)| stub.is_ready())
    }

    fn leave(&mut self) {
        let Some((me, stub)) = self.queued.take() else { return };
        if let Some(batch) = self.channel.unqueue_room(me) {
            self.batch = Some(batch);
            return;
        }
        match stub.take() {
            Spot::Sent => {
                self.ended(Ok(()));
            }
            Spot::Offered(batch) => {
                let mut wakes = WakeList::default();
                self.channel.put_room_back(batch.len(), &mut wakes);
                wakes.wake();
                self.batch = Some(batch);
            }
            Spot::Refused(refused) => self.batch = Some(refused.into_inner()),
            Spot::Queued => unreachable!("who takes it out of the queue says why"),
        }
    }
}

impl<B: Batch> Case for SendingCase<B> {}

impl<B: Batch> Drop for SendingCase<B> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<B: Batch> fmt::Debug for SendingCase<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendingCase").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl<B: Batch> Channel<B> {
    /// A case that receives from 1 up to `max` items of one batch.
    ///
    /// # Panics
    /// Where `max` is 0.
    pub fn receiving(&self, max: usize) -> ReceivingCase<B> {
        ReceivingCase { channel: Arc::clone(&self.shared), max: at_least_one(max), place: None, outcome: None }
    }

    /// A case that sends all of `batch` at once.
    ///
    /// # Panics
    /// Where the batch is larger than the capacity, so that there would never be room for it.
    pub fn sending(&self, batch: B) -> SendingCase<B> {
        SendingCase::new(&self.shared, None, batch)
    }
}

impl<B: Batch> Producer<B> {
    /// As [`Channel::sending`], behind the sends of this producer that wait already when the select begins. Later ones
    /// may come before it: it is a send once it happens.
    ///
    /// # Panics
    /// Where the batch is larger than the capacity.
    pub fn sending(&self, batch: B) -> SendingCase<B> {
        SendingCase::new(self.shared(), Some((self.id(), Arc::clone(self.progress()))), batch)
    }
}

impl<B: Batch> SendingCase<B> {
    fn new(channel: &Arc<Shared<B>>, producer: Option<(u64, Arc<Progress>)>, batch: B) -> Self {
        let (items, capacity) = (batch.len(), channel.permits.capacity());
        assert!(items <= capacity, "expected to send at most {capacity} items at once, the capacity, got {items}");
        SendingCase { channel: Arc::clone(channel), producer, items, batch: Some(batch), queued: None, outcome: None }
    }
}

/// A select under way, apart from its cases: for who keeps those elsewhere. The others use [`select`] and its kin.
///
/// Where it is dropped before one of its cases happened, these have to be dropped too, or given to
/// [`cancel`](Selector::cancel).
#[derive(Debug)]
pub struct Selector {
    kind: Kind,
    /// Once it waits.
    decision: Option<Arc<Decision>>,
    order: Vec<usize>,
}

impl Default for Selector {
    fn default() -> Self {
        Selector::new()
    }
}

impl Selector {
    /// One that is polled.
    pub fn new() -> Self {
        Selector { kind: Kind::Task, decision: None, order: Vec::new() }
    }

    /// Lets one case happen that is ready, and says which. Never waits.
    ///
    /// # Panics
    /// Where there are no cases.
    pub fn try_now(&mut self, cases: &mut [&mut dyn Case]) -> Option<usize> {
        self.shuffle(cases.len());
        self.order.iter().copied().find(|index| cases[*index].try_now())
    }

    /// Lets one case happen that is ready, and says which; or leaves the waker to be woken when one may be. Then it has
    /// to be called again, with the very same cases.
    ///
    /// # Panics
    /// Where there are no cases.
    pub fn poll(&mut self, cases: &mut [&mut dyn Case], cx: &mut Context<'_>) -> Poll<usize> {
        let decision = if let Some(decision) = &self.decision {
            if let Some(index) = decision.begin_look() {
                return Poll::Ready(self.finish(cases, index));
            }
            Arc::clone(decision)
        } else {
            if let Some(index) = self.try_now(cases) {
                return Poll::Ready(index);
            }
            let decision = Decision::busy();
            self.decision = Some(Arc::clone(&decision));
            decision
        };
        self.shuffle(cases.len());
        let look = |index| Look { index, decision: &decision, waker: cx.waker(), kind: self.kind };
        if let Some(index) = self.order.iter().copied().find(|index| cases[*index].look(look(*index))) {
            decision.decide(index);
            return Poll::Ready(self.finish(cases, index));
        }
        let offered = || self.order.iter().copied().find(|index| cases[*index].is_offered());
        let Some(index) = decision.end_look(cx.waker(), offered) else { return Poll::Pending };
        cases[index].look(look(index));
        Poll::Ready(self.finish(cases, index))
    }

    /// Ends the wait; says which case happened if one did before.
    pub fn cancel(&mut self, cases: &mut [&mut dyn Case]) -> Option<usize> {
        let index = self.decision.take()?.cancel();
        for case in cases.iter_mut() {
            case.leave();
        }
        index
    }

    fn finish(&mut self, cases: &mut [&mut dyn Case], index: usize) -> usize {
        self.decision = None;
        for case in cases.iter_mut() {
            case.leave();
        }
        index
    }

    fn shuffle(&mut self, cases: usize) {
        assert!(cases > 0, "expected at least one case to select, got none");
        if self.order.len() != cases {
            self.order = (0..cases).collect();
        }
        fastrand::shuffle(&mut self.order);
    }
}

/// Lets exactly one of `cases` happen, and says which. Blocks while none is ready.
///
/// # Panics
/// Where there are no cases, and where a sending case was sent before.
///
/// ```
/// use millrace_core::Channel;
/// use millrace_core::channel::select;
///
/// let jobs = Channel::new(10)?;
/// let stop = Channel::<Vec<()>>::new(1)?;
/// jobs.send(vec!["a job"]).expect("open");
///
/// let (mut job, mut stopping) = (jobs.receiving(1), stop.receiving(1));
/// match select(&mut [&mut job, &mut stopping]) {
///     0 => assert_eq!(job.outcome(), Some(Ok(vec!["a job"]))),
///     _ => unreachable!("nobody stops it"),
/// }
/// # Ok::<(), millrace_core::CapacityError>(())
/// ```
pub fn select(cases: &mut [&mut dyn Case]) -> usize {
    loop {
        if let Some(index) = select_until(cases, Deadline::NEVER) {
            return index;
        }
    }
}

/// As [`select`], but waits for at most `timeout`. Where that passes, no case happened.
///
/// # Panics
/// As there.
pub fn select_timeout(cases: &mut [&mut dyn Case], timeout: Duration) -> Option<usize> {
    select_until(cases, Deadline::after(timeout))
}

/// As [`select`], but never waits. Where none is ready, no case happened.
///
/// # Panics
/// As there.
pub fn try_select(cases: &mut [&mut dyn Case]) -> Option<usize> {
    Selector::new().try_now(cases)
}

fn select_until(cases: &mut [&mut dyn Case], deadline: Deadline) -> Option<usize> {
    let mut selector = Selector { kind: Kind::Thread, ..Selector::new() };
    for _ in 0..RECEIVE_YIELDS {
        if let Some(index) = selector.try_now(cases) {
            return Some(index);
        }
        if deadline.passed() {
            return None;
        }
        thread::yield_now();
    }
    let waker = thread_waker();
    loop {
        match selector.poll(cases, &mut Context::from_waker(&waker)) {
            Poll::Ready(index) => return Some(index),
            Poll::Pending if deadline.passed() => return selector.cancel(cases),
            Poll::Pending => deadline.park(),
        }
    }
}

/// As [`select`], as a future.
///
/// # Cancel safety
/// Where it is dropped before it is ready, no item was taken. A sending case may have happened: its
/// [`outcome`](SendingCase::outcome) says so.
///
/// # Panics
/// When it is polled, as `select` does.
pub fn select_async<'a, 'c>(cases: &'a mut [&'c mut dyn Case]) -> Selecting<'a, 'c> {
    Selecting { selector: Selector::new(), cases }
}

/// A select as a future; see [`select_async`].
#[must_use = "futures do nothing unless polled"]
pub struct Selecting<'a, 'c> {
    selector: Selector,
    cases: &'a mut [&'c mut dyn Case],
}

impl Future for Selecting<'_, '_> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let Selecting { selector, cases } = &mut *self;
        selector.poll(cases, cx)
    }
}

impl Drop for Selecting<'_, '_> {
    fn drop(&mut self) {
        self.selector.cancel(self.cases);
    }
}

impl fmt::Debug for Selecting<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selecting").field("cases", &self.cases.len()).finish_non_exhaustive()
    }
}

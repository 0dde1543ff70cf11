//! Sending: the fast path takes permits and pushes; who finds the channel full queues.

use std::task::Poll;
use std::time::Duration;

use super::error::{SendError, SendTimeoutError, TrySendError};
use super::permits::Take;
use super::senders::{Pending, Senders};
use super::shared::Shared;
use super::ticket::{Admitted, Progress, Sends, Ticket};
use super::wait::{Deadline, SEND_YIELDS, WakeList, thread_waker};
use crate::batch::Batch;
use crate::patience::Patience;
use crate::sync::{Arc, Ordering, lock, thread};

/// How long a thread waits for enough room before it takes any: longer than tasks take for half a channel of small items, and
/// shorter than a time slice.
const ANY_AFTER: Duration = Duration::from_millis(2);

impl<B: Batch> Shared<B> {
    /// Takes the permit of a single item.
    #[inline]
    fn take_single(&self) -> Take {
        if self.permits.take_from_cell() { Take::Took(1) } else { self.take_for_cell() }
    }

    #[inline(never)]
    fn take_for_cell(&self) -> Take {
        let mut took = self.permits.take_for_cell();
        if let Take::Took(n) = &mut took {
            let mut wakes = WakeList::default();
            self.release(*n - 1, &mut wakes);
            wakes.wake();
            *n = 1;
        }
        self.permits.note_peak(self.permits.snapshot());
        took
    }

    /// Up to `want` permits, for who does not wait.
    #[inline]
    fn take(&self, want: usize) -> Take {
        if B::SINGLE && want == 1 { self.take_single() } else { self.permits.take(want) }
    }

    /// Exactly `want` or none.
    fn take_all(&self, want: usize) -> Take {
        if B::SINGLE && want == 1 { self.take_single() } else { self.permits.take_all(want) }
    }

    /// Sends all of `batch` or nothing, without waiting. `admitted` hears of items before anyone can receive them.
    pub(super) fn try_send(&self, batch: B, admitted: impl FnOnce(usize)) -> Result<(), TrySendError<B>> {
        let mut taken = self.take_all(batch.len());
        if taken == Take::Full && self.free_claimed() {
            taken = self.take_all(batch.len());
        }
        match taken {
            Take::Took(n) => {
                if n > 0 {
                    admitted(n);
                    self.push_and_wake(batch);
                }
                Ok(())
            }
            Take::Full => Err(TrySendError::Full(batch)),
            Take::Closed => Err(TrySendError::Closed(batch)),
            Take::Aborted => Err(TrySendError::Aborted(batch)),
        }
    }

    /// Sends what is free to take without waiting and gives the rest back. `admitted` hears of items before anyone can
    /// receive them.
    pub(super) fn send_some(&self, mut batch: B, mut admitted: impl FnMut(usize)) -> Result<Option<B>, SendError<B>> {
        loop {
            let want = batch.len();
            match self.take(want) {
                Take::Took(n) if n == want => {
                    if n > 0 {
                        admitted(n);
                        self.push_and_wake(batch);
                    }
                    return Ok(None);
                }
                Take::Took(n) => {
                    let part = batch.split_front(n);
                    admitted(n);
                    self.push_and_wake(part);
                }
                Take::Full => return Ok(Some(batch)),
                refused => return Err(refuse(refused, batch)),
            }
        }
    }

    pub(super) fn push_and_wake(&self, batch: B) {
        let mut wakes = WakeList::default();
        self.push(batch, &mut wakes);
        wakes.wake();
    }

    /// Sends all of `batch`; the thread waits while the channel is full.
    pub(super) fn send_until(
        &self,
        batch: B,
        deadline: Deadline,
        admitted: impl Admitted,
    ) -> Result<(), SendTimeoutError<B>> {
        let mut rest = batch;
        let yields = if self.is_long_work() { 0 } else { SEND_YIELDS };
        for attempt in 0..=yields {
            if attempt > 0 {
                if deadline.passed() {
                    break;
                }
                thread::yield_now();
            }
            match self.send_some(rest, &admitted)? {
                None => return Ok(()),
                Some(left) => rest = left,
            }
        }
        if self.has_lanes {
            return self.wait_in_lane(rest, deadline, Box::new(admitted));
        }
        self.wait_and_send(rest, deadline, &admitted)
    }

    #[cold]
    fn wait_and_send(
        &self,
        mut batch: B,
        deadline: Deadline,
        admitted: &dyn Fn(usize),
    ) -> Result<(), SendTimeoutError<B>> {
        let me = self.next_producer.fetch_add(1, Ordering::Relaxed);
        let long_work = self.is_long_work();
        let patience_of_me = |senders: &Senders<B>| if long_work { None } else { senders.patience_of(me) };
        let takes_any = !long_work || deadline != Deadline::NEVER;
        // No time passes in a model: there every thread that waits for more has to be woken.
        let mut until_any = (!takes_any && !cfg!(loom)).then(|| Deadline::after(ANY_AFTER));
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        match self.open_queue(&senders) {
            Ok(due) => senders.push_thread(me, due, thread_waker(), takes_any),
            Err(refused) => return Err(refuse(refused, batch).into()),
        }
        // Armed, or a wake-up is on its way, this thread's own included.
        self.admit_waiting(&mut senders, &mut wakes);
        let mut patience = patience_of_me(&senders);
        drop(senders);
        loop {
            std::mem::take(&mut wakes).wake();
            if !patience.as_mut().is_some_and(|patience| self.look_out(patience, deadline)) {
                until_any.unwrap_or(deadline).park();
            }
            let mut senders = lock(&self.senders);
            senders.waited(patience.take());
            if until_any.take_if(|until| until.passed()).is_some() {
                senders.take_any(me);
            }
            if self.permits.snapshot().aborted() {
                return Err(SendTimeoutError::Aborted(batch));
            }
            let mut took = 0;
            if senders.first_looks(me) {
                if let Take::Took(n) = self.permits.take_first(batch.len()) {
                    took = n;
                    if n == batch.len() {
                        senders.pop_first();
                    } else {
                        // It takes what is free and queues again behind others.
                        senders.requeue(0, self.permits.due_from_now());
                    }
                }
                self.admit_waiting(&mut senders, &mut wakes);
            }
            patience = patience_of_me(&senders);
            drop(senders);
            if took > 0 {
                let part = batch.split_front(took);
                admitted(took);
                self.push(part, &mut wakes);
            }
            if batch.is_empty() {
                wakes.wake();
                return Ok(());
            }
            if deadline.passed() {
                let mut senders = lock(&self.senders);
                senders.remove_thread(me);
                self.admit_waiting(&mut senders, &mut wakes);
                drop(senders);
                wakes.wake();
                return Err(SendTimeoutError::Timeout(batch));
            }
        }
    }

    /// Whether there is something to look at before patience ends. A wake-up that comes meanwhile costs its sender no system
    /// call, and one that nobody waits for any more ends a later sleep early, after which the thread looks again.
    fn look_out(&self, patience: &mut Patience, deadline: Deadline) -> bool {
        let looked = || if self.permits.lacks(1) && !deadline.passed() { Poll::Pending } else { Poll::Ready(()) };
        patience.poll(looked).is_ready()
    }

    /// As a task does, so that receivers see the batch.
    fn wait_in_lane(
        &self,
        batch: B,
        deadline: Deadline,
        admitted: Box<dyn Admitted>,
    ) -> Result<(), SendTimeoutError<B>> {
        let me = self.next_producer.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::new(Progress::heard_by(admitted));
        let ticket = self.queue_send(me, &progress, batch, Sends::One)?;
        let waker = thread_waker();
        loop {
            if let Poll::Ready(outcome) = ticket.poll(&waker) {
                return outcome.map_err(SendTimeoutError::from);
            }
            if deadline.passed() {
                return match self.cancel_send(me, &ticket) {
                    Some(rest) => Err(SendTimeoutError::Timeout(rest)),
                    None => ticket.outcome().map_err(SendTimeoutError::from),
                };
            }
            deadline.park();
        }
    }

    /// Queues a batch of a task behind the earlier ones of the same producer.
    pub(super) fn queue_send(
        &self,
        producer: u64,
        progress: &Arc<Progress>,
        batch: B,
        kind: Sends,
    ) -> Result<Arc<Ticket<B>>, SendError<B>> {
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        let due = match self.open_queue(&senders) {
            Ok(due) => due,
            Err(refused) => return Err(refuse(refused, batch)),
        };
        let ticket = Ticket::new(progress, kind);
        senders.push_send(producer, due, Pending::new(batch, Arc::clone(&ticket)));
        self.admit_waiting(&mut senders, &mut wakes);
        self.look_after_waiting(&senders, &mut wakes);
        drop(senders);
        wakes.wake();
        Ok(ticket)
    }

    /// Takes a send that waits out of the queue and gives back what of it was not admitted; nothing, where it has
    /// completed.
    pub(super) fn cancel_send(&self, producer: u64, ticket: &Arc<Ticket<B>>) -> Option<B> {
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        let cancelled = senders.remove_send(producer, ticket)?;
        cancelled.ticket.wait_no_more();
        // A wake-up that was on its way to it goes to the next one.
        self.admit_waiting(&mut senders, &mut wakes);
        drop(senders);
        wakes.wake();
        Some(cancelled.batch)
    }
}

fn refuse<B>(refused: Take, batch: B) -> SendError<B> {
    if refused == Take::Aborted { SendError::Aborted(batch) } else { SendError::Closed(batch) }
}

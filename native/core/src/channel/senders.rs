//! Sending: the fast path, the queue of senders that wait, and who is admitted next.
//!
//! A sender that finds the channel full queues. A thread parks; when it is woken it takes what is free itself, so
//! that one wake-up serves many items. A task (a future, a JavaScript environment's sends) leaves its batches in the
//! queue, and whoever frees room admits them in order: its event loop need not turn for that.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::error::{SendError, SendTimeoutError, TrySendError};
use super::permits::Take;
use super::shared::Shared;
use super::wait::{Deadline, WakeList, YIELDS, thread_waker};
use crate::batch::Batch;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, lock, thread};

#[derive(Debug)]
pub(super) struct Senders<B> {
    queue: VecDeque<Entry<B>>,
    /// The first entry is a thread that was woken and has not looked yet. It passes the wake-up on.
    waking: bool,
    /// Sends that wait: threads and pending batches.
    pub(super) waiting: usize,
}

/// One producer that waits.
#[derive(Debug)]
struct Entry<B> {
    producer: u64,
    due: u32,
    waits: Waits<B>,
}

#[derive(Debug)]
enum Waits<B> {
    Thread(Waker),
    Task(VecDeque<Pending<B>>),
}

#[derive(Debug)]
struct Pending<B> {
    batch: B,
    ticket: Arc<Ticket<B>>,
}

/// A send that waits, as its future sees it.
#[derive(Debug)]
pub(super) struct Ticket<B> {
    state: Mutex<TicketState<B>>,
    /// How many sends of the same producer wait.
    pending: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum TicketState<B> {
    Waiting(Option<Waker>),
    Done(Result<(), SendError<B>>),
    Taken,
}

impl<B> Ticket<B> {
    fn complete(&self, outcome: Result<(), SendError<B>>, wakes: &mut WakeList) {
        let before = std::mem::replace(&mut *lock(&self.state), TicketState::Done(outcome));
        // Release: a producer that sees none of its sends waiting also sees their batches in the slots.
        self.pending.fetch_sub(1, Ordering::Release);
        if let TicketState::Waiting(Some(waker)) = before {
            wakes.push(waker);
        }
    }

    /// The outcome of a send that is out of the queue, where it was completed before it was taken out.
    pub(super) fn outcome(&self) -> Result<(), SendError<B>> {
        match std::mem::replace(&mut *lock(&self.state), TicketState::Taken) {
            TicketState::Done(outcome) => outcome,
            _ => unreachable!("a send leaves the queue completed or cancelled"),
        }
    }

    pub(super) fn poll(&self, waker: &Waker) -> Poll<Result<(), SendError<B>>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, TicketState::Taken) {
            TicketState::Waiting(_) => {
                *state = TicketState::Waiting(Some(waker.clone()));
                Poll::Pending
            }
            TicketState::Done(outcome) => Poll::Ready(outcome),
            TicketState::Taken => panic!("a send was polled after it had completed"),
        }
    }
}

impl<B> Senders<B> {
    pub(super) fn new() -> Self {
        Senders { queue: VecDeque::new(), waking: false, waiting: 0 }
    }

    /// Takes the first entry to the back, behind the other producers, with a new due mark.
    fn requeue_first(&mut self, due: u32) {
        if let Some(mut entry) = self.queue.pop_front() {
            entry.due = due;
            self.queue.push_back(entry);
        }
    }
}

impl<B: Batch> Shared<B> {
    /// Sends all of `batch` or nothing, without waiting.
    pub(super) fn try_send(&self, batch: B) -> Result<(), TrySendError<B>> {
        if batch.is_empty() {
            return self.check_open(batch).map_err(|error| match error {
                SendError::Closed(batch) => TrySendError::Closed(batch),
                SendError::Aborted(batch) => TrySendError::Aborted(batch),
            });
        }
        match self.permits.take_all(batch.len()) {
            Take::Took(_) => {
                let mut wakes = WakeList::default();
                self.push(batch, &mut wakes);
                wakes.wake();
                Ok(())
            }
            Take::Full => Err(TrySendError::Full(batch)),
            Take::Closed => Err(TrySendError::Closed(batch)),
            Take::Aborted => Err(TrySendError::Aborted(batch)),
        }
    }

    /// Sends what is free to take without waiting and gives the rest back.
    pub(super) fn send_some(&self, mut batch: B) -> Result<Option<B>, SendError<B>> {
        while !batch.is_empty() {
            match self.permits.take(batch.len()) {
                Take::Took(n) => {
                    let part = batch.split_front(n);
                    let mut wakes = WakeList::default();
                    self.push(part, &mut wakes);
                    wakes.wake();
                    if batch.is_empty() {
                        return Ok(None);
                    }
                }
                Take::Full => return Ok(Some(batch)),
                Take::Closed => return Err(SendError::Closed(batch)),
                Take::Aborted => return Err(SendError::Aborted(batch)),
            }
        }
        self.check_open(batch).map(|()| None)
    }

    fn check_open(&self, batch: B) -> Result<(), SendError<B>> {
        let word = self.permits.snapshot();
        if word.aborted() {
            Err(SendError::Aborted(batch))
        } else if word.closed() {
            Err(SendError::Closed(batch))
        } else {
            Ok(())
        }
    }

    /// Sends all of `batch`; the thread waits while the channel is full.
    pub(super) fn send_until(&self, batch: B, deadline: Deadline) -> Result<(), SendTimeoutError<B>> {
        let mut rest = batch;
        for _ in 0..=YIELDS {
            match self.send_some(rest)? {
                None => return Ok(()),
                Some(left) => rest = left,
            }
            thread::yield_now();
        }
        self.wait_and_send(rest, deadline)
    }

    #[cold]
    fn wait_and_send(&self, mut batch: B, deadline: Deadline) -> Result<(), SendTimeoutError<B>> {
        let me = self.next_producer.fetch_add(1, Ordering::Relaxed);
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        // Closed is decided here, once: a send that waits when the channel is closed still completes.
        let word = self.permits.snapshot();
        if word.closed() {
            drop(senders);
            return Err(if word.aborted() {
                SendTimeoutError::Aborted(batch)
            } else {
                SendTimeoutError::Closed(batch)
            });
        }
        let due = self.permits.due_from_now();
        senders.queue.push_back(Entry { producer: me, due, waits: Waits::Thread(thread_waker()) });
        senders.waiting += 1;
        // Armed, or a wake-up is on its way, this thread's own included.
        self.admit_waiting(&mut senders, &mut wakes);
        loop {
            drop(senders);
            std::mem::take(&mut wakes).wake();
            deadline.park();
            senders = lock(&self.senders);
            let first = senders.queue.front().is_some_and(|entry| entry.producer == me);
            let taken = if first { self.permits.take_first(batch.len()) } else { Take::Full };
            match taken {
                Take::Took(n) => {
                    senders.waking = false;
                    let part = batch.split_front(n);
                    if batch.is_empty() {
                        senders.queue.pop_front();
                        senders.waiting -= 1;
                    } else {
                        // It takes what is free and queues again behind others.
                        senders.requeue_first(self.permits.due_from_now());
                    }
                    self.admit_waiting(&mut senders, &mut wakes);
                    drop(senders);
                    self.push(part, &mut wakes);
                    if batch.is_empty() {
                        wakes.wake();
                        return Ok(());
                    }
                    senders = lock(&self.senders);
                }
                Take::Full | Take::Closed => {
                    if first && senders.waking {
                        senders.waking = false;
                        self.admit_waiting(&mut senders, &mut wakes);
                    }
                }
                Take::Aborted => {}
            }
            if self.permits.snapshot().aborted() {
                drop(senders);
                wakes.wake();
                return Err(SendTimeoutError::Aborted(batch));
            }
            if deadline.passed() {
                self.leave(&mut senders, me, &mut wakes);
                drop(senders);
                self.wake_if_ended(&mut wakes);
                wakes.wake();
                return Err(SendTimeoutError::Timeout(batch));
            }
        }
    }

    /// Takes a thread's entry out. A wake-up that was on its way to it goes to the next one.
    fn leave(&self, senders: &mut Senders<B>, producer: u64, wakes: &mut WakeList) {
        if let Some(at) = senders.queue.iter().position(|entry| entry.producer == producer) {
            senders.queue.remove(at);
            senders.waiting -= 1;
            if at == 0 {
                senders.waking = false;
            }
            self.admit_waiting(senders, wakes);
        }
    }

    /// Queues a batch of a task behind the earlier ones of the same producer.
    pub(super) fn queue_send(
        &self,
        producer: u64,
        pending: &Arc<AtomicUsize>,
        batch: B,
    ) -> Result<Arc<Ticket<B>>, SendError<B>> {
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        let word = self.permits.snapshot();
        if word.closed() {
            drop(senders);
            return Err(if word.aborted() { SendError::Aborted(batch) } else { SendError::Closed(batch) });
        }
        pending.fetch_add(1, Ordering::Relaxed);
        let ticket = Arc::new(Ticket { state: Mutex::new(TicketState::Waiting(None)), pending: Arc::clone(pending) });
        let send = Pending { batch, ticket: Arc::clone(&ticket) };
        senders.waiting += 1;
        let queued = senders.queue.iter_mut().find_map(|entry| match &mut entry.waits {
            Waits::Task(sends) if entry.producer == producer => Some(sends),
            _ => None,
        });
        if let Some(sends) = queued {
            sends.push_back(send);
        } else {
            let due = self.permits.due_from_now();
            senders.queue.push_back(Entry { producer, due, waits: Waits::Task(VecDeque::from([send])) });
            self.admit_waiting(&mut senders, &mut wakes);
        }
        drop(senders);
        wakes.wake();
        Ok(ticket)
    }

    /// Takes a send that waits out of the queue and gives back what of it was not admitted; nothing, where it has
    /// completed.
    pub(super) fn cancel_send(&self, producer: u64, ticket: &Arc<Ticket<B>>) -> Option<B> {
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        let at = senders.queue.iter().position(|entry| entry.producer == producer)?;
        let Waits::Task(sends) = &mut senders.queue[at].waits else { return None };
        let nth = sends.iter().position(|send| Arc::ptr_eq(&send.ticket, ticket))?;
        let cancelled = sends.remove(nth)?;
        if sends.is_empty() {
            senders.queue.remove(at);
        }
        senders.waiting -= 1;
        cancelled.ticket.pending.fetch_sub(1, Ordering::Release);
        self.admit_waiting(&mut senders, &mut wakes);
        drop(senders);
        self.wake_if_ended(&mut wakes);
        wakes.wake();
        Some(cancelled.batch)
    }

    /// Room was freed while senders sleep.
    #[cold]
    pub(super) fn wake_senders(&self, wakes: &mut WakeList) {
        let mut senders = lock(&self.senders);
        self.admit_waiting(&mut senders, wakes);
    }

    /// Admits batches of tasks and wakes one thread, in the order of the queue, until nothing is free. Leaves the
    /// word armed, or a wake-up on its way, or the queue empty.
    fn admit_waiting(&self, senders: &mut Senders<B>, wakes: &mut WakeList) {
        loop {
            let others = senders.queue.len() > 1;
            let Some(first) = senders.queue.front_mut() else {
                self.permits.unqueue();
                return;
            };
            self.permits.set_due(first.due);
            if senders.waking || self.permits.arm() {
                return;
            }
            match &mut first.waits {
                Waits::Thread(waker) => {
                    senders.waking = true;
                    wakes.push(waker.clone());
                    return;
                }
                Waits::Task(sends) => {
                    let Some(send) = sends.front_mut() else {
                        senders.queue.pop_front();
                        continue;
                    };
                    let want = send.batch.len();
                    let n = match self.permits.take_first(want) {
                        Take::Took(n) => n,
                        // The abort that set the flag waits for this lock, and refuses them all.
                        Take::Aborted => return,
                        Take::Full | Take::Closed => continue,
                    };
                    if n < want {
                        let part = send.batch.split_front(n);
                        self.push(part, wakes);
                    } else if let Some(send) = sends.pop_front() {
                        self.push(send.batch, wakes);
                        send.ticket.complete(Ok(()), wakes);
                        senders.waiting -= 1;
                    }
                    if sends.is_empty() {
                        senders.queue.pop_front();
                    } else if others {
                        senders.requeue_first(self.permits.due_from_now());
                    }
                }
            }
        }
    }

    /// Refuses every send that waits. The word says aborted already.
    pub(super) fn abort_senders(&self, wakes: &mut WakeList) {
        let mut senders = lock(&self.senders);
        senders.waking = false;
        senders.waiting = 0;
        for entry in std::mem::take(&mut senders.queue) {
            match entry.waits {
                Waits::Thread(waker) => wakes.push(waker),
                Waits::Task(sends) => {
                    for send in sends {
                        send.ticket.complete(Err(SendError::Aborted(send.batch)), wakes);
                    }
                }
            }
        }
        self.permits.unqueue();
    }
}

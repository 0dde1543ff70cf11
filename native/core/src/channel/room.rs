//! A select's sending case in the queue of senders that wait, and the decision which of its cases happens.
//!
//! Such a case stands in the queue as every other sender does, and its turn comes as theirs does. Whoever frees room
//! then decides the select for it and puts its batch in, so that an event loop that is busy holds up nobody. While the
//! select itself looks, which takes it a moment, it is offered the room instead, and says at the end of its look
//! whether it takes it.
//!
//! ```text
//!            look begins               a case is ready, or is offered room
//!    Open ───────────────► Busy ──────────────────────────────────────────► Decided
//!      ▲   nothing ready     │                                                 ▲
//!      └─────────────────────┘                                                 │
//!      └───── whoever frees room for a sending case; a cancel ─────────────────┘
//! ```

use std::task::Waker;

use super::error::SendError;
use super::permits::Take;
use super::shared::Shared;
use super::wait::WakeList;
use crate::batch::Batch;
use crate::sync::{Arc, Mutex, broken, lock};

/// Which case of a select happens. Locked after `senders`, before `receivers` and a [`Stub`].
#[derive(Debug)]
pub(super) struct Decision(Mutex<Phase>);

#[derive(Debug)]
enum Phase {
    /// The select waits: whoever frees room may decide it, and wakes it then.
    Open(Waker),
    /// The select looks at its cases: only itself decides.
    Busy,
    /// This case happened; `None`: it was cancelled, and none does.
    Decided(Option<usize>),
}

impl Decision {
    /// The decision of a select that looks at its cases for the first time.
    pub(super) fn busy() -> Arc<Self> {
        Arc::new(Decision(Mutex::new(Phase::Busy)))
    }

    /// The select is about to look at its cases. What was decided, where that was done for it.
    pub(super) fn begin_look(&self) -> Option<usize> {
        let mut phase = lock(&self.0);
        if let Phase::Decided(case) = *phase {
            return case;
        }
        let old = std::mem::replace(&mut *phase, Phase::Busy);
        // The last clone of a waker may drop a whole task.
        drop(phase);
        drop(old);
        None
    }

    /// The select has looked and found nothing. `offered` says which of its cases was offered room meanwhile: it is
    /// decided then. Otherwise whoever frees room decides from now on, and wakes.
    pub(super) fn end_look(&self, waker: &Waker, offered: impl Fn() -> Option<usize>) -> Option<usize> {
        let waker = waker.clone();
        let early = broken!("offer_lock").then(&offered);
        let mut phase = lock(&self.0);
        // Under the lock: an offer that comes later finds the decision open.
        let case = early.unwrap_or_else(offered);
        *phase = if case.is_some() { Phase::Decided(case) } else { Phase::Open(waker) };
        case
    }

    /// The select itself decides, while it looks.
    pub(super) fn decide(&self, case: usize) {
        *lock(&self.0) = Phase::Decided(Some(case));
    }

    /// Decides that none happens, unless one has.
    pub(super) fn cancel(&self) -> Option<usize> {
        let mut phase = lock(&self.0);
        if let Phase::Decided(case) = *phase {
            return case;
        }
        let old = std::mem::replace(&mut *phase, Phase::Decided(None));
        drop(phase);
        drop(old);
        None
    }
}

/// Where a sending case and whoever has room for it meet.
#[derive(Debug)]
pub(super) struct Stub<B>(Mutex<Spot<B>>);

#[derive(Debug)]
pub(super) enum Spot<B> {
    /// The batch is in the queue.
    Queued,
    /// It is out of the queue, and the permits for it are held.
    Offered(B),
    /// The select was decided for it, and the batch is in the channel.
    Sent,
    Refused(SendError<B>),
}

impl<B> Stub<B> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Stub(Mutex::new(Spot::Queued)))
    }

    /// Whether the case is ready, and was not decided for it.
    pub(super) fn is_ready(&self) -> bool {
        matches!(&*lock(&self.0), Spot::Offered(_) | Spot::Refused(_))
    }

    pub(super) fn take(&self) -> Spot<B> {
        std::mem::replace(&mut *lock(&self.0), Spot::Queued)
    }

    fn put(&self, spot: Spot<B>) {
        *lock(&self.0) = spot;
    }
}

/// A sending case in the queue. It is sent as a whole or not at all.
#[derive(Debug)]
pub(super) struct Room<B> {
    pub(super) batch: B,
    /// The permits that were put aside for it. Only the first in the queue has some, so of two that wait for much
    /// neither has what the other needs.
    pub(super) held: usize,
    /// The producer whose earlier sends come first.
    pub(super) follows: Option<u64>,
    pub(super) index: usize,
    /// When it was queued; of a channel with lanes alone.
    pub(super) since: u64,
    pub(super) decision: Arc<Decision>,
    pub(super) stub: Arc<Stub<B>>,
}

impl<B: Batch> Room<B> {
    /// The lane of its first item. An empty batch is in none.
    pub(super) fn lane(&self) -> u8 {
        if self.batch.is_empty() { 0 } else { self.batch.lane(0) }
    }

    pub(super) fn lacks(&self) -> usize {
        self.batch.len() - self.held
    }

    /// The channel takes no more. The select has to look at that itself.
    pub(super) fn refuse(self, refused: impl FnOnce(B) -> SendError<B>, wakes: &mut WakeList) {
        let phase = lock(&self.decision.0);
        self.stub.put(Spot::Refused(refused(self.batch)));
        if let Phase::Open(waker) = &*phase {
            wakes.push(waker.clone());
        }
    }
}

impl<B: Batch> Shared<B> {
    /// All the room that a sending case needs is there, and it is out of the queue. Under the senders' lock.
    pub(super) fn offer(&self, room: Room<B>, wakes: &mut WakeList) {
        let mut phase = lock(&room.decision.0);
        if !matches!(*phase, Phase::Open(_)) {
            room.stub.put(Spot::Offered(room.batch));
            return;
        }
        // Before anyone can see the decision: what the select's thread sends next comes after this.
        self.permits.spend(room.held);
        self.push(room.batch, wakes);
        room.stub.put(Spot::Sent);
        if let Phase::Open(waker) = std::mem::replace(&mut *phase, Phase::Decided(Some(room.index))) {
            wakes.push(waker);
        }
    }

    /// Gives back permits that were put aside. Under no lock.
    pub(super) fn put_room_back(&self, held: usize, wakes: &mut WakeList) {
        self.permits.forgo(held);
        self.release(held, wakes);
    }

    /// The channel was closed: sending cases are no sends that wait, and hear of it.
    #[cold]
    pub(super) fn refuse_rooms(&self, wakes: &mut WakeList) {
        let mut senders = lock(&self.senders);
        let mut held = 0;
        for room in senders.take_rooms() {
            held += room.held;
            room.refuse(SendError::Closed, wakes);
        }
        self.admit_waiting(&mut senders, wakes);
        drop(senders);
        self.put_room_back(held, wakes);
    }

    /// Queues a sending case. Its number in the queue, or why it takes no more.
    pub(super) fn queue_room(&self, room: Room<B>) -> Result<u64, SendError<B>> {
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        let due = match self.open_queue(&senders) {
            Ok(due) => due,
            Err(Take::Aborted) => return Err(SendError::Aborted(room.batch)),
            Err(_) => return Err(SendError::Closed(room.batch)),
        };
        let me = self.next_producer.fetch_add(1, crate::sync::Ordering::Relaxed);
        senders.push_room(me, due, room);
        self.admit_waiting(&mut senders, &mut wakes);
        drop(senders);
        wakes.wake();
        Ok(me)
    }

    /// Takes a sending case out of the queue, if it is there still. A wake-up that was on its way goes to the next.
    pub(super) fn unqueue_room(&self, me: u64) -> Option<B> {
        let mut wakes = WakeList::default();
        let mut senders = lock(&self.senders);
        let room = senders.remove_room(me)?;
        self.admit_waiting(&mut senders, &mut wakes);
        drop(senders);
        self.put_room_back(room.held, &mut wakes);
        wakes.wake();
        Some(room.batch)
    }
}

//! The queue of senders that wait, and who is admitted next.
//!
//! A thread that waits is woken and takes what is free itself, so that one wake-up serves many items. A task (a
//! future, a JavaScript environment's sends) leaves its batches in the queue, and whoever frees room admits them in
//! order: its event loop need not turn for that. A select's sending case is sent for it, too; see room.rs.

use std::collections::VecDeque;
use std::task::Waker;

use super::clock::clock;
use super::error::SendError;
use super::lanes::Lanes;
use super::lanes::Score;
use super::options::ChannelOptions;
use super::permits::Take;
use super::room::Room;
use super::schedule::Schedule;
use super::shared::Shared;
use super::ticket::Ticket;
use super::wait::WakeList;
use crate::batch::Batch;
use crate::patience::Patience;
use crate::sync::{Arc, lock};

#[derive(Debug)]
pub(super) struct Senders<B> {
    queue: VecDeque<Entry<B>>,
    /// The first entry is a thread that was woken and has not looked yet. It passes the wake-up on.
    waking: bool,
    /// Enough was free for threads that wait for more: one after the other is woken, until nothing is.
    filling: bool,
    /// Sends that wait: threads, those of pending batches, and sending cases of selects.
    waiting: usize,
    /// Sends of tasks, and sending cases, that ever queued.
    queued: u64,
    /// How long the first looks out for room before it sleeps, where it is a thread.
    patience: Patience,
    /// Which entry is next, where the channel has lanes. Then entries are of tasks, one for each producer and lane; sending
    /// cases of selects come when no task waits.
    lanes: Option<Lanes>,
}

/// One producer that waits.
#[derive(Debug)]
struct Entry<B> {
    producer: u64,
    /// The count of admitted items at which it is due.
    due: u32,
    waits: Waits<B>,
}

#[derive(Debug)]
enum Waits<B> {
    /// `takes_any`: any room is worth a wake-up. Where it is to none who waits, they are woken once there is
    /// [`enough`](Shared::enough).
    Thread { waker: Waker, takes_any: bool },
    /// Never empty.
    Task(VecDeque<Pending<B>>),
    /// A sending case, and its number among those that ever queued.
    Room(Room<B>, u64),
}

/// A send that waits.
#[derive(Debug)]
pub(super) struct Pending<B> {
    pub(super) batch: B,
    pub(super) ticket: Arc<Ticket<B>>,
    /// Its number among those that ever queued.
    pub(super) number: u64,
    /// When it was queued, and a bit for each lane that its items are in. Of a channel with lanes alone.
    since: u64,
    lanes: u32,
}

impl<B: Batch> Pending<B> {
    pub(super) fn new(batch: B, ticket: Arc<Ticket<B>>) -> Self {
        Pending { batch, ticket, number: 0, since: 0, lanes: 0 }
    }

    fn sends(&self) -> usize {
        self.ticket.sends(self.batch.len())
    }
}

impl<B: Batch> Entry<B> {
    /// The first send that waits.
    fn first(&self) -> Option<&Pending<B>> {
        match &self.waits {
            Waits::Task(sends) => sends.front(),
            _ => None,
        }
    }
}

impl<B: Batch> Senders<B> {
    pub(super) fn new(options: &ChannelOptions) -> Self {
        let lanes = (options.lanes > 1).then(|| Lanes::new(options.lanes, options.aging));
        Senders {
            queue: VecDeque::new(),
            waking: false,
            filling: false,
            waiting: 0,
            queued: 0,
            patience: Patience::default(),
            lanes,
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues a thread, with the mark that [`open_queue`](Shared::open_queue) gave. `takes_any`: any room is worth a wake-up.
    pub(super) fn push_thread(&mut self, producer: u64, due: u32, waker: Waker, takes_any: bool) {
        self.waiting += 1;
        self.queue.push_back(Entry { producer, due, waits: Waits::Thread { waker, takes_any } });
    }

    /// To a thread that waits any room is worth a wake-up from now on.
    pub(super) fn take_any(&mut self, me: u64) {
        let entry = self.queue.iter_mut().find(|entry| entry.producer == me);
        if let Some(Entry { waits: Waits::Thread { takes_any, .. }, .. }) = entry {
            *takes_any = true;
        }
    }

    /// Whether all who wait are threads that any room is not enough for.
    fn wait_for_more(&self) -> bool {
        self.queue.iter().all(|entry| matches!(entry.waits, Waits::Thread { takes_any: false, .. }))
    }

    /// Queues a send of a task behind the earlier ones of its producer, with the mark that
    /// [`open_queue`](Shared::open_queue) gave.
    pub(super) fn push_send(&mut self, producer: u64, due: u32, mut send: Pending<B>) {
        self.waiting += send.sends();
        self.queued += 1;
        send.number = self.queued;
        if self.lanes.is_some() {
            return self.push_by_lane(producer, due, send);
        }
        for entry in &mut self.queue {
            if entry.producer == producer
                && let Waits::Task(sends) = &mut entry.waits
            {
                sends.push_back(send);
                return;
            }
        }
        self.queue.push_back(Entry { producer, due, waits: Waits::Task(VecDeque::from([send])) });
    }

    /// As [`push_send`](Senders::push_send), but only behind those of its producer that have items in a lane of its own.
    /// A send in several lanes waits as one, its items in their order.
    fn push_by_lane(&mut self, producer: u64, due: u32, mut send: Pending<B>) {
        send.since = clock();
        if let Some(lanes) = &self.lanes {
            let bits = (0..send.batch.len()).map(|index| 1 << lanes.of(send.batch.lane(index)));
            send.lanes = bits.fold(0, |all, bit: u32| all | bit);
        }
        let mut before = Vec::new();
        self.queue.retain_mut(|entry| {
            let Waits::Task(sends) = &mut entry.waits else { return true };
            let behind = entry.producer == producer && sends.iter().any(|earlier| earlier.lanes & send.lanes != 0);
            if behind {
                before.push((entry.due, std::mem::take(sends)));
            }
            !behind
        });
        let due = before.first().map_or(due, |(due, _)| *due);
        let mut sends: Vec<_> = before.into_iter().flat_map(|(_, sends)| sends).collect();
        sends.sort_by_key(|earlier| earlier.since);
        sends.push(send);
        self.queue.push_back(Entry { producer, due, waits: Waits::Task(sends.into()) });
    }

    /// The place of the entry that is admitted next.
    fn next(&self) -> usize {
        let Some(lanes) = &self.lanes else { return 0 };
        let now = clock();
        // What was put aside for a sending case is of use to it alone.
        if let Some(at) =
            self.queue.iter().position(|entry| matches!(&entry.waits, Waits::Room(room, _) if room.held > 0))
        {
            return at;
        }
        let scores = self.queue.iter().enumerate().filter_map(|(at, entry)| {
            let (lane, since) = match &entry.waits {
                Waits::Thread { .. } => return None,
                Waits::Task(sends) => sends.front().map(|send| (send.batch.lane(0), send.since))?,
                Waits::Room(..) if self.follows(at) => return None,
                Waits::Room(room, _) => (room.lane(), room.since),
            };
            Some((lanes.score(lanes.of(lane), since, now), std::cmp::Reverse(at)))
        });
        scores.max().map_or(0, |(_, at)| at.0)
    }

    /// The send that a receiver should take as it is, if it counts as more than all that is in the channel.
    pub(super) fn best_direct(&self, schedule: &mut Schedule<B>, now: u64) -> Option<(Score, usize)> {
        let mut best = None;
        for (at, entry) in self.queue.iter().enumerate() {
            let Some(first) = entry.first() else { continue };
            let lane = schedule.lanes().of(first.batch.lane(0));
            let score = schedule.score(lane, first.since, now);
            if best.is_none_or(|(best, _)| score > best) && schedule.would_be_next(lane, first.batch.key(0)) {
                best = Some((score, at));
            }
        }
        best
    }

    /// Takes up to `max` items of a send that [`best_direct`](Senders::best_direct) gave. The queue may be empty now.
    pub(super) fn take_direct(
        &mut self,
        at: usize,
        max: usize,
        schedule: &mut Schedule<B>,
        now: u64,
        wakes: &mut WakeList,
    ) -> B {
        let Waits::Task(sends) = &mut self.queue[at].waits else { unreachable!("with lanes, all are of tasks") };
        let Some(send) = sends.front_mut() else { unreachable!("a task that waits has sends that do") };
        let (lane, key) = (send.batch.lane(0), send.batch.key(0));
        let goes_along = |index: &usize| send.batch.lane(*index) == lane && send.batch.key(*index) == 0;
        let run = if key == 0 { 1 + (1..send.batch.len()).take_while(goes_along).count() } else { 1 };
        let waiting = send.batch.len();
        let batch = send.batch.split_front(run.min(max));
        schedule.take_other(schedule.lanes().of(lane), key, now);
        self.waiting -= send.ticket.admit(batch.len(), waiting, wakes);
        if send.batch.is_empty()
            && let Some(send) = sends.pop_front()
        {
            send.ticket.complete(Ok(()), wakes);
            if sends.is_empty() {
                self.queue.remove(at);
            }
        }
        batch
    }

    /// Whether `producer` is the first that waits. It has looked, then: no wake-up is on its way to it any more.
    pub(super) fn first_looks(&mut self, producer: u64) -> bool {
        let first = self.queue.front().is_some_and(|entry| entry.producer == producer);
        if first {
            self.waking = false;
        }
        first
    }

    /// For how long `producer` is to look out before it sleeps. Only the first does: the others would take the cores from
    /// those who make room.
    pub(super) fn patience_of(&self, producer: u64) -> Option<Patience> {
        self.queue.front().is_some_and(|entry| entry.producer == producer).then_some(self.patience)
    }

    /// The wait is over that was begun with what [`patience_of`](Senders::patience_of) gave.
    pub(super) fn waited(&mut self, patience: Option<Patience>) {
        if let Some(mut patience) = patience {
            patience.waited();
            self.patience = patience;
        }
    }

    /// Takes the first entry out.
    pub(super) fn pop_first(&mut self) {
        self.queue.pop_front();
        self.waiting -= 1;
    }

    /// Takes an entry to the back, behind the other producers, with a new due mark.
    pub(super) fn requeue(&mut self, at: usize, due: u32) {
        if let Some(mut entry) = self.queue.remove(at) {
            entry.due = due;
            self.queue.push_back(entry);
        }
    }

    /// Takes a thread's entry out.
    pub(super) fn remove_thread(&mut self, producer: u64) {
        if let Some(at) = self.queue.iter().position(|entry| entry.producer == producer) {
            self.queue.remove(at);
            self.waiting -= 1;
            if at == 0 {
                self.waking = false;
            }
        }
    }

    /// Takes one send of a task out, if it still waits.
    pub(super) fn remove_send(&mut self, producer: u64, ticket: &Arc<Ticket<B>>) -> Option<Pending<B>> {
        for at in 0..self.queue.len() {
            let entry = &mut self.queue[at];
            if entry.producer != producer {
                continue;
            }
            if let Waits::Task(sends) = &mut entry.waits
                && let Some(nth) = sends.iter().position(|send| Arc::ptr_eq(&send.ticket, ticket))
            {
                let removed = sends.remove(nth);
                if sends.is_empty() {
                    self.queue.remove(at);
                }
                self.waiting -= removed.as_ref().map_or(0, Pending::sends);
                return removed;
            }
        }
        None
    }
}

impl<B: Batch> Senders<B> {
    /// Queues a sending case of a select, with the mark that [`open_queue`](Shared::open_queue) gave.
    pub(super) fn push_room(&mut self, me: u64, due: u32, mut room: Room<B>) {
        if self.lanes.is_some() {
            room.since = clock();
        }
        self.waiting += 1;
        self.queued += 1;
        self.queue.push_back(Entry { producer: me, due, waits: Waits::Room(room, self.queued) });
    }

    /// Takes a sending case out, if it is there still.
    pub(super) fn remove_room(&mut self, me: u64) -> Option<Room<B>> {
        let at = self.queue.iter().position(|entry| entry.producer == me)?;
        let Waits::Room(room, _) = self.queue.remove(at)?.waits else { unreachable!("its number is its own") };
        self.waiting -= 1;
        Some(room)
    }

    /// Takes all sending cases out.
    pub(super) fn take_rooms(&mut self) -> Vec<Room<B>> {
        let (mut rooms, mut others) = (Vec::new(), VecDeque::new());
        for entry in std::mem::take(&mut self.queue) {
            match entry.waits {
                Waits::Room(room, _) => rooms.push(room),
                waits => others.push_back(Entry { waits, ..entry }),
            }
        }
        self.queue = others;
        self.waiting -= rooms.len();
        rooms
    }

    /// Whether the one at this place is a sending case whose producer has sends that were there before it.
    fn follows(&self, at: usize) -> bool {
        let Some(Entry { waits: Waits::Room(Room { follows: Some(producer), .. }, number), .. }) = self.queue.get(at)
        else {
            return false;
        };
        self.queue.iter().any(|entry| match &entry.waits {
            Waits::Task(sends) if entry.producer == *producer => {
                sends.front().is_some_and(|send| send.number < *number)
            }
            _ => false,
        })
    }
}

impl<B: Batch> Shared<B> {
    /// Says that senders wait, unless the channel is closed. Whether a send still gets in is decided here, in one
    /// step: the end is not given while the word says that some wait. After a yes the caller queues, under the same
    /// lock, with the due mark that it gets.
    pub(super) fn open_queue(&self, senders: &Senders<B>) -> Result<u32, Take> {
        let due = self.permits.due_from_now();
        if senders.queue.is_empty() {
            self.permits.set_due(due);
        }
        self.permits.queue().map(|()| due)
    }

    /// Receivers have nothing left, so any room is enough.
    pub(super) fn fill(&self) {
        if self.permits.snapshot().senders_wait() {
            let mut wakes = WakeList::default();
            let mut senders = lock(&self.senders);
            senders.filling = true;
            self.admit_waiting(&mut senders, &mut wakes);
            drop(senders);
            wakes.wake();
        }
    }

    /// Room was freed while senders sleep.
    #[cold]
    pub(super) fn wake_senders(&self, wakes: &mut WakeList) {
        self.admit_waiting(&mut lock(&self.senders), wakes);
    }

    /// Admits batches of tasks and wakes one thread, in the order of the queue, until nothing is free. Leaves the
    /// word armed, or a wake-up on its way, or the queue empty.
    pub(super) fn admit_waiting(&self, senders: &mut Senders<B>, wakes: &mut WakeList) {
        while !senders.queue.is_empty() {
            let at = senders.next();
            self.permits.set_due(senders.queue[at].due);
            if senders.waking {
                return;
            }
            let for_more = !senders.filling && senders.wait_for_more();
            if self.permits.arm(if for_more { self.enough() } else { 1 }) {
                senders.filling = false;
                return;
            }
            senders.filling |= for_more;
            match &mut senders.queue[at].waits {
                Waits::Thread { waker, .. } => {
                    senders.waking = true;
                    wakes.push(waker.clone());
                    return;
                }
                Waits::Room(..) => {
                    if !self.serve_room(senders, at, wakes) {
                        return;
                    }
                }
                Waits::Task(sends) => {
                    let Some(send) = sends.front_mut() else { unreachable!("a task that waits has sends that do") };
                    let want = send.batch.len();
                    let n = match self.permits.take_first(want) {
                        Take::Took(n) => n,
                        Take::Full => continue,
                        // The abort that set the flag waits for this lock, and refuses them all.
                        Take::Closed | Take::Aborted => return,
                    };
                    if let Some(lanes) = &mut senders.lanes {
                        lanes.serve(lanes.of(send.batch.lane(0)), clock());
                    }
                    senders.waiting -= send.ticket.admit(n, want, wakes);
                    if n < want {
                        let part = send.batch.split_front(n);
                        self.push(part, wakes);
                    } else if let Some(send) = sends.pop_front() {
                        self.push(send.batch, wakes);
                        send.ticket.complete(Ok(()), wakes);
                    }
                    if sends.is_empty() {
                        senders.queue.remove(at);
                    } else {
                        senders.requeue(at, self.permits.due_from_now());
                    }
                }
            }
        }
        senders.filling = false;
        self.permits.unqueue();
        // The last one that waited may be all that kept the end back.
        self.wake_if_ended(wakes);
    }

    /// Puts what is free aside for the sending case that is next, and offers it once that is enough. No for an abort,
    /// which refuses them all.
    fn serve_room(&self, senders: &mut Senders<B>, at: usize, wakes: &mut WakeList) -> bool {
        if senders.follows(at) {
            senders.requeue(at, self.permits.due_from_now());
            return true;
        }
        let Some(Entry { waits: Waits::Room(room, _), .. }) = senders.queue.get_mut(at) else { return true };
        match self.permits.take_first_ahead(room.lacks()) {
            Take::Took(n) => room.held += n,
            Take::Full => return true,
            Take::Closed | Take::Aborted => return false,
        }
        if room.lacks() == 0
            && let Some(Entry { waits: Waits::Room(room, _), .. }) = senders.queue.remove(at)
        {
            senders.waiting -= 1;
            if let Some(lanes) = &mut senders.lanes {
                lanes.serve(lanes.of(room.lane()), clock());
            }
            self.offer(room, wakes);
        }
        true
    }

    /// Refuses every send that waits. The word says aborted already.
    pub(super) fn abort_senders(&self, wakes: &mut WakeList) {
        let mut senders = lock(&self.senders);
        senders.waking = false;
        senders.waiting = 0;
        for entry in std::mem::take(&mut senders.queue) {
            match entry.waits {
                Waits::Thread { waker, .. } => wakes.push(waker),
                Waits::Room(room, _) => {
                    self.permits.forgo(room.held);
                    // Nobody waits any more, and an abort is the end already.
                    let _ = self.permits.release(room.held);
                    room.refuse(SendError::Aborted, wakes);
                }
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

//! A consumer of a round: every way to receive, and to give up a receive that waits.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use millrace_core::channel::{Case, Held, ReceivingCase, select, select_async, select_timeout};
use millrace_core::{Batch, Lease, ReceiveError, ReceiveTimeoutError, TryReceiveError};

use super::Round;
use super::shape::End;
use crate::futures::{block_on, poll_future, poll_some};
use crate::load::Load;
use crate::order::Order;
use crate::tally::Tally;

/// A way to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveWay {
    Block,
    Try,
    Timeout,
    Future,
    /// Polled a few times, then dropped.
    FutureDropped,
    Lease,
    TryLease,
    LeaseTimeout,
    LeasePolled,
    Hold,
    HoldPolled,
    Select,
    SelectTimeout,
    SelectDropped,
}

impl ReceiveWay {
    pub const ALL: &[ReceiveWay] = &[
        ReceiveWay::Block,
        ReceiveWay::Try,
        ReceiveWay::Timeout,
        ReceiveWay::Future,
        ReceiveWay::FutureDropped,
        ReceiveWay::Lease,
        ReceiveWay::TryLease,
        ReceiveWay::LeaseTimeout,
        ReceiveWay::LeasePolled,
        ReceiveWay::Hold,
        ReceiveWay::HoldPolled,
        ReceiveWay::Select,
        ReceiveWay::SelectTimeout,
        ReceiveWay::SelectDropped,
    ];

    /// Whether it waits until there is something, or the end.
    fn waits(self) -> bool {
        matches!(self, ReceiveWay::Block | ReceiveWay::Future | ReceiveWay::Lease | ReceiveWay::Select)
    }

    /// Whether what it receives may go back, for another attempt.
    pub fn leases(self) -> bool {
        matches!(self, ReceiveWay::Lease | ReceiveWay::TryLease | ReceiveWay::LeaseTimeout | ReceiveWay::LeasePolled)
    }

    pub fn fits(self, end: End) -> bool {
        !(self.waits() && matches!(end, End::Drop(_)))
    }
}

/// What a receive came to.
enum Got<B: Batch> {
    Items(B),
    Lease(Lease<B>),
    Held(Held<B>),
    Nothing,
    /// Nothing, although it waited: cancelled, or late.
    GivenUp,
    End(ReceiveError),
}

fn received<B: Batch>(outcome: Result<B, ReceiveError>) -> Got<B> {
    outcome.map_or_else(Got::End, Got::Items)
}

fn tried<B: Batch, T>(outcome: Result<T, TryReceiveError>, got: impl FnOnce(T) -> Got<B>) -> Got<B> {
    match outcome {
        Ok(items) => got(items),
        Err(TryReceiveError::Empty) => Got::Nothing,
        Err(TryReceiveError::Closed) => Got::End(ReceiveError::Closed),
        Err(TryReceiveError::Aborted) => Got::End(ReceiveError::Aborted),
    }
}

fn timed<B: Batch, T>(outcome: Result<T, ReceiveTimeoutError>, got: impl FnOnce(T) -> Got<B>) -> Got<B> {
    match outcome {
        Ok(items) => got(items),
        Err(ReceiveTimeoutError::Timeout) => Got::GivenUp,
        Err(ReceiveTimeoutError::Closed) => Got::End(ReceiveError::Closed),
        Err(ReceiveTimeoutError::Aborted) => Got::End(ReceiveError::Aborted),
    }
}

/// What a consumer leaves behind.
pub struct Received<B: Batch> {
    pub ids: Vec<u64>,
    pub tally: Tally,
    /// Leases that were still out, where everything is to be dropped.
    pub left: Vec<Lease<B>>,
}

pub struct Receiver<'a, B: Load> {
    round: &'a Round<B>,
    index: usize,
    rng: Rng,
    received: Vec<u64>,
    leases: Vec<Lease<B>>,
    /// What this consumer gave back, and which attempt is the next at it.
    retried: HashMap<u64, u32>,
    /// Of the only consumer.
    order: Option<Order>,
    tally: Tally,
}

impl<'a, B: Load> Receiver<'a, B> {
    pub fn new(round: &'a Round<B>, index: usize, rng: Rng) -> Self {
        let shape = &round.shape;
        let order = (shape.consumers == 1).then(|| Order::new(shape.marks, shape.streams()));
        Receiver {
            round,
            rng,
            received: Vec::new(),
            leases: Vec::new(),
            index,
            retried: HashMap::new(),
            order,
            tally: Tally::default(),
        }
    }

    /// Receives until the end.
    pub fn run(mut self) -> Received<B> {
        let shape = &self.round.shape;
        let ways = shape.receives(self.index);
        while !self.round.quits() {
            let mut way = ways[self.rng.usize(0..ways.len())];
            // The end of a channel waits for leases.
            if way.waits() && !self.leases.is_empty() {
                way = ReceiveWay::Timeout;
            }
            match self.receive(way) {
                Got::Items(batch) => self.take(&batch),
                Got::Lease(lease) => self.hold(lease),
                Got::Held(held) => self.hand_over(held),
                Got::Nothing => std::thread::yield_now(),
                Got::GivenUp => {
                    self.tally.cancelled_waits += 1;
                    if shape.may_leave(self.index, &mut self.rng) {
                        self.settle_all();
                        break;
                    }
                }
                Got::End(end) => {
                    self.end(end);
                    break;
                }
            }
            if self.leases.len() > 4 || (!self.leases.is_empty() && self.rng.bool()) {
                self.settle_one();
            }
            self.check();
        }
        Received { ids: self.received, tally: self.tally, left: self.leases }
    }

    fn receive(&mut self, way: ReceiveWay) -> Got<B> {
        let channel = &self.round.channel;
        let max = if self.rng.u8(0..8) == 0 { usize::MAX } else { self.rng.usize(1..=64) };
        let timeout = self.round.shape.patience(&mut self.rng);
        let polls = self.rng.usize(1..4);
        let polled = match way {
            ReceiveWay::Block => return received(channel.receive(max)),
            ReceiveWay::Try => return tried(channel.try_receive(max), Got::Items),
            ReceiveWay::Timeout => return timed(channel.receive_timeout(max, timeout), Got::Items),
            ReceiveWay::Future => return received(block_on(channel.receive_async(max))),
            ReceiveWay::FutureDropped => poll_future(polls, &mut channel.receive_async(max)).map(received),
            ReceiveWay::Lease => return channel.lease(max).map_or_else(Got::End, Got::Lease),
            ReceiveWay::TryLease => return tried(channel.try_lease(max), Got::Lease),
            ReceiveWay::LeaseTimeout => return timed(channel.lease_timeout(max, timeout), Got::Lease),
            ReceiveWay::LeasePolled => {
                let mut receiving = channel.receive_async(max);
                poll_some(polls, |cx| receiving.poll_lease(cx, max))
                    .map(|lease| lease.map_or_else(Got::End, Got::Lease))
            }
            ReceiveWay::Hold => return tried(channel.try_hold(max), Got::Held),
            ReceiveWay::HoldPolled => {
                let mut receiving = channel.receive_async(max);
                poll_some(polls, |cx| receiving.poll_hold(cx, max)).map(|held| held.map_or_else(Got::End, Got::Held))
            }
            ReceiveWay::Select | ReceiveWay::SelectTimeout | ReceiveWay::SelectDropped => {
                self.select(way, max, timeout, polls)
            }
        };
        polled.unwrap_or(Got::GivenUp)
    }

    fn select(&mut self, way: ReceiveWay, max: usize, timeout: Duration, polls: usize) -> Option<Got<B>> {
        let mut never = self.round.silent.receiving(1);
        let mut case: ReceivingCase<B> = self.round.channel.receiving(max);
        let mut cases: [&mut dyn Case; 2] = [&mut case, &mut never];
        match way {
            ReceiveWay::Select => {
                select(&mut cases);
            }
            ReceiveWay::SelectTimeout => {
                select_timeout(&mut cases, timeout);
            }
            _ => {
                poll_future(polls, &mut select_async(&mut cases));
            }
        }
        if self.rng.bool() {
            case.outcome().map(received)
        } else {
            case.held_outcome().map(|held| held.map_or_else(Got::End, Got::Held))
        }
    }

    /// Items are delivered: for the first time, but for those that were leased before.
    fn deliver(&mut self, ids: &[u64]) {
        let Some(order) = &mut self.order else { return };
        let mut n = 0;
        for id in ids.iter().filter(|id| !self.retried.contains_key(id)) {
            order.deliver(*id, &mut self.tally);
            n += 1;
        }
        self.round.delivered(n);
    }

    fn take(&mut self, batch: &B) {
        let from = self.received.len();
        batch.append_to(&mut self.received);
        let ids = self.received.split_off(from);
        self.tally.expect(!ids.is_empty(), || "a receive gave no items".to_owned());
        self.deliver(&ids);
        self.received.extend(ids);
    }

    fn hold(&mut self, lease: Lease<B>) {
        let ids = lease.ids();
        self.tally.expect(!ids.is_empty(), || "a lease of no items".to_owned());
        self.round.take_keys(&ids, &mut self.tally);
        if self.order.is_some() {
            let attempt = lease.attempt();
            let expected = |id| self.retried.get(id).copied().unwrap_or(1);
            let right = ids.iter().all(|id| expected(id) == attempt);
            self.tally.expect(right, || format!("attempt {attempt} at {ids:x?}"));
        }
        self.deliver(&ids);
        self.leases.push(lease);
    }

    /// Hands over all of what is held, or its first part; the rest goes back.
    fn hand_over(&mut self, mut held: Held<B>) {
        let ids = held.batch().ids();
        self.round.take_keys(&ids, &mut self.tally);
        let n = match self.rng.u8(0..3) {
            0 => 0,
            1 => self.rng.usize(0..=ids.len()),
            _ => ids.len(),
        };
        self.round.free_keys(&ids);
        let front = held.split_front(n).hand_over();
        drop(held);
        if n > 0 {
            self.take(&front);
        }
        if self.round.shape.marks.lanes > 1 && self.order.is_some() {
            // What was taken from a send that waits has no permit, and goes back to where the leases do: it is outside.
            for id in &ids[n..] {
                if !self.retried.contains_key(id) {
                    self.retried.insert(*id, 1);
                    self.round.delivered(1);
                }
            }
        }
    }

    fn settle_one(&mut self) {
        let at = self.rng.usize(0..self.leases.len());
        let lease = self.leases.swap_remove(at);
        let ids = lease.ids();
        self.round.free_keys(&ids);
        let attempt = lease.attempt();
        let (settled, next) = match self.rng.u8(0..16) {
            0 => {
                lease.retry();
                (0, attempt + 1)
            }
            1 => {
                drop(lease);
                (0, attempt + 1)
            }
            2 => {
                lease.retry_after(Duration::from_micros(self.rng.u64(0..300)));
                (0, attempt + 1)
            }
            3 => {
                let taken = self.rng.usize(0..=ids.len());
                let outcome = lease.pass_on(|mut batch| {
                    let rest = batch.split_off(taken);
                    if rest.is_empty() { Ok(()) } else { Err(((), rest)) }
                });
                self.tally.expect(outcome.is_ok() == (taken == ids.len()), || "pass_on changed the outcome".to_owned());
                // Nothing was tried with the others.
                (taken, attempt)
            }
            _ => {
                let settled = lease.settle().ids();
                self.tally.expect(settled == ids, || format!("a lease of {ids:x?} settled {settled:x?}"));
                (ids.len(), 0)
            }
        };
        self.received.extend(&ids[..settled]);
        self.retried.extend(ids[settled..].iter().map(|id| (*id, next)));
    }

    fn end(&mut self, end: ReceiveError) {
        let shape = &self.round.shape;
        let expected = match end {
            ReceiveError::Closed => matches!(shape.end, End::Close(_) | End::CloseAndAbort(_)),
            ReceiveError::Aborted => matches!(shape.end, End::Abort(_) | End::CloseAndAbort(_)),
        };
        let ended = self.round.channel.is_ended();
        self.tally.expect(expected && ended, || format!("{end:?} where the end is {:?}", shape.end));
        let leases = self.leases.len();
        self.tally.expect(end == ReceiveError::Aborted || leases == 0, || {
            format!("the end came while {leases} leases were out")
        });
        self.settle_all();
    }

    fn settle_all(&mut self) {
        while !self.leases.is_empty() {
            self.settle_one();
        }
    }

    fn check(&mut self) {
        self.round.check_bound(&mut self.tally);
        if self.order.is_some() {
            self.round.check_inside(&mut self.tally);
        }
    }
}

//! A producer of a round: every way to send, and to give up a send that waits.

use std::collections::VecDeque;

use fastrand::Rng;
use millrace_core::channel::{
    Cancelled, Overflow, Producer, Sending, SendingCase, select, select_async, select_timeout,
};
use millrace_core::{Batch, SendError, SendTimeoutError, TrySendError};

use super::Round;
use super::shape::End;
use crate::futures::{block_on, poll_future};
use crate::ledger::Stream;
use crate::load::Load;
use crate::tally::Tally;

/// A way to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendWay {
    Block,
    Try,
    Timeout,
    Future,
    /// Polled a few times, then cancelled or dropped, kept for later, or left to itself.
    Cancel,
    ProducerTry,
    Credit,
    Select,
    SelectTimeout,
    SelectDropped,
    Offer,
    ProducerOffer,
}

impl SendWay {
    pub const ALL: &[SendWay] = &[
        SendWay::Block,
        SendWay::Try,
        SendWay::Timeout,
        SendWay::Future,
        SendWay::Cancel,
        SendWay::ProducerTry,
        SendWay::Credit,
        SendWay::Select,
        SendWay::SelectTimeout,
        SendWay::SelectDropped,
        SendWay::Offer,
        SendWay::ProducerOffer,
    ];

    pub fn fits(self, end: End, overflow: Overflow) -> bool {
        match self {
            // Nobody would end the wait.
            SendWay::Block | SendWay::Future | SendWay::Select => !matches!(end, End::Drop(_)),
            // Of permits held ahead, an overflow can make nothing: see `Overflow`.
            SendWay::Credit => overflow == Overflow::Wait,
            _ => true,
        }
    }
}

/// Why a send did not send everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Full,
    Late,
    Cancelled,
    Closed,
    Aborted,
}

type Outcome<B> = Result<(), (Why, B)>;

fn sent<B>(outcome: Result<(), SendError<B>>) -> Outcome<B> {
    outcome.map_err(|error| match error {
        SendError::Closed(rest) => (Why::Closed, rest),
        SendError::Aborted(rest) => (Why::Aborted, rest),
    })
}

fn tried<B>(outcome: Result<(), TrySendError<B>>) -> Outcome<B> {
    outcome.map_err(|error| match error {
        TrySendError::Full(rest) => (Why::Full, rest),
        TrySendError::Closed(rest) => (Why::Closed, rest),
        TrySendError::Aborted(rest) => (Why::Aborted, rest),
    })
}

fn timed<B>(outcome: Result<(), SendTimeoutError<B>>) -> Outcome<B> {
    outcome.map_err(|error| match error {
        SendTimeoutError::Timeout(rest) => (Why::Late, rest),
        SendTimeoutError::Closed(rest) => (Why::Closed, rest),
        SendTimeoutError::Aborted(rest) => (Why::Aborted, rest),
    })
}

fn cancelled<B>(cancelled: Cancelled<B>) -> Outcome<B> {
    match cancelled {
        Cancelled::Rest(rest) => Err((Why::Cancelled, rest)),
        Cancelled::Over(outcome) => sent(outcome),
    }
}

/// A send that is under way: the items `first..first + n` of the futures' stream.
struct Pending<B: Batch> {
    sending: Sending<B>,
    first: usize,
    n: usize,
}

/// What a producer leaves behind.
pub struct Sent<B: Batch> {
    /// What its thread sent, and what its futures did.
    pub streams: [Stream; 2],
    /// Items that its offers dropped.
    pub dropped: Vec<u64>,
    pub tally: Tally,
    /// The futures', for the count of admitted items.
    pub producer: Producer<B>,
    /// Sends that were still under way, where everything is to be dropped. They count as unknown.
    pub left: Vec<Sending<B>>,
}

pub struct Sender<'a, B: Load> {
    round: &'a Round<B>,
    index: usize,
    rng: Rng,
    calls: Stream,
    futures: Stream,
    producer: Producer<B>,
    pending: VecDeque<Pending<B>>,
    dropped: Vec<u64>,
    tally: Tally,
    /// Some send was refused for good.
    over: bool,
}

impl<'a, B: Load> Sender<'a, B> {
    pub fn new(round: &'a Round<B>, index: usize, rng: Rng) -> Self {
        Sender {
            round,
            index,
            rng,
            calls: Stream::new(2 * index),
            futures: Stream::new(2 * index + 1),
            producer: round.channel.producer(),
            pending: VecDeque::new(),
            dropped: Vec::new(),
            tally: Tally::default(),
            over: false,
        }
    }

    /// Sends until it has sent all, or was refused for good.
    pub fn run(mut self) -> Sent<B> {
        let shape = &self.round.shape;
        let mut after = self.rng.usize(0..4);
        while self.calls.made() + self.futures.made() < shape.items && !self.round.quits() {
            let left = shape.items - self.calls.made() - self.futures.made();
            let n = self.rng.usize(1..=shape.largest).min(left).min(B::MOST);
            let ways = shape.sends(self.index);
            let way = ways[self.rng.usize(0..ways.len())];
            let before = self.tally.cancelled_waits;
            self.send(way, n);
            if self.tally.cancelled_waits > before && shape.may_leave(self.index, &mut self.rng) {
                break;
            }
            // What comes after a refusal has to be refused, too.
            if self.over && after == 0 {
                break;
            }
            after -= usize::from(self.over);
        }
        let quits = matches!(shape.end, End::Drop(_));
        while !quits && let Some(pending) = self.pending.pop_front() {
            self.finish(pending);
        }
        let left = self.pending.into_iter().map(|pending| pending.sending).collect();
        let (streams, dropped, tally, producer) = ([self.calls, self.futures], self.dropped, self.tally, self.producer);
        Sent { streams, dropped, tally, producer, left }
    }

    fn make(&mut self, n: usize, future: bool) -> (usize, B) {
        let stream = if future { &mut self.futures } else { &mut self.calls };
        let first = stream.make(n);
        (first, B::made(stream.number, first, n, self.round.marks()))
    }

    fn settle(&mut self, future: bool, first: usize, n: usize, outcome: Outcome<B>) {
        let (why, rest) = match outcome {
            Ok(()) => (None, Vec::new()),
            Err((why, rest)) => (Some(why), rest.ids()),
        };
        let admitted = n - rest.len().min(n);
        let stream = if future { &mut self.futures } else { &mut self.calls };
        stream.settle(first, n, &rest, &mut self.tally);
        self.round.admitted(admitted);
        let Some(why) = why else {
            return;
        };
        let end = self.round.shape.end;
        match why {
            Why::Full => {}
            Why::Late | Why::Cancelled => self.tally.cancelled_waits += 1,
            Why::Closed => {
                self.over = true;
                let closes = matches!(end, End::Close(_) | End::CloseAndAbort(_));
                self.tally.expect(closes, || "a send found a channel closed that is not".to_owned());
            }
            Why::Aborted => {
                self.over = true;
                let aborts = matches!(end, End::Abort(_) | End::CloseAndAbort(_));
                self.tally.expect(aborts, || "a send found a channel aborted that is not".to_owned());
            }
        }
    }

    fn send(&mut self, way: SendWay, n: usize) {
        let was_over = self.over;
        let future = matches!(
            way,
            SendWay::Future | SendWay::Cancel | SendWay::ProducerTry | SendWay::Credit | SendWay::ProducerOffer
        );
        let n = if matches!(way, SendWay::Select | SendWay::SelectTimeout | SendWay::SelectDropped) {
            n.min(self.round.shape.capacity)
        } else {
            n
        };
        let (first, batch) = self.make(n, future);
        let channel = &self.round.channel;
        let outcome = match way {
            SendWay::Block => sent(channel.send(batch)),
            SendWay::Try => tried(channel.try_send(batch)),
            SendWay::Timeout => {
                let timeout = self.round.shape.patience(&mut self.rng);
                timed(channel.send_timeout(batch, timeout))
            }
            SendWay::Future => sent(block_on(self.producer.send(batch))),
            SendWay::Cancel => return self.begin(first, n, batch, was_over),
            SendWay::ProducerTry => tried(self.producer.try_send(batch)),
            SendWay::Credit => self.spend(batch),
            SendWay::Select | SendWay::SelectTimeout | SendWay::SelectDropped => self.select(way, batch),
            SendWay::Offer => {
                let dropped = &mut self.dropped;
                let round = self.round;
                tried(channel.offer(batch, |old| round.dropped(&old, dropped)))
            }
            SendWay::ProducerOffer => {
                let dropped = &mut self.dropped;
                let round = self.round;
                tried(self.producer.offer(batch, |old| round.dropped(&old, dropped)))
            }
        };
        let admitted = outcome.as_ref().map_or_else(|(_, rest)| rest.len() < n, |()| true);
        self.tally.expect(!(was_over && admitted), || format!("{way:?} sent items after the end"));
        self.settle(future, first, n, outcome);
        self.round.check_bound(&mut self.tally);
    }

    /// Sends what there is credit for, and gives the rest of the credit back.
    fn spend(&mut self, mut batch: B) -> Outcome<B> {
        let mut credit = self.producer.credit();
        let want = batch.len() + self.rng.usize(0..3);
        if let Err(refused) = credit.top_up(want) {
            return sent(match refused {
                SendError::Closed(()) => Err(SendError::Closed(batch)),
                SendError::Aborted(()) => Err(SendError::Aborted(batch)),
            });
        }
        while credit.held() > 0 && !batch.is_empty() {
            let n = self.rng.usize(1..=credit.held().min(batch.len()));
            credit.send(batch.split_front(n));
        }
        if self.rng.bool() {
            credit.give_back();
        }
        if batch.is_empty() { Ok(()) } else { Err((Why::Full, batch)) }
    }

    fn select(&mut self, way: SendWay, batch: B) -> Outcome<B> {
        let mut never = self.round.silent.receiving(1);
        let mut case: SendingCase<B> = self.round.channel.sending(batch);
        let mut cases: [&mut dyn millrace_core::channel::Case; 2] = [&mut never, &mut case];
        match way {
            SendWay::Select => {
                select(&mut cases);
            }
            SendWay::SelectTimeout => {
                let timeout = self.round.shape.patience(&mut self.rng);
                select_timeout(&mut cases, timeout);
            }
            _ => {
                let polls = self.rng.usize(1..4);
                poll_future(polls, &mut select_async(&mut cases));
            }
        }
        if let Some(outcome) = case.outcome() {
            return sent(outcome);
        }
        let batch = case.into_batch();
        self.tally.expect(batch.is_some(), || "a select lost its batch".to_owned());
        batch.map_or(Ok(()), |batch| Err((Why::Cancelled, batch)))
    }

    /// Begins a send that waits as a future.
    fn begin(&mut self, first: usize, n: usize, batch: B, was_over: bool) {
        let mut sending = if self.rng.bool() { self.producer.send(batch) } else { self.producer.send_each(batch) };
        let polls = self.rng.usize(0..3);
        if let Some(outcome) = poll_future(polls, &mut sending) {
            self.tally.expect(!(was_over && outcome.is_ok()), || "a future sent items after the end".to_owned());
            return self.settle(true, first, n, sent(outcome));
        }
        match self.rng.u8(0..5) {
            0 | 1 => self.settle(true, first, n, cancelled(sending.cancel())),
            2 if self.round.shape.may_forget() => self.tally.cancelled_waits += 1,
            3 if self.round.shape.may_forget() => sending.detach(),
            _ => {
                self.pending.push_back(Pending { sending, first, n });
                if self.pending.len() > 4 {
                    let at = self.rng.usize(0..self.pending.len());
                    if let Some(pending) = self.pending.remove(at) {
                        self.finish(pending);
                    }
                }
            }
        }
    }

    /// Waits for a send that was begun, or gives it up.
    fn finish(&mut self, Pending { sending, first, n }: Pending<B>) {
        let waits = !matches!(self.round.shape.end, End::Drop(_)) && self.rng.u8(0..3) > 0;
        let outcome = if waits { sent(block_on(sending)) } else { cancelled(sending.cancel()) };
        self.settle(true, first, n, outcome);
    }
}

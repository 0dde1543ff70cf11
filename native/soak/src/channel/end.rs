//! The threads of a round, its end, and the account of what became of every item.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use millrace_core::{Batch, Lease};

use super::Round;
use super::receive::{Received, Receiver};
use super::send::{Sender, Sent};
use super::shape::End;
use crate::ledger::{Ledger, Sent as Fate, Stream};
use crate::load::{Load, check_drops};
use crate::order::Order;
use crate::tally::Tally;

/// How long a drop may take that another thread does: far longer than it ever does.
const LATE_DROPS: Duration = Duration::from_secs(10);

/// What the threads of a round leave behind.
pub struct History<B: Batch> {
    sent: Vec<Sent<B>>,
    received: Vec<Received<B>>,
    /// What each call of abort gave.
    returned: Vec<Vec<u64>>,
}

/// Plays the round to its end. Nothing, where a thread panicked.
pub fn run<B: Load>(round: &Round<B>, rng: &mut Rng) -> Option<History<B>> {
    let shape = &round.shape;
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..shape.consumers)
            .map(|index| {
                let rng = rng.fork();
                scope.spawn(move || Receiver::new(round, index, rng).run())
            })
            .collect();
        let producers: Vec<_> = (0..shape.producers)
            .map(|index| {
                let rng = rng.fork();
                scope.spawn(move || {
                    let sent = Sender::new(round, index, rng).run();
                    round.producer_ended();
                    sent
                })
            })
            .collect();
        let closers: Vec<_> = (0..shape.closers)
            .map(|_| {
                let rng = rng.fork();
                scope.spawn(move || end(round, rng))
            })
            .collect();
        // All of them are joined before any panic counts: the others are not to be left behind.
        let sent: Vec<_> = producers.into_iter().map(|thread| thread.join().ok()).collect();
        let received: Vec<_> = consumers.into_iter().map(|thread| thread.join().ok()).collect();
        let returned: Vec<_> = closers.into_iter().map(|thread| thread.join().ok()).collect();
        Some(History {
            sent: sent.into_iter().collect::<Option<_>>()?,
            received: received.into_iter().collect::<Option<_>>()?,
            returned: returned.into_iter().collect::<Option<_>>()?,
        })
    })
}

/// Ends the round when it is time to. Gives what an abort gave.
fn end<B: Load>(round: &Round<B>, mut rng: Rng) -> Vec<u64> {
    round.ending.pass();
    let channel = &round.channel;
    let aborts = match round.shape.end {
        End::Close(_) => {
            channel.close();
            false
        }
        End::Abort(_) => true,
        End::CloseAndAbort(_) => {
            channel.close();
            (0..rng.u32(0..20)).for_each(|_| thread::yield_now());
            true
        }
        End::Drop(_) => {
            round.quit.store(true, Ordering::Relaxed);
            false
        }
    };
    let returned = if aborts { channel.abort() } else { Vec::new() };
    returned.iter().flat_map(Load::ids).collect()
}

/// Settles what became of every item.
pub fn account<B: Load>(round: Round<B>, history: History<B>, rng: &mut Rng, tally: &mut Tally) {
    let shape = round.shape.clone();
    let drops = matches!(shape.end, End::Drop(_));
    let (mut streams, mut dropped, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for Sent { streams: [calls, mut futures], dropped: ids, tally: own, producer, left: sends } in history.sent {
        tally.add(own);
        if shape.may_forget() {
            let known = futures.count(Fate::Admitted);
            let admitted = producer.admitted() as usize;
            tally.expect(admitted >= known, || format!("{admitted} items of futures count as admitted, not {known}"));
            futures.unknown_admitted = admitted.saturating_sub(known);
        }
        streams.extend([calls, futures]);
        dropped.extend(ids);
        left.extend(sends.into_iter().map(Left::Send));
        left.push(Left::Producer(producer));
    }
    let made: Vec<_> = streams.iter().map(Stream::made).collect();
    let mut ledger = Ledger::new(streams);
    tally.wild_items += ledger.admitted() as u64;
    for Received { ids, tally: own, left: leases } in history.received {
        tally.add(own);
        ledger.see("received", &ids, tally);
        left.extend(leases.into_iter().map(Left::Lease));
    }
    check_returned(&round, &history.returned, tally);
    ledger.see("returned", &history.returned.concat(), tally);
    ledger.see("dropped", &dropped, tally);
    let stats = round.channel.stats();
    tally.expect(stats.peak <= shape.capacity, || format!("a peak of {} items: {stats:?}", stats.peak));
    tally.expect(stats.dropped == dropped.len() as u64, || format!("{} items were dropped: {stats:?}", dropped.len()));
    if !drops {
        let rest = (stats.length, stats.leased, stats.retrying, stats.waiting_sends);
        tally.expect(rest == (0, 0, 0, 0), || format!("something is left at the end: {stats:?}"));
        tally.expect(round.channel.is_ended(), || format!("it is not ended: {stats:?}"));
        ledger.close(stats.discarded, tally);
    }
    let aborts = matches!(shape.end, End::Abort(_) | End::CloseAndAbort(_));
    tally.expect(aborts || stats.discarded == 0, || format!("discarded without an abort: {stats:?}"));
    tally.aborts += u64::from(aborts);
    tally.closes += u64::from(matches!(shape.end, End::Close(_) | End::CloseAndAbort(_)));

    left.push(Left::Round(Box::new(round)));
    rng.shuffle(&mut left);
    drop(left);
    if B::COUNTED {
        made.iter().enumerate().for_each(|(stream, made)| check_drops(stream, *made, LATE_DROPS, tally));
    }
}

/// What is dropped in any order: nothing of it may hold on to items.
#[expect(dead_code, reason = "it is only dropped")]
enum Left<B: Load> {
    Send(millrace_core::channel::Sending<B>),
    Producer(millrace_core::channel::Producer<B>),
    Lease(Lease<B>),
    Round(Box<Round<B>>),
}

/// One abort gives everything, in order.
fn check_returned<B: Load>(round: &Round<B>, returned: &[Vec<u64>], tally: &mut Tally) {
    let callers = returned.iter().filter(|ids| !ids.is_empty()).count();
    tally.expect(callers <= 1, || format!("{callers} aborts gave items"));
    if round.shape.leases() {
        return;
    }
    // What of different lanes comes first is not said.
    let mut order = Order::new(round.shape.marks, round.shape.streams());
    returned.iter().flatten().for_each(|id| order.deliver(*id, tally));
}

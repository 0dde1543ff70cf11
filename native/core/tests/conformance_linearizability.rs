//! The channel is linearizable: whatever threads do at the same time, what each of them saw is what they would have seen
//! one after another, on a bounded queue with a close.
//!
//! Source: what crossbeam-channel, Go and `java.util.concurrent` say of one call at a time ("if the channel is full",
//! "in the order in which they were sent") holds for concurrent ones only under this condition.
//!
//! | difference, on purpose | there | here |
//! |---|---|---|
//! | steps of a call | one | a send takes its room, then puts its item in; a receive takes an item, then frees its room |

mod linearizability;
mod lone;
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use linearizability::{Call, Did, is_explained};
use lone::Lone;
use millrace_core::channel::{OVERTAKING, Producer};
use millrace_core::{Channel, ReceiveError, SendError, TryReceiveError, TrySendError};
use support::{block_on, rounds, until};

const THREADS: usize = 3;
const CALLS: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Planned {
    Send(u8),
    SendAsTask(u8),
    TrySend(u8),
    Receive,
    ReceiveAsTask,
    TryReceive,
    Close,
}

/// What each thread calls. Thread 0 closes, and waits for no item before, so that every receive comes to an end.
fn plan(rng: &mut Rng, capacity: usize) -> Vec<Vec<Planned>> {
    // No waiter is overtaken by more, so that no item is kept for one that waits: that is another promise.
    let sends = OVERTAKING * capacity;
    let mut sent = 0;
    let mut call = |waits: bool| match rng.u8(0..6) {
        kind @ 0..3 if sent < sends => {
            sent += 1;
            let item = u8::try_from(sent).expect("few items");
            [Planned::Send(item), Planned::SendAsTask(item), Planned::TrySend(item)][usize::from(kind)]
        }
        3 if waits => Planned::Receive,
        4 if waits => Planned::ReceiveAsTask,
        _ => Planned::TryReceive,
    };
    let mut plans: Vec<Vec<_>> = (0..THREADS).map(|thread| (0..CALLS).map(|_| call(thread > 0)).collect()).collect();
    let close = rng.usize(1..=CALLS);
    plans[0].insert(close, Planned::Close);
    plans
}

fn run<B: Lone<Item = u8>>(channel: &Channel<B>, producer: &Producer<B>, planned: Planned) -> Did {
    let sent = |item, outcome: Result<(), SendError<B>>| match outcome {
        Ok(()) => Did::Sent(item),
        Err(SendError::Closed(back)) => {
            assert_eq!(back.item(), item);
            Did::WasRefused
        }
        Err(error) => panic!("{error:?}"),
    };
    let received = |outcome: Result<B, ReceiveError>| match outcome {
        Ok(batch) => Did::Received(batch.item()),
        Err(ReceiveError::Closed) => Did::FoundTheEnd,
        Err(error) => panic!("{error:?}"),
    };
    match planned {
        Planned::Send(item) => sent(item, channel.send(B::of(item))),
        Planned::SendAsTask(item) => sent(item, block_on(producer.send(B::of(item)))),
        Planned::TrySend(item) => match channel.try_send(B::of(item)) {
            Ok(()) => Did::SentAtOnce(item),
            Err(TrySendError::Full(_)) => Did::FoundFull,
            Err(TrySendError::Closed(_)) => Did::WasRefused,
            Err(error) => panic!("{error:?}"),
        },
        Planned::Receive => received(channel.receive(1)),
        Planned::ReceiveAsTask => received(block_on(channel.receive_async(1))),
        Planned::TryReceive => match channel.try_receive(1) {
            Ok(batch) => Did::Received(batch.item()),
            Err(TryReceiveError::Empty) => Did::FoundEmpty,
            Err(TryReceiveError::Closed) => Did::FoundTheEnd,
            Err(error) => panic!("{error:?}"),
        },
        Planned::Close => {
            channel.close();
            Did::Closed
        }
    }
}

/// Runs a random program, and one more thread that drains the channel, so that every send comes to an end.
fn record<B: Lone<Item = u8>>(rng: &mut Rng, capacity: usize) -> Vec<Vec<Call>> {
    let channel = Channel::<B>::new(capacity).expect("valid");
    let (clock, arrived) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let plans = plan(rng, capacity);
    thread::scope(|scope| {
        let threads: Vec<_> = plans
            .into_iter()
            .map(Some)
            .chain([None])
            .map(|plan| {
                let (channel, clock, arrived, mut rng) = (&channel, &clock, &arrived, rng.fork());
                scope.spawn(move || {
                    let producer = channel.producer();
                    let call = |planned| {
                        let began = clock.fetch_add(1, Ordering::SeqCst);
                        let did = run(channel, &producer, planned);
                        Call { did, began, ended: clock.fetch_add(1, Ordering::SeqCst) }
                    };
                    arrived.fetch_add(1, Ordering::SeqCst);
                    // A barrier would wake them one by one, when the first is through already.
                    until(|| arrived.load(Ordering::SeqCst) > THREADS);
                    let Some(plan) = plan else {
                        (0..rng.u8(0..8)).for_each(|_| thread::yield_now());
                        let mut calls = Vec::new();
                        while calls.last().is_none_or(|call: &Call| call.did != Did::FoundTheEnd) {
                            calls.push(call(Planned::Receive));
                        }
                        return calls;
                    };
                    let next = |planned| {
                        if rng.u8(0..3) == 0 {
                            thread::yield_now();
                        }
                        call(planned)
                    };
                    plan.into_iter().map(next).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn histories_are_explained<B: Lone<Item = u8>>() {
    rounds(1500, |rng| {
        let capacity = rng.usize(1..3);
        let history = record::<B>(rng, capacity);
        assert!(
            is_explained(&history, capacity),
            "no order of these explains them, at capacity {capacity}: {history:#?}"
        );
    });
}

#[test]
fn vectors_of_one_item_are_received_as_from_a_sequential_queue() {
    histories_are_explained::<Vec<u8>>();
}

#[test]
fn single_items_are_received_as_from_a_sequential_queue() {
    histories_are_explained::<Option<u8>>();
}

/// Calls one after another, on one thread.
fn in_a_row(calls: &[Did]) -> Vec<Call> {
    calls.iter().enumerate().map(|(n, did)| Call { did: *did, began: 2 * n, ended: 2 * n + 1 }).collect()
}

#[test]
fn the_checker_refuses_what_no_queue_does() {
    use Did::{Closed, FoundEmpty, FoundFull, FoundTheEnd, Received, Sent, SentAtOnce, WasRefused};
    let refused: [(&str, &[Did]); 11] = [
        ("an item twice", &[Sent(1), Received(1), Received(1)]),
        ("an item from nowhere", &[Received(1), Sent(1)]),
        ("another order", &[Sent(1), Sent(2), Received(2), Received(1)]),
        ("full with room", &[Sent(1), FoundFull]),
        ("more than the capacity", &[Sent(1), Sent(2), SentAtOnce(3)]),
        ("room that is not given back", &[Sent(1), Sent(2), Received(1), FoundFull]),
        ("empty with an item", &[Sent(1), FoundEmpty]),
        ("refused while open", &[WasRefused, Closed]),
        ("sent after the close", &[Closed, Sent(1)]),
        ("the end with an item left", &[Sent(1), Closed, FoundTheEnd, Received(1)]),
        ("empty at the end", &[Closed, FoundEmpty]),
    ];
    for (what, calls) in refused {
        assert!(!is_explained(&[in_a_row(calls)], 2), "{what}");
    }
    let one_by_one = [Sent(1), SentAtOnce(2), FoundFull, Received(1), Closed, WasRefused, Received(2), FoundTheEnd];
    assert!(is_explained(&[in_a_row(&one_by_one)], 2));
}

#[test]
fn the_checker_lets_a_call_take_effect_at_any_time_while_it_is_under_way() {
    let call = |did, began, ended| Call { did, began, ended };
    let send = vec![call(Did::Sent(1), 0, 9)];
    let sees = |first, second| vec![call(first, 1, 2), call(second, 3, 4)];
    for (first, second, explained) in [
        (Did::FoundEmpty, Did::Received(1), true),
        (Did::FoundFull, Did::FoundEmpty, true),
        (Did::Received(1), Did::FoundFull, false),
        (Did::Received(1), Did::Received(1), false),
    ] {
        // The receive is another thread's, and ends before this one's next call begins.
        assert_eq!(is_explained(&[send.clone(), sees(first, second)], 1), explained, "{first:?}, {second:?}");
    }
    // A send that waits is let in after a close, and keeps the end back; one that begins after it is not.
    let around = |end_at| {
        let ends = vec![call(Did::Closed, 3, 4), call(Did::FoundTheEnd, end_at, end_at + 1)];
        let sends = vec![call(Did::Sent(1), 0, 1), call(Did::Sent(2), 2, 8)];
        is_explained(&[sends, ends, vec![call(Did::Received(1), 5, 6), call(Did::Received(2), 9, 10)]], 1)
    };
    assert!(around(11));
    assert!(!around(7));
}

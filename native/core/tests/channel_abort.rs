//! After an abort: everything that waits ends, and each item is in exactly one place.

mod support;

use std::sync::Barrier;
use std::thread;

use millrace_core::channel::Cancelled;
use millrace_core::{Channel, ReceiveError, SendError, TryReceiveError, TrySendError};
use support::{Flag, Tally, assert_each_once, block_on, finishes, poll, rounds, until_waiting};

#[test]
fn what_was_queued_comes_back_to_the_first_caller_in_order() {
    let channel = Channel::new(10).expect("valid");
    channel.send(vec![1, 2, 3]).expect("open");
    channel.send(vec![4]).expect("open");
    channel.send(vec![5]).expect("open");
    assert_eq!(channel.receive(1), Ok(vec![1]));
    channel.lease(1).expect("an item").retry();
    assert_eq!(channel.abort().concat(), [2, 3, 4, 5]);
    assert!(channel.abort().is_empty());
    assert!(channel.is_closed());
    assert_eq!(channel.len(), 0);
    assert_eq!(channel.stats().leased, 0);
    let producer = channel.producer();
    assert_eq!(channel.send(vec![6]), Err(SendError::Aborted(vec![6])));
    assert_eq!(channel.try_send(vec![7]), Err(TrySendError::Aborted(vec![7])));
    assert_eq!(producer.try_send(vec![8]), Err(TrySendError::Aborted(vec![8])));
    assert_eq!(block_on(producer.send(vec![9])), Err(SendError::Aborted(vec![9])));
    assert_eq!(channel.receive(1), Err(ReceiveError::Aborted));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Aborted));
    channel.close();
    assert_eq!(channel.receive(1), Err(ReceiveError::Aborted));
}

#[test]
fn an_abort_after_a_close_ends_what_still_waits() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        channel.send(vec![1]).expect("open");
        thread::scope(|scope| {
            let sender = scope.spawn(|| channel.send(vec![2, 3]));
            until_waiting(&channel, 1);
            let (woken, waker) = Flag::new();
            let mut task = channel.producer().send(vec![4]);
            assert!(poll(&mut task, &waker).is_pending());
            channel.close();
            assert_eq!(channel.abort(), [[1]]);
            assert_eq!(sender.join().expect("no panic"), Err(SendError::Aborted(vec![2, 3])));
            assert!(woken.is_set());
            assert_eq!(block_on(task), Err(SendError::Aborted(vec![4])));
        });
        assert_eq!(channel.stats().waiting_sends, 0);
    });
}

#[test]
fn a_send_cancelled_after_an_abort_gives_its_items_back() {
    let channel = Channel::new(1).expect("valid");
    let task = channel.producer().send(vec![1, 2]);
    assert_eq!(channel.abort(), [[1]]);
    assert_eq!(task.cancel(), Cancelled::Over(Err(SendError::Aborted(vec![2]))));
}

#[test]
fn a_lease_given_back_after_an_abort_is_discarded_and_one_settled_is_not() {
    let channel = Channel::new(4).expect("valid");
    let tally = Tally::new(2);
    channel.send(tally.values(0..2)).expect("open");
    let (one, two) = (channel.lease(1).expect("an item"), channel.lease(1).expect("an item"));
    assert!(channel.abort().is_empty());
    assert_eq!(channel.stats().leased, 2);
    one.retry();
    assert_eq!(tally.drops(0), 1);
    assert_eq!(two.settle()[0].id, 1);
    assert_eq!((channel.stats().leased, channel.stats().discarded), (0, 1));
    tally.assert_each_dropped_once();
}

/// Where the items of one thread went.
#[derive(Default)]
struct Went {
    received: Vec<usize>,
    refused: Vec<usize>,
}

#[test]
fn an_abort_races_with_everything() {
    rounds(100, |rng| {
        const PER_SENDER: usize = 1_000_000;
        let capacity = rng.usize(1..50);
        let channel = Channel::new(capacity).expect("valid");
        let barrier = Barrier::new(6);
        let abort_after = rng.usize(0..300);
        let (mut seen, mut sent) = (Vec::new(), 0);
        thread::scope(|scope| {
            let senders: Vec<_> = (0..3)
                .map(|number| {
                    let mut rng = rng.fork();
                    let (channel, barrier) = (&channel, &barrier);
                    scope.spawn(move || {
                        let producer = channel.producer();
                        let mut next = number * PER_SENDER;
                        barrier.wait();
                        loop {
                            let n = rng.usize(1..30).min((number + 1) * PER_SENDER - next);
                            let batch: Vec<_> = (next..next + n).collect();
                            next += n;
                            let outcome =
                                if number == 0 { block_on(producer.send(batch)) } else { channel.send(batch) };
                            if let Err(refused) = outcome {
                                return (
                                    next - number * PER_SENDER,
                                    Went { refused: refused.into_inner(), ..Went::default() },
                                );
                            }
                            assert!(next < (number + 1) * PER_SENDER, "aborted long before");
                        }
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..3)
                .map(|number| {
                    let (channel, barrier) = (&channel, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let mut went = Went::default();
                        let mut returned = Vec::new();
                        loop {
                            let received =
                                if number == 0 { block_on(channel.receive_async(7)) } else { channel.receive(3) };
                            match received {
                                Ok(batch) => went.received.extend(batch),
                                Err(end) => {
                                    assert_eq!(end, ReceiveError::Aborted);
                                    return (went, returned);
                                }
                            }
                            if number == 2 && went.received.len() > abort_after {
                                returned = channel.abort().concat();
                            }
                        }
                    })
                })
                .collect();
            for sender in senders {
                let (n, went) = sender.join().expect("no panic");
                sent += n;
                seen.extend(went.refused);
            }
            for receiver in receivers {
                let (went, returned) = receiver.join().expect("no panic");
                seen.extend(went.received);
                seen.extend(returned);
            }
        });
        let discarded = channel.stats().discarded as usize;
        assert_eq!(seen.len() + discarded, sent, "each item is received, returned, refused or discarded");
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "and only one of these");
        assert_eq!(channel.len(), 0);
        if discarded == 0 {
            assert_eq!(all, sent);
        }
    });
}

#[test]
fn of_aborts_that_race_one_gets_everything() {
    rounds(200, |_| {
        let channel = Channel::<Vec<usize>>::new(8).expect("valid");
        channel.send((0..8).collect::<Vec<usize>>()).expect("open");
        let barrier = Barrier::new(3);
        let returned = thread::scope(|scope| {
            let aborts: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        channel.abort().concat()
                    })
                })
                .collect();
            aborts.into_iter().map(|abort| abort.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_eq!(returned.iter().filter(|items| !items.is_empty()).count(), 1);
        assert_each_once(returned.concat(), 8);
    });
}

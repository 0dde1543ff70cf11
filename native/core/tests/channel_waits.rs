//! Waits that end by a time-out or a cancel leave nothing behind and pass their wake-up on.

mod support;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use millrace_core::channel::Cancelled;
use millrace_core::{Channel, ReceiveTimeoutError, SendTimeoutError};
use support::{Flag, assert_each_once, block_on, finishes, poll, rounds, until_waiting};

const SHORT: Duration = Duration::from_micros(50);

#[test]
fn a_send_that_is_late_gives_back_what_was_not_sent() {
    let channel = Channel::new(2).expect("valid");
    assert_eq!(channel.send_timeout(vec![1, 2, 3], SHORT), Err(SendTimeoutError::Timeout(vec![3])));
    assert_eq!(channel.send_timeout(vec![4], Duration::ZERO), Err(SendTimeoutError::Timeout(vec![4])));
    assert_eq!(channel.stats().waiting_sends, 0);
    assert_eq!(channel.len(), 2);
    assert_eq!(channel.receive(9), Ok(vec![1, 2]));
    assert_eq!(channel.send_timeout(vec![5], SHORT), Ok(()));
    channel.close();
    assert_eq!(channel.send_timeout(vec![6], SHORT), Err(SendTimeoutError::Closed(vec![6])));
    channel.abort();
    assert_eq!(channel.send_timeout(vec![7], SHORT), Err(SendTimeoutError::Aborted(vec![7])));
}

#[test]
fn a_receive_that_is_late_takes_nothing_with_it() {
    let channel = Channel::new(2).expect("valid");
    assert_eq!(channel.receive_timeout(1, SHORT), Err(ReceiveTimeoutError::Timeout));
    assert_eq!(channel.lease_timeout(1, Duration::ZERO).err(), Some(ReceiveTimeoutError::Timeout));
    channel.send(vec![1, 2]).expect("open");
    assert_eq!(channel.receive_timeout(1, SHORT), Ok(vec![1]));
    assert_eq!(channel.lease_timeout(1, SHORT).expect("an item").settle(), [2]);
    channel.close();
    assert_eq!(channel.receive_timeout(1, SHORT), Err(ReceiveTimeoutError::Closed));
    channel.abort();
    assert_eq!(channel.receive_timeout(1, SHORT), Err(ReceiveTimeoutError::Aborted));
}

#[test]
fn a_time_out_past_the_clock_never_comes() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        thread::scope(|scope| {
            let sender = scope.spawn(|| channel.send_timeout(vec![1, 2], Duration::MAX));
            until_waiting(&channel, 1);
            assert_eq!(channel.receive_timeout(9, Duration::MAX), Ok(vec![1]));
            assert_eq!(channel.receive_timeout(9, Duration::MAX), Ok(vec![2]));
            assert_eq!(sender.join().expect("no panic"), Ok(()));
        });
    });
}

#[test]
fn a_cancelled_send_is_out_of_the_channel_and_makes_way() {
    let channel = Channel::new(1).expect("valid");
    let (first, second) = (channel.producer(), channel.producer());
    let cancelled = first.send(vec![1, 2, 3]);
    let waits = second.send(vec![4]);
    assert_eq!(channel.stats().waiting_sends, 2);
    assert_eq!(cancelled.cancel(), Cancelled::Rest(vec![2, 3]));
    assert!(!first.is_waiting());
    assert_eq!(channel.stats().waiting_sends, 1);
    assert_eq!(channel.receive(9), Ok(vec![1]));
    assert_eq!(channel.receive(9), Ok(vec![4]));
    assert_eq!(waits.cancel(), Cancelled::Over(Ok(())));
    assert!(channel.is_empty());
}

#[test]
fn a_dropped_send_in_the_middle_of_its_producers_leaves_the_others_in_order() {
    let channel = Channel::new(1).expect("valid");
    let producer = channel.producer();
    let sends: Vec<_> = (0..4).map(|item| producer.send(vec![item])).collect();
    let mut sends = sends.into_iter();
    let (done, first, dropped, last) = (sends.next(), sends.next(), sends.next(), sends.next());
    drop(dropped);
    channel.close();
    assert_eq!([(); 3].map(|()| channel.receive(9)), [Ok(vec![0]), Ok(vec![1]), Ok(vec![3])]);
    for send in [done, first, last].into_iter().flatten() {
        assert_eq!(block_on(send), Ok(()));
    }
    assert!(channel.receive(9).is_err());
}

#[test]
fn the_end_comes_when_the_last_send_that_waits_is_cancelled() {
    let channel = Channel::new(1).expect("valid");
    let sending = channel.producer().send(vec![1, 2]);
    channel.close();
    assert_eq!(channel.receive(1), Ok(vec![1]));
    // Item 2 has been admitted by now; a receive, and the send that has nothing left, then the end.
    let (ended, waker) = Flag::new();
    assert_eq!(channel.receive(1), Ok(vec![2]));
    assert_eq!(sending.cancel(), Cancelled::Over(Ok(())));

    let channel = Channel::new(1).expect("valid");
    channel.send(vec![1]).expect("open");
    let lease = channel.lease(1).expect("an item");
    channel.send(vec![2]).expect("open");
    let sending = channel.producer().send(vec![3]);
    channel.close();
    let mut end = channel.receive_async(9);
    assert_eq!(channel.try_receive(1), Ok(vec![2]));
    assert_eq!(channel.try_receive(1), Ok(vec![3]));
    assert!(poll(&mut end, &waker).is_pending());
    drop(sending);
    assert!(!ended.is_set());
    lease.settle();
    assert!(ended.is_set());
}

#[test]
fn a_cancelled_receive_hands_its_wake_up_to_the_next() {
    let channel = Channel::new(4).expect("valid");
    let ((one_woken, one), (two_woken, two)) = (Flag::new(), Flag::new());
    let (mut first, mut second) = (channel.receive_async(1), channel.receive_async(1));
    assert!(poll(&mut first, &one).is_pending());
    assert!(poll(&mut second, &two).is_pending());
    channel.send(vec![1]).expect("open");
    assert!(one_woken.is_set());
    drop(first);
    assert!(two_woken.is_set());
    assert_eq!(block_on(second), Ok(vec![1]));
    assert!(channel.is_empty());
}

#[test]
fn time_outs_race_with_everything() {
    rounds(30, |rng| {
        const PER_SENDER: usize = 200;
        let channel = Channel::new(rng.usize(1..8)).expect("valid");
        let barrier = Barrier::new(6);
        let seen = thread::scope(|scope| {
            let senders: Vec<_> = (0..3)
                .map(|number| {
                    let mut rng = rng.fork();
                    let (channel, barrier) = (&channel, &barrier);
                    scope.spawn(move || {
                        let producer = channel.producer();
                        let mut next = number * PER_SENDER;
                        let end = next + PER_SENDER;
                        barrier.wait();
                        while next < end {
                            let mut rest: Vec<usize> = (next..end.min(next + rng.usize(1..12))).collect();
                            next += rest.len();
                            while !rest.is_empty() {
                                rest = if number == 0 {
                                    let (_, waker) = Flag::new();
                                    let mut sending = producer.send(rest);
                                    if poll(&mut sending, &waker).is_ready() {
                                        break;
                                    }
                                    match sending.cancel() {
                                        Cancelled::Rest(rest) => rest,
                                        Cancelled::Over(outcome) => outcome.map(|()| Vec::new()).expect("open"),
                                    }
                                } else {
                                    match channel.send_timeout(rest, SHORT * rng.u32(0..3)) {
                                        Ok(()) => break,
                                        Err(SendTimeoutError::Timeout(rest)) => rest,
                                        Err(other) => panic!("{other:?}"),
                                    }
                                };
                            }
                        }
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..3)
                .map(|number| {
                    let mut rng = rng.fork();
                    let (channel, barrier) = (&channel, &barrier);
                    scope.spawn(move || {
                        let mut seen = Vec::new();
                        barrier.wait();
                        loop {
                            if number == 0 {
                                // One that never waits long, so that nothing rests on the others' time-outs.
                                match channel.receive(2) {
                                    Ok(batch) => seen.extend(batch),
                                    Err(_) => return seen,
                                }
                            } else if rng.bool() {
                                let (_, waker) = Flag::new();
                                let mut receiving = channel.receive_async(3);
                                match poll(&mut receiving, &waker) {
                                    std::task::Poll::Ready(Ok(batch)) => seen.extend(batch),
                                    std::task::Poll::Ready(Err(_)) => return seen,
                                    std::task::Poll::Pending => {}
                                }
                            } else {
                                match channel.receive_timeout(3, SHORT * rng.u32(0..3)) {
                                    Ok(batch) => seen.extend(batch),
                                    Err(ReceiveTimeoutError::Timeout) => {}
                                    Err(_) => return seen,
                                }
                            }
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic");
            }
            channel.close();
            receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_each_once(seen, 3 * PER_SENDER);
        assert_eq!(channel.stats().waiting_sends, 0);
    });
}

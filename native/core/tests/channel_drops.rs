//! Each value is dropped once, wherever it is when its channel goes; and its drop may do what it likes.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use millrace_core::channel::Cancelled;
use millrace_core::{Channel, SendTimeoutError};
use std::time::Duration;
use support::{Flag, Tally, finishes, poll, rounds};

#[test]
fn a_channel_that_is_dropped_drops_what_is_in_it() {
    let tally = Tally::new(8);
    let channel = Channel::new(5).expect("valid");
    channel.send(tally.values(0..3)).expect("open");
    assert_eq!(channel.receive(1).expect("an item").len(), 1);
    channel.send(tally.values(3..6)).expect("open");
    let waits = channel.producer().send(tally.values(6..8));
    channel.lease(1).expect("an item").retry();
    drop(channel);
    assert_eq!(tally.drops(0), 1);
    assert_eq!(tally.drops(7), 0, "its future still holds the channel");
    drop(waits);
    tally.assert_each_dropped_once();
}

#[test]
fn values_that_come_back_in_an_error_are_the_callers() {
    let tally = Tally::new(6);
    let channel = Channel::new(1).expect("valid");
    channel.send(tally.values(0..1)).expect("open");
    let full = channel.try_send(tally.values(1..2)).expect_err("full").into_inner();
    let late = channel.send_timeout(tally.values(2..3), Duration::ZERO);
    let Err(SendTimeoutError::Timeout(late)) = late else { panic!("{late:?}") };
    let Cancelled::Rest(cancelled) = channel.producer().send(tally.values(3..4)).cancel() else { panic!("it waited") };
    drop(channel.producer().send(tally.values(4..5)));
    assert_eq!(tally.drops(4), 1);
    channel.close();
    let closed = channel.send(tally.values(5..6)).expect_err("closed").into_inner();
    assert!([1, 2, 3, 5].into_iter().all(|id| tally.drops(id) == 0));
    drop((full, late, cancelled, closed));
    drop(channel.abort());
    tally.assert_each_dropped_once();
}

#[test]
fn each_value_is_dropped_once_whatever_ends_the_channel() {
    rounds(100, |rng| {
        const PER_SENDER: usize = 400;
        let tally = Tally::new(3 * PER_SENDER);
        let channel = Channel::new(rng.usize(1..40)).expect("valid");
        let end_after = rng.usize(0..500);
        let abort = rng.bool();
        thread::scope(|scope| {
            let senders = [0, 1, 2].map(|number| {
                let mut rng = rng.fork();
                let (channel, tally) = (&channel, &tally);
                scope.spawn(move || {
                    let producer = channel.producer();
                    let mut next = number * PER_SENDER;
                    let end = next + PER_SENDER;
                    // Each value exists, so that each is dropped, whether or not it can still be sent.
                    while next < end {
                        let to = end.min(next + rng.usize(1..20));
                        let batch = tally.values(next..to);
                        next = to;
                        match rng.u8(0..3) {
                            0 => drop(producer.send(batch)),
                            1 => drop(channel.try_send(batch)),
                            _ => drop(channel.send(batch)),
                        }
                    }
                })
            });
            for number in 0..3 {
                let channel = &channel;
                scope.spawn(move || {
                    let mut received = 0;
                    while let Ok(lease) = channel.lease(4) {
                        received += lease.len();
                        if received % 5 == 0 {
                            continue;
                        }
                        drop(lease.settle());
                        if number == 0 && received > end_after {
                            if abort {
                                drop(channel.abort());
                            } else {
                                channel.close();
                            }
                        }
                    }
                });
            }
            for sender in senders {
                sender.join().expect("no panic");
            }
            channel.close();
        });
        drop(channel);
        tally.assert_each_dropped_once();
    });
}

/// A value whose drop calls the channel.
struct Reenters(Channel<Vec<Reenters>>);

impl Drop for Reenters {
    fn drop(&mut self) {
        let Reenters(channel) = self;
        let _ = channel.stats();
        let _ = channel.try_receive(1);
        let (_, waker) = Flag::new();
        let _ = poll(&mut channel.receive_async(1), &waker);
        let _ = poll(&mut channel.producer().send(Vec::new()), &waker);
    }
}

#[test]
fn the_drop_of_a_value_may_call_the_channel() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        let value = || vec![Reenters(channel.clone())];
        channel.send(value()).expect("open");
        drop(channel.producer().send(value()));
        assert!(channel.is_empty(), "that drop received the first");
        channel.send(value()).expect("open");
        let lease = channel.lease(1).expect("an item");
        channel.send(value()).expect("the lease made room");
        drop(channel.send_timeout(value(), Duration::ZERO));
        channel.close();
        drop(channel.abort());
        lease.retry();
        drop(channel.send(value()));
        assert_eq!(channel.stats().discarded, 1);
    });
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        // Only the first: a second panic while one unwinds would end the process.
        assert!(thread::panicking(), "a drop that panics");
    }
}

#[test]
fn the_drop_of_a_value_may_panic() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        channel.send(vec![Panics]).expect("open");
        let cancelled = channel.producer().send(vec![Panics]);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(cancelled))).is_err());
        assert_eq!(channel.stats().waiting_sends, 0);
        let lease = channel.lease(1).expect("an item");
        assert!(channel.abort().is_empty());
        assert!(catch_unwind(AssertUnwindSafe(|| lease.retry())).is_err());
        assert_eq!((channel.stats().leased, channel.stats().discarded), (0, 1));
        assert!(channel.is_closed());
    });
}

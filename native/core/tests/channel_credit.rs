//! Permits that are held ahead of their items, and items that are held on their way out.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use millrace_core::channel::Cancelled;
use millrace_core::{Channel, ReceiveError, SendError, TryReceiveError, TrySendError};

fn channel(capacity: usize) -> Channel<Vec<usize>> {
    Channel::new(capacity).expect("a valid capacity")
}

#[test]
fn credit_counts_towards_the_bound_and_is_no_item() {
    let channel = channel(10);
    let producer = channel.producer();
    let mut credit = producer.credit();
    assert_eq!(credit.top_up(4), Ok(()));
    assert_eq!(credit.top_up(4), Ok(()));
    assert_eq!((credit.held(), channel.len(), channel.stats().peak), (4, 0, 0));
    assert_eq!(channel.try_send(vec![0; 7]), Err(TrySendError::Full(vec![0; 7])));
    credit.send(vec![1, 2]);
    assert_eq!((credit.held(), channel.len(), channel.stats().peak), (2, 2, 2));
    assert_eq!(producer.admitted(), 2);
    credit.give_back();
    assert_eq!(channel.try_send(vec![0; 8]), Ok(()));
    assert_eq!(channel.stats().peak, 10);
    assert_eq!(credit.top_up(1), Ok(()));
    assert_eq!(credit.held(), 0);
}

#[test]
#[should_panic(expected = "expected at most 1 items, for which there is credit, got 2")]
fn more_than_there_is_credit_for_is_a_bug() {
    let channel = channel(10);
    let mut credit = channel.producer().credit();
    credit.top_up(1).expect("open");
    credit.send(vec![1, 2]);
}

#[test]
fn there_is_no_credit_while_a_send_of_the_producer_waits() {
    let channel = channel(2);
    channel.send(vec![1, 2]).expect("open");
    let producer = channel.producer();
    let sending = producer.send(vec![3, 4, 5]);
    assert_eq!(channel.receive(1), Ok(vec![1]));
    assert_eq!(channel.receive(1), Ok(vec![2]));
    assert!(producer.is_waiting());
    let mut credit = producer.credit();
    assert_eq!(credit.top_up(1), Ok(()));
    assert_eq!(credit.held(), 0);
    assert_eq!(sending.cancel(), Cancelled::Rest(vec![5]));
    assert_eq!(channel.receive(2), Ok(vec![3]));
    assert_eq!(credit.top_up(1), Ok(()));
    assert_eq!(credit.held(), 1);
}

#[test]
fn a_close_refuses_credit_and_lets_what_is_held_be_spent() {
    let channel = channel(4);
    let mut credit = channel.producer().credit();
    credit.top_up(2).expect("open");
    channel.close();
    assert_eq!(credit.top_up(3), Err(SendError::Closed(())));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    assert!(!channel.is_ended());
    credit.send(vec![1]);
    assert_eq!(channel.receive(5), Ok(vec![1]));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    drop(credit);
    assert!(channel.is_ended());
    assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
}

#[test]
fn after_an_abort_what_is_sent_on_credit_is_discarded() {
    let channel = channel(4);
    let mut credit = channel.producer().credit();
    credit.top_up(3).expect("open");
    assert!(channel.abort().is_empty());
    assert_eq!(credit.top_up(4), Err(SendError::Aborted(())));
    credit.send(vec![1, 2]);
    drop(credit);
    assert_eq!((channel.stats().discarded, channel.len()), (2, 0));
}

#[test]
fn producers_with_credit_never_pass_the_bound() {
    const EACH: usize = 20_000;
    let capacity = 24;
    let channel = channel(capacity);
    let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let senders = [1, 5, 16, 24].map(|want| {
            let (channel, sent) = (&channel, &sent);
            scope.spawn(move || {
                let producer = channel.producer();
                let mut credit = producer.credit();
                let mut next = 0;
                while next < EACH {
                    credit.top_up(want).expect("open");
                    let n = credit.held().min(EACH - next);
                    if n == 0 {
                        channel.send(vec![want * EACH + next]).expect("open");
                        next += 1;
                    } else {
                        credit.send((next..next + n).map(|item| want * EACH + item).collect());
                        next += n;
                    }
                    sent.fetch_add(n.max(1), Ordering::SeqCst);
                    if next % 7 == 0 {
                        credit.give_back();
                    }
                }
            })
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while let Ok(items) = channel.receive(9) {
                    received.fetch_add(items.len(), Ordering::SeqCst);
                    assert!(channel.len() <= capacity);
                }
            });
        }
        for sender in senders {
            sender.join().expect("no panic");
        }
        channel.close();
    });
    assert_eq!(received.into_inner(), 4 * EACH);
    assert_eq!(sent.into_inner(), 4 * EACH);
    assert!(channel.stats().peak <= capacity);
    assert!(channel.is_empty());
}

#[test]
fn what_is_held_and_not_handed_over_goes_back_to_the_front() {
    let channel = channel(10);
    channel.send((0..6).collect()).expect("open");
    let mut held = channel.try_hold(4).expect("there are some");
    assert_eq!(channel.len(), 6);
    let front = held.split_front(2);
    assert_eq!(front.hand_over(), [0, 1]);
    assert_eq!(channel.len(), 4);
    drop(held);
    assert_eq!(channel.receive(9), Ok(vec![2, 3]));
    let held = channel.try_hold(9).expect("there are some");
    channel.close();
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    assert!(channel.abort().is_empty());
    drop(held);
    assert_eq!((channel.stats().discarded, channel.len()), (2, 0));
}

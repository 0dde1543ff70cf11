//! Permits that are held ahead, against all that waits for them.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::thread;
use millrace_core::channel::Credit;
use millrace_core::{Channel, ReceiveError};

use crate::support::{Items, full, model};

/// A channel of capacity 1, and the credit that is all of its room.
fn held() -> (Channel<Items>, Credit<Items>) {
    let channel = Channel::new(1).expect("a valid capacity");
    let mut credit = channel.producer().credit();
    assert_eq!(credit.top_up(5), Ok(()));
    assert_eq!((credit.held(), channel.len()), (1, 0));
    (channel, credit)
}

#[test]
fn credit_that_is_given_back_wakes_the_thread_that_waits_for_room() {
    model(3, || {
        let (channel, credit) = held();
        let sender = {
            let channel = channel.clone();
            thread::spawn(move || channel.send(vec![2]))
        };
        drop(credit);
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn credit_that_is_given_back_admits_the_task_that_waits_for_room() {
    model(3, || {
        let (channel, credit) = held();
        let giver = thread::spawn(move || drop(credit));
        let producer = channel.producer();
        let mut sending = producer.send(vec![2]);
        giver.join().expect("no panic");
        assert!(!producer.is_waiting());
        let polled = Pin::new(&mut sending).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Ok(())));
        assert_eq!(channel.receive(1), Ok(vec![2]));
    });
}

#[test]
fn credit_that_is_spent_wakes_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let (channel, mut credit) = held();
        let spender = thread::spawn(move || credit.send(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![1]));
        spender.join().expect("no panic");
    });
}

#[test]
fn the_end_waits_for_credit_that_is_spent() {
    model(3, || {
        let (channel, mut credit) = held();
        let spender = thread::spawn(move || credit.send(vec![1]));
        channel.close();
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
        spender.join().expect("no panic");
    });
}

#[test]
fn the_end_comes_once_credit_is_given_back() {
    model(3, || {
        let (channel, credit) = held();
        let giver = thread::spawn(move || drop(credit));
        channel.close();
        assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
        giver.join().expect("no panic");
    });
}

#[test]
fn an_abort_finds_or_discards_what_was_sent_on_credit() {
    model(3, || {
        let (channel, mut credit) = held();
        let spender = thread::spawn(move || credit.send(vec![1]));
        let queued: usize = channel.abort().iter().map(Vec::len).sum();
        spender.join().expect("no panic");
        assert_eq!(queued as u64 + channel.stats().discarded, 1);
        assert!(channel.is_empty());
    });
}

#[test]
fn credit_that_is_given_back_admits_one_of_two_sends_and_the_next_as_room_comes() {
    model(3, || {
        let (channel, credit) = held();
        let (one, other) = (channel.producer(), channel.producer());
        let first = one.send(vec![2]);
        let giver = thread::spawn(move || drop(credit));
        let second = other.send(vec![3]);
        // The second may barge.
        assert_eq!(channel.receive(1).expect("an item")[0] + channel.receive(1).expect("an item")[0], 5);
        giver.join().expect("no panic");
        first.detach();
        second.detach();
    });
}

#[test]
fn no_credit_is_given_while_an_earlier_send_of_the_producer_waits() {
    model(3, || {
        let channel = full();
        let producer = channel.producer();
        let sending = producer.send(vec![2]);
        let receiver = crate::support::spawn(&channel, |channel| channel.receive(1));
        let mut credit = producer.credit();
        assert_eq!(credit.top_up(1), Ok(()));
        assert_eq!(credit.held(), 0, "the send that waits has the room");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        sending.detach();
    });
}

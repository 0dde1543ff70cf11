//! Order: first in, first out for each producer.

use crate::support::{channel, full_with_a_waiting_send, model, spawn};

#[test]
fn what_a_thread_sends_while_it_has_to_wait_arrives_in_order() {
    model(2, || {
        let channel = channel(1);
        let sender = spawn(&channel, |channel| (1..=3).try_for_each(|item| channel.send(vec![item])));
        let received = [(); 3].map(|()| channel.receive(1).expect("an item")[0]);
        assert_eq!(received, [1, 2, 3]);
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_batch_that_two_receivers_share_is_in_order_for_each() {
    model(3, || {
        let channel = channel(4);
        channel.send(vec![1, 2]).expect("open");
        channel.send(vec![3, 4]).expect("open");
        let other = spawn(&channel, |channel| [(); 2].map(|()| channel.receive(1).expect("an item")[0]));
        let mine = [(); 2].map(|()| channel.receive(1).expect("an item")[0]);
        let other = other.join().expect("no panic");
        assert!(mine.is_sorted() && other.is_sorted(), "{mine:?} and {other:?}");
        assert_eq!(mine.iter().chain(&other).sum::<u32>(), 10);
    });
}

#[test]
fn a_try_send_fails_while_an_earlier_send_of_its_producer_waits_and_never_passes_it() {
    model(3, || {
        let (channel, producer, sending) = full_with_a_waiting_send();
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let passed = producer.try_send(vec![3]).is_ok();
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        assert!(!passed, "there is room for one, and the send that waits has it");
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert_eq!(producer.try_send(vec![3]), Ok(()));
        assert_eq!(channel.receive(1), Ok(vec![3]));
        sending.detach();
    });
}

#[test]
fn sends_of_a_task_that_wait_are_admitted_in_the_order_of_the_calls() {
    model(3, || {
        let (channel, producer, first) = full_with_a_waiting_send();
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let second = producer.send(vec![3]);
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        assert_eq!((channel.receive(1), channel.receive(1)), (Ok(vec![2]), Ok(vec![3])));
        first.detach();
        second.detach();
    });
}

#[test]
fn what_was_held_and_not_handed_over_is_received_before_what_came_after_it() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1]).expect("open");
        let held = channel.try_hold(1).expect("an item");
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        drop(held);
        assert_eq!((channel.receive(1), channel.receive(1)), (Ok(vec![1]), Ok(vec![2])));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

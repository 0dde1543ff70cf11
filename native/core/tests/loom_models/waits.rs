//! Send and receive: who waits is woken by whoever brings about what it waits for.

use loom::future::block_on;

use crate::support::{channel, model, spawn};

#[test]
fn a_release_wakes_the_sender_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_release_admits_a_task_whose_event_loop_is_busy() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let task = spawn(&channel, |channel| {
            let producer = channel.producer();
            let sending = producer.send(vec![2]);
            // It looks again only once the item has been received.
            (producer, sending)
        });
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        let (producer, sending) = task.join().expect("no panic");
        assert!(!producer.is_waiting());
        assert_eq!(block_on(sending), Ok(()));
    });
}

#[test]
fn a_push_wakes_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(1);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        channel.send(vec![1]).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
    });
}

#[test]
fn a_push_wakes_the_task_that_starts_to_wait() {
    model(3, || {
        let channel = channel(1);
        let receiver = spawn(&channel, |channel| block_on(channel.receive_async(1)));
        channel.send(vec![1]).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
    });
}

#[test]
fn two_pushes_wake_two_receivers() {
    model(2, || {
        let channel = channel(2);
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| channel.receive(1)));
        channel.send(vec![1]).expect("open");
        channel.send(vec![2]).expect("open");
        let sum: u32 = receivers.map(|receiver| receiver.join().expect("no panic").expect("an item")[0]).iter().sum();
        assert_eq!(sum, 3);
    });
}

#[test]
fn a_push_past_a_woken_receiver_wakes_the_next_one() {
    model(2, || {
        let channel = channel(2);
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| channel.receive(1)));
        channel.send(vec![1, 2]).expect("open");
        let sum: u32 = receivers.map(|receiver| receiver.join().expect("no panic").expect("an item")[0]).iter().sum();
        assert_eq!(sum, 3);
    });
}

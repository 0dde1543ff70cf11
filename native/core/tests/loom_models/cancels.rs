//! Cancel and time-out: an item is in or given back, and a wake-up that was on its way goes to the next waiter.

use std::time::Duration;

use millrace_core::SendTimeoutError;
use millrace_core::channel::Cancelled;

use crate::support::{channel, full, full_with_a_waiting_send, model, poll_once, receive_all, spawn};

#[test]
fn a_cancelled_send_is_either_admitted_or_given_back() {
    model(3, || {
        let (channel, producer, sending) = full_with_a_waiting_send();
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let given_back = match sending.cancel() {
            Cancelled::Rest(rest) => rest,
            Cancelled::Over(outcome) => outcome.map(|()| Vec::new()).expect("admitted"),
        };
        assert!(!producer.is_waiting());
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        channel.close();
        let received = receive_all(&channel);
        assert_eq!([given_back, received].concat(), [2]);
    });
}

#[test]
fn a_send_cancelled_while_the_channel_is_aborted_gives_its_items_back() {
    model(3, || {
        let (channel, _producer, sending) = full_with_a_waiting_send();
        let aborter = spawn(&channel, |channel| channel.abort());
        let given_back = match sending.cancel() {
            Cancelled::Rest(rest) => rest,
            Cancelled::Over(outcome) => outcome.expect_err("not admitted").into_inner(),
        };
        assert_eq!(given_back, [2]);
        assert_eq!(aborter.join().expect("no panic"), [[1]]);
    });
}

#[test]
fn a_cancelled_send_passes_its_wake_up_on() {
    model(3, || {
        let (channel, _producer, sending) = full_with_a_waiting_send();
        let sender = spawn(&channel, |channel| channel.send(vec![3]));
        let receiver = spawn(&channel, |channel| {
            assert_eq!(channel.receive(1), Ok(vec![1]));
            channel.receive(1)
        });
        let given_back = matches!(sending.cancel(), Cancelled::Rest(_));
        let second = receiver.join().expect("no panic").expect("an item");
        if given_back {
            assert_eq!(second, [3]);
        } else {
            assert_eq!(second[0] + channel.receive(1).expect("an item")[0], 5);
        }
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_send_that_times_out_passes_its_wake_up_on() {
    model(2, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let hasty = spawn(&channel, |channel| channel.send_timeout(vec![2], Duration::ZERO));
        let patient = spawn(&channel, |channel| channel.send(vec![3]));
        assert_eq!(channel.receive(1), Ok(vec![1]));
        let next = channel.receive(1).expect("an item");
        match hasty.join().expect("no panic") {
            Ok(()) => assert_eq!(next[0] + channel.receive(1).expect("an item")[0], 5),
            Err(late) => {
                assert_eq!(late, SendTimeoutError::Timeout(vec![2]));
                assert_eq!(next, [3]);
            }
        }
        assert_eq!(patient.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_cancelled_receive_passes_its_wake_up_on() {
    model(3, || {
        let channel = channel(1);
        let mut receiving = channel.receive_async(1);
        assert!(poll_once(&mut receiving).is_pending());
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let sender = spawn(&channel, |channel| channel.send(vec![1]));
        drop(receiving);
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_receive_that_times_out_passes_its_wake_up_on() {
    model(3, || {
        let channel = channel(1);
        let hasty = spawn(&channel, |channel| channel.receive_timeout(1, Duration::ZERO));
        let patient = spawn(&channel, |channel| channel.receive(1));
        channel.send(vec![1]).expect("open");
        if hasty.join().expect("no panic").is_ok() {
            channel.send(vec![2]).expect("open");
        }
        assert!(patient.join().expect("no panic").is_ok());
    });
}

#[test]
fn a_send_of_several_items_that_is_cancelled_says_what_was_admitted() {
    model(3, || {
        let channel = full();
        let producer = channel.producer();
        let sending = producer.send(vec![2, 3]);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let given_back = match sending.cancel() {
            Cancelled::Rest(rest) => rest,
            Cancelled::Over(outcome) => panic!("expected a rest, got {outcome:?}"),
        };
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        channel.close();
        let received = receive_all(&channel);
        assert_eq!(producer.admitted() as usize, received.len());
        assert_eq!([received, given_back].concat(), [2, 3]);
    });
}

#[test]
fn a_cancelled_receive_never_takes_an_item_with_it() {
    model(3, || {
        let channel = channel(1);
        let mut receiving = channel.receive_async(1);
        assert!(poll_once(&mut receiving).is_pending());
        let sender = spawn(&channel, |channel| channel.send(vec![1]));
        drop(receiving);
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!(channel.try_receive(1), Ok(vec![1]));
    });
}

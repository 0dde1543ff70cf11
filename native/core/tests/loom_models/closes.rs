//! Close: sends that wait complete, receivers get all of it, and then everyone gets the end, once and for all.

use loom::future::block_on;
use millrace_core::{ReceiveError, SendError};

use crate::support::{channel, full, model, receive_all, spawn};

#[test]
fn a_close_lets_the_send_that_waits_complete_or_refuses_it() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![2]).is_ok());
        channel.close();
        let received = receive_all(&channel);
        let sent = sender.join().expect("no panic");
        assert_eq!(received, if sent { vec![1, 2] } else { vec![1] });
    });
}

#[test]
fn the_end_comes_after_the_send_of_a_task_that_waits() {
    model(3, || {
        let channel = channel(2);
        let sending = channel.producer().send(vec![1, 2, 3]);
        channel.close();
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| receive_all(&channel).len()));
        assert_eq!(receivers.map(|receiver| receiver.join().expect("no panic")).iter().sum::<usize>(), 3);
        assert_eq!(block_on(sending), Ok(()));
    });
}

#[test]
fn a_close_that_meets_the_last_item_gives_every_receiver_the_end() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| receive_all(&channel).len()));
        channel.close();
        assert_eq!(receivers.map(|receiver| receiver.join().expect("no panic")).iter().sum::<usize>(), 1);
    });
}

#[test]
fn two_closes_give_one_end_to_everyone() {
    model(3, || {
        let channel = full();
        let closer = spawn(&channel, |channel| channel.close());
        let receiver = spawn(&channel, |channel| receive_all(&channel).len());
        channel.close();
        assert_eq!(channel.send(vec![2]), Err(SendError::Closed(vec![2])));
        closer.join().expect("no panic");
        assert_eq!(receiver.join().expect("no panic"), 1);
        assert!(channel.is_ended());
    });
}

#[test]
fn a_send_that_is_refused_by_a_close_leaves_its_item_out() {
    model(3, || {
        let channel = channel(2);
        let closer = spawn(&channel, |channel| channel.close());
        let sent = channel.send(vec![1]).is_ok();
        closer.join().expect("no panic");
        assert_eq!(receive_all(&channel).len(), usize::from(sent));
    });
}

#[test]
fn the_end_is_not_given_while_an_item_is_only_held() {
    model(3, || {
        let channel = full();
        let held = channel.try_hold(1).expect("an item");
        channel.close();
        let receiver = spawn(&channel, |channel| receive_all(&channel));
        drop(held);
        assert_eq!(receiver.join().expect("no panic"), [1]);
    });
}

#[test]
fn a_hand_over_of_the_last_item_gives_the_end() {
    model(3, || {
        let channel = full();
        let held = channel.try_hold(1).expect("an item");
        let receiver = spawn(&channel, |channel| channel.receive(1));
        channel.close();
        assert_eq!(held.hand_over(), [1]);
        assert_eq!(receiver.join().expect("no panic"), Err(ReceiveError::Closed));
    });
}

#[test]
fn a_cancelled_send_that_kept_the_end_back_gives_it() {
    model(3, || {
        let (channel, _producer, sending) = crate::support::full_with_a_waiting_send();
        channel.close();
        let receiver = spawn(&channel, |channel| receive_all(&channel).len());
        let given_back = matches!(sending.cancel(), millrace_core::channel::Cancelled::Rest(_));
        assert_eq!(receiver.join().expect("no panic"), if given_back { 1 } else { 2 });
    });
}

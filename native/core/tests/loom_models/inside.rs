//! What the system alone may do to a channel: to pause it, to lift its bound, to keep what is late for an abort.

use loom::thread;
use millrace_core::channel::Inside;
use millrace_core::{Channel, SendError};

use crate::support::{Items, channel, full, full_with_a_waiting_send, model, spawn};

#[test]
fn what_is_sent_on_credit_during_an_abort_is_queued_or_late_or_discarded() {
    model(3, || {
        let channel = channel(1);
        let mut credit = channel.producer().credit();
        assert_eq!(credit.top_up(1), Ok(()));
        let spender = thread::spawn(move || credit.send(vec![1]));
        let queued = Inside(&channel).abort_and_keep().len();
        // Who finds nothing on its way any more finds the item.
        let at_rest = channel.stats().length == 0;
        let late = Inside(&channel).take_late().len();
        spender.join().expect("no panic");
        let discarded = channel.stats().discarded as usize;
        assert_eq!(queued + late + discarded, 1, "at rest: {at_rest}");
        assert!(channel.is_empty());
    });
}

#[test]
fn once_an_aborted_channel_is_empty_all_that_was_late_can_be_taken() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1]).expect("open");
        let aborter = spawn(&channel, |channel| {
            let queued = Inside(&channel).abort_and_keep().len();
            let empty = channel.is_empty();
            (queued + Inside(&channel).take_late().len(), empty)
        });
        let sent = usize::from(channel.send(vec![2]).is_ok());
        let (found, empty) = aborter.join().expect("no panic");
        let discarded = channel.stats().discarded as usize;
        assert_eq!(found + discarded, 1 + sent);
        assert!(!empty || discarded == 0, "it was empty, but for an item that nobody could find");
    });
}

#[test]
fn what_is_held_and_put_back_during_an_abort_is_queued_or_late() {
    model(3, || {
        let channel = full();
        let held = channel.try_hold(1).expect("an item");
        let holder = thread::spawn(move || drop(held));
        let queued = Inside(&channel).abort_and_keep().len();
        holder.join().expect("no panic");
        assert_eq!(queued + Inside(&channel).take_late().len(), 1);
        assert!(channel.is_empty());
        assert_eq!(channel.stats().discarded, 0);
    });
}

#[test]
fn a_lifted_bound_lets_the_sender_in_that_goes_to_sleep() {
    model(3, || {
        let channel = full();
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        Inside(&channel).lift();
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!((channel.receive(1), channel.receive(1)), (Ok(vec![1]), Ok(vec![2])));
    });
}

#[test]
fn a_lifted_bound_admits_the_task_that_waits_and_keeps_its_order() {
    model(3, || {
        let (channel, producer, sending) = full_with_a_waiting_send();
        let lifter = spawn(&channel, |channel| Inside(&channel).lift());
        let at_once = producer.try_send(vec![3]).is_ok();
        lifter.join().expect("no panic");
        assert!(!producer.is_waiting());
        assert!(at_once || producer.try_send(vec![3]).is_ok());
        let received = [(); 3].map(|()| channel.receive(1).expect("an item")[0]);
        assert_eq!(received, [1, 2, 3]);
        sending.detach();
    });
}

/// A channel of capacity 4 whose receivers work for long, with items 1 to 4 in it, and a thread that waits to send item 5.
fn full_with_a_thread_that_waits_for_half() -> (Channel<Items>, thread::JoinHandle<Result<(), SendError<Items>>>) {
    let channel = channel(4);
    Inside(&channel).expect_long_work();
    channel.send(vec![1, 2, 3, 4]).expect("open");
    let sender = spawn(&channel, |channel| channel.send(vec![5]));
    while channel.stats().waiting_sends < 1 {
        thread::yield_now();
    }
    (channel, sender)
}

#[test]
fn a_thread_that_waits_for_half_of_the_room_is_woken_once_it_is_free() {
    model(3, || {
        let (channel, sender) = full_with_a_thread_that_waits_for_half();
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.stats().waiting_sends, 1, "woken for less than half");
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!(channel.receive(3), Ok(vec![3, 4]));
        assert_eq!(channel.receive(1), Ok(vec![5]));
    });
}

#[test]
fn a_thread_that_waits_for_half_of_the_room_is_woken_for_less_where_nothing_is_left_to_work_on() {
    model(3, || {
        let (channel, sender) = full_with_a_thread_that_waits_for_half();
        assert_eq!(channel.receive(1), Ok(vec![1]));
        Inside(&channel).ask_for_more();
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_task_behind_a_thread_that_waits_for_half_of_the_room_is_not_held_up() {
    model(2, || {
        let (channel, sender) = full_with_a_thread_that_waits_for_half();
        let producer = channel.producer();
        let sending = producer.send(vec![6]);
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert!(!producer.is_waiting());
        sending.detach();
    });
}

#[test]
fn once_half_of_the_room_is_free_every_thread_that_waits_gets_some() {
    model(2, || {
        let channel = channel(4);
        Inside(&channel).expect_long_work();
        channel.send(vec![1, 2, 3, 4]).expect("open");
        let senders = [5, 6].map(|item| spawn(&channel, move |channel| channel.send(vec![item])));
        while channel.stats().waiting_sends < 2 {
            thread::yield_now();
        }
        assert_eq!(channel.receive(2), Ok(vec![1, 2]));
        for sender in senders {
            assert_eq!(sender.join().expect("no panic"), Ok(()));
        }
    });
}

#[test]
fn a_thread_that_waits_for_half_of_the_room_of_a_closed_channel_is_let_in() {
    model(3, || {
        let channel = channel(4);
        Inside(&channel).expect_long_work();
        channel.send(vec![1, 2, 3, 4]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![5]).is_ok());
        channel.close();
        let received = crate::support::receive_all(&channel).len();
        assert_eq!(received, 4 + usize::from(sender.join().expect("no panic")));
    });
}

#[test]
fn the_end_of_a_pause_wakes_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let channel = full();
        Inside(&channel).hold(true);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        Inside(&channel).hold(false);
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
    });
}

#[test]
fn a_pause_that_meets_a_close_does_not_keep_the_end_back_for_ever() {
    model(3, || {
        let channel = channel(1);
        let receiver = spawn(&channel, |channel| channel.receive(1).is_err());
        let pauser = spawn(&channel, |channel| Inside(&channel).hold(true));
        channel.close();
        assert!(receiver.join().expect("no panic"));
        pauser.join().expect("no panic");
    });
}

//! Channels of single items: permits in cells, of which a model's threads have one each, and receivers without the lock.

use millrace_core::{Channel, ReceiveError, TrySendError};

use crate::support::{model, spawn};

type Item = Option<u32>;

/// With items 1 to `items` in it.
fn channel(capacity: usize, items: u32) -> Channel<Item> {
    let channel = Channel::new(capacity).expect("a valid capacity");
    (1..=items).for_each(|item| channel.send(Some(item)).expect("open"));
    channel
}

#[test]
fn a_permit_in_a_cell_wakes_the_sender_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(1, 1);
        let sender = spawn(&channel, |channel| channel.send(Some(2)));
        assert_eq!(channel.receive(1), Ok(Some(1)));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!(channel.receive(1), Ok(Some(2)));
    });
}

#[test]
fn a_permit_in_a_cell_admits_the_task_that_starts_to_wait() {
    model(3, || {
        let channel = channel(1, 1);
        let task = spawn(&channel, |channel| {
            let producer = channel.producer();
            let sending = producer.send(Some(2));
            (producer, sending)
        });
        assert_eq!(channel.receive(1), Ok(Some(1)));
        let (producer, sending) = task.join().expect("no panic");
        assert!(!producer.is_waiting());
        sending.detach();
        assert_eq!(channel.receive(1), Ok(Some(2)));
    });
}

#[test]
fn what_a_sender_takes_for_its_cell_wakes_the_one_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(2, 0);
        let other = spawn(&channel, |channel| channel.send(Some(1)));
        channel.send(Some(2)).expect("open");
        assert_eq!(other.join().expect("no panic"), Ok(()));
        assert_eq!(channel.len(), 2);
    });
}

#[test]
fn a_permit_that_is_freed_admits_one() {
    model(3, || {
        let channel = channel(1, 1);
        let sender = spawn(&channel, |channel| channel.try_send(Some(2)).is_ok());
        assert_eq!(channel.receive(1), Ok(Some(1)));
        let mine = channel.try_send(Some(3)).is_ok();
        assert!(!(mine && sender.join().expect("no panic")));
        assert!(channel.len() <= 1);
    });
}

#[test]
fn all_of_the_capacity_is_a_lone_senders() {
    model(3, || {
        let channel = channel(2, 2);
        spawn(&channel, |channel| assert_eq!(channel.receive(1), Ok(Some(1)))).join().expect("no panic");
        assert_eq!(channel.try_send(Some(3)), Ok(()));
        assert_eq!(channel.try_send(Some(4)), Err(TrySendError::Full(Some(4))));
    });
}

#[test]
fn a_close_that_meets_a_send_from_a_cell_lets_it_in_or_refuses_it() {
    model(3, || {
        // What is left of it lies in the cell of the thread that sends.
        let channel = channel(2, 1);
        let closer = spawn(&channel, |channel| channel.close());
        let sent = channel.send(Some(2)).is_ok();
        closer.join().expect("no panic");
        assert_eq!(channel.receive(1), Ok(Some(1)));
        assert!(!sent || channel.receive(1) == Ok(Some(2)));
        assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
    });
}

#[test]
fn a_close_that_meets_the_last_permit_gives_the_end() {
    model(3, || {
        let channel = channel(1, 1);
        let receiver = spawn(&channel, |channel| (channel.receive(1), channel.receive(1)));
        channel.close();
        assert_eq!(channel.receive(1).is_ok(), receiver.join().expect("no panic").0.is_err());
        assert!(channel.is_ended());
    });
}

#[test]
fn an_abort_finds_or_discards_what_was_sent_from_a_cell() {
    model(3, || {
        let channel = channel(2, 1);
        let aborter = spawn(&channel, |channel| channel.abort().len());
        let sent = 1 + usize::from(channel.send(Some(2)).is_ok());
        let queued = aborter.join().expect("no panic");
        assert_eq!(queued + channel.stats().discarded as usize, sent);
        assert!(channel.is_empty());
    });
}

#[test]
fn a_push_wakes_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(2, 0);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        channel.send(Some(1)).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(Some(1)));
    });
}

#[test]
fn receivers_without_the_lock_leave_the_others_theirs() {
    model(3, || {
        let channel = channel(2, 1);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let other = channel.try_receive(1);
        channel.send(Some(2)).expect("open");
        let item = receiver.join().expect("no panic");
        assert_eq!(item, Ok(Some(if other.is_ok() { 2 } else { 1 })));
    });
}

#[test]
fn the_end_is_not_given_while_an_item_is_being_leased() {
    model(3, || {
        let channel = channel(1, 1);
        channel.close();
        let worker = spawn(&channel, |channel| channel.try_lease(1).is_ok_and(|lease| lease.attempt() == 1));
        let ended = channel.is_ended();
        // The lease was given back, if there was one.
        let leased = worker.join().expect("no panic");
        assert!(leased && !ended);
        assert_eq!(channel.receive(1), Ok(Some(1)));
        assert!(channel.is_ended());
    });
}

#[test]
fn a_lease_without_the_lock_that_meets_a_close_gives_the_end_once_it_is_settled() {
    model(3, || {
        let channel = channel(1, 1);
        let worker = spawn(&channel, |channel| channel.lease(1).map(|lease| lease.settle()));
        channel.close();
        let mine = channel.receive(1);
        let other = worker.join().expect("no panic");
        assert!(mine.is_ok() != other.is_ok());
        assert!(channel.is_ended());
    });
}

#[test]
fn single_items_of_a_thread_are_in_order_for_each_receiver() {
    model(3, || {
        let channel = channel(3, 3);
        let other = spawn(&channel, |channel| channel.try_receive(1).ok().flatten());
        let first = channel.receive(1).expect("an item");
        let second = channel.receive(1).expect("an item");
        assert!(first < second);
        let other = other.join().expect("no panic");
        let last = if other.is_none() { channel.receive(1).expect("an item") } else { other };
        assert_eq!([first, second, last].iter().flatten().sum::<u32>(), 6);
    });
}

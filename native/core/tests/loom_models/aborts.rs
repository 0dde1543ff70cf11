//! Abort: everything that waits ends now, and each item is given back, received, or counted as discarded, exactly once.

use millrace_core::{ReceiveError, SendError};

use crate::support::{channel, full, full_with_a_waiting_send, model, poll_once, spawn};

#[test]
fn an_abort_strands_nothing_that_is_pushed_meanwhile() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        let returned = channel.abort().concat();
        let refused = sender.join().expect("no panic").is_err();
        // What lay there before the abort comes back; only what was on its way in may be discarded.
        assert_eq!(returned[0], 1);
        assert_eq!(returned.len() + usize::from(refused) + channel.stats().discarded as usize, 2);
        assert!(channel.is_empty());
    });
}

#[test]
fn an_abort_ends_everything_that_waits() {
    model(3, || {
        let channel = channel(1);
        let sender = spawn(&channel, |channel| channel.send(vec![1, 2]));
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let returned = channel.abort().concat().len();
        let refused = sender.join().expect("no panic").map_or_else(|refused| refused.into_inner().len(), |()| 0);
        let received = receiver.join().expect("no panic").map_or(0, |batch| batch.len());
        assert_eq!(returned + refused + received + channel.stats().discarded as usize, 2);
    });
}

#[test]
fn what_was_queued_comes_back_to_one_of_two_that_abort() {
    model(3, || {
        let channel = full();
        let other = spawn(&channel, |channel| channel.abort());
        let mine = channel.abort();
        let other = other.join().expect("no panic");
        assert!(mine.is_empty() != other.is_empty());
        assert_eq!([mine, other].concat(), [[1]]);
        assert!(channel.is_empty());
    });
}

#[test]
fn an_abort_that_meets_a_close_ends_with_the_abort() {
    model(3, || {
        let channel = full();
        let closer = spawn(&channel, |channel| channel.close());
        let receiver = spawn(&channel, |channel| [channel.receive(1), channel.receive(1)]);
        let returned = channel.abort().len();
        closer.join().expect("no panic");
        let [first, second] = receiver.join().expect("no panic");
        assert_eq!(returned + usize::from(first.is_ok()), 1);
        assert!(second.is_err());
        assert_eq!(channel.receive(1), Err(ReceiveError::Aborted));
    });
}

#[test]
fn an_abort_gives_a_task_that_waits_its_items_back() {
    model(3, || {
        let (channel, producer, mut sending) = full_with_a_waiting_send();
        let receiver = spawn(&channel, |channel| channel.receive(1).is_ok());
        let queued = channel.abort().concat();
        let received = usize::from(receiver.join().expect("no panic"));
        assert!(!producer.is_waiting());
        // It was let in where the receiver came first, and is queued then, or late.
        let refused = match poll_once(&mut sending) {
            std::task::Poll::Ready(Err(SendError::Aborted(batch))) => batch.len(),
            std::task::Poll::Ready(Ok(())) => 0,
            other => panic!("expected an end, got {other:?}"),
        };
        assert_eq!(queued.len() + received + refused + channel.stats().discarded as usize, 2);
        assert!(channel.is_empty());
    });
}

#[test]
fn an_abort_finds_or_discards_what_was_held_and_not_handed_over() {
    model(3, || {
        let channel = full();
        let held = channel.try_hold(1).expect("an item");
        let holder = loom::thread::spawn(move || drop(held));
        let queued = channel.abort().len();
        holder.join().expect("no panic");
        assert_eq!(queued + channel.stats().discarded as usize, 1);
        assert!(channel.is_empty());
    });
}

#[test]
fn an_abort_takes_nothing_from_a_receiver_that_has_it() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1]).expect("open");
        channel.send(vec![2]).expect("open");
        let receiver = spawn(&channel, |channel| channel.receive(1).map_or(0, |batch| batch[0]));
        let queued: u32 = channel.abort().concat().iter().sum();
        assert_eq!(queued + receiver.join().expect("no panic"), 3);
        assert!(channel.is_empty());
    });
}

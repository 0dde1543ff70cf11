//! Select: exactly one case happens, and what was on its way to the others goes to the next.

use std::time::Duration;

use loom::thread;
use millrace_core::channel::{select, select_timeout};
use millrace_core::{ReceiveError, SendError};

use crate::support::{channel, full, model, receive_all, spawn};

#[test]
fn a_push_to_either_channel_wakes_the_select_that_goes_to_sleep() {
    model(3, || {
        let (a, b) = (channel(1), channel(1));
        let (mut first, mut second) = (a.receiving(1), b.receiving(1));
        let selecting = thread::spawn(move || {
            assert_eq!(select(&mut [&mut first, &mut second]), 1);
            second.outcome()
        });
        b.send(vec![2]).expect("open");
        assert_eq!(selecting.join().expect("no panic"), Some(Ok(vec![2])));
        assert_eq!(a.try_send(vec![1]), Ok(()));
    });
}

#[test]
fn of_two_receives_that_become_ready_one_happens_and_the_other_item_stays() {
    model(2, || {
        let (a, b) = (channel(1), channel(1));
        let (mut first, mut second) = (a.receiving(1), b.receiving(1));
        let selecting = thread::spawn(move || {
            select(&mut [&mut first, &mut second]);
            [first.outcome(), second.outcome()].into_iter().flatten().map(|got| got.expect("an item")[0]).sum::<u32>()
        });
        a.send(vec![1]).expect("open");
        b.send(vec![2]).expect("open");
        let selected = selecting.join().expect("no panic");
        let left = [a.try_receive(1), b.try_receive(1)].into_iter().flatten().map(|batch| batch[0]).sum::<u32>();
        assert!(selected > 0 && left > 0);
        assert_eq!(selected + left, 3);
    });
}

#[test]
fn a_select_that_loses_its_item_passes_the_wake_up_on() {
    model(2, || {
        let (a, b) = (channel(1), channel(1));
        let (mut first, mut second) = (a.receiving(1), b.receiving(1));
        let selecting = thread::spawn(move || select(&mut [&mut first, &mut second]));
        let receiver = spawn(&a, |a| a.receive(1));
        b.send(vec![2]).expect("open");
        a.send(vec![1]).expect("open");
        // Its item goes back to the front where it took this one: it does not ask for the outcome.
        selecting.join().expect("no panic");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        assert_eq!(a.try_receive(1), Err(millrace_core::TryReceiveError::Empty));
    });
}

#[test]
fn a_release_lets_the_sending_case_in_that_goes_to_sleep() {
    model(3, || {
        let channel = full();
        let mut sending = channel.sending(vec![2]);
        let selecting = thread::spawn(move || {
            assert_eq!(select(&mut [&mut sending]), 0);
            sending.outcome()
        });
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert_eq!(selecting.join().expect("no panic"), Some(Ok(())));
    });
}

#[test]
fn of_two_sending_cases_that_are_let_in_one_happens() {
    model(2, || {
        let (a, b) = (full(), full());
        let (mut first, mut second) = (a.sending(vec![2]), b.sending(vec![2]));
        let selecting = thread::spawn(move || {
            let index = select(&mut [&mut first, &mut second]);
            let left = if index == 0 { second.into_batch() } else { first.into_batch() };
            assert_eq!(left, Some(vec![2]));
            index
        });
        let other = spawn(&b, |b| b.receive(1));
        assert_eq!(a.receive(1), Ok(vec![1]));
        assert_eq!(other.join().expect("no panic"), Ok(vec![1]));
        let index = selecting.join().expect("no panic");
        assert_eq!((a.len(), b.len()), if index == 0 { (1, 0) } else { (0, 1) });
    });
}

#[test]
fn a_close_refuses_the_sending_case_and_gives_the_end() {
    model(3, || {
        let channel = full();
        let mut sending = channel.sending(vec![2]);
        let selecting = thread::spawn(move || {
            select(&mut [&mut sending]);
            sending.outcome()
        });
        channel.close();
        assert_eq!(receive_all(&channel), [1]);
        assert_eq!(selecting.join().expect("no panic"), Some(Err(SendError::Closed(vec![2]))));
    });
}

#[test]
fn an_abort_ends_the_select_that_goes_to_sleep() {
    model(3, || {
        let (a, b) = (full(), channel(1));
        let (mut sending, mut receiving) = (a.sending(vec![2]), b.receiving(1));
        let selecting = thread::spawn(move || {
            select(&mut [&mut sending, &mut receiving]);
            (sending.outcome(), receiving.outcome())
        });
        assert_eq!(b.abort(), Vec::<Vec<u32>>::new());
        let outcomes = selecting.join().expect("no panic");
        assert_eq!(outcomes, (None, Some(Err(ReceiveError::Aborted))));
        assert_eq!(a.len(), 1);
    });
}

#[test]
fn a_select_that_gives_up_passes_the_room_on() {
    model(2, || {
        let channel = full();
        let mut sending = channel.sending(vec![2]);
        let hasty = thread::spawn(move || select_timeout(&mut [&mut sending], Duration::ZERO).is_some());
        let receiver = spawn(&channel, |channel| channel.receive(1));
        // It waits behind the select, or before it, or finds the room itself.
        let patient = channel.producer().send(vec![3]);
        let selected = hasty.join().expect("no panic");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        let first = channel.receive(1).expect("an item");
        if selected {
            assert_eq!(first[0] + channel.receive(1).expect("an item")[0], 5);
        } else {
            assert_eq!(first, [3]);
        }
        patient.detach();
    });
}

#[test]
fn a_select_that_gives_up_gives_back_the_room_that_was_put_aside_for_it() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1, 1]).expect("open");
        let mut sending = channel.sending(vec![2, 2]);
        let hasty = thread::spawn(move || select_timeout(&mut [&mut sending], Duration::ZERO));
        assert_eq!(channel.receive(1), Ok(vec![1]));
        let producer = channel.producer();
        let patient = producer.send(vec![3]);
        assert_eq!(hasty.join().expect("no panic"), None, "there was never room for two");
        assert!(!producer.is_waiting());
        assert_eq!((channel.receive(1), channel.receive(1)), (Ok(vec![1]), Ok(vec![3])));
        patient.detach();
    });
}

//! Keys: of each, one item is out at a time; the next is anyone's once it is settled.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use millrace_core::{Channel, Marked, ReceiveError};

use crate::support::{model, spawn};

type Keyed = Marked<u32>;

/// Items 1 and 2 of one key.
fn two_of_a_key() -> Channel<Keyed> {
    let channel = Channel::new(2).expect("a valid capacity");
    channel.send([(1, 0, 7), (2, 0, 7)].into_iter().collect()).expect("open");
    channel
}

#[test]
fn two_workers_never_have_items_of_one_key_at_once() {
    model(2, || {
        let channel = two_of_a_key();
        let out = Arc::new(AtomicUsize::new(0));
        let work = |channel: &Channel<Keyed>, out: &AtomicUsize| {
            let lease = channel.lease(1).expect("an item");
            assert_eq!(out.fetch_add(1, Ordering::Relaxed), 0, "another is out");
            out.fetch_sub(1, Ordering::Relaxed);
            Vec::from(lease.settle())
        };
        let other = {
            let out = Arc::clone(&out);
            spawn(&channel, move |channel| work(&channel, &out))
        };
        let mine = work(&channel, &out);
        assert_eq!(mine[0] + other.join().expect("no panic")[0], 3);
    });
}

#[test]
fn a_settled_item_wakes_the_receiver_that_goes_to_sleep_for_the_next_of_its_key() {
    model(3, || {
        let channel = two_of_a_key();
        let lease = channel.lease(1).expect("an item");
        let receiver = spawn(&channel, |channel| channel.receive(1).map(Vec::from));
        assert_eq!(Vec::from(lease.settle()), [1]);
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![2]));
    });
}

#[test]
fn a_lease_given_back_keeps_its_key_and_comes_first() {
    model(3, || {
        let channel = two_of_a_key();
        channel.close();
        let lease = channel.lease(1).expect("an item");
        let worker = thread::spawn(move || lease.retry());
        let first = channel.receive(1).map(Vec::from);
        let second = channel.receive(1).map(Vec::from);
        assert_eq!((first, second), (Ok(vec![1]), Ok(vec![2])));
        worker.join().expect("no panic");
        assert_eq!(channel.receive(1).map(Vec::from), Err(ReceiveError::Closed));
    });
}

#[test]
fn an_abort_finds_the_parked_items_and_the_lease_that_is_given_back() {
    model(3, || {
        let channel = two_of_a_key();
        let lease = channel.lease(1).expect("an item");
        let worker = thread::spawn(move || lease.retry());
        let queued = channel.abort().len();
        worker.join().expect("no panic");
        assert_eq!(queued + channel.stats().discarded as usize, 2);
        assert!(channel.is_empty());
    });
}

//! Lease: an item is settled once, or comes back; the end waits for both.

use loom::thread;
use millrace_core::ReceiveError;

use crate::support::{channel, full, model, receive_all, spawn};

#[test]
fn a_close_that_meets_the_last_settlement_gives_the_end() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let lease = channel.lease(1).expect("an item");
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let settler = thread::spawn(move || lease.settle());
        channel.close();
        assert_eq!(settler.join().expect("no panic"), [1]);
        assert_eq!(receiver.join().expect("no panic"), Err(ReceiveError::Closed));
    });
}

#[test]
fn a_lease_given_back_while_the_channel_closes_is_received() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let lease = channel.lease(1).expect("an item");
        let worker = thread::spawn(move || lease.retry());
        channel.close();
        assert_eq!(receive_all(&channel), [1]);
        worker.join().expect("no panic");
    });
}

#[test]
fn a_lease_given_back_wakes_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let channel = full();
        let lease = channel.lease(1).expect("an item");
        let receiver = spawn(&channel, |channel| channel.lease(1).map(|again| (again.attempt(), again.settle())));
        drop(lease);
        assert_eq!(receiver.join().expect("no panic"), Ok((2, vec![1])));
        assert_eq!(channel.stats().leased, 0);
    });
}

#[test]
fn the_end_waits_for_each_of_two_leases() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1]).expect("open");
        channel.send(vec![2]).expect("open");
        let (first, second) = (channel.lease(1).expect("an item"), channel.lease(1).expect("an item"));
        channel.close();
        let settler = thread::spawn(move || first.settle());
        let returner = thread::spawn(move || second.retry());
        assert_eq!(receive_all(&channel), [2]);
        settler.join().expect("no panic");
        returner.join().expect("no panic");
        assert!(channel.is_ended());
    });
}

#[test]
fn a_lease_given_back_during_an_abort_comes_back_or_is_discarded() {
    model(3, || {
        let channel = full();
        let lease = channel.lease(1).expect("an item");
        let worker = thread::spawn(move || lease.retry());
        let returned = channel.abort().len();
        worker.join().expect("no panic");
        let stats = channel.stats();
        assert_eq!((returned + stats.discarded as usize, stats.leased), (1, 0));
    });
}

#[test]
fn a_lease_that_is_settled_during_an_abort_is_neither_returned_nor_discarded() {
    model(3, || {
        let channel = full();
        let lease = channel.lease(1).expect("an item");
        let worker = thread::spawn(move || lease.settle());
        assert_eq!(channel.abort(), Vec::<Vec<u32>>::new());
        assert_eq!(worker.join().expect("no panic"), [1]);
        let stats = channel.stats();
        assert_eq!((stats.discarded, stats.leased), (0, 0));
    });
}

#[test]
fn what_could_not_be_passed_on_comes_back_and_the_rest_is_settled() {
    model(3, || {
        let (from, to) = (channel(2), channel(1));
        from.send(vec![1, 2]).expect("open");
        from.close();
        let lease = from.lease(2).expect("items");
        let receiver = spawn(&from, |from| receive_all(&from));
        let passed = lease.pass_on(|mut items| {
            let rest = items.split_off(1);
            to.send(items).expect("open");
            Err(((), rest))
        });
        assert!(passed.is_err());
        assert_eq!(receiver.join().expect("no panic"), [2]);
        assert_eq!(to.receive(1), Ok(vec![1]));
    });
}

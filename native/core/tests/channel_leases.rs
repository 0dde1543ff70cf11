//! Leases: taken, settled, given back; never beyond the bound.

mod support;

use std::thread;

use millrace_core::{Channel, TryReceiveError, TrySendError};
use support::{Counted, Tally, assert_each_once, finishes, rounds};

#[test]
fn a_lease_that_is_dropped_comes_back_first_and_counts_its_attempts() {
    let channel = Channel::new(4).expect("valid");
    channel.send(vec![1, 2, 3]).expect("open");
    let lease = channel.lease(2).expect("items");
    assert_eq!((lease.attempt(), &*lease), (1, &vec![1, 2]));
    assert_eq!(channel.stats().leased, 2);
    drop(lease);
    let again = channel.lease(1).expect("items");
    assert_eq!((again.attempt(), &*again), (2, &vec![1]));
    let rest = channel.try_lease(9).expect("items");
    assert_eq!((rest.attempt(), &*rest), (2, &vec![2]), "what was left of that lease, and no more");
    assert_eq!(channel.try_receive(9), Ok(vec![3]));
    assert_eq!(again.settle(), [1]);
    rest.retry();
    assert_eq!(channel.stats().leased, 1);
    assert_eq!(channel.try_receive(9), Ok(vec![2]), "a receive settles what it gets");
    assert_eq!(channel.stats().leased, 0);
    assert_eq!(channel.try_lease(1).err(), Some(TryReceiveError::Empty));
}

#[test]
fn a_lease_frees_its_permits_and_takes_none_to_come_back() {
    let channel = Channel::new(2).expect("valid");
    channel.send(vec![1, 2]).expect("open");
    let lease = channel.lease(2).expect("items");
    assert_eq!(channel.len(), 0);
    channel.send(vec![3, 4]).expect("open");
    lease.retry();
    assert_eq!(channel.len(), 2);
    assert_eq!(channel.try_send(vec![5]), Err(TrySendError::Full(vec![5])));
    assert_eq!(channel.receive(9), Ok(vec![1, 2]));
    assert_eq!(channel.try_send(vec![5]), Err(TrySendError::Full(vec![5])), "it held no permit to free");
    assert_eq!(channel.receive(9), Ok(vec![3, 4]));
    assert_eq!(channel.stats().peak, 2);
}

#[test]
fn a_lease_given_back_wakes_a_receiver() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        channel.send(vec![1]).expect("open");
        let lease = channel.lease(1).expect("an item");
        thread::scope(|scope| {
            let receiver = scope.spawn(|| channel.receive(1));
            lease.retry();
            assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        });
    });
}

#[test]
fn leases_outlive_the_handles() {
    let tally = Tally::new(3);
    let channel = Channel::new(3).expect("valid");
    channel.send(tally.values(0..3)).expect("open");
    let (one, two) = (channel.lease(1).expect("an item"), channel.lease(1).expect("an item"));
    drop(channel);
    drop(one.settle());
    two.retry();
    tally.assert_each_dropped_once();
}

#[test]
fn each_item_is_settled_once_however_often_it_comes_back() {
    rounds(30, |rng| {
        const ITEMS: usize = 600;
        let channel = Channel::<Vec<Counted>>::new(rng.usize(1..30)).expect("valid");
        let tally = Tally::new(ITEMS);
        let seen = thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    let mut rng = rng.fork();
                    let channel = &channel;
                    scope.spawn(move || {
                        let mut seen = Vec::new();
                        while let Ok(lease) = channel.lease(rng.usize(1..6)) {
                            match rng.u8(0..3) {
                                0 => lease.retry(),
                                1 => drop(lease),
                                _ => seen.extend(lease.settle().iter().map(|value| value.id)),
                            }
                        }
                        seen
                    })
                })
                .collect();
            let mut next = 0;
            while next < ITEMS {
                let end = ITEMS.min(next + rng.usize(1..20));
                channel.send(tally.values(next..end)).expect("open");
                next = end;
            }
            channel.close();
            workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_each_once(seen, ITEMS);
        tally.assert_each_dropped_once();
        assert_eq!(channel.stats().leased, 0);
    });
}

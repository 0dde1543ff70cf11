//! Never more than `capacity` items, and all of the capacity for whoever wants it.

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use millrace_core::{CapacityError, Channel, TrySendError, channel::MAX_CAPACITY};
use support::{finishes, rounds, until_waiting};

#[test]
fn a_capacity_is_from_1_to_the_maximum() {
    for capacity in [0, MAX_CAPACITY + 1, usize::MAX] {
        let error = Channel::<Vec<u8>>::new(capacity).err();
        assert_eq!(error, Some(CapacityError { capacity }));
    }
    assert_eq!(CapacityError { capacity: 0 }.to_string(), "expected a capacity from 1 to 16777216, got 0");
    assert_eq!(Channel::<Vec<u8>>::new(1).expect("valid").capacity(), 1);
}

#[test]
fn a_lone_sender_uses_all_of_the_capacity_item_by_item() {
    finishes(|| {
        let channel = Channel::new(1000).expect("valid");
        for item in 0..1000 {
            channel.send(vec![item]).expect("open");
        }
        assert_eq!(channel.try_send(vec![1000]), Err(TrySendError::Full(vec![1000])));
        for item in 0..1000 {
            assert_eq!(channel.receive(1), Ok(vec![item]));
            assert_eq!(channel.try_send(vec![1000 + item]), Ok(()));
            assert_eq!(channel.len(), 1000);
            assert_eq!(channel.try_send(vec![0]), Err(TrySendError::Full(vec![0])));
        }
        assert_eq!(channel.stats().peak, 1000);
    });
}

#[test]
fn try_send_is_full_exactly_at_the_capacity() {
    let channel = Channel::new(10).expect("valid");
    assert_eq!(channel.try_send(vec![0; 11]), Err(TrySendError::Full(vec![0; 11])));
    assert_eq!(channel.try_send(vec![0; 7]), Ok(()));
    assert_eq!(channel.try_send(vec![0; 4]), Err(TrySendError::Full(vec![0; 4])));
    assert_eq!(channel.try_send(vec![0; 3]), Ok(()));
    assert_eq!(channel.try_send(vec![0]), Err(TrySendError::Full(vec![0])));
    assert_eq!(channel.try_send(vec![]), Ok(()), "nothing always fits");
    assert_eq!(channel.len(), 10);
}

#[test]
fn senders_that_race_fill_it_exactly() {
    rounds(200, |rng| {
        let capacity = rng.usize(1..200);
        let channel = Channel::new(capacity).expect("valid");
        let admitted = AtomicUsize::new(0);
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                let mut rng = rng.fork();
                let (channel, admitted, barrier) = (&channel, &admitted, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    // Down to batches of one, so that what is left is found.
                    let mut largest = rng.usize(1..20);
                    while largest > 0 {
                        let n = rng.usize(1..=largest);
                        match channel.try_send(vec![0; n]) {
                            Ok(()) => admitted.fetch_add(n, Ordering::Relaxed),
                            Err(TrySendError::Full(_)) => {
                                largest = n - 1;
                                0
                            }
                            Err(other) => panic!("{other:?}"),
                        };
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), capacity);
        assert_eq!(channel.len(), capacity);
        assert_eq!(channel.stats().peak, capacity);
    });
}

#[test]
fn what_waits_is_outside_and_comes_in_as_room_is_made() {
    rounds(50, |rng| {
        let capacity = rng.usize(1..20);
        let channel = Channel::new(capacity).expect("valid");
        channel.send(vec![0; capacity]).expect("open");
        thread::scope(|scope| {
            for _ in 0..3 {
                let (channel, n) = (&channel, rng.usize(1..30));
                scope.spawn(move || channel.send(vec![0; n]));
            }
            until_waiting(&channel, 3);
            assert_eq!(channel.len(), capacity);
            while channel.stats().waiting_sends > 0 {
                channel.receive(rng.usize(1..=capacity)).expect("open");
                assert!(channel.len() <= capacity);
            }
        });
        assert_eq!(channel.stats().peak, capacity);
    });
}

#[test]
fn the_bound_holds_under_load() {
    rounds(20, |rng| {
        const RECEIVERS: [usize; 3] = [1, 3, 64];
        let capacity = rng.usize(1..100);
        let per_sender = 2000;
        let channel = Channel::<Vec<u8>>::new(capacity).expect("valid");
        let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for max in RECEIVERS {
                let (channel, received) = (&channel, &received);
                scope.spawn(move || {
                    while let Ok(batch) = channel.receive(max) {
                        received.fetch_add(batch.len(), Ordering::SeqCst);
                    }
                });
            }
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    let mut rng = rng.fork();
                    let (channel, sent, received) = (&channel, &sent, &received);
                    scope.spawn(move || {
                        let mut left = per_sender;
                        while left > 0 {
                            let n = rng.usize(1..=left.min(50));
                            channel.send(vec![0; n]).expect("open");
                            left -= n;
                            // What was received is read last, so this is at most what was in the channel, apart
                            // from what each receiver has taken and not counted yet.
                            let sent = sent.fetch_add(n, Ordering::SeqCst) + n;
                            let inside = sent.saturating_sub(received.load(Ordering::SeqCst));
                            let uncounted: usize = RECEIVERS.iter().sum();
                            assert!(inside <= capacity + uncounted, "{inside} items in a channel of {capacity}");
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic");
            }
            channel.close();
        });
        assert_eq!(received.into_inner(), 4 * per_sender);
        assert!(channel.stats().peak <= capacity);
    });
}

//! After a close: later sends are refused, those that wait complete, receivers get all of it and then the end.

mod support;

use std::sync::Barrier;
use std::thread;

use millrace_core::{Channel, ReceiveError, SendError, TryReceiveError, TrySendError};
use support::{Flag, assert_each_once, block_on, finishes, poll, rounds, until_waiting};

#[test]
fn later_sends_are_refused_and_give_their_items_back() {
    let channel = Channel::new(10).expect("valid");
    let producer = channel.producer();
    channel.send(vec![1]).expect("open");
    channel.close();
    channel.close();
    assert!(channel.is_closed());
    assert_eq!(channel.send(vec![2]), Err(SendError::Closed(vec![2])));
    assert_eq!(channel.send(vec![]), Err(SendError::Closed(vec![])));
    assert_eq!(channel.try_send(vec![3]), Err(TrySendError::Closed(vec![3])));
    assert_eq!(channel.try_send(vec![]), Err(TrySendError::Closed(vec![])));
    assert_eq!(producer.try_send(vec![4]), Err(TrySendError::Closed(vec![4])));
    assert_eq!(block_on(producer.send(vec![5])), Err(SendError::Closed(vec![5])));
    assert_eq!(channel.receive(9), Ok(vec![1]));
    assert_eq!(channel.receive(9), Err(ReceiveError::Closed));
    assert_eq!(channel.try_receive(9), Err(TryReceiveError::Closed));
    assert_eq!(block_on(channel.receive_async(9)), Err(ReceiveError::Closed));
}

#[test]
fn sends_that_wait_complete() {
    finishes(|| {
        let channel = Channel::new(2).expect("valid");
        channel.send(vec![0, 1]).expect("open");
        thread::scope(|scope| {
            let thread = scope.spawn(|| channel.send(vec![2, 3, 4, 5, 6]));
            until_waiting(&channel, 1);
            let producer = channel.producer();
            let task = producer.send(vec![7, 8, 9]);
            channel.close();
            assert_eq!(producer.try_send(vec![10]), Err(TrySendError::Closed(vec![10])));
            let mut seen = Vec::new();
            while let Ok(batch) = channel.receive(1) {
                seen.extend(batch);
            }
            assert_each_once(seen, 10);
            assert_eq!(thread.join().expect("no panic"), Ok(()));
            assert_eq!(block_on(task), Ok(()));
        });
    });
}

#[test]
fn a_close_ends_every_receive_that_waits() {
    rounds(100, |_| {
        let channel = Channel::<Vec<u8>>::new(1).expect("valid");
        let barrier = Barrier::new(5);
        thread::scope(|scope| {
            for number in 0..4 {
                let (channel, barrier) = (&channel, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let end = if number % 2 == 0 { channel.receive(1) } else { block_on(channel.receive_async(1)) };
                    assert_eq!(end, Err(ReceiveError::Closed));
                });
            }
            barrier.wait();
            channel.close();
        });
    });
}

#[test]
fn the_end_waits_for_every_lease() {
    finishes(|| {
        let channel = Channel::new(4).expect("valid");
        channel.send(vec![1, 2]).expect("open");
        let (one, two) = (channel.lease(1).expect("an item"), channel.lease(1).expect("an item"));
        channel.close();
        let (ended, waker) = Flag::new();
        let mut end = channel.receive_async(1);
        assert!(poll(&mut end, &waker).is_pending());
        assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
        assert_eq!(one.settle(), [1]);
        assert!(!ended.is_set());
        two.retry();
        assert_eq!(channel.try_receive(1), Ok(vec![2]), "a receive settles what it gets");
        assert!(ended.is_set());
        assert_eq!(block_on(end), Err(ReceiveError::Closed));
    });
}

#[test]
fn a_close_races_with_everything() {
    rounds(300, |rng| {
        let capacity = rng.usize(1..20);
        let channel = Channel::new(capacity).expect("valid");
        let barrier = Barrier::new(6);
        let close_after = rng.usize(0..200);
        let (sent, received) = thread::scope(|scope| {
            let senders: Vec<_> = (0..3)
                .map(|number| {
                    let mut rng = rng.fork();
                    let (channel, barrier) = (&channel, &barrier);
                    scope.spawn(move || {
                        let producer = channel.producer();
                        barrier.wait();
                        let mut sent = 0;
                        loop {
                            let n = rng.usize(1..30);
                            let batch = vec![0; n];
                            let outcome =
                                if number == 0 { block_on(producer.send(batch)) } else { channel.send(batch) };
                            match outcome {
                                Ok(()) => sent += n,
                                Err(refused) => {
                                    assert!(matches!(refused, SendError::Closed(_)));
                                    return sent + n - refused.into_inner().len();
                                }
                            }
                        }
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..3)
                .map(|number| {
                    let mut rng = rng.fork();
                    let (channel, barrier) = (&channel, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let mut received = 0;
                        loop {
                            let max = rng.usize(1..10);
                            match number {
                                0 => match block_on(channel.receive_async(max)) {
                                    Ok(batch) => received += batch.len(),
                                    Err(end) => return (received, end),
                                },
                                1 => match channel.lease(max) {
                                    Ok(lease) if rng.bool() => received += lease.settle().len(),
                                    Ok(lease) => lease.retry(),
                                    Err(end) => return (received, end),
                                },
                                _ => match channel.receive(max) {
                                    Ok(batch) => {
                                        received += batch.len();
                                        if received > close_after {
                                            channel.close();
                                        }
                                    }
                                    Err(end) => return (received, end),
                                },
                            }
                        }
                    })
                })
                .collect();
            let sent: usize = senders.into_iter().map(|sender| sender.join().expect("no panic")).sum();
            let mut received = 0;
            for receiver in receivers {
                let (n, end) = receiver.join().expect("no panic");
                assert_eq!(end, ReceiveError::Closed);
                received += n;
            }
            (sent, received)
        });
        assert_eq!(received, sent);
        assert_eq!(channel.len(), 0);
        assert_eq!(channel.stats().leased, 0);
    });
}

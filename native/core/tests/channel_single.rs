//! Channels of single items, which have ways of their own: permits in cells, and receivers without the lock.

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use millrace_core::channel::{ChannelOptions, OVERTAKING};
use millrace_core::{Batch, Channel, Overflow, ReceiveError, TryReceiveError, TrySendError};
use support::{Flag, assert_each_once, block_on, finishes, poll, rounds, until_waiting};

/// Enough for cells, with some to spare.
const CAPACITY: usize = 1000;

fn channel<T: Send + 'static>(capacity: usize) -> Channel<Option<T>> {
    Channel::new(capacity).expect("a valid capacity")
}

/// Receives to the end; how many.
fn receive_all(channel: &Channel<Option<usize>>) -> usize {
    std::iter::from_fn(|| channel.receive(1).ok()).count()
}

/// Sends until it is refused; how many.
fn send_all(channel: &Channel<Option<usize>>) -> usize {
    (0..usize::MAX).take_while(|item| channel.send(Some(*item)).is_ok()).count()
}

fn try_send_all(channel: &Channel<Option<usize>>) -> usize {
    (0..usize::MAX).take_while(|item| channel.try_send(Some(*item)).is_ok()).count()
}

#[test]
fn an_option_is_a_batch_of_one_item_or_none() {
    let mut item = Some(1);
    assert_eq!((Batch::len(&item), Batch::len(&None::<u8>)), (1, 0));
    assert_eq!((item.split_off(1), item), (None, Some(1)));
    assert_eq!((item.split_front(0), item), (None, Some(1)));
    assert_eq!((item.split_front(1), item), (Some(1), None));
    let mut item = Some(2);
    assert_eq!((item.split_off(0), item), (Some(2), None));
    let channel = channel::<u8>(1);
    assert_eq!(channel.send(None), Ok(()));
    assert_eq!((channel.len(), channel.try_receive(1)), (0, Err(TryReceiveError::Empty)));
}

#[test]
fn a_lone_sender_uses_all_of_the_capacity() {
    for capacity in [1, 63, 64, CAPACITY] {
        finishes(move || {
            let channel = channel(capacity);
            for item in 0..capacity {
                channel.send(Some(item)).expect("open");
                assert_eq!((channel.len(), channel.stats().peak), (item + 1, item + 1));
            }
            for item in 0..3 * capacity {
                assert_eq!(channel.try_send(Some(0)), Err(TrySendError::Full(Some(0))));
                assert_eq!(channel.receive(1), Ok(Some(item)));
                assert_eq!(channel.len(), capacity - 1);
                assert_eq!(channel.try_send(Some(capacity + item)), Ok(()));
            }
            assert_eq!(channel.stats().peak, capacity);
        });
    }
}

#[test]
fn what_other_threads_have_in_their_cells_is_anyones() {
    finishes(|| {
        let channel = channel(CAPACITY);
        thread::scope(|scope| {
            for _ in 0..8 {
                // Each leaves permits in its cell: as a sender, then as a receiver.
                scope.spawn(|| channel.send(Some(0)).expect("open")).join().expect("no panic");
                scope.spawn(|| channel.receive(1).expect("there is one")).join().expect("no panic");
            }
        });
        assert!(channel.is_empty());
        let mut credit = channel.producer().credit();
        credit.top_up(CAPACITY).expect("open");
        assert_eq!(credit.held(), CAPACITY);
        drop(credit);
        assert_eq!(try_send_all(&channel), CAPACITY);
    });
}

#[test]
fn senders_that_race_fill_it_exactly() {
    rounds(200, |rng| {
        let (capacity, senders) = (rng.usize(1..400), rng.usize(2..20));
        let channel = channel(capacity);
        let barrier = Barrier::new(senders);
        let admitted: usize = thread::scope(|scope| {
            let race = || {
                barrier.wait();
                try_send_all(&channel)
            };
            let senders: Vec<_> = (0..senders).map(|_| scope.spawn(race)).collect();
            senders.into_iter().map(|sender| sender.join().expect("no panic")).sum()
        });
        assert_eq!((admitted, channel.len(), channel.stats().peak), (capacity, capacity, capacity));
    });
}

/// The most that a receiver of [`run`] has taken and not counted.
const UNCOUNTED: usize = 1;

/// Sends and receives in threads, in every way there is, and gives what arrived. Asserts the bound and the order.
fn run(rng: &mut fastrand::Rng, per_sender: usize) -> Vec<usize> {
    let (capacity, senders, receivers) = (rng.usize(1..300), rng.usize(1..6), rng.usize(1..6));
    let channel = channel::<(usize, usize)>(capacity);
    let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = thread::scope(|scope| {
        let (channel, sent, received) = (&channel, &sent, &received);
        let receivers: Vec<_> = (0..receivers)
            .map(|number| {
                scope.spawn(move || {
                    let (mut last, mut seen) = (vec![None; senders], Vec::new());
                    loop {
                        let item = match number % 4 {
                            0 => block_on(channel.receive_async(1)),
                            1 => channel.lease(1).map(millrace_core::Lease::settle),
                            _ => channel.receive(1),
                        };
                        let Ok(item) = item else { return seen };
                        received.fetch_add(1, Ordering::SeqCst);
                        let (sender, item) = item.expect("no batch is empty");
                        let before = last[sender].replace(item);
                        assert!(before < Some(item), "sender {sender}: {item} after {before:?}");
                        seen.push(sender * per_sender + item);
                    }
                })
            })
            .collect();
        let uncounted = UNCOUNTED * receivers.len();
        let senders: Vec<_> = (0..senders)
            .map(|sender| {
                let mut rng = rng.fork();
                scope.spawn(move || {
                    let tasks = channel.producer();
                    for item in 0..per_sender {
                        let item = Some((sender, item));
                        if sender % 3 == 2 {
                            block_on(tasks.send(item)).expect("open");
                        } else if rng.bool() || channel.try_send(item).is_err() {
                            channel.send(item).expect("open");
                        }
                        // What was received is read last, so this is at most what was in the channel, apart from what
                        // each receiver has taken and not counted yet.
                        let sent = sent.fetch_add(1, Ordering::SeqCst) + 1;
                        let inside = sent.saturating_sub(received.load(Ordering::SeqCst));
                        assert!(inside <= capacity + uncounted, "{inside} items in a channel of {capacity}");
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.join().expect("no panic");
        }
        channel.close();
        receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert!(channel.is_ended() && channel.is_empty());
    assert!(channel.stats().peak <= capacity);
    assert_eq!(seen.len(), sent.into_inner());
    seen
}

#[test]
fn each_item_arrives_once_in_order_and_the_bound_holds() {
    rounds(40, |rng| {
        let per_sender = 1500;
        let seen = run(rng, per_sender);
        let senders = seen.len() / per_sender;
        assert_each_once(seen, senders * per_sender);
    });
}

#[test]
fn a_close_in_the_midst_gives_the_end_after_all_that_was_sent() {
    rounds(200, |rng| {
        let capacity = rng.usize(1..200);
        let channel = channel(capacity);
        let (sent, received) = thread::scope(|scope| {
            let receivers = [(); 3].map(|()| scope.spawn(|| receive_all(&channel)));
            let senders = [(); 3].map(|()| scope.spawn(|| send_all(&channel)));
            for _ in 0..rng.usize(0..50) {
                thread::yield_now();
            }
            channel.close();
            let sum = |threads: [thread::ScopedJoinHandle<'_, usize>; 3]| -> usize {
                threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
            };
            (sum(senders), sum(receivers))
        });
        assert_eq!(sent, received);
        assert!(channel.is_ended() && channel.is_empty());
    });
}

#[test]
fn an_abort_in_the_midst_loses_nothing() {
    rounds(200, |rng| {
        let capacity = rng.usize(1..200);
        let channel = channel(capacity);
        let (sent, received, queued) = thread::scope(|scope| {
            let receivers = [(); 2].map(|()| scope.spawn(|| receive_all(&channel)));
            let senders = [(); 4].map(|()| scope.spawn(|| send_all(&channel)));
            for _ in 0..rng.usize(0..50) {
                thread::yield_now();
            }
            let queued = channel.abort().len();
            let sent: usize = senders.into_iter().map(|sender| sender.join().expect("no panic")).sum();
            let received: usize = receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).sum();
            (sent, received, queued)
        });
        let stats = channel.stats();
        assert_eq!(sent, received + queued + stats.discarded as usize);
        assert_eq!((stats.length, stats.waiting_sends), (0, 0));
    });
}

#[test]
fn a_sending_thread_is_not_overtaken_for_long() {
    rounds(50, |rng| {
        let capacity = rng.usize(64..80);
        let channel = channel(capacity);
        (0..capacity).for_each(|_| channel.send(Some("before")).expect("open"));
        thread::scope(|scope| {
            scope.spawn(|| channel.send(Some("waiter")));
            until_waiting(&channel, 1);
            let mut overtook = 0;
            while channel.stats().waiting_sends == 1 {
                if channel.try_receive(1).is_ok() && channel.try_send(Some("barger")).is_ok() {
                    overtook += 1;
                }
            }
            // One more where it was admitted between the last look and the last send.
            assert!(overtook <= OVERTAKING * capacity + 1, "{overtook} items overtook a waiter on {capacity} permits");
        });
    });
}

#[test]
fn an_item_is_kept_for_a_task_that_was_overtaken_for_too_long() {
    let capacity = 3;
    let channel = channel(capacity);
    let (_, waker) = Flag::new();
    let mut waiter = channel.receive_async(1);
    assert!(poll(&mut waiter, &waker).is_pending());
    for item in 0..OVERTAKING * capacity {
        channel.send(Some(item)).expect("open");
        assert_eq!(channel.try_receive(1), Ok(Some(item)));
    }
    channel.send(Some(100)).expect("open");
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty), "the waiter's own");
    channel.send(Some(101)).expect("open");
    assert_eq!(channel.try_receive(1), Ok(Some(100)));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    assert_eq!(block_on(waiter), Ok(Some(101)));
    channel.send(Some(102)).expect("open");
    assert_eq!(channel.try_receive(1), Ok(Some(102)));
}

#[test]
fn leases_and_items_that_were_held_come_back_first() {
    let channel = channel(CAPACITY);
    (0..3).for_each(|item| channel.send(Some(item)).expect("open"));
    channel.lease(1).expect("there is one").retry();
    let held = channel.try_hold(1).expect("there is one");
    drop(held);
    let lease = channel.lease(1).expect("it came back");
    assert_eq!((lease.attempt(), lease.settle()), (2, Some(0)));
    channel.close();
    assert_eq!([(); 2].map(|()| channel.receive(1)), [Ok(Some(1)), Ok(Some(2))]);
    assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
}

#[test]
fn an_offer_drops_the_oldest_only_where_it_is_full() {
    let options = ChannelOptions::new(CAPACITY).overflow(Overflow::DropOldest);
    let channel = Channel::<Option<usize>>::with_options(&options).expect("valid");
    thread::scope(|scope| {
        scope.spawn(|| {
            for item in 0..CAPACITY {
                channel.offer(Some(item), |_| panic!("there is room")).expect("open");
            }
        });
    });
    let mut dropped = Vec::new();
    channel.offer(Some(CAPACITY), |item| dropped.extend(item)).expect("open");
    assert_eq!((dropped, channel.len()), (vec![0], CAPACITY));
}

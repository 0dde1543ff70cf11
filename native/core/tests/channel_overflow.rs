//! What an offer does without room: the bound and the order stay, and each item is received, dropped or refused, once.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use millrace_core::channel::{ChannelOptions, select, try_select};
use millrace_core::{Channel, Lease, Marked, Overflow, ReceiveError, TrySendError};
use support::{Tally, assert_each_once, rounds};

type Items = Vec<usize>;

fn channel<T: Send + 'static>(capacity: usize, overflow: Overflow) -> Channel<Vec<T>> {
    Channel::with_options(&ChannelOptions::new(capacity).overflow(overflow)).expect("valid")
}

fn offer(channel: &Channel<Items>, items: Items) -> (Result<(), TrySendError<Items>>, Items) {
    let mut dropped = Vec::new();
    let outcome = channel.offer(items, |items| dropped.extend(items));
    (outcome, dropped)
}

fn drain(channel: &Channel<Items>) -> Items {
    std::iter::from_fn(|| channel.try_receive(usize::MAX).ok()).flatten().collect()
}

#[test]
fn without_room_each_does_what_it_says() {
    for overflow in [Overflow::Wait, Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest] {
        let channel = channel(3, overflow);
        assert_eq!(channel.overflow(), overflow);
        assert_eq!(offer(&channel, vec![1, 2]), (Ok(()), vec![]));
        let (outcome, dropped) = offer(&channel, vec![3, 4, 5]);
        let (left, refused, gone) = match overflow {
            Overflow::Wait | Overflow::Reject => (vec![1, 2, 3], Some(vec![4, 5]), vec![]),
            Overflow::DropNewest => (vec![1, 2, 3], None, vec![4, 5]),
            Overflow::DropOldest => (vec![3, 4, 5], None, vec![1, 2]),
        };
        assert_eq!(outcome, refused.map_or(Ok(()), |rest| Err(TrySendError::Full(rest))));
        assert_eq!(dropped, gone);
        let stats = channel.stats();
        assert_eq!((stats.length, stats.peak, stats.dropped), (3, 3, gone.len() as u64));
        assert_eq!(drain(&channel), left);
        assert_eq!(offer(&channel, vec![9]), (Ok(()), vec![]), "the room is free");
    }
}

#[test]
fn more_than_the_capacity_at_once() {
    let oldest = channel(3, Overflow::DropOldest);
    assert_eq!(offer(&oldest, (0..10).collect()), (Ok(()), (0..7).collect()));
    assert_eq!(drain(&oldest), [7, 8, 9]);
    let newest = channel(3, Overflow::DropNewest);
    assert_eq!(offer(&newest, (0..10).collect()), (Ok(()), (3..10).collect()));
    assert_eq!(drain(&newest), [0, 1, 2]);
}

#[test]
fn what_was_handed_over_before_makes_no_room() {
    let channel = channel(2, Overflow::DropOldest);
    channel.send(vec![1, 2]).expect("open");
    channel.lease(1).expect("one").retry();
    assert_eq!(offer(&channel, vec![3, 4]), (Ok(()), vec![2]));
    assert_eq!(drain(&channel), [1, 3, 4], "what came back first");
    channel.send(vec![5, 6]).expect("open");
    let held = channel.try_hold(2).expect("two");
    assert_eq!(offer(&channel, vec![7]), (Ok(()), vec![7]), "nothing can make room, so it is dropped itself");
    assert_eq!(channel.stats().dropped, 2);
    assert_eq!(held.hand_over(), [5, 6]);
    assert!(channel.is_empty());
}

#[test]
fn after_an_end_offers_are_refused() {
    for overflow in [Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest] {
        let channel = channel(1, overflow);
        channel.send(vec![1]).expect("open");
        channel.close();
        assert_eq!(offer(&channel, vec![2]), (Err(TrySendError::Closed(vec![2])), vec![]));
        assert_eq!(channel.receive(9), Ok(vec![1]));
        assert_eq!(channel.receive(9), Err(ReceiveError::Closed));
        channel.abort();
        assert_eq!(offer(&channel, vec![3]), (Err(TrySendError::Aborted(vec![3])), vec![]));
    }
}

#[test]
fn sends_and_selects_wait_for_room_all_the_same() {
    for overflow in [Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest] {
        let channel = channel(1, overflow);
        channel.send(vec![1]).expect("open");
        assert_eq!(channel.try_send(vec![2]), Err(TrySendError::Full(vec![2])));
        assert_eq!(try_select(&mut [&mut channel.sending(vec![2])]), None);
        thread::scope(|scope| {
            scope.spawn(|| channel.send(vec![3]));
            scope.spawn(|| select(&mut [&mut channel.sending(vec![4])]));
            let mut seen: Items = (0..3).flat_map(|_| channel.receive(1).expect("open")).collect();
            seen[1..].sort_unstable();
            assert_eq!(seen, [1, 3, 4]);
        });
        assert_eq!(channel.stats().dropped, 0);
    }
}

#[test]
fn an_offer_never_passes_an_earlier_send_of_its_producer() {
    let channel = channel(1, Overflow::DropOldest);
    let producer = channel.producer();
    let waits = producer.send(vec![1, 2]);
    let mut dropped = Vec::new();
    assert_eq!(producer.offer(vec![3], |items| dropped.extend(items)), Ok(()));
    assert_eq!(dropped, [3]);
    assert_eq!(channel.receive(1), Ok(vec![1]));
    assert_eq!(channel.receive(1), Ok(vec![2]));
    assert!(!producer.is_waiting());
    drop(waits);
    assert_eq!(producer.admitted(), 2);
}

#[test]
fn with_lanes_the_oldest_of_the_lowest_makes_room_and_none_above_the_new_one() {
    let options = ChannelOptions { lanes: 3, ..ChannelOptions::new(3) }.overflow(Overflow::DropOldest);
    let channel = Channel::<Marked<usize>>::with_options(&options).expect("valid");
    let offer = |item: usize, lane: u8| {
        let mut dropped = Vec::new();
        channel.offer(Marked::one(item, lane, 0), |items| dropped.extend(Vec::from(items))).expect("open");
        dropped
    };
    for (item, lane) in [(1, 2), (2, 1), (3, 1)] {
        assert_eq!(offer(item, lane), []);
    }
    assert_eq!(offer(4, 1), [2]);
    assert_eq!(offer(5, 2), [3]);
    assert_eq!(offer(6, 0), [6], "there is no lower one");
    assert_eq!(offer(7, 1), [4]);
    assert_eq!(offer(8, 2), [7]);
    assert_eq!(offer(9, 2), [1]);
    let left: Vec<_> = (0..3).flat_map(|_| Vec::from(channel.receive(1).expect("open"))).collect();
    assert_eq!(left, [5, 8, 9]);
    assert_eq!((channel.len(), channel.stats().dropped, channel.stats().peak), (0, 6, 3));
}

#[test]
fn items_that_wait_for_their_key_make_room_too() {
    let channel = channel_of_marked(3);
    let offer = |item: usize, key: u64| {
        let mut dropped = Vec::new();
        channel.offer(Marked::one(item, 0, key), |items| dropped.extend(Vec::from(items))).expect("open");
        dropped
    };
    assert_eq!(offer(0, 7), []);
    let lease = channel.lease(1).expect("one");
    for item in 1..=3 {
        assert_eq!(offer(item, 7), []);
    }
    assert!(channel.try_receive(1).is_err(), "all of them wait for the first");
    assert_eq!(offer(4, 7), [1]);
    assert_eq!(offer(5, 8), [2]);
    lease.settle();
    let mut left = Vec::new();
    while let Ok(lease) = channel.try_lease(1) {
        left.extend(Vec::from(lease.settle()));
    }
    assert_eq!(left, [3, 4, 5]);
}

fn channel_of_marked(capacity: usize) -> Channel<Marked<usize>> {
    Channel::with_options(&ChannelOptions::new(capacity).overflow(Overflow::DropOldest)).expect("valid")
}

#[test]
fn many_threads_offer_and_each_item_is_received_dropped_or_refused_once() {
    rounds(60, |rng| {
        let overflow = *rng.choice(&[Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest]).expect("some");
        let (senders, per_sender, capacity) = (rng.usize(1..=4), 400, rng.usize(1..=6));
        let channel = channel(capacity, overflow);
        let tally = Tally::new(senders * per_sender);
        let (gone, refused, running) = (Mutex::new(Vec::new()), AtomicUsize::new(0), AtomicUsize::new(senders));
        let received = thread::scope(|scope| {
            for sender in 0..senders {
                let (mut rng, channel, tally) = (rng.fork(), &channel, &tally);
                let (gone, refused, running) = (&gone, &refused, &running);
                scope.spawn(move || {
                    let mut next = 0;
                    while next < per_sender {
                        let n = rng.usize(1..=3).min(per_sender - next);
                        let first = sender * per_sender + next;
                        next += n;
                        let mut dropped = Vec::new();
                        let outcome = channel.offer(tally.values(first..first + n), |items| dropped.extend(items));
                        assert!(channel.len() <= capacity);
                        gone.lock().expect("no panic").extend(dropped.iter().map(|item| item.id));
                        if let Err(TrySendError::Full(rest)) = outcome {
                            assert_eq!(overflow, Overflow::Reject);
                            refused.fetch_add(rest.len(), Ordering::Relaxed);
                            gone.lock().expect("no panic").extend(rest.iter().map(|item| item.id));
                        }
                        if rng.u8(0..4) == 0 {
                            thread::yield_now();
                        }
                    }
                    if running.fetch_sub(1, Ordering::SeqCst) == 1 {
                        channel.close();
                    }
                });
            }
            let receivers: Vec<_> = (0..2)
                .map(|_| {
                    let (mut rng, channel) = (rng.fork(), &channel);
                    scope.spawn(move || {
                        let mut seen: Vec<usize> = Vec::new();
                        let mut last = [None; 4];
                        loop {
                            let items = if rng.bool() {
                                channel.receive(rng.usize(1..=3))
                            } else {
                                channel.lease(1).map(Lease::settle)
                            };
                            let Ok(items) = items else { return seen };
                            for item in items {
                                let sender = item.id / per_sender;
                                assert!(last[sender] < Some(item.id), "{} after {:?}", item.id, last[sender]);
                                last[sender] = Some(item.id);
                                seen.push(item.id);
                            }
                        }
                    })
                })
                .collect();
            receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect::<Vec<_>>()
        });
        let gone = gone.into_inner().expect("no panic");
        let stats = channel.stats();
        assert_eq!(stats.dropped as usize, gone.len() - refused.into_inner());
        assert!(stats.peak <= capacity);
        assert_eq!((stats.length, stats.waiting_sends, stats.leased), (0, 0, 0));
        assert_each_once(received.into_iter().chain(gone).collect(), senders * per_sender);
        tally.assert_each_dropped_once();
    });
}

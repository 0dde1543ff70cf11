//! Lanes: the highest first, sends that wait included, in order within each, and none starves.

#![allow(clippy::needless_range_loop, clippy::needless_for_each, reason = "numbers of producers are what is tested")]

mod support;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use millrace_core::channel::{Cancelled, ChannelOptions};
use millrace_core::{Batch, Channel, Marked, ReceiveError, SendTimeoutError, TryReceiveError, TrySendError};
use support::{assert_each_once, block_on, finishes, rounds, until_waiting};

const NEVER: Duration = Duration::from_secs(3600);

fn channel<T: Send + 'static>(capacity: usize, lanes: u8, aging: Duration) -> Channel<Marked<T>> {
    Channel::with_options(&ChannelOptions { lanes, aging, ..ChannelOptions::new(capacity) }).expect("valid")
}

fn low<T>(item: T) -> Marked<T> {
    Marked::one(item, 0, 0)
}

fn high<T>(item: T) -> Marked<T> {
    Marked::one(item, 1, 0)
}

fn next<T: Send + 'static>(channel: &Channel<Marked<T>>) -> T {
    Vec::from(channel.receive(1).expect("an item")).remove(0)
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let refused =
        |options: ChannelOptions| Channel::<Vec<u8>>::with_options(&options).map_err(|error| error.option()).err();
    let of = ChannelOptions::new;
    assert_eq!(refused(ChannelOptions { lanes: 0, ..of(1) }), Some("lanes"));
    assert_eq!(refused(ChannelOptions { lanes: 17, ..of(1) }), Some("lanes"));
    assert_eq!(refused(ChannelOptions { aging: Duration::ZERO, ..of(1) }), Some("aging"));
    assert_eq!(refused(of(0)), Some("capacity"));
    assert_eq!(refused(ChannelOptions { lanes: 16, ..of(1) }), None);
}

#[test]
fn the_highest_lane_is_received_first_however_it_is_received() {
    let channel = channel(100, 4, NEVER);
    channel
        .send([("a", 0, 0), ("b", 3, 0), ("c", 1, 0), ("d", 3, 0), ("e", 200, 0)].into_iter().collect())
        .expect("open");
    channel.send([("f", 1, 0), ("g", 1, 0), ("h", 2, 0)].into_iter().collect()).expect("open");
    assert_eq!(next(&channel), "b");
    assert_eq!(Vec::from(channel.lease(1).expect("an item").settle()), ["d"]);
    drop(channel.try_hold(1).expect("an item that is put back"));
    assert_eq!(Vec::from(channel.try_hold(1).expect("an item").hand_over()), ["e"]);
    assert_eq!(block_on(channel.receive_async(1)).map(Vec::from), Ok(vec!["h"]));
    channel.lease(1).expect("c").retry();
    assert_eq!(next(&channel), "c");
    assert_eq!(channel.try_receive(9).map(Vec::from), Ok(vec!["f", "g"]), "several, of one lane and one batch");
    assert_eq!(channel.len(), 1);
    channel.close();
    assert_eq!(next(&channel), "a");
    assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
}

#[test]
fn a_waiting_send_of_a_higher_lane_goes_first_past_a_full_channel() {
    finishes(|| {
        let channel = channel(3, 2, NEVER);
        channel.send([(0, 0, 0), (1, 0, 0), (2, 0, 0)].into_iter().collect()).expect("open");
        let producer = channel.producer();
        let flood: Vec<_> = (3..6).map(|item| producer.send(low(item))).collect();
        thread::scope(|scope| {
            let slow = (0..3).map(|_| scope.spawn(|| channel.send(low(6)))).collect::<Vec<_>>();
            until_waiting(&channel, 6);
            // The same producer's: it does not wait behind the lower ones.
            let sent = producer.send([(100, 1, 0), (101, 1, 0)].into_iter().collect());
            let thread = scope.spawn(|| channel.send(high(102)));
            until_waiting(&channel, 8);
            let mut first: Vec<_> = (0..3).map(|_| next(&channel)).collect();
            // Between producers nothing is promised.
            first.sort_unstable();
            assert_eq!(first, [100, 101, 102]);
            assert_eq!((channel.len(), channel.stats().waiting_sends), (3, 6));
            assert_eq!(sent.cancel(), Cancelled::Over(Ok(())));
            assert_eq!(thread.join().expect("no panic"), Ok(()));
            assert_eq!(channel.try_send(low(7)), Err(TrySendError::Full(low(7))));
            let rest: Vec<_> = (0..9).map(|_| next(&channel)).collect();
            let mine: Vec<_> = rest.iter().copied().filter(|item| *item < 6).collect();
            assert_eq!(mine, [0, 1, 2, 3, 4, 5]);
            assert_eq!(rest.len(), 9);
            for thread in slow {
                assert_eq!(thread.join().expect("no panic"), Ok(()));
            }
        });
        assert!(flood.into_iter().all(|send| send.cancel() == Cancelled::Over(Ok(()))));
        assert_eq!(channel.stats().peak, 3);
        assert_eq!(channel.stats().leased, 0);
    });
}

#[test]
fn a_waiting_send_is_leased_held_and_taken_back_as_any_other() {
    let channel = channel(1, 2, NEVER);
    channel.send(low(0)).expect("open");
    let producer = channel.producer();
    let _first = producer.send(high(1));
    let _second = producer.send(high(2));
    let lease = channel.lease(1).expect("an item");
    assert_eq!((lease.attempt(), lease.iter().copied().collect::<Vec<_>>()), (1, vec![1]));
    channel.close();
    lease.retry();
    let lease = channel.lease(1).expect("an item");
    assert_eq!((lease.attempt(), Vec::from(lease.settle())), (2, vec![1]));
    drop(channel.try_hold(1).expect("an item"));
    assert_eq!((channel.len(), channel.stats().leased), (1, 1), "out of its send, and not settled");
    assert_eq!(Vec::from(channel.try_hold(1).expect("an item").hand_over()), [2]);
    assert_eq!(next(&channel), 0);
    assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
}

#[test]
fn a_send_in_several_lanes_waits_as_one_and_no_other_passes_it_in_a_lane() {
    let channel = channel(1, 3, NEVER);
    channel.send(low(0)).expect("open");
    let producer = channel.producer();
    let mixed = producer.send([(1, 0, 0), (2, 2, 0)].into_iter().collect());
    let behind = producer.send(Marked::one(3, 2, 0));
    let free = producer.send(Marked::one(4, 1, 0));
    let order: Vec<_> = (0..5).map(|_| next(&channel)).collect();
    // 2 is seen once 1 is in the channel.
    assert_eq!(order, [4, 0, 2, 3, 1]);
    drop((mixed, behind, free));
}

#[test]
fn a_cancelled_or_late_send_leaves_nothing_behind() {
    let channel = channel(1, 2, NEVER);
    channel.send(low(0)).expect("open");
    let producer = channel.producer();
    let (one, two) = (producer.send(low(1)), producer.send(high(2)));
    assert_eq!(channel.send_timeout(high(3), Duration::ZERO), Err(SendTimeoutError::Timeout(high(3))));
    assert_eq!(two.cancel(), Cancelled::Rest(high(2)));
    assert_eq!(next(&channel), 0);
    assert_eq!(one.cancel(), Cancelled::Over(Ok(())));
    assert_eq!(next(&channel), 1);
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    assert!(!producer.is_waiting());
}

#[test]
fn an_abort_gives_back_what_was_queued_and_every_send_its_own() {
    let channel = channel(3, 2, NEVER);
    channel.send([(0, 0, 5), (1, 1, 5), (2, 0, 5)].into_iter().collect()).expect("open");
    let out = channel.lease(1).expect("an item");
    channel.send(low(3)).expect("its permit is free");
    let producer = channel.producer();
    let (waits, other) = (producer.send(low(4)), producer.send(high(5)));
    let queued: Vec<_> = channel.abort().into_iter().flat_map(Vec::from).collect();
    assert_eq!(queued, [0, 2, 3]);
    assert!(matches!(waits.cancel(), Cancelled::Over(Err(refused)) if refused.clone().into_inner() == low(4)));
    assert!(matches!(other.cancel(), Cancelled::Over(Err(refused)) if refused.clone().into_inner() == high(5)));
    assert_eq!(Vec::from(out.settle()), [1]);
    assert!(channel.is_empty());
}

#[test]
fn a_receiver_that_sleeps_gets_a_waiting_send_past_items_that_are_parked() {
    finishes(|| {
        for round in 0..200 {
            let channel = channel(2, 2, NEVER);
            channel.send([(0, 0, 7), (1, 0, 7), (2, 0, 7)].into_iter().take(2).collect()).expect("open");
            let out = channel.lease(1).expect("an item");
            channel.send(Marked::one(2, 0, 7)).expect("its permit is free");
            assert_eq!(channel.len(), 2, "full of a key that is busy");
            thread::scope(|scope| {
                let sleeper = scope.spawn(|| next(&channel));
                if round % 2 == 0 {
                    thread::yield_now();
                }
                let producer = channel.producer();
                let sent = producer.send(high(100));
                assert_eq!(sleeper.join().expect("no panic"), 100);
                assert_eq!(sent.cancel(), Cancelled::Over(Ok(())));
            });
            drop(out);
        }
    });
}

#[test]
fn the_lowest_lane_advances_under_a_flood_of_the_highest_while_it_waits_and_while_it_is_queued() {
    finishes(|| {
        let channel = channel::<u32>(4, 3, Duration::from_millis(2));
        let (flood, slow) = (channel.producer(), channel.producer());
        // The channel is full of the highest lane, and more of it wait, whenever an item is received.
        (0..8).for_each(|_| flood.send(Marked::one(1, 2, 0)).detach());
        (0..20).for_each(|_| slow.send(low(0)).detach());
        let (mut lows, mut highs) = (0, 0);
        while lows < 20 {
            flood.send(Marked::one(1, 2, 0)).detach();
            if next(&channel) == 0 {
                lows += 1;
            } else {
                highs += 1;
            }
        }
        assert!(highs > 100, "there was a flood, of {highs}");
        assert_eq!(channel.stats().peak, 4);
    });
}

#[test]
fn producers_and_receivers_of_every_kind_lose_nothing() {
    const PRODUCERS: usize = 4;
    const ITEMS: usize = 600;
    rounds(40, |random| {
        let (capacity, lanes) = (random.usize(1..20), random.u8(2..6));
        let aging = Duration::from_micros(random.u64(1..2000));
        let channel = channel::<(usize, usize)>(capacity, lanes, aging);
        let keys = random.u64(0..20);
        let seeds: Vec<_> = (0..PRODUCERS + 3).map(|_| random.u64(..)).collect();
        let received = Mutex::new(Vec::new());
        let receivers = random.usize(1..4);
        let left = AtomicUsize::new(PRODUCERS);
        thread::scope(|scope| {
            for (producer, &seed) in seeds.iter().enumerate().take(PRODUCERS) {
                let (channel, left) = (&channel, &left);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let ahead = channel.producer();
                    let mut waiting = Vec::new();
                    let mut item = 0;
                    while item < ITEMS {
                        let n = random.usize(1..4).min(ITEMS - item);
                        let batch: Marked<_> = (item..item + n)
                            .map(|item| ((producer, item), random.u8(0..lanes), random.u64(0..=keys)))
                            .collect();
                        item += n;
                        if producer % 2 == 0 {
                            channel.send(batch).expect("open");
                        } else {
                            waiting.push(ahead.send(batch));
                            if waiting.len() > 8 {
                                waiting.drain(..).for_each(|send| block_on(send).expect("open"));
                            }
                        }
                    }
                    for send in waiting {
                        block_on(send).expect("open");
                    }
                    if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                        channel.close();
                    }
                });
            }
            for receiver in 0..receivers {
                let (channel, received, seed) = (&channel, &received, seeds[PRODUCERS + receiver]);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let note = |batch: Marked<(usize, usize)>| {
                        let items = batch.iter().map(|(producer, item)| producer * ITEMS + item);
                        received.lock().expect("no panic").extend(items);
                    };
                    loop {
                        match random.u8(0..4) {
                            0 => match channel.receive(random.usize(1..5)) {
                                Ok(batch) => note(batch),
                                Err(_) => break,
                            },
                            1 => match channel.lease(random.usize(1..5)) {
                                Ok(lease) if random.u8(0..8) == 0 => lease.retry(),
                                Ok(lease) => note(lease.settle()),
                                Err(_) => break,
                            },
                            2 => match channel.try_hold(1) {
                                Ok(held) if random.bool() => drop(held),
                                Ok(held) => note(held.hand_over()),
                                Err(TryReceiveError::Empty) => thread::yield_now(),
                                Err(_) => break,
                            },
                            _ => match block_on(channel.receive_async(2)) {
                                Ok(batch) => note(batch),
                                Err(_) => break,
                            },
                        }
                    }
                });
            }
        });
        assert_each_once(received.into_inner().expect("no panic"), PRODUCERS * ITEMS);
        let stats = channel.stats();
        assert!(stats.peak <= capacity, "{stats:?}");
        assert_eq!((stats.leased, stats.waiting_sends, stats.length), (0, 0, 0));
    });
}

#[test]
fn each_producers_lane_is_received_in_its_order() {
    rounds(60, |random| {
        let (capacity, lanes) = (random.usize(1..10), random.u8(2..5));
        let channel = channel::<(usize, usize)>(capacity, lanes, Duration::from_micros(random.u64(1..500)));
        let seeds: Vec<_> = (0..4).map(|_| random.u64(..)).collect();
        thread::scope(|scope| {
            for (producer, &seed) in seeds.iter().enumerate() {
                let channel = &channel;
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let ahead = channel.producer();
                    let mut waiting = Vec::new();
                    for item in 0..400 {
                        let batch = Marked::one((producer, item), random.u8(0..lanes), 0);
                        if producer < 2 {
                            channel.send(batch).expect("open");
                        } else {
                            waiting.push(ahead.send(batch));
                        }
                    }
                    for send in waiting {
                        block_on(send).expect("open");
                    }
                });
            }
            let mut last = HashMap::new();
            let mut received = 0;
            while received < 1600 {
                let batch = channel.receive(3).expect("open");
                received += batch.len();
                for (index, &(producer, item)) in batch.iter().enumerate() {
                    let before = last.insert((producer, batch.lane(index)), item);
                    assert!(before < Some(item), "item {item} after {before:?} of producer {producer}");
                }
            }
        });
    });
}

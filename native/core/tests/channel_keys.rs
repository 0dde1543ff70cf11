//! Keys: of each, one item at a time and in order; others go on.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use millrace_core::channel::ChannelOptions;
use millrace_core::{Channel, Marked, ReceiveError, TryReceiveError, TrySendError};
use support::{finishes, rounds};

fn channel<T: Copy + Send + 'static>(capacity: usize, items: &[(T, u64)]) -> Channel<Marked<T>> {
    let channel = Channel::new(capacity).expect("valid");
    channel.send(items.iter().map(|(item, key)| (*item, 0, *key)).collect()).expect("open");
    channel
}

fn next<T: Send + 'static>(channel: &Channel<Marked<T>>) -> Result<T, TryReceiveError> {
    channel.try_receive(1).map(|batch| Vec::from(batch).remove(0))
}

#[test]
fn while_one_of_a_key_is_leased_the_others_of_it_wait_and_hold_their_permits() {
    let channel = channel(4, &[('a', 1), ('b', 1), ('c', 2), ('d', 1)]);
    let a = channel.lease(9).expect("an item");
    assert_eq!(Vec::from((*a).clone()), ['a'], "of a key, one at a time");
    assert_eq!(next(&channel), Ok('c'));
    assert_eq!(next(&channel), Err(TryReceiveError::Empty));
    assert_eq!(channel.len(), 2);
    channel.send([('e', 0, 0), ('f', 0, 2)].into_iter().collect()).expect("room for two");
    assert_eq!(channel.try_send(Marked::one('g', 0, 0)), Err(TrySendError::Full(Marked::one('g', 0, 0))));
    assert_eq!((next(&channel), next(&channel)), (Ok('e'), Ok('f')));
    assert_eq!(channel.try_lease(1).err(), Some(TryReceiveError::Empty));
    a.settle();
    // A plain receive settles what it gets, so the key is free at once.
    assert_eq!((next(&channel), next(&channel)), (Ok('b'), Ok('d')));
}

#[test]
fn a_failing_item_keeps_its_key_until_it_is_settled_and_blocks_no_other() {
    let channel = channel(10, &[('a', 1), ('b', 1), ('c', 2)]);
    let begin = Instant::now();
    let delay = Duration::from_millis(30);
    channel.lease(1).expect("a").retry_after(delay);
    assert_eq!((next(&channel), next(&channel)), (Ok('c'), Err(TryReceiveError::Empty)));
    let again = channel.lease(1).expect("a again");
    assert!(begin.elapsed() >= delay);
    assert_eq!((again.attempt(), Vec::from((*again).clone())), (2, vec!['a']));
    again.retry();
    let third = channel.try_lease(1).expect("a for the third time");
    assert_eq!(third.attempt(), 3);
    assert_eq!(next(&channel), Err(TryReceiveError::Empty));
    drop(third.settle());
    assert_eq!(next(&channel), Ok('b'));
}

#[test]
fn what_is_held_and_put_back_is_the_next_of_its_key() {
    let channel = channel(10, &[(1, 1), (2, 1)]);
    let held = channel.try_hold(9).expect("an item");
    assert_eq!(next(&channel), Err(TryReceiveError::Empty));
    drop(held);
    assert_eq!((next(&channel), next(&channel)), (Ok(1), Ok(2)));
}

#[test]
fn the_part_of_a_lease_that_is_not_passed_on_keeps_its_keys() {
    let channel = channel(10, &[(1, 1), (2, 1), (3, 0)]);
    let lease = channel.lease(1).expect("an item");
    assert_eq!(lease.pass_on(|batch| Err(("full", batch))), Err("full"));
    let lease = channel.lease(1).expect("the same");
    assert_eq!((lease.attempt(), Vec::from((*lease).clone())), (1, vec![1]));
    assert_eq!(next(&channel), Ok(3));
    assert_eq!(lease.pass_on(|_| Ok::<(), ((), _)>(())), Ok(()));
    assert_eq!(next(&channel), Ok(2));
}

#[test]
fn the_end_waits_for_what_is_parked_and_an_abort_gives_it_back_in_order() {
    let ending = channel(10, &[(1, 1), (2, 1)]);
    let out = ending.lease(1).expect("an item");
    ending.close();
    assert_eq!(next(&ending), Err(TryReceiveError::Empty));
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| ending.receive(1).map(Vec::from));
        out.settle();
        assert_eq!(sleeper.join().expect("no panic"), Ok(vec![2]));
    });
    assert_eq!(ending.receive(1), Err(ReceiveError::Closed));

    let aborted = channel(10, &[(1, 1), (2, 1), (3, 2), (4, 1), (5, 0)]);
    let _out = aborted.lease(1).expect("an item");
    assert_eq!(next(&aborted), Ok(3));
    assert_eq!(next(&aborted), Ok(5));
    let queued: Vec<_> = aborted.abort().into_iter().flat_map(Vec::from).collect();
    assert_eq!(queued, [2, 4]);
    assert!(aborted.is_empty());
}

#[test]
fn items_before_the_first_key_keep_their_order_with_those_after_it() {
    rounds(200, |random| {
        let channel = Channel::new(1000).expect("valid");
        let mut sent = 0;
        for _ in 0..random.usize(1..20) {
            let n = random.usize(1..6);
            let key = u64::from(random.bool());
            channel.send((sent..sent + n).map(|item| (item, 0, key)).collect::<Marked<_>>()).expect("open");
            sent += n;
        }
        let mut received = Vec::new();
        while received.len() < sent {
            match random.u8(0..3) {
                0 => drop(channel.try_hold(random.usize(1..5)).expect("an item")),
                _ => received.extend(Vec::from(channel.try_receive(random.usize(1..5)).expect("an item"))),
            }
        }
        assert!(received.into_iter().eq(0..sent));
    });
}

/// Keys × items, of which some fail and come back at once or later, handled by threads with leases.
fn in_order(keys: usize, each: usize, consumers: usize, fails: bool) {
    let channel = Channel::with_options(&ChannelOptions { lanes: 1, ..ChannelOptions::new(1000) }).expect("valid");
    let done: Vec<_> = (0..keys).map(|_| AtomicUsize::new(0)).collect();
    let busy: Vec<_> = (0..keys).map(|_| AtomicBool::new(false)).collect();
    let attempts = AtomicU32::new(0);
    thread::scope(|scope| {
        let (channel, done, busy, attempts) = (&channel, &done, &busy, &attempts);
        scope.spawn(move || {
            for number in 0..each {
                for key in 0..keys {
                    channel.send(Marked::one((key, number), 0, key as u64 + 1)).expect("open");
                }
            }
            channel.close();
        });
        for _ in 0..consumers {
            scope.spawn(move || {
                while let Ok(lease) = channel.lease(1) {
                    let (key, number) = *lease.iter().next().expect("an item");
                    assert!(!busy[key].swap(true, Ordering::AcqRel), "two of key {key} at once");
                    assert_eq!(done[key].load(Ordering::Acquire), number, "key {key}");
                    if fastrand::u8(..) == 0 {
                        thread::yield_now();
                    }
                    attempts.fetch_add(1, Ordering::Relaxed);
                    let fate = if fails && lease.attempt() < 3 { fastrand::u8(0..20) } else { 9 };
                    busy[key].store(false, Ordering::Release);
                    match fate {
                        0 => lease.retry(),
                        1 => lease.retry_after(Duration::from_micros(fastrand::u64(1..300))),
                        _ => {
                            done[key].fetch_add(1, Ordering::AcqRel);
                            lease.settle();
                        }
                    }
                }
            });
        }
    });
    assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == each));
    let attempts = attempts.into_inner() as usize;
    assert_eq!(attempts > keys * each, fails);
    assert_eq!(channel.stats().leased, 0);
}

#[test]
fn a_thousand_keys_with_eight_consumers_are_each_handled_in_order() {
    finishes(|| in_order(1000, 100, 8, false));
}

#[test]
fn a_few_keys_of_which_items_fail_are_each_handled_in_order() {
    finishes(|| in_order(5, 2000, 8, true));
}

#[test]
fn a_slow_key_holds_up_no_other() {
    finishes(|| {
        let channel = channel::<(u64, usize)>(100, &[]);
        let order = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..10 {
                channel.send(Marked::one((1, number), 0, 1)).expect("open");
            }
            // The first of the slow key stays out until all others are through.
            let slow = channel.lease(1).expect("an item");
            let consumer = scope.spawn(|| {
                for _ in 0..500 {
                    let lease = channel.lease(1).expect("an item");
                    order.lock().expect("no panic").push(lease.iter().next().copied().expect("an item"));
                    lease.settle();
                }
            });
            for number in 0..500 {
                channel.send(Marked::one((2 + number as u64 % 3, number), 0, 2 + number as u64 % 3)).expect("open");
            }
            consumer.join().expect("no panic");
            assert!(order.lock().expect("no panic").iter().all(|(key, _)| *key != 1));
            slow.settle();
        });
        for number in 1..10 {
            assert_eq!(next(&channel), Ok((1, number)));
        }
        assert!(channel.is_empty());
    });
}

#[test]
fn consumers_stay_busy_while_there_are_other_keys() {
    finishes(|| {
        const CONSUMERS: usize = 8;
        let channel = channel::<u32>(2000, &[]);
        for item in 0..2000 {
            channel.send(Marked::one(item, 0, u64::from(item % 200) + 1)).expect("open");
        }
        channel.close();
        let busy = AtomicUsize::new(0);
        let begin = Instant::now();
        thread::scope(|scope| {
            for _ in 0..CONSUMERS {
                scope.spawn(|| {
                    while let Ok(lease) = channel.lease(1) {
                        let start = Instant::now();
                        thread::sleep(Duration::from_micros(fastrand::u64(500..3000)));
                        busy.fetch_add(start.elapsed().as_micros() as usize, Ordering::Relaxed);
                        lease.settle();
                    }
                });
            }
        });
        let share = busy.into_inner() as f64 / 1e6 / (begin.elapsed().as_secs_f64() * CONSUMERS as f64);
        // 95 % on an idle machine; a busy one wakes sleepers late, which counts as handling.
        assert!(share > 0.9, "busy for {share} of the time");
    });
}

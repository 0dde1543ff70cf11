//! Tests of what only the system uses, and of what can't be seen from outside. The others are in `tests/`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use super::permits::{OVERTAKING, Permits, Take};
use super::wait::WakeList;
use super::{Channel, ReceiveError, TryReceiveError};
use crate::batch::Batch;
use crate::sync::lock;

fn channel<B: Batch>(capacity: usize) -> Channel<B> {
    Channel::new(capacity).expect("a valid capacity")
}

/// Yields until `n` receivers wait.
fn until_receivers_wait<B: Batch>(channel: &Channel<B>, n: usize) {
    while lock(&channel.shared.receivers).waiting() < n {
        thread::yield_now();
    }
}

#[test]
fn items_that_are_taken_and_not_handed_over_count() {
    const RECEIVERS: usize = 3;
    let capacity = 20;
    let channel = channel::<Vec<usize>>(capacity);
    let (sent, handed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..RECEIVERS {
            let (channel, handed) = (&channel, &handed);
            scope.spawn(move || {
                while let Ok(batch) = channel.take([1, 3, 64][number]) {
                    // Counted before its permits are free, so the senders' count is exact.
                    handed.fetch_add(batch.len(), Ordering::SeqCst);
                    channel.hand_over(batch.len());
                }
            });
        }
        let senders = [1, 7, 40].map(|size| {
            let (channel, sent, handed) = (&channel, &sent, &handed);
            scope.spawn(move || {
                for _ in 0..5000 / size {
                    channel.send(vec![0; size]).expect("open");
                    let sent = sent.fetch_add(size, Ordering::SeqCst) + size;
                    let inside = sent.saturating_sub(handed.load(Ordering::SeqCst));
                    assert!(inside <= capacity, "{inside} items in a channel of {capacity}");
                }
            })
        });
        for sender in senders {
            sender.join().expect("no panic");
        }
        channel.close();
    });
    assert_eq!(sent.into_inner(), handed.into_inner());
    assert_eq!(channel.stats().peak, capacity);
}

#[test]
fn the_end_waits_for_what_is_taken_and_not_handed_over() {
    let channel = channel(2);
    channel.send(vec![1]).expect("open");
    assert_eq!(channel.try_take(1), Ok(vec![1]));
    channel.close();
    assert_eq!(channel.try_take(1), Err(TryReceiveError::Empty));
    channel.hand_over(1);
    assert_eq!(channel.try_take(1), Err(TryReceiveError::Closed));
}

#[test]
fn a_lifted_bound_lets_in_all_that_waits_and_keeps_the_order() {
    let channel = channel(2);
    let producer = channel.producer();
    let waits = producer.send(vec![0, 1, 2, 3, 4]);
    thread::scope(|scope| {
        let sender = scope.spawn(|| channel.send(vec![100, 101]));
        while channel.stats().waiting_sends < 2 {
            thread::yield_now();
        }
        channel.lift();
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
    assert!(!producer.is_waiting());
    assert_eq!(waits.cancel(), super::Cancelled::Over(Ok(())));
    for item in 5..2000 {
        assert_eq!(producer.try_send(vec![item]), Ok(()));
        if item % 3 == 0 {
            // Room in the slots again, which later items must not slip into.
            assert!(channel.try_receive(1).is_ok());
        }
    }
    channel.close();
    let mut last = None;
    while let Ok(batch) = channel.receive(7) {
        for item in batch.into_iter().filter(|item| *item != 100 && *item != 101) {
            assert!(last < Some(item), "{item} after {last:?}");
            last = Some(item);
        }
    }
    assert_eq!(last, Some(1999));
}

#[test]
fn senders_race_with_the_lifting_of_the_bound() {
    for _ in 0..300 {
        let channel = channel::<Vec<(usize, usize)>>(3);
        thread::scope(|scope| {
            for producer in 0..3 {
                let channel = &channel;
                scope.spawn(move || (0..40).for_each(|item| channel.send(vec![(producer, item)]).expect("open")));
            }
            let receiver = scope.spawn(|| {
                let mut next = [0; 3];
                while next != [40; 3] {
                    for (producer, item) in channel.receive(2).expect("open") {
                        assert_eq!(item, next[producer]);
                        next[producer] += 1;
                    }
                }
            });
            channel.lift();
            receiver.join().expect("no panic");
        });
        assert!(channel.is_empty());
    }
}

#[test]
fn a_hold_keeps_items_back_and_not_the_end() {
    let channel = channel(4);
    channel.hold(true);
    channel.send(vec![1]).expect("open");
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    thread::scope(|scope| {
        let receivers = [0, 1].map(|_| scope.spawn(|| channel.receive(1)));
        until_receivers_wait(&channel, 2);
        channel.close();
        assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
        channel.hold(false);
        let mut received = receivers.map(|receiver| receiver.join().expect("no panic"));
        received.sort_by_key(Result::is_err);
        assert_eq!(received, [Ok(vec![1]), Err(ReceiveError::Closed)]);
    });
    channel.hold(true);
    assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
}

#[test]
fn a_receiving_thread_is_not_overtaken_for_long() {
    for round in 0..100 {
        let capacity = 1 + round % 5;
        let channel = channel(capacity);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| channel.receive(1));
            until_receivers_wait(&channel, 1);
            let mut overtook = 0;
            while lock(&channel.shared.receivers).waiting() == 1 {
                let sent = channel.try_send(vec![0]);
                overtook += usize::from(sent.is_ok() && channel.try_receive(1).is_ok());
            }
            // One more where it was served between the last look and the last receive.
            assert!(overtook <= OVERTAKING * capacity + 1, "{overtook} overtook a waiter on {capacity} permits");
            assert_eq!(waiter.join().expect("no panic"), Ok(vec![0]));
        });
    }
}

#[test]
fn receivers_find_the_end_though_one_that_is_due_has_not_looked_yet() {
    let channel = channel(1);
    let mut place = None;
    let take = |place: &mut _| channel.shared.poll_take(place, 1, false, super::wait::Kind::Thread, Waker::noop());
    assert!(take(&mut place).is_pending());
    for item in 0..OVERTAKING {
        channel.send(vec![item]).expect("open");
        channel.try_receive(1).expect("an item");
    }
    channel.close();
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Closed));
    assert!(matches!(take(&mut place), Poll::Ready(Err(ReceiveError::Closed))));
}

#[test]
fn what_comes_too_late_is_dropped_once_no_lock_is_held() {
    struct Probe(Channel<Vec<Probe>>, Arc<AtomicUsize>);
    impl Drop for Probe {
        fn drop(&mut self) {
            assert_eq!(self.0.stats().waiting_sends, 0, "this takes the senders' lock");
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let channel = channel(1);
    let drops = Arc::new(AtomicUsize::new(0));
    let probe = Probe(channel.clone(), Arc::clone(&drops));
    assert_eq!(channel.shared.permits.take(1), Take::Took(1));
    assert!(channel.abort().is_empty());
    let mut wakes = WakeList::default();
    let senders = lock(&channel.shared.senders);
    channel.shared.push(vec![probe], &mut wakes);
    assert_eq!(channel.shared.discarded.load(Ordering::Relaxed), 1);
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(senders);
    wakes.wake();
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    assert!(channel.is_empty());
}

#[test]
fn what_gets_in_after_an_abort_is_kept_for_who_wants_it_and_then_dropped() {
    let channel = channel(3);
    assert_eq!(channel.shared.permits.take(3), Take::Took(3));
    assert!(channel.abort_and_keep().is_empty());
    channel.shared.push_and_wake(vec![1]);
    channel.shared.push_and_wake(vec![2]);
    assert_eq!(channel.len(), 1);
    assert_eq!(channel.take_late(), [[1], [2]]);
    assert_eq!(channel.stats().discarded, 0);
    channel.shared.push_and_wake(vec![3]);
    assert_eq!((channel.len(), channel.stats().discarded), (0, 1));
    assert!(channel.take_late().is_empty());
}

#[test]
fn a_held_receive_keeps_its_permits_until_the_hand_over() {
    let channel = channel(1);
    channel.send(vec![1]).expect("open");
    let mut receiving = channel.receive_async(1);
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(receiving.poll_held(&mut context, 1), Poll::Ready(Ok(vec![1])));
    assert!(channel.try_send(vec![2]).is_err());
    channel.hand_over(1);
    assert_eq!(channel.try_send(vec![2]), Ok(()));
}

#[test]
fn a_release_is_to_wake_until_enough_is_free() {
    let permits = Permits::new(8);
    assert_eq!(permits.take_all(8), Take::Took(8));
    permits.queue().expect("open");
    for free in 0..4 {
        assert!(permits.arm(4), "{free} are free");
        assert!(permits.release(1).wake);
    }
    assert!(permits.is_awaited(4));
    assert!(!permits.arm(4), "4 are free");
    assert!(!permits.release(1).wake);
}

#[test]
fn a_thread_that_waits_for_long_work_takes_any_room_in_the_end() {
    let channel = channel(100);
    channel.expect_long_work();
    channel.send(vec![0; 100]).expect("open");
    for _ in 0..20 {
        thread::scope(|scope| {
            let senders = [(); 3].map(|()| scope.spawn(|| channel.send_timeout(vec![0], Duration::from_secs(60))));
            while lock(&channel.shared.senders).waiting() < 3 {
                thread::yield_now();
            }
            assert_eq!(channel.receive(3), Ok(vec![0; 3]));
            for sender in senders {
                assert_eq!(sender.join().expect("no panic"), Ok(()));
            }
        });
    }
}

#[test]
fn where_few_items_fit_any_room_is_enough() {
    for (capacity, enough) in [(1, 1), (63, 1), (64, 32), (1001, 500)] {
        let channel = channel::<Vec<()>>(capacity);
        channel.expect_long_work();
        assert_eq!(channel.shared.enough(), enough, "a capacity of {capacity}");
    }
}

#[test]
fn long_work_loses_no_item_and_no_wake_up() {
    for capacity in [1, 50, 64, 65, 100] {
        let channel = channel::<Vec<usize>>(capacity);
        channel.expect_long_work();
        let sum = thread::scope(|scope| {
            let receivers = [1, 2, 16].map(|max| {
                let channel = &channel;
                scope.spawn(move || {
                    let mut sum = 0;
                    while let Ok(batch) = channel.take(max) {
                        sum += batch.iter().sum::<usize>();
                        channel.hand_over(batch.len());
                        channel.give_way();
                    }
                    sum
                })
            });
            let senders = [1, 3, 40].map(|size| {
                let channel = &channel;
                scope.spawn(move || {
                    for _ in 0..6000 / size {
                        channel.send(vec![1; size]).expect("open");
                    }
                })
            });
            for sender in senders {
                sender.join().expect("no panic");
            }
            channel.close();
            receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).sum::<usize>()
        });
        assert_eq!(sum, 3 * 6000, "a capacity of {capacity}");
    }
}

#[test]
fn the_due_mark_wraps_with_the_count_of_admitted_items() {
    for before_the_wrap in [0, 1, 7, 16, 17, 100] {
        let permits = Permits::starting_at(4, u32::MAX - before_the_wrap);
        assert_eq!(permits.take_all(4), Take::Took(4));
        permits.set_due(permits.due_from_now());
        permits.queue().expect("open");
        assert!(permits.arm(1));
        let overtakes = || {
            let _ = permits.release(1);
            permits.take(1) == Take::Took(1)
        };
        let overtook = (0..100).take_while(|_| overtakes()).count();
        assert_eq!(overtook, OVERTAKING * 4, "{before_the_wrap} before the wrap");
        assert_eq!(permits.take_all(1), Take::Full);
        assert_eq!(permits.take_first(9), Take::Took(1), "the waiter's own");
    }
}

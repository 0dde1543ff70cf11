//! A waiter is overtaken by at most 4 × capacity items; then the next permits, or items, are its own.

mod support;

use std::thread;

use millrace_core::channel::OVERTAKING;
use millrace_core::{Channel, TryReceiveError};
use support::{Flag, block_on, finishes, poll, rounds, until_waiting};

#[test]
fn a_sending_thread_is_not_overtaken_for_long() {
    rounds(100, |rng| {
        let capacity = rng.usize(1..6);
        let channel = Channel::new(capacity).expect("valid");
        channel.send(vec!["before"; capacity]).expect("open");
        thread::scope(|scope| {
            scope.spawn(|| channel.send(vec!["waiter"]));
            until_waiting(&channel, 1);
            let mut overtook = 0;
            // Its wake-up takes longer than thousands of these turns.
            while channel.stats().waiting_sends == 1 {
                if channel.try_receive(1).is_ok() && channel.try_send(vec!["barger"]).is_ok() {
                    overtook += 1;
                }
            }
            // One more where it was admitted between the last look and the last send.
            assert!(overtook <= OVERTAKING * capacity + 1, "{overtook} items overtook a waiter on {capacity} permits");
        });
    });
}

#[test]
fn a_huge_batch_takes_turns_with_the_others() {
    let channel = Channel::new(5).expect("valid");
    channel.send(vec!["before"; 5]).expect("open");
    let (huge, small) = (channel.producer(), channel.producer());
    let huge = huge.send(vec!["huge"; 50]);
    let small = small.send(vec!["small"; 2]);
    let order: Vec<_> = (0..57).map(|_| channel.receive(1).expect("open")[0]).collect();
    assert_eq!(order[..9], ["before", "before", "before", "before", "before", "huge", "small", "huge", "small"]);
    assert_eq!(order[9..], ["huge"; 48]);
    assert_eq!(block_on(huge), Ok(()));
    assert_eq!(block_on(small), Ok(()));
}

#[test]
fn a_thread_with_a_huge_batch_takes_turns_with_the_others() {
    rounds(50, |_| {
        let capacity = 4;
        let channel = Channel::new(capacity).expect("valid");
        channel.send(vec!["before"; capacity]).expect("open");
        thread::scope(|scope| {
            scope.spawn(|| channel.send(vec!["huge"; 10 * capacity]));
            until_waiting(&channel, 1);
            scope.spawn(|| channel.send(vec!["small"]));
            until_waiting(&channel, 2);
            let order: Vec<_> = (0..=11 * capacity).map(|_| channel.receive(1).expect("open")[0]).collect();
            let small = order.iter().position(|item| *item == "small");
            // What was in the channel, one turn of the huge batch, and no more.
            assert!(small < Some(2 * capacity + 1), "{small:?}");
        });
    });
}

#[test]
fn an_item_is_kept_for_a_task_that_was_overtaken_for_too_long() {
    let capacity = 3;
    let channel = Channel::new(capacity).expect("valid");
    let (_, waker) = Flag::new();
    let mut waiter = channel.receive_async(1);
    assert!(poll(&mut waiter, &waker).is_pending());
    for item in 0..OVERTAKING * capacity {
        channel.send(vec![item]).expect("open");
        assert_eq!(channel.try_receive(1), Ok(vec![item]));
    }
    channel.send(vec![100]).expect("open");
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty), "the waiter's own");
    channel.send(vec![101, 102]).expect("open");
    // In order, and all but one.
    assert_eq!(channel.try_receive(9), Ok(vec![100]));
    assert_eq!(channel.try_receive(9), Ok(vec![101]));
    assert_eq!(channel.try_receive(9), Err(TryReceiveError::Empty));
    assert_eq!(block_on(waiter), Ok(vec![102]));
    channel.send(vec![103]).expect("open");
    assert_eq!(channel.try_receive(9), Ok(vec![103]));
}

#[test]
fn the_item_kept_for_a_task_that_gives_up_is_anyones_and_in_order() {
    let channel = Channel::new(2).expect("valid");
    let (_, waker) = Flag::new();
    let mut waiter = channel.receive_async(1);
    assert!(poll(&mut waiter, &waker).is_pending());
    for _ in 0..4 {
        channel.send(vec![0, 0]).expect("open");
        assert_eq!(channel.try_receive(9), Ok(vec![0, 0]));
    }
    channel.send(vec![1, 2]).expect("open");
    assert_eq!(channel.try_receive(9), Ok(vec![1]));
    let (woken, other) = Flag::new();
    let mut next = channel.receive_async(9);
    assert!(poll(&mut next, &other).is_pending());
    assert!(!woken.is_set());
    drop(waiter);
    assert!(woken.is_set());
    assert_eq!(block_on(next), Ok(vec![2]));
}

#[test]
fn tasks_whose_event_loops_are_busy_hold_up_nobody() {
    // At capacity 1 nothing is kept: the one permit must go round.
    for capacity in 1..4 {
        finishes(move || {
            const ITEMS: usize = 2000;
            let channel = Channel::<Vec<usize>>::new(capacity).expect("valid");
            let (_, waker) = Flag::new();
            let mut busy = [(); 3].map(|()| channel.receive_async(1));
            for task in &mut busy {
                assert!(poll(task, &waker).is_pending());
            }
            let received: usize = thread::scope(|scope| {
                let receivers: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            std::iter::from_fn(|| channel.receive(2).ok()).map(|batch| batch.len()).sum::<usize>()
                        })
                    })
                    .collect();
                for item in 0..ITEMS {
                    channel.send(vec![item]).expect("open");
                }
                channel.close();
                // Their event loops turn again, and each takes what was kept for it, or finds the end.
                let late: usize =
                    busy.into_iter().filter_map(|task| block_on(task).ok()).map(|batch| batch.len()).sum();
                late + receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).sum::<usize>()
            });
            assert_eq!(received, ITEMS);
        });
    }
}

#[test]
fn a_waiter_behind_a_busy_task_gets_its_turn_too() {
    let capacity = 4;
    let channel = Channel::new(capacity).expect("valid");
    let ((_, busy), (woken, waker)) = (Flag::new(), Flag::new());
    let (mut first, mut second) = (channel.receive_async(1), channel.receive_async(1));
    assert!(poll(&mut first, &busy).is_pending());
    assert!(poll(&mut second, &waker).is_pending());
    for _ in 0..OVERTAKING {
        channel.send(vec![0; capacity]).expect("open");
        assert_eq!(channel.try_receive(capacity), Ok(vec![0; capacity]));
    }
    channel.send(vec![1, 2]).expect("open");
    assert_eq!(channel.try_receive(9), Err(TryReceiveError::Empty), "one is kept for each of the two");
    assert!(woken.is_set());
    assert_eq!(poll(&mut second, &waker), std::task::Poll::Ready(Ok(vec![1])));
    assert_eq!(channel.try_receive(9), Err(TryReceiveError::Empty));
    assert_eq!(block_on(first), Ok(vec![2]));
}

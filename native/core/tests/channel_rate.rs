//! A rate holds over all receivers of a channel.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use millrace_core::channel::{ChannelOptions, Rate};
use millrace_core::{Channel, Marked, TryReceiveError};
use support::{Flag, finishes, poll, until};

fn channel(limit: u64, per: Duration) -> Channel<Vec<u32>> {
    let rate = Some(Rate { limit, per });
    Channel::with_options(&ChannelOptions { rate, ..ChannelOptions::new(10_000) }).expect("valid")
}

#[test]
fn rates_of_nothing_are_refused_by_name() {
    let refused = |limit, per| {
        let options = ChannelOptions { rate: Some(Rate { limit, per }), ..ChannelOptions::new(1) };
        Channel::<Vec<u8>>::with_options(&options).map_err(|error| error.option()).err()
    };
    assert_eq!(refused(0, Duration::from_secs(1)), Some("rate.limit"));
    assert_eq!(refused(1, Duration::ZERO), Some("rate.per"));
}

/// How many items four threads receive in a second, at a thousand a second.
fn received_in_a_second() -> usize {
    let channel = channel(1000, Duration::from_secs(1));
    channel.send((0..5000).collect()).expect("room for all");
    let received = AtomicUsize::new(0);
    let begin = Instant::now();
    let second = Duration::from_secs(1);
    thread::scope(|scope| {
        for receiver in 0..4 {
            let (channel, received) = (&channel, &received);
            scope.spawn(move || {
                while let Some(left) = second.checked_sub(begin.elapsed()) {
                    let n = match receiver {
                        0 | 1 => channel.receive_timeout(1, left).map(|batch| batch.len()),
                        2 => channel.receive_timeout(7, left).map(|batch| batch.len()),
                        _ => channel.lease_timeout(1, left).map(|lease| lease.settle().len()),
                    };
                    received.fetch_add(n.unwrap_or(0), Ordering::Relaxed);
                }
            });
        }
    });
    // The end may be late, on a busy machine.
    let most = 1010.0 + 10.0 * begin.elapsed().saturating_sub(second).as_secs_f64() * 1000.0;
    let received = received.into_inner();
    assert!(received as f64 <= most, "{received} items, of {most} at the most");
    received
}

#[test]
fn a_second_at_a_thousand_a_second_for_four_threads() {
    finishes(|| {
        // What a busy machine keeps from receiving for more than 10 ms is lost, so the bound is for one good second.
        let seconds: Vec<_> = (0..10)
            .scan(false, |done, _| {
                let received = (!*done).then(received_in_a_second)?;
                *done = received >= 990;
                Some(received)
            })
            .collect();
        assert!(seconds.last().is_some_and(|received| *received >= 990), "{seconds:?} items in a second each");
    });
}

#[test]
fn a_limited_item_is_no_attempt_and_comes_when_there_is_a_token() {
    let channel = channel(50, Duration::from_secs(1));
    channel.send(vec![1, 2, 3]).expect("open");
    assert_eq!(channel.try_receive(9), Ok(vec![1]));
    let begin = Instant::now();
    assert_eq!(channel.try_receive(9), Err(TryReceiveError::Empty));
    assert_eq!(channel.len(), 2);
    let lease = channel.lease(1).expect("an item");
    // The first token may be half a token's time early.
    assert!(begin.elapsed() >= Duration::from_millis(9), "after {:?}", begin.elapsed());
    assert_eq!((lease.attempt(), &*lease), (1, &vec![2]));
    lease.retry();
    let again = channel.lease(1).expect("an item");
    assert!(begin.elapsed() >= Duration::from_millis(29), "another attempt needs a token too");
    assert_eq!((again.attempt(), again.settle()), (2, vec![2]));
}

#[test]
fn a_token_is_used_for_an_item_that_is_handed_over_alone() {
    let channel = channel(1, Duration::from_secs(3600));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    channel.send(vec![1, 2]).expect("open");
    for _ in 0..3 {
        drop(channel.try_hold(1).expect("the token is there again"));
    }
    assert_eq!(channel.receive(1), Ok(vec![1]));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
}

#[test]
fn items_of_a_busy_key_use_no_token() {
    let rate = Some(Rate { limit: 2, per: Duration::from_millis(10) });
    let channel = Channel::with_options(&ChannelOptions { rate, ..ChannelOptions::new(10) }).expect("valid");
    channel.send([(1, 0, 1), (2, 0, 1)].into_iter().collect::<Marked<_>>()).expect("open");
    let _out = channel.lease(1).expect("the first of two tokens");
    for _ in 0..1000 {
        assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    }
    channel.send(Marked::one(3, 0, 2)).expect("open");
    assert_eq!(channel.try_receive(1).map(Vec::from), Ok(vec![3]), "the second token is there");
}

#[test]
fn tasks_are_woken_when_there_is_a_token() {
    finishes(|| {
        let channel = channel(100, Duration::from_secs(1));
        channel.send((0..6).collect()).expect("open");
        let (flag, waker) = Flag::new();
        let mut receiving = channel.receive_async(1);
        assert_eq!(poll(&mut receiving, &waker), Poll::Ready(Ok(vec![0])));
        let received: Vec<_> = (1..6)
            .map(|_| {
                let (flag, waker) = Flag::new();
                loop {
                    if let Poll::Ready(Ok(item)) = poll(&mut receiving, &waker) {
                        break item[0];
                    }
                    until(|| flag.is_set());
                }
            })
            .collect();
        assert_eq!(received, [1, 2, 3, 4, 5]);
        drop(flag);
    });
}

#[test]
fn a_token_that_comes_while_a_receiver_falls_asleep_wakes_it() {
    finishes(|| {
        let channel = channel(50_000, Duration::from_secs(1));
        for _ in 0..3 {
            channel.send((0..10_000).collect()).expect("open");
            let mut left: usize = 10_000;
            while left > 0 {
                left -= channel.receive(1).expect("open").len();
            }
        }
    });
}

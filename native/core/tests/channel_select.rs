//! Select: exactly one case happens, which one is chosen fairly, and nothing is lost or sent twice.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use millrace_core::channel::{Case, ChannelOptions, SendingCase, select, select_async, select_timeout, try_select};
use millrace_core::{Channel, Marked, ReceiveError, SendError};
use support::{Counted, Flag, Tally, assert_each_once, block_on, finishes, poll, rounds, until, until_waiting};

type Items = Vec<usize>;

fn channel(capacity: usize) -> Channel<Items> {
    Channel::new(capacity).expect("valid")
}

fn full(capacity: usize) -> Channel<Items> {
    let channel = channel(capacity);
    channel.send(vec![0; capacity]).expect("open");
    channel
}

#[test]
fn takes_from_the_one_that_has_something_whichever_it_is() {
    for ready in 0..3 {
        let channels = [(); 3].map(|()| channel(2));
        channels[ready].send(vec![ready, 9]).expect("open");
        let mut cases = channels.each_ref().map(|channel| channel.receiving(5));
        let [a, b, c] = &mut cases;
        assert_eq!(select(&mut [a, b, c]), ready);
        assert_eq!(cases[ready].outcome(), Some(Ok(vec![ready, 9])));
        assert_eq!(try_select(&mut [&mut channels[ready].receiving(1)]), None);
    }
}

#[test]
fn sends_where_there_is_room_and_gives_back_what_was_not_sent() {
    let (full, free) = (full(1), channel(2));
    let (mut one, mut two) = (full.sending(vec![1]), free.sending(vec![2, 3]));
    assert_eq!(try_select(&mut [&mut one, &mut two]), Some(1));
    assert_eq!((one.outcome(), two.outcome()), (None, Some(Ok(()))));
    assert_eq!((one.into_batch(), two.into_batch()), (Some(vec![1]), None));
    assert_eq!(free.try_receive(9), Ok(vec![2, 3]));
}

#[test]
fn channels_of_different_items_go_together() {
    let (texts, numbers) = (Channel::<Vec<&str>>::new(1).expect("valid"), channel(1));
    let (mut text, mut number) = (texts.receiving(1), numbers.receiving(1));
    assert_eq!(select_timeout(&mut [&mut text, &mut number], Duration::ZERO), None);
    texts.send(vec!["text"]).expect("open");
    assert_eq!(select(&mut [&mut number, &mut text]), 1);
    assert_eq!(text.outcome(), Some(Ok(vec!["text"])));
}

#[test]
fn each_ready_case_is_as_likely_as_any_other() {
    const ROUNDS: usize = 8000;
    rounds(1, |rng| {
        fastrand::seed(rng.u64(..));
        let (empty, full, ready) = (channel(1), full(1), [(); 2].map(|()| channel(ROUNDS)));
        let mut chosen = [0_usize; 6];
        for _ in 0..ROUNDS {
            while ready[0].is_empty() {
                ready[0].send(vec![1; 8]).expect("open");
            }
            let mut receives = [&ready[0], &full, &empty].map(|channel| channel.receiving(1));
            let mut sends = [&ready[1], &full, &ready[1]].map(|channel| channel.sending(vec![1]));
            let ([a, full_receive, e], [b, full_send, f]) = (&mut receives, &mut sends);
            let index = select(&mut [a, e, b, full_send, full_receive, f]);
            chosen[index] += 1;
            receives[0].outcome();
            if receives[1].outcome().is_some() {
                full.send(vec![0]).expect("open");
            }
        }
        assert_eq!((chosen[1], chosen[3]), (0, 0), "these were never ready: {chosen:?}");
        for index in [0, 2, 4, 5] {
            // A fair one is off by more than 6 of its standard deviations once in a billion.
            let (mean, deviation) = (ROUNDS as f64 / 4.0, (ROUNDS as f64 * 3.0 / 16.0).sqrt());
            assert!((chosen[index] as f64 - mean).abs() < 6.0 * deviation, "{chosen:?}");
        }
    });
}

#[test]
fn the_end_of_a_closed_channel_is_ready_and_a_send_into_it_is_refused() {
    let (closed, open) = (channel(2), channel(1));
    closed.send(vec![1]).expect("open");
    closed.close();
    let (mut end, mut other) = (closed.receiving(1), open.receiving(1));
    assert_eq!(select(&mut [&mut end, &mut other]), 0);
    assert_eq!(end.outcome(), Some(Ok(vec![1])));
    assert_eq!(select(&mut [&mut end, &mut other]), 0);
    assert_eq!(end.outcome(), Some(Err(ReceiveError::Closed)));
    let mut late = closed.sending(vec![5]);
    assert_eq!(select(&mut [&mut late, &mut other]), 0);
    assert_eq!(late.outcome(), Some(Err(SendError::Closed(vec![5]))));

    let aborted = full(1);
    aborted.abort();
    let (mut end, mut late) = (aborted.receiving(1), aborted.sending(vec![5]));
    assert_eq!(select(&mut [&mut end]), 0);
    assert_eq!(end.outcome(), Some(Err(ReceiveError::Aborted)));
    assert_eq!(select(&mut [&mut late]), 0);
    assert_eq!(late.into_batch(), Some(vec![5]));
}

#[test]
fn a_close_and_an_abort_wake_those_that_wait() {
    for (abort, as_future) in [(false, false), (false, true), (true, false), (true, true)] {
        finishes(move || {
            let (full, empty, other) = (full(1), channel(1), channel(1));
            thread::scope(|scope| {
                for sends in [true, false] {
                    let (full, empty, other) = (&full, &empty, &other);
                    scope.spawn(move || {
                        let (mut never, mut send, mut receive) =
                            (other.receiving(1), full.sending(vec![7]), empty.receiving(1));
                        let case: &mut dyn Case = if sends { &mut send } else { &mut receive };
                        let mut cases = [&mut never as &mut dyn Case, case];
                        let index = if as_future { block_on(select_async(&mut cases)) } else { select(&mut cases) };
                        assert_eq!(index, 1);
                        if sends {
                            let refused = if abort { SendError::Aborted(vec![7]) } else { SendError::Closed(vec![7]) };
                            assert_eq!(send.outcome(), Some(Err(refused)));
                        } else {
                            let end = if abort { ReceiveError::Aborted } else { ReceiveError::Closed };
                            assert_eq!(receive.outcome(), Some(Err(end)));
                        }
                    });
                }
                until_waiting(&full, 1);
                for channel in [&full, &empty] {
                    if abort {
                        channel.abort();
                    } else {
                        channel.close();
                    }
                }
            });
            assert_eq!(full.stats().waiting_sends, 0);
            if !abort {
                assert_eq!(full.receive(5), Ok(vec![0]));
                assert_eq!(full.receive(5), Err(ReceiveError::Closed), "a case that was refused keeps no end back");
            }
        });
    }
}

#[test]
fn whoever_frees_room_sends_for_a_select_that_waits() {
    let (full, empty) = (full(1), channel(1));
    let (woken, waker) = Flag::new();
    let (mut send, mut receive) = (full.sending(vec![7]), empty.receiving(1));
    let mut cases: [&mut dyn Case; 2] = [&mut send, &mut receive];
    let mut selecting = select_async(&mut cases);
    assert!(poll(&mut selecting, &waker).is_pending());
    assert_eq!(full.receive(1), Ok(vec![0]));
    assert!(woken.is_set());
    assert_eq!(full.try_receive(1), Ok(vec![7]), "nobody had to wait for its event loop");
    empty.send(vec![1]).expect("open");
    assert_eq!(poll(&mut selecting, &waker), Poll::Ready(0), "it was decided before");
    drop(selecting);
    assert_eq!((send.outcome(), receive.outcome()), (Some(Ok(())), None));
    assert_eq!(empty.len(), 1);
}

#[test]
fn a_select_that_is_dropped_says_whether_it_sent() {
    let (full, empty) = (full(1), channel(1));
    for frees in [false, true] {
        let (_, waker) = Flag::new();
        let (mut send, mut receive) = (full.sending(vec![7]), empty.receiving(1));
        let mut cases: [&mut dyn Case; 2] = [&mut send, &mut receive];
        let mut selecting = select_async(&mut cases);
        assert!(poll(&mut selecting, &waker).is_pending());
        if frees {
            assert_eq!(full.receive(1), Ok(vec![0]));
        }
        drop(selecting);
        assert_eq!(full.stats().waiting_sends, 0);
        assert_eq!(send.outcome(), frees.then_some(Ok(())));
        assert_eq!(send.into_batch(), (!frees).then(|| vec![7]));
    }
    assert_eq!(full.try_receive(5), Ok(vec![7]));
}

#[test]
fn items_that_nobody_looked_at_go_back_to_the_front() {
    let channel = channel(3);
    channel.send(vec![1, 2, 3]).expect("open");
    let mut case = channel.receiving(1);
    assert_eq!(select(&mut [&mut case]), 0);
    assert_eq!(channel.len(), 3, "in the channel until it is handed over");
    drop(case);
    assert_eq!(channel.receive(5), Ok(vec![1]));
}

#[test]
fn a_select_keeps_behind_the_earlier_sends_of_its_producer() {
    let (channel, never) = (full(1), channel(1));
    let producer = channel.producer();
    let waits = producer.send(vec![1, 2, 3]);
    let (_, waker) = Flag::new();
    let (mut send, mut receive) = (producer.sending(vec![4]), never.receiving(1));
    let mut cases: [&mut dyn Case; 2] = [&mut send, &mut receive];
    let mut selecting = select_async(&mut cases);
    assert!(poll(&mut selecting, &waker).is_pending());
    let later = producer.send(vec![5, 6]);
    let mut seen = Vec::new();
    while seen.len() < 7 {
        seen.extend(channel.try_receive(1).expect("the next comes in at once"));
    }
    assert!(seen.iter().position(|item| *item == 4) > seen.iter().position(|item| *item == 3), "{seen:?}");
    assert!(seen.iter().filter(|item| **item != 4).is_sorted(), "{seen:?}");
    assert_eq!(poll(&mut selecting, &waker), Poll::Ready(0));
    assert_eq!(block_on(waits), Ok(()));
    assert_eq!(block_on(later), Ok(()));
}

#[test]
fn a_select_on_one_channel_never_meets_itself() {
    for _ in 0..200 {
        let channel = channel(1);
        let (mut send, mut receive) = (channel.sending(vec![1]), channel.receiving(1));
        assert_eq!(select(&mut [&mut receive, &mut send]), 1, "empty: only the send can happen");
        let mut another = channel.sending(vec![2]);
        assert_eq!(select(&mut [&mut another, &mut receive]), 1, "full: only the receive can");
        assert_eq!(receive.outcome(), Some(Ok(vec![1])));
        assert!(channel.is_empty());
    }
    let full = full(1);
    let (mut one, mut two) = (full.sending(vec![1]), full.sending(vec![2]));
    let (_, waker) = Flag::new();
    let mut cases: [&mut dyn Case; 2] = [&mut one, &mut two];
    let mut selecting = select_async(&mut cases);
    assert!(poll(&mut selecting, &waker).is_pending());
    full.receive(1).expect("full");
    let Poll::Ready(first) = poll(&mut selecting, &waker) else { panic!("there is room") };
    drop(selecting);
    assert_eq!(full.try_receive(9), Ok(vec![first + 1]));
    assert!(full.is_empty(), "one of two cases on the same channel");
}

#[test]
fn a_waiting_select_is_not_overtaken_for_long() {
    rounds(20, |rng| {
        let capacity = rng.usize(1..=4);
        let (channel, never) = (full(capacity), channel(1));
        let (_, waker) = Flag::new();
        let (mut send, mut receive) = (channel.sending(vec![7]), never.receiving(1));
        let mut cases: [&mut dyn Case; 2] = [&mut send, &mut receive];
        let mut selecting = select_async(&mut cases);
        assert!(poll(&mut selecting, &waker).is_pending());
        let mut overtook = 0;
        while channel.stats().waiting_sends == 1 {
            channel.try_receive(1).expect("full");
            overtook += usize::from(channel.try_send(vec![0]).is_ok());
        }
        assert!(overtook <= millrace_core::channel::OVERTAKING * capacity, "{overtook}");
        assert_eq!(poll(&mut selecting, &waker), Poll::Ready(0));
    });
}

#[test]
fn bad_lists_and_batches_panic() {
    let panics = |call: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(call)).is_err();
    let channel = channel(2);
    assert!(panics(&mut || {
        try_select(&mut []);
    }));
    assert!(panics(&mut || {
        select(&mut []);
    }));
    assert!(panics(&mut || drop(channel.receiving(0))));
    assert!(panics(&mut || drop(channel.sending(vec![1, 2, 3]))));
    let mut sent = channel.sending(vec![1]);
    assert_eq!(select(&mut [&mut sent]), 0);
    assert!(panics(&mut || {
        try_select(&mut [&mut sent]);
    }));
    assert_eq!(channel.try_receive(9), Ok(vec![1]));
}

/// How a thread of the stress selects.
fn select_somehow(rng: &mut fastrand::Rng, cases: &mut [&mut dyn Case]) -> Option<usize> {
    match rng.usize(0..5) {
        0 => Some(select(cases)),
        1 => try_select(cases),
        2 => select_timeout(cases, Duration::from_micros(rng.u64(0..200))),
        3 => Some(block_on(select_async(cases))),
        _ => {
            let (_, waker) = Flag::new();
            let mut selecting = select_async(cases);
            let polled = poll(&mut selecting, &waker);
            if rng.bool() {
                thread::yield_now();
            }
            match polled {
                Poll::Ready(index) => Some(index),
                Poll::Pending => None,
            }
        }
    }
}

#[test]
fn many_threads_select_and_each_item_arrives_once() {
    rounds(60, |rng| {
        let (senders, receivers, per_sender) = (rng.usize(1..=4), rng.usize(1..=4), 250);
        let channels: Vec<_> = (0..rng.usize(1..=4)).map(|_| Channel::new(rng.usize(1..=3)).expect("valid")).collect();
        let tally = Tally::new(senders * per_sender);
        let seen = Mutex::new(Vec::new());
        let running = AtomicUsize::new(senders);
        thread::scope(|scope| {
            for sender in 0..senders {
                let (mut rng, channels, tally, running) = (rng.fork(), &channels, &tally, &running);
                scope.spawn(move || {
                    fastrand::seed(rng.u64(..));
                    // Two items are offered to two channels, which may be the same one: one of the two goes.
                    let mut left: Vec<Vec<Counted>> =
                        (0..per_sender).map(|n| vec![tally.value(sender * per_sender + n)]).collect();
                    while let Some(one) = left.pop() {
                        let mut one = rng.choice(channels).expect("some").sending(one);
                        let mut two = left.pop().map(|two| rng.choice(channels).expect("some").sending(two));
                        let mut cases: Vec<&mut dyn Case> = vec![&mut one];
                        if let Some(two) = &mut two {
                            cases.push(two);
                        }
                        let chosen = select_somehow(&mut rng, &mut cases);
                        let outcomes = [one.outcome(), two.as_mut().and_then(SendingCase::outcome)];
                        let happened = outcomes.iter().position(Option::is_some);
                        // A future that was dropped may have sent.
                        assert!(chosen.is_none() || chosen == happened, "{chosen:?} and {happened:?}");
                        assert!(outcomes.iter().flatten().all(Result::is_ok));
                        assert!(outcomes.iter().flatten().count() <= 1, "exactly one");
                        let back = [one.into_batch(), two.and_then(SendingCase::into_batch)];
                        left.extend(back.into_iter().flatten());
                    }
                    if running.fetch_sub(1, Ordering::SeqCst) == 1 {
                        channels.iter().for_each(Channel::close);
                    }
                });
            }
            for _ in 0..receivers {
                let (mut rng, channels, seen) = (rng.fork(), &channels, &seen);
                scope.spawn(move || {
                    fastrand::seed(rng.u64(..));
                    let mut open: Vec<_> = channels.iter().map(|channel| channel.receiving(rng.usize(1..=2))).collect();
                    while !open.is_empty() {
                        let mut cases: Vec<&mut dyn Case> = open.iter_mut().map(|case| case as &mut dyn Case).collect();
                        let chosen = select_somehow(&mut rng, &mut cases);
                        let mut ended = None;
                        for (index, case) in open.iter_mut().enumerate() {
                            match case.outcome() {
                                None => assert_ne!(chosen, Some(index)),
                                Some(outcome) => {
                                    assert_eq!(chosen, Some(index));
                                    match outcome {
                                        Ok(items) => seen.lock().expect("no panic").extend(items),
                                        Err(end) => {
                                            assert_eq!(end, ReceiveError::Closed);
                                            ended = Some(index);
                                        }
                                    }
                                }
                            }
                        }
                        if let Some(ended) = ended {
                            open.swap_remove(ended);
                        }
                    }
                });
            }
        });
        let seen = seen.into_inner().expect("no panic");
        assert_each_once(seen.iter().map(|item| item.id).collect(), senders * per_sender);
        drop(seen);
        tally.assert_each_dropped_once();
        for channel in &channels {
            let stats = channel.stats();
            assert_eq!((stats.length, stats.waiting_sends, stats.discarded), (0, 0, 0), "{stats:?}");
            assert!(stats.peak <= stats.capacity);
        }
    });
}

#[test]
fn selects_among_plain_sends_and_receives_lose_no_wake_up() {
    rounds(40, |rng| {
        const ITEMS: usize = 400;
        let (there, back) = (channel(rng.usize(1..=2)), channel(1));
        let seeds = [(); 4].map(|()| rng.fork());
        thread::scope(|scope| {
            let receivers: Vec<_> = seeds[..2]
                .iter()
                .cloned()
                .enumerate()
                .map(|(number, mut rng)| {
                    let (there, back) = (&there, &back);
                    scope.spawn(move || {
                        let mut seen = Vec::new();
                        loop {
                            if number == 0 {
                                let Ok(items) = there.receive(1) else { return seen };
                                seen.extend(items);
                                continue;
                            }
                            let (mut receive, mut other) = (there.receiving(1), back.receiving(1));
                            if select_somehow(&mut rng, &mut [&mut other, &mut receive]).is_none() {
                                continue;
                            }
                            match receive.outcome() {
                                Some(Ok(items)) => seen.extend(items),
                                Some(Err(_)) => return seen,
                                None => {
                                    let _ = other.outcome();
                                }
                            }
                        }
                    })
                })
                .collect();
            let senders: Vec<_> = seeds[2..]
                .iter()
                .cloned()
                .enumerate()
                .map(|(number, mut rng)| {
                    let (there, back) = (&there, &back);
                    scope.spawn(move || {
                        for item in number * ITEMS..(number + 1) * ITEMS {
                            if number == 0 {
                                there.send(vec![item]).expect("open");
                                continue;
                            }
                            let mut send = Some(there.sending(vec![item]));
                            while let Some(mut case) = send.take() {
                                let mut signal = back.sending(vec![0]);
                                select_somehow(&mut rng, &mut [&mut case, &mut signal]);
                                if case.outcome().is_none() {
                                    send = case.into_batch().map(|batch| there.sending(batch));
                                }
                            }
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic");
            }
            there.close();
            let seen = receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect();
            assert_each_once(seen, 2 * ITEMS);
        });
        until(|| there.stats().waiting_sends == 0);
    });
}

#[test]
fn with_lanes_a_sending_case_waits_in_its_own() {
    let options = ChannelOptions { lanes: 3, aging: Duration::from_secs(3600), ..ChannelOptions::new(2) };
    let channel = Channel::<Marked<usize>>::with_options(&options).expect("valid");
    channel.send([(0, 2, 0), (1, 2, 0)].into_iter().collect()).expect("open");
    let [low, high] = [0, 2].map(|lane| channel.producer().send(Marked::one(10 + usize::from(lane), lane, 0)));
    let (_, waker) = Flag::new();
    let (mut send, mut never) =
        (channel.sending([(20, 1, 0), (21, 1, 0)].into_iter().collect()), full(1).sending(vec![1]));
    let mut cases: [&mut dyn Case; 2] = [&mut send, &mut never];
    let mut selecting = select_async(&mut cases);
    assert!(poll(&mut selecting, &waker).is_pending());
    let mut seen = Vec::new();
    while seen.len() < 6 {
        seen.extend(Vec::from(channel.try_receive(1).expect("the next comes in at once")));
    }
    assert_eq!(seen, [0, 1, 12, 20, 21, 10]);
    assert_eq!(poll(&mut selecting, &waker), Poll::Ready(0));
    assert_eq!((block_on(low), block_on(high)), (Ok(()), Ok(())));
    assert_eq!(channel.stats().waiting_sends, 0);
}

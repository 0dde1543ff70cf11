//! Conservation: whatever happens, every produced item is accounted for, exactly once.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use common::{Count, Each, assert_conserved, options, random};
use millrace_core::Failure;
use millrace_core::channel::ChannelOptions;
use millrace_core::system::{Handlers, Sources, State, System};

#[test]
fn a_finite_source_ends_the_system_with_every_item_processed_once() {
    let (seen, sum) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let handlers = {
        let (seen, sum) = (Arc::clone(&seen), Arc::clone(&sum));
        Handlers::native(move |_| {
            let (seen, sum) = (Arc::clone(&seen), Arc::clone(&sum));
            Each::ahead(64, move |n| {
                seen.fetch_add(1, Ordering::Relaxed);
                sum.fetch_add(n, Ordering::Relaxed);
                Ok(n)
            })
        })
    };
    let system =
        System::new(options(10, 5, 1000), Sources::native(|index, _| Count::from(index, 20_000)), handlers, ())
            .expect("valid");
    system.start().expect("ready");
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.state, State::Stopped);
    assert_eq!(report.stats.processed, 200_000);
    assert_eq!(seen.load(Ordering::Relaxed), 200_000);
    assert_eq!(sum.load(Ordering::Relaxed), (0..200_000).sum());
    assert!(report.stats.peak_queued <= 1000, "{}", report.stats.peak_queued);
    assert_eq!(report.stats.producers.iter().map(|row| row.items).sum::<u64>(), 200_000);
    assert_eq!(report.stats.consumers.iter().map(|row| row.items).sum::<u64>(), 200_000);
}

#[test]
fn a_failing_item_fails_alone_in_a_batch_taken_ahead() {
    let handlers = Handlers::native(|_| {
        Each::ahead(64, |n| match n % 10 {
            0 => Err(Failure::new("ERR_TEN", format!("{n}"))),
            5 => panic!("five"),
            _ => Ok(n),
        })
    });
    let mut with_results = options(3, 3, 100);
    with_results.results = true;
    let system =
        System::new(with_results, Sources::native(|index, _| Count::from(index, 1000)), handlers, ()).expect("valid");
    let results = system.results().expect("wanted");
    system.start().expect("ready");
    let mut values = Vec::new();
    while let Ok(batch) = results.receive(64) {
        values.extend(batch);
    }
    values.sort_unstable();
    assert_eq!(values, (0..3000).filter(|n| n % 5 != 0).collect::<Vec<u64>>());
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!((report.stats.processed, report.stats.dead_lettered), (2400, 600));
    let letters = system.take_dead_letters();
    let mut failed: Vec<u64> = letters.iter().map(|letter| letter.items[0]).collect();
    failed.sort_unstable();
    assert_eq!(failed, (0..3000).filter(|n| n % 5 == 0).collect::<Vec<u64>>());
    for letter in &letters {
        let expected = if letter.items[0] % 10 == 0 { "ERR_TEN" } else { "ERR_MILLRACE_PANIC" };
        assert_eq!(letter.failure.code, expected);
    }
}

#[test]
fn results_that_nobody_reads_do_not_hold_up_a_stop() {
    let mut with_results = options(2, 2, 10);
    with_results.results = true;
    let system = System::new(
        with_results,
        Sources::native(|index, _| Count::from(index, u64::MAX)),
        Handlers::native(|_| Each::new(Ok)),
        (),
    )
    .expect("valid");
    system.start().expect("ready");
    let results = system.results().expect("wanted");
    // Full results mean that the consumers wait for a reader.
    while results.len() < 10 {
        std::thread::yield_now();
    }
    system.stop(None);
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.state, State::Stopped);
    let mut read = 0;
    while let Ok(batch) = results.receive(64) {
        read += batch.len() as u64;
    }
    assert_eq!(read, report.stats.processed, "every result is there, past the bound");
}

#[test]
fn a_reader_that_breaks_off_holds_nobody_up() {
    let mut with_results = options(2, 2, 10);
    with_results.results = true;
    let system = System::new(
        with_results,
        Sources::native(|index, _| Count::from(index, 5000)),
        Handlers::native(|_| Each::new(Ok)),
        (),
    )
    .expect("valid");
    let results = system.results().expect("wanted");
    system.start().expect("ready");
    assert!(results.receive(1).is_ok());
    system.end_results();
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.processed, 10_000);
}

#[test]
fn watched_dead_letters_are_all_delivered_and_a_stop_never_waits_for_it() {
    let system = System::new(
        options(1, 2, 100),
        Sources::native(|_, _| Count::from(0, 5000)),
        Handlers::native(|_| Each::new(|n| Err(Failure::new("ERR_ALL", n.to_string())))),
        (),
    )
    .expect("valid");
    system.watch_dead_letters(true);
    system.start().expect("ready");
    let mut taken = 0;
    while taken < 2000 {
        taken += system.take_dead_letters().len();
        std::thread::yield_now();
    }
    // From here on nobody takes any, and still it ends.
    system.stop(None);
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(taken as u64 + system.take_dead_letters().len() as u64, report.stats.dead_lettered);
}

#[test]
fn stops_and_aborts_at_random_moments_conserve() {
    let (mut random, seed) = random();
    for round in 0..300 {
        let (producers, consumers, capacity) = (random.usize(1..4), random.usize(1..4), random.usize(1..40));
        let ahead = if random.bool() { 1 } else { 16 };
        let processed = Arc::new(AtomicU64::new(0));
        let handlers = {
            let processed = Arc::clone(&processed);
            Handlers::native(move |_| {
                let processed = Arc::clone(&processed);
                Each::ahead(ahead, move |n| {
                    if n % 7 == 3 {
                        return Err(Failure::new("ERR_SEVEN", n.to_string()));
                    }
                    processed.fetch_add(1, Ordering::Relaxed);
                    Ok(n)
                })
            })
        };
        let system = System::new(
            options(producers, consumers, capacity),
            Sources::native(|index, _| Count::from(index, u64::MAX)),
            handlers,
            (),
        )
        .expect("valid");
        let at = random.u64(0..500);
        let kind = random.u8(0..3);
        let sender = {
            let system = system.clone();
            std::thread::spawn(move || {
                let mut sent = 0;
                while system.send(vec![1]).is_ok() {
                    sent += 1;
                }
                sent
            })
        };
        system.start().expect("ready");
        while system.stats().produced < at {
            std::thread::yield_now();
        }
        match kind {
            0 => system.stop(None),
            1 => system.stop(Some(Duration::from_millis(random.u64(0..3)))),
            _ => system.abort(Failure::aborted("the test")),
        }
        let report = system.join();
        let sent: u64 = sender.join().expect("no panic");
        assert_conserved(&report.stats);
        assert_eq!(report.stats.processed, processed.load(Ordering::Relaxed), "round {round} of seed {seed}");
        let unprocessed: u64 = report.unprocessed.iter().map(|batch| batch.len() as u64).sum();
        assert!(report.stats.peak_queued <= capacity as u64);
        let outside = report.stats.producers.get(producers).map_or(0, |row| row.items);
        assert_eq!(outside, sent, "round {round} of seed {seed}");
        match kind {
            0 => assert_eq!(report.stats.discarded, 0, "round {round} of seed {seed}"),
            1 => assert_eq!((report.stats.discarded, unprocessed), (0, 0), "round {round} of seed {seed}"),
            _ => assert_eq!(unprocessed, report.stats.discarded, "round {round} of seed {seed}"),
        }
    }
}

#[test]
fn idle_waits_for_what_was_sent_before_and_for_nothing_sent_after() {
    let gate = Arc::new(Barrier::new(2));
    let handlers = {
        let gate = Arc::clone(&gate);
        Handlers::native(move |_| {
            let gate = Arc::clone(&gate);
            Each::new(move |n| {
                if n == 0 {
                    gate.wait();
                }
                Ok(n)
            })
        })
    };
    let system = System::new(options(0, 2, 100), Sources::None, handlers, ()).expect("valid");
    system.start().expect("ready");
    system.send(vec![0]).expect("open");
    let turn = system.watch_idle();
    system.send(vec![1, 2, 3]).expect("open");
    while system.stats().processed < 3 {
        std::thread::yield_now();
    }
    assert!(system.idle_turns() < turn, "the first item is not settled");
    gate.wait();
    while system.idle_turns() < turn {
        std::thread::yield_now();
    }
    system.stop(None);
    assert_conserved(&system.join().stats);
}

/// What waits in a lane is admitted by others: it counts from then on, not once its thread is back.
#[test]
fn with_lanes_a_send_that_is_half_admitted_counts_as_far() {
    for from_source in [true, false] {
        let gate = Arc::new(Barrier::new(2));
        let handlers = {
            let gate = Arc::clone(&gate);
            Handlers::native(move |_| {
                let gate = Arc::clone(&gate);
                let mut first = true;
                Each::new(move |n| {
                    if std::mem::take(&mut first) {
                        gate.wait();
                    }
                    Ok(n)
                })
            })
        };
        let sources = if from_source { Sources::native(|index, _| Count::from(index, 100)) } else { Sources::None };
        let channel = ChannelOptions { lanes: 2, ..ChannelOptions::new(16) };
        let system = System::with_channel(options(1, 1, 16), &channel, sources, handlers, ()).expect("valid");
        system.start().expect("ready");
        let thread = (!from_source).then(|| {
            let system = system.clone();
            std::thread::spawn(move || system.send(vec![1; 40]))
        });
        // At rest: the handler has one item, the channel is full, and the rest of a batch waits.
        let stats = loop {
            let stats = system.stats();
            if (stats.queued, stats.in_flight, stats.waiting_sends) == (16, 1, 1) {
                break stats;
            }
            std::thread::yield_now();
        };
        assert_conserved(&stats);
        gate.wait();
        if let Some(thread) = thread {
            assert_eq!(thread.join().expect("no panic"), Ok(()));
            system.stop(None);
        }
        let report = system.join();
        assert_conserved(&report.stats);
        assert_eq!(report.stats.processed, if from_source { 100 } else { 40 });
    }
}

#[test]
fn what_a_port_sent_counts_while_the_port_goes_away() {
    let system = System::new(options(0, 1, 10), Sources::None, Handlers::native(|_| Each::new(Ok)), ()).expect("valid");
    system.start().expect("ready");
    for n in 1..=500 {
        let port = system.port();
        port.try_send(vec![1]).expect("there is room");
        while system.stats().processed < n {
            std::thread::yield_now();
        }
        let gone = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                drop(port);
                gone.store(1, Ordering::Release);
            });
            while gone.load(Ordering::Acquire) == 0 {
                assert_eq!(system.stats().produced, n);
            }
        });
    }
    system.stop(None);
    assert_conserved(&system.join().stats);
}

#[test]
fn a_paused_system_conserves_with_sends_that_are_half_admitted() {
    let system = System::new(
        options(2, 2, 4),
        Sources::native(|index, _| Count::from(index, 1000)),
        Handlers::native(|_| Each::new(Ok)),
        (),
    )
    .expect("valid");
    system.start().expect("ready");
    system.pause().expect("running");
    let port = system.port();
    let sending = port.send(vec![1; 7]).expect("open");
    let thread = {
        let system = system.clone();
        std::thread::spawn(move || system.send(vec![2; 9]))
    };
    // At rest: two native producers and two sends from outside wait, and no handler has anything.
    loop {
        let stats = system.stats();
        if (stats.queued, stats.in_flight, stats.waiting_sends) == (4, 0, 4) {
            break assert_conserved(&stats);
        }
        std::thread::yield_now();
    }
    system.resume().expect("paused");
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.processed, report.stats.produced);
    let sent_by_thread = thread.join().expect("no panic").map_or_else(|refused| 9 - refused.into_inner().len(), |()| 9);
    assert_eq!(report.stats.produced, 2000 + 7 + sent_by_thread as u64);
    drop(sending);
}

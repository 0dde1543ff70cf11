//! What crossbeam-channel and Go promise of select. The source of each promise stands above its case.
//!
//! | difference, on purpose | there | here |
//! |---|---|---|
//! | a sending case of a channel that was closed | crossbeam-channel: ready, and fails; Go: panics | ready, and fails |
//! | a list without cases | crossbeam-channel: `try_select` fails, `select` panics; Go: waits for ever | panics |
//! | nil channels, `never()` | never ready | an empty channel that nobody sends to |
//! | `after`, `tick` | channels | `select_timeout` |

mod lone;
mod support;

use std::thread;
use std::time::Duration;

use lone::{Lone, holding};
use millrace_core::channel::{Case, ReceivingCase, SendingCase, select, select_timeout, try_select};
use millrace_core::{Channel, ReceiveError, SendError};
use support::{finishes, rounds, until, until_waiting};

/// Source: crossbeam-channel, the crate's page, Selection: of several operations that are ready, a random one. Go spec,
/// Select statements: one of them, by a uniform pseudo-random selection.
fn each_ready_case_is_as_likely_as_any_other<B: Lone<Item = usize>>() {
    const ROUNDS: usize = 3000;
    rounds(1, |rng| {
        fastrand::seed(rng.u64(..));
        let sources = [(); 3].map(|()| holding::<B>(ROUNDS, 0..ROUNDS));
        let sinks = [(); 2].map(|()| holding::<B>(ROUNDS, 0..0));
        let mut chosen = [0_usize; 5];
        for item in 0..ROUNDS {
            let mut receives = sources.each_ref().map(|channel| channel.receiving(1));
            let mut sends = sinks.each_ref().map(|channel| channel.sending(B::of(item)));
            let ([first, third, fifth], [second, fourth]) = (&mut receives, &mut sends);
            let index = select(&mut [first, second, third, fourth, fifth]);
            chosen[index] += 1;
            for case in &mut receives {
                drop(case.outcome());
            }
        }
        // A fair one is off by more than 7 of its standard deviations once in a hundred billion.
        let (mean, deviation) = (ROUNDS as f64 / 5.0, (ROUNDS as f64 * 4.0 / 25.0).sqrt());
        assert!(chosen.iter().all(|times| (*times as f64 - mean).abs() < 7.0 * deviation), "{chosen:?}");
        assert_eq!(sources.iter().map(Channel::len).sum::<usize>(), 3 * ROUNDS - chosen[0] - chosen[2] - chosen[4]);
        assert_eq!(sinks.each_ref().map(Channel::len), [chosen[1], chosen[3]]);
    });
}

/// Source: crossbeam-channel, `Select`: an operation is ready where it need not block, even if all it gives is the error of
/// a channel that is disconnected. Go spec, Receive operator: a receive from a closed channel can always proceed.
fn what_is_over_is_ready<B: Lone<Item = usize>>() {
    let (open, closed) = (holding::<B>(1, 0..0), holding::<B>(1, 0..1));
    closed.close();
    for expected in [Ok(B::of(0)), Err(ReceiveError::Closed), Err(ReceiveError::Closed)] {
        let (mut never, mut over) = (open.receiving(1), closed.receiving(1));
        assert_eq!(select(&mut [&mut never, &mut over]), 1);
        assert_eq!(over.outcome(), Some(expected));
    }
    let (mut never, mut over) = (open.receiving(1), closed.sending(B::of(7)));
    assert_eq!(select(&mut [&mut never, &mut over]), 1);
    assert_eq!(over.outcome(), Some(Err(SendError::Closed(B::of(7)))));
}

/// Source: crossbeam-channel, `select!`, `default`: runs where nothing is ready, right away or for so long. Go spec, Select
/// statements, default.
fn nothing_happens_where_nothing_is_ready<B: Lone<Item = usize>>() {
    finishes(|| {
        let (empty, full) = (holding::<B>(1, 0..0), holding::<B>(1, 0..1));
        for timeout in [None, Some(Duration::ZERO), Some(Duration::from_micros(100))] {
            let (mut receive, mut send) = (empty.receiving(1), full.sending(B::of(1)));
            let cases: &mut [&mut dyn Case] = &mut [&mut receive, &mut send];
            let happened = match timeout {
                None => try_select(cases),
                Some(timeout) => select_timeout(cases, timeout),
            };
            assert_eq!(happened, None);
            assert_eq!(send.into_batch(), Some(B::of(1)));
        }
        assert_eq!((empty.len(), full.len(), full.stats().waiting_sends), (0, 1, 0));
        // Nothing of them is left that takes the next item, or the next room.
        empty.send(B::of(2)).expect("open");
        assert_eq!((empty.receive(1), full.receive(1)), (Ok(B::of(2)), Ok(B::of(0))));
        assert!(full.is_empty());
    });
}

/// Source: Go spec, Select statements: where no case can proceed, it blocks until one can. crossbeam-channel,
/// `Select::select`.
fn a_select_waits_for_the_first_that_is_ready<B: Lone<Item = usize>>() {
    for ready in 0..4 {
        finishes(move || {
            let (a, b, full) = (holding::<B>(1, 0..0), holding::<B>(1, 0..0), holding::<B>(1, 0..1));
            thread::scope(|scope| {
                let selects = scope.spawn(|| {
                    let (mut from_a, mut from_b, mut to_full) =
                        (a.receiving(1), b.receiving(1), full.sending(B::of(9)));
                    let index = select(&mut [&mut from_a, &mut from_b, &mut to_full]);
                    (index, from_a.outcome().or(from_b.outcome()), to_full.into_batch())
                });
                until_waiting(&full, 1);
                let (index, outcome) = match ready {
                    0 => (0, a.send(B::of(1)).map(|()| Some(Ok(B::of(1))))),
                    1 => (1, b.send(B::of(2)).map(|()| Some(Ok(B::of(2))))),
                    2 => (2, full.receive(1).map(|_| None).map_err(|_| SendError::Closed(B::of(0)))),
                    _ => {
                        a.close();
                        (0, Ok(Some(Err(ReceiveError::Closed))))
                    }
                };
                let not_sent = (index < 2).then(|| B::of(9));
                assert_eq!(selects.join().expect("no panic"), (index, outcome.expect("open"), not_sent));
            });
            assert_eq!((a.len(), b.len(), full.len(), full.stats().waiting_sends), (0, 0, 1, 0));
        });
    }
}

/// Source: Go spec, Select statements: only one of the communications happens. crossbeam-channel, the crate's page,
/// Selection: at most one operation is executed.
fn of_several_cases_exactly_one_happens<B: Lone<Item = usize>>() {
    rounds(50, |rng| {
        const ITEMS: usize = 60;
        let channels = [(); 2].map(|()| holding::<B>(1, 0..0));
        let mut seen = thread::scope(|scope| {
            let senders = [0, 1].map(|number| {
                let (channels, mut rng) = (&channels, rng.fork());
                scope.spawn(move || {
                    fastrand::seed(rng.u64(..));
                    for item in (number * ITEMS..).take(ITEMS) {
                        let mut cases = channels.each_ref().map(|channel| channel.sending(B::of(item)));
                        let [a, b] = &mut cases;
                        select(&mut [a, b]);
                        let sent = cases.iter_mut().filter_map(SendingCase::outcome).collect::<Vec<_>>();
                        assert_eq!(sent, [Ok(())]);
                    }
                })
            });
            let receivers = [(); 2].map(|()| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    loop {
                        let mut cases = channels.each_ref().map(|channel| channel.receiving(1));
                        let [a, b] = &mut cases;
                        select(&mut [a, b]);
                        let mut outcomes: Vec<_> = cases.iter_mut().filter_map(ReceivingCase::outcome).collect();
                        assert_eq!(outcomes.len(), 1);
                        let Some(Ok(batch)) = outcomes.pop() else { return seen };
                        seen.push(batch.item());
                    }
                })
            });
            for sender in senders {
                sender.join().expect("no panic");
            }
            until(|| channels.iter().all(Channel::is_empty));
            channels.iter().for_each(Channel::close);
            receivers.map(|receiver| receiver.join().expect("no panic")).concat()
        });
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..2 * ITEMS), "{seen:?}");
    });
}

/// Source: crossbeam-channel, `Select::recv` and `send`: adds an operation, whatever was added before, so one channel may
/// be there several times.
fn a_channel_may_be_in_several_cases<B: Lone<Item = usize>>() {
    rounds(1, |rng| {
        fastrand::seed(rng.u64(..));
        let mut chosen = [0_usize; 3];
        for _ in 0..300 {
            let channel = holding::<B>(2, 0..1);
            let (mut first, mut second, mut send) =
                (channel.receiving(1), channel.receiving(1), channel.sending(B::of(1)));
            chosen[select(&mut [&mut first, &mut second, &mut send])] += 1;
            let sends = usize::from(send.outcome().is_some());
            let receives = [first.outcome(), second.outcome()].into_iter().flatten().count();
            assert_eq!((sends + receives, channel.len()), (1, 2 * sends));
        }
        assert!(chosen.iter().all(|times| *times > 30), "{chosen:?}");
    });
}

for_each_kind_of_batch! {
    each_ready_case_is_as_likely_as_any_other,
    what_is_over_is_ready,
    nothing_happens_where_nothing_is_ready,
    a_select_waits_for_the_first_that_is_ready,
    of_several_cases_exactly_one_happens,
    a_channel_may_be_in_several_cases,
}

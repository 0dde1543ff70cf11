//! What anyone relies on in a channel between threads, whatever its documentation says: with one sender or several, and
//! one receiver or several, each message arrives once, and none is dropped twice or never.
//!
//! | difference, on purpose | crossbeam-channel | here |
//! |---|---|---|
//! | order | first in, first out, over all senders | the same for each sender; see `conformance_linearizability.rs` |
//! | who waits may be overtaken | for ever, as far as it says | by 4 × capacity items |

mod lone;
mod support;

use std::sync::Barrier;
use std::thread;

use fastrand::Rng;
use lone::{Lone, iterate};
use millrace_core::{Batch, Channel};
use support::{Counted, Tally, assert_each_once, rounds};

/// Each of `senders` threads sends its own numbers in order; gives what each of `receivers` threads saw.
fn pass<B: Lone<Item = usize>>(rng: &mut Rng, senders: usize, receivers: usize) {
    const ITEMS: usize = 12_000;
    let channel = Channel::<B>::new([1, 2, 7, 1000][rng.usize(0..4)]).expect("valid");
    let each = ITEMS / senders;
    let start = Barrier::new(senders + receivers);
    let seen: Vec<Vec<usize>> = thread::scope(|scope| {
        let senders: Vec<_> = (0..senders)
            .map(|number| {
                let (channel, start) = (&channel, &start);
                scope.spawn(move || {
                    start.wait();
                    for item in (number * each..).take(each) {
                        channel.send(B::of(item)).expect("open");
                    }
                })
            })
            .collect();
        let receivers: Vec<_> = (0..receivers)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    iterate(&channel).collect()
                })
            })
            .collect();
        for sender in senders {
            sender.join().expect("no panic");
        }
        channel.close();
        receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).collect()
    });
    for seen in &seen {
        for sender in 0..senders {
            assert!(seen.iter().filter(|item| **item / each == sender).is_sorted(), "the order of sender {sender}");
        }
    }
    assert_each_once(seen.concat(), ITEMS);
    assert!(channel.stats().peak <= channel.capacity());
}

/// Source: crossbeam-channel, the crate's page: an alternative to `std::sync::mpsc`, whose one receiver gets each message
/// once and in order.
fn one_sender_and_one_receiver<B: Lone<Item = usize>>() {
    rounds(3, |rng| pass::<B>(rng, 1, 1));
}

/// Source: `std::sync::mpsc`: several producers, a single consumer.
fn several_senders_and_one_receiver<B: Lone<Item = usize>>() {
    rounds(3, |rng| pass::<B>(rng, 4, 1));
}

/// Source: crossbeam-channel, the crate's page, Sharing channels: receivers are shared as senders are, and each message goes
/// to one of them.
fn one_sender_and_several_receivers<B: Lone<Item = usize>>() {
    rounds(3, |rng| pass::<B>(rng, 1, 4));
}

/// Source: crossbeam-channel, the crate's page: multi-producer multi-consumer.
fn several_senders_and_several_receivers<B: Lone<Item = usize>>() {
    rounds(3, |rng| pass::<B>(rng, 4, 4));
}

/// Source: none; crossbeam-channel promises nothing here. Receivers that wait are overtaken by 4 × capacity items at most,
/// so each of several gets its share as long as items come; a starved one would keep this from ending.
fn no_receiver_starves<B: Lone<Item = usize>>() {
    rounds(1, |rng| {
        const SHARE: usize = 200;
        let channel = Channel::<B>::new(rng.usize(1..5)).expect("valid");
        thread::scope(|scope| {
            let fed = [(); 3].map(|()| scope.spawn(|| iterate(&channel).take(SHARE).count()));
            let greedy = scope.spawn(|| iterate(&channel).count());
            let mut item = 0;
            while !fed.iter().all(thread::ScopedJoinHandle::is_finished) {
                channel.send(B::of(item)).expect("open");
                item += 1;
            }
            channel.close();
            let fed = fed.map(|receiver| receiver.join().expect("no panic"));
            assert_eq!(fed, [SHARE; 3]);
            assert_eq!(greedy.join().expect("no panic") + 3 * SHARE, item);
        });
    });
}

for_each_kind_of_batch! {
    one_sender_and_one_receiver,
    several_senders_and_one_receiver,
    one_sender_and_several_receivers,
    several_senders_and_several_receivers,
    no_receiver_starves,
}

/// Values end in a receiver's hands, in an error, in what an abort gave back, or in a channel that is dropped.
fn drop_each_once<B: Batch>(of: fn(Counted) -> B) {
    rounds(60, move |rng| {
        const EACH: usize = 60;
        let tally = Tally::new(2 * EACH);
        let channel = Channel::<B>::new(rng.usize(1..30)).expect("valid");
        let (receives, abort) = (rng.usize(0..2 * EACH), rng.bool());
        thread::scope(|scope| {
            let senders = [0, 1].map(|number| {
                let (channel, tally) = (&channel, &tally);
                scope.spawn(move || {
                    for id in (number * EACH..).take(EACH) {
                        if id % 3 == 0 {
                            drop(channel.try_send(of(tally.value(id))));
                        } else {
                            drop(channel.send(of(tally.value(id))));
                        }
                    }
                })
            });
            (0..receives).for_each(|_| drop(channel.try_receive(1)));
            if abort {
                drop(channel.abort());
            } else {
                channel.close();
            }
            while !senders.iter().all(thread::ScopedJoinHandle::is_finished) {
                drop(channel.try_receive(1));
            }
        });
        drop(channel);
        tally.assert_each_dropped_once();
    });
}

/// Source: crossbeam-channel, `SendError` and its kin: the message comes back to the caller; a message that was sent is its
/// receiver's, or the channel's, which drops what is left in it.
#[test]
fn each_value_is_dropped_once() {
    drop_each_once(Some);
    drop_each_once(|value| vec![value]);
}

//! No wake-up is lost: many small rounds in which everyone sleeps all the time.

mod support;

use std::thread;

use millrace_core::Channel;
use support::{assert_each_once, block_on, finishes, rounds};

type Items = Vec<usize>;

fn send(channel: &Channel<Items>, as_future: bool, item: usize) {
    if as_future {
        block_on(channel.producer().send(vec![item])).expect("open");
    } else {
        channel.send(vec![item]).expect("open");
    }
}

fn receive(channel: &Channel<Items>, as_future: bool) -> Option<Items> {
    if as_future { block_on(channel.receive_async(1)).ok() } else { channel.receive(1).ok() }
}

#[test]
fn ping_pong() {
    for (ping_as_future, pong_as_future) in [(false, false), (true, true), (false, true), (true, false)] {
        finishes(move || {
            const ROUNDS: usize = 3000;
            let channels = [(); 2].map(|()| Channel::new(1).expect("valid"));
            thread::scope(|scope| {
                let [there, back] = &channels;
                scope.spawn(move || {
                    for item in 0..ROUNDS {
                        assert_eq!(receive(there, pong_as_future), Some(vec![item]));
                        send(back, pong_as_future, item);
                    }
                });
                for item in 0..ROUNDS {
                    send(there, ping_as_future, item);
                    assert_eq!(receive(back, ping_as_future), Some(vec![item]));
                }
            });
        });
    }
}

#[test]
fn many_senders_and_receivers_on_one_or_two_permits() {
    rounds(20, |rng| {
        const SENDERS: usize = 4;
        let per_sender = 300;
        let channel = Channel::new(rng.usize(1..=2)).expect("valid");
        let kinds: Vec<bool> = (0..8).map(|_| rng.bool()).collect();
        let seen = thread::scope(|scope| {
            let receivers: Vec<_> = (0..4)
                .map(|number| {
                    let (channel, as_future) = (&channel, kinds[number]);
                    scope
                        .spawn(move || std::iter::from_fn(|| receive(channel, as_future)).flatten().collect::<Vec<_>>())
                })
                .collect();
            let senders: Vec<_> = (0..SENDERS)
                .map(|number| {
                    let (channel, as_future) = (&channel, kinds[4 + number]);
                    scope.spawn(move || {
                        for item in 0..per_sender {
                            send(channel, as_future, number * per_sender + item);
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic");
            }
            channel.close();
            receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_each_once(seen, SENDERS * per_sender);
    });
}

#[test]
fn one_receive_makes_room_for_many_that_wait() {
    rounds(100, |rng| {
        let capacity = rng.usize(2..30);
        let channel = Channel::new(capacity).expect("valid");
        channel.send(vec![0; capacity]).expect("open");
        thread::scope(|scope| {
            for number in 0..4 {
                let channel = &channel;
                scope.spawn(move || send(channel, number % 2 == 0, 0));
            }
            support::until_waiting(&channel, 4);
            // One batch is received whole and in one step; every send that waits fits what that frees.
            let room = channel.receive(capacity).expect("open").len();
            if room >= 4 {
                support::until_waiting(&channel, 0);
            } else {
                channel.receive(capacity).expect("open");
                channel.receive(capacity).expect("open");
            }
        });
    });
}

#[test]
fn one_send_wakes_as_many_receivers_as_it_has_items_for() {
    rounds(100, |rng| {
        let channel = Channel::new(4).expect("valid");
        let kinds: Vec<bool> = (0..4).map(|_| rng.bool()).collect();
        thread::scope(|scope| {
            for as_future in kinds {
                let channel = &channel;
                scope.spawn(move || assert_eq!(receive(channel, as_future), Some(vec![7])));
            }
            channel.send(vec![7; 4]).expect("open");
        });
        assert!(channel.is_empty());
    });
}

//! Models of the channel's promises: each a race of a few lines, which loom runs in every order the memory model
//! allows.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p millrace-core --release --test loom_channel
//! ```
//!
//! A model that can't fail proves nothing. With `--cfg loom_broken` as well, a push leaves out its fence, and this one
//! must fail (so do others, by deadlocks, which end the process):
//!
//! ```text
//! RUSTFLAGS="--cfg loom --cfg loom_broken" CARGO_TARGET_DIR=target/loom-broken \
//!     cargo test -p millrace-core --release --test loom_channel an_abort_strands_nothing
//! ```
#![cfg(loom)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use millrace_core::channel::{Cancelled, Producer, Sending};
use millrace_core::{Channel, ReceiveError, SendTimeoutError};

type Items = Vec<u32>;

/// Runs `race` in every order that takes at most `preemptions` preemptions. The bugs that such models find need few;
/// LOOM_MAX_PREEMPTIONS sets another limit.
fn model(preemptions: usize, race: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(race);
}

fn channel(capacity: usize) -> Channel<Items> {
    Channel::new(capacity).expect("a valid capacity")
}

fn spawn<T: 'static>(
    channel: &Channel<Items>,
    run: impl FnOnce(Channel<Items>) -> T + 'static,
) -> thread::JoinHandle<T> {
    let channel = channel.clone();
    thread::spawn(move || run(channel))
}

/// Everything that is left, up to the end.
fn receive_all(channel: &Channel<Items>) -> Items {
    let mut all = Vec::new();
    loop {
        match channel.receive(1) {
            Ok(batch) => all.extend(batch),
            Err(end) => {
                assert_eq!(end, ReceiveError::Closed);
                return all;
            }
        }
    }
}

/// Polls once, with a waker that does nothing.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A channel of capacity 1 with item 1 in it, and the send of item 2 waiting.
fn full_with_a_waiting_send() -> (Channel<Items>, Producer<Items>, Sending<Items>) {
    let channel = channel(1);
    channel.send(vec![1]).expect("open");
    let producer = channel.producer();
    let sending = producer.send(vec![2]);
    assert!(producer.is_waiting());
    (channel, producer, sending)
}

#[test]
fn a_release_wakes_the_sender_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_release_admits_a_task_whose_event_loop_is_busy() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let task = spawn(&channel, |channel| {
            let producer = channel.producer();
            let sending = producer.send(vec![2]);
            // It looks again only once the item has been received.
            (producer, sending)
        });
        assert_eq!(channel.receive(1), Ok(vec![1]));
        assert_eq!(channel.receive(1), Ok(vec![2]));
        let (producer, sending) = task.join().expect("no panic");
        assert!(!producer.is_waiting());
        assert_eq!(block_on(sending), Ok(()));
    });
}

#[test]
fn a_push_wakes_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(1);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        channel.send(vec![1]).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
    });
}

#[test]
fn a_push_wakes_the_task_that_starts_to_wait() {
    model(3, || {
        let channel = channel(1);
        let receiver = spawn(&channel, |channel| block_on(channel.receive_async(1)));
        channel.send(vec![1]).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
    });
}

#[test]
fn two_pushes_wake_two_receivers() {
    model(2, || {
        let channel = channel(2);
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| channel.receive(1)));
        channel.send(vec![1]).expect("open");
        channel.send(vec![2]).expect("open");
        let sum: u32 = receivers.map(|receiver| receiver.join().expect("no panic").expect("an item")[0]).iter().sum();
        assert_eq!(sum, 3);
    });
}

#[test]
fn two_senders_never_pass_a_bound_of_one() {
    model(3, || {
        let channel = channel(1);
        let other = spawn(&channel, |channel| channel.try_send(vec![1]).is_ok());
        let mine = channel.try_send(vec![2]).is_ok();
        assert!(mine != other.join().expect("no panic"), "exactly one fits");
        assert_eq!(channel.stats().peak, 1);
    });
}

#[test]
fn two_waiting_senders_share_one_permit() {
    model(2, || {
        let channel = channel(1);
        let senders = [1, 2].map(|item| spawn(&channel, move |channel| channel.send(vec![item])));
        let sum = channel.receive(1).expect("an item")[0] + channel.receive(1).expect("an item")[0];
        assert_eq!(sum, 3);
        for sender in senders {
            assert_eq!(sender.join().expect("no panic"), Ok(()));
        }
        assert_eq!(channel.stats().peak, 1);
    });
}

#[test]
#[cfg_attr(loom_broken, should_panic)]
fn an_abort_strands_nothing_that_is_pushed_meanwhile() {
    model(3, || {
        let channel = channel(2);
        channel.send(vec![1]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        let returned = channel.abort().concat();
        let refused = sender.join().expect("no panic").is_err();
        // What lay there before the abort comes back; only what was on its way in may be discarded.
        assert_eq!(returned[0], 1);
        assert_eq!(returned.len() + usize::from(refused) + channel.stats().discarded as usize, 2);
        assert!(channel.is_empty());
    });
}

#[test]
fn an_abort_ends_everything_that_waits() {
    model(3, || {
        let channel = channel(1);
        let sender = spawn(&channel, |channel| channel.send(vec![1, 2]));
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let returned = channel.abort().concat().len();
        let refused = sender.join().expect("no panic").map_or_else(|refused| refused.into_inner().len(), |()| 0);
        let received = receiver.join().expect("no panic").map_or(0, |batch| batch.len());
        assert_eq!(returned + refused + received + channel.stats().discarded as usize, 2);
    });
}

#[test]
fn a_close_lets_the_send_that_waits_complete_or_refuses_it() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let sender = spawn(&channel, |channel| channel.send(vec![2]).is_ok());
        channel.close();
        let received = receive_all(&channel);
        let sent = sender.join().expect("no panic");
        assert_eq!(received, if sent { vec![1, 2] } else { vec![1] });
    });
}

#[test]
fn the_end_comes_after_the_send_of_a_task_that_waits() {
    model(3, || {
        let channel = channel(2);
        let sending = channel.producer().send(vec![1, 2, 3]);
        channel.close();
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| receive_all(&channel).len()));
        assert_eq!(receivers.map(|receiver| receiver.join().expect("no panic")).iter().sum::<usize>(), 3);
        assert_eq!(block_on(sending), Ok(()));
    });
}

#[test]
fn a_close_that_meets_the_last_item_gives_every_receiver_the_end() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let receivers = [0, 1].map(|_| spawn(&channel, |channel| receive_all(&channel).len()));
        channel.close();
        assert_eq!(receivers.map(|receiver| receiver.join().expect("no panic")).iter().sum::<usize>(), 1);
    });
}

#[test]
fn a_close_that_meets_the_last_settlement_gives_the_end() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let lease = channel.lease(1).expect("an item");
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let settler = thread::spawn(move || lease.settle());
        channel.close();
        assert_eq!(settler.join().expect("no panic"), [1]);
        assert_eq!(receiver.join().expect("no panic"), Err(ReceiveError::Closed));
    });
}

#[test]
fn a_lease_given_back_while_the_channel_closes_is_received() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let lease = channel.lease(1).expect("an item");
        let worker = thread::spawn(move || lease.retry());
        channel.close();
        assert_eq!(receive_all(&channel), [1]);
        worker.join().expect("no panic");
    });
}

#[test]
fn a_cancelled_send_is_either_admitted_or_given_back() {
    model(3, || {
        let (channel, producer, sending) = full_with_a_waiting_send();
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let given_back = match sending.cancel() {
            Cancelled::Rest(rest) => rest,
            Cancelled::Over(outcome) => outcome.map(|()| Vec::new()).expect("admitted"),
        };
        assert!(!producer.is_waiting());
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        channel.close();
        let received = receive_all(&channel);
        assert_eq!([given_back, received].concat(), [2]);
    });
}

#[test]
fn a_send_cancelled_while_the_channel_is_aborted_gives_its_items_back() {
    model(3, || {
        let (channel, _producer, sending) = full_with_a_waiting_send();
        let aborter = spawn(&channel, |channel| channel.abort());
        let given_back = match sending.cancel() {
            Cancelled::Rest(rest) => rest,
            Cancelled::Over(outcome) => outcome.expect_err("not admitted").into_inner(),
        };
        assert_eq!(given_back, [2]);
        assert_eq!(aborter.join().expect("no panic"), [[1]]);
    });
}

#[test]
fn a_cancelled_send_passes_its_wake_up_on() {
    model(3, || {
        let (channel, _producer, sending) = full_with_a_waiting_send();
        let sender = spawn(&channel, |channel| channel.send(vec![3]));
        let receiver = spawn(&channel, |channel| {
            assert_eq!(channel.receive(1), Ok(vec![1]));
            channel.receive(1)
        });
        let given_back = matches!(sending.cancel(), Cancelled::Rest(_));
        let second = receiver.join().expect("no panic").expect("an item");
        if given_back {
            assert_eq!(second, [3]);
        } else {
            assert_eq!(second[0] + channel.receive(1).expect("an item")[0], 5);
        }
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_send_that_times_out_passes_its_wake_up_on() {
    model(2, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let hasty = spawn(&channel, |channel| channel.send_timeout(vec![2], Duration::ZERO));
        let patient = spawn(&channel, |channel| channel.send(vec![3]));
        assert_eq!(channel.receive(1), Ok(vec![1]));
        let next = channel.receive(1).expect("an item");
        match hasty.join().expect("no panic") {
            Ok(()) => assert_eq!(next[0] + channel.receive(1).expect("an item")[0], 5),
            Err(late) => {
                assert_eq!(late, SendTimeoutError::Timeout(vec![2]));
                assert_eq!(next, [3]);
            }
        }
        assert_eq!(patient.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_cancelled_receive_passes_its_wake_up_on() {
    model(3, || {
        let channel = channel(1);
        let mut receiving = channel.receive_async(1);
        assert!(poll_once(&mut receiving).is_pending());
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let sender = spawn(&channel, |channel| channel.send(vec![1]));
        drop(receiving);
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_receive_that_times_out_passes_its_wake_up_on() {
    model(3, || {
        let channel = channel(1);
        let hasty = spawn(&channel, |channel| channel.receive_timeout(1, Duration::ZERO));
        let patient = spawn(&channel, |channel| channel.receive(1));
        channel.send(vec![1]).expect("open");
        if hasty.join().expect("no panic").is_ok() {
            channel.send(vec![2]).expect("open");
        }
        assert!(patient.join().expect("no panic").is_ok());
    });
}

//! What the models share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::thread;
use millrace_core::channel::{Producer, Sending};
use millrace_core::{Batch, Channel, ReceiveError};

pub type Items = Vec<u32>;

/// Runs `race` in every order that takes at most `preemptions` preemptions. The bugs that such models find need few;
/// LOOM_MAX_PREEMPTIONS sets another limit.
pub fn model(preemptions: usize, race: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(move || {
        // A select tries its cases in random order, and loom wants the same each time.
        fastrand::seed(0);
        race();
    });
}

pub fn channel(capacity: usize) -> Channel<Items> {
    Channel::new(capacity).expect("a valid capacity")
}

pub fn spawn<B: Batch, T: 'static>(
    channel: &Channel<B>,
    run: impl FnOnce(Channel<B>) -> T + 'static,
) -> thread::JoinHandle<T> {
    let channel = channel.clone();
    thread::spawn(move || run(channel))
}

/// Everything that is left, up to the end.
pub fn receive_all(channel: &Channel<Items>) -> Items {
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
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A channel of capacity 1 with item 1 in it.
pub fn full() -> Channel<Items> {
    let channel = channel(1);
    channel.send(vec![1]).expect("open");
    channel
}

/// A channel of capacity 1 with item 1 in it, and the send of item 2 waiting.
pub fn full_with_a_waiting_send() -> (Channel<Items>, Producer<Items>, Sending<Items>) {
    let channel = full();
    let producer = channel.producer();
    let sending = producer.send(vec![2]);
    assert!(producer.is_waiting());
    (channel, producer, sending)
}

//! The hot path over any channel: producers that each send their share of the numbers, consumers that add them up.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use crate::ports::{ReceivePort, SendPort};
use crate::{Arrived, BATCH, Shape};

/// One number a message.
pub fn items<S: SendPort<f64>, R: ReceivePort<f64>>(shape: Shape, ports: (S, R)) -> Arrived {
    contest(shape, ports, |sender, from, to| (from..to).all(|value| sender.send(value as f64)), Arrived::add)
}

/// A vector of [`BATCH`] numbers a message.
pub fn batches<S: SendPort<Vec<f64>>, R: ReceivePort<Vec<f64>>>(shape: Shape, ports: (S, R)) -> Arrived {
    let send = |sender: &S, from, to: u64| {
        (from..to).step_by(BATCH).all(|next| {
            let mut batch = Vec::with_capacity(BATCH);
            batch.extend((next..to.min(next + BATCH as u64)).map(|value| value as f64));
            sender.send(batch)
        })
    };
    contest(shape, ports, send, |arrived, batch| batch.into_iter().for_each(|value| arrived.add(value)))
}

/// std's bounded channel.
pub fn std_bounded<T>(slots: usize) -> (mpsc::SyncSender<T>, Arc<Mutex<mpsc::Receiver<T>>>) {
    let (sender, receiver) = mpsc::sync_channel(slots);
    (sender, Arc::new(Mutex::new(receiver)))
}

/// Calls `send` in each producer's thread with the range of its numbers, `add` with each message in a consumer's.
fn contest<T, S: SendPort<T>, R: ReceivePort<T>>(
    shape: Shape,
    (sender, receiver): (S, R),
    send: impl Fn(&S, u64, u64) -> bool + Sync,
    add: impl Fn(&mut Arrived, T) + Sync,
) -> Arrived {
    let (send, add) = (&send, &add);
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..shape.consumers)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || {
                    let mut arrived = Arrived::default();
                    while let Some(message) = receiver.receive() {
                        add(&mut arrived, message);
                    }
                    arrived
                })
            })
            .collect();
        let producers: Vec<_> = (0..shape.producers as u64)
            .map(|index| {
                let sender = sender.clone();
                let each = shape.items_each();
                scope.spawn(move || send(&sender, index * each, (index + 1) * each))
            })
            .collect();
        drop(receiver);
        // A producer that failed shows in the count.
        for producer in producers {
            let _ = producer.join();
        }
        sender.end();
        let arrived = consumers.into_iter().map(thread::ScopedJoinHandle::join);
        arrived.map(Result::unwrap_or_default).fold(Arrived::default(), Arrived::and)
    })
}

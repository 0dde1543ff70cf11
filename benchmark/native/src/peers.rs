//! crossbeam-channel used directly, as its documentation does: a sender for each producer, a receiver for each
//! consumer, and the end when the last sender is gone.

use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{Arrived, BATCH, Shape};

/// One number a message.
pub fn items(shape: Shape) -> Arrived {
    let send = |sender: &Sender<f64>, from: u64, to: u64| {
        (from..to).all(|value| sender.send(value as f64).is_ok());
    };
    let receive = |receiver: &Receiver<f64>| {
        let mut arrived = Arrived::default();
        receiver.iter().for_each(|value| arrived.add(value));
        arrived
    };
    contest(shape, shape.capacity, send, receive)
}

/// A vector of [`BATCH`] numbers a message.
pub fn batches(shape: Shape, slots: usize) -> Arrived {
    let send = |sender: &Sender<Vec<f64>>, from: u64, to: u64| {
        let mut next = from;
        while next < to {
            let end = to.min(next + BATCH as u64);
            let mut batch = Vec::with_capacity(BATCH);
            batch.extend((next..end).map(|value| value as f64));
            next = end;
            if sender.send(batch).is_err() {
                return;
            }
        }
    };
    let receive = |receiver: &Receiver<Vec<f64>>| {
        let mut arrived = Arrived::default();
        receiver.iter().flatten().for_each(|value| arrived.add(value));
        arrived
    };
    contest(shape, slots, send, receive)
}

fn contest<T: Send>(
    shape: Shape,
    slots: usize,
    send: impl Fn(&Sender<T>, u64, u64) + Sync,
    receive: impl Fn(&Receiver<T>) -> Arrived + Sync,
) -> Arrived {
    let (sender, receiver) = bounded(slots);
    let (send, receive) = (&send, &receive);
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..shape.consumers)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || receive(&receiver))
            })
            .collect();
        for index in 0..shape.producers as u64 {
            let sender = sender.clone();
            let each = shape.items_each();
            scope.spawn(move || send(&sender, index * each, (index + 1) * each));
        }
        drop((sender, receiver));
        let arrived = consumers.into_iter().map(thread::ScopedJoinHandle::join);
        arrived.map(Result::unwrap_or_default).fold(Arrived::default(), Arrived::and)
    })
}

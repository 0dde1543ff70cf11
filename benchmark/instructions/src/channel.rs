//! Sending and receiving.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use millrace_core::{Batch, Channel, ChannelOptions, Items, TryReceiveError, TrySendError};

use crate::Path;

const CAPACITY: usize = 1000;
/// What the system's sources send at this capacity.
const BATCH: u64 = 125;
const LANES: u8 = 4;
const KEYS: u64 = 16;

pub const PATHS: &[(&str, Path)] = &[
    ("channel/item", item),
    ("channel/item-as-future", item_as_future),
    ("channel/item-on-credit", item_on_credit),
    ("channel/batch", batch),
    ("channel/batch-received-one-by-one", one_by_one),
    ("channel/batch-leased-one-by-one", leased),
    ("channel/lanes", lanes),
    ("channel/keys", keys),
    ("channel/empty", empty),
    ("channel/full", full),
];

/// An item a send, an item a receive.
fn item(items: u64) -> u64 {
    let channel = open();
    each_received(&channel, items, |number| channel.send(vec![number]).expect("open"))
}

/// The same by futures that are ready at once, which is how an event loop sends.
fn item_as_future(items: u64) -> u64 {
    let channel = open();
    let producer = channel.producer();
    let mut context = Context::from_waker(Waker::noop());
    each_received(&channel, items, |number| {
        let mut sending = producer.send(vec![number]);
        assert!(matches!(Pin::new(&mut sending).poll(&mut context), Poll::Ready(Ok(()))), "room");
    })
}

/// The same on permits that are taken for a whole batch.
fn item_on_credit(items: u64) -> u64 {
    let channel = open();
    let mut credit = channel.producer().credit();
    each_received(&channel, items, |number| {
        if credit.held() == 0 {
            credit.top_up(BATCH as usize).expect("open");
        }
        credit.send(vec![number]);
    })
}

fn each_received(channel: &Channel<Vec<u64>>, items: u64, mut send: impl FnMut(u64)) -> u64 {
    for number in 0..items {
        send(number);
        assert_eq!(channel.receive(1).expect("an item"), [number]);
    }
    items
}

/// Numbers in a column, as the system carries them.
fn batch(items: u64) -> u64 {
    through_batches(items, &ChannelOptions::new(CAPACITY), BATCH as usize, |_, _| ())
}

fn one_by_one(items: u64) -> u64 {
    through_batches(items, &ChannelOptions::new(CAPACITY), 1, |_, _| ())
}

/// Each batch falls into runs of one lane.
fn lanes(items: u64) -> u64 {
    let options = ChannelOptions { lanes: LANES, ..ChannelOptions::new(CAPACITY) };
    through_batches(items, &options, BATCH as usize, |batch, index| {
        batch.set_lane(index, (index / 25) as u8 % LANES);
    })
}

/// Each item has one of a few keys, and none is out when it comes.
fn keys(items: u64) -> u64 {
    through_batches(items, &ChannelOptions::new(CAPACITY), BATCH as usize, |batch, index| {
        batch.set_key(index, 1 + index as u64 % KEYS);
    })
}

fn through_batches(items: u64, options: &ChannelOptions, max: usize, mark: fn(&mut Items, usize)) -> u64 {
    let channel = Channel::with_options(options).expect("options in range");
    let mut count = 0;
    for begin in (0..items).step_by(BATCH as usize) {
        channel.send(numbers(begin, mark)).expect("open");
        let mut sum = 0.0;
        while let Ok(batch) = channel.try_receive(max) {
            sum += batch.as_numbers().expect("numbers").iter().sum::<f64>();
            count += batch.len() as u64;
        }
        assert!(is_sum(begin, sum), "the numbers from {begin}");
    }
    count
}

/// Each item is leased and settled.
fn leased(items: u64) -> u64 {
    let channel = Channel::new(CAPACITY).expect("a capacity in range");
    let mut count = 0;
    for begin in (0..items).step_by(BATCH as usize) {
        channel.send(numbers(begin, |_, _| ())).expect("open");
        let mut sum = 0.0;
        while let Ok(lease) = channel.try_lease(1) {
            let batch = lease.settle();
            sum += batch.as_numbers().expect("numbers")[0];
            count += 1;
        }
        assert!(is_sum(begin, sum), "the numbers from {begin}");
    }
    count
}

/// Asking a channel that has nothing.
fn empty(calls: u64) -> u64 {
    let channel = open();
    (0..calls).filter(|_| channel.try_receive(1) == Err(TryReceiveError::Empty)).count() as u64
}

/// Being refused by a channel that has no room.
fn full(calls: u64) -> u64 {
    let channel = Channel::new(1).expect("a capacity in range");
    channel.send(vec![0]).expect("open");
    let mut refused = Some(vec![1]);
    let full = |_: &u64| match channel.try_send(refused.take().expect("given back")) {
        Err(TrySendError::Full(batch)) => {
            refused = Some(batch);
            true
        }
        _ => false,
    };
    (0..calls).filter(full).count() as u64
}

fn open() -> Channel<Vec<u64>> {
    Channel::new(CAPACITY).expect("a capacity in range")
}

fn numbers(begin: u64, mark: fn(&mut Items, usize)) -> Items {
    let mut batch = Items::default();
    batch.extend_numbers((begin..begin + BATCH).map(|number| number as f64));
    for index in 0..BATCH as usize {
        mark(&mut batch, index);
    }
    batch
}

/// Whether `sum` is that of a batch from `begin` on. The numbers are whole and small, so no addition rounds.
fn is_sum(begin: u64, sum: f64) -> bool {
    let last = begin + BATCH - 1;
    (sum - ((begin + last) * BATCH) as f64 / 2.0).abs() < 0.5
}

//! Overflow: what makes room for an offer is dropped and told of, once, and nothing else is.

use millrace_core::Channel;
use millrace_core::channel::{ChannelOptions, Overflow};

use crate::support::{Items, model, spawn};

/// A channel of capacity 1 with item 1 in it, where an offer without room drops the oldest.
fn full() -> Channel<Items> {
    let channel = Channel::with_options(&ChannelOptions::new(1).overflow(Overflow::DropOldest)).expect("valid");
    channel.send(vec![1]).expect("open");
    channel
}

/// Offers an item; gives what was dropped.
fn offer(channel: &Channel<Items>, item: u32) -> Items {
    let mut dropped = Vec::new();
    if let Err(refused) = channel.offer(vec![item], |batch| dropped.extend(batch)) {
        dropped.extend(refused.into_inner());
    }
    dropped
}

#[test]
fn an_offer_drops_no_item_that_a_receiver_has() {
    model(3, || {
        let channel = full();
        let receiver = spawn(&channel, |channel| channel.receive(1).expect("an item"));
        let dropped = offer(&channel, 2);
        let left = receiver.join().expect("no panic");
        let rest = channel.abort().concat();
        let mut all = [dropped, left, rest].concat();
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        assert_eq!(channel.stats().peak, 1);
    });
}

#[test]
fn two_offers_for_one_place_drop_two_items_and_never_pass_the_bound() {
    model(3, || {
        let channel = full();
        let other = spawn(&channel, |channel| offer(&channel, 2));
        let mine = offer(&channel, 3);
        let mut all = [mine, other.join().expect("no panic"), channel.receive(1).expect("an item")].concat();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
        assert_eq!((channel.stats().peak, channel.stats().dropped), (1, 2));
    });
}

#[test]
fn an_abort_that_meets_an_offer_finds_each_item_once() {
    model(3, || {
        let channel = full();
        let offerer = spawn(&channel, |channel| offer(&channel, 2).len());
        let queued = channel.abort().concat().len();
        let dropped = offerer.join().expect("no panic");
        assert_eq!(queued + dropped + channel.stats().discarded as usize, 2);
        assert!(channel.is_empty());
    });
}

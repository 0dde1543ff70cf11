//! Lanes: order is by producer and lane, and an urgent item passes a full channel.

use millrace_core::channel::ChannelOptions;
use millrace_core::{Channel, Marked, ReceiveError};

use crate::support::{model, spawn};

type Laned = Marked<u32>;

/// A channel of two lanes and capacity 1, with item 1 of the lower lane in it.
fn full() -> Channel<Laned> {
    let channel = Channel::with_options(&ChannelOptions { lanes: 2, ..ChannelOptions::new(1) }).expect("valid");
    channel.send(Marked::one(1, 0, 0)).expect("open");
    channel
}

fn receive(channel: &Channel<Laned>) -> Result<u32, ReceiveError> {
    channel.receive(1).map(|batch| Vec::from(batch)[0])
}

#[test]
fn an_urgent_send_that_waits_is_received_past_a_full_channel() {
    model(3, || {
        let channel = full();
        let producer = channel.producer();
        let sending = producer.send(Marked::one(2, 1, 0));
        let other = spawn(&channel, |channel| receive(&channel));
        let mine = receive(&channel).expect("an item");
        assert_eq!(mine + other.join().expect("no panic").expect("an item"), 3);
        assert!(!producer.is_waiting());
        sending.detach();
    });
}

#[test]
fn an_urgent_send_wakes_the_receiver_that_goes_to_sleep_though_the_channel_is_full_of_a_taken_key() {
    model(2, || {
        let channel = Channel::with_options(&ChannelOptions { lanes: 2, ..ChannelOptions::new(1) }).expect("valid");
        channel.send(Marked::one(1, 0, 7)).expect("open");
        let lease = channel.lease(1).expect("an item");
        channel.send(Marked::one(2, 0, 7)).expect("open");
        let receiver = spawn(&channel, |channel| receive(&channel));
        let sending = channel.producer().send(Marked::one(3, 1, 0));
        assert_eq!(receiver.join().expect("no panic"), Ok(3));
        assert_eq!(Vec::from(lease.settle()), [1]);
        assert_eq!(receive(&channel), Ok(2));
        sending.detach();
    });
}

#[test]
fn what_a_producer_sends_in_one_lane_arrives_in_order_while_it_has_to_wait() {
    model(2, || {
        let channel = full();
        let sender = spawn(&channel, |channel| {
            [2, 3].into_iter().try_for_each(|item| channel.send(Marked::one(item, 1, 0))).is_ok()
        });
        let received = [(); 3].map(|()| receive(&channel).expect("an item"));
        let urgent: Vec<_> = received.into_iter().filter(|item| *item > 1).collect();
        assert_eq!(urgent, [2, 3]);
        assert!(sender.join().expect("no panic"));
    });
}

#[test]
fn the_end_comes_after_the_urgent_send_that_waits() {
    model(3, || {
        let channel = full();
        let sending = channel.producer().send(Marked::one(2, 1, 0));
        let closer = spawn(&channel, |channel| channel.close());
        assert_eq!(receive(&channel), Ok(2));
        assert_eq!(receive(&channel), Ok(1));
        assert_eq!(receive(&channel), Err(ReceiveError::Closed));
        closer.join().expect("no panic");
        sending.detach();
    });
}

#[test]
fn an_abort_that_meets_an_urgent_send_gives_it_back_or_finds_it() {
    model(3, || {
        let channel = full();
        let sender = spawn(&channel, |channel| channel.send(Marked::one(2, 1, 0)).is_err());
        let queued = channel.abort().len();
        let refused = usize::from(sender.join().expect("no panic"));
        assert_eq!(queued + refused + channel.stats().discarded as usize, 2);
        assert!(channel.is_empty());
    });
}

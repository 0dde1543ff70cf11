//! What a select leaves behind, as only the inside shows it. The other tests of it are in `tests/channel_select.rs`.

use std::task::{Context, Poll, Waker};

use super::{Channel, Selector};
use crate::sync::lock;

type Items = Vec<u32>;

fn full(capacity: usize) -> Channel<Items> {
    let channel = Channel::new(capacity).expect("valid");
    channel.send(vec![0; capacity]).expect("open");
    channel
}

fn waiters(channel: &Channel<Items>) -> (usize, usize) {
    (lock(&channel.shared.receivers).waiting(), lock(&channel.shared.senders).waiting())
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

#[test]
fn losers_leave_no_waiter_in_any_queue() {
    let (empty, other, full) = (Channel::new(1).expect("valid"), Channel::new(1).expect("valid"), full(1));
    let (mut one, mut two, mut three) = (empty.receiving(1), other.receiving(1), full.sending(vec![7]));
    let mut selector = Selector::new();
    assert!(selector.poll(&mut [&mut one, &mut two, &mut three], &mut context()).is_pending());
    assert_eq!([waiters(&empty), waiters(&other), waiters(&full)], [(1, 0), (1, 0), (0, 1)]);
    other.send(vec![1]).expect("open");
    assert_eq!(selector.poll(&mut [&mut one, &mut two, &mut three], &mut context()), Poll::Ready(1));
    assert_eq!([waiters(&empty), waiters(&other), waiters(&full)], [(0, 0); 3]);
    assert_eq!(two.outcome(), Some(Ok(vec![1])));
    assert_eq!((one.outcome(), three.outcome()), (None, None));
    assert_eq!(three.into_batch(), Some(vec![7]));
    assert_eq!(full.try_receive(1), Ok(vec![0]));
    assert!(full.is_empty(), "nothing was sent");
}

#[test]
fn cases_that_are_dropped_while_the_select_waits_leave_nothing() {
    let (empty, full) = (Channel::<Items>::new(1).expect("valid"), full(1));
    let (mut one, mut two) = (empty.receiving(1), full.sending(vec![7]));
    let mut selector = Selector::new();
    assert!(selector.poll(&mut [&mut one, &mut two], &mut context()).is_pending());
    drop((selector, one, two));
    assert_eq!([waiters(&empty), waiters(&full)], [(0, 0); 2]);
    assert_eq!(full.try_receive(1), Ok(vec![0]));
    assert_eq!(full.try_send(vec![1]), Ok(()), "its room is free");
}

#[test]
fn room_that_a_case_was_offered_and_did_not_take_goes_to_the_next_waiter() {
    let (empty, full) = (Channel::<Items>::new(1).expect("valid"), full(2));
    let (mut one, mut two) = (empty.receiving(1), full.sending(vec![7, 8]));
    let mut selector = Selector::new();
    assert!(selector.poll(&mut [&mut one, &mut two], &mut context()).is_pending());
    let producer = full.producer();
    let mut waits = producer.send(vec![9]);
    assert_eq!(full.try_receive(1), Ok(vec![0]));
    assert_eq!(full.len(), 1, "room that is put aside is no item");
    assert_eq!(waiters(&full), (0, 2), "half of what it needs is put aside for the first");
    assert_eq!(selector.cancel(&mut [&mut one, &mut two]), None);
    assert!(std::pin::Pin::new(&mut waits).poll(&mut context()).is_ready());
    assert_eq!(full.try_receive(9), Ok(vec![0]));
    assert_eq!(full.try_receive(9), Ok(vec![9]));
    assert_eq!(two.into_batch(), Some(vec![7, 8]));
}

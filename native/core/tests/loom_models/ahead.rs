//! Items taken ahead: claimed by their owner or taken away by someone else, never both, and back where the owner dies.

use std::ptr::NonNull;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use millrace_core::channel::{Ahead, ClaimWord, Inside};
use millrace_core::{Channel, ReceiveError};

use crate::support::{Items, channel, model, receive_all, spawn};

/// Who takes items ahead, and the word in which it claims them.
struct Owner {
    ahead: Ahead<Items>,
    /// Dropped after the other, which refers to it.
    word: Box<AtomicU32>,
}

impl Owner {
    fn new(channel: &Channel<Items>, lease: bool) -> Self {
        let word = Box::new(AtomicU32::new(0));
        // SAFETY: it outlives `ahead`, which is dropped before, and everyone uses it as the atomic that it is.
        let claims = unsafe { ClaimWord::new(NonNull::from(&*word)) };
        Owner { ahead: channel.ahead(claims, lease), word }
    }

    /// As an environment does it, without a call.
    fn claim(&self) -> bool {
        let before = self.word.fetch_add(1, Ordering::AcqRel);
        before & 0xffff < before >> 16
    }
}

/// A channel of capacity `items` that is full, and the owner of all of it.
fn with_items_ahead(items: u32, lease: bool) -> (Channel<Items>, Owner) {
    let channel = channel(items as usize);
    channel.send((1..=items).collect()).expect("open");
    let mut owner = Owner::new(&channel, lease);
    let taken = owner.ahead.try_take(items as usize).expect("items");
    owner.ahead.publish([taken]);
    (channel, owner)
}

#[test]
fn an_item_that_is_ahead_is_claimed_or_taken_away() {
    model(3, || {
        let (channel, owner) = with_items_ahead(1, false);
        let thief = spawn(&channel, |channel| channel.try_receive(1).is_ok());
        let mine = owner.claim();
        assert!(mine != thief.join().expect("no panic"));
    });
}

#[test]
fn of_two_items_that_are_ahead_each_is_had_once_and_in_order() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(2, false);
        let thief = spawn(&channel, |channel| channel.try_receive(2));
        let claims = [owner.claim(), owner.claim()].iter().filter(|claimed| **claimed).count();
        let stolen = thief.join().expect("no panic").unwrap_or_default();
        let claimed = owner.ahead.claimed();
        assert_eq!(claimed.iter().map(|taken| taken.batch().len()).sum::<usize>(), claims);
        let all: Items = claimed.into_iter().flat_map(|taken| taken.into_batch()).chain(stolen).collect();
        assert_eq!(all, [1, 2]);
        assert!(channel.is_empty());
    });
}

#[test]
fn items_that_are_published_wake_the_receiver_that_goes_to_sleep() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let mut owner = Owner::new(&channel, false);
        let taken = owner.ahead.try_take(1).expect("an item");
        let receiver = spawn(&channel, |channel| channel.receive(1));
        owner.ahead.publish([taken]);
        assert_eq!(receiver.join().expect("no panic"), Ok(vec![1]));
    });
}

#[test]
fn an_owner_that_dies_leaves_what_it_did_not_claim_to_the_receiver_that_waits() {
    model(3, || {
        let (channel, owner) = with_items_ahead(2, false);
        channel.close();
        let receiver = spawn(&channel, |channel| receive_all(&channel));
        let claimed = owner.claim();
        let owner = thread::spawn(move || {
            let mut owner = owner;
            owner.ahead.tell();
        });
        owner.join().expect("no panic");
        assert_eq!(receiver.join().expect("no panic").len() + usize::from(claimed), 2);
    });
}

#[test]
fn an_owner_that_dies_leaves_what_it_leased_and_did_not_claim_as_if_it_had_never_had_it() {
    model(3, || {
        let (channel, owner) = with_items_ahead(1, true);
        channel.close();
        let receiver = spawn(&channel, |channel| channel.lease(1).map(|lease| (lease.attempt(), lease.settle())));
        drop(owner);
        assert_eq!(receiver.join().expect("no panic"), Ok((1, vec![1])));
        assert!(channel.is_ended());
    });
}

#[test]
fn a_claimed_item_that_its_owner_gives_back_comes_before_the_end() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(1, true);
        assert!(owner.claim());
        let mut claimed = owner.ahead.claimed();
        let taken = claimed.pop().expect("one");
        let attempt = taken.attempt() + 1;
        let dying = thread::spawn(move || {
            let given_back = owner.ahead.give_back(taken.into_batch(), attempt, std::time::Duration::ZERO);
            assert_eq!(given_back, Ok(()));
        });
        channel.close();
        assert_eq!(receive_all(&channel), [1]);
        dying.join().expect("no panic");
    });
}

#[test]
fn an_abort_that_meets_an_owner_that_dies_finds_or_discards_what_was_not_claimed() {
    model(3, || {
        let (channel, owner) = with_items_ahead(2, false);
        let aborter = spawn(&channel, |channel| channel.abort().concat().len());
        let claimed = owner.claim();
        let Owner { mut ahead, word } = owner;
        ahead.tell();
        drop(ahead);
        drop(word);
        let queued = aborter.join().expect("no panic");
        assert_eq!(queued + channel.stats().discarded as usize + usize::from(claimed), 2);
        assert!(channel.is_empty());
    });
}

#[test]
fn what_is_put_back_after_an_abort_is_discarded_and_before_it_comes_back() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let mut owner = Owner::new(&channel, true);
        let taken = owner.ahead.try_take(1).expect("an item");
        let aborter = spawn(&channel, |channel| channel.abort().len());
        owner.ahead.put_back(taken);
        let queued = aborter.join().expect("no panic");
        let stats = channel.stats();
        assert_eq!((queued + stats.discarded as usize, stats.leased), (1, 0));
        assert!(channel.is_empty());
    });
}

#[test]
fn a_pause_that_meets_a_claim_brings_back_what_was_not_claimed() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(2, false);
        let pauser = spawn(&channel, |channel| Inside(&channel).hold(true));
        let claimed = usize::from(owner.claim());
        pauser.join().expect("no panic");
        assert!(!owner.claim(), "it is paused");
        owner.ahead.tell();
        assert_eq!(channel.len(), 2 - claimed);
        Inside(&channel).hold(false);
        assert_eq!(channel.receive(1), Ok(vec![1 + claimed as u32]));
    });
}

#[test]
fn an_abort_that_meets_a_claim_brings_back_what_was_not_claimed() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(2, false);
        let aborter = spawn(&channel, |channel| channel.abort().concat());
        let claimed = usize::from(owner.claim());
        let queued = aborter.join().expect("no panic");
        assert!(!owner.claim(), "it is aborted");
        owner.ahead.tell();
        assert_eq!(queued, &[1, 2][claimed..]);
        assert!(channel.is_empty());
    });
}

#[test]
fn a_claim_that_is_told_wakes_the_sender_that_goes_to_sleep() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(1, false);
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        assert!(owner.claim());
        owner.ahead.tell();
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!(channel.receive(1), Ok(vec![2]));
    });
}

#[test]
fn the_room_of_a_claim_is_freed_once() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(1, false);
        let sender = spawn(&channel, |channel| channel.try_send(vec![2]).is_ok());
        assert!(owner.claim());
        owner.ahead.tell();
        let sent = sender.join().expect("no panic");
        assert_eq!(channel.len(), usize::from(sent));
        assert_eq!(channel.try_send(vec![3]).is_ok(), !sent);
    });
}

#[test]
fn a_claim_that_is_told_while_the_channel_closes_gives_the_end() {
    model(3, || {
        let (channel, mut owner) = with_items_ahead(1, false);
        let receiver = spawn(&channel, |channel| channel.receive(1));
        let claimed = owner.claim();
        channel.close();
        owner.ahead.tell();
        let received = receiver.join().expect("no panic");
        assert_eq!(received, if claimed { Err(ReceiveError::Closed) } else { Ok(vec![1]) });
    });
}

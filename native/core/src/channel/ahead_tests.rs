//! Tests of what is taken ahead.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::ahead::{Ahead, ClaimWord};
use super::receivers::Taken;
use super::{Channel, TryReceiveError};

const LIMIT: u32 = 1 << 16;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// An owner that takes ahead, and its word, which must be dropped later.
fn ahead(channel: &Channel<Vec<u32>>, lease: bool) -> (Box<AtomicU32>, Ahead<Vec<u32>>) {
    let word = Box::new(AtomicU32::new(0));
    // SAFETY: tests drop the word after the owner.
    let claims = unsafe { ClaimWord::new(std::ptr::NonNull::from(&*word).cast()) };
    let owner = channel.ahead(claims, lease);
    (word, owner)
}

#[test]
fn what_is_ahead_holds_its_permits_until_it_is_claimed() {
    let channel = Channel::new(10).expect("it works");
    channel.send((0..6).collect()).expect("it works");
    let (word, mut owner) = ahead(&channel, false);
    let taken = owner.try_take(6).expect("it works");
    owner.publish([taken]);
    assert_eq!(channel.len(), 6);
    word.fetch_add(2, Ordering::AcqRel);
    let claimed: Vec<_> = owner.claimed().into_iter().flat_map(Taken::into_batch).collect();
    assert_eq!((claimed, channel.len()), (vec![0, 1], 4));
    assert!(owner.claimed().is_empty());
}

#[test]
fn an_idle_receiver_takes_half_of_what_is_ahead_and_the_owner_cannot_claim_it() {
    let channel = Channel::new(10).expect("it works");
    channel.send((0..6).collect()).expect("it works");
    let (word, mut owner) = ahead(&channel, false);
    let taken = owner.try_take(6).expect("it works");
    owner.publish([taken]);
    assert_eq!(channel.try_receive(10), Ok(vec![3, 4, 5]));
    assert_eq!(channel.try_receive(10), Ok(vec![1, 2]));
    assert_eq!(word.fetch_add(1, Ordering::AcqRel) % LIMIT, 0);
    // A claim past the limit is none.
    let missed = word.fetch_add(1, Ordering::AcqRel);
    assert!(missed % LIMIT >= missed / LIMIT);
    let claimed: Vec<_> = owner.claimed().into_iter().flat_map(Taken::into_batch).collect();
    assert_eq!(claimed, [0]);
    assert_eq!((channel.try_receive(1), channel.len()), (Err(TryReceiveError::Empty), 0));
}

#[test]
fn what_is_ahead_comes_back_in_order_when_its_owner_goes_or_the_channel_is_held_or_aborted() {
    for way in 0..3 {
        let channel = Channel::new(10).expect("it works");
        channel.send((0..4).collect()).expect("it works");
        channel.send((4..6).collect()).expect("it works");
        let (word, mut owner) = ahead(&channel, way != 1);
        let taken = [owner.try_take(4).expect("it works"), owner.try_take(1).expect("it works")];
        owner.publish(taken);
        word.fetch_add(1, Ordering::AcqRel);
        let claimed = owner.claimed();
        assert_eq!(claimed.iter().map(|taken| taken.batch().len()).sum::<usize>(), 1);
        let mut back = Vec::new();
        match way {
            0 => {
                owner.settle(1);
                drop(owner);
            }
            1 => {
                channel.hold(true);
                channel.hold(false);
            }
            _ => back = channel.abort().concat(),
        }
        while let Ok(items) = channel.try_receive(10) {
            back.extend(items);
        }
        assert_eq!((back, channel.len()), (vec![1, 2, 3, 4, 5], 0), "way {way}");
    }
}

#[test]
fn a_receiver_that_sleeps_is_woken_for_what_is_ahead() {
    let channel = Channel::new(10).expect("it works");
    let (_word, mut owner) = ahead(&channel, true);
    let woken = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut sleeper = channel.receive_async(10);
    channel.send(vec![1, 2]).expect("it works");
    let taken = owner.try_take(2).expect("it works");
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut sleeper).poll(&mut context).is_pending());
    owner.publish([taken]);
    assert!(woken.0.load(Ordering::Acquire));
    assert_eq!(Pin::new(&mut sleeper).poll(&mut context), Poll::Ready(Ok(vec![2])));
}

#[test]
fn the_end_waits_for_what_is_ahead_and_leased() {
    let channel = Channel::new(10).expect("it works");
    channel.send(vec![1]).expect("it works");
    channel.close();
    let (word, mut owner) = ahead(&channel, true);
    let taken = owner.try_take(1).expect("it works");
    owner.publish([taken]);
    word.fetch_add(1, Ordering::AcqRel);
    for item in owner.claimed() {
        assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
        owner.give_back(item.into_batch(), 2, std::time::Duration::ZERO).expect("it was not aborted");
    }
    let lease = channel.try_lease(1).expect("it works");
    assert_eq!((lease.attempt(), channel.try_receive(1)), (2, Err(TryReceiveError::Empty)));
    lease.settle();
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Closed));
}

#[test]
fn what_was_claimed_leaves_room_for_a_try_that_finds_none() {
    let channel = Channel::new(4).expect("it works");
    channel.send(vec![0, 1, 2, 3]).expect("it works");
    let (word, mut owner) = ahead(&channel, true);
    let taken = owner.try_take(4).expect("it works");
    owner.publish([taken]);
    assert!(channel.try_send(vec![4]).is_err());
    word.fetch_add(2, Ordering::AcqRel);
    channel.try_send(vec![4, 5]).expect("two were claimed");
    assert!(channel.try_send(vec![6]).is_err());
    assert_eq!(owner.claimed().iter().map(|taken| taken.batch().len()).sum::<usize>(), 2);
    assert_eq!(channel.len(), 4);
    word.fetch_add(1, Ordering::AcqRel);
    assert_eq!(owner.claimed().into_iter().flat_map(Taken::into_batch).collect::<Vec<_>>(), [2]);
    assert_eq!(channel.len(), 3);
}

#[test]
fn an_item_published_as_claimed_is_out_of_the_channel() {
    let channel = Channel::new(1).expect("it works");
    channel.send(vec![0]).expect("it works");
    let (word, mut owner) = ahead(&channel, true);
    let mut taken = owner.try_take(1).expect("it works");
    owner.publish_claimed(&mut taken);
    channel.try_send(vec![1]).expect("its permit is free");
    // Before and after the owner's own claim: nobody takes it away, and it is told once.
    for _ in 0..2 {
        assert_eq!(channel.try_receive(1).ok(), (word.load(Ordering::Acquire) % (1 << 16) == 0).then(|| vec![1]));
        assert!(owner.claimed().is_empty());
        let now = word.fetch_add(1, Ordering::AcqRel);
        assert_eq!(now % (1 << 16) < now >> 16, now % (1 << 16) == 0);
    }
}

#[test]
fn what_is_given_back_after_an_abort_is_its_owners_to_settle() {
    let channel = Channel::new(1).expect("it works");
    channel.send(vec![7]).expect("it works");
    let (_word, mut owner) = ahead(&channel, true);
    let mut taken = owner.try_take(1).expect("it works");
    owner.publish_claimed(&mut taken);
    channel.abort();
    assert_eq!(owner.give_back(taken.into_batch(), 2, std::time::Duration::ZERO), Err(vec![7]));
}

#[test]
fn every_item_is_claimed_or_taken_away_never_both() {
    const ROUNDS: u32 = 2000;
    let channel = Channel::new(64).expect("it works");
    let (word, mut owner) = ahead(&channel, false);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let thief = scope.spawn(|| {
            let mut stolen = Vec::new();
            while !stop.load(Ordering::Acquire) {
                stolen.extend(channel.try_receive(3).unwrap_or_default());
            }
            stolen
        });
        let mut claimed = Vec::new();
        for round in 0..ROUNDS {
            channel.send((0..16).map(|n| round * 16 + n).collect()).expect("it works");
            while let Ok(taken) = owner.try_take(16) {
                let items = taken.batch().clone();
                owner.publish([taken]);
                for item in items {
                    let now = word.fetch_add(1, Ordering::AcqRel);
                    if now % LIMIT >= now / LIMIT {
                        break;
                    }
                    claimed.push(item);
                }
                owner.claimed();
            }
        }
        while !channel.is_empty() {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Release);
        claimed.extend(thief.join().expect("it works"));
        claimed.sort_unstable();
        assert!(claimed.into_iter().eq(0..ROUNDS * 16));
    });
}

#[test]
fn what_an_abort_found_between_a_take_and_its_publication_is_lost_to_nobody() {
    for lease in [false, true] {
        for keep in [false, true] {
            let channel = Channel::new(10).expect("it works");
            channel.send((0..6).collect()).expect("it works");
            let (word, mut owner) = ahead(&channel, lease);
            let taken = owner.try_take(4).expect("it works");
            let queued = if keep { channel.abort_and_keep() } else { channel.abort() };
            assert_eq!(queued, [[4, 5]]);
            owner.publish([taken]);
            word.fetch_add(1, Ordering::AcqRel);
            owner.tell();
            owner.give_up();
            assert_eq!(channel.len(), 0, "lease {lease}, keep {keep}");
            assert!(channel.is_ended());
            let late = channel.take_late();
            let (discarded, expected) = if keep { (0, vec![vec![1, 2, 3]]) } else { (3, Vec::new()) };
            assert_eq!((channel.stats().discarded, late), (discarded, expected));
            drop(owner);
            drop(word);
        }
    }
}

//! What Go promises of channels, in threads. The source of each promise stands above its case; each is a test for both
//! kinds of batch. Select is in `conformance_select.rs`, what JavaScript sees in `conformance-go.spec.ts`, and that memory is
//! synchronized, under every order the memory model allows, in `loom_go_memory.rs`.
//!
//! | difference, on purpose | Go | here |
//! |---|---|---|
//! | the end | the zero value, and `false` | an error, `Closed` |
//! | a send after a close | panics | fails, and gives the item back |
//! | a send that waits at a close | panics | completes |
//! | a second close | panics | does nothing |
//! | nil channels | block for ever | there are none |
//! | capacity | 0 is a rendezvous | from 1 on |

mod lone;
mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lone::{Lone, holding, iterate};
use millrace_core::{Channel, ReceiveError, ReceiveTimeoutError, SendError, TryReceiveError, TrySendError};
use support::{assert_each_once, block_on, finishes, rounds, until_waiting};

/// Source: Go spec, Close: once everything sent before is received, receives give the end without blocking; and Receive
/// operator: a receive from a closed channel can always proceed.
fn the_end_comes_at_once_and_for_ever<B: Lone<Item = usize>>() {
    finishes(|| {
        let channel = holding::<B>(3, 0..2);
        channel.close();
        assert_eq!([channel.receive(1), channel.receive(1)].map(|got| got.map(B::item)), [Ok(0), Ok(1)]);
        for _ in 0..100 {
            assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
            assert_eq!(channel.try_receive(1), Err(TryReceiveError::Closed));
            assert_eq!(channel.receive_timeout(1, std::time::Duration::MAX), Err(ReceiveTimeoutError::Closed));
            assert_eq!(channel.lease(1).err(), Some(ReceiveError::Closed));
            assert_eq!(block_on(channel.receive_async(1)), Err(ReceiveError::Closed));
        }
    });
}

/// Source: Go spec, Close: no more values are sent; to send to a closed channel, or to close it again, panics. Here a send
/// is refused, and a second close does nothing.
fn nothing_is_sent_after_a_close<B: Lone<Item = usize>>() {
    let channel = holding::<B>(3, 0..1);
    channel.close();
    channel.close();
    assert_eq!(channel.send(B::of(1)), Err(SendError::Closed(B::of(1))));
    assert_eq!(channel.try_send(B::of(2)), Err(TrySendError::Closed(B::of(2))));
    assert_eq!(block_on(channel.producer().send(B::of(3))), Err(SendError::Closed(B::of(3))));
    assert_eq!(iterate(&channel).collect::<Vec<_>>(), [0]);
}

/// Source: Go spec, Close and Receive operator: every receiver that waits can proceed.
fn a_close_wakes_all_receivers<B: Lone<Item = usize>>() {
    rounds(50, |_| {
        let channel = holding::<B>(1, 0..0);
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for number in 0..5 {
                let (channel, start) = (&channel, &start);
                scope.spawn(move || {
                    start.wait();
                    let end = match number {
                        0 => block_on(channel.receive_async(1)),
                        1 => channel.lease(1).map(|_| unreachable!("nobody sends")),
                        _ => channel.receive(1),
                    };
                    assert_eq!(end, Err(ReceiveError::Closed));
                });
            }
            start.wait();
            channel.close();
        });
    });
}

/// Source: the Go runtime panics a send that waits when its channel is closed (Go spec, Close). Here each completes, and
/// its item comes before the end.
fn sends_that_wait_at_a_close_complete<B: Lone<Item = usize>>() {
    rounds(20, |_| {
        let channel = holding::<B>(1, 0..1);
        thread::scope(|scope| {
            let senders = [1, 2, 3].map(|item| {
                let channel = &channel;
                scope.spawn(move || channel.send(B::of(item)))
            });
            until_waiting(&channel, 3);
            channel.close();
            assert_each_once(iterate(&channel).collect(), 4);
            for sender in senders {
                assert_eq!(sender.join().expect("no panic"), Ok(()));
            }
        });
    });
}

/// Source: Go spec, For statements with range clause: the values sent on the channel, until it is closed.
fn a_range_over_the_channel_ends_after_the_last_item<B: Lone<Item = usize>>() {
    rounds(20, |rng| {
        let (capacity, items) = (rng.usize(1..5), rng.usize(0..300));
        let channel = holding::<B>(capacity, 0..0);
        let seen = thread::scope(|scope| {
            let readers = [(); 3].map(|()| scope.spawn(|| iterate(&channel).collect::<Vec<_>>()));
            for item in 0..items {
                channel.send(B::of(item)).expect("open");
            }
            channel.close();
            readers.map(|reader| reader.join().expect("no panic"))
        });
        assert_each_once(seen.concat(), items);
    });
}

/// Source: Go spec, Channel types: channels are first-in-first-out queues; what one goroutine sends, another receives in
/// that order.
fn values_are_received_in_the_order_they_were_sent<B: Lone<Item = usize>>() {
    rounds(10, |rng| {
        let channel = holding::<B>(rng.usize(1..20), 0..0);
        thread::scope(|scope| {
            let reader = scope.spawn(|| iterate(&channel).collect::<Vec<_>>());
            for item in 0..500 {
                channel.send(B::of(item)).expect("open");
            }
            channel.close();
            assert!(reader.join().expect("no panic").into_iter().eq(0..500));
        });
    });
}

/// Source: Go spec, Length and capacity: how many elements are queued, and how many there is room for.
fn length_and_capacity<B: Lone<Item = usize>>() {
    let channel = holding::<B>(5, 0..3);
    assert_eq!((channel.len(), channel.capacity()), (3, 5));
}

/// Source: Go memory model: the kth receive on a channel with capacity C is synchronized before the completion of the
/// k+Cth send. So a channel is a semaphore: who has sent is inside until somebody receives.
fn a_channel_of_capacity_c_lets_c_threads_in<B: Lone<Item = usize>>() {
    rounds(10, |rng| {
        let capacity = rng.usize(1..4);
        let tokens = Channel::<B>::new(capacity).expect("valid");
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        tokens.send(B::of(0)).expect("open");
                        let before = inside.fetch_add(1, Ordering::Relaxed);
                        assert!(before < capacity, "{before} were inside of {capacity}");
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::Relaxed);
                        tokens.receive(1).expect("its own, or another's");
                    }
                });
            }
        });
        assert!(tokens.is_empty());
    });
}

for_each_kind_of_batch! {
    the_end_comes_at_once_and_for_ever,
    nothing_is_sent_after_a_close,
    a_close_wakes_all_receivers,
    sends_that_wait_at_a_close_complete,
    a_range_over_the_channel_ends_after_the_last_item,
    values_are_received_in_the_order_they_were_sent,
    length_and_capacity,
    a_channel_of_capacity_c_lets_c_threads_in,
}

//! What crossbeam-channel promises of its bounded channels, from its documentation. The source of each promise stands
//! above its case; each case is a test for both kinds of batch.
//!
//! | difference, on purpose | crossbeam-channel | here |
//! |---|---|---|
//! | how a channel ends | when its last sender, or its last receiver, is dropped | by `close`; never by running out of handles |
//! | sends that wait when it ends | fail with their message | still complete; `abort` is what makes them fail |
//! | handles | a `Sender` and a `Receiver` | one, that does both |
//! | capacity | 0 too: a rendezvous | from 1 on |
//! | the longest wait | a duration, or a deadline | a duration |
//! | iterators | `iter`, `try_iter` | `iter::from_fn` over `receive`, `try_receive` |
//!
//! Those of select are in `conformance_select.rs`; what crossbeam-channel does not promise, but is asked for by anyone
//! who uses it, in `conformance_linearizability.rs` and `conformance_stress.rs`.

mod lone;
mod support;

use std::time::Duration;
use std::{iter, thread};

use lone::{Lone, holding, iterate};
use millrace_core::{
    CapacityError, Channel, ReceiveError, ReceiveTimeoutError, SendError, SendTimeoutError, TryReceiveError,
    TrySendError,
};
use support::{assert_each_once, finishes, rounds, until_waiting};

const SHORT: Duration = Duration::from_micros(100);

/// Source: `Sender::try_send`: full or disconnected is an error, which has the message; `TrySendError::into_inner`.
fn try_send_does_not_wait_and_gives_the_message_back<B: Lone<Item = usize>>() {
    let channel = Channel::new(1).expect("valid");
    assert_eq!(channel.try_send(B::of(1)), Ok(()));
    let full = channel.try_send(B::of(2));
    assert_eq!(full, Err(TrySendError::Full(B::of(2))));
    assert_eq!(full.expect_err("full").into_inner().item(), 2);
    channel.close();
    assert_eq!(channel.try_send(B::of(3)), Err(TrySendError::Closed(B::of(3))));
    assert_eq!(iterate(&channel).collect::<Vec<_>>(), [1]);
    assert_eq!(channel.try_send(B::of(4)), Err(TrySendError::Closed(B::of(4))), "not full, yet closed");
}

/// Source: `Receiver::try_recv`: a message at once, or an error where there is none.
fn try_receive_does_not_wait<B: Lone<Item = usize>>() {
    let channel = Channel::<B>::new(2).expect("valid");
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    channel.send(B::of(5)).expect("open");
    channel.close();
    assert_eq!(channel.try_receive(1), Ok(B::of(5)), "closed, yet not empty");
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Closed));
}

/// Source: `Sender::send`: blocks while the channel is full.
fn send_waits_while_the_channel_is_full<B: Lone<Item = usize>>() {
    finishes(|| {
        let channel = holding::<B>(2, 0..2);
        thread::scope(|scope| {
            let sender = scope.spawn(|| channel.send(B::of(2)));
            until_waiting(&channel, 1);
            assert_eq!(channel.len(), 2);
            assert!(!sender.is_finished());
            assert_eq!(channel.receive(1), Ok(B::of(0)));
            assert_eq!(sender.join().expect("no panic"), Ok(()));
        });
        channel.close();
        assert_eq!(iterate(&channel).collect::<Vec<_>>(), [1, 2]);
    });
}

/// Source: `Receiver::recv`: blocks while the channel is empty.
fn receive_waits_while_the_channel_is_empty<B: Lone<Item = usize>>() {
    finishes(|| {
        let (there, back) = (holding::<B>(1, 0..0), holding::<B>(1, 0..0));
        thread::scope(|scope| {
            scope.spawn(|| iterate(&there).for_each(|item| back.send(B::of(item + 1)).expect("open")));
            for item in 0..200 {
                assert_eq!(back.try_receive(1), Err(TryReceiveError::Empty));
                there.send(B::of(item)).expect("open");
                assert_eq!(back.receive(1), Ok(B::of(item + 1)));
            }
            there.close();
        });
    });
}

/// Source: `Receiver::recv` and `recv_timeout`: a call that is blocked fails once the channel is empty and disconnected.
fn a_receive_that_waits_wakes_up_at_the_end<B: Lone<Item = usize>>() {
    for timeout in [None, Some(Duration::MAX)] {
        rounds(30, move |rng| {
            let channel = holding::<B>(1, 0..0);
            thread::scope(|scope| {
                let receivers = [(); 3].map(|()| {
                    scope.spawn(|| match timeout {
                        None => channel.receive(1).map_err(ReceiveTimeoutError::from),
                        Some(timeout) => channel.receive_timeout(1, timeout),
                    })
                });
                // So that some rounds close before the receivers wait, and some after.
                (0..rng.usize(0..30)).for_each(|_| thread::yield_now());
                channel.close();
                for receiver in receivers {
                    assert_eq!(receiver.join().expect("no panic"), Err(ReceiveTimeoutError::Closed));
                }
            });
        });
    }
}

/// Source: `Sender::send` and `send_timeout`: a call that is blocked fails once the channel is disconnected, with the
/// message in its error. Here a close does not do that, and an abort does.
fn a_send_that_waits_completes_after_a_close_and_wakes_up_at_an_abort<B: Lone<Item = usize>>() {
    for abort in [false, true] {
        finishes(move || {
            let channel = holding::<B>(1, 0..1);
            thread::scope(|scope| {
                let send = scope.spawn(|| channel.send(B::of(1)));
                let timed = scope.spawn(|| channel.send_timeout(B::of(2), Duration::MAX));
                until_waiting(&channel, 2);
                let mut seen: Vec<_> = if abort {
                    channel.abort().into_iter().map(B::item).collect()
                } else {
                    channel.close();
                    iterate(&channel).collect()
                };
                seen.sort_unstable();
                let (send, timed) = (send.join().expect("no panic"), timed.join().expect("no panic"));
                if abort {
                    assert_eq!(seen, [0]);
                    assert_eq!(send, Err(SendError::Aborted(B::of(1))));
                    assert_eq!(timed, Err(SendTimeoutError::Aborted(B::of(2))));
                } else {
                    assert_eq!(seen, [0, 1, 2]);
                    assert_eq!((send, timed), (Ok(()), Ok(())));
                }
            });
        });
    }
}

/// Source: `Sender::send_timeout`: blocks until there is room, and no longer than that; where there is room, it sends
/// although no time is left.
fn a_send_with_a_time_out<B: Lone<Item = usize>>() {
    finishes(|| {
        let channel = holding::<B>(1, 0..0);
        assert_eq!(channel.send_timeout(B::of(0), Duration::ZERO), Ok(()));
        for timeout in [Duration::ZERO, SHORT] {
            let late = channel.send_timeout(B::of(1), timeout);
            assert_eq!(late, Err(SendTimeoutError::Timeout(B::of(1))));
            assert_eq!(late.expect_err("late").into_inner().item(), 1);
        }
        thread::scope(|scope| {
            let sender = scope.spawn(|| channel.send_timeout(B::of(2), Duration::MAX));
            until_waiting(&channel, 1);
            assert_eq!(channel.receive(1), Ok(B::of(0)));
            assert_eq!(sender.join().expect("no panic"), Ok(()));
        });
        channel.close();
        assert_eq!(channel.send_timeout(B::of(3), Duration::MAX), Err(SendTimeoutError::Closed(B::of(3))));
        assert_eq!(iterate(&channel).collect::<Vec<_>>(), [2], "what was late is not in the channel");
    });
}

/// Source: `Receiver::recv_timeout`: blocks until there is a message, and no longer than that; where there is one, it
/// receives it although no time is left.
fn a_receive_with_a_time_out<B: Lone<Item = usize>>() {
    finishes(|| {
        let channel = holding::<B>(2, 0..0);
        for timeout in [Duration::ZERO, SHORT] {
            assert_eq!(channel.receive_timeout(1, timeout), Err(ReceiveTimeoutError::Timeout));
        }
        channel.send(B::of(1)).expect("open");
        assert_eq!(channel.receive_timeout(1, Duration::ZERO), Ok(B::of(1)));
        thread::scope(|scope| {
            let receiver = scope.spawn(|| channel.receive_timeout(1, Duration::MAX));
            channel.send(B::of(2)).expect("open");
            assert_eq!(receiver.join().expect("no panic"), Ok(B::of(2)), "what was late took nothing with it");
        });
        channel.send(B::of(3)).expect("open");
        channel.close();
        assert_eq!(channel.receive_timeout(1, Duration::MAX), Ok(B::of(3)));
        assert_eq!(channel.receive_timeout(1, Duration::MAX), Err(ReceiveTimeoutError::Closed));
    });
}

/// Source: the crate's page, Disconnection: nothing more is sent, what remains is received, and no call blocks.
fn after_the_end_of_sending_what_remains_is_received<B: Lone<Item = usize>>() {
    finishes(|| {
        let channel = holding::<B>(3, 0..3);
        channel.close();
        assert_eq!(channel.send(B::of(3)), Err(SendError::Closed(B::of(3))));
        assert_eq!([(); 3].map(|()| channel.receive(1).map(B::item)), [Ok(0), Ok(1), Ok(2)]);
        assert!(channel.is_empty());
        for _ in 0..3 {
            assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
            assert_eq!(channel.send(B::of(4)), Err(SendError::Closed(B::of(4))));
        }
    });
}

/// Source: the crate's page, Disconnection: it comes with the drop of all senders, or of all receivers. Here it does not.
fn a_channel_does_not_end_by_running_out_of_handles<B: Lone<Item = usize>>() {
    let (sender, receiver) = {
        let channel = holding::<B>(2, 0..1);
        (channel.clone(), channel)
    };
    drop(sender);
    assert_eq!(receiver.receive(1), Ok(B::of(0)));
    assert_eq!(receiver.try_receive(1), Err(TryReceiveError::Empty));
    assert!(!receiver.is_closed());
}

/// Source: the crate's page, Sharing channels: a clone is one more handle, with no stream of messages of its own.
fn clones_are_handles_to_the_same_messages<B: Lone<Item = usize>>() {
    let handles = {
        let channel = holding::<B>(3, 0..0);
        [channel.clone(), channel.clone(), channel]
    };
    for (item, handle) in handles.iter().enumerate() {
        handle.send(B::of(item)).expect("open");
    }
    let received = [2, 0, 1].map(|handle: usize| handles[handle].receive(1).map(B::item));
    assert_eq!(received, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(handles[0].len(), 0);
}

/// Source: the crate's page, Iteration: an iterator waits for messages, and ends where the channel is empty and
/// disconnected.
fn iteration_ends_once_the_channel_is_closed_and_empty<B: Lone<Item = usize>>() {
    finishes(|| {
        let channel = holding::<B>(2, 0..0);
        let seen = thread::scope(|scope| {
            let readers = [(); 2].map(|()| scope.spawn(|| iterate(&channel).collect::<Vec<_>>()));
            (0..100).for_each(|item| channel.send(B::of(item)).expect("open"));
            channel.close();
            readers.map(|reader| reader.join().expect("no panic"))
        });
        for reader in &seen {
            assert!(reader.is_sorted(), "{reader:?}");
        }
        assert_each_once(seen.concat(), 100);
    });
}

/// Source: `Receiver::try_iter`: takes what is there, without blocking.
fn iteration_without_waiting_takes_what_is_there<B: Lone<Item = usize>>() {
    let channel = holding::<B>(5, 0..3);
    let there: Vec<_> = iter::from_fn(|| channel.try_receive(1).ok()).map(B::item).collect();
    assert_eq!(there, [0, 1, 2]);
    assert!(!channel.is_closed());
}

/// Source: `Sender::len`, `is_empty`, `is_full` and `capacity`; `Receiver` has the same.
fn length_and_capacity<B: Lone<Item = usize>>() {
    let channel = Channel::new(3).expect("valid");
    for item in 0..3 {
        assert_eq!((channel.len(), channel.is_empty(), channel.capacity()), (item, item == 0, 3));
        channel.send(B::of(item)).expect("open");
    }
    assert_eq!(channel.len(), channel.capacity());
    channel.close();
    for left in (0..3).rev() {
        channel.receive(1).expect("an item");
        assert_eq!((channel.len(), channel.is_empty()), (left, left == 0));
    }
}

/// Source: `bounded`: at most so many messages at a time; of capacity 0, sends and receives pair up. Here there is none
/// of that.
fn the_capacity_bounds_the_messages_and_is_not_0<B: Lone<Item = usize>>() {
    for capacity in [1, 2, 5, 64, 1000] {
        let channel = holding::<B>(capacity, 0..capacity);
        assert_eq!(channel.try_send(B::of(0)), Err(TrySendError::Full(B::of(0))));
        assert_eq!(iter::from_fn(|| channel.try_receive(1).ok()).count(), capacity);
    }
    assert_eq!(Channel::<B>::new(0).err(), Some(CapacityError { capacity: 0 }));
}

for_each_kind_of_batch! {
    try_send_does_not_wait_and_gives_the_message_back,
    try_receive_does_not_wait,
    send_waits_while_the_channel_is_full,
    receive_waits_while_the_channel_is_empty,
    a_receive_that_waits_wakes_up_at_the_end,
    a_send_that_waits_completes_after_a_close_and_wakes_up_at_an_abort,
    a_send_with_a_time_out,
    a_receive_with_a_time_out,
    after_the_end_of_sending_what_remains_is_received,
    a_channel_does_not_end_by_running_out_of_handles,
    clones_are_handles_to_the_same_messages,
    iteration_ends_once_the_channel_is_closed_and_empty,
    iteration_without_waiting_takes_what_is_there,
    length_and_capacity,
    the_capacity_bounds_the_messages_and_is_not_0,
}

/// Source: `bounded`: the bound counts messages, of any type; one of no size is one of them.
#[test]
fn messages_of_no_size_are_counted_too() {
    let channel = Channel::<Option<()>>::new(3).expect("valid");
    (0..3).for_each(|_| channel.send(Some(())).expect("open"));
    assert_eq!(channel.try_send(Some(())), Err(TrySendError::Full(Some(()))));
    assert_eq!(channel.len(), 3);
    channel.close();
    assert_eq!(iterate(&channel).count(), 3);

    let vectors = Channel::new(usize::from(u8::MAX)).expect("valid");
    vectors.send(vec![(); 200]).expect("open");
    assert_eq!(vectors.try_send(vec![(); 56]), Err(TrySendError::Full(vec![(); 56])));
    assert_eq!((vectors.receive(150), vectors.len()), (Ok(vec![(); 150]), 50));
}

/// Source: none; a batch of nothing is only here. It is no message: it takes no room, and nobody receives it.
#[test]
fn an_empty_batch_is_no_message() {
    let channel = holding::<Option<usize>>(1, 0..1);
    for nothing in [channel.send(None), channel.send_timeout(None, Duration::ZERO).map_err(|_| SendError::Closed(None))]
    {
        assert_eq!(nothing, Ok(()));
    }
    assert_eq!((channel.try_send(None), channel.len()), (Ok(()), 1));
    assert_eq!(channel.receive(1), Ok(Some(0)));
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));

    let vectors = holding::<Vec<usize>>(1, 0..1);
    assert_eq!((vectors.send(vec![]), vectors.try_send(vec![]), vectors.len()), (Ok(()), Ok(()), 1));
    assert_eq!(vectors.receive(9), Ok(vec![0]));
    assert_eq!(vectors.try_receive(9), Err(TryReceiveError::Empty));
}

//! The rules of the Go memory model, Channel communication, for both kinds of batch: what one thread wrote before its
//! step, another reads after its own. loom runs each in every order the memory model allows, and fails where the two are
//! not synchronized.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p millrace-core --release --test loom_go_memory
//! ```
#![cfg(loom)]

mod lone;

use lone::{Lone, holding};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use millrace_core::{Batch, Channel, ReceiveError};

/// Memory that only the channel keeps threads from using at the same time.
struct Memory(UnsafeCell<u32>);

// SAFETY: the rules that are modelled order all accesses; where they do not, loom sees it and fails the model.
unsafe impl Sync for Memory {}

impl Memory {
    fn write(&self, value: u32) {
        // SAFETY: `write` is the only access meanwhile, by the rule that the model is of; loom checks it.
        self.0.with_mut(|at| unsafe { *at = value });
    }

    fn read(&self) -> u32 {
        // SAFETY: nobody writes meanwhile, by the rule that the model is of; loom checks it.
        self.0.with(|at| unsafe { *at })
    }
}

/// Runs `race` with a channel of capacity 1 that holds `items`, in every order that takes at most 3 preemptions.
fn model<B: Lone<Item = usize>>(items: usize, race: fn(Channel<B>, Arc<Memory>)) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || race(holding(1, 0..items), Arc::new(Memory(UnsafeCell::new(0)))));
}

/// In a thread of its own: writes, then does `step`.
fn after_a_write<B: Batch>(
    channel: &Channel<B>,
    memory: &Arc<Memory>,
    step: impl FnOnce(Channel<B>) + 'static,
) -> thread::JoinHandle<()> {
    let (channel, memory) = (channel.clone(), Arc::clone(memory));
    thread::spawn(move || {
        memory.write(7);
        step(channel);
    })
}

/// Source: a send is synchronized before the completion of the corresponding receive.
fn a_receive_sees_what_came_before_its_send<B: Lone<Item = usize>>() {
    model::<B>(0, |channel, memory| {
        let sender = after_a_write(&channel, &memory, |channel| channel.send(B::of(1)).expect("open"));
        assert_eq!(channel.receive(1), Ok(B::of(1)));
        assert_eq!(memory.read(), 7);
        sender.join().expect("no panic");
    });
}

/// Source: the same rule; here a send may wait without a thread, and another's receive lets it in.
fn a_receive_sees_what_came_before_the_send_of_a_task<B: Lone<Item = usize>>() {
    model::<B>(1, |channel, memory| {
        let sender = after_a_write(&channel, &memory, |channel| channel.producer().send(B::of(1)).detach());
        assert_eq!(channel.receive(1), Ok(B::of(0)));
        assert_eq!(channel.receive(1), Ok(B::of(1)));
        assert_eq!(memory.read(), 7);
        sender.join().expect("no panic");
    });
}

/// Source: the closing of a channel is synchronized before a receive that gives the end because of it.
fn the_end_comes_with_what_was_before_the_close<B: Lone<Item = usize>>() {
    model::<B>(0, |channel, memory| {
        let closer = after_a_write(&channel, &memory, |channel| channel.close());
        assert_eq!(channel.receive(1), Err(ReceiveError::Closed));
        assert_eq!(memory.read(), 7);
        closer.join().expect("no panic");
    });
}

/// Source: the kth receive on a channel with capacity C is synchronized before the completion of the k+Cth send.
fn a_send_sees_what_came_before_the_receive_that_made_its_room<B: Lone<Item = usize>>() {
    model::<B>(1, |channel, memory| {
        let receiver = after_a_write(&channel, &memory, |channel| drop(channel.receive(1)));
        channel.send(B::of(1)).expect("open");
        assert_eq!(memory.read(), 7);
        receiver.join().expect("no panic");
    });
}

/// Source: the same rule, for a send that does not wait and finds room.
fn a_send_that_does_not_wait_sees_it_too<B: Lone<Item = usize>>() {
    model::<B>(1, |channel, memory| {
        let receiver = after_a_write(&channel, &memory, |channel| drop(channel.receive(1)));
        if channel.try_send(B::of(1)).is_ok() {
            assert_eq!(memory.read(), 7);
        }
        receiver.join().expect("no panic");
    });
}

for_each_kind_of_batch! {
    a_receive_sees_what_came_before_its_send,
    a_receive_sees_what_came_before_the_send_of_a_task,
    the_end_comes_with_what_was_before_the_close,
    a_send_sees_what_came_before_the_receive_that_made_its_room,
    a_send_that_does_not_wait_sees_it_too,
}

//! Items from JavaScript into a system.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use millrace_core::channel::{Cancelled, Sending};
use millrace_core::system::SystemSend;
use millrace_core::{Batch, Items, KindNumbers, LargeBytes, Overflow, SendError, TrySendError};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use crate::environment::{Environment, lock};
use crate::error::{Result, columns_error};
use crate::items::{NativeItems, in_parts};
use crate::label::{NativeLabel, put_keys_on};
use crate::port::Port;
use crate::registry;

/// What a send says where it gives no id of a send that waits. Shared with src/binding.ts.
pub const ADMITTED: i64 = 0;
pub const FULL: i64 = -1;
pub const CLOSED: i64 = -2;
pub const ABORTED: i64 = -3;
/// It was admitted, or dropped, and so are others that are kept to be told of.
pub const OVERFLOWED: i64 = -4;
/// There was no room, and the channel rejects.
pub const REJECTED: i64 = -5;
/// Some of it was admitted, and the rest waits.
pub const MOVING: i64 = 1;

/// How a send ended, and how many of its items were admitted.
#[derive(Clone, Copy)]
pub struct Progress {
    pub admission: i64,
    pub accepted: usize,
}

/// A send that JavaScript waits for.
pub struct Pending {
    state: State,
    items: usize,
    /// How many items JavaScript heard of, where it wants to hear of each.
    told: Option<usize>,
}

enum State {
    Waiting(SystemSend<Items, Items>),
    Channel(Sending<Items>),
    Over(Progress),
}

impl Pending {
    pub fn over(progress: Progress) -> Self {
        Pending { state: State::Over(progress), items: 0, told: None }
    }

    pub fn channel(sending: Sending<Items>, items: usize) -> Self {
        Pending { state: State::Channel(sending), items, told: None }
    }

    /// As `channel`, for items that are sends of their own.
    pub fn channel_each(sending: Sending<Items>, items: usize) -> Self {
        Pending { told: Some(0), ..Pending::channel(sending, items) }
    }

    /// Whether there is something that JavaScript has not heard of a send that was polled and waits on.
    pub fn has_news(&self) -> bool {
        self.told.is_some_and(|told| self.admitted() > told)
    }

    /// What that is.
    pub fn news(&mut self) -> Option<Progress> {
        if !self.has_news() {
            return None;
        }
        let accepted = self.admitted();
        self.told = Some(accepted);
        Some(Progress { admission: MOVING, accepted })
    }

    fn admitted(&self) -> usize {
        if let State::Channel(sending) = &self.state { sending.admitted() } else { 0 }
    }

    /// Its outcome where it is through, as most are, so that nobody has to be woken; else the id of a send that waits.
    pub fn begin(mut self, environment: &Arc<Environment>) -> i64 {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(progress) if progress.admission == ADMITTED || progress.accepted == 0 => progress.admission,
            Poll::Ready(progress) => environment.add_send(Pending::over(progress)),
            Poll::Pending => environment.add_send(self),
        }
    }

    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Progress> {
        match &mut self.state {
            State::Over(progress) => Poll::Ready(*progress),
            State::Waiting(send) => Pin::new(send).poll(context).map(|outcome| progress(self.items, outcome)),
            State::Channel(send) => Pin::new(send).poll(context).map(|outcome| progress(self.items, outcome)),
        }
    }

    /// Takes out what was not admitted and says how many items were; or how it ended, where it is over.
    pub fn cancel(self) -> std::result::Result<usize, Progress> {
        match self.state {
            State::Over(progress) => Err(progress),
            State::Waiting(send) => cancelled(self.items, send.cancel()),
            State::Channel(send) => cancelled(self.items, send.cancel()),
        }
    }
}

fn cancelled(items: usize, cancelled: Cancelled<Items>) -> std::result::Result<usize, Progress> {
    match cancelled {
        Cancelled::Rest(rest) => Ok(items - rest.len()),
        Cancelled::Over(outcome) => Err(progress(items, outcome)),
    }
}

fn progress(items: usize, outcome: std::result::Result<(), SendError<Items>>) -> Progress {
    match outcome {
        Ok(()) => Progress { admission: ADMITTED, accepted: items },
        Err(SendError::Closed(rest)) => Progress { admission: CLOSED, accepted: items - rest.len() },
        Err(SendError::Aborted(rest)) => Progress { admission: ABORTED, accepted: items - rest.len() },
    }
}

impl Port {
    fn try_send(&self, items: Items) -> i64 {
        match self.port.try_send(items) {
            Ok(()) => ADMITTED,
            Err(TrySendError::Full(_)) => FULL,
            Err(TrySendError::Closed(_)) => CLOSED,
            Err(TrySendError::Aborted(_)) => ABORTED,
        }
    }

    fn send(&self, items: Items, from_source: bool) -> i64 {
        match self.port.overflow() {
            Overflow::Wait => {}
            // Nobody hears of what a source can't send: it waits.
            Overflow::Reject if from_source => {}
            _ => return self.offer(items, from_source),
        }
        let count = items.len();
        let send = if from_source { Ok(self.port.source_send(items)) } else { self.port.send(items) };
        match send {
            Ok(send) => Pending { state: State::Waiting(send), items: count, told: None }.begin(&self.environment),
            Err(SendError::Closed(_)) => CLOSED,
            Err(SendError::Aborted(_)) => ABORTED,
        }
    }

    fn offer(&self, items: Items, from_source: bool) -> i64 {
        let count = items.len();
        let mut dropped = Vec::new();
        let outcome = self.port.offer(items, from_source, |items| dropped.push(items));
        self.dropped.keep(dropped, offered(count, outcome, &self.environment))
    }

    fn send_one(&self, mut item: Items, tag: f64, wait: bool) -> i64 {
        item.set_id(0, tag as u64);
        if wait { self.send(item, false) } else { self.try_send(item) }
    }
}

#[napi(catch_unwind)]
pub fn send_number(port: u32, value: f64, tag: f64, wait: bool) -> i64 {
    let Ok(port) = registry::port(port) else { return CLOSED };
    port.send_one(Items::from(vec![value]), tag, wait)
}

#[napi(catch_unwind)]
pub fn send_item(port: u32, kind: u8, bytes: &[u8], length: u32, tag: f64, wait: bool) -> Result<i64> {
    let Ok(port) = registry::port(port) else { return Ok(CLOSED) };
    let bytes = &bytes[..length as usize];
    let item = Items::copy_blobs(bytes, &[length], KindNumbers::One(kind)).map_err(|error| columns_error(&error))?;
    Ok(port.send_one(item, tag, wait))
}

#[napi(catch_unwind)]
pub fn send_numbers(port: u32, values: &[f64], first_tag: f64, from_source: bool) -> i64 {
    let Ok(port) = registry::port(port) else { return CLOSED };
    port.send(tagged(Items::from(values.to_vec()), first_tag), from_source)
}

#[napi(catch_unwind)]
pub fn send_blobs(
    port: u32,
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    length: u32,
    first_tag: f64,
    from_source: bool,
) -> Result<i64> {
    let Ok(port) = registry::port(port) else { return Ok(CLOSED) };
    Ok(port.send(tagged(items_of(kinds, ends, bytes, length)?, first_tag), from_source))
}

/// As `send_blobs`, for bytes that are large: each is copied once.
#[napi(catch_unwind)]
#[allow(clippy::needless_pass_by_value, reason = "napi makes a vector of its own")]
pub fn send_large(port: u32, items: Vec<Uint8ArraySlice>, first_tag: f64, from_source: bool) -> Result<i64> {
    let Ok(port) = registry::port(port) else { return Ok(CLOSED) };
    Ok(port.send(tagged(large_items(&items)?, first_tag), from_source))
}

/// What an offer of so many items says.
pub fn offered(
    items: usize,
    outcome: std::result::Result<(), TrySendError<Items>>,
    environment: &Arc<Environment>,
) -> i64 {
    let (admission, rest) = match outcome {
        Ok(()) => return ADMITTED,
        Err(TrySendError::Full(rest)) => (REJECTED, rest),
        Err(TrySendError::Closed(rest)) => (CLOSED, rest),
        Err(TrySendError::Aborted(rest)) => (ABORTED, rest),
    };
    Pending::over(Progress { admission, accepted: items - rest.len() }).begin(environment)
}

/// What sends of one environment dropped, until JavaScript takes it, if it wants it.
#[derive(Default)]
pub struct DroppedItems {
    wanted: AtomicBool,
    items: Mutex<Vec<Items>>,
}

impl DroppedItems {
    /// Keeps what was dropped. `OVERFLOWED` in place of `ADMITTED` then.
    pub fn keep(&self, dropped: Vec<Items>, admission: i64) -> i64 {
        if dropped.is_empty() || !self.wanted.load(Ordering::Relaxed) {
            return admission;
        }
        lock(&self.items).extend(dropped);
        if admission == ADMITTED { OVERFLOWED } else { admission }
    }

    pub fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    pub fn take(&self) -> Vec<NativeItems> {
        std::mem::take(&mut *lock(&self.items)).into_iter().flat_map(in_parts).collect()
    }
}

/// From now on what is dropped is kept, for `take_dropped`.
#[napi(catch_unwind)]
pub fn want_dropped(port: u32) -> Result<()> {
    registry::port(port)?.dropped.want();
    Ok(())
}

/// What sends dropped. Of a system that is gone, whose sends are all refused, nothing.
#[napi(catch_unwind)]
pub fn take_dropped(port: u32) -> Vec<NativeItems> {
    registry::port(port).map(|port| port.dropped.take()).unwrap_or_default()
}

/// As `send_blobs`, for items that all get the same label, and in place of its key their own, where there are `keys`. `wait`:
/// as for one item.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "columns cross as arguments of their own")]
#[allow(clippy::needless_pass_by_value, reason = "napi makes a vector of its own")]
pub fn send_labeled(
    port: u32,
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    length: u32,
    label: NativeLabel,
    keys: Vec<Option<String>>,
    first_tag: f64,
    from_source: bool,
    wait: bool,
) -> Result<i64> {
    let Ok(port) = registry::port(port) else { return Ok(CLOSED) };
    let mut items = tagged(items_of(kinds, ends, bytes, length)?, first_tag);
    label.put_on(&mut items);
    put_keys_on(&mut items, &keys);
    Ok(if wait { port.send(items, from_source) } else { port.try_send(items) })
}

/// An item of a source that never gets in: it counts as produced, and as a dead letter that JavaScript keeps.
#[napi(catch_unwind)]
pub fn reject_item(port: u32) {
    if let Ok(port) = registry::port(port) {
        port.port.reject();
    }
}

/// The items in these columns, where one kind is for all.
pub fn items_of(kinds: &[u8], ends: &[u32], bytes: &[u8], length: u32) -> Result<Items> {
    let kinds = match kinds {
        &[kind] => KindNumbers::One(kind),
        kinds => KindNumbers::Each(kinds),
    };
    Items::copy_blobs(&bytes[..length as usize], ends, kinds).map_err(|error| columns_error(&error))
}

/// Copies of large items.
pub fn large_items(items: &[Uint8ArraySlice<'_>]) -> Result<Items> {
    let copies = items.iter().map(|item| LargeBytes::try_copy_of(item)).collect::<std::result::Result<Vec<_>, _>>();
    copies.map(Items::from).map_err(|error| columns_error(&error))
}

/// Items whose tags count up from `first`; 0 is none.
fn tagged(mut items: Items, first: f64) -> Items {
    if first > 0.0 {
        for index in 0..items.len() {
            items.set_id(index, first as u64 + index as u64);
        }
    }
    items
}

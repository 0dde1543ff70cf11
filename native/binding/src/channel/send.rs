//! Items from JavaScript into a channel.

use std::pin::Pin;
use std::sync::MutexGuard;
use std::task::{Context, Poll, Waker};

use millrace_core::channel::{Cancelled, Credit, Producer, Sending, SendingCase};
use millrace_core::{Batch, Channel, Items, SendError, TrySendError};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use super::Attachment;
use super::block::{Patience, block_for};
use crate::environment::lock;
use crate::error::Result;
use crate::items::NativeItems;
use crate::label::NativeLabel;
use crate::registry;
use crate::send::{ABORTED, ADMITTED, CLOSED, DroppedItems, FULL, Pending, items_of, large_items, offered};

/// What a blocking send says while it is not through.
const WAITING: i64 = 1;

/// How a send takes it when there is no room. Shared with src/binding.ts.
const WAIT: u32 = 0;
const TRY: u32 = 1;
const OFFER: u32 = 3;

/// The sending side of an attachment.
pub struct Outlet {
    producer: Producer<Items>,
    pub credit: Credit<Items>,
    /// The send that blocks the thread.
    blocked: Option<Sending<Items>>,
    patience: Patience,
    dropped: DroppedItems,
}

impl Outlet {
    pub fn new(channel: &Channel<Items>, may_wait: bool) -> Self {
        let producer = channel.producer();
        Outlet {
            credit: producer.credit(),
            producer,
            blocked: None,
            patience: Patience::new(may_wait),
            dropped: DroppedItems::default(),
        }
    }

    /// A send that may happen in a select, behind all that was sent before.
    pub fn sending(&mut self, items: Items) -> SendingCase<Items> {
        self.credit.give_back();
        self.producer.sending(items)
    }

    pub fn end(&mut self) {
        self.blocked = None;
        self.credit.give_back();
    }

    /// Sends what was staged, then takes credit for `want` items more, or gives back what is left of it.
    fn spend(&mut self, items: Items, want: u32) -> i64 {
        self.credit.send(items);
        self.take_credit(want)
    }

    fn take_credit(&mut self, want: u32) -> i64 {
        if want == 0 {
            self.credit.give_back();
            return 0;
        }
        match self.credit.top_up(want as usize) {
            Err(SendError::Closed(())) if self.credit.held() == 0 => CLOSED,
            Err(SendError::Aborted(())) if self.credit.held() == 0 => ABORTED,
            _ => self.credit.held().cast_signed() as i64,
        }
    }
}

impl Attachment {
    fn send(&self, items: Items, mode: u32) -> i64 {
        let mut outlet = lock(&self.outlet);
        // What comes now must not overtake what is sent on credit, nor the other way round.
        outlet.credit.give_back();
        if mode == TRY {
            return match outlet.producer.try_send(items) {
                Ok(()) => ADMITTED,
                Err(TrySendError::Full(_)) => FULL,
                Err(TrySendError::Closed(_)) => CLOSED,
                Err(TrySendError::Aborted(_)) => ABORTED,
            };
        }
        if mode == OFFER {
            let count = items.len();
            let mut dropped = Vec::new();
            let outcome = outlet.producer.offer(items, |items| dropped.push(items));
            return outlet.dropped.keep(dropped, offered(count, outcome, &self.environment));
        }
        if mode == WAIT {
            let count = items.len();
            let pending = Pending::channel(outlet.producer.send(items), count);
            return self.begin(outlet, pending);
        }
        let mut sending = outlet.producer.send(items);
        match poll(&mut sending, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(admission) => admission,
            Poll::Pending => {
                outlet.blocked = Some(sending);
                WAITING
            }
        }
    }

    /// Sends the first `credited` items on credit, which are all of it, and the others as sends of their own.
    fn send_each(&self, mut items: Items, credited: u32) -> i64 {
        let mut outlet = lock(&self.outlet);
        if credited > 0 {
            outlet.credit.send(items.split_front(credited as usize));
        }
        outlet.credit.give_back();
        let count = items.len();
        let pending = Pending::channel_each(outlet.producer.send_each(items), count);
        self.begin(outlet, pending)
    }

    /// Lets a send wait that has to.
    fn begin(&self, mut outlet: MutexGuard<'_, Outlet>, mut pending: Pending) -> i64 {
        let through = outlet.patience.poll(|| pending.poll(&mut Context::from_waker(Waker::noop())));
        drop(outlet);
        match through {
            Poll::Ready(progress) => Pending::over(progress).begin(&self.environment),
            Poll::Pending => pending.begin(&self.environment),
        }
    }
}

fn poll(sending: &mut Sending<Items>, context: &mut Context<'_>) -> Poll<i64> {
    Pin::new(sending).poll(context).map(|outcome| admission(&outcome))
}

fn admission(outcome: &std::result::Result<(), SendError<Items>>) -> i64 {
    match outcome {
        Ok(()) => ADMITTED,
        Err(SendError::Closed(_)) => CLOSED,
        Err(SendError::Aborted(_)) => ABORTED,
    }
}

/// Takes credit: room for up to `want` items, to be filled by the calls below. Returns how much there is now.
#[napi(catch_unwind)]
pub fn take_channel_credit(channel: u32, want: u32) -> Result<i64> {
    Ok(lock(&registry::attachment(channel)?.outlet).take_credit(want))
}

/// Sends numbers on credit, then takes credit for `want` items more, as `take_channel_credit` does.
#[napi(catch_unwind)]
pub fn spend_channel_numbers(channel: u32, values: &[f64], want: u32) -> Result<i64> {
    Ok(lock(&registry::attachment(channel)?.outlet).spend(Items::from(values.to_vec()), want))
}

#[napi(catch_unwind)]
pub fn spend_channel_blobs(
    channel: u32,
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    length: u32,
    want: u32,
) -> Result<i64> {
    let attachment = registry::attachment(channel)?;
    let items = items_of(kinds, ends, bytes, length)?;
    Ok(lock(&attachment.outlet).spend(items, want))
}

#[napi(catch_unwind)]
pub fn send_channel_numbers(channel: u32, values: &[f64], mode: u32) -> Result<i64> {
    Ok(registry::attachment(channel)?.send(Items::from(values.to_vec()), mode))
}

#[napi(catch_unwind)]
pub fn send_channel_blobs(
    channel: u32,
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    length: u32,
    mode: u32,
) -> Result<i64> {
    let attachment = registry::attachment(channel)?;
    Ok(attachment.send(items_of(kinds, ends, bytes, length)?, mode))
}

/// Sends the first `credited` items on credit, which are all of it. The others are sends of their own that found no room: an
/// `Admission`, or the id by which events tell how many of them were admitted, and how the rest ended.
#[napi(catch_unwind)]
pub fn send_channel_numbers_each(channel: u32, values: &[f64], credited: u32) -> Result<i64> {
    Ok(registry::attachment(channel)?.send_each(Items::from(values.to_vec()), credited))
}

#[napi(catch_unwind)]
pub fn send_channel_blobs_each(
    channel: u32,
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    length: u32,
    credited: u32,
) -> Result<i64> {
    let attachment = registry::attachment(channel)?;
    Ok(attachment.send_each(items_of(kinds, ends, bytes, length)?, credited))
}

/// As `send_channel_blobs`, for bytes that are large: each is copied once.
#[napi(catch_unwind)]
#[allow(clippy::needless_pass_by_value, reason = "napi makes a vector of its own")]
pub fn send_channel_large(channel: u32, items: Vec<Uint8ArraySlice>, mode: u32) -> Result<i64> {
    Ok(registry::attachment(channel)?.send(large_items(&items)?, mode))
}

/// As `send_channel_blobs`, for items that all get the same label.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "columns cross as arguments of their own")]
pub fn send_channel_labeled(
    channel: u32,
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    length: u32,
    label: NativeLabel,
    mode: u32,
) -> Result<i64> {
    let attachment = registry::attachment(channel)?;
    let mut items = items_of(kinds, ends, bytes, length)?;
    label.put_on(&mut items);
    Ok(attachment.send(items, mode))
}

/// Blocks for a slice of the send that blocks this thread.
#[napi(catch_unwind)]
pub fn block_channel_send(channel: u32, ms: f64) -> Result<i64> {
    let attachment = registry::attachment(channel)?;
    let Some(mut sending) = lock(&attachment.outlet).blocked.take() else { return Ok(CLOSED) };
    Ok(match block_for(ms, |context| poll(&mut sending, context)) {
        Poll::Ready(admission) => admission,
        Poll::Pending => {
            lock(&attachment.outlet).blocked = Some(sending);
            WAITING
        }
    })
}

/// Takes the item of the send that blocks this thread out, unless it has got in meanwhile.
#[napi(catch_unwind)]
pub fn cancel_channel_send(channel: u32) -> Result<i64> {
    let blocked = lock(&registry::attachment(channel)?.outlet).blocked.take();
    Ok(match blocked.map(Sending::cancel) {
        Some(Cancelled::Over(outcome)) => admission(&outcome),
        Some(Cancelled::Rest(_)) | None => FULL,
    })
}

/// From now on what this environment's sends drop is kept, for `take_channel_dropped`.
#[napi(catch_unwind)]
pub fn want_channel_dropped(channel: u32) -> Result<()> {
    lock(&registry::attachment(channel)?.outlet).dropped.want();
    Ok(())
}

/// What this environment's sends dropped.
#[napi(catch_unwind)]
pub fn take_channel_dropped(channel: u32) -> Result<Vec<NativeItems>> {
    Ok(lock(&registry::attachment(channel)?.outlet).dropped.take())
}

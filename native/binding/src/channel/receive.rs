//! Items of a channel for JavaScript.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use millrace_core::channel::{Ahead, ClaimWord, Held, Receiving, Taken};
use millrace_core::{Batch, Channel, Items, Lease, ReceiveError, TryReceiveError};
use napi::bindgen_prelude::{Either, Float64ArraySlice, Uint8Array, Uint32Array};
use napi_derive::napi;

use super::Attachment;
use super::block::{Patience, block_for};
use crate::chunk::Chunk;
use crate::consume::{ABORTED, ENDED, NOTHING};
use crate::environment::lock;
use crate::error::Result;
use crate::label::NativeLabel;
use crate::large::Large;
use crate::registry;

/// The receiving side of an attachment.
pub struct Inlet {
    channel: Channel<Items>,
    patience: Patience,
    /// The one place in the queue for all of its waits, which JavaScript serves in order.
    receiving: Receiving<Items>,
    waker: Waker,
    /// The place of the receive that blocks the thread.
    blocked: Option<Receiving<Items>>,
    /// What iterations take ahead.
    ahead: Option<Claimed>,
    leases: HashMap<u32, Lease<Items>>,
    last_lease: u32,
    /// The bytes of the last chunk, where they did not fit it.
    large: Large,
}

/// Items that JavaScript claims one by one, in memory that both sides see.
struct Claimed {
    // Dropped before the memory that its word is in.
    ahead: Ahead<Items>,
    _word: Uint32Array,
}

type Polled<T> = Poll<std::result::Result<T, ReceiveError>>;

fn now<T>(tried: std::result::Result<T, TryReceiveError>) -> Polled<T> {
    match tried {
        Ok(taken) => Poll::Ready(Ok(taken)),
        Err(TryReceiveError::Empty) => Poll::Pending,
        Err(TryReceiveError::Closed) => Poll::Ready(Err(ReceiveError::Closed)),
        Err(TryReceiveError::Aborted) => Poll::Ready(Err(ReceiveError::Aborted)),
    }
}

/// What comes without a place in the queue, for a while, and then by one. One who has a place gets what there is by that:
/// who takes another item would leave it there, with an item kept for it that nobody asks for.
fn wait_for<T>(
    patience: &mut Patience,
    receiving: &mut Receiving<Items>,
    look: impl FnMut() -> Polled<T>,
    queue: impl FnOnce(&mut Receiving<Items>) -> Polled<T>,
) -> Polled<T> {
    if !receiving.is_waiting() {
        let tried = patience.poll(look);
        if tried.is_ready() {
            return tried;
        }
    }
    let polled = queue(receiving);
    if polled.is_ready() {
        patience.waited();
    }
    polled
}

fn code(end: ReceiveError) -> i32 {
    match end {
        ReceiveError::Closed => ENDED,
        ReceiveError::Aborted => ABORTED,
    }
}

impl Inlet {
    pub fn new(channel: &Channel<Items>, waker: Waker, may_wait: bool) -> Self {
        Inlet {
            channel: channel.clone(),
            patience: Patience::new(may_wait),
            receiving: channel.receive_async(1),
            waker,
            blocked: None,
            ahead: None,
            leases: HashMap::new(),
            last_lease: 0,
            large: Large::None,
        }
    }

    /// Gives back what was not claimed and not settled, and waits no more.
    pub fn end(&mut self) {
        self.receiving.rest();
        self.blocked = None;
        if let Some(mut claimed) = self.ahead.take() {
            claimed.ahead.tell();
        }
        self.leases.clear();
    }

    /// Fills the chunk with up to `max` items, which are handed over.
    fn fill(
        &mut self,
        mut chunk: Chunk<'_>,
        max: usize,
        mut first: impl FnMut(&mut Self, usize) -> Polled<Held<Items>>,
    ) -> i32 {
        self.large = Large::None;
        let mut more = true;
        while chunk.count() < max && chunk.room() > 0 {
            let most = (max - chunk.count()).min(chunk.room());
            let taken = if chunk.count() == 0 { first(self, most) } else { now(self.channel.try_hold(most)) };
            let mut held = match taken {
                Poll::Ready(Ok(held)) => held,
                // Where something was taken, the end comes with the next call.
                _ if chunk.count() > 0 => {
                    more = false;
                    break;
                }
                Poll::Ready(Err(end)) => return code(end),
                Poll::Pending => return NOTHING,
            };
            let fitting = chunk.fit_owned(held.batch());
            let all = fitting == held.batch().len();
            if fitting == 0 {
                break;
            }
            let part = if all { held.hand_over() } else { held.split_front(fitting).hand_over() };
            self.large.add(chunk.add_owned(part));
            if !all {
                break;
            }
        }
        chunk.finish_for_channel(more)
    }

    /// Fills the chunk with up to `max` items, which are to be claimed.
    fn fill_ahead(&mut self, mut chunk: Chunk<'_>, max: usize, wait: bool) -> i32 {
        let Some(Claimed { ahead, .. }) = &mut self.ahead else { return NOTHING };
        ahead.tell();
        self.large = Large::None;
        let mut parts: Vec<Taken<Items>> = Vec::new();
        while chunk.count() < max && chunk.room() > 0 {
            let most = (max - chunk.count()).min(chunk.room());
            let polled = if wait && parts.is_empty() {
                wait_for(
                    &mut self.patience,
                    &mut self.receiving,
                    || now(ahead.try_take(most)),
                    |receiving| receiving.poll_taken(&mut Context::from_waker(&self.waker), most),
                )
            } else {
                now(ahead.try_take(most))
            };
            let mut taken = match polled {
                Poll::Ready(Ok(taken)) => taken,
                _ if !parts.is_empty() => break,
                Poll::Ready(Err(end)) => return code(end),
                Poll::Pending => return NOTHING,
            };
            let fitting = chunk.fit(taken.batch());
            let all = fitting == taken.batch().len();
            let part = if all {
                taken
            } else {
                let part = (fitting > 0).then(|| taken.split_front(fitting));
                ahead.put_back(taken);
                let Some(part) = part else { break };
                part
            };
            self.large.add(chunk.add(part.batch()));
            parts.push(part);
            if !all {
                break;
            }
        }
        ahead.publish(parts);
        chunk.finish(0)
    }

    fn poll_hold(&mut self, wait: bool, max: usize) -> Polled<Held<Items>> {
        if !wait {
            return now(self.channel.try_hold(max));
        }
        wait_for(
            &mut self.patience,
            &mut self.receiving,
            || now(self.channel.try_hold(max)),
            |receiving| receiving.poll_hold(&mut Context::from_waker(&self.waker), max),
        )
    }

    fn poll_lease(&mut self, wait: bool) -> Polled<Lease<Items>> {
        if wait {
            self.receiving.poll_lease(&mut Context::from_waker(&self.waker), 1)
        } else {
            now(self.channel.try_lease(1))
        }
    }
}

impl Attachment {
    fn fill(&self, fill: impl FnOnce(&mut Inlet, Chunk<'_>) -> i32) -> i32 {
        let outcome = self.environment.with_chunk(|chunk| fill(&mut lock(&self.inlet), chunk));
        if outcome < NOTHING {
            self.entry.unpin_if_ended();
        }
        outcome
    }
}

/// Takes up to `max` items for good; returns how many, or a `Take`. With `wait` an event comes when there may be some.
#[napi(catch_unwind)]
pub fn take_channel_items(channel: u32, max: u32, wait: bool) -> Result<i32> {
    Ok(registry::attachment(channel)?
        .fill(|inlet, chunk| inlet.fill(chunk, max as usize, |inlet, want| inlet.poll_hold(wait, want))))
}

/// Where this environment claims items that it takes ahead: the first of two words, the second of which is not used.
#[napi(catch_unwind)]
pub fn claim_channel_items(channel: u32, mut word: Uint32Array) -> Result<()> {
    let attachment = registry::attachment(channel)?;
    // SAFETY: the array is ours; what is taken from it here is the place of its memory.
    let claims = NonNull::from(&mut unsafe { word.as_mut() }[0]);
    // SAFETY: aligned as an element of its array is. The memory lives as long as the array, which is dropped after what uses
    // it, also where this panics: locals go before arguments. JavaScript uses `Atomics`.
    let ahead = attachment.entry.channel.ahead(unsafe { ClaimWord::new(claims) }, false);
    lock(&attachment.inlet).ahead = Some(Claimed { ahead, _word: word });
    Ok(())
}

/// As `take_channel_items`, but the items stay in the channel until they are claimed, and others may take them away.
#[napi(catch_unwind)]
pub fn take_channel_items_ahead(channel: u32, max: u32, wait: bool) -> Result<i32> {
    Ok(registry::attachment(channel)?.fill(|inlet, chunk| inlet.fill_ahead(chunk, max as usize, wait)))
}

/// Frees the room of the items that were claimed.
#[napi(catch_unwind)]
pub fn tell_channel_claims(channel: u32) -> Result<()> {
    if let Some(claimed) = &mut lock(&registry::attachment(channel)?.inlet).ahead {
        claimed.ahead.tell();
    }
    Ok(())
}

/// Puts the items that were not claimed back to the front.
#[napi(catch_unwind)]
pub fn give_channel_items_back(channel: u32) -> Result<()> {
    if let Some(claimed) = &mut lock(&registry::attachment(channel)?.inlet).ahead {
        claimed.ahead.tell();
        claimed.ahead.give_up();
    }
    Ok(())
}

/// Nobody waits for items any more.
#[napi(catch_unwind)]
pub fn rest_channel(channel: u32) -> Result<()> {
    lock(&registry::attachment(channel)?.inlet).receiving.rest();
    Ok(())
}

/// Blocks for a slice, until there is an item, which it takes for good.
#[napi(catch_unwind)]
pub fn block_channel_receive(channel: u32, ms: f64) -> Result<i32> {
    let attachment = registry::attachment(channel)?;
    // No lock is held across the wait.
    let (blocked, mut patience) = {
        let mut inlet = lock(&attachment.inlet);
        (inlet.blocked.take(), inlet.patience)
    };
    let channel = &attachment.entry.channel;
    let mut receiving = blocked.unwrap_or_else(|| channel.receive_async(1));
    let block = |receiving: &mut Receiving<Items>| block_for(ms, |context| receiving.poll_hold(context, 1));
    let polled = if ms > 0.0 {
        wait_for(&mut patience, &mut receiving, || now(channel.try_hold(1)), block)
    } else {
        block(&mut receiving)
    };
    {
        let mut inlet = lock(&attachment.inlet);
        inlet.patience = patience;
        if polled.is_pending() {
            inlet.blocked = Some(receiving);
            return Ok(NOTHING);
        }
    }
    let mut polled = Some(polled);
    Ok(attachment.fill(|inlet, chunk| inlet.fill(chunk, 1, |_, _| polled.take().unwrap_or(Poll::Pending))))
}

/// The thread does not wait any more.
#[napi(catch_unwind)]
pub fn cancel_channel_receive(channel: u32) -> Result<()> {
    lock(&registry::attachment(channel)?.inlet).blocked = None;
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_large_channel_items(channel: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    Ok(lock(&registry::attachment(channel)?.inlet).large.take())
}

/// Leases one item; returns 1 or a `Take`. `lease` gets the number of the lease, the attempt, the number that is the
/// item's id unless its sender gave it one, and whether the sender gave it a label.
#[napi(catch_unwind)]
pub fn lease_channel_item(channel: u32, wait: bool, mut lease: Float64ArraySlice) -> Result<i32> {
    let attachment = registry::attachment(channel)?;
    Ok(attachment.fill(|inlet, mut chunk| {
        let mut leased = match inlet.poll_lease(wait) {
            Poll::Ready(Ok(leased)) => leased,
            Poll::Ready(Err(end)) => return code(end),
            Poll::Pending => return NOTHING,
        };
        let label = attachment.entry.label(&mut leased);
        inlet.last_lease = inlet.last_lease.wrapping_add(1);
        // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
        let row = unsafe { lease.as_mut() };
        row[0] = f64::from(inlet.last_lease);
        row[1] = f64::from(leased.attempt());
        row[2] = label.number as f64;
        row[3] = f64::from(u8::from(label.id.is_some() || label.headers.is_some()));
        inlet.large = chunk.add(&leased);
        inlet.leases.insert(inlet.last_lease, leased);
        chunk.finish(0)
    }))
}

/// What the sender of a leased item gave it.
#[napi(catch_unwind)]
pub fn channel_lease_label(channel: u32, lease: u32) -> Result<Option<NativeLabel>> {
    let attachment = registry::attachment(channel)?;
    let inlet = lock(&attachment.inlet);
    let label = inlet.leases.get(&lease).and_then(|lease| lease.label(0));
    Ok(label.map(|label| NativeLabel::from(&**label)))
}

/// Ends a lease: its item is done with, or goes back for another attempt. False where it has ended before.
#[napi(catch_unwind)]
pub fn end_channel_lease(channel: u32, lease: u32, settled: bool) -> Result<bool> {
    let attachment = registry::attachment(channel)?;
    let Some(lease) = lock(&attachment.inlet).leases.remove(&lease) else { return Ok(false) };
    if settled {
        lease.settle();
        attachment.entry.unpin_if_ended();
    } else {
        lease.retry();
    }
    Ok(true)
}

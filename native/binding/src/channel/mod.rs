//! Channels that JavaScript made: their life, and their state to look at.
//!
//! | module | what crosses |
//! |---|---|
//! | `entry` | a channel of the process, and how long it lives |
//! | `order` | lanes and a rate, as options |
//! | `attachment` | one handle to a channel, in one environment |
//! | `send` | items on credit, items that may have to wait, items of a blocked thread |
//! | `receive` | items, held ahead or handed over at once, and leases |
//! | `select` | one of several sends and receives |
//! | `block` | the waits of a worker thread, slice by slice |

mod attachment;
mod block;
mod entry;
mod order;
mod receive;
mod select;
mod send;

pub use attachment::Attachment;
pub use entry::Entry;
pub use order::NativeOrder;
pub use select::Selects;

use std::sync::Arc;

use napi::Env;
use napi_derive::napi;

use crate::error::{Result, error};
use crate::items::{NativeItems, in_parts};
use crate::registry;
use crate::spec;

/// What a token needs to name its channel.
#[napi(object)]
pub struct NativeToken {
    pub handle: u32,
    pub id: String,
}

/// A channel's figures, as src/channel has them.
#[napi(object)]
pub struct NativeChannelStats {
    pub capacity: f64,
    pub queued: f64,
    pub peak_queued: f64,
    pub waiting_sends: f64,
    pub leased: f64,
    pub discarded: f64,
    pub dropped: f64,
}

/// What an attachment needs to know of its channel.
#[napi(object)]
pub struct NativeAttachment {
    pub handle: u32,
    /// The channel's own handle, as in its token.
    pub channel: u32,
    pub capacity: u32,
    /// Infinity for no limit.
    pub max_waiting: f64,
    /// One of `Overflow`, as in src/binding.ts.
    pub overflow: u32,
    /// 0 for none.
    pub priorities: u8,
}

impl NativeAttachment {
    fn of(attachment: Attachment) -> Self {
        let (entry, handle) = (Arc::clone(&attachment.entry), attachment.handle);
        registry::add_attachment(handle, Arc::new(attachment));
        NativeAttachment {
            handle,
            channel: entry.handle,
            capacity: entry.channel.capacity() as u32,
            max_waiting: entry.max_waiting,
            overflow: entry.channel.overflow() as u32,
            priorities: entry.priorities,
        }
    }
}

#[napi(catch_unwind)]
#[allow(clippy::needless_pass_by_value, reason = "napi makes an object of its own")]
pub fn create_channel(
    env: Env,
    environment: u32,
    id: String,
    capacity: u32,
    max_waiting: f64,
    order: NativeOrder,
    overflow: u32,
) -> Result<NativeAttachment> {
    let environment = registry::environment(environment)?;
    let options = order.options(capacity).overflow(spec::overflow(overflow));
    let entry = Entry::new(environment.handle(), id, (&options, order.priorities), max_waiting)
        .map_err(|refused| error("ERR_MILLRACE_INVALID_OPTION", refused.to_string()))?;
    registry::add_channel(entry.handle, Arc::clone(&entry));
    tell_collector(env, bytes_of(&entry));
    Ok(NativeAttachment::of(Attachment::new(environment, entry, true)))
}

/// Null where the token's channel is gone, or never was.
#[napi(catch_unwind)]
#[allow(clippy::needless_pass_by_value, reason = "napi makes a string of its own")]
pub fn attach_channel(environment: u32, handle: u32, id: String) -> Result<Option<NativeAttachment>> {
    let environment = registry::environment(environment)?;
    let Some(entry) = registry::channel(handle).filter(|entry| entry.admits(&id)) else { return Ok(None) };
    Ok(Some(NativeAttachment::of(Attachment::new(environment, entry, false))))
}

/// Gives back what the attachment holds: credit, items that were not handed over, leases.
#[napi(catch_unwind)]
pub fn detach_channel(env: Env, channel: u32) {
    let Some(attachment) = registry::remove_attachment(channel) else { return };
    attachment.end();
    if attachment.creator {
        tell_collector(env, -bytes_of(&attachment.entry));
    }
}

fn bytes_of(entry: &Entry) -> i64 {
    i64::try_from(entry.channel.slot_bytes()).unwrap_or(i64::MAX)
}

/// That a channel takes so much more memory. The collector sees a few small objects of it, and would let many thousands of
/// dropped channels lie.
fn tell_collector(env: Env, bytes: i64) {
    // It is told as a hint, and can do without.
    let _ = env.adjust_external_memory(bytes);
}

/// Read by its creator, a token keeps the channel alive.
#[napi(catch_unwind)]
pub fn channel_token(channel: u32) -> Result<NativeToken> {
    let attachment = registry::attachment(channel)?;
    if attachment.creator {
        attachment.entry.pin();
    }
    Ok(attachment.entry.token())
}

#[napi(catch_unwind)]
pub fn close_channel(channel: u32) -> Result<()> {
    let attachment = registry::attachment(channel)?;
    attachment.give_credit_back();
    attachment.entry.channel.close();
    attachment.entry.unpin_if_ended();
    Ok(())
}

/// What was queued, for the first caller.
#[napi(catch_unwind)]
pub fn abort_channel(channel: u32, message: String) -> Result<Vec<NativeItems>> {
    let attachment = registry::attachment(channel)?;
    attachment.give_credit_back();
    let queued = attachment.entry.abort(message);
    attachment.entry.unpin_if_ended();
    Ok(queued.into_iter().flat_map(in_parts).collect())
}

/// Why it was aborted; null where it was not, or nothing is attached by this handle any more.
#[napi(catch_unwind)]
pub fn channel_abort_message(channel: u32) -> Option<String> {
    registry::attachment(channel).ok().and_then(|attachment| attachment.entry.abort_message())
}

#[napi(catch_unwind)]
pub fn channel_length(channel: u32) -> Result<u32> {
    Ok(registry::attachment(channel)?.entry.channel.len() as u32)
}

#[napi(catch_unwind)]
pub fn channel_is_closed(channel: u32) -> Result<bool> {
    Ok(registry::attachment(channel)?.entry.channel.is_closed())
}

#[napi(catch_unwind)]
pub fn channel_stats(channel: u32) -> Result<NativeChannelStats> {
    let stats = registry::attachment(channel)?.entry.channel.stats();
    Ok(NativeChannelStats {
        capacity: stats.capacity as f64,
        queued: stats.length as f64,
        peak_queued: stats.peak as f64,
        waiting_sends: stats.waiting_sends as f64,
        leased: stats.leased as f64,
        discarded: stats.discarded as f64,
        dropped: stats.dropped as f64,
    })
}

/// The environment is gone, and with it all that it held of channels.
pub fn environment_ended(environment: u32) {
    for attachment in registry::remove_attachments_of(environment) {
        attachment.end();
    }
    for entry in registry::channels_of(environment) {
        entry.unpin();
    }
}

//! How a channel is made.

/// Options of a channel; see [`Channel::with_options`](super::Channel::with_options).
///
/// ```
/// use millrace_core::Channel;
/// use millrace_core::channel::{ChannelOptions, Overflow};
///
/// let latest = Channel::<Vec<u32>>::with_options(ChannelOptions::new(1).overflow(Overflow::DropOldest))?;
/// # Ok::<(), millrace_core::CapacityError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelOptions {
    /// The most items in it, from 1 to [`MAX_CAPACITY`](super::MAX_CAPACITY).
    pub capacity: usize,
    /// What an [`offer`](super::Channel::offer) does that finds no room.
    pub overflow: Overflow,
}

impl ChannelOptions {
    /// A channel for at most `capacity` items, all else by default.
    pub fn new(capacity: usize) -> Self {
        ChannelOptions { capacity, overflow: Overflow::Wait }
    }

    /// Sets what an offer does that finds no room.
    #[must_use]
    pub fn overflow(self, overflow: Overflow) -> Self {
        ChannelOptions { overflow, ..self }
    }
}

/// What an [`offer`](super::Channel::offer) does that finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Nothing: whoever offers is to send, and to wait for room.
    #[default]
    Wait,
    /// It is refused.
    Reject,
    /// What is offered is dropped.
    DropNewest,
    /// The oldest items that are still in the channel make room.
    DropOldest,
}

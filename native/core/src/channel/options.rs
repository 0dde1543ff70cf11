//! What a channel is made with.

use std::time::Duration;

use super::permits::MAX_CAPACITY;
use crate::options::OptionError;

/// The most lanes of a channel.
pub const MAX_LANES: u8 = 16;

/// What [`Channel::with_options`](super::Channel::with_options) makes a channel with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelOptions {
    /// The most items in it, from 1 to [`MAX_CAPACITY`].
    pub capacity: usize,
    /// How many lanes it has, from 1 to [`MAX_LANES`]. The items of the highest go first.
    pub lanes: u8,
    /// A lane that has items and gets none handled counts as one lane higher after this time, and again after each
    /// further one.
    pub aging: Duration,
    /// How many items are handed over in a time, at the most.
    pub rate: Option<Rate>,
    /// What an [`offer`](super::Channel::offer) does that finds no room.
    pub overflow: Overflow,
}

/// At most `limit` items are handed over in `per`, by all receivers together. What was not used up is kept for 10 ms: so
/// many of them, or one, may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Items, at least 1.
    pub limit: u64,
    /// More than 0.
    pub per: Duration,
}

impl ChannelOptions {
    /// One lane, which ages in a second, and no rate.
    pub fn new(capacity: usize) -> Self {
        ChannelOptions { capacity, lanes: 1, aging: Duration::from_secs(1), rate: None, overflow: Overflow::Wait }
    }

    /// Sets what an offer does that finds no room.
    #[must_use]
    pub fn overflow(self, overflow: Overflow) -> Self {
        ChannelOptions { overflow, ..self }
    }

    /// # Errors
    /// Names the first option that is out of range.
    pub(super) fn check(&self) -> Result<(), OptionError> {
        let outside = |option, expected: String, got: String| Err(OptionError::new(option, expected, got));
        if !(1..=MAX_CAPACITY).contains(&self.capacity) {
            return outside("capacity", format!("1 to {MAX_CAPACITY} items"), self.capacity.to_string());
        }
        if !(1..=MAX_LANES).contains(&self.lanes) {
            return outside("lanes", format!("1 to {MAX_LANES}"), self.lanes.to_string());
        }
        if self.aging.is_zero() {
            return outside("aging", "more than 0".to_owned(), format!("{:?}", self.aging));
        }
        match self.rate {
            Some(rate) if rate.limit == 0 => outside("rate.limit", "at least 1".to_owned(), "0".to_owned()),
            Some(rate) if rate.per.is_zero() => outside("rate.per", "more than 0".to_owned(), "0".to_owned()),
            _ => Ok(()),
        }
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

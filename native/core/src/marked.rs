//! A batch whose items have lanes and keys, for Rust users.

use std::collections::VecDeque;

use crate::batch::{Batch, Collect};

/// Items that have lanes and keys.
///
/// ```
/// use millrace_core::channel::ChannelOptions;
/// use millrace_core::{Channel, Marked};
///
/// let channel = Channel::with_options(&ChannelOptions { lanes: 2, ..ChannelOptions::new(10) })?;
/// channel.send(Marked::one("later", 0, 0)).expect("open");
/// channel.send(Marked::one("now", 1, 0)).expect("open");
/// assert_eq!(channel.receive(1).map(Vec::from), Ok(vec!["now"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T>(VecDeque<(T, u8, u64)>);

impl<T> Default for Marked<T> {
    fn default() -> Self {
        Marked(VecDeque::new())
    }
}

impl<T> Marked<T> {
    /// A single item.
    pub fn one(item: T, lane: u8, key: u64) -> Self {
        Marked(VecDeque::from([(item, lane, key)]))
    }

    /// Adds an item. Lane 0 is the lowest, key 0 is none.
    pub fn push(&mut self, item: T, lane: u8, key: u64) {
        self.0.push_back((item, lane, key));
    }

    /// The items without their lanes and keys, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter().map(|(item, ..)| item)
    }
}

impl<T> From<Marked<T>> for Vec<T> {
    fn from(marked: Marked<T>) -> Self {
        marked.0.into_iter().map(|(item, ..)| item).collect()
    }
}

impl<T> FromIterator<(T, u8, u64)> for Marked<T> {
    fn from_iter<I: IntoIterator<Item = (T, u8, u64)>>(items: I) -> Self {
        Marked(items.into_iter().collect())
    }
}

impl<T: Send + 'static> Batch for Marked<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn lane(&self, index: usize) -> u8 {
        self.0[index].1
    }

    fn key(&self, index: usize) -> u64 {
        self.0[index].2
    }

    fn is_marked(&self) -> bool {
        true
    }

    fn split_off(&mut self, at: usize) -> Self {
        Marked(self.0.split_off(at))
    }

    fn split_front(&mut self, n: usize) -> Self {
        Marked(self.0.drain(..n).collect())
    }
}

impl<T: Send + 'static> Collect for Marked<T> {
    fn with_capacity(items: usize) -> Self {
        Marked(VecDeque::with_capacity(items))
    }

    fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

//! What goes with an item beside its value.

use std::collections::VecDeque;
use std::sync::Arc;

/// What goes with an item from its send to its last attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// The id that its sender gave it.
    pub id: Option<Box<str>>,
    /// An id that it got on the way, where its sender gave none; 0 is none.
    pub number: u64,
    /// Its headers, as JSON.
    pub headers: Option<Box<str>>,
}

/// The optional column of labels, which may be shorter than the batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels(VecDeque<Option<Arc<Label>>>);

impl Labels {
    pub fn get(&self, index: usize) -> Option<&Arc<Label>> {
        self.0.get(index)?.as_ref()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn set(&mut self, index: usize, label: Arc<Label>) {
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = Some(label);
    }

    /// Adds those of another batch to the first `len`.
    pub fn append(&mut self, len: usize, mut other: Labels) {
        if !other.0.is_empty() {
            self.0.resize(len, None);
            self.0.append(&mut other.0);
        }
    }

    pub fn split_front(&mut self, n: usize) -> Self {
        Labels(self.0.drain(..n.min(self.0.len())).collect())
    }
}

//! What goes with an item beside its value.

use std::sync::Arc;

use millrace_core::{Batch, Items, Label, key_of};
use napi_derive::napi;

/// What a sender gives an item beside its value; headers as JSON. To JavaScript, the first two go back.
#[napi(object)]
pub struct NativeLabel {
    pub id: Option<String>,
    pub headers: Option<String>,
    pub priority: Option<u8>,
    pub key: Option<String>,
}

impl From<&Label> for NativeLabel {
    fn from(label: &Label) -> Self {
        NativeLabel {
            id: label.id.as_deref().map(str::to_owned),
            headers: label.headers.as_deref().map(str::to_owned),
            priority: None,
            key: None,
        }
    }
}

impl NativeLabel {
    /// Gives all of it to each of `items`.
    pub fn put_on(self, items: &mut Items) {
        let NativeLabel { id, headers, priority, key } = self;
        let key = hash_of(key.as_deref());
        for index in 0..items.len() {
            items.set_lane(index, priority.unwrap_or(0));
            items.set_key(index, key);
        }
        if id.is_some() || headers.is_some() {
            let label = Arc::new(Label { id: id.map(Into::into), number: 0, headers: headers.map(Into::into) });
            (0..items.len()).for_each(|index| items.set_label(index, Arc::clone(&label)));
        }
    }
}

/// Gives each of `items` a key of its own, where it has one.
pub fn put_keys_on(items: &mut Items, keys: &[Option<String>]) {
    for (index, key) in keys.iter().enumerate().take(items.len()) {
        items.set_key(index, hash_of(key.as_deref()));
    }
}

fn hash_of(key: Option<&str>) -> u64 {
    key.map_or(0, |key| key_of(key.as_bytes()))
}

/// The labels of several items: those that follow each other with the same one share it.
#[napi(object)]
pub struct NativeLabels {
    pub labels: Vec<NativeLabel>,
    /// For each item the place of its label, from 1; 0 where it has none.
    pub places: Vec<u32>,
}

impl NativeLabels {
    pub fn of<'a>(items: impl Iterator<Item = Option<&'a Arc<Label>>>) -> Self {
        let mut labels = Vec::new();
        let mut last: Option<&Arc<Label>> = None;
        let place = |label: Option<&'a Arc<Label>>| {
            let Some(label) = label else { return 0 };
            if !last.is_some_and(|last| Arc::ptr_eq(last, label)) {
                labels.push(NativeLabel::from(&**label));
                last = Some(label);
            }
            labels.len() as u32
        };
        let places = items.map(place).collect();
        NativeLabels { labels, places }
    }
}

/// The labels of a batch's items.
pub fn labels_in(items: &Items) -> impl Iterator<Item = Option<&Arc<Label>>> {
    (0..items.len()).map(|index| items.label(index))
}

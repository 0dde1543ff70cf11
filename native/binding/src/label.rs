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

/// The labels of items, one after the other.
pub fn labels_of<'a>(batches: impl Iterator<Item = &'a Items>) -> Vec<Option<NativeLabel>> {
    batches
        .flat_map(|items| (0..items.len()).map(|index| items.label(index).map(|label| NativeLabel::from(&**label))))
        .collect()
}

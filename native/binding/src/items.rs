//! Items that cross in arrays of their own: few, or for once.

use millrace_core::{Batch, Items, Kind, KindView, LargeBytes, View};
use napi::bindgen_prelude::{Uint8Array, Uint32Array};
use napi_derive::napi;

/// Items in columns: one after the other in `bytes`, item `i` ending at `ends[i]`.
#[napi(object)]
pub struct NativeItems {
    pub kinds: Uint8Array,
    pub ends: Uint32Array,
    pub bytes: Uint8Array,
}

impl From<&Items> for NativeItems {
    /// # Panics
    /// For more than 4 GiB: see [`in_parts`].
    fn from(items: &Items) -> Self {
        match items.view(0..items.len()) {
            View::Numbers(values) => NativeItems {
                kinds: vec![Kind::Number as u8; values.len()].into(),
                ends: (1..=values.len() as u32).map(|n| n * 8).collect::<Vec<_>>().into(),
                bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>().into(),
            },
            View::Blobs(blobs) => NativeItems {
                kinds: match blobs.kinds {
                    KindView::One(kind) => vec![kind as u8; items.len()].into(),
                    KindView::Each(kinds) => kinds.iter().map(|kind| *kind as u8).collect::<Vec<_>>().into(),
                },
                ends: blobs.ends().collect::<Vec<_>>().into(),
                bytes: blobs.bytes.to_vec().into(),
            },
            View::Large(large) => NativeItems {
                kinds: vec![Kind::Bytes as u8; large.len()].into(),
                ends: ends_of(large).into(),
                bytes: large.iter().flat_map(|item| item.iter().copied()).collect::<Vec<_>>().into(),
            },
        }
    }
}

fn ends_of(large: &[LargeBytes]) -> Vec<u32> {
    let mut end = 0;
    let ends = large.iter().map(|item| {
        end += item.len() as u32;
        end
    });
    ends.collect()
}

/// All of `items`, in as many parts as 32-bit places need.
pub fn in_parts(mut items: Items) -> Vec<NativeItems> {
    let mut parts = Vec::new();
    while !items.is_empty() {
        let count = items.fit(usize::MAX, u32::MAX as usize);
        parts.push(NativeItems::from(&items.split_front(count)));
    }
    parts
}

/// The kinds by name, for the test that compares them with src/codec/kind.ts.
#[napi(catch_unwind)]
pub fn item_kinds() -> std::collections::HashMap<String, u32> {
    Kind::ALL.into_iter().map(|kind| (format!("{kind:?}"), kind as u32)).collect()
}

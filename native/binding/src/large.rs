//! Items of a chunk that don't lie in it.

use millrace_core::{LARGE_BYTES, LargeBytes};
use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;

/// What did not fit the last chunk, until JavaScript takes it.
#[derive(Default)]
pub enum Large {
    #[default]
    None,
    /// The bytes of all items of the chunk: of one, and others that have none.
    Bytes(Vec<u8>),
    /// Each item.
    Items(Vec<LargeBytes>),
}

impl Large {
    /// Adds what else did not fit the same chunk.
    pub fn add(&mut self, other: Large) {
        match (&mut *self, other) {
            (_, Large::None) => {}
            (Large::Items(ours), Large::Items(mut theirs)) => ours.append(&mut theirs),
            (_, other) => *self = other,
        }
    }

    /// As JavaScript gets it.
    pub fn take(&mut self) -> Either<Uint8Array, Vec<Uint8Array>> {
        match std::mem::take(self) {
            Large::None => Either::A(Vec::new().into()),
            Large::Bytes(bytes) => Either::A(bytes.into()),
            Large::Items(items) => Either::B(items.into_iter().map(into_array).collect()),
        }
    }
}

/// Gives JavaScript the item's own memory, or a copy where the engine wants all memory to be its own.
fn into_array(mut item: LargeBytes) -> Uint8Array {
    let (place, length) = (item.as_mut_ptr(), item.len());
    // SAFETY: the memory is the item's and nobody else's. It is kept, and not touched, until the array's buffer was
    // collected or its environment ended, which is when the function runs, and goes to be used again only there.
    unsafe { Uint8Array::with_external_data(place, length, move |_, _| drop(item)) }
}

/// From how many bytes on items lie in memory of their own, for the test that compares it with src/codec/large.ts.
#[napi(catch_unwind)]
pub fn large_item_bytes() -> u32 {
    LARGE_BYTES as u32
}

//! An item as the plainest data there are.

use std::sync::Arc;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use millrace_core::{FileDigest, Item, Kind, Label};

/// One item and all that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modelled {
    pub kind: Kind,
    /// Its bytes as they lie in a column.
    pub blob: Vec<u8>,
    pub id: u64,
    pub key: u64,
    pub lane: u8,
    pub label: Option<Arc<Label>>,
}

impl Modelled {
    fn new(kind: Kind, blob: Vec<u8>) -> Self {
        Modelled { kind, blob, id: 0, key: 0, lane: 0, label: None }
    }

    /// An item of any kind that is well-formed.
    pub fn any(input: &mut Unstructured) -> Result<Self> {
        let kind = *input.choose(&Kind::ALL)?;
        let mut blob: Vec<u8> = match kind {
            Kind::Undefined | Kind::Null | Kind::False | Kind::True => Vec::new(),
            Kind::Number => input.arbitrary::<[u8; 8]>()?.to_vec(),
            _ => input.arbitrary()?,
        };
        match kind {
            Kind::Text16 if !blob.len().is_multiple_of(2) => {
                blob.pop();
            }
            Kind::FileDigest | Kind::FileDigestRaw => {
                let digits = u8::try_from(input.int_in_range(0..=blob.len().min(255))?).expect("at most 255");
                blob.insert(0, digits);
            }
            _ => {}
        }
        Ok(Modelled::new(kind, blob))
    }

    pub fn number(value: f64) -> Self {
        Modelled::new(Kind::Number, value.to_le_bytes().to_vec())
    }

    pub fn bytes(bytes: &[u8]) -> Self {
        Modelled::new(Kind::Bytes, bytes.to_vec())
    }

    /// The item of `kind` that `blob` is, where it is one.
    pub fn parse(kind: Kind, blob: &[u8]) -> Option<Self> {
        let formed = match kind {
            Kind::Undefined | Kind::Null | Kind::False | Kind::True => blob.is_empty(),
            Kind::Number => blob.len() == 8,
            Kind::Text16 => blob.len().is_multiple_of(2),
            Kind::FileDigest | Kind::FileDigestRaw => !blob.is_empty() && blob.len() > usize::from(blob[0]),
            Kind::Text | Kind::Latin1 | Kind::Bytes | Kind::Value | Kind::Packed => true,
        };
        formed.then(|| Modelled::new(kind, blob.to_vec()))
    }

    pub fn of(item: &Item) -> Self {
        let blob = match item {
            Item::Undefined | Item::Null | Item::Boolean(_) => Vec::new(),
            Item::Number(value) => value.to_le_bytes().to_vec(),
            Item::Text(bytes)
            | Item::Text16(bytes)
            | Item::Latin1(bytes)
            | Item::Bytes(bytes)
            | Item::Value(bytes)
            | Item::Packed(bytes) => bytes.to_vec(),
            Item::FileDigest(FileDigest { digest, path, .. }) => {
                let digits = u8::try_from(digest.len()).expect("at most 255 digits");
                [&[digits], *digest, *path].concat()
            }
        };
        Modelled::new(item.kind(), blob)
    }

    pub fn item(&self) -> Item<'_> {
        let blob = &*self.blob;
        match self.kind {
            Kind::Undefined => Item::Undefined,
            Kind::Null => Item::Null,
            Kind::False => Item::Boolean(false),
            Kind::True => Item::Boolean(true),
            Kind::Number => Item::Number(f64::from_le_bytes(blob.try_into().expect("8 bytes"))),
            Kind::Text => Item::Text(blob),
            Kind::Text16 => Item::Text16(blob),
            Kind::Latin1 => Item::Latin1(blob),
            Kind::Bytes => Item::Bytes(blob),
            Kind::Value => Item::Value(blob),
            Kind::Packed => Item::Packed(blob),
            Kind::FileDigest | Kind::FileDigestRaw => {
                let (digest, path) = blob[1..].split_at(usize::from(blob[0]));
                Item::FileDigest(FileDigest { digest, path, raw: self.kind == Kind::FileDigestRaw })
            }
        }
    }

    /// What a task works on, as std converts it; none where it is neither bytes nor text, or has a lone surrogate.
    pub fn content(&self) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Bytes | Kind::Text => Some(self.blob.clone()),
            Kind::Latin1 => Some(self.blob.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()),
            Kind::Text16 => {
                let units: Vec<u16> =
                    self.blob.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
                String::from_utf16(&units).ok().map(String::into_bytes)
            }
            _ => None,
        }
    }
}

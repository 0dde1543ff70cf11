//! One item, borrowed from its batch.

use super::Kind;

/// One item, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Item<'a> {
    /// `undefined`
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A string in UTF-8; natively made text may hold any bytes.
    Text(&'a [u8]),
    /// A string in UTF-16LE, which may have lone surrogates.
    Text16(&'a [u8]),
    /// A string in Latin-1.
    Latin1(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A value serialized by `v8.serialize`.
    Value(&'a [u8]),
    /// A value that JavaScript packed in a layout of its own.
    Packed(&'a [u8]),
    /// What hashing a file gives.
    FileDigest(FileDigest<'a>),
}

/// A path and the digest of the file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigest<'a> {
    /// The digest in lowercase hex digits.
    pub digest: &'a [u8],
    /// The path, which may hold any bytes.
    pub path: &'a [u8],
    /// Whether the path reaches JavaScript as bytes rather than as a string.
    pub raw: bool,
}

impl<'a> Item<'a> {
    /// What the item is.
    pub fn kind(&self) -> Kind {
        match self {
            Item::Undefined => Kind::Undefined,
            Item::Null => Kind::Null,
            Item::Boolean(false) => Kind::False,
            Item::Boolean(true) => Kind::True,
            Item::Number(_) => Kind::Number,
            Item::Text(_) => Kind::Text,
            Item::Text16(_) => Kind::Text16,
            Item::Latin1(_) => Kind::Latin1,
            Item::Bytes(_) => Kind::Bytes,
            Item::Value(_) => Kind::Value,
            Item::Packed(_) => Kind::Packed,
            Item::FileDigest(file) if file.raw => Kind::FileDigestRaw,
            Item::FileDigest(_) => Kind::FileDigest,
        }
    }

    /// The item of `kind` that a blob holds.
    pub(super) fn parse(kind: Kind, bytes: &'a [u8]) -> Item<'a> {
        match kind {
            Kind::Undefined => Item::Undefined,
            Kind::Null => Item::Null,
            Kind::False => Item::Boolean(false),
            Kind::True => Item::Boolean(true),
            Kind::Number => Item::Number(f64::from_le_bytes(bytes.try_into().expect("a number of 8 bytes"))),
            Kind::Text => Item::Text(bytes),
            Kind::Text16 => Item::Text16(bytes),
            Kind::Latin1 => Item::Latin1(bytes),
            Kind::Bytes => Item::Bytes(bytes),
            Kind::Value => Item::Value(bytes),
            Kind::Packed => Item::Packed(bytes),
            Kind::FileDigest | Kind::FileDigestRaw => {
                let (digest, path) = bytes[1..].split_at(usize::from(bytes[0]));
                Item::FileDigest(FileDigest { digest, path, raw: kind == Kind::FileDigestRaw })
            }
        }
    }

    /// Appends what the item's blob holds to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Item::Undefined | Item::Null | Item::Boolean(_) => {}
            Item::Number(value) => out.extend_from_slice(&value.to_le_bytes()),
            Item::Text(bytes)
            | Item::Text16(bytes)
            | Item::Latin1(bytes)
            | Item::Bytes(bytes)
            | Item::Value(bytes)
            | Item::Packed(bytes) => {
                out.extend_from_slice(bytes);
            }
            Item::FileDigest(file) => {
                let length = u8::try_from(file.digest.len()).expect("a digest of at most 255 digits");
                out.push(length);
                out.extend_from_slice(file.digest);
                out.extend_from_slice(file.path);
            }
        }
    }
}

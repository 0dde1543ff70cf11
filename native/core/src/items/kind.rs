//! What an item is.

/// What an item is. The numbers are part of the contract with the TypeScript codec and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `undefined`; no bytes.
    Undefined = 0,
    /// `null`; no bytes.
    Null = 1,
    /// `false`; no bytes.
    False = 2,
    /// `true`; no bytes.
    True = 3,
    /// A number: 8 bytes, an `f64` in little-endian order.
    Number = 4,
    /// A string in UTF-8. Text that was made natively, such as a file name or a line, may hold any bytes.
    Text = 5,
    /// A string in UTF-16LE, as JavaScript has those beyond Latin-1; it may have lone surrogates.
    Text16 = 6,
    /// Bytes.
    Bytes = 7,
    /// Any other value, serialized by `v8.serialize`.
    Value = 8,
    /// A path and the digest of the file's content: one byte `n`, the digest in `n` hex digits, the path as text.
    FileDigest = 9,
    /// The same, with the path as bytes.
    FileDigestRaw = 10,
    /// A plain object, an array or a big integer, in a layout of JavaScript's own.
    Packed = 11,
    /// A string in Latin-1, as JavaScript has it.
    Latin1 = 12,
}

impl Kind {
    /// Every kind, each at the index of its number.
    pub const ALL: [Kind; 13] = [
        Kind::Undefined,
        Kind::Null,
        Kind::False,
        Kind::True,
        Kind::Number,
        Kind::Text,
        Kind::Text16,
        Kind::Bytes,
        Kind::Value,
        Kind::FileDigest,
        Kind::FileDigestRaw,
        Kind::Packed,
        Kind::Latin1,
    ];

    /// The kind with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number)).copied()
    }

    /// What people call it in a message.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Undefined => "undefined",
            Kind::Null => "null",
            Kind::False | Kind::True => "a boolean",
            Kind::Number => "a number",
            Kind::Text | Kind::Latin1 => "text",
            Kind::Text16 => "text in UTF-16",
            Kind::Bytes => "bytes",
            Kind::Value | Kind::Packed => "an object",
            Kind::FileDigest | Kind::FileDigestRaw => "a file digest",
        }
    }

    /// Whether `bytes` are a well-formed item of this kind, as far as reading it natively needs: the content of
    /// text and values is not looked at.
    pub(super) fn accepts(self, bytes: &[u8]) -> bool {
        match self {
            Kind::Undefined | Kind::Null | Kind::False | Kind::True => bytes.is_empty(),
            Kind::Number => bytes.len() == size_of::<f64>(),
            Kind::Text16 => bytes.len().is_multiple_of(2),
            Kind::FileDigest | Kind::FileDigestRaw => bytes.first().is_some_and(|&n| usize::from(n) < bytes.len()),
            Kind::Text | Kind::Latin1 | Kind::Bytes | Kind::Value | Kind::Packed => true,
        }
    }

    /// Whether it accepts any bytes.
    pub(super) fn accepts_all(self) -> bool {
        matches!(self, Kind::Text | Kind::Latin1 | Kind::Bytes | Kind::Value | Kind::Packed)
    }
}

/// How text that is made natively (lines, file names) reaches JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As a string; bytes that are no UTF-8 become U+FFFD there.
    #[default]
    Utf8,
    /// As bytes, unchanged.
    Buffer,
}

impl Encoding {
    /// The kind that text takes in this encoding.
    pub fn kind(self) -> Kind {
        match self {
            Encoding::Utf8 => Kind::Text,
            Encoding::Buffer => Kind::Bytes,
        }
    }
}

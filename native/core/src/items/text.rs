//! Text in the encodings that items have it in.

use std::borrow::Cow;

use super::Item;

/// A text that no UTF-8 stands for: one half of a surrogate pair is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoneSurrogate;

/// The content of an item, part by part. See [`Item::content_parts`].
#[derive(Debug)]
pub struct ContentParts<'a> {
    rest: Rest<'a>,
    most: usize,
    /// A part that had to be made.
    made: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Rest<'a> {
    AsItIs(&'a [u8]),
    Latin1(&'a [u8]),
    Utf16(&'a [u8]),
}

/// The most bytes of UTF-8 that a Latin-1 character, and a UTF-16 unit, becomes.
const LATIN1_MAX: usize = 2;
const UTF16_MAX: usize = 3;
const UNIT: usize = size_of::<u16>();
/// U+FFFD
const REPLACEMENT: u16 = 0xfffd;

impl<'a> Item<'a> {
    /// What tasks work on: bytes, or a text in UTF-8. None where it is neither, or has a lone surrogate.
    pub fn content(&self) -> Option<Cow<'a, [u8]>> {
        let mut parts = self.content_parts(usize::MAX)?;
        if let Rest::AsItIs(bytes) = parts.rest {
            return Some(Cow::Borrowed(bytes));
        }
        let content = parts.next_part().map_or(Ok(Vec::new()), |part| part.map(<[u8]>::to_vec));
        content.ok().map(Cow::Owned)
    }

    /// The same in parts of at most `most` bytes, which should be some more than a character has. None where it is
    /// neither bytes nor text.
    pub fn content_parts(&self, most: usize) -> Option<ContentParts<'a>> {
        let rest = match *self {
            Item::Bytes(bytes) | Item::Text(bytes) => Rest::AsItIs(bytes),
            Item::Latin1(bytes) => Rest::Latin1(bytes),
            Item::Text16(bytes) => Rest::Utf16(bytes),
            _ => return None,
        };
        Some(ContentParts { rest, most, made: Vec::new() })
    }
}

impl ContentParts<'_> {
    /// The next part, until there is none.
    pub fn next_part(&mut self) -> Option<Result<&[u8], LoneSurrogate>> {
        let (Rest::AsItIs(bytes) | Rest::Latin1(bytes) | Rest::Utf16(bytes)) = self.rest;
        if bytes.is_empty() {
            return None;
        }
        match &mut self.rest {
            Rest::AsItIs(rest) => {
                let (part, after) = bytes.split_at(self.most.min(bytes.len()));
                *rest = after;
                Some(Ok(part))
            }
            Rest::Latin1(rest) => {
                let (part, after) = bytes.split_at((self.most / LATIN1_MAX).max(1).min(bytes.len()));
                *rest = after;
                if part.is_ascii() {
                    return Some(Ok(part));
                }
                self.made.clear();
                for &byte in part {
                    push(&mut self.made, char::from(byte));
                }
                Some(Ok(&self.made))
            }
            Rest::Utf16(rest) => {
                let (part, after) = bytes.split_at(whole_characters(bytes, self.most / UTF16_MAX));
                *rest = after;
                self.made.clear();
                for decoded in char::decode_utf16(units(part)) {
                    let Ok(character) = decoded else { return Some(Err(LoneSurrogate)) };
                    push(&mut self.made, character);
                }
                Some(Ok(&self.made))
            }
        }
    }
}

fn push(utf8: &mut Vec<u8>, character: char) {
    utf8.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn units(utf16: &[u8]) -> impl Iterator<Item = u16> + '_ {
    utf16.chunks_exact(UNIT).map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
}

/// How many of `utf16`'s bytes are at most `most` units, and don't end within a pair.
fn whole_characters(utf16: &[u8], most: usize) -> usize {
    let most = most.max(2) * UNIT;
    if utf16.len() <= most {
        return utf16.len();
    }
    // The first half of a pair is 0xD800 to 0xDBFF.
    if utf16[most - 1] & 0xfc == 0xd8 { most - UNIT } else { most }
}

/// Writes UTF-8 as UTF-16LE to the front of `out`; returns how many bytes there are. Bytes that are no UTF-8 become
/// U+FFFD, as many as JavaScript's decoder makes of them.
///
/// # Panics
/// Where `out` has less than twice as many bytes as `utf8`.
pub(super) fn write_utf16(utf8: &[u8], out: &mut [u8]) -> usize {
    assert!(out.len() / UNIT >= utf8.len(), "{} bytes for {} of UTF-8", out.len(), utf8.len());
    let mut units = out.chunks_exact_mut(UNIT);
    let mut length = 0;
    let mut write = |unit: u16| {
        // Each unit stands for at least a byte, so there is room.
        if let Some(place) = units.next() {
            place.copy_from_slice(&unit.to_le_bytes());
            length += UNIT;
        }
    };
    if let Ok(text) = std::str::from_utf8(utf8) {
        text.encode_utf16().for_each(write);
    } else {
        for part in utf8.utf8_chunks() {
            part.valid().encode_utf16().for_each(&mut write);
            if !part.invalid().is_empty() {
                write(REPLACEMENT);
            }
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn parts(item: Item<'_>, most: usize) -> Result<Vec<u8>, LoneSurrogate> {
        let mut parts = item.content_parts(most).expect("text");
        let mut all = Vec::new();
        while let Some(part) = parts.next_part() {
            let part = part?;
            assert!(!part.is_empty() && part.len() <= most.max(6), "a part of {} bytes of {most}", part.len());
            all.extend_from_slice(part);
        }
        Ok(all)
    }

    #[test]
    fn text_in_any_encoding_is_its_utf8_in_parts_of_any_size() {
        for text in
            ["", "ascii", "gr\u{fc}\u{df}e", "\u{141}\u{f3}d\u{17a} \u{6771}\u{4eac}", "\u{1f600}a\u{1f600}\u{1f600}"]
        {
            let wide = utf16(text);
            assert_eq!(Item::Text16(&wide).content().as_deref(), Some(text.as_bytes()));
            for most in 1..30 {
                assert_eq!(parts(Item::Text16(&wide), most).as_deref(), Ok(text.as_bytes()), "{text} by {most}");
            }
        }
        let latin1: Vec<u8> = (0..=255).collect();
        let text: String = latin1.iter().copied().map(char::from).collect();
        assert_eq!(Item::Latin1(&latin1).content().as_deref(), Some(text.as_bytes()));
        for most in 1..600 {
            assert_eq!(parts(Item::Latin1(&latin1), most).as_deref(), Ok(text.as_bytes()), "{most}");
            assert_eq!(parts(Item::Bytes(&latin1), most).as_deref(), Ok(&latin1[..]), "{most}");
        }
        assert_eq!(Item::Latin1(b"ascii").content().as_deref(), Some(&b"ascii"[..]));
        assert_eq!(Item::Number(1.0).content(), None);
    }

    #[test]
    fn a_lone_surrogate_has_no_utf8() {
        for units in [&[0xd800][..], &[0xdc00], &[0x61, 0xd800, 0x62], &[0xd800, 0xd800, 0xdc00], &[0xdc00, 0xd800]] {
            let wide: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
            assert_eq!(Item::Text16(&wide).content(), None, "{units:x?}");
            for most in 1..20 {
                assert_eq!(parts(Item::Text16(&wide), most), Err(LoneSurrogate), "{units:x?} by {most}");
            }
        }
    }

    #[test]
    fn utf8_becomes_utf16_and_what_is_none_as_many_replacements_as_std_makes() {
        for text in [
            &b""[..],
            b"ascii",
            "gr\u{fc}\u{df}e \u{6771}\u{4eac} \u{1f600}".as_bytes(),
            b"\xff",
            b"a\xe4\xb8b\xf0\x9f\x98",
            b"\xed\xa0\x80\xc0\xaf",
        ] {
            let mut out = vec![0; 2 * text.len() + 1];
            let length = write_utf16(text, &mut out);
            assert_eq!(out[..length], utf16(&String::from_utf8_lossy(text)), "{text:x?}");
        }
    }
}

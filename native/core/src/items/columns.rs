//! Whole columns in and out: how batches cross into JavaScript and come back.

use std::fmt;
use std::ops::Range;

use super::blobs::{Blobs, KindView};
use super::{Column, Items, Kind, LARGE_BYTES, LargeBytes, text};
use crate::failure::Failure;

/// The kinds of a batch that comes from outside, as the numbers of [`Kind`].
#[derive(Debug, Clone, Copy)]
pub enum KindNumbers<'a> {
    /// All items have this one.
    One(u8),
    /// One number for each item.
    Each(&'a [u8]),
}

/// A range of a batch, as columns to copy in bulk.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// All items are numbers.
    Numbers(&'a [f64]),
    /// Items of any kind.
    Blobs(BlobView<'a>),
    /// Items that are bytes, each in memory of its own.
    Large(&'a [LargeBytes]),
}

/// A range of items of any kind: their bytes end to end, where each ends, and what it is.
#[derive(Debug, Clone, Copy)]
pub struct BlobView<'a> {
    /// The bytes of all items, end to end.
    pub bytes: &'a [u8],
    /// What each item is.
    pub kinds: KindView<'a>,
    begin: usize,
    ends: &'a [usize],
}

impl BlobView<'_> {
    /// Where each item ends in [`bytes`](BlobView::bytes).
    pub fn ends(&self) -> impl ExactSizeIterator<Item = u32> {
        // No cast loses anything: a view holds at most u32::MAX bytes.
        self.ends.iter().map(|end| (end - self.begin) as u32)
    }

    /// Whether all items are text in UTF-8 beyond ASCII, which JavaScript reads faster in UTF-16.
    pub fn is_wide_text(&self) -> bool {
        self.kinds == KindView::One(Kind::Text) && !self.bytes.is_ascii()
    }

    /// Writes the items, which are text in UTF-8, end to end as UTF-16LE to the front of `out`, and tells where each
    /// ends. Bytes that are no UTF-8 become U+FFFD, as in JavaScript. Returns how many bytes there are.
    ///
    /// # Panics
    /// Where `out` has less than twice as many bytes as the items.
    pub fn write_utf16(&self, out: &mut [u8], mut tell_end: impl FnMut(u32)) -> usize {
        let mut length = 0;
        let mut begin = self.begin;
        for &end in self.ends {
            length += text::write_utf16(&self.bytes[begin - self.begin..end - self.begin], &mut out[length..]);
            begin = end;
            tell_end(length as u32);
        }
        length
    }
}

impl Items {
    /// A batch of the items that lie end to end in `bytes`, item `i` ending before `ends[i]`.
    ///
    /// Everything is looked at before it is believed: the columns may come from outside. Costs a pass over `ends`
    /// and over the kinds.
    pub fn from_blobs(bytes: Vec<u8>, ends: &[u32], kinds: KindNumbers<'_>) -> Result<Self, ColumnsError> {
        let kinds = match kinds {
            KindNumbers::One(_) if ends.is_empty() && bytes.is_empty() => return Ok(Items::default()),
            KindNumbers::One(number) => Ok(kind_of(0, number)?),
            KindNumbers::Each(numbers) if numbers.len() == ends.len() => Err(numbers
                .iter()
                .enumerate()
                .map(|(index, &number)| kind_of(index, number))
                .collect::<Result<_, _>>()?),
            KindNumbers::Each(numbers) => {
                return Err(ColumnsError::Length { column: "kinds", expected: ends.len(), got: numbers.len() });
            }
        };
        let bounds: Vec<usize> = std::iter::once(0).chain(ends.iter().map(|&end| end as usize)).collect();
        let whole = bounds[bounds.len() - 1] == bytes.len();
        let accepts = |kind: &Kind| kind.accepts_all() || (*kind == Kind::Text16 && are_even(ends));
        if !(whole && rises_plainly(ends) && kinds.as_ref().is_ok_and(accepts)) {
            check_each(&bytes, &bounds, &kinds)?;
        }
        Ok(Items::from(Column::Blobs(Blobs::from_parts(bytes, bounds, kinds))))
    }

    /// As [`from_blobs`](Items::from_blobs), of a copy of `bytes`; items that are large then lie in memory of their own. Where there
    /// is no memory for them it fails, and the process goes on.
    pub fn copy_blobs(bytes: &[u8], ends: &[u32], kinds: KindNumbers<'_>) -> Result<Self, ColumnsError> {
        let large = matches!(kinds, KindNumbers::One(kind) if kind == Kind::Bytes as u8)
            && bytes.len().checked_div(ends.len()).is_some_and(|mean| mean >= LARGE_BYTES);
        if !large {
            return Items::from_blobs(try_copy(bytes, bytes.len())?, ends, kinds);
        }
        let bounds: Vec<usize> = std::iter::once(0).chain(ends.iter().map(|&end| end as usize)).collect();
        check_each(bytes, &bounds, &Ok(Kind::Bytes))?;
        let items = bounds.windows(2).map(|pair| LargeBytes::try_copy_of(&bytes[pair[0]..pair[1]]));
        items.collect::<Result<Vec<_>, _>>().map(Items::from)
    }

    /// How many items from the front to view at once: at most `items`, and together at most `bytes` bytes, but
    /// always one where there is one.
    pub fn fit(&self, items: usize, bytes: usize) -> usize {
        let items = items.min(super::Batch::len(self));
        let blobs = match &self.column {
            Column::Empty { .. } | Column::Numbers(_) => return items.min((bytes / size_of::<f64>()).max(1)),
            Column::Blobs(blobs) => blobs,
            Column::Large(large) => {
                let mut left = bytes;
                let fits = |item: &&LargeBytes| left.checked_sub(item.len()).map(|rest| left = rest).is_some();
                return large[..items].iter().take_while(fits).count().max(usize::from(items > 0));
            }
        };
        let bounds = blobs.bounds(0..items);
        let limit = bounds[0].saturating_add(bytes);
        bounds[1..].partition_point(|&end| end <= limit).max(usize::from(items > 0))
    }

    /// The items of `range` as columns.
    ///
    /// # Panics
    /// Where `range` is out of bounds, or holds more than `u32::MAX` bytes: [`fit`](Items::fit) tells how many
    /// items do not.
    pub fn view(&self, range: Range<usize>) -> View<'_> {
        match &self.column {
            Column::Empty { .. } => View::Numbers(&[][range]),
            Column::Numbers(values) => View::Numbers(&values.as_slice()[range]),
            Column::Large(items) => View::Large(&items[range]),
            Column::Blobs(blobs) => {
                let bounds = blobs.bounds(range.clone());
                let (begin, end) = (bounds[0], bounds[bounds.len() - 1]);
                assert!(
                    u32::try_from(end - begin).is_ok(),
                    "a view of at most 4 GiB, and not of {} bytes",
                    end - begin
                );
                View::Blobs(BlobView {
                    bytes: &blobs.bytes()[begin..end],
                    kinds: blobs.kinds(range),
                    begin,
                    ends: &bounds[1..],
                })
            }
        }
    }
}

/// A copy of `bytes` in memory for `size` of them.
pub(super) fn try_copy(bytes: &[u8], size: usize) -> Result<Vec<u8>, ColumnsError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(size).map_err(|_| ColumnsError::Memory { bytes: size })?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

fn kind_of(index: usize, number: u8) -> Result<Kind, ColumnsError> {
    Kind::from_number(number).ok_or(ColumnsError::Kind { index, number })
}

/// Whether `ends` never falls; false also where one needs all 32 bits. A pass without a branch, which vector units do.
fn rises_plainly(ends: &[u32]) -> bool {
    let first = ends.first().copied().unwrap_or(0);
    let signs = ends.windows(2).fold(first, |signs, pair| signs | pair[1] | pair[1].wrapping_sub(pair[0]));
    signs >> 31 == 0
}

/// Whether items that end so, one behind the other, all have an even length. A pass without a branch, too.
fn are_even(ends: &[u32]) -> bool {
    ends.iter().fold(0, |bits, end| bits | end) & 1 == 0
}

/// Looks at the items one by one.
fn check_each(bytes: &[u8], bounds: &[usize], kinds: &Result<Kind, Vec<Kind>>) -> Result<(), ColumnsError> {
    for (index, pair) in bounds.windows(2).enumerate() {
        let (begin, end) = (pair[0], pair[1]);
        let kind = kinds.as_ref().map_or_else(|each| each[index], |kind| *kind);
        let Some(item) = bytes.get(begin..end) else {
            return Err(ColumnsError::End { index, begin, end, bytes: bytes.len() });
        };
        if !kind.accepts(item) {
            return Err(ColumnsError::Malformed { index, kind, length: item.len() });
        }
    }
    let expected = bounds[bounds.len() - 1];
    if expected == bytes.len() {
        Ok(())
    } else {
        Err(ColumnsError::Length { column: "bytes", expected, got: bytes.len() })
    }
}

/// Columns that make no batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnsError {
    /// No kind has this number.
    Kind {
        /// Which item.
        index: usize,
        /// Its number.
        number: u8,
    },
    /// An item ends before it begins, or past the bytes.
    End {
        /// Which item.
        index: usize,
        /// Where it begins.
        begin: usize,
        /// Where it is said to end.
        end: usize,
        /// How many bytes there are.
        bytes: usize,
    },
    /// An item has a length, or an inner length, that its kind can't have.
    Malformed {
        /// Which item.
        index: usize,
        /// Its kind.
        kind: Kind,
        /// Its length in bytes.
        length: usize,
    },
    /// A column does not fit the others.
    Length {
        /// Which column.
        column: &'static str,
        /// The length that the others ask for.
        expected: usize,
        /// Its length.
        got: usize,
    },
    /// There is no memory to copy them to.
    Memory {
        /// How much it takes.
        bytes: usize,
    },
}

impl ColumnsError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            ColumnsError::Memory { .. } => "ERR_MILLRACE_OUT_OF_MEMORY",
            _ => "ERR_MILLRACE_INVALID_BATCH",
        }
    }
}

impl fmt::Display for ColumnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnsError::Kind { index, number } => {
                write!(f, "kinds: expected numbers below {}, got {number} for item {index}", Kind::ALL.len())
            }
            ColumnsError::End { index, begin, end, bytes } => {
                write!(f, "ends: expected the end of item {index} from {begin} to {bytes}, got {end}")
            }
            ColumnsError::Malformed { index, kind, length } => {
                write!(f, "bytes: expected {} for item {index}, got {length} bytes that are none", kind.name())
            }
            ColumnsError::Length { column, expected, got } => {
                write!(f, "{column}: expected a length of {expected}, got {got}")
            }
            ColumnsError::Memory { bytes } => write!(f, "bytes: expected memory for {bytes} bytes, got none"),
        }
    }
}

impl std::error::Error for ColumnsError {}

impl From<ColumnsError> for Failure {
    fn from(error: ColumnsError) -> Self {
        Failure::new(error.code(), error.to_string())
    }
}

//! The column of items that are bytes: all of them end to end, and where each begins.

use std::ops::Range;

use super::{Item, Kind, front::FrontVec};

/// The most bytes of memory that a cleared batch keeps. A system has some 30 of those.
const KEPT_BYTES: usize = 128 << 10;

/// Items of any kind, end to end in one buffer.
///
/// Invariants: `bounds` rises, has one entry more than there are items, and ends at `bytes.len()`; item `i` is
/// `bytes[bounds[i]..bounds[i + 1]]` and well-formed for its kind. What lies before `bounds[0]` was taken.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    bytes: Vec<u8>,
    bounds: FrontVec<usize>,
    kinds: Kinds,
}

#[derive(Debug, Clone)]
enum Kinds {
    One(Kind),
    Each(FrontVec<Kind>),
}

/// What kinds the items of a [`BlobView`](super::BlobView) have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindView<'a> {
    /// All the same.
    One(Kind),
    /// One for each item.
    Each(&'a [Kind]),
}

impl Blobs {
    /// No items, with room for about `items`, the first of which will be of `kind`.
    pub fn with_capacity(items: usize, kind: Kind) -> Self {
        let mut bounds = FrontVec::with_capacity(items + 1);
        bounds.push(0);
        Blobs { bytes: Vec::new(), bounds, kinds: Kinds::One(kind) }
    }

    /// The numbers as blobs.
    pub fn from_numbers(values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let bounds = (0..=values.len()).map(|i| i * size_of::<f64>()).collect::<Vec<_>>();
        Blobs { bytes, bounds: bounds.into(), kinds: Kinds::One(Kind::Number) }
    }

    /// Blobs of columns that keep the invariants.
    pub fn from_parts(bytes: Vec<u8>, bounds: Vec<usize>, kinds: Result<Kind, Vec<Kind>>) -> Self {
        let kinds = match kinds {
            Ok(kind) => Kinds::One(kind),
            Err(each) => Kinds::Each(each.into()),
        };
        Blobs { bytes, bounds: bounds.into(), kinds }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Whether the memory is little enough to be kept for other items.
    pub fn is_light(&self) -> bool {
        self.bytes.capacity() <= KEPT_BYTES
    }

    /// Drops all items and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bounds.clear();
        self.bounds.push(0);
        if let Kinds::Each(_) = self.kinds {
            self.kinds = Kinds::One(Kind::Undefined);
        }
    }

    /// The bytes of all items together.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.bytes.len() - self.bounds.as_slice()[0]
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.bounds.capacity()
    }

    #[inline]
    pub fn kind(&self, index: usize) -> Kind {
        match &self.kinds {
            Kinds::One(kind) => {
                assert!(index < self.len(), "item {index} of {}", self.len());
                *kind
            }
            Kinds::Each(kinds) => kinds.as_slice()[index],
        }
    }

    #[inline]
    pub fn get(&self, index: usize) -> Item<'_> {
        let bounds = self.bounds.as_slice();
        Item::parse(self.kind(index), &self.bytes[bounds[index]..bounds[index + 1]])
    }

    /// Where the items begin and end in [`bytes`](Self::bytes): one bound more than items.
    pub fn bounds(&self, range: Range<usize>) -> &[usize] {
        &self.bounds.as_slice()[range.start..=range.end]
    }

    /// The buffer that the bounds point into.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn kinds(&self, range: Range<usize>) -> KindView<'_> {
        match &self.kinds {
            Kinds::One(kind) => KindView::One(*kind),
            Kinds::Each(kinds) => KindView::Each(&kinds.as_slice()[range]),
        }
    }

    /// Adds an item of `kind` whose bytes `fill` appends, and nothing else.
    #[inline]
    pub fn push_with(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) {
        fill(&mut self.bytes);
        self.add_kind(kind);
        self.bounds.push(self.bytes.len());
    }

    #[inline]
    pub fn push(&mut self, item: &Item<'_>) {
        self.push_with(item.kind(), |bytes| item.write(bytes));
    }

    pub fn append(&mut self, mut other: Blobs) {
        let begin = other.bounds.as_slice()[0];
        self.reserve_bytes(other.byte_len());
        let offset = self.bytes.len();
        self.append_kinds(&other);
        self.bounds.extend(other.bounds.as_slice()[1..].iter().map(|bound| bound - begin + offset));
        if begin == 0 {
            self.bytes.append(&mut other.bytes);
        } else {
            self.bytes.extend_from_slice(&other.bytes[begin..]);
        }
    }

    /// Splits off the first `n` items by copying the lighter part.
    pub fn split_front(&mut self, n: usize) -> Self {
        let bounds = self.bounds.as_slice();
        let front_weight = bounds[n] - bounds[0];
        let rest_weight = self.bytes.len() - bounds[n];
        if front_weight <= rest_weight {
            let front = self.copy(0..n);
            self.bounds.advance(n);
            if let Kinds::Each(kinds) = &mut self.kinds {
                kinds.advance(n);
            }
            return front;
        }
        let rest = self.copy(n..self.len());
        let mut front = std::mem::replace(self, rest);
        front.bytes.truncate(front.bounds.as_slice()[n]);
        front.bounds.truncate(n + 1);
        if let Kinds::Each(kinds) = &mut front.kinds {
            kinds.truncate(n);
        }
        front
    }

    fn copy(&self, range: Range<usize>) -> Self {
        let bounds = self.bounds(range.clone());
        let (begin, end) = (bounds[0], bounds[bounds.len() - 1]);
        Blobs {
            bytes: self.bytes[begin..end].to_vec(),
            bounds: bounds.iter().map(|bound| bound - begin).collect::<Vec<_>>().into(),
            kinds: match self.kinds(range) {
                KindView::One(kind) => Kinds::One(kind),
                KindView::Each(kinds) => Kinds::Each(kinds.to_vec().into()),
            },
        }
    }

    /// Records the kind of the item about to be added.
    #[inline]
    fn add_kind(&mut self, kind: Kind) {
        match &mut self.kinds {
            Kinds::One(one) if *one == kind => {}
            Kinds::One(one) if self.bounds.len() == 1 => *one = kind,
            Kinds::One(_) => self.each_kind().push(kind),
            Kinds::Each(kinds) => kinds.push(kind),
        }
    }

    fn append_kinds(&mut self, other: &Blobs) {
        match (&self.kinds, &other.kinds) {
            (Kinds::One(ours), Kinds::One(theirs)) if ours == theirs => {}
            (_, Kinds::One(kind)) => self.each_kind().extend(std::iter::repeat_n(*kind, other.len())),
            (_, Kinds::Each(kinds)) => self.each_kind().extend_from_slice(kinds.as_slice()),
        }
    }

    /// The column of kinds, made first where all were the same until now.
    fn each_kind(&mut self) -> &mut FrontVec<Kind> {
        if let Kinds::One(kind) = self.kinds {
            self.kinds = Kinds::Each(vec![kind; self.len()].into());
        }
        match &mut self.kinds {
            Kinds::Each(kinds) => kinds,
            Kinds::One(_) => unreachable!("made above"),
        }
    }

    /// Makes room for `additional` bytes, using again what lies before the first item once that is as much as the
    /// rest: a batch used as a queue does not grow for ever.
    fn reserve_bytes(&mut self, additional: usize) {
        let begin = self.bounds.as_slice()[0];
        if self.bytes.capacity() - self.bytes.len() < additional && begin >= self.byte_len() {
            self.bytes.drain(..begin);
            for bound in self.bounds.as_mut_slice() {
                *bound -= begin;
            }
        }
        self.bytes.reserve(additional);
    }
}

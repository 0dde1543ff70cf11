//! The batch that JavaScript values and native items travel in.

mod blobs;
mod columns;
mod front;
mod item;
mod kind;
mod label;
mod large;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::sync::Arc;

use crate::batch::{Batch, Collect};

pub use blobs::KindView;
pub use columns::{BlobView, ColumnsError, KindNumbers, View};
pub use item::{FileDigest, Item};
pub use kind::{Encoding, Kind};
pub use label::Label;
pub use large::{LARGE_BYTES, LargeBytes};
pub use text::{ContentParts, LoneSurrogate};

use blobs::Blobs;
use front::FrontVec;
use label::Labels;

/// A batch in columns: nothing is allocated for an item.
///
/// While all items are numbers it is one `Vec<f64>`. Otherwise it is one buffer with the items end to end, where each
/// ends, and one kind for all or one for each; the first item that is no number turns the one shape into the other.
/// Large items that are all bytes lie in memory of their own each, so that whoever gets one gets its memory.
/// What only some batches carry, such as ids, lies in columns beside the items that cost nothing while absent.
///
/// Inside, places in the buffer are `usize`, so pushing and appending never fail for size, however large the items
/// are. JavaScript gets 32-bit places: whoever copies a batch out takes as many items at once as [`Items::fit`] says.
///
/// ```
/// use millrace_core::{Batch, Item, Items};
///
/// let mut items = Items::from(vec![1.0, 2.0]);
/// items.push(Item::Text(b"three"));
/// let front = items.split_front(2);
/// assert_eq!(front.get(1), Item::Number(2.0));
/// assert_eq!(items.get(0), Item::Text(b"three"));
/// ```
#[derive(Clone, Default)]
pub struct Items {
    column: Column,
    extras: Option<Box<Extras>>,
}

#[derive(Clone)]
enum Column {
    /// No items yet, and so no shape: room is made for about `capacity` items once the first one shows it.
    Empty {
        capacity: usize,
    },
    Numbers(FrontVec<f64>),
    Blobs(Blobs),
    /// Items that are bytes.
    Large(Vec<LargeBytes>),
}

/// The optional columns. Each may be shorter than the batch: what is missing has its default, so that adding an item
/// does not touch them.
#[derive(Clone, Default)]
struct Extras {
    /// 0 is no id.
    ids: FrontVec<u64>,
    /// 0 is no key.
    keys: FrontVec<u64>,
    lanes: FrontVec<u8>,
    labels: Labels,
}

impl Default for Column {
    fn default() -> Self {
        Column::Empty { capacity: 0 }
    }
}

impl From<Column> for Items {
    fn from(column: Column) -> Self {
        Items { column, extras: None }
    }
}

impl From<Vec<f64>> for Items {
    fn from(values: Vec<f64>) -> Self {
        Items::from(Column::Numbers(values.into()))
    }
}

impl From<Vec<LargeBytes>> for Items {
    fn from(items: Vec<LargeBytes>) -> Self {
        Items::from(if items.is_empty() { Column::default() } else { Column::Large(items) })
    }
}

impl<'a> FromIterator<Item<'a>> for Items {
    fn from_iter<I: IntoIterator<Item = Item<'a>>>(items: I) -> Self {
        let mut batch = Items::default();
        for item in items {
            batch.push(item);
        }
        batch
    }
}

impl Items {
    /// Adds a number.
    #[inline]
    pub fn push_number(&mut self, value: f64) {
        match &mut self.column {
            Column::Numbers(values) => values.push(value),
            Column::Blobs(blobs) if blobs.len() > 0 => blobs.push(&Item::Number(value)),
            Column::Large(_) => self.blobs(Kind::Number).push(&Item::Number(value)),
            _ => self.numbers().push(value),
        }
    }

    /// Adds all of `values`; fastest where their number is known beforehand.
    #[inline]
    pub fn extend_numbers(&mut self, values: impl Iterator<Item = f64>) {
        match &mut self.column {
            Column::Blobs(blobs) if blobs.len() > 0 => values.for_each(|value| blobs.push(&Item::Number(value))),
            Column::Large(_) => {
                let blobs = self.blobs(Kind::Number);
                values.for_each(|value| blobs.push(&Item::Number(value)));
            }
            _ => self.numbers().extend(values),
        }
    }

    /// Adds an item.
    ///
    /// # Panics
    /// Where it is a file digest of more than 255 digits.
    #[inline]
    pub fn push(&mut self, item: Item<'_>) {
        match item {
            Item::Number(value) => self.push_number(value),
            _ => self.blobs(item.kind()).push(&item),
        }
    }

    /// Adds an item of `kind` whose bytes `fill` appends. They have to be well-formed for the kind.
    #[inline]
    pub(crate) fn push_with(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) {
        self.blobs(kind).push_with(kind, fill);
    }

    /// Item `index`.
    ///
    /// # Panics
    /// Where `index` is out of bounds.
    #[inline]
    pub fn get(&self, index: usize) -> Item<'_> {
        match &self.column {
            Column::Numbers(values) => Item::Number(values.as_slice()[index]),
            Column::Blobs(blobs) => blobs.get(index),
            Column::Large(items) => Item::Bytes(&items[index]),
            Column::Empty { .. } => panic!("item {index} of 0"),
        }
    }

    /// What item `index` is.
    ///
    /// # Panics
    /// Where `index` is out of bounds.
    pub fn kind(&self, index: usize) -> Kind {
        self.get(index).kind()
    }

    /// All items in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The numbers, where the batch holds them in a column of their own.
    #[inline]
    pub fn as_numbers(&self) -> Option<&[f64]> {
        match &self.column {
            Column::Numbers(values) => Some(values.as_slice()),
            _ => None,
        }
    }

    /// Whether the items lie in memory of their own, which [`into_large`](Items::into_large) gives.
    #[inline]
    pub fn is_large(&self) -> bool {
        matches!(self.column, Column::Large(_))
    }

    /// The items, where each lies in memory of its own; else all of them back.
    pub fn into_large(self) -> Result<Vec<LargeBytes>, Self> {
        match self.column {
            Column::Large(items) => Ok(items),
            column => Err(Items { column, extras: self.extras }),
        }
    }

    /// The bytes of all items together; 8 for a number.
    #[inline]
    pub fn byte_len(&self) -> usize {
        match &self.column {
            Column::Empty { .. } => 0,
            Column::Numbers(values) => values.len() * size_of::<f64>(),
            Column::Blobs(blobs) => blobs.byte_len(),
            Column::Large(items) => items.iter().map(|item| item.len()).sum(),
        }
    }

    /// The id of item `index`; 0 is none.
    pub fn id(&self, index: usize) -> u64 {
        self.extras.as_ref().and_then(|extras| extras.ids.as_slice().get(index)).copied().unwrap_or(0)
    }

    /// Whether any item may have an id.
    #[inline]
    pub fn has_ids(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.ids.len() > 0)
    }

    /// Gives item `index` an id that goes with it through every split and append; 0 takes it away.
    ///
    /// # Panics
    /// Where `index` is out of bounds.
    pub fn set_id(&mut self, index: usize, id: u64) {
        assert!(index < self.len(), "an id for item {index} of {}", self.len());
        if id == 0 && !self.has_ids() {
            return;
        }
        set(&mut self.extras.get_or_insert_default().ids, index, id);
    }

    /// Gives item `index` a key that goes with it through every split and append; 0 is none.
    ///
    /// # Panics
    /// Where `index` is out of bounds.
    pub fn set_key(&mut self, index: usize, key: u64) {
        assert!(index < self.len(), "a key for item {index} of {}", self.len());
        if key != 0 || self.key(index) != 0 {
            set(&mut self.extras.get_or_insert_default().keys, index, key);
        }
    }

    /// Gives item `index` a lane that goes with it through every split and append; 0 is the lowest.
    ///
    /// # Panics
    /// Where `index` is out of bounds.
    pub fn set_lane(&mut self, index: usize, lane: u8) {
        assert!(index < self.len(), "a lane for item {index} of {}", self.len());
        if lane != 0 || self.lane(index) != 0 {
            set(&mut self.extras.get_or_insert_default().lanes, index, lane);
        }
    }

    /// What goes with item `index` beside its value, if anything does.
    pub fn label(&self, index: usize) -> Option<&Arc<Label>> {
        self.extras.as_ref()?.labels.get(index)
    }

    /// Whether any item may have a label.
    #[inline]
    pub fn has_labels(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| !extras.labels.is_empty())
    }

    /// Gives item `index` a label that goes with it through every split and append.
    ///
    /// # Panics
    /// Where `index` is out of bounds.
    pub fn set_label(&mut self, index: usize, label: Arc<Label>) {
        assert!(index < self.len(), "a label for item {index} of {}", self.len());
        self.extras.get_or_insert_default().labels.set(index, label);
    }

    /// The column of numbers of a batch without blobs.
    fn numbers(&mut self) -> &mut FrontVec<f64> {
        let capacity = match self.column {
            Column::Empty { capacity } => Some(capacity),
            // Cleared.
            Column::Blobs(_) => Some(0),
            Column::Numbers(_) | Column::Large(_) => None,
        };
        if let Some(capacity) = capacity {
            self.column = Column::Numbers(FrontVec::with_capacity(capacity));
        }
        match &mut self.column {
            Column::Numbers(values) => values,
            _ => unreachable!("callers look for blobs first"),
        }
    }

    /// The blobs, made first where there are none; `kind` is that of the item to be added.
    #[inline]
    fn blobs(&mut self, kind: Kind) -> &mut Blobs {
        if !matches!(self.column, Column::Blobs(_)) {
            self.make_blobs(kind);
        }
        match &mut self.column {
            Column::Blobs(blobs) => blobs,
            _ => unreachable!("made above"),
        }
    }

    #[cold]
    fn make_blobs(&mut self, kind: Kind) {
        self.column = Column::Blobs(match &self.column {
            Column::Empty { capacity } => Blobs::with_capacity(*capacity, kind),
            Column::Numbers(values) => Blobs::from_numbers(values.as_slice()),
            Column::Large(items) => {
                let mut blobs = Blobs::with_capacity(items.len(), Kind::Bytes);
                for item in items {
                    blobs.push(&Item::Bytes(item));
                }
                blobs
            }
            Column::Blobs(_) => return,
        });
    }
}

impl Batch for Items {
    #[inline]
    fn len(&self) -> usize {
        match &self.column {
            Column::Empty { .. } => 0,
            Column::Numbers(values) => values.len(),
            Column::Blobs(blobs) => blobs.len(),
            Column::Large(items) => items.len(),
        }
    }

    fn tag(&self, index: usize) -> u64 {
        self.id(index)
    }

    fn is_tagged(&self) -> bool {
        self.has_ids()
    }

    fn lane(&self, index: usize) -> u8 {
        self.extras.as_ref().and_then(|extras| extras.lanes.as_slice().get(index)).copied().unwrap_or(0)
    }

    fn key(&self, index: usize) -> u64 {
        self.extras.as_ref().and_then(|extras| extras.keys.as_slice().get(index)).copied().unwrap_or(0)
    }

    #[inline]
    fn is_marked(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.keys.len() > 0 || extras.lanes.len() > 0)
    }

    fn fit(&self, items: usize, bytes: usize) -> usize {
        Items::fit(self, items, bytes)
    }

    fn split_off(&mut self, at: usize) -> Self {
        let front = self.split_front(at);
        std::mem::replace(self, front)
    }

    /// Copies the smaller part of the two, by bytes: splitting one item off many costs that item, and splitting a
    /// small one off a huge one costs the small one.
    fn split_front(&mut self, n: usize) -> Self {
        let len = self.len();
        assert!(n <= len, "{n} of {len} items split off");
        if n == len {
            return std::mem::take(self);
        }
        if n == 0 {
            return Items::default();
        }
        let column = match &mut self.column {
            Column::Empty { .. } => unreachable!("an empty batch is split above"),
            Column::Numbers(values) => Column::Numbers(values.split_front(n)),
            Column::Blobs(blobs) => Column::Blobs(blobs.split_front(n)),
            Column::Large(items) => Column::Large(items.drain(..n).collect()),
        };
        let extras = self.extras.as_mut().map(|extras| {
            Box::new(Extras {
                ids: front(&mut extras.ids, n),
                keys: front(&mut extras.keys, n),
                lanes: front(&mut extras.lanes, n),
                labels: extras.labels.split_front(n),
            })
        });
        Items { column, extras }
    }
}

impl Collect for Items {
    fn with_capacity(items: usize) -> Self {
        Items::from(Column::Empty { capacity: items })
    }

    fn append(&mut self, mut other: Self) {
        let len = self.len();
        if len == 0 {
            *self = other;
            return;
        }
        if let Some(extras) = other.extras.take() {
            let ours = self.extras.get_or_insert_default();
            append(&mut ours.ids, len, &extras.ids);
            append(&mut ours.keys, len, &extras.keys);
            append(&mut ours.lanes, len, &extras.lanes);
            ours.labels.append(len, extras.labels);
        }
        match (&mut self.column, other.column) {
            (Column::Numbers(ours), Column::Numbers(theirs)) => ours.extend_from_slice(theirs.as_slice()),
            (_, Column::Numbers(values)) => self.extend_numbers(values.as_slice().iter().copied()),
            // Cleared, or from columns without items.
            (_, Column::Blobs(theirs)) if theirs.len() == 0 => {}
            (_, Column::Blobs(theirs)) => self.blobs(theirs.kind(0)).append(theirs),
            (Column::Large(ours), Column::Large(mut theirs)) => ours.append(&mut theirs),
            (_, Column::Large(theirs)) => theirs.iter().for_each(|item| self.push(Item::Bytes(item))),
            (_, Column::Empty { .. }) => {}
        }
    }

    /// Keeps the memory of numbers, and that of a few bytes: where they were many, the next ones may be few.
    fn clear(&mut self) {
        self.extras = None;
        match &mut self.column {
            Column::Numbers(values) => values.clear(),
            Column::Blobs(blobs) if blobs.is_light() => blobs.clear(),
            _ => self.column = Column::default(),
        }
    }
}

/// Makes an optional column at least `len` long.
fn pad<T: Copy + Default>(column: &mut FrontVec<T>, len: usize) {
    column.extend(std::iter::repeat_n(T::default(), len.saturating_sub(column.len())));
}

fn set<T: Copy + Default>(column: &mut FrontVec<T>, index: usize, value: T) {
    pad(column, index + 1);
    column.as_mut_slice()[index] = value;
}

fn front<T: Copy>(column: &mut FrontVec<T>, n: usize) -> FrontVec<T> {
    let n = n.min(column.len());
    column.split_front(n)
}

/// Adds the column of another batch to that of the first `len` items.
fn append<T: Copy + Default>(ours: &mut FrontVec<T>, len: usize, theirs: &FrontVec<T>) {
    if theirs.len() > 0 {
        pad(ours, len);
        ours.extend_from_slice(theirs.as_slice());
    }
}

impl PartialEq for Items {
    fn eq(&self, other: &Self) -> bool {
        let extras =
            |items: &Self, index| (items.id(index), items.label(index).cloned(), items.lane(index), items.key(index));
        self.iter().eq(other.iter()) && (0..self.len()).all(|index| extras(self, index) == extras(other, index))
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

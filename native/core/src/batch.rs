//! What moves between threads: a batch of items.

/// Several items that travel through a channel in one slot.
///
/// The channel moves batches and counts items: a batch of 64 takes 64 permits and one slot, so that the cost of
/// crossing threads is paid once for all of them. A single item is a batch of one.
///
/// `Vec<T>` is a batch for Rust users, `Option<T>` one of a single item; [`Items`](crate::Items) is the columnar one that JavaScript values travel in.
pub trait Batch: Send + Sized + 'static {
    /// Whether no batch of this type has more than one item, nor a lane or a key. Such items take ways of their own
    /// through a channel, which are faster.
    const SINGLE: bool = false;

    /// How many items it holds.
    fn len(&self) -> usize;

    /// Whether it holds no item.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tag of item `index`: a number other than 0 where somebody waits for the result of this very item.
    fn tag(&self, index: usize) -> u64 {
        let _ = index;
        0
    }

    /// Whether any item may have a tag. Batches without tags are handled without looking for one.
    fn is_tagged(&self) -> bool {
        false
    }

    /// The lane of item `index`: 0 is the lowest, and what is above a channel's highest counts as that.
    fn lane(&self, index: usize) -> u8 {
        let _ = index;
        0
    }

    /// The key of item `index`; 0 is none. Of the items of one key, a channel has one handled at a time.
    fn key(&self, index: usize) -> u64 {
        let _ = index;
        0
    }

    /// Whether any item may have a lane or a key. Batches without are handled without looking for one.
    fn is_marked(&self) -> bool {
        false
    }

    /// How many of the first `items` have at most `bytes` bytes together, and at least 1 where there is one. A batch that
    /// does not know what its items weigh counts them only.
    fn fit(&self, items: usize, bytes: usize) -> usize {
        let _ = bytes;
        items.min(self.len())
    }

    /// Splits off the items from `at` on, leaving the first `at` in `self`.
    ///
    /// # Panics
    /// Where `at > self.len()`.
    #[must_use]
    fn split_off(&mut self, at: usize) -> Self;

    /// Splits off the first `n` items and leaves the rest in `self`.
    ///
    /// A type that can do this without moving the rest should: receivers that take one item at a time call it
    /// once an item. With all of them it should cost next to nothing: senders call it so for every batch.
    ///
    /// # Panics
    /// Where `n > self.len()`.
    #[must_use]
    fn split_front(&mut self, n: usize) -> Self {
        let rest = self.split_off(n);
        std::mem::replace(self, rest)
    }
}

/// A batch that grows item by item: what sources fill and tasks put their results in.
pub trait Collect: Batch {
    /// An empty batch with room for about `items`.
    fn with_capacity(items: usize) -> Self;

    /// Moves all of `other` to the end of `self`.
    fn append(&mut self, other: Self);

    /// Drops the items. The memory may be kept for the next ones.
    fn clear(&mut self);
}

impl<T: Send + 'static> Batch for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn split_off(&mut self, at: usize) -> Self {
        Vec::split_off(self, at)
    }

    fn split_front(&mut self, n: usize) -> Self {
        if n == Vec::len(self) {
            return std::mem::take(self);
        }
        self.drain(..n).collect()
    }
}

/// One item, or none. A channel of these allocates nothing for an item and takes no lock for most, so item by item it is
/// much faster than one of vectors.
///
/// ```
/// use millrace_core::Channel;
///
/// let channel = Channel::new(10)?;
/// channel.send(Some("item")).expect("open");
/// assert_eq!(channel.receive(1), Ok(Some("item")));
/// # Ok::<(), millrace_core::CapacityError>(())
/// ```
impl<T: Send + 'static> Batch for Option<T> {
    const SINGLE: bool = true;

    fn len(&self) -> usize {
        usize::from(self.is_some())
    }

    fn split_off(&mut self, at: usize) -> Self {
        assert!(at <= Batch::len(self), "expected to split at most at {}, got {at}", Batch::len(self));
        if at == 0 { self.take() } else { None }
    }
}

impl<T: Send + 'static> Collect for Vec<T> {
    fn with_capacity(items: usize) -> Self {
        Vec::with_capacity(items)
    }

    fn append(&mut self, mut other: Self) {
        Vec::append(self, &mut other);
    }

    fn clear(&mut self) {
        Vec::clear(self);
    }
}

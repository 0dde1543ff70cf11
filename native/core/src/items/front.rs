//! A vector that gives away its front without moving the rest.

/// A `Vec` with a start: taking values off the front moves the start and leaves the rest where it is.
#[derive(Debug, Clone)]
pub(super) struct FrontVec<T> {
    values: Vec<T>,
    start: usize,
}

impl<T> Default for FrontVec<T> {
    fn default() -> Self {
        FrontVec { values: Vec::new(), start: 0 }
    }
}

impl<T> From<Vec<T>> for FrontVec<T> {
    fn from(values: Vec<T>) -> Self {
        FrontVec { values, start: 0 }
    }
}

impl<T: Copy> FrontVec<T> {
    pub fn with_capacity(capacity: usize) -> Self {
        FrontVec::from(Vec::with_capacity(capacity))
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.values.len() - self.start
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.values.capacity()
    }

    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.values[self.start..]
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.values[self.start..]
    }

    #[inline]
    pub fn push(&mut self, value: T) {
        self.reserve(1);
        self.values.push(value);
    }

    /// Adds all of `values`; their size hint should be exact, so that there is room made once.
    #[inline]
    pub fn extend(&mut self, values: impl Iterator<Item = T>) {
        self.reserve(values.size_hint().0);
        self.values.extend(values);
    }

    pub fn extend_from_slice(&mut self, values: &[T]) {
        self.reserve(values.len());
        self.values.extend_from_slice(values);
    }

    #[inline]
    fn reserve(&mut self, additional: usize) {
        if self.values.capacity() - self.values.len() < additional {
            self.grow(additional);
        }
    }

    #[cold]
    fn grow(&mut self, additional: usize) {
        // Space at the front is reused once it is as large as the rest: then each value moved was paid for by one
        // that was taken, and a batch used as a queue does not grow for ever.
        if self.start >= self.len() {
            self.values.drain(..self.start);
            self.start = 0;
        }
        self.values.reserve(additional);
    }

    /// Drops all values and keeps the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.start = 0;
    }

    /// Drops the first `n` values.
    pub fn advance(&mut self, n: usize) {
        assert!(n <= self.len(), "{n} of {} values taken", self.len());
        self.start += n;
    }

    /// Drops the values from `n` on.
    pub fn truncate(&mut self, n: usize) {
        self.values.truncate(self.start + n);
    }

    /// Splits off the first `n` values by copying the smaller part.
    pub fn split_front(&mut self, n: usize) -> Self {
        let rest = self.len() - n;
        if rest == 0 {
            return std::mem::take(self);
        }
        if n <= rest {
            let front = self.as_slice()[..n].to_vec();
            self.advance(n);
            return FrontVec::from(front);
        }
        let rest = FrontVec::from(self.as_slice()[n..].to_vec());
        let mut front = std::mem::replace(self, rest);
        front.truncate(n);
        front
    }
}

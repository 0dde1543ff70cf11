//! Bytes of large items, each in memory of its own that is used again.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::columns::{ColumnsError, try_copy};

/// From so many bytes on, as the mean of a batch, its items lie in memory of their own: they are copied once, and move
/// by their place from then on.
pub const LARGE_BYTES: usize = 16 * 1024;

/// The most memory that is kept to be used again, in the whole process: fresh memory costs as much as the copy, for the
/// page faults. It is as much as V8 lets become garbage before it looks for it.
const POOLED_BYTES: usize = 32 << 20;
/// Larger memory isn't kept.
const LARGEST_POOLED: usize = 4 << 20;
const SMALLEST_POOLED: usize = 4 << 10;
/// Sizes between two powers of two, so that at most a fifth of any memory lies idle.
const SIZES: usize = 4;

/// The bytes of one item. Their memory is used again once they are dropped.
#[derive(Debug)]
pub struct LargeBytes(Vec<u8>);

impl LargeBytes {
    /// A copy of `bytes`.
    ///
    /// # Panics
    /// Where there is no memory for it: see [`try_copy_of`](LargeBytes::try_copy_of).
    pub fn copy_of(bytes: &[u8]) -> Self {
        LargeBytes::try_copy_of(bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A copy of `bytes`, where there is memory for it.
    pub fn try_copy_of(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let size = pooled_size(bytes.len());
        if let Some(mut memory) = size.and_then(|size| pool().take(size)) {
            memory.extend_from_slice(bytes);
            return Ok(LargeBytes(memory));
        }
        try_copy(bytes, size.unwrap_or(bytes.len())).map(LargeBytes)
    }

    /// Where the bytes lie, for someone who owns this and may write there.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
}

impl Deref for LargeBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Clone for LargeBytes {
    fn clone(&self) -> Self {
        LargeBytes::copy_of(self)
    }
}

impl Drop for LargeBytes {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.0);
        // What there is no room for is freed after the lock.
        let _freed = pool().put(memory);
    }
}

/// The size of the memory for `length` bytes; none where it isn't kept.
fn pooled_size(length: usize) -> Option<usize> {
    let length = length.max(SMALLEST_POOLED);
    (length <= LARGEST_POOLED).then(|| length.next_multiple_of(length.next_power_of_two() / (2 * SIZES)))
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: BTreeMap::new(), bytes: 0 });

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Pool {
    /// Free memory by its size; the last that came is the likeliest to be in a cache.
    free: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Of all of it.
    bytes: usize,
}

impl Pool {
    fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        let memory = self.free.get_mut(&size)?.pop()?;
        self.bytes -= size;
        Some(memory)
    }

    /// Keeps `memory`, in the place of some of other sizes if need be. Gives what is to be freed.
    fn put(&mut self, mut memory: Vec<u8>) -> Vec<Vec<u8>> {
        let size = memory.capacity();
        if pooled_size(size) != Some(size) {
            return vec![memory];
        }
        let mut freed = Vec::new();
        while self.bytes + size > POOLED_BYTES {
            let other = self.free.iter_mut().find(|(other, list)| **other != size && !list.is_empty());
            let Some((other, list)) = other else {
                freed.push(memory);
                return freed;
            };
            self.bytes -= other;
            freed.extend(list.pop());
        }
        memory.clear();
        self.bytes += size;
        self.free.entry(size).or_default().push(memory);
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_waste_at_most_a_fifth_and_are_their_own() {
        for length in (SMALLEST_POOLED..=LARGEST_POOLED).step_by(997) {
            let size = pooled_size(length).expect("a size");
            assert!(size >= length && size - length <= size / 5, "{size} for {length}");
            assert_eq!(pooled_size(size), Some(size), "{length}");
        }
        assert_eq!(pooled_size(64 << 10), Some(64 << 10));
        assert_eq!(pooled_size(0), Some(SMALLEST_POOLED));
        assert_eq!(pooled_size(LARGEST_POOLED + 1), None);
    }

    #[test]
    fn memory_is_used_again_and_bounded() {
        let mut pool = Pool { free: BTreeMap::new(), bytes: 0 };
        let memory = |size: usize| {
            let mut memory = Vec::with_capacity(size);
            memory.push(7);
            memory
        };
        assert!(pool.take(65_536).is_none());
        let mut kept = memory(65_536);
        let place = kept.as_mut_ptr();
        assert!(pool.put(kept).is_empty());
        assert!(pool.take(131_072).is_none());
        let mut again = pool.take(65_536).expect("what was kept");
        assert_eq!((again.as_mut_ptr(), again.len()), (place, 0));
        assert_eq!(pool.bytes, 0);

        for _ in 0..POOLED_BYTES / 65_536 {
            assert!(pool.put(memory(65_536)).is_empty());
        }
        assert_eq!(pool.put(memory(65_536)).len(), 1, "no room for one more");
        assert_eq!(pool.put(memory(131_072)).len(), 2, "another size takes the place");
        assert_eq!(pool.bytes, POOLED_BYTES);
        assert_eq!(pool.put(memory(LARGEST_POOLED + 1)).len(), 1);
        assert!(pool.take(131_072).is_some() && pool.take(131_072).is_none());
    }

    #[test]
    fn a_copy_has_memory_of_its_own() {
        let (ones, twos) = (vec![1; 100_000], vec![2; 100_000]);
        let mut one = LargeBytes::copy_of(&ones);
        let mut two = one.clone();
        assert_ne!(one.as_mut_ptr(), two.as_mut_ptr());
        drop(one);
        assert_eq!(*LargeBytes::copy_of(&twos), *twos);
        assert_eq!(*two, *ones);
        assert!(LargeBytes::copy_of(&[]).is_empty());
    }
}

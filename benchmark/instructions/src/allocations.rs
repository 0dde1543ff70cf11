//! Memory, in a way that takes the same few instructions on every system: a list of free blocks for each size. The C
//! library's own way differs from version to version by more than what is to be noticed here.
//!
//! How often memory is allocated is counted: in a system of many threads it costs more than these instructions.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Blocks are of 2^n bytes, for these n.
const SMALLEST: u32 = 4;
const LARGEST: u32 = 20;
const SIZES: usize = (LARGEST - SMALLEST + 1) as usize;
const ALIGN: usize = 1 << SMALLEST;

struct Blocks;

/// A free block begins with where the next one is.
struct Free {
    first: [*mut u8; SIZES],
}

// SAFETY: whoever holds it is the only one who looks at the blocks in it.
unsafe impl Send for Free {}

static COUNT: AtomicU64 = AtomicU64::new(0);
static FREE: Mutex<Free> = Mutex::new(Free { first: [ptr::null_mut(); SIZES] });

#[global_allocator]
static ALLOCATOR: Blocks = Blocks;

#[allow(clippy::cast_ptr_alignment, reason = "every block is aligned for a pointer")]
// SAFETY: a block is `System`'s memory of at least the size and alignment of the layout, in use or in the list and never both.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let Some(size) = size_of_block(layout) else {
            // SAFETY: what the caller vouches for.
            return unsafe { System.alloc(layout) };
        };
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let block = free.first[size];
        if block.is_null() {
            drop(free);
            // SAFETY: the size is not 0, and the alignment is a power of two.
            return unsafe { System.alloc(Layout::from_size_align_unchecked(ALIGN << size, ALIGN)) };
        }
        // SAFETY: a free block is large enough and aligned for a pointer, and `dealloc` wrote one there.
        free.first[size] = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(size) = size_of_block(layout) else {
            // SAFETY: what the caller vouches for; such a layout was allocated by `System`.
            return unsafe { System.dealloc(block, layout) };
        };
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the block is large enough and aligned for a pointer, and nobody uses it any more.
        unsafe { block.cast::<*mut u8>().write(free.first[size]) };
        free.first[size] = block;
    }
}

/// Which list the blocks for `layout` are in; none for the few that are larger, or aligned to more.
fn size_of_block(layout: Layout) -> Option<usize> {
    let bits = layout.size().max(ALIGN).next_power_of_two().trailing_zeros();
    (bits <= LARGEST && layout.align() <= ALIGN).then(|| (bits - SMALLEST) as usize)
}

/// The allocations so far.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

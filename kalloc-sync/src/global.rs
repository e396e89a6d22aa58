//! The face of a heap that `#[global_allocator]` wants.
//!
//! It holds a heap, translates, and adds no state. It is a type of its own, because a type should not be an `Allocator`
//! and a `GlobalAlloc` at the same time: `core` may one day make the one of the other.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use kalloc_traits::{AllocError, Heap};

/// A heap as [`GlobalAlloc`]. A static of it must be `Sync`, as [`Locked`](crate::Locked) is.
///
/// A request that fails is a null pointer, and what `alloc` makes of that is its own affair (mostly a call of
/// `handle_alloc_error`). Requests of zero bytes, which nobody may make here, are answered as [`Heap`] answers them.
pub struct Global<S> {
    heap: S,
}

impl<S> Global<S> {
    /// Returns the face of `heap`. Can be called in a `const` context.
    #[inline]
    pub const fn new(heap: S) -> Self {
        Self { heap }
    }

    /// Returns the heap: for its counters, for `walk`, and as the `Allocator` of a collection.
    #[inline]
    pub const fn heap(&self) -> &S {
        &self.heap
    }

    /// Returns the heap, alone.
    #[inline]
    pub fn into_inner(self) -> S {
        self.heap
    }
}

/// Returns the pointer that stands for `result`: that of the block, or null.
#[inline]
fn pointer(result: Result<NonNull<[u8]>, AllocError>) -> *mut u8 {
    match result {
        Ok(block) => block.cast().as_ptr(),
        Err(AllocError) => ptr::null_mut(),
    }
}

// SAFETY: `Heap`'s contract covers this one: blocks fit their layout, live until they are freed, do not overlap, and
// no method unwinds. A block that could not be resized is as before.
unsafe impl<S: Heap> GlobalAlloc for Global<S> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        pointer(self.heap.allocate(layout))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        pointer(self.heap.allocate_zeroed(layout))
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller promises that the block is live and was allocated with this layout.
            unsafe { self.heap.deallocate(block, layout) }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (Some(block), Ok(new)) = (NonNull::new(block), Layout::from_size_align(new_size, layout.align())) else {
            return ptr::null_mut();
        };
        pointer(if new_size >= layout.size() {
            // SAFETY: the caller promises that the block is live and was allocated with this layout.
            unsafe { self.heap.grow(block, layout, new) }
        } else {
            // SAFETY: the caller promises that the block is live and was allocated with this layout.
            unsafe { self.heap.shrink(block, layout, new) }
        })
    }
}

//! A toy: it takes memory from the low end to the high end, and starts over when nothing is live any more.
//!
//! It looks right, and its author's tests pass. The rules find three that it breaks.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// An allocator over memory that it is given.
pub(crate) struct Toy {
    memory: NonNull<u8>,
    len: u32,
    /// How much is taken.
    taken: Cell<u32>,
    live: Cell<u32>,
}

impl Toy {
    /// Returns an allocator over `len` bytes.
    ///
    /// # Safety
    ///
    /// The bytes are valid, and nobody else's, for as long as the allocator is used.
    pub(crate) const unsafe fn new(memory: NonNull<u8>, len: u32) -> Self {
        Self {
            memory,
            len,
            taken: Cell::new(0),
            live: Cell::new(0),
        }
    }
}

// SAFETY: that is what the rules are asked.
unsafe impl GlobalAlloc for Toy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Four bytes are enough for a length: no memory here has more than 4 GiB.
        let size = layout.size() as u32;
        let start = self.memory.addr().get() + self.taken.get() as usize;
        let Some(padding) = start
            .checked_next_multiple_of(layout.align())
            .map(|place| place - start)
        else {
            return ptr::null_mut();
        };
        let Some(taken) = u32::try_from(padding)
            .ok()
            .and_then(|padding| self.taken.get().checked_add(padding)?.checked_add(size))
            .filter(|taken| *taken <= self.len)
        else {
            return ptr::null_mut();
        };
        self.taken.set(taken);
        self.live.set(self.live.get() + 1);
        // SAFETY: the block ends at `taken`, which is inside of the memory.
        unsafe { self.memory.add((taken - size) as usize) }.as_ptr()
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {
        self.live.set(self.live.get() - 1);
        if self.live.get() == 0 {
            self.taken.set(0);
        }
    }
}

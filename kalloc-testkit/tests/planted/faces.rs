//! The bugs of `GlobalAlloc`'s `realloc`, which the heaps behind it cannot have.

use std::alloc::{GlobalAlloc, Layout, System};

use kalloc_testkit::conformance::{Subject, suite};
use kalloc_testkit::face::GlobalFace;

use super::assert_caught;

/// A bug of `realloc`.
#[derive(Clone, Copy, PartialEq)]
enum Realloc {
    CopiesTooLittle,
    LosesAlignment,
    ClearsTooMuch,
}

/// The system's allocator with another `realloc`, or another `alloc_zeroed`.
struct Faulty(Realloc);

// SAFETY: it is the system's, but for the fault.
unsafe impl GlobalAlloc for Faulty {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.0 != Realloc::LosesAlignment {
            // SAFETY: the caller upholds the contract. With the other fault it may not, so that what was aligned leaks.
            unsafe { System.dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        let align = match self.0 {
            Realloc::LosesAlignment => 8,
            _ => old.align(),
        };
        let Ok(new) = Layout::from_size_align(new_size, align) else {
            return std::ptr::null_mut();
        };
        // SAFETY: the size is not zero.
        let moved = unsafe { self.alloc(new) };
        if moved.is_null() {
            return moved;
        }
        let copied = old.size().min(new_size) - usize::from(self.0 == Realloc::CopiesTooLittle);
        // SAFETY: both hold that many bytes.
        unsafe { moved.copy_from_nonoverlapping(block, copied) };
        if self.0 == Realloc::ClearsTooMuch {
            // SAFETY: the new block is at least a byte long.
            unsafe { moved.write(0) };
        }
        // SAFETY: the caller gives the block.
        unsafe { self.dealloc(block, old) };
        moved
    }
}

/// Fails unless the rule of that name fails on an allocator with the fault.
#[track_caller]
fn assert_fails(fault: Realloc, name: &str) {
    let make = || GlobalFace(Faulty(fault));
    assert_caught(&suite::contract(), name, &Subject::new(&make));
}

#[test]
fn copies_too_little() {
    assert_fails(Realloc::CopiesTooLittle, "growing_keeps_the_contents");
    assert_fails(Realloc::CopiesTooLittle, "shrinking_keeps_the_contents");
}

#[test]
fn loses_alignment() {
    assert_fails(Realloc::LosesAlignment, "growing_keeps_the_contents");
}

#[test]
fn clears_too_much() {
    assert_fails(Realloc::ClearsTooMuch, "doubling_vectors_keep_their_contents");
}

#[test]
fn returns_the_old_block_where_it_cannot_grow() {
    use kalloc_testkit::fault::planted::{Fault, Planted};
    use kalloc_testkit::region::GuardedRegion;
    use kalloc_testkit::workload::ROOM;
    use kalloc_traits::Heap;

    /// The memory of a sound heap, so that what is written past a block stays between guards.
    struct Stays(Planted<GuardedRegion>);

    // SAFETY: it is the heap, but for the fault.
    unsafe impl GlobalAlloc for Stays {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.0
                .allocate(layout)
                .map_or(std::ptr::null_mut(), |block| block.cast().as_ptr())
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller upholds the contract.
            unsafe { self.0.deallocate(std::ptr::NonNull::new(block).unwrap(), layout) };
        }

        unsafe fn realloc(&self, block: *mut u8, _old: Layout, _new_size: usize) -> *mut u8 {
            block
        }
    }

    let make = || GlobalFace(Stays(Planted::new(GuardedRegion::new(ROOM), Fault::None)));
    assert_caught(
        &suite::contract(),
        "growing_between_neighbours_keeps_the_contents",
        &Subject::new(&make),
    );
}

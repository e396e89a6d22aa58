//! The allocators as heaps.

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;

use kalloc_testkit::region::Held;
use kalloc_traits::glue::api2_02::AsHeap as AsHeap02;
use kalloc_traits::glue::api2_03::AsHeap as AsHeap03;
use kalloc_traits::glue::api2_04::AsHeap as AsHeap04;
use kalloc_traits::request::dangling;
use kalloc_traits::{AllocError, Heap, RawRegion};
use talc::source::Claim;

/// Emits an adapter for a release of linked_list_allocator, which leaves requests of no bytes to its caller.
macro_rules! linked_list {
    ($name:ident, $krate:ident, $start:expr) => {
        pub(crate) struct $name(RefCell<$krate::Heap>);

        impl $name {
            /// Returns it over a region. It documents no least size.
            pub(crate) fn over<R: RawRegion>(region: R) -> Held<Self, R> {
                Held::over(region, |span| {
                    let mut heap = $krate::Heap::empty();
                    let start: fn(NonNull<u8>) -> _ = $start;
                    if span.len() > 0 {
                        // SAFETY: the span's bytes belong to the heap until both are dropped.
                        unsafe { heap.init(start(span.start()), span.len()) };
                    }
                    Self(RefCell::new(heap))
                })
            }
        }

        // SAFETY: it serves blocks of at least the size, unless it has a bug; extents are cut to the size.
        unsafe impl Heap for $name {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                if layout.size() == 0 {
                    return Ok(dangling(layout.align()));
                }
                let block = self
                    .0
                    .borrow_mut()
                    .allocate_first_fit(layout)
                    .map_err(|()| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(block, layout.size()))
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                if layout.size() != 0 {
                    // SAFETY: the caller upholds the contract.
                    unsafe { self.0.borrow_mut().deallocate(block, layout) };
                }
            }

            unsafe fn resize_in_place(
                &self,
                _: NonNull<u8>,
                _: Layout,
                _: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                Err(AllocError)
            }
        }
    };
}

linked_list!(LinkedList0_8_11, lla_0_8_11, |start| start.as_ptr().expose_provenance());
linked_list!(LinkedList0_9_1, lla_0_9_1, |start| start.as_ptr().expose_provenance());
linked_list!(LinkedList0_10_3, lla_0_10_3, |start| start.as_ptr());

/// rlsf, with 16 classes for each power of two. It leaves requests of no bytes to its caller.
pub(crate) struct Rlsf(RefCell<rlsf::Tlsf<'static, u32, u16, 20, 16>>);

impl Rlsf {
    /// Returns it over a region.
    pub(crate) fn over<R: RawRegion>(region: R) -> Held<Self, R> {
        Held::over(region, |span| {
            let mut heap = rlsf::Tlsf::INIT;
            // SAFETY: the span's bytes belong to the heap until both are dropped.
            unsafe { heap.insert_free_block_ptr(NonNull::slice_from_raw_parts(span.start(), span.len())) };
            Self(RefCell::new(heap))
        })
    }
}

/// Cuts a block to its size, which is its extent.
fn cut(block: Option<NonNull<u8>>, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    Ok(NonNull::slice_from_raw_parts(block.ok_or(AllocError)?, layout.size()))
}

// SAFETY: it serves blocks of at least the size, unless it has a bug; extents are cut to the size.
unsafe impl Heap for Rlsf {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        cut(self.0.borrow_mut().allocate(layout), layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller upholds the contract.
            unsafe { self.0.borrow_mut().deallocate(block, layout.align()) };
        }
    }

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() {
            return Err(AllocError);
        }
        if old.size() != 0 && old.align() == new.align() {
            // SAFETY: the caller upholds the contract, and the alignment is the same.
            return cut(unsafe { self.0.borrow_mut().reallocate(block, new) }, new);
        }
        let moved = self.allocate(new)?;
        // SAFETY: both blocks are live and hold the old size.
        unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, old.size()) };
        // SAFETY: the caller upholds the contract.
        unsafe { self.deallocate(block, old) };
        Ok(moved)
    }
}

/// talc behind its lock, by its `Allocator` of allocator-api2 0.4.
pub(crate) type TalcLocked = AsHeap04<talc::TalcLock<spin_09::Mutex<()>, Claim>>;

/// Returns talc over a region.
pub(crate) fn talc_lock_over<R: RawRegion>(region: R) -> Held<TalcLocked, R> {
    Held::over(region, |span| {
        // SAFETY: the span's bytes belong to the heap until both are dropped.
        let source = unsafe { Claim::new(span.start().as_ptr(), span.len()) };
        AsHeap04(talc::TalcLock::new(source))
    })
}

/// Returns stalloc, which has its memory in itself, by its `Allocator` of allocator-api2 0.3. It is never freed, as the
/// trait is on a reference.
pub(crate) fn stalloc() -> AsHeap03<&'static stalloc::Stalloc<4096, 16>> {
    AsHeap03(Box::leak(Box::default()))
}

/// Returns an arena of blink-alloc over the program's own allocator, by allocator-api2 0.4.
pub(crate) fn blink() -> AsHeap04<blink_alloc::BlinkAlloc> {
    AsHeap04(blink_alloc::BlinkAlloc::new())
}

/// Returns an arena of bumpalo, by allocator-api2 0.2. It is never freed, as the trait is on a reference.
pub(crate) fn bumpalo() -> AsHeap02<&'static bumpalo::Bump> {
    AsHeap02(Box::leak(Box::default()))
}

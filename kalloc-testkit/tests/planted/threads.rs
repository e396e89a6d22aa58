//! The bugs of heaps that threads share.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kalloc_testkit::conformance::{Crowd, suite};
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_traits::{AllocError, Heap};

use super::{assert_caught, assert_same};

/// What is wrong between threads.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Sharing {
    /// Nothing.
    Sound,
    /// A freed block's link is written when the lock is released already.
    WritesLate,
    /// The block that was freed last is handed to the next thread without the lock, and is free all the same.
    PassesOn,
}

/// A heap behind a lock.
pub(crate) struct Shared {
    heap: Mutex<Planted<GuardedRegion>>,
    sharing: Sharing,
    /// The address and size of a block that is passed on.
    passed: [AtomicUsize; 2],
}

impl Shared {
    pub(crate) fn new(fault: Fault, sharing: Sharing) -> Self {
        Self {
            heap: Mutex::new(Planted::new(GuardedRegion::new(ROOM), fault)),
            sharing,
            passed: Default::default(),
        }
    }
}

// SAFETY: with `Sharing::Sound` and `Fault::None`, every method is the heap's, behind the lock.
unsafe impl Heap for Shared {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if self.sharing == Sharing::PassesOn && self.passed[1].load(Ordering::Relaxed) == layout.size() {
            let address = self.passed[0].swap(0, Ordering::Relaxed);
            let start = NonNull::new(std::ptr::with_exposed_provenance_mut::<u8>(address));
            if let Some(start) = start.filter(|_| layout.align() <= 8) {
                let extent = layout.size().next_multiple_of(8);
                return Ok(NonNull::slice_from_raw_parts(start, extent));
            }
        }
        self.heap.lock().unwrap().allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if self.sharing == Sharing::PassesOn && layout.size() > 0 {
            self.passed[0].store(block.as_ptr().expose_provenance(), Ordering::Relaxed);
            self.passed[1].store(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.lock().unwrap().deallocate(block, layout) };
        if self.sharing == Sharing::WritesLate && layout.size() >= 8 {
            thread::yield_now();
            // SAFETY: the word is in the region, but may be somebody's by now. This is the fault.
            unsafe { block.cast::<u64>().write_unaligned(0) };
        }
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.lock().unwrap().resize_in_place(block, old, new) }
    }
}

/// Fails unless the rule of that name fails on such a heap.
#[track_caller]
fn assert_fails(fault: Fault, sharing: Sharing, name: &str) {
    let make = || Shared::new(fault, sharing);
    assert_caught(&suite::threads(), name, &Crowd::new(&make));
}

#[test]
fn writes_late() {
    assert_fails(Fault::None, Sharing::WritesLate, "threads_share_a_heap");
    assert_fails(Fault::None, Sharing::WritesLate, "blocks_are_freed_by_other_threads");
}

#[test]
fn passes_on() {
    assert_fails(Fault::None, Sharing::PassesOn, "threads_share_a_heap");
}

#[test]
fn refuses_after_oom() {
    assert_fails(
        Fault::RefusesAfterOom,
        Sharing::Sound,
        "threads_exhaust_a_heap_together",
    );
}

#[test]
fn every_rule_fails_on_one_and_a_sound_heap_on_none() {
    let listed = [
        "threads_share_a_heap",
        "blocks_are_freed_by_other_threads",
        "threads_exhaust_a_heap_together",
    ];
    assert_same(listed, suite::threads().into_iter().map(|rule| rule.name));
    let make = || Shared::new(Fault::None, Sharing::Sound);
    for rule in suite::threads() {
        (rule.check)(&Crowd::new(&make)).unwrap_or_else(|failure| panic!("{rule}: {failure}"));
    }
}

//! A heap whose free memory is poison to everybody but itself.
//!
//! ```text
//!   between calls    ├ used ┤▒▒▒ free ▒▒▒├── used ──┤▒ cached ▒├ used ┤▒▒▒▒▒▒ free ▒▒▒▒▒▒┤
//!   during a call    ├────────────────────── all of it is the heap's ────────────────────┤
//! ```
//!
//! A heap without headers writes its lists into free blocks, so it must be let in: all poison is taken away when a call
//! begins, and the walk tells where to put it when the call ends.

use core::alloc::Layout;
use core::cell::{Cell, RefCell};
use core::ops::Range;
use core::ptr::NonNull;

use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, InitError, Inspect, RawBlock, RegionError, Run, RunKind, Stats,
    impl_allocator,
};

use super::forward::forward;

/// How to tell a tool which addresses nobody may touch.
#[derive(Clone, Copy, Debug)]
pub struct Poison {
    /// Makes an access to one of the addresses an error. They are memory of the heap.
    pub set: fn(Range<usize>),
    /// Makes all of the addresses memory again.
    pub clear: fn(Range<usize>),
}

/// A heap whose free memory is poisoned whenever the heap itself does not run: for AddressSanitizer, Valgrind, or a kernel's
/// own.
///
/// A use of freed memory, and one past a block into free memory, ends the program where it happens, as the tool does it.
/// AddressSanitizer knows memory in units of 8 bytes, and leaves the part of a unit before the next block alone.
///
/// The memory lies in one piece, as the walk shows it. Cost of each call, those of `Inspect` included: two passes over the
/// heap's runs.
///
/// ```ignore
/// use kalloc_testkit::region::{Poison, Poisoned};
///
/// // Build with `-Zsanitizer=address`.
/// unsafe extern "C" {
///     fn __asan_poison_memory_region(start: *const u8, len: usize);
///     fn __asan_unpoison_memory_region(start: *const u8, len: usize);
/// }
///
/// const ASAN: Poison = Poison {
///     // SAFETY: both functions write the sanitizer's own memory only, and the addresses are memory of the heap.
///     set: |range| unsafe { __asan_poison_memory_region(ptr::without_provenance(range.start), range.len()) },
///     clear: |range| unsafe { __asan_unpoison_memory_region(ptr::without_provenance(range.start), range.len()) },
/// };
///
/// let heap = Poisoned::new(Pool::new(MEMORY.region()), ASAN);
/// ```
#[derive(Debug)]
pub struct Poisoned<H: Inspect> {
    heap: H,
    poison: Poison,
    /// From the first poisoned address to the last.
    extent: RefCell<Range<usize>>,
    /// Calls that have begun and not ended: a region may call the heap that it feeds.
    depth: Cell<u32>,
}

impl<H: Inspect> Poisoned<H> {
    /// Returns the heap, with what is free in it poisoned.
    pub fn new(heap: H, poison: Poison) -> Self {
        let poisoned = Self {
            heap,
            poison,
            extent: RefCell::new(0..0),
            depth: Cell::new(0),
        };
        drop(poisoned.let_in());
        poisoned
    }

    /// Takes all poison away for as long as the value lives that it returns.
    fn let_in(&self) -> Inside<'_, H> {
        if self.depth.get() == 0 {
            self.clear();
        }
        self.depth.set(self.depth.get() + 1);
        Inside(self)
    }

    /// Takes all poison away.
    fn clear(&self) {
        let extent = self.extent.replace(0..0);
        if !extent.is_empty() {
            (self.poison.clear)(extent);
        }
    }

    /// Poisons what is free.
    fn set(&self) {
        // The walk reads free memory, so nothing is poisoned before it has ended.
        let mut free = alloc::vec::Vec::new();
        self.heap.walk(&mut |run| {
            if run.kind != RunKind::Used {
                free.push(run.start..run.start + run.len);
            }
        });
        if let (Some(first), Some(last)) = (free.first(), free.last()) {
            self.extent.replace(first.start..last.end);
        }
        free.into_iter().for_each(self.poison.set);
    }
}

/// A call of the heap, while which nothing is poisoned.
struct Inside<'p, H: Inspect>(&'p Poisoned<H>);

impl<H: Inspect> Drop for Inside<'_, H> {
    fn drop(&mut self) {
        let depth = self.0.depth.get() - 1;
        self.0.depth.set(depth);
        if depth == 0 {
            self.0.set();
        }
    }
}

impl<H: Inspect> Drop for Poisoned<H> {
    fn drop(&mut self) {
        // The memory goes back to whom it belongs.
        self.clear();
    }
}

// SAFETY: every method is the heap's. Poison changes no byte.
unsafe impl<H: Heap + Inspect> Heap for Poisoned<H> {
    forward!(calls self => self.heap, self.let_in());
    forward!(growth self => self.heap, self.let_in());
}

impl<H: Inspect> Inspect for Poisoned<H> {
    forward!(inspect self => self.heap, self.let_in());
}

impl_allocator!([H: Heap + Inspect] Poisoned<H>);

// A set of all addresses that are poisoned takes Miri minutes.
#[cfg(all(test, not(miri)))]
mod tests {
    use alloc::collections::BTreeSet;
    use std::thread_local;

    use super::*;
    use crate::drive::{Lens, play};
    use crate::fault::planted::{Fault, Planted};
    use crate::region::{GuardedRegion, Shape};
    use crate::workload::text;

    thread_local! {
        static POISONED: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
    }

    const POISON: Poison = Poison {
        set: |range| POISONED.with_borrow_mut(|poisoned| poisoned.extend(range)),
        clear: |range| POISONED.with_borrow_mut(|poisoned| poisoned.retain(|address| !range.contains(address))),
    };

    /// Returns whether so many bytes from a block's start are poisoned: all, some or none.
    fn poisoned(block: NonNull<u8>, len: usize) -> usize {
        let range = block.addr().get()..block.addr().get() + len;
        POISONED.with_borrow(|poisoned| poisoned.range(range).count())
    }

    #[test]
    fn a_block_is_poisoned_until_it_is_allocated_and_when_it_is_freed() {
        let heap = Poisoned::new(Planted::new(GuardedRegion::new(500), Fault::None), POISON);
        let layout = Layout::new::<[u64; 8]>();
        let block = heap.allocate(layout).unwrap().cast();
        let free = heap.stats().free;
        assert_eq!(poisoned(block, 64), 0);
        assert_eq!(POISONED.with_borrow(BTreeSet::len), free);
        // SAFETY: the block is live with this layout.
        unsafe { heap.deallocate(block, layout) };
        assert_eq!(poisoned(block, 64), 64);
        drop(heap);
        assert_eq!(POISONED.with_borrow(BTreeSet::len), 0);
    }

    #[test]
    fn what_is_poisoned_is_what_is_free_after_every_step() {
        let region = GuardedRegion::of(Shape::new(500).with_reserve(3000));
        let heap = Poisoned::new(Planted::new(region, Fault::None), POISON);
        for program in [
            "a0:9@1",
            "a0:100@64 z1:300@8 f0",
            "a0:1000@8 a1:8@8 g0:1500@8 f1",
            "a0:50@8 s0:8@8 r0:30@8",
        ] {
            play(&heap, Some(&heap), Lens::Inside, &text::read(program).unwrap()).unwrap();
            assert_eq!(POISONED.with_borrow(BTreeSet::len), heap.stats().free);
        }
    }

    #[test]
    fn the_heap_is_let_in_until_its_outermost_call_has_ended() {
        let heap = Poisoned::new(Planted::new(GuardedRegion::new(500), Fault::None), POISON);
        _ = heap.init();
        let outer = heap.let_in();
        assert_eq!(heap.stats().free, heap.stats().capacity);
        assert_eq!(POISONED.with_borrow(BTreeSet::len), 0);
        drop(outer);
        assert_eq!(POISONED.with_borrow(BTreeSet::len), heap.stats().free);
    }
}

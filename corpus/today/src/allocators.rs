//! The allocators as heaps. Adapters only translate; where an allocator leaves to its caller what `Heap` promises (requests of
//! no bytes, regions that are too small), they say so.

use std::alloc::{Layout, System};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use kalloc_testkit::conformance::{Report, Rule, Subject, suite};
use kalloc_testkit::region::{GuardedRegion, Held, Shape};
use kalloc_testkit::workload::ROOM;
use kalloc_traits::glue::global::GlobalHeap;
use kalloc_traits::glue::{api2_02, api2_03, api2_04};
use kalloc_traits::request::dangling;
use kalloc_traits::{AllocError, Heap, Span};
use talc::source::Claim;

/// Who is judged.
pub(crate) struct Allocator {
    pub(crate) release: &'static str,
    qualities: &'static [Quality],
    /// The rules that it breaks, and `docs/judged.md` says why it should not.
    pub(crate) violations: &'static [&'static str],
    /// Judges it by one rule.
    pub(crate) judge: fn(rule: &str) -> Report,
}

/// What an allocator says of itself.
#[derive(Clone, Copy)]
enum Quality {
    Lifo,
    Reuses,
    Coalesces,
    Exact,
    Deterministic,
}
use Quality::{Coalesces, Deterministic, Exact, Lifo, Reuses};

impl Allocator {
    /// Returns the names of the rules that it owes.
    pub(crate) fn rules(&self) -> Vec<&'static str> {
        let mut rules: Vec<Rule<Subject>> = suite::contract();
        for quality in self.qualities {
            rules.extend(match quality {
                Lifo => suite::lifo(),
                Reuses => suite::reuses(),
                Coalesces => suite::coalesces(),
                Exact => suite::exact_fit(),
                Deterministic => suite::deterministic(),
            });
        }
        rules.iter().map(|rule| rule.name).collect()
    }
}

/// Judges a heap by one rule.
fn judge<H: Heap + 'static>(make: impl Fn() -> H, name: &str) -> Report {
    let rules: Vec<_> = suite::all().into_iter().filter(|rule| rule.name == name).collect();
    Report::of(&rules, &Subject::new(&make))
}

/// Makes a heap in guarded memory.
fn held<H>(build: impl FnOnce(Span) -> H) -> Held<H, GuardedRegion> {
    Held::over(GuardedRegion::new(ROOM), build)
}

/// Makes a heap in guarded memory that starts at a multiple of its size: a buddy's largest block depends on where that is.
fn held_at_a_multiple<H>(build: impl FnOnce(Span) -> H) -> Held<H, GuardedRegion> {
    let shape = Shape::new(ROOM).with_base(ROOM.next_power_of_two(), 0);
    Held::over(GuardedRegion::of(shape), build)
}

/// Emits a heap around an allocator that leaves requests of no bytes to its caller, and cuts blocks to their size.
macro_rules! plain {
    ($name:ident, $inner:ty, |$heap:ident, $layout:ident| $allocate:expr, |$h:ident, $block:ident, $l:ident| $free:expr) => {
        struct $name(RefCell<$inner>);

        // SAFETY: it serves blocks of at least the size, out of the memory that it was given; extents are cut to the size.
        unsafe impl Heap for $name {
            fn allocate(&self, $layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                if $layout.size() == 0 {
                    return Ok(dangling($layout.align()));
                }
                let mut $heap = self.0.borrow_mut();
                let block: Option<NonNull<u8>> = $allocate;
                Ok(NonNull::slice_from_raw_parts(
                    block.ok_or(AllocError)?,
                    $layout.size(),
                ))
            }

            unsafe fn deallocate(&self, $block: NonNull<u8>, $l: Layout) {
                if $l.size() != 0 {
                    let mut $h = self.0.borrow_mut();
                    // SAFETY: the caller upholds the contract.
                    unsafe { $free };
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

plain!(
    LinkedList,
    linked_list_allocator::Heap,
    |heap, layout| heap.allocate_first_fit(layout).ok(),
    |heap, block, layout| heap.deallocate(block, layout)
);
plain!(
    Rlsf,
    rlsf::Tlsf<'static, u32, u16, 20, 16>,
    |heap, layout| heap.allocate(layout),
    |heap, block, layout| heap.deallocate(block, layout.align())
);
plain!(
    Buddy,
    buddy_system_allocator::Heap<32>,
    |heap, layout| heap.alloc(layout).ok(),
    |heap, block, layout| heap.dealloc(block, layout)
);
plain!(
    Galloc,
    // It points into itself once it has memory, so it must not move.
    Box<good_memory_allocator::Allocator>,
    // SAFETY: the size is not zero.
    |heap, layout| NonNull::new(unsafe { heap.alloc(layout) }),
    |heap, block, _layout| heap.dealloc(block.as_ptr())
);
plain!(
    Dlmalloc,
    dlmalloc::Dlmalloc<OneChunk>,
    // SAFETY: the size is not zero.
    |heap, layout| NonNull::new(unsafe { heap.malloc(layout.size(), layout.align()) }),
    |heap, block, layout| heap.free(block.as_ptr(), layout.size(), layout.align())
);

/// The one piece of memory that dlmalloc gets: a guarded region's.
struct OneChunk(Cell<Option<Span>>);

// SAFETY: one thread at a time uses it.
unsafe impl Send for OneChunk {}

// SAFETY: the memory is the span's, handed out once; nothing is given back or moved.
unsafe impl dlmalloc::Allocator for OneChunk {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        match self.0.take() {
            Some(span) if span.len() >= size => (span.start().as_ptr(), span.len(), 0),
            span => {
                self.0.set(span);
                (std::ptr::null_mut(), 0, 0)
            }
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        std::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    fn page_size(&self) -> usize {
        4096
    }
}

fn talc_cell(span: Span) -> api2_04::AsHeap<talc::TalcCell<Claim>> {
    // SAFETY: the span's bytes belong to the heap until both are dropped.
    let source = unsafe { Claim::new(span.start().as_ptr(), span.len()) };
    api2_04::AsHeap(talc::TalcCell::new(source))
}

fn talc_lock(span: Span) -> api2_04::AsHeap<talc::TalcLock<spin_09::Mutex<()>, Claim>> {
    // SAFETY: the span's bytes belong to the heap until both are dropped.
    let source = unsafe { Claim::new(span.start().as_ptr(), span.len()) };
    api2_04::AsHeap(talc::TalcLock::new(source))
}

/// Returns linked_list_allocator, over memory that is large enough for it.
fn linked_list(span: Span) -> LinkedList {
    let mut heap = linked_list_allocator::Heap::empty();
    // SAFETY: the span's bytes belong to the heap until both are dropped.
    unsafe { heap.init(span.start().as_ptr(), span.len()) };
    LinkedList(RefCell::new(heap))
}

fn rlsf(span: Span) -> Rlsf {
    let mut heap = rlsf::Tlsf::new();
    // SAFETY: the span's bytes belong to the heap until both are dropped.
    unsafe { heap.insert_free_block_ptr(NonNull::slice_from_raw_parts(span.start(), span.len())) };
    Rlsf(RefCell::new(heap))
}

fn buddy(span: Span) -> Buddy {
    let mut heap = buddy_system_allocator::Heap::empty();
    // SAFETY: the span's bytes belong to the heap until both are dropped.
    unsafe { heap.init(span.start_addr(), span.len()) };
    Buddy(RefCell::new(heap))
}

fn galloc(span: Span) -> Galloc {
    let mut heap = Box::new(good_memory_allocator::Allocator::empty());
    // SAFETY: the span's bytes belong to the heap until both are dropped.
    unsafe { heap.init(span.start_addr(), span.len()) };
    Galloc(RefCell::new(heap))
}

fn dlmalloc(span: Span) -> Dlmalloc {
    Dlmalloc(RefCell::new(dlmalloc::Dlmalloc::new_with_allocator(OneChunk(
        Cell::new(Some(span)),
    ))))
}

/// Leaks a value: for allocators whose trait is on a reference.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub(crate) const ALLOCATORS: &[Allocator] = &[
    Allocator {
        release: "talc 5.1.1, TalcCell",
        qualities: &[Lifo, Reuses, Coalesces, Exact, Deterministic],
        violations: &[],
        judge: |rule| judge(|| held(talc_cell), rule),
    },
    Allocator {
        release: "talc 5.1.1, TalcLock",
        qualities: &[],
        violations: &[
            "no_bytes_are_served_at_every_alignment",
            "no_bytes_at_huge_alignments_do_no_harm",
            "a_full_heap_serves_no_bytes",
            "freeing_no_bytes_changes_nothing",
            "no_bytes_grow_to_a_block",
            "a_block_can_shrink_to_no_bytes",
            "no_bytes_are_never_resized_in_place",
            "a_grown_block_has_the_extent_of_its_size",
            "random_programs_of_mixed_blocks",
            "random_programs_on_a_full_heap",
            "zeroed_blocks_are_zero_after_use",
            "blocks_said_to_be_zero_are",
            "a_full_heap_resizes_or_refuses",
            "shrinking_keeps_the_contents",
        ],
        judge: |rule| judge(|| held(talc_lock), rule),
    },
    Allocator {
        release: "linked_list_allocator 0.10.6",
        qualities: &[Lifo, Reuses, Coalesces, Exact, Deterministic],
        violations: &[],
        judge: |rule| judge(|| held(linked_list), rule),
    },
    Allocator {
        release: "rlsf 0.2.3",
        qualities: &[Lifo, Reuses, Coalesces, Deterministic],
        violations: &[],
        judge: |rule| judge(|| held(rlsf), rule),
    },
    Allocator {
        release: "buddy_system_allocator 0.13.0",
        qualities: &[Lifo, Reuses, Coalesces],
        violations: &[],
        judge: |rule| judge(|| held_at_a_multiple(buddy), rule),
    },
    Allocator {
        release: "good_memory_allocator 0.1.7",
        qualities: &[],
        violations: &["every_alignment_is_kept_or_refused"],
        judge: |rule| judge(|| held(galloc), rule),
    },
    Allocator {
        release: "dlmalloc 0.2.14",
        qualities: &[],
        violations: &[],
        judge: |rule| judge(|| held(dlmalloc), rule),
    },
    Allocator {
        release: "bumpalo 3.20.4",
        qualities: &[],
        violations: &[],
        judge: |rule| judge(|| api2_02::AsHeap(leak(bumpalo::Bump::new())), rule),
    },
    Allocator {
        release: "bump-scope 2.4.1",
        qualities: &[],
        violations: &[],
        judge: |rule| {
            judge(
                || api2_02::AsHeap(leak(bump_scope::Bump::<bump_scope::alloc::Global>::new())),
                rule,
            )
        },
    },
    Allocator {
        release: "blink-alloc 0.4.0",
        qualities: &[],
        violations: &[
            "the_largest_size_of_every_alignment_is_refused",
            "sizes_that_would_wrap_are_refused",
            "sizes_beyond_the_last_power_of_two_are_refused",
            "impossible_requests_leave_a_heap_usable",
            "blocks_never_overlap_until_the_heap_is_full",
            "random_programs_of_huge_blocks",
            "a_full_heap_refuses_and_keeps_its_blocks",
            "refusals_change_nothing",
            "a_refused_growth_leaves_the_block",
        ],
        judge: |rule| judge(|| api2_04::AsHeap(blink_alloc::BlinkAlloc::new()), rule),
    },
    Allocator {
        release: "stalloc 0.7.0",
        qualities: &[],
        violations: &[
            "the_largest_size_of_every_alignment_is_refused",
            "every_alignment_is_kept_or_refused",
            "a_grown_block_has_the_extent_of_its_size",
            "random_programs_of_mixed_blocks",
            "random_programs_of_over_aligned_blocks",
            "random_programs_of_huge_blocks",
            "random_programs_on_a_full_heap",
            "a_full_heap_resizes_or_refuses",
            "growing_to_a_larger_alignment_is_obeyed",
            "shrinking_to_a_larger_alignment_is_obeyed",
        ],
        judge: |rule| judge(|| api2_03::AsHeap(leak(stalloc::Stalloc::<4096, 16>::new())), rule),
    },
    Allocator {
        release: "mimalloc 0.1.48",
        qualities: &[Reuses],
        violations: &[],
        judge: |rule| judge(|| GlobalHeap(mimalloc::MiMalloc), rule),
    },
    Allocator {
        release: "System (glibc)",
        qualities: &[Reuses],
        violations: &[],
        judge: |rule| judge(|| GlobalHeap(System), rule),
    },
];

//! Every heap of kalloc over every kind of region: one test for each pair, which runs all rules.

#![cfg(not(miri))]

use std::alloc::{Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;

use kalloc_bump::{AtomicBump, Bump, Downward};
use kalloc_pool::{AddressOrdered, BestFitting, Pool, RealTime, Tiny};
use kalloc_sync::Locked;
use kalloc_testkit::conformance::{Report, Subject, suite};
use kalloc_testkit::region::{GuardedRegion, Held, Shape};
use kalloc_testkit::workload::ROOM;
use kalloc_traits::glue::global::GlobalHeap;
use kalloc_traits::{CarvedRegion, Heap, Inspect, MmapRegion, RangeRegion, SliceRegion, Span, StaticArray};

/// Heaps over one static each, as a rule needs up to three at a time.
const STATICS: usize = 4;

/// Judges heaps by what every heap owes, by what the inside of all of ours shows, and by `more`.
fn judge<H: Heap + Inspect + 'static>(make: impl Fn() -> H, more: Qualities) {
    let subject = Subject::open(&make);
    let mut rules = suite::contract();
    rules.extend(suite::inspect());
    if more != Qualities::OfASharedBump {
        rules.extend(suite::coalesces());
    }
    if more == Qualities::All {
        rules.extend(suite::exact_fit());
        rules.extend(suite::resize_in_place());
    }
    let report = Report::of(&rules, &subject);
    assert!(report.broken.is_empty(), "{report}");
}

/// What a heap is judged by, besides.
#[derive(PartialEq)]
enum Qualities {
    /// It reuses nothing.
    OfASharedBump,
    /// It reuses nothing before all is free.
    OfABump,
    /// Everything.
    All,
}

/// Returns the memory of a span for as long as the test runs; it must not outlive the region behind it.
fn slice(span: Span) -> SliceRegion<'static> {
    let start = span.start().cast::<MaybeUninit<u8>>().as_ptr();
    // SAFETY: `Held` keeps the memory longer than the heap, which gets the only slice of it.
    SliceRegion::new(unsafe { std::slice::from_raw_parts_mut(start, span.len()) })
}

/// Returns the region over a span by its addresses.
fn range(span: Span) -> RangeRegion {
    let start = span.start().as_ptr().expose_provenance();
    // SAFETY: `Held` keeps the memory longer than the heap, which alone uses it.
    unsafe { RangeRegion::new(start, span.len()) }
}

/// Returns memory that is a block of the system's.
fn carved() -> CarvedRegion<GlobalHeap<System>> {
    CarvedRegion::new(GlobalHeap(System), Layout::from_size_align(ROOM, 4096).unwrap())
}

/// Returns memory that starts small, odd and misaligned, and grows.
fn growing() -> GuardedRegion {
    GuardedRegion::of(Shape::new(333).with_reserve(ROOM).with_base(64, 3).zeroed())
}

/// Returns memory that starts misaligned, and has all of its odd length from the beginning.
fn fixed() -> GuardedRegion {
    GuardedRegion::of(Shape::new(ROOM + 5).with_base(64, 3).zeroed())
}

/// Emits the tests of one heap, made of a region by `$heap`.
macro_rules! over_regions {
    ($name:ident, $more:expr, $heap:expr) => {
        over_regions!($name, $more, $heap, over_growing_memory, growing, {
            #[test]
            #[cfg(unix)]
            fn over_memory_of_the_system() {
                judge(|| $heap(MmapRegion::new(ROOM)), $more);
            }
        });
    };
    ($name:ident, $more:expr, $heap:expr, $guarded:ident, $memory:ident, { $($besides:item)* }) => {
        mod $name {
            use super::*;

            #[test]
            fn $guarded() {
                judge(|| $heap($memory()), $more);
            }

            #[test]
            fn over_a_slice() {
                judge(
                    || Held::over(GuardedRegion::new(ROOM), |span| $heap(slice(span))),
                    $more,
                );
            }

            #[test]
            fn over_a_range_of_addresses() {
                judge(
                    || Held::over(GuardedRegion::new(ROOM), |span| $heap(range(span))),
                    $more,
                );
            }

            #[test]
            fn over_a_static() {
                static MEMORY: [StaticArray<ROOM>; STATICS] = [const { StaticArray::new() }; STATICS];
                let next = Cell::new(0);
                judge(
                    || {
                        next.set((next.get() + 1) % STATICS);
                        $heap(MEMORY[next.get()].region())
                    },
                    $more,
                );
            }

            #[test]
            fn over_a_block_of_another_heap() {
                judge(|| $heap(carved()), $more);
            }

            $($besides)*
        }
    };
}

over_regions!(bump, Qualities::OfABump, Bump::new);
// Memory that grows, such as that of the system, is none for a shared bump, which takes what there is at first.
over_regions!(
    atomic_bump,
    Qualities::OfASharedBump,
    AtomicBump::new,
    over_odd_memory,
    fixed,
    {}
);
over_regions!(bump_down, Qualities::OfABump, Bump::<_, Downward>::with_settings);
over_regions!(segregated, Qualities::All, Pool::<_>::new);
over_regions!(real_time, Qualities::All, Pool::<_, RealTime>::with_config);
over_regions!(first_fit, Qualities::All, Pool::<_, AddressOrdered>::with_config);
over_regions!(best_fit, Qualities::All, Pool::<_, BestFitting>::with_config);
over_regions!(tiny, Qualities::All, Pool::<_, Tiny>::with_config);
over_regions!(bump_locked, Qualities::OfABump, |region| Locked::<_>::new(Bump::new(
    region
)));
over_regions!(segregated_locked, Qualities::All, |region| Locked::<_>::new(
    Pool::<_>::new(region)
));
over_regions!(first_fit_locked, Qualities::All, |region| Locked::<_>::new(Pool::<
    _,
    AddressOrdered,
>::with_config(
    region
)));

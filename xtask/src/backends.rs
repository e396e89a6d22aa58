//! kalloc's heaps, as the judge, the explorer and the soak see them.

use std::alloc::Layout;

use kalloc_bump::{Bump, Direction, Downward, Lean, LeanDownward, Settings};
use kalloc_pool::{
    AddressOrdered, BestFitting, Checked, Config, Pool, RealTime, Regions, SegregatedFit, Standard, Tiny,
};
use kalloc_testkit::drive::explore::{Explored, Explorer, InPlace, Kept};
use kalloc_testkit::drive::{Failure, soak};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_traits::{Heap, Inspect, RangeRegion, RawRegion};

/// Granules of 16 bytes, and quick lists that a region of two hundred bytes has room for.
pub(crate) struct Hoarder;

impl Config for Hoarder {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 3;
    const QUICK_LARGEST: usize = 32;
    const QUICK_SHARE: u32 = 8;
    const QUICK_RESERVE: u32 = 0;
    type Index = SegregatedFit<1>;
}

/// A bump downwards, in units of 4 bytes.
pub(crate) struct Words;

impl Settings for Words {
    const DIRECTION: Direction = Direction::Down;
    const MIN_ALIGN: usize = 4;
}

/// A configuration, and what can be done with it.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    /// Explores all of a small space.
    pub(crate) explore: fn() -> Result<Explored, Failure>,
    /// Takes so many random steps from a seed, every block shadowed and every invariant checked. Panics if one breaks.
    pub(crate) soak: fn(seed: u64, ops: usize),
}

pub(crate) const BACKENDS: [Backend; 13] = [
    Backend {
        name: "pool Standard",
        explore: || explore_pool::<Standard>(176, &STANDARD, 0, true),
        soak: |seed, ops| soak_pool::<Standard>(seed, ops),
    },
    Backend {
        name: "pool RealTime",
        explore: || explore_pool::<RealTime>(160, &STANDARD, 0, false),
        soak: |seed, ops| soak_pool::<RealTime>(seed, ops),
    },
    Backend {
        name: "pool AddressOrdered",
        explore: || explore_pool::<AddressOrdered>(96, &ORDERED, 0, true),
        soak: |seed, ops| soak_pool::<AddressOrdered>(seed, ops),
    },
    Backend {
        name: "pool BestFitting",
        explore: || explore_pool::<BestFitting>(104, &ORDERED, 0, true),
        soak: |seed, ops| soak_pool::<BestFitting>(seed, ops),
    },
    Backend {
        name: "pool Tiny",
        explore: || explore_pool::<Tiny>(104, &ORDERED, 4, true),
        soak: |seed, ops| soak_pool::<Tiny>(seed, ops),
    },
    Backend {
        name: "pool, granules of 16",
        explore: || explore_pool::<Hoarder>(176, &HOARDER, 0, true),
        soak: |seed, ops| soak_pool::<Hoarder>(seed, ops),
    },
    Backend {
        name: "pool, checked",
        explore: || explore_pool::<Checked<Standard>>(240, &ORDERED, 0, true),
        soak: |seed, ops| soak_pool::<Checked<Standard>>(seed, ops),
    },
    Backend {
        name: "two regions",
        explore: || explore_regions::<AddressOrdered>([56, 56], &ORDERED, 0),
        soak: |seed, ops| soak_regions::<AddressOrdered>(seed, ops),
    },
    Backend {
        name: "bump",
        explore: || explore_bump::<kalloc_bump::Standard>(BUMP_BYTES, &BUMP),
        soak: |seed, ops| soak_bump::<kalloc_bump::Standard>(seed, ops),
    },
    Backend {
        name: "bump, downwards",
        explore: || explore_bump::<Downward>(BUMP_BYTES, &BUMP),
        soak: |seed, ops| soak_bump::<Downward>(seed, ops),
    },
    Backend {
        name: "bump, words, downwards",
        explore: || explore_bump::<Words>(BUMP_BYTES * Words::MIN_ALIGN + 2, &WORDS),
        soak: |seed, ops| soak_bump::<Words>(seed, ops),
    },
    Backend {
        name: "bump, lean",
        explore: || explore_bump::<Lean>(BUMP_BYTES, &BUMP),
        soak: |seed, ops| soak_bump::<Lean>(seed, ops),
    },
    Backend {
        name: "bump, lean, downwards",
        explore: || explore_bump::<LeanDownward>(BUMP_BYTES, &BUMP),
        soak: |seed, ops| soak_bump::<LeanDownward>(seed, ops),
    },
];

/// Returns a layout.
const fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(_) => panic!("a legal layout"),
    }
}

const ORDERED: [Layout; 5] = [
    layout(8, 8),
    layout(16, 8),
    layout(40, 8),
    layout(24, 32),
    layout(0, 16),
];
const STANDARD: [Layout; 6] = [
    layout(8, 8),
    layout(16, 8),
    layout(40, 8),
    layout(56, 8),
    layout(24, 32),
    layout(0, 16),
];
const HOARDER: [Layout; 4] = [layout(16, 8), layout(32, 8), layout(48, 16), layout(20, 32)];
const BUMP: [Layout; 5] = [layout(1, 1), layout(2, 1), layout(3, 2), layout(8, 8), layout(5, 1)];
const WORDS: [Layout; 5] = [layout(4, 1), layout(5, 4), layout(10, 8), layout(32, 32), layout(20, 1)];

/// Explores a pool over a region of `len` bytes. `from` is where a free block's state begins. A complete pool refuses nothing
/// that fits.
fn explore_pool<C: Config>(
    len: usize,
    layouts: &[Layout],
    from: usize,
    is_complete: bool,
) -> Result<Explored, Failure> {
    // SAFETY: a pool's state lies in its value and in the region, and nothing there points into the value.
    let place = unsafe { InPlace::open(len, Pool::<_, C>::with_config) };
    let explorer = Explorer::new(layouts).filled_once();
    let explorer = if is_complete {
        explorer.complete(C::GRANULE)
    } else {
        explorer
    };
    run_scrubbed(explorer, place, from)
}

/// Explores a heap in two regions that touch, of so many bytes each.
fn explore_regions<C: Config>([low, high]: [usize; 2], layouts: &[Layout], from: usize) -> Result<Explored, Failure> {
    let build = |whole: RangeRegion| {
        let heap = Regions::<RangeRegion, 2, C>::with_supply(());
        let start = whole.span().start();
        // SAFETY: these bytes are the first region's alone.
        let first = unsafe { RangeRegion::from_pointer(start, low) };
        // SAFETY: the offset is inside of the memory.
        let middle = unsafe { start.add(low) };
        // SAFETY: these bytes are the second region's alone.
        let second = unsafe { RangeRegion::from_pointer(middle, high) };
        heap.add(first).expect("enough memory");
        heap.add(second).expect("enough memory");
        heap
    };
    // SAFETY: the state lies in the value and in the regions, and nothing there points into the value.
    let place = unsafe { InPlace::open(low + high, build) };
    let explorer = Explorer::new(layouts).in_pieces(2).filled_once().complete(C::GRANULE);
    run_scrubbed(explorer, place, from)
}

/// Explores a heap made of pools, in which a free block's state begins at `from`.
fn run_scrubbed<H: Heap>(explorer: Explorer<'_>, mut place: InPlace<H>, from: usize) -> Result<Explored, Failure> {
    let (free, cached) = (
        Kept { from, to: 12, tail: 4 },
        Kept {
            from: 0,
            to: 8,
            tail: 0,
        },
    );
    // SAFETY: a pool keeps two links, of which a scan needs the second only, for its flag, and the size at a free block's
    // start, the size at its end, and a link and perhaps the size in a cached block.
    unsafe { explorer.scrubbed(free, cached) }.run(&mut place)
}

/// Explores a bump over a region of `len` bytes. One that does not count knows neither its blocks nor when all of them are gone.
fn explore_bump<S: Settings>(len: usize, layouts: &[Layout]) -> Result<Explored, Failure> {
    let explorer = Explorer::new(layouts).filled_once();
    let build = Bump::<RangeRegion, S>::with_settings;
    if S::COUNTS {
        // SAFETY: a bump's state lies in its value, and nothing there points into it.
        explorer.run(&mut unsafe { InPlace::open(len, build) })
    } else {
        // SAFETY: as before.
        explorer
            .may_stay_in_pieces()
            .run(&mut unsafe { InPlace::new(len, build) })
    }
}

/// A region in which a bump has ten million transitions.
const BUMP_BYTES: usize = 13;

/// Returns memory for a soak, of a shape that depends on the seed.
fn memory(seed: u64) -> GuardedRegion {
    let few = (seed % 64) as usize;
    GuardedRegion::of(Shape::new(40_000 + few * 37).with_base(64, few))
}

/// Soaks a pool, and expects to find it whole at the end.
fn soak_pool<C: Config>(seed: u64, ops: usize) {
    let pool = Pool::<_, C>::with_config(memory(seed));
    soak(&pool, seed, ops, |pool| pool.verify());
    pool.trim();
    let stats = pool.stats();
    assert_eq!((stats.used, stats.free), (0, stats.capacity), "seed {seed}, at the end");
}

/// Soaks a bump.
fn soak_bump<S: Settings>(seed: u64, ops: usize) {
    let bump = Bump::<_, S>::with_settings(memory(seed));
    soak(&bump, seed, ops, |bump| bump.verify());
}

/// Soaks a heap in two regions, and expects to find it whole at the end.
fn soak_regions<C: Config>(seed: u64, ops: usize) {
    let heap = Regions::<_, 2, C>::with_supply(());
    heap.add(memory(seed)).expect("enough memory");
    heap.add(memory(seed + 1)).expect("enough memory");
    soak(&heap, seed, ops, |heap| heap.verify());
    heap.trim();
    let stats = heap.stats();
    assert_eq!((stats.used, stats.free), (0, stats.capacity), "seed {seed}, at the end");
}

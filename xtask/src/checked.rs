//! Correct steps without end on checked pools: each alarm is a false one.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Checked, Config, Pool, Standard, Tiny};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, Inspect, SliceRegion};

/// Bytes of the region.
const LEN: usize = 256 * 1024;

/// Steps between two looks at all invariants.
const LOOK: usize = 1 << 12;

/// Takes so many steps on each configuration. Panics at an alarm.
pub(crate) fn soak(seed: u64, ops: usize) {
    soak_one::<Standard>(seed, ops);
    soak_one::<AddressOrdered>(seed, ops);
    soak_one::<BestFitting>(seed, ops);
    soak_one::<Tiny>(seed, ops);
}

fn soak_one<C: Config>(seed: u64, ops: usize) {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let pool = Pool::<_, Checked<C>>::with_config(SliceRegion::new(&mut memory));
    let mut rng = Rng::new(seed);
    let mut live: Vec<(NonNull<u8>, Layout)> = Vec::new();
    for step in 0..ops {
        let (choice, nth) = (rng.below(16), rng.below(live.len().max(1)));
        let most = 1 << rng.below(12);
        let size = 1 + rng.below(most);
        if choice < 8 && pool.stats().used < LEN / 4 * 3 || live.is_empty() {
            let layout = Layout::from_size_align(size, 1 << rng.below(7)).expect("a small layout");
            live.extend(pool.allocate(layout).map(|block| (block.cast(), layout)));
        } else if choice < 11 {
            let (start, old) = live[nth];
            let new = Layout::from_size_align(size, old.align()).expect("a small layout");
            // SAFETY: the block is live, and has this layout.
            if unsafe { pool.resize_in_place(start, old, new) }.is_ok() {
                live[nth].1 = new;
            }
        } else {
            let (start, layout) = live.swap_remove(nth);
            // SAFETY: the block is live, and has this layout.
            unsafe { pool.deallocate(start, layout) };
        }
        if step % LOOK == 0 {
            pool.verify().expect("the heap is whole");
            assert_eq!(pool.misuses(), 0, "seed {seed}, before step {step}");
        }
    }
    assert_eq!(pool.misuses(), 0, "seed {seed}");
    assert_eq!(pool.stats().live_blocks, live.len());
}

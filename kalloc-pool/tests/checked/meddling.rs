//! A checked pool over a region whose code frees what it should not.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;

use kalloc_pool::{Checked, Pool, Standard};
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};

use crate::Block;

/// A region whose code frees a block of the pool over it when it is to grow.
struct Meddling {
    start: NonNull<u8>,
    len: usize,
    most: usize,
}

/// What it frees, and of which pool.
struct Prey {
    pool: *const Pool<Meddling, Checked<Standard>>,
    block: Block,
}

thread_local! {
    static PREY: Cell<Option<Prey>> = const { Cell::new(None) };
}

// SAFETY: the test owns the memory and uses it by the pool only.
unsafe impl RawRegion for Meddling {
    fn span(&self) -> Span {
        Span::new(self.start, self.len)
    }

    fn grow(&mut self, _: usize) -> Result<(), RegionError> {
        if let Some(Prey { pool, block }) = PREY.take() {
            // SAFETY: the pool is alive, and may be called by its region.
            let pool = unsafe { &*pool };
            // SAFETY: the block is live.
            unsafe { pool.deallocate(block.0, block.1) };
        }
        self.len = self.most;
        Ok(())
    }
}

#[test]
fn a_block_that_the_region_frees_while_it_grows_is_not_freed_again() {
    let mut memory = vec![0u64; 2048];
    let start = NonNull::from(memory.as_mut_slice()).cast();
    let (len, most) = (4096, 16_384);
    let pool = Pool::<_, Checked<Standard>>::with_config(Meddling { start, len, most });
    let (small, large) = (Layout::new::<[u64; 100]>(), Layout::new::<[u64; 1000]>());
    let block = pool.allocate(small).unwrap().cast::<u8>();
    PREY.set(Some(Prey {
        pool: &raw const pool,
        block: (block, small),
    }));
    // SAFETY: the block is live now.
    assert!(unsafe { pool.grow(block, small, large) }.is_err());
    assert_eq!((pool.misuses(), pool.stats().used), (1, 0));
    pool.verify().unwrap();
}

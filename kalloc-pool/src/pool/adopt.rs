//! A pool that begins in memory with live blocks: the boot allocator's memory becomes the heap's.

use kalloc_traits::{HandOver, RawRegion, Refused};

use super::Pool;
use crate::config::Config;
use crate::engine::Engine;

impl<R: RawRegion, C: Config> Pool<R, C> {
    /// Ends another heap, most often a bump, and returns a pool over its whole region, in which its live blocks stay where they
    /// are. Takes time linear in the region's size over 64.
    ///
    /// These *boot blocks* may be freed and resized as if the pool had returned them, at the layout they were allocated with. As
    /// the other heap may have cut them at any byte, only the granules that are wholly a block's come back; what lies between
    /// two of them stays used for good. A boot block is never resized in place.
    ///
    /// [`Stats`](kalloc_traits::Stats) do not count boot blocks. Instead, `capacity` grows by what each of them gives back. Up to
    /// one 64th of their memory is used to tell them from others, for as long as the pool lives.
    ///
    /// The configuration has [`ADOPTS`](Config::ADOPTS) set, which the compiler checks:
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use kalloc_bump::Bump;
    /// use kalloc_pool::{Adopting, Pool, Standard};
    /// use kalloc_traits::{Heap, Inspect, StaticArray};
    ///
    /// static MEMORY: StaticArray<65536> = StaticArray::new();
    ///
    /// let boot = Bump::new(MEMORY.region());
    /// let table = boot.allocate(Layout::new::<[u64; 512]>()).unwrap();
    ///
    /// let pool = Pool::<_, Adopting<Standard>>::adopt(boot).unwrap();
    /// let before = pool.stats().capacity;
    /// // SAFETY: the table is live, and was allocated with this layout.
    /// unsafe { pool.deallocate(table.cast(), Layout::new::<[u64; 512]>()) };
    /// assert!(pool.stats().capacity - before >= 4096 - 16);
    /// ```
    ///
    /// # Errors
    ///
    /// The other heap comes back, with its blocks as they were: its region could not be claimed, is being claimed or grown, or
    /// what is free in it does not hold the pool's own state and one block.
    pub fn adopt<H: HandOver<Region = R>>(heap: H) -> Result<Self, Refused<H>> {
        const { assert!(C::ADOPTS, "the configuration has `ADOPTS` set: `Adopting<Standard>`") };
        const {
            assert!(
                !C::RETAINS,
                "the region's start may be in use, and the record would lie there"
            )
        };
        let handed = match heap.prepare() {
            Ok(handed) => handed,
            Err(reason) => return Err(Refused::new(heap, reason)),
        };
        let mut engine = Engine::EMPTY;
        // SAFETY: the heap is ours and is not used from here on, so the memory is, and is as it says.
        if let Err(reason) = unsafe { engine.adopt(handed) } {
            return Err(Refused::new(heap, reason));
        }
        let mut pool = Self::with_config(heap.into_region());
        *pool.engine.get_mut() = engine;
        pool.is_claimed.set(true);
        Ok(pool)
    }
}

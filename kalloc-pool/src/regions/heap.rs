//! Several regions as one heap.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::growth::Step;
use kalloc_traits::heap::resize_or_move;
use kalloc_traits::request::{Request, dangling};
use kalloc_traits::{AllocError, Grown, Growth, Heap, RawBlock, RawRegion, RegionError, impl_allocator};

use super::{Growing, Regions, Supply};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::{bytes, granules};

impl<R: RawRegion, const N: usize, C: Config, S: Supply<R>> Regions<R, N, C, S> {
    /// Allocates, and lets memory grow: each region in turn, and then the supply. Each is asked once, so this ends.
    #[cold]
    #[inline(never)]
    fn allocate_growing(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.asked.set(0);
        loop {
            if let Ok(block) = self.allocate_within(layout) {
                return Ok(block);
            }
            let Ok(growth) = self.begin_growth(layout) else { break };
            // SAFETY: the heap is alive, and what is called is not used until `end_growth`.
            let grown = unsafe { growth.run() };
            if self.end_growth(grown).is_err() && self.asked.get() > N {
                // What came in spite of the refusal may do.
                if let Ok(block) = self.allocate_within(layout) {
                    return Ok(block);
                }
                break;
            }
        }
        self.count_failure();
        Err(AllocError)
    }
}

// SAFETY:
// - A block's extent is that of the pools, which is a function of its size and the configuration.
// - Blocks lie in one pool each, which keeps them apart; the pools' regions do not overlap, as `add` has checked and their
//   contract says of growth.
unsafe impl<R: RawRegion, const N: usize, C: Config, S: Supply<R>> Heap for Regions<R, N, C, S> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match self.allocate_within(layout) {
            Ok(block) => Ok(block.block),
            Err(AllocError) => Ok(self.allocate_growing(layout)?.block),
        }
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        let Some((_, pool)) = self.pools().find(|(_, pool)| pool.covers(block)) else {
            // If it is checked, this reports it.
            self.permits(block, layout);
            return;
        };
        if C::CHECKED && !self.guarded(|| pool.permits_checked(block, layout)) {
            return;
        }
        // SAFETY: the caller upholds the contract, and the block lies in this pool.
        let extent = unsafe { pool.deallocate_permitted(block, layout) };
        self.used.set(self.used.get().wrapping_sub(extent));
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || new.size() == 0 {
            return Err(AllocError);
        }
        let Some((_, pool)) = self.pools().find(|(_, pool)| pool.covers(block)) else {
            // Likewise.
            self.permits(block, old);
            return Err(AllocError);
        };
        // SAFETY: the caller upholds the contract, and the block lies in this pool.
        let resized = self.guarded(|| unsafe { pool.resize_in_place(block, old, new) })?;
        let before = bytes::<C>(granules::<C>(old.size()) as u32);
        let used = self.used.get().wrapping_sub(before).wrapping_add(resized.len());
        self.used.set(used);
        self.peak.set(self.peak.get().max(used));
        Ok(resized)
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return Ok(RawBlock {
                block: dangling(layout.align()),
                is_zeroed: true,
            });
        }
        for (slot, pool) in self.pools() {
            if let Ok(block) = pool.allocate_within(layout) {
                self.served(slot, block.block.len());
                return Ok(block);
            }
        }
        Err(AllocError)
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        if self.growing.get() != Growing::Nobody {
            return Err(RegionError::Busy);
        }
        let request = Request::new(layout).ok_or(RegionError::Fixed)?;
        let order = self.order.get();
        while let Some(slot) = order
            .slots
            .get(self.asked.get())
            .filter(|_| self.asked.get() < order.len)
        {
            self.asked.set(self.asked.get() + 1);
            let growth = self.pool(*slot).and_then(|pool| pool.begin_growth(layout).ok());
            if let Some(growth) = growth {
                self.growing.set(Growing::Slot(*slot));
                return Ok(growth);
            }
        }
        if self.asked.get() > N || order.len == N {
            return Err(RegionError::Exhausted);
        }
        self.asked.set(N + 1);
        let bytes = Engine::<C>::region_for(request.size.get(), request.align).ok_or(RegionError::Exhausted)?;
        self.growing.set(Growing::Supply);
        Ok(Growth::new(
            NonNull::from(&self.supplier).cast::<super::Supplier<S, R>>(),
            Step::Grow(bytes),
        ))
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        let done = match self.growing.replace(Growing::Nobody) {
            Growing::Nobody => return Err(RegionError::Busy),
            Growing::Slot(slot) => self
                .pool(slot)
                .map_or(Err(RegionError::Fixed), |pool| pool.end_growth(grown)),
            Growing::Supply => {
                // SAFETY: the supply is not being called any more, and nobody else uses it.
                let offered = unsafe { &mut *self.supplier.get() }.offered.take();
                match offered {
                    Some(region) => self.add(region).map_err(|_| RegionError::Exhausted),
                    None => Err(RegionError::Exhausted),
                }
            }
        };
        // While there is somebody left to ask, the request is not lost.
        if self.asked.get() > N { done } else { Ok(()) }
    }

    fn count_failure(&self) {
        self.asked.set(0);
        self.failed.set(self.failed.get().saturating_add(1));
    }

    fn trim(&self) {
        self.pools().for_each(|(_, pool)| pool.trim());
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.allocate_within(layout)
            .or_else(|AllocError| self.allocate_growing(layout))
    }

    fn permits(&self, block: NonNull<u8>, layout: Layout) -> bool {
        if !C::CHECKED || layout.size() == 0 {
            return true;
        }
        // What lies in no region is foreign to any of them, so the first may say so.
        let pool = self
            .pools()
            .find(|(_, pool)| pool.covers(block))
            .or_else(|| self.pools().next());
        pool.is_some_and(|(_, pool)| self.guarded(|| pool.permits_checked(block, layout)))
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() || !self.permits(block, old) {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { resize_or_move(self, block, old, new) }
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() > old.size() || !self.permits(block, old) {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { resize_or_move(self, block, old, new) }
    }
}

impl_allocator!([R: RawRegion, const N: usize, C: Config, S: Supply<R>] Regions<R, N, C, S>);

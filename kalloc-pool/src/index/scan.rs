//! First fit by a scan of the boundary bitmap, which is the index itself.
//!
//! The bitmap has the free blocks in the order of their addresses, so a scan meets them from the lowest on; each is one
//! look at its size. There is no list and no state, but a bound below which no free block starts.

#![forbid(unsafe_code)]

use super::{Place, fit_aligned, sealed};
use crate::block::free::NIL;
use crate::block::{Arena, Id, Marked};
use crate::config::Config;

/// The lowest place that fits, always, with the least code. State: one word. Cost of a search: linear in the free blocks
/// below that place, and in the heap's size over 64. [`FirstFit`](super::FirstFit) finds the same places in less time.
#[derive(Debug)]
pub struct ScanFit {
    /// No free block starts below this granule.
    lowest: u32,
}

impl ScanFit {
    /// Asks for each free block, from the lowest on, until there is an answer; takes note of where the lowest is.
    fn find_map<C: Config, T>(&mut self, arena: &Arena<C>, answer: impl Fn(Id) -> Option<T>) -> Option<T> {
        let mut next = arena.next_free(self.lowest);
        self.lowest = next.map_or(arena.granules(), |id| id.0);
        while let Some(id) = next {
            let found = answer(id);
            if found.is_some() {
                return found;
            }
            next = arena.next_free(id.0 + arena.size(id));
        }
        None
    }
}

impl sealed::Index for ScanFit {
    /// A rest would not be the lowest place that fits.
    const SMALL: u32 = 0;

    const LOWEST_FIRST: bool = true;

    const EMPTY: Self = Self { lowest: 0 };

    fn table_len(_granules: u32) -> u32 {
        0
    }

    fn new(_granules: u32) -> Self {
        Self::EMPTY
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn relocate<C: Config>(&mut self, _arena: &mut Arena<C>, _old: &Arena<C>, _granules: u32) {}

    #[inline(never)]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn link<C: Config>(&mut self, arena: &mut Arena<C>, block: Marked) {
        arena.set_links(&block, NIL, NIL);
        self.lowest = self.lowest.min(block.id().0);
    }

    #[inline]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn unlink<C: Config>(&mut self, arena: &mut Arena<C>, id: Id, len: u32) -> Marked {
        let block = arena.unlinked(id, len);
        if id.0 == self.lowest {
            self.lowest = block.end();
        }
        block
    }

    #[inline]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn find<C: Config>(&mut self, arena: &Arena<C>, len: u32) -> Option<Id> {
        self.find_map(arena, |id| (arena.size(id) >= len).then_some(id))
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn find_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place> {
        self.find_map(arena, |id| fit_aligned(arena, id, len, align))
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn verify<C: Config>(&self, arena: &Arena<C>, _blocks: u32) -> Result<(), u32> {
        let below = arena.next_free(0).filter(|id| id.0 < self.lowest);
        below.map_or(Ok(()), |id| Err(id.0))
    }
}

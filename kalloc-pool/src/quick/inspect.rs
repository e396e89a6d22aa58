//! Looking into the quick lists, without trust in what they say.

use super::{LINK, Quick, SIZE};
use crate::block::Arena;
use crate::config::Config;

impl Quick {
    /// Returns how many blocks are in the list of a class, in a region of `granules`, for which the lists were laid out.
    fn held<C: Config>(&self, granules: u32, class: u32) -> u32 {
        // SAFETY: callers name lists that there are.
        let room = unsafe { self.look(class) }.room;
        self.bound::<C>(granules, class).saturating_sub(room)
    }

    /// Returns the granules in all lists, which were laid out for a region of `granules`. Takes time linear in the number of lists, a constant.
    pub(crate) fn cached<C: Config>(&self, granules: u32) -> u32 {
        let in_list = |class| self.held::<C>(granules, class).saturating_mul(class);
        (1..self.exact).map(in_list).fold(self.large, u32::saturating_add)
    }

    /// Returns how many granules a block of a class has, and where its successor in the list lies, if the block lies inside
    /// the region. The links may lead anywhere in a heap that somebody has overwritten.
    fn checked<C: Config>(&self, arena: &Arena<C>, class: u32, block: u32) -> Option<(u32, u32)> {
        if block == 0 || block >= arena.granules() {
            return None;
        }
        let len = if class < self.exact {
            class
        } else {
            // SAFETY: the granule lies inside the region. If the block is not really in the list, the word is somebody's
            // data, but initialised by whoever wrote the link to it or by its user.
            unsafe { arena.word(block, SIZE) }
        };
        let ends_inside = block.checked_add(len).is_some_and(|end| end <= arena.granules());
        // SAFETY: as above.
        (len > 0 && ends_inside).then(|| (len, unsafe { arena.word(block, LINK) }))
    }

    /// Returns the cached block with the lowest address that ends behind `granule`: its first granule and its size.
    /// Takes time linear in the number of cached blocks.
    pub(crate) fn next_from<C: Config>(&self, arena: &Arena<C>, granules: u32, granule: u32) -> Option<(u32, u32)> {
        let mut lowest = None;
        for class in 1..self.count {
            // SAFETY: there is such a list.
            let mut block = unsafe { self.look(class) }.head;
            // The links may lead round and round.
            for _ in 0..self.bound::<C>(granules, class) {
                let Some((len, next)) = self.checked(arena, class, block) else {
                    break;
                };
                if block + len > granule && lowest.is_none_or(|(start, _)| block < start) {
                    lowest = Some((block, len));
                }
                block = next;
            }
        }
        lowest
    }

    /// Checks the lists without reading outside of the region, whatever the links say.
    ///
    /// # Errors
    ///
    /// The granule where a list is wrong.
    pub(crate) fn verify<C: Config>(&self, arena: &Arena<C>, granules: u32) -> Result<(), u32> {
        let mut large = 0u32;
        for class in 1..self.count {
            // SAFETY: there is such a list.
            let list = unsafe { self.look(class) };
            let (mut block, mut room) = (list.head, self.bound::<C>(granules, class));
            while block != 0 {
                let broken = Err(block.min(arena.granules()));
                let Some((len, next)) = self.checked(arena, class, block) else {
                    return broken;
                };
                let is_marked = (block..block + len).any(|granule| arena.bit(granule));
                let is_lent = C::CHECKED && (block..block + len).any(|granule| arena.is_lent(granule));
                if room == 0 || is_marked || is_lent || self.classes.class_of(len) != class {
                    return broken;
                }
                room -= 1;
                large = large.wrapping_add(if class < self.exact { 0 } else { len });
                block = next;
            }
            if room != list.room {
                return Err(0);
            }
        }
        if large == self.large { Ok(()) } else { Err(0) }
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use kalloc_traits::Span;

    use super::*;
    use crate::block::Free;
    use crate::config::Standard;
    use crate::engine::Engine;
    use crate::index::SegregatedFit;

    const GRANULES: u32 = 1000;

    /// Calls `test` with a heap of so many granules that keeps a block for a `T`, and with its first granule.
    fn with_kept_block<C: Config, T>(granules: u32, test: impl FnOnce(&mut Engine<C>, u32)) {
        let mut memory = [0u64; 4000];
        let start = NonNull::from(&mut memory).cast::<u8>();
        let mut engine = Engine::<C>::EMPTY;
        // SAFETY: the memory outlives the heap, and is nobody else's.
        unsafe { engine.lay_out(Span::new(start, granules as usize * 8)) }.unwrap();
        let layout = Layout::new::<T>();
        let block = engine.allocate(layout).unwrap().cast::<u8>();
        // SAFETY: the block is live, and has this layout.
        unsafe { engine.deallocate(block, layout.size()) };
        assert_eq!(engine.quick.verify(&engine.arena, granules), Ok(()));
        assert_ne!(engine.quick.cached::<C>(granules), 0);
        let block = engine.arena.granule_of(block).unwrap();
        test(&mut engine, block);
    }

    #[test]
    fn a_kept_block_that_bears_a_mark_is_reported() {
        for at in 0..5 {
            with_kept_block::<Standard, [u64; 5]>(GRANULES, |engine, block| {
                // SAFETY: none: the list has it. But a mark on one granule changes the bitmap only.
                _ = engine.arena.mark(unsafe { Free::new(block + at, 1) });
                assert_eq!(engine.quick.verify(&engine.arena, GRANULES), Err(block), "granule {at}");
            });
        }
        // Marks beside it are those of other blocks.
        with_kept_block::<Standard, [u64; 5]>(GRANULES, |engine, block| {
            for beside in [block - 1, block + 5] {
                // SAFETY: as above.
                _ = engine.arena.mark(unsafe { Free::new(beside, 1) });
            }
            assert_eq!(engine.quick.verify(&engine.arena, GRANULES), Ok(()));
        });
    }

    #[test]
    fn a_kept_block_in_the_list_of_another_size_is_reported() {
        /// Sizes from 32 granules on share lists, in a region that is so small.
        struct Sharing;

        impl Config for Sharing {
            const GRANULE: usize = 8;
            const QUICK_EXACT: u32 = 32;
            const QUICK_LARGEST: usize = 1024;
            const QUICK_SHARE: u32 = 1;
            type Index = SegregatedFit<4>;
        }

        with_kept_block::<Sharing, [u64; 40]>(4000, |engine, block| {
            // A size of another list, and a sum to which it adds up.
            // SAFETY: the block is cached, and its second word is its size.
            unsafe { engine.arena.set_word(block, SIZE, 46) };
            engine.quick.large += 6;
            assert_eq!(engine.quick.verify(&engine.arena, 4000), Err(block));
        });
    }
}

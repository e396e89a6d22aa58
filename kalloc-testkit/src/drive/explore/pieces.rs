//! What a fresh heap has to give: the largest block that it serves, and if its memory lies in several pieces, the largest that it
//! serves besides.

use alloc::vec::Vec;
use core::alloc::Layout;
use core::ops::Range;

use super::place::Place;
use crate::drive::failure::{Failure, Verdict, ensure};

/// The sizes of the largest blocks at alignment 1, one after the other.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<usize>);

impl Pieces {
    /// Returns what the fresh heap serves, by halving: as many blocks as it has pieces. Leaves it fresh.
    pub(super) fn of(place: &mut dyn Place, count: usize) -> Self {
        let mut pieces = Self(Vec::new());
        for _ in 0..count {
            let (mut served, mut refused) = (0, place.memory().len() + 1);
            while refused - served > 1 {
                let middle = served + (refused - served) / 2;
                place.renew();
                let is_served = pieces.demand(place).is_ok() && place.heap().allocate(bytes(middle)).is_ok();
                *(if is_served { &mut served } else { &mut refused }) = middle;
            }
            pieces.0.push(served);
        }
        place.renew();
        pieces
    }

    /// Allocates all of them and frees them again, and returns where they were.
    pub(super) fn fill(&self, place: &dyn Place) -> Verdict<Vec<Range<usize>>> {
        let mut blocks = Vec::new();
        for &size in &self.0 {
            let Ok(block) = place.heap().allocate(bytes(size)) else {
                return Err(Failure::new("the largest block cannot be had twice".into()));
            };
            let offset = block.addr().get().wrapping_sub(place.memory().start_addr());
            let is_inside = offset <= place.memory().len() && block.len() <= place.memory().len() - offset;
            ensure!(size == 0 || is_inside, "the largest block is not inside the region");
            if size > 0 {
                // SAFETY: the block is live, and lies in the region.
                unsafe { place.memory().fill(offset, block.len()) };
            }
            blocks.push((block, size, offset));
        }
        for &(block, size, _) in &blocks {
            // SAFETY: it was allocated with this layout.
            unsafe { place.heap().deallocate(block.cast(), bytes(size)) };
        }
        place.heap().trim();
        Ok(blocks
            .iter()
            .map(|&(block, _, offset)| offset..offset + block.len())
            .collect())
    }

    /// Allocates all of them.
    pub(super) fn demand(&self, place: &dyn Place) -> Verdict {
        for &size in &self.0 {
            ensure!(
                place.heap().allocate(bytes(size)).is_ok(),
                "nothing is live, and the largest block of the fresh heap, {size} bytes, is refused"
            );
        }
        Ok(())
    }
}

/// Returns the layout of so many bytes, wherever they lie. They are fewer than a region has.
fn bytes(len: usize) -> Layout {
    Layout::from_size_align(len, 1).unwrap_or(Layout::new::<()>())
}

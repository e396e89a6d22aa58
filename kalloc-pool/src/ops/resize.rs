//! Resizing a block where it is.

use core::ptr::NonNull;

use crate::block::{Free, Used};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::granules;

impl<C: Config> Engine<C> {
    /// Changes the size of a block from `old` to `new` bytes, neither of them zero, without moving it. `None` if the
    /// memory behind it is not free or too small; then nothing has changed.
    ///
    /// The pointer that comes back derives from the region's, so it reaches the new end; the user's may not.
    ///
    /// # Safety
    ///
    /// The block is live, and `old` has its extent.
    #[inline]
    pub(crate) unsafe fn resize(&mut self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller upholds the contract.
        let block = unsafe { self.used(block, old) };
        let len = granules::<C>(new);
        let block = if len <= block.len() as usize {
            self.cut_tail(block, len as u32)
        } else {
            self.extend(block, len)?
        };
        Some(self.hand_out(block))
    }

    /// Frees all but the first `len` granules of `block`.
    fn cut_tail(&mut self, block: Used, len: u32) -> Used {
        let old = block.len();
        let (kept, tail) = block.release().split(len);
        if let Some(tail) = tail {
            if Self::HAS_LISTS {
                self.resized = old;
            }
            self.counters.shrink(tail.len());
            if C::CHECKED {
                self.arena.note_resized(kept.start(), old, len);
            }
            // The block itself bears no mark, so the tail merges with what follows only.
            self.coalesce(tail);
        }
        kept.lend()
    }

    /// Extends `block` to `len` granules into the free block behind it. `None` if that is too small, or not free: the block
    /// stays the user's as it is.
    fn extend(&mut self, block: Used, len: usize) -> Option<Used> {
        let extra = u32::try_from(len - block.len() as usize).ok()?;
        if Self::HAS_LISTS {
            self.resized = block.len();
        }
        let Some(taken) = self.cut_behind(block.end(), extra) else {
            if Self::HAS_LISTS {
                self.outgrown = block.len().saturating_add(extra);
            }
            return None;
        };
        self.counters.extend(extra);
        if C::CHECKED {
            self.arena.note_resized(block.start(), block.len(), len as u32);
        }
        Some(block.release().merge(taken).lend())
    }

    /// Cuts `len` granules off the free block that starts at `granule`.
    fn cut_behind(&mut self, granule: u32, len: u32) -> Option<Free> {
        self.walked = 0;
        if Self::KEEPS_REST && granule == self.rest.start() {
            if let Some(block) = self.rest.cut(len) {
                return Some(block);
            }
            self.join_rest_to_top();
        }
        if granule == self.top.start() {
            let taken = self.top.cut(len)?;
            self.note_cut_top();
            return Some(taken);
        }
        let right = self.arena.free_at(granule)?;
        let size = self.arena.size(right);
        if size < len {
            return None;
        }
        let right = self.unlink(right, size);
        let (taken, rest) = self.arena.cut(right, len);
        if let Some(rest) = rest {
            self.link(rest);
        }
        Some(taken)
    }
}

//! Merging a freed block with its free neighbours, and the two doors of the index.

use core::mem;

use crate::block::{Free, Id, Marked};
use crate::config::Config;
use crate::engine::Engine;
use crate::index::sealed::Index;
use crate::loose::Loose;

impl<C: Config> Engine<C> {
    /// Makes `block` free, merged with its neighbours where they are.
    #[inline(never)]
    pub(crate) fn coalesce(&mut self, block: Free) {
        self.walked = 0;
        // The rest and the top bear no mark, so they are asked for first.
        if Self::KEEPS_REST && (block.start() == self.rest.end() || block.end() == self.rest.start()) {
            return self.join_rest(block);
        }
        let left = self.arena.free_before(block.start());
        if block.end() == self.top.start() {
            let left = left.map(|(id, len)| self.index.unlink(&mut self.arena, id, len));
            return self.join_top(left, block);
        }
        let right = self.arena.free_at(block.end());
        if let (Some((id, len)), None) = (left, right) {
            // A large block that grows a little stays in its bin: its links need not be touched.
            if len > 1 && self.index.stays(len, len + block.len()) {
                return self.arena.extend(id, len, block);
            }
        }
        let block = match left {
            Some((id, len)) => {
                let left = self.index.unlink(&mut self.arena, id, len);
                self.arena.join_left(Some(left), block)
            }
            None => self.arena.join_left(None, block),
        };
        let whole = match right {
            Some(id) => {
                let len = self.arena.size(id);
                let right = self.index.unlink(&mut self.arena, id, len);
                self.arena.join_right(block, Some(right))
            }
            None => self.arena.join_right(block, None),
        };
        self.index.link(&mut self.arena, whole);
    }

    /// Merges `block` with the rest, next to which it lies, and with its neighbours: they become the rest, or the top.
    fn join_rest(&mut self, block: Free) {
        let mut whole = block;
        let is_left = whole.start() == self.rest.end();
        let rest = mem::replace(&mut self.rest, Loose::NONE).take();
        whole = match rest {
            Some(rest) if is_left => rest.merge(whole),
            Some(rest) => whole.merge(rest),
            // It was used up, and only says where it was.
            None => whole,
        };
        if let Some(left) = self.unlink_before(whole.start()) {
            whole = self.arena.unmark(left).merge(whole);
        }
        if whole.end() == self.top.start() {
            self.top.join(whole);
            return self.reopen_quick();
        }
        if let Some(right) = self.unlink_at(whole.end()) {
            whole = whole.merge(self.arena.unmark(right));
        }
        self.rest = Loose::new(whole);
    }

    /// Gives `block`, which ends where the top starts, to the top, and the free block `left` of it too.
    fn join_top(&mut self, left: Option<Marked>, block: Free) {
        let whole = match left {
            Some(left) => self.arena.unmark(left).merge(block),
            None => block,
        };
        self.top.join(whole);
        self.reopen_quick();
    }

    /// Gives the rest to the top if it lies right before it, where it was cut off.
    pub(super) fn join_rest_to_top(&mut self) {
        if Self::KEEPS_REST && self.rest.end() == self.top.start() {
            if let Some(rest) = mem::replace(&mut self.rest, Loose::NONE).take() {
                self.top.join(rest);
            }
        }
    }

    /// Takes the free block that ends right before `granule` out of the index, if there is one.
    #[inline]
    fn unlink_before(&mut self, granule: u32) -> Option<Marked> {
        let (id, len) = self.arena.free_before(granule)?;
        Some(self.index.unlink(&mut self.arena, id, len))
    }

    /// Takes the free block that starts at `granule` out of the index, if there is one.
    #[inline]
    fn unlink_at(&mut self, granule: u32) -> Option<Marked> {
        let id = self.arena.free_at(granule)?;
        let len = self.arena.size(id);
        Some(self.index.unlink(&mut self.arena, id, len))
    }

    /// Gives `block`, whose neighbours are not free, to the index.
    #[inline]
    pub(super) fn link(&mut self, block: Marked) {
        self.walked = 0;
        self.index.link(&mut self.arena, block);
    }

    /// Takes the block `id` of `len` granules out of the index.
    #[inline]
    pub(super) fn unlink(&mut self, id: Id, len: u32) -> Marked {
        self.walked = 0;
        self.index.unlink(&mut self.arena, id, len)
    }
}

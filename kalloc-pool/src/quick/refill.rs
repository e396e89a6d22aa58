//! Blocks cut in advance, for the requests that are likely to follow one.

use core::mem;

use super::{LINK, List, Quick};
use crate::block::Arena;
use crate::config::Config;
use crate::loose::Loose;

impl Quick {
    /// Cuts some blocks of `len` granules off `loose`, for the requests that are likely to follow one. The first of them
    /// lies first. Does nothing if the list is not empty, or has little room.
    #[inline(always)]
    pub(crate) fn refill<C: Config>(&mut self, arena: &mut Arena<C>, len: u32, loose: &mut Loose) {
        if C::QUICK_LARGEST == 0 || len >= self.exact {
            return;
        }
        // SAFETY: there is such a list.
        let mut list = unsafe { self.list(len) };
        // SAFETY: it is initialised and ours alone.
        let list = unsafe { list.as_mut() };
        let count = (list.room / 4).min(C::QUICK_BATCH);
        if list.head != 0 || count == 0 {
            return;
        }
        let mut last = 0;
        for _ in 0..count {
            let Some(block) = loose.cut(len) else { break };
            match last {
                0 => list.head = block.start(),
                // SAFETY: the block is ours, and has at least one granule.
                _ => unsafe { arena.set_word(last, LINK, block.start()) },
            }
            last = block.start();
            list.room -= 1;
        }
        if last != 0 {
            // SAFETY: as above.
            unsafe { arena.set_word(last, LINK, 0) };
        }
    }

    /// As [`refill`](Self::refill), with blocks at multiples of `align` bytes. What lies between them is cached too.
    pub(crate) fn refill_aligned<C: Config>(
        &mut self,
        arena: &mut Arena<C>,
        len: u32,
        align: usize,
        loose: &mut Loose,
    ) {
        if C::QUICK_BATCH == 0 || len >= self.exact {
            return;
        }
        // SAFETY: there is such a list.
        let List { head, room } = unsafe { self.look(len) };
        if head != 0 {
            return;
        }
        let mut last = 0;
        for _ in 0..(room / 4).min(C::QUICK_BATCH) {
            let start = arena.align_up(loose.start(), align);
            if start + len as usize > loose.end() as usize {
                break;
            }
            if let Some(gap) = loose.cut(start as u32 - loose.start()) {
                if let Err(gap) = self.push(arena, gap) {
                    loose.join(gap);
                    break;
                }
            }
            let Some(block) = loose.cut(len) else { break };
            // SAFETY: there is such a list.
            let mut list = unsafe { self.list(len) };
            // SAFETY: it is initialised and ours alone.
            let list = unsafe { list.as_mut() };
            let next = match last {
                0 => mem::replace(&mut list.head, block.start()),
                // SAFETY: the block is ours, and its first word is the link.
                _ => unsafe { arena.word(last, LINK) },
            };
            if last != 0 {
                // SAFETY: as above.
                unsafe { arena.set_word(last, LINK, block.start()) };
            }
            last = block.start();
            // SAFETY: the block is ours, and has at least one granule.
            unsafe { arena.set_word(last, LINK, next) };
            list.room -= 1;
        }
    }
}

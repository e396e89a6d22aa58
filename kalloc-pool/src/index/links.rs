//! Doubly linked lists of free blocks, whose links lie in the blocks and whose heads lie in the table.
//!
//! A [`Head`] is a word of the table. It is made of a number that the policy computes from a block's size, so the table must
//! have a head for every size that the region can hold; policies promise that in `table_len`.

use crate::block::free::NIL;
use crate::block::{Arena, Id, Marked};
use crate::config::Config;

/// The head of a list: a word of the index's table.
///
/// # Invariants
///
/// The table of every arena that it is used with has this word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head(u32);

impl Head {
    /// Returns the head that is the table's word `index`.
    ///
    /// Assumes that the index's table has this word: `index` is below the policy's own `table_len`.
    #[inline]
    pub(super) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Returns the link in the head.
    #[inline]
    pub(super) fn get<C: Config>(self, arena: &Arena<C>) -> u32 {
        // SAFETY: the table has this word, by the type's invariant.
        let word = unsafe { arena.table_word(self.0) };
        // SAFETY: it was cleared when the table was laid out (P2).
        unsafe { word.read() }
    }

    /// Sets the link in the head.
    #[inline]
    pub(super) fn set<C: Config>(self, arena: &mut Arena<C>, link: u32) {
        // SAFETY: the table has this word, by the type's invariant.
        let word = unsafe { arena.table_word(self.0) };
        // SAFETY: the index's part of the table is ours.
        unsafe { word.write(link) };
    }

    /// Returns the first block of the list.
    #[inline]
    pub(super) fn first<C: Config>(self, arena: &Arena<C>) -> Option<Id> {
        id(self.get(arena))
    }
}

/// Returns the block behind `block` in its list.
#[inline]
pub(super) fn next<C: Config>(arena: &Arena<C>, block: Id) -> Option<Id> {
    id(arena.next(block))
}

/// Puts `block` first in the list of `head`. Returns whether the list was empty.
#[inline]
pub(super) fn push<C: Config>(arena: &mut Arena<C>, head: Head, block: Marked) -> bool {
    let old = head.get(arena);
    arena.set_links(&block, NIL, old);
    head.set(arena, block.id().0);
    match id(old) {
        Some(old) => {
            arena.set_prev(old, block.id().0);
            false
        }
        None => true,
    }
}

/// Takes `block`, the first, out of the list of `head`. Returns whether the list is empty now.
#[inline]
pub(super) fn pop<C: Config>(arena: &mut Arena<C>, head: Head, block: Id) -> bool {
    let next = arena.next(block);
    head.set(arena, next);
    match id(next) {
        Some(next) => {
            arena.set_prev(next, NIL);
            false
        }
        None => true,
    }
}

/// Takes `block` out of its list, whose head is only asked for if the block is the first. Returns whether the list is empty now.
#[inline(always)]
pub(super) fn remove<C: Config>(arena: &mut Arena<C>, block: Id, head: impl FnOnce() -> Head) -> bool {
    let (prev, next) = (arena.prev(block), arena.next(block));
    if let Some(next) = id(next) {
        arena.set_prev(next, prev);
    }
    match id(prev) {
        Some(prev) => {
            arena.set_next(prev, next);
            false
        }
        None => {
            head().set(arena, next);
            next == NIL
        }
    }
}

/// Returns the name that a link holds.
#[inline]
fn id(link: u32) -> Option<Id> {
    (link != NIL).then_some(Id(link))
}

//! Digital trees of free blocks in heap order: two links in each block, and the root in the value.
//!
//! A block has a *key*, and a place in an *order*, which the policy chooses. The tree branches by the bits of the keys, the
//! first bit at the root; each subtree has at its root the block that stands above all others of the subtree:
//!
//! ```text
//!   keys are first granules, of 16; larger blocks stand above smaller ones; `9×5` is the block 9..14
//!
//!                   9×5
//!          0 ┌───────┴───────┐ 1         by the first bit: 0..8 and 8..16
//!           5×3             15×1
//!      0 ┌───┴───┐ 1                     by the second: 0..4 and 4..8
//!       1×2     …
//! ```
//!
//! A step down spends one bit, so no path has more steps than a key has bits, whatever the blocks are and in whatever order
//! they came; keys that are spread out make it as short as a balanced tree's. No rotation, no colour and no link upwards are
//! needed, so two links are enough, and a free block of one granule has them. Nothing recurs: a descent is a loop, and a
//! walk keeps the few turns that it has not taken yet.
//!
//! This is the radix priority search tree of McCreight ("Priority search trees", SIAM Journal on Computing 14, 1985), which
//! is a digital search tree (Coffman, Eve: "File structures using hashing functions", CACM 13, 1970) kept in heap order.

#![forbid(unsafe_code)]

use core::marker::PhantomData;

use crate::block::free::NIL;
use crate::block::{Arena, Id, Marked};
use crate::config::Config;

/// The most bits of a key.
pub(super) const KEY_BITS: u32 = 36;

/// A free block of the tree, and its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) id: Id,
    pub(super) len: u32,
}

impl Node {
    /// Returns `block` as a node.
    #[inline]
    pub(super) const fn new(block: &Marked) -> Self {
        Self {
            id: block.id(),
            len: block.len(),
        }
    }

    /// Returns the block `id`.
    #[inline]
    pub(super) fn of<C: Config>(arena: &Arena<C>, id: Id) -> Self {
        let len = arena.size(id);
        Self { id, len }
    }

    /// Returns the block that a link leads to.
    #[inline]
    pub(super) fn at<C: Config>(arena: &Arena<C>, link: u32) -> Option<Self> {
        (link != NIL).then(|| Self::of(arena, Id(link)))
    }
}

/// How the blocks of a tree are told apart and ordered.
pub(super) trait Order {
    /// Returns a block's key in a region of up to `2^bits` granules: bits from the highest on, the others 0. Two blocks that
    /// do not overlap differ in their first [`KEY_BITS`] bits, or in all that a `usize` has.
    fn key(node: Node, bits: u32) -> usize;

    /// Returns whether `a` stands above `b`. This is a strict order.
    fn is_above(a: Node, b: Node) -> bool;
}

/// Where a link is: in a block, on one of its two sides; or the root.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The block, or [`NIL`] for the root.
    parent: u32,
    side: bool,
}

impl Slot {
    const ROOT: Self = Self {
        parent: NIL,
        side: false,
    };

    /// Returns the link of the block `id` on the side of the first bit of `key`.
    #[inline]
    fn of(id: Id, key: usize) -> Self {
        Self {
            parent: id.0,
            side: key >> (usize::BITS - 1) != 0,
        }
    }
}

/// A tree of free blocks.
#[derive(Debug)]
pub(super) struct Tree<O> {
    root: u32,
    bits: u32,
    order: PhantomData<O>,
}

impl<O: Order> Tree<O> {
    /// The tree of no region.
    pub(super) const EMPTY: Self = Self {
        root: NIL,
        bits: 1,
        order: PhantomData,
    };

    /// Returns a tree for the blocks of a region of up to `granules`.
    pub(super) fn new(granules: u32) -> Self {
        Self {
            bits: Self::bits_for(granules),
            ..Self::EMPTY
        }
    }

    /// Returns how many bits the number of a granule has, one at least.
    pub(super) const fn bits_for(granules: u32) -> u32 {
        (granules | 1).ilog2() + 1
    }

    /// Returns how many bits the number of a granule has.
    #[inline]
    pub(super) const fn bits(&self) -> u32 {
        self.bits
    }

    /// Returns the block that stands above all others.
    #[inline]
    pub(super) fn root<C: Config>(&self, arena: &Arena<C>) -> Option<Node> {
        Node::at(arena, self.root)
    }

    #[inline]
    fn set<C: Config>(&mut self, arena: &mut Arena<C>, slot: Slot, link: u32) {
        match slot.parent {
            NIL => self.root = link,
            parent => arena.set_link(Id(parent), slot.side, link),
        }
    }

    /// Makes room for the blocks of a region of `granules`, in a tree that branches by address from the highest bit on.
    ///
    /// All blocks have a zero as their new first bit: below the root, which stands above all, they lie to the left.
    pub(super) fn deepen<C: Config>(&mut self, arena: &mut Arena<C>, granules: u32) {
        while self.bits < Self::bits_for(granules) {
            if let Some(top) = self.root(arena) {
                self.remove(arena, top);
                arena.set_link(top.id, false, self.root);
                arena.set_link(top.id, true, NIL);
                self.root = top.id.0;
            }
            self.bits += 1;
        }
    }

    /// Makes room for the blocks of a region of `granules`: if that takes more bits, or fewer, all blocks are inserted anew.
    pub(super) fn rebuild<C: Config>(&mut self, arena: &mut Arena<C>, granules: u32) {
        if self.bits == Self::bits_for(granules) {
            return;
        }
        *self = Self::new(granules);
        let mut from = 0;
        while let Some(id) = arena.next_free(from) {
            let node = Node::of(arena, id);
            arena.set_link(id, false, NIL);
            arena.set_link(id, true, NIL);
            self.insert(arena, node);
            from = id.0 + node.len;
        }
    }

    /// Inserts a block, whose links are [`NIL`]. On its way down it takes the place of the first block that it stands above; that one goes on.
    pub(super) fn insert<C: Config>(&mut self, arena: &mut Arena<C>, mut node: Node) {
        let mut key = O::key(node, self.bits);
        let mut depth = 0;
        let mut slot = Slot::ROOT;
        let mut link = self.root;
        while let Some(here) = Node::at(arena, link) {
            let mut parent = here.id;
            if O::is_above(node, here) {
                self.set(arena, slot, node.id.0);
                for side in [false, true] {
                    arena.set_link(node.id, side, arena.link(here.id, side));
                    arena.set_link(here.id, side, NIL);
                }
                parent = node.id;
                node = here;
                key = O::key(node, self.bits).wrapping_shl(depth);
            }
            slot = Slot::of(parent, key);
            link = arena.link(parent, slot.side);
            key <<= 1;
            depth += 1;
        }
        self.set(arena, slot, node.id.0);
    }

    /// Removes a block. The places below are filled from further below.
    pub(super) fn remove<C: Config>(&mut self, arena: &mut Arena<C>, node: Node) {
        let id = node.id;
        let mut key = O::key(node, self.bits);
        let mut slot = Slot::ROOT;
        let mut link = self.root;
        while link != id.0 {
            if link == NIL {
                // The heap was overwritten: the block is nowhere.
                return;
            }
            slot = Slot::of(Id(link), key);
            link = arena.link(Id(link), slot.side);
            key <<= 1;
        }
        let mut below = (arena.link(id, false), arena.link(id, true));
        loop {
            let side = match below {
                (NIL, NIL) => break,
                (_, NIL) => false,
                (NIL, _) => true,
                (left, right) => O::is_above(Node::of(arena, Id(right)), Node::of(arena, Id(left))),
            };
            let up = Id(if side { below.1 } else { below.0 });
            self.set(arena, slot, up.0);
            let further = (arena.link(up, false), arena.link(up, true));
            arena.set_link(up, false, below.0);
            arena.set_link(up, true, below.1);
            below = further;
            slot = Slot { parent: up.0, side };
        }
        self.set(arena, slot, NIL);
    }

    /// Checks that the tree holds `blocks` blocks, each where the bits of its key lead, and none below one that it stands
    /// above. Reads nothing outside of the region, whatever the links say.
    ///
    /// # Errors
    ///
    /// The granule where the tree is wrong.
    pub(super) fn verify<C: Config>(&self, arena: &Arena<C>, blocks: u32) -> Result<(), u32> {
        let mut turns = Turns::at(self.root);
        let mut seen = 0;
        while let Some((id, depth)) = turns.pop() {
            let node = Self::checked(arena, id.0)?;
            seen += 1;
            if seen > blocks {
                return Err(id.0);
            }
            for side in [true, false] {
                let link = arena.link(id, side);
                if link == NIL {
                    continue;
                }
                let child = Self::checked(arena, link)?;
                if depth >= KEY_BITS.min(usize::BITS) {
                    return Err(link);
                }
                let key = O::key(child, self.bits);
                // The bits that led here, and the one for this side.
                let is_astray = (key ^ O::key(node, self.bits))
                    .checked_shr(usize::BITS - depth)
                    .unwrap_or(0)
                    != 0;
                let is_on_side = Slot::of(id, key.wrapping_shl(depth)).side == side;
                if is_astray || !is_on_side || O::is_above(child, node) || !turns.push(link, depth + 1) {
                    return Err(link);
                }
            }
        }
        if seen == blocks { Ok(()) } else { Err(0) }
    }

    /// Returns the block that `link` leads to, if there is one that can be believed.
    fn checked<C: Config>(arena: &Arena<C>, link: u32) -> Result<Node, u32> {
        let len = arena.checked_size(Id(link)).ok_or(link.min(arena.granules()))?;
        Ok(Node { id: Id(link), len })
    }
}

/// The turns that a walk over a tree has not taken yet: at most one to each depth, so it needs no recursion.
#[derive(Debug)]
pub(super) struct Turns {
    links: [u32; Self::ROOM],
    depths: [u8; Self::ROOM],
    len: usize,
}

impl Turns {
    /// One for each depth, and two at the last.
    const ROOM: usize = KEY_BITS as usize + 2;

    /// Returns the turns of a walk from the root of a tree.
    pub(super) fn at(root: u32) -> Self {
        let mut turns = Self {
            links: [NIL; Self::ROOM],
            depths: [0; Self::ROOM],
            len: 0,
        };
        turns.push(root, 0);
        turns
    }

    /// Remembers the turn to `link`, if it leads anywhere. Returns whether there was room, as in a sound tree there is.
    pub(super) fn push(&mut self, link: u32, depth: u32) -> bool {
        if link == NIL {
            return true;
        }
        let (Some(last), Some(depth_of)) = (self.links.get_mut(self.len), self.depths.get_mut(self.len)) else {
            return false;
        };
        *last = link;
        *depth_of = depth as u8;
        self.len += 1;
        true
    }

    /// Takes the last turn: a block, and how many bits led to it.
    pub(super) fn pop(&mut self) -> Option<(Id, u32)> {
        self.len = self.len.checked_sub(1)?;
        Some((Id(*self.links.get(self.len)?), u32::from(*self.depths.get(self.len)?)))
    }
}

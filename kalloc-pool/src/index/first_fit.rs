//! First fit by address: a tree in which larger blocks stand above smaller ones, branching by address.
//!
//! Stephenson ("Fast fits: new methods for dynamic storage allocation", SOSP 1983) kept the free blocks in a Cartesian tree,
//! which a row of rising sizes makes a list. Here the bits of the address say where a block goes, and no row does.
//!
//! What else was tried. Instructions per operation, by callgrind on x86-64, among 1,000 and among 100,000 free blocks; half of
//! the operations are frees that join two of them. Sizes are equal, random up to 1 KiB, or rise with the address:
//!
//! | | equal | random | rising | table |
//! |---|---|---|---|---|
//! | this tree | 791, 1098 | 815, 1155 | 735, 1121 | none |
//! | Cartesian tree, equal sizes in the order of a hash | 669, 1143 | 822, 1247 | 3074, 9741 | none |
//! | maxima of 128 granules each, and of 8 maxima each | 428, 731 | 443, 508 | 441, 649 | 0.84 % of the region |
//! | `ScanFit` | 263, 270 | 1533, 1765 | 5597, 637923 | none |
//!
//! The maxima are faster still, and would cost half as much memory again as the bitmap does.

#![forbid(unsafe_code)]

use super::tree::{Node, Order, Tree, Turns};
use super::{Place, fit_aligned, sealed};
use crate::block::free::NIL;
use crate::block::{Arena, Id, Marked};
use crate::config::Config;

/// The lowest place that fits, always. State: two words, and the links in the free blocks.
///
/// Finding, holding and giving up a block each take one path down a tree, of at most as many steps as a granule's number has
/// bits (17 in a region of 1 MiB) and most often as many as the number of free blocks has. A request over-aligned to `a`
/// bytes looks, besides, at blocks below its place that have room for it, but not where its alignment wants it: they have
/// fewer than `a` bytes more than it needs, and there may be many.
#[derive(Debug)]
pub struct FirstFit {
    tree: Tree<BySize>,
}

/// Branches by address; larger blocks above.
#[derive(Debug)]
struct BySize;

impl Order for BySize {
    #[inline]
    fn key(node: Node, bits: u32) -> usize {
        (node.id.0 as usize) << (usize::BITS - bits)
    }

    #[inline]
    fn is_above(a: Node, b: Node) -> bool {
        a.len > b.len
    }
}

impl FirstFit {
    /// Returns the lowest granule that a subtree may have a block at, which is entered by `id` after `depth` bits.
    #[inline]
    fn lowest(&self, id: Id, depth: u32) -> u32 {
        let below = self.tree.bits().saturating_sub(depth);
        id.0 >> below << below
    }
}

impl sealed::Index for FirstFit {
    /// A rest would not be the lowest place that fits.
    const SMALL: u32 = 0;

    const LOWEST_FIRST: bool = true;

    const EMPTY: Self = Self { tree: Tree::EMPTY };

    fn table_len(_granules: u32) -> u32 {
        0
    }

    fn new(granules: u32) -> Self {
        Self {
            tree: Tree::new(granules),
        }
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn relocate<C: Config>(&mut self, arena: &mut Arena<C>, _old: &Arena<C>, granules: u32) {
        self.tree.deepen(arena, granules);
    }

    #[inline]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn link<C: Config>(&mut self, arena: &mut Arena<C>, block: Marked) {
        arena.set_links(&block, NIL, NIL);
        self.tree.insert(arena, Node::new(&block));
    }

    #[inline]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn unlink<C: Config>(&mut self, arena: &mut Arena<C>, id: Id, len: u32) -> Marked {
        self.tree.remove(arena, Node { id, len });
        arena.unlinked(id, len)
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn find<C: Config>(&mut self, arena: &Arena<C>, len: u32) -> Option<Id> {
        let fitting = |link| Node::at(arena, link).filter(|node| node.len >= len).map(|node| node.id);
        let mut best = self.tree.root(arena).filter(|root| root.len >= len)?.id;
        let mut here = best;
        let mut depth = 0;
        loop {
            depth += 1;
            // A subtree has a block that fits if, and only if, its root fits.
            here = match fitting(arena.link(here, false)) {
                Some(left) => left,
                None => match fitting(arena.link(here, true)) {
                    Some(right) if self.lowest(right, depth) < best.0 => right,
                    _ => return Some(best),
                },
            };
            best.0 = best.0.min(here.0);
        }
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn find_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place> {
        let mut best: Option<Place> = None;
        let mut turns = Turns::at(self.tree.root(arena)?.id.0);
        while let Some((id, depth)) = turns.pop() {
            let is_behind = best.is_some_and(|best| best.id.0 <= self.lowest(id, depth));
            if is_behind || arena.size(id) < len {
                continue;
            }
            let place = fit_aligned(arena, id, len, align);
            if place.is_some_and(|place| best.is_none_or(|best| place.id.0 < best.id.0)) {
                best = place;
            }
            // The left side is looked at first.
            turns.push(arena.link(id, true), depth + 1);
            turns.push(arena.link(id, false), depth + 1);
        }
        best
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn verify<C: Config>(&self, arena: &Arena<C>, blocks: u32) -> Result<(), u32> {
        self.tree.verify(arena, blocks)
    }
}

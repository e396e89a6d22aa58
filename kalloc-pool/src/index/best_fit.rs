//! Best fit: a tree in which smaller blocks stand above larger ones, branching by size and then by address.
//!
//! A block of `2^e` granules or more, but less than `2^(e+1)`, has a key of three parts:
//!
//! ```text
//!   │ e: 5 bits │ size, without its first bit: e bits │ first granule, without its last e bits │
//! ```
//!
//! Keys rise with the size and, among blocks of one size, with the address. Blocks of one size start `2^e` granules apart or
//! more, so what is cut off the address told nothing. A block stands above those with larger keys: where it fits a request,
//! it is the best of its subtree.

#![forbid(unsafe_code)]

use super::tree::{Node, Order, Tree};
use super::{Place, fit_aligned, sealed};
use crate::block::free::NIL;
use crate::block::{Arena, Id, Marked};
use crate::config::Config;

/// The smallest block that fits, always; of several, the lowest. State: two words, and the links in the free blocks.
///
/// The free end of the region counts as the largest block, whatever its size: it is cut when no other block fits.
///
/// Finding, holding and giving up a block each take one path down a tree, of at most as many steps as a granule's number has
/// bits (17 in a region of 1 MiB) and five more. A request over-aligned to `a` bytes takes a path for each block that it tries,
/// smallest first; one of `a` bytes more than it needs is certain to do, and there may be many before.
#[derive(Debug)]
pub struct BestFit {
    tree: Tree<ByKey>,
}

/// Bits of the exponent in a key.
const EXPONENT_BITS: u32 = 5;

/// Branches by size and address; smaller blocks above, lower ones of the same size.
#[derive(Debug)]
struct ByKey;

impl Order for ByKey {
    #[inline]
    fn key(node: Node, bits: u32) -> usize {
        let e = node.len.ilog2();
        let size = ((e as usize) << e) + (node.len as usize - (1 << e));
        let key = size << (bits - e) | node.id.0 as usize >> e;
        key << (usize::BITS - EXPONENT_BITS - bits)
    }

    #[inline]
    fn is_above(a: Node, b: Node) -> bool {
        (a.len, a.id.0) < (b.len, b.id.0)
    }
}

impl BestFit {
    /// Returns the first block at or behind `least`, by size and then by address.
    fn first_from<C: Config>(&self, arena: &Arena<C>, least: Node) -> Option<Node> {
        let mut key = ByKey::key(least, self.tree.bits());
        let mut here = self.tree.root(arena)?;
        let mut larger = None;
        loop {
            // All blocks in larger subtrees are larger than any here; the best of the last of them is its root.
            if !ByKey::is_above(here, least) {
                return Some(here);
            }
            let (left, right) = (arena.link(here.id, false), arena.link(here.id, true));
            let is_right = key >> (usize::BITS - 1) != 0;
            if !is_right && right != NIL {
                larger = Some(Id(right));
            }
            let Some(next) = Node::at(arena, if is_right { right } else { left }) else {
                return Some(Node::of(arena, larger?));
            };
            here = next;
            key <<= 1;
        }
    }
}

impl sealed::Index for BestFit {
    /// A rest would not be the smallest block that fits.
    const SMALL: u32 = 0;

    const EMPTY: Self = Self { tree: Tree::EMPTY };

    fn table_len(_granules: u32) -> u32 {
        0
    }

    fn new(granules: u32) -> Self {
        Self {
            tree: Tree::new(granules),
        }
    }

    /// Takes time in proportion to the number of free blocks when the region has doubled, as then all keys change.
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn relocate<C: Config>(&mut self, arena: &mut Arena<C>, _old: &Arena<C>, granules: u32) {
        self.tree.rebuild(arena, granules);
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
        Some(self.first_from(arena, Node { id: Id(NIL), len })?.id)
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn find_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place> {
        let mut least = Node { id: Id(NIL), len };
        loop {
            let block = self.first_from(arena, least)?;
            if let Some(place) = fit_aligned(arena, block.id, len, align) {
                return Some(place);
            }
            least = Node {
                id: Id(block.id.0 + 1),
                len: block.len,
            };
        }
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn verify<C: Config>(&self, arena: &Arena<C>, blocks: u32) -> Result<(), u32> {
        self.tree.verify(arena, blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::granule::MAX_GRANULES;
    use crate::index::tree::KEY_BITS;

    /// Bits of the granules' numbers in the region of the test.
    const BITS: u32 = if cfg!(miri) { 3 } else { 6 };

    /// Returns every free block that the region may have, by size and then by address.
    fn blocks() -> impl Iterator<Item = Node> {
        let granules = 1 << BITS;
        (1..granules).flat_map(move |len| (1..=granules - len).map(move |id| Node { id: Id(id), len }))
    }

    #[test]
    fn keys_rise_with_size_and_then_address_and_differ_unless_blocks_overlap() {
        for a in blocks() {
            for b in blocks() {
                let (key_a, key_b) = (ByKey::key(a, BITS), ByKey::key(b, BITS));
                if ByKey::is_above(a, b) {
                    assert!(key_a <= key_b, "{a:?} {b:?}");
                }
                // Free blocks are never adjacent.
                let are_apart = a.id.0 + a.len < b.id.0 || b.id.0 + b.len < a.id.0;
                assert!(!are_apart || key_a != key_b, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn keys_have_as_many_bits_as_a_granule_and_an_exponent() {
        for block in blocks() {
            assert_eq!(ByKey::key(block, BITS) << (BITS + EXPONENT_BITS), 0, "{block:?}");
        }
        // The largest regions: no bit is lost at either end.
        let bits = Tree::<ByKey>::bits_for(MAX_GRANULES);
        assert!(bits + EXPONENT_BITS <= KEY_BITS.min(usize::BITS));
        let whole = Node {
            id: Id(1),
            len: MAX_GRANULES - 1,
        };
        assert_eq!(
            ByKey::key(whole, bits) >> (usize::BITS - EXPONENT_BITS),
            bits as usize - 1
        );
    }
}

//! The index over the free blocks: which of them serves a request. This is the pool's policy.
//!
//! | policy | finds | state | link, unlink | find |
//! |---|---|---|---|---|
//! | [`SegregatedFit`] | a block of the request's own bin, or of the next one that has any | one word a bin | O(1) | O(1), and one bin before a refusal |
//! | [`FirstFit`] | the lowest block that fits | links in the blocks | O(log region) | O(log region) |
//! | [`BestFit`] | the smallest block that fits | links in the blocks | O(log region) | O(log region) |
//! | [`ScanFit`] | the lowest block that fits | none but the bitmap | O(1) | O(free blocks below) |
//!
//! A policy sees names ([`Id`]) and sizes, and blocks pass through two doors: `link` and `unlink`. It cannot make up memory,
//! so policies need no unsafe code.

pub(crate) mod links;

pub(crate) mod bins;

mod tree;

mod best_fit;
mod first_fit;
mod scan;
mod segregated;

pub use best_fit::BestFit;
pub use first_fit::FirstFit;
pub use scan::ScanFit;
pub use segregated::SegregatedFit;

use crate::block::{Arena, Id, Marked};
use crate::config::Config;

/// Where an over-aligned request goes: a free block, and the granule inside it at which the user's part starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) id: Id,
    pub(crate) start: u32,
}

/// The policy of a pool. It is sealed: the policies are those of this crate.
pub trait Index: sealed::Index {}

impl<I: sealed::Index> Index for I {}

pub(crate) mod sealed {
    use super::{Arena, Config, Id, Marked, Place};

    /// What a policy does. All sizes are in granules.
    pub trait Index: Sized {
        /// The largest size that [`take_exact`](Self::take_exact) knows of. What is left of a block that was cut for such a
        /// request is kept apart, and serves the next of them.
        const SMALL: u32;

        /// Whether a request gets the lowest place where it fits.
        const LOWEST_FIRST: bool = false;

        /// If a request may be refused although a block is free in which it fits, as that is up to one part in `2^s` larger than what
        /// is certain to: `s`. Blocks of fewer than `2^(s + 1)` granules are always found.
        const PASSES_OVER: Option<u32> = None;

        /// An index of no block, which finds nothing.
        const EMPTY: Self;

        /// Returns how many words of table the index needs for a region of `granules`.
        #[doc(hidden)]
        fn table_len(granules: u32) -> u32;

        /// Lays the index out on a table of zeros that has room for a region of `granules`.
        #[doc(hidden)]
        fn new(granules: u32) -> Self;

        /// Moves to `arena`, whose table of zeros has room for `granules`, from `old`, which has the same blocks.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn relocate<C: Config>(&mut self, arena: &mut Arena<C>, old: &Arena<C>, granules: u32);

        /// Holds `block` from now on.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn link<C: Config>(&mut self, arena: &mut Arena<C>, block: Marked);

        /// Gives the block `id` of `len` granules up, which it holds.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn unlink<C: Config>(&mut self, arena: &mut Arena<C>, id: Id, len: u32) -> Marked;

        /// Returns a block of at least `len` granules, for [`take`](Self::take): a policy with another way to take needs none.
        #[doc(hidden)]
        #[inline]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn find<C: Config>(&mut self, arena: &Arena<C>, len: u32) -> Option<Id> {
            let _ = (arena, len);
            None
        }

        /// Gives up a block of just `len` granules, which are at most [`SMALL`](Self::SMALL).
        #[doc(hidden)]
        #[inline]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn take_exact<C: Config>(&mut self, arena: &mut Arena<C>, len: u32) -> Option<Marked> {
            let _ = (arena, len);
            None
        }

        /// Gives up a block of more than `len` granules, which are at most [`SMALL`](Self::SMALL).
        #[doc(hidden)]
        #[inline]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn take_larger<C: Config>(&mut self, arena: &mut Arena<C>, len: u32) -> Option<Marked> {
            let _ = (arena, len);
            None
        }

        /// Gives up a block of at least `len` granules, which are more than [`SMALL`](Self::SMALL), if the one that serves
        /// best has less than `below`.
        #[doc(hidden)]
        #[inline]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn take<C: Config>(&mut self, arena: &mut Arena<C>, len: u32, below: u32) -> Option<Marked> {
            let id = self.find(arena, len)?;
            let size = arena.size(id);
            (size < below).then(|| self.unlink(arena, id, size))
        }

        /// Returns whether a block that it holds may grow from `old` to `new` granules at its high end and stay where it is.
        #[doc(hidden)]
        #[inline]
        fn stays(&self, old: u32, new: u32) -> bool {
            let _ = (old, new);
            false
        }

        /// Returns a place of `len` granules at a multiple of `align` bytes, which is more than a granule's, if it can be found
        /// at once.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn find_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place>;

        /// Returns such a place that [`find_aligned`](Self::find_aligned) did not look for, before the request is refused.
        #[doc(hidden)]
        #[inline]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn search_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place> {
            let _ = (arena, len, align);
            None
        }

        /// Checks that the index holds `blocks` blocks, each of them where it belongs. Reads nothing outside of the
        /// region, whatever the links say.
        ///
        /// # Errors
        ///
        /// The granule where the index is wrong.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn verify<C: Config>(&self, arena: &Arena<C>, blocks: u32) -> Result<(), u32>;
    }
}

/// Returns where `len` granules at a multiple of `align` bytes lie in the block `id`, if they fit.
#[inline]
fn fit_aligned<C: Config>(arena: &Arena<C>, id: Id, len: u32, align: usize) -> Option<Place> {
    let start = arena.align_up(id.0, align);
    let end = id.0 + arena.size(id);
    (start + len as usize <= end as usize).then_some(Place {
        id,
        start: start as u32,
    })
}

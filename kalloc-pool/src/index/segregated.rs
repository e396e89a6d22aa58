//! Segregated fit: a list of free blocks per bin, and a two-level map of the bins that hold any.
//!
//! ```text
//!   summary   one bit a word of the map         ┐ in the heap's value
//!   map       one bit a bin that holds a block  ┘
//!   heads     one link a bin                      in the table, inside the region
//! ```
//!
//! A request looks into its own bin first, where a few blocks are probed if they may be too small; the next bin that holds
//! a block is certain to fit. Before a request is refused, what may fit is searched to the end: its own bin, or for an
//! over-aligned request all that are not certain to. That is the only step that is not O(1), and a constant turns it off.

#![forbid(unsafe_code)]

use super::bins::{MAP_WORDS, MAX_S, WORD_BITS, bin_of, bins, lowest_from, own_and_certain};
use super::links::{self, Head};
use super::{Place, fit_aligned, sealed};
use crate::block::{Arena, Id, Marked};
use crate::config::Config;
use crate::granule::granules;

/// How many blocks of a bin are probed before a larger bin is taken.
const PROBES: usize = 4;

/// Good fit by segregated bins, with `2^S` subdivisions of each power of two (`S` from 1 to 4). Last in, first out.
///
/// Unless it is `EXHAUSTIVE`, a request is refused once four blocks of its own bin were too small and no larger bin has any:
/// each step is O(1), and a block of up to one part in `2^S` more than was asked for may stay free.
///
/// A bin's number is also the word of the table that is the head of its list.
#[derive(Debug)]
pub struct SegregatedFit<const S: u32, const EXHAUSTIVE: bool = true> {
    summary: usize,
    map: [usize; MAP_WORDS],
    bins: u32,
}

impl<const S: u32, const EXHAUSTIVE: bool> SegregatedFit<S, EXHAUSTIVE> {
    /// Returns the first bin at or above `bin` that holds a block.
    #[inline]
    fn next_bin(&self, bin: u32) -> Option<u32> {
        let word = bin / WORD_BITS;
        if let Some(bit) = lowest_from(*self.map.get(word as usize)?, bin % WORD_BITS) {
            return Some(word * WORD_BITS + bit);
        }
        let word = lowest_from(self.summary, word + 1)?;
        Some(word * WORD_BITS + self.map.get(word as usize)?.trailing_zeros())
    }

    /// Returns the first bin that holds a block, but for those of the map's first word.
    #[inline]
    fn next_bin_above_first_word(&self) -> Option<u32> {
        let word = lowest_from(self.summary, 1)?;
        Some(word * WORD_BITS + self.map.get(word as usize)?.trailing_zeros())
    }

    /// Returns the blocks of `bin`'s list.
    #[inline]
    fn blocks<'a, C: Config>(
        &self,
        arena: &'a Arena<C>,
        bin: u32,
    ) -> impl Iterator<Item = Id> + use<'a, C, S, EXHAUSTIVE> {
        core::iter::successors(Head::new(bin).first(arena), |&id| links::next(arena, id))
    }

    /// Notes that `bin` has got its first block.
    #[inline]
    fn set(&mut self, bin: u32) {
        let word = bin / WORD_BITS;
        if let Some(map) = self.map.get_mut(word as usize) {
            *map |= 1 << (bin % WORD_BITS);
            self.summary |= 1 << word;
        }
    }

    /// Notes that `bin` has lost its last block.
    #[inline]
    fn clear(&mut self, bin: u32) {
        let word = bin / WORD_BITS;
        if let Some(map) = self.map.get_mut(word as usize) {
            *map &= !(1 << (bin % WORD_BITS));
            if *map == 0 {
                self.summary &= !(1 << word);
            }
        }
    }
}

impl<const S: u32, const EXHAUSTIVE: bool> SegregatedFit<S, EXHAUSTIVE> {
    /// Gives up a block of `bin()`, which has `len` granules. Most blocks are not the first of their list, and then the bin's
    /// number is not needed.
    #[inline(always)]
    fn unlink_from<C: Config>(&mut self, arena: &mut Arena<C>, bin: impl Fn() -> u32, id: Id, len: u32) -> Marked {
        if links::remove(arena, id, || Head::new(bin())) {
            self.clear(bin());
        }
        arena.unlinked(id, len)
    }

    /// Gives up a block of at least `len` granules in `bin`, which is searched to its end.
    #[cold]
    fn search<C: Config>(&mut self, arena: &mut Arena<C>, bin: u32, len: u32, below: u32) -> Option<Marked> {
        let id = self.blocks(arena, bin).find(|&id| arena.size(id) >= len)?;
        let size = arena.size(id);
        (size < below).then(|| self.unlink_from(arena, || bin, id, size))
    }

    /// Gives up the first block of `bin`, which has `len` granules.
    #[inline(always)]
    fn pop<C: Config>(&mut self, arena: &mut Arena<C>, bin: u32, id: Id, len: u32) -> Marked {
        if links::pop(arena, Head::new(bin), id) {
            self.clear(bin);
        }
        arena.unlinked(id, len)
    }
}

impl<const S: u32, const EXHAUSTIVE: bool> sealed::Index for SegregatedFit<S, EXHAUSTIVE> {
    const SMALL: u32 = (2 << S) - 1;
    const PASSES_OVER: Option<u32> = if EXHAUSTIVE { None } else { Some(S) };

    const EMPTY: Self = Self {
        summary: 0,
        map: [0; MAP_WORDS],
        bins: 0,
    };

    fn table_len(granules: u32) -> u32 {
        const { assert!(1 <= S && S <= MAX_S, "from 2 to 16 subdivisions") };
        bins(granules, S)
    }

    fn new(granules: u32) -> Self {
        Self {
            bins: bins(granules, S),
            ..Self::EMPTY
        }
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn relocate<C: Config>(&mut self, arena: &mut Arena<C>, old: &Arena<C>, granules: u32) {
        // In a smaller region there are no blocks for the bins that go.
        for bin in 0..self.bins.min(bins(granules, S)) {
            let head = Head::new(bin);
            head.set(arena, head.get(old));
        }
        self.bins = bins(granules, S);
    }

    #[inline]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn link<C: Config>(&mut self, arena: &mut Arena<C>, block: Marked) {
        let bin = bin_of(block.len(), S);
        if links::push(arena, Head::new(bin), block) {
            self.set(bin);
        }
    }

    #[inline]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn unlink<C: Config>(&mut self, arena: &mut Arena<C>, id: Id, len: u32) -> Marked {
        self.unlink_from(arena, || bin_of(len, S), id, len)
    }

    #[inline(always)]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn take_exact<C: Config>(&mut self, arena: &mut Arena<C>, len: u32) -> Option<Marked> {
        let id = Head::new(len).first(arena)?;
        Some(self.pop(arena, len, id, len))
    }

    #[inline(always)]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn take_larger<C: Config>(&mut self, arena: &mut Arena<C>, len: u32) -> Option<Marked> {
        const { assert!(Self::SMALL < WORD_BITS) };
        let [low, ..] = self.map;
        // The bin of `len` itself is empty, or an exact block would have been taken.
        let bin = match low >> (len % WORD_BITS) {
            0 => self.next_bin_above_first_word()?,
            bins => len + bins.trailing_zeros(),
        };
        let id = Head::new(bin).first(arena)?;
        let size = arena.size(id);
        Some(self.pop(arena, bin, id, size))
    }

    #[inline(always)]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn take<C: Config>(&mut self, arena: &mut Arena<C>, len: u32, below: u32) -> Option<Marked> {
        let (own, certain) = own_and_certain(len, S);
        if own != certain {
            let mut next = Head::new(own).first(arena);
            for _ in 0..PROBES {
                let Some(id) = next else { break };
                let size = arena.long_size(id);
                if size >= len {
                    if size >= below {
                        return None;
                    }
                    return Some(self.unlink_from(arena, || own, id, size));
                }
                next = links::next(arena, id);
            }
        }
        let Some(bin) = self.next_bin(certain) else {
            return if EXHAUSTIVE {
                self.search(arena, own, len, below)
            } else {
                None
            };
        };
        let id = Head::new(bin).first(arena)?;
        let size = arena.long_size(id);
        if size >= below {
            return None;
        }
        Some(self.pop(arena, bin, id, size))
    }

    #[inline(always)]
    fn stays(&self, old: u32, new: u32) -> bool {
        // A bin is no wider than that.
        new - old <= old >> S && bin_of(old, S) == bin_of(new, S)
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn find_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place> {
        let own = bin_of(len, S);
        // A block of the request's own size that happens to lie right leaves no gap: look for that first.
        let mut next = Head::new(own).first(arena);
        for _ in 0..PROBES {
            let Some(id) = next else { break };
            let place = fit_aligned(arena, id, len, align);
            if place.is_some() {
                return place;
            }
            next = links::next(arena, id);
        }
        // So much room holds the request wherever it starts.
        let ample = u32::try_from(len as usize + granules::<C>(align) - 1)
            .ok()
            .filter(|&n| n <= arena.granules());
        let certain = ample.map_or(self.bins, |n| own_and_certain(n, S).1);
        let bin = self.next_bin(certain)?;
        fit_aligned(arena, Head::new(bin).first(arena)?, len, align)
    }

    #[cold]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn search_aligned<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Place> {
        if !EXHAUSTIVE {
            return None;
        }
        let mut bin = self.next_bin(bin_of(len, S));
        while let Some(here) = bin {
            if let Some(place) = self
                .blocks(arena, here)
                .find_map(|id| fit_aligned(arena, id, len, align))
            {
                return Some(place);
            }
            bin = self.next_bin(here + 1);
        }
        None
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn verify<C: Config>(&self, arena: &Arena<C>, blocks: u32) -> Result<(), u32> {
        let mut seen = 0;
        for bin in 0..self.bins {
            let map = self.map.get((bin / WORD_BITS) as usize).copied().unwrap_or(0);
            let is_set = map >> (bin % WORD_BITS) & 1 != 0;
            let is_summed = self.summary >> (bin / WORD_BITS) & 1 != 0;
            let mut id = Head::new(bin).first(arena);
            if is_set != id.is_some() || is_summed != (map != 0) {
                return Err(0);
            }
            let mut prev = 0;
            while let Some(here) = id {
                seen += 1;
                let is_own = arena.checked_size(here).is_some_and(|len| bin_of(len, S) == bin);
                if !is_own || seen > blocks || arena.prev(here) != prev {
                    return Err(here.0.min(arena.granules()));
                }
                prev = here.0;
                id = links::next(arena, here);
            }
        }
        if seen == blocks { Ok(()) } else { Err(0) }
    }
}

#[cfg(test)]
impl<const S: u32, const EXHAUSTIVE: bool> SegregatedFit<S, EXHAUSTIVE> {
    /// Returns the map of the bins that hold a block, and its summary, to break them.
    pub(crate) fn maps(&mut self) -> (&mut [usize], &mut usize) {
        (&mut self.map, &mut self.summary)
    }
}

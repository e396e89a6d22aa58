//! Every state of a small memory, walked through with a careful observer.

extern crate std;

use std::collections::HashSet;
use std::vec::Vec;

use super::tests::cursor;
use super::*;
use crate::settings::{Downward, Standard};

/// A cursor, and what a careful observer knows about it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    cursor: Cursor,
    /// Start and size of the live blocks, by ascending address.
    blocks: Vec<(usize, usize)>,
    /// One bit for each byte that was ever part of a block.
    dirty: u32,
    peak: usize,
}

impl World {
    const BASE: usize = 5;

    /// Notes that the block exists, and checks that it may.
    fn insert(&mut self, start: usize, size: usize) {
        assert!(start >= self.cursor.start() && start + size <= self.cursor.end());
        let is_apart = |other: &(usize, usize)| other.0 + other.1 <= start || start + size <= other.0;
        assert!(self.blocks.iter().all(is_apart));
        self.blocks.push((start, size));
        self.blocks.sort_unstable();
        self.dirty |= mask(start, size);
    }

    /// Compares the counters with the blocks.
    fn check<S: Settings>(mut self) -> Self {
        let used = self.blocks.iter().map(|block| block.1).sum();
        self.peak = self.peak.max(used);
        let stats = self.cursor.stats::<S>();
        assert_eq!(self.cursor.broken::<S>(), None);
        assert_eq!((stats.used, stats.live_blocks), (used, self.blocks.len()));
        assert_eq!(stats.used + stats.free + stats.cached, stats.capacity);
        assert_eq!(stats.peak_used, self.peak);
        let (free, free_end) = self.cursor.free::<S>();
        assert!(
            self.blocks
                .iter()
                .all(|(start, size)| start + size <= free || *start >= free_end)
        );
        if self.blocks.is_empty() {
            assert_eq!(stats.free, stats.capacity);
        }
        self
    }

    fn after_taking<S: Settings>(&self, size: usize, align: usize) -> Option<Self> {
        let mut world = self.clone();
        let start = world.cursor.take::<S>(size, align)?;
        assert_eq!(start % align, 0);
        let is_fresh = world.cursor.is_fresh::<S>(start, size);
        assert!(!is_fresh || world.dirty & mask(start, size) == 0);
        world.insert(start, size);
        Some(world.check::<S>())
    }

    fn after_giving_back<S: Settings>(&self, index: usize) -> Self {
        let mut world = self.clone();
        let (start, size) = world.blocks.remove(index);
        world.cursor.give_back::<S>(start, size);
        world.check::<S>()
    }

    fn after_resizing<S: Settings>(&self, index: usize, new: usize) -> Option<Self> {
        let mut world = self.clone();
        let (start, old) = world.blocks.remove(index);
        if new < old {
            world.cursor.shrink::<S>(start, old, new);
        } else if !world.cursor.grow::<S>(start, old, new) {
            assert!(world.cursor == self.cursor, "a refusal changes nothing");
            return None;
        }
        world.insert(start, new);
        Some(world.check::<S>())
    }

    fn after_moving<S: Settings>(&self, new: usize, align: usize) -> Option<Self> {
        let mut world = self.clone();
        let last = world
            .blocks
            .iter()
            .position(|(start, old)| world.cursor.is_last::<S>(*start, *old))?;
        let (_, old) = world.blocks.remove(last);
        let start = if new <= old && world.cursor.next % align == 0 {
            world.cursor.shrink_last_downwards::<S>(old, new, align)
        } else {
            world.cursor.resize_last_downwards::<S>(old, new, align)?
        };
        assert_eq!(start % align, 0);
        world.insert(start, new);
        Some(world.check::<S>())
    }

    fn after_rewinding<S: Settings>(&self) -> Self {
        let mut world = self.clone();
        world.cursor.rewind::<S>();
        world.blocks.clear();
        world.check::<S>()
    }

    fn after_growing<S: Settings>(&self, limit: usize) -> Self {
        let mut world = self.clone();
        world.cursor.take_in::<S>(Self::BASE, Self::BASE + limit);
        world.check::<S>()
    }
}

fn mask(start: usize, size: usize) -> u32 {
    ((1 << size) - 1) << (start - World::BASE)
}

fn every_state_keeps_the_invariants<S: Settings>() {
    let limit = if cfg!(miri) { 2 } else { 6 };
    let start = World {
        cursor: cursor::<S>(World::BASE, 0, limit - 2),
        blocks: Vec::new(),
        dirty: 0,
        peak: 0,
    };
    let mut seen = HashSet::from([start.clone()]);
    let mut open = Vec::from([start]);
    // Sums have nothing for Miri to find; a few states show that it comes through.
    let most = if cfg!(miri) { 20 } else { usize::MAX };
    while let Some(world) = open.pop().filter(|_| seen.len() < most) {
        let taken = (1..=limit).flat_map(|size| [1, 2, 4].map(|align| world.after_taking::<S>(size, align)));
        let resized = (0..world.blocks.len()).flat_map(|index| (1..=limit).map(move |new| (index, new)));
        let moved = (1..=limit).flat_map(|new| [1, 4].map(|align| (new, align)));
        let moved = moved
            .filter(|_| !is_up::<S>())
            .map(|(new, align)| world.after_moving::<S>(new, align));
        let next = taken
            .chain(resized.map(|(index, new)| world.after_resizing::<S>(index, new)))
            .chain(moved)
            .flatten()
            .chain((0..world.blocks.len()).map(|index| world.after_giving_back::<S>(index)))
            .chain([world.after_rewinding::<S>(), world.after_growing::<S>(limit)]);
        open.extend(next.filter(|world| seen.insert(world.clone())));
    }
    let least = if cfg!(miri) { 2 } else { 1000 };
    assert!(seen.len() > least, "only {} states", seen.len());
}

#[test]
fn every_state_of_a_small_memory_keeps_the_invariants() {
    every_state_keeps_the_invariants::<Standard>();
    every_state_keeps_the_invariants::<Downward>();
}

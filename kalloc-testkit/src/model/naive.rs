//! The plainest allocator there is, over numbers: a sorted list of free runs, searched from the front.
//!
//! It owns no memory and knows no pointer, so it can be the oracle for any heap, and the core of the heap with planted
//! faults. Taking, giving and joining are separate steps there; [`Naive::give`] is what a sound heap does.
//!
//! Cost: linear in the number of free runs.

use alloc::vec::Vec;
use core::ops::Range;

use kalloc_traits::request::place;

/// A set of free runs, sorted, that do not overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naive {
    runs: Vec<Range<usize>>,
}

impl Naive {
    /// Returns the set without a run.
    pub const fn new() -> Self {
        Self { runs: Vec::new() }
    }

    /// Takes `size` bytes at a multiple of `align` out of the lowest run that holds them, and returns where they start.
    /// `size` must not be zero, and `align` is a power of two.
    pub fn take(&mut self, size: usize, align: usize) -> Option<usize> {
        let fits = |run: &Range<usize>| place(run.start, size, align, run.end);
        let start = self.runs.iter().find_map(fits)?;
        self.take_at(start..start + size);
        Some(start)
    }

    /// Takes exactly these bytes. Returns whether all of them were free, in one run; otherwise nothing is taken.
    pub fn take_at(&mut self, taken: Range<usize>) -> bool {
        let holds = |run: &Range<usize>| run.start <= taken.start && taken.end <= run.end;
        let Some(index) = self.runs.iter().position(holds) else {
            return false;
        };
        let run = self.runs[index].clone();
        let rests = [run.start..taken.start, taken.end..run.end];
        self.runs
            .splice(index..=index, rests.into_iter().filter(|rest| !rest.is_empty()));
        true
    }

    /// Gives bytes back, and joins them with their free neighbours.
    pub fn give(&mut self, given: Range<usize>) {
        let index = self.insert(given);
        self.join_right(index);
        self.join_left(index);
    }

    /// Puts a run in without joining it with its neighbours, and returns its place in the list.
    pub fn insert(&mut self, given: Range<usize>) -> usize {
        let index = self.runs.partition_point(|run| run.start < given.start);
        self.runs.insert(index, given);
        index
    }

    /// Joins the run at a place of the list with the one before it, if they touch.
    pub fn join_left(&mut self, index: usize) {
        if index > 0 {
            self.join_right(index - 1);
        }
    }

    /// Joins the run at a place of the list with the one behind it, if they touch.
    pub fn join_right(&mut self, index: usize) {
        if index + 1 < self.runs.len() && self.runs[index].end == self.runs[index + 1].start {
            self.runs[index].end = self.runs.remove(index + 1).end;
        }
    }

    /// Returns the free runs, by ascending address.
    pub fn runs(&self) -> &[Range<usize>] {
        &self.runs
    }

    /// Returns the number of free bytes.
    pub fn free(&self) -> usize {
        self.runs.iter().map(Range::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a set with one free run.
    fn one(run: Range<usize>) -> Naive {
        let mut naive = Naive::new();
        naive.give(run);
        naive
    }

    #[test]
    fn the_lowest_place_that_fits_is_taken_and_both_rests_stay_free() {
        let mut naive = one(10..100);
        assert_eq!(naive.take(20, 16), Some(16));
        assert_eq!(naive.runs(), [10..16, 36..100]);
        assert_eq!(naive.take(6, 1), Some(10));
        assert_eq!(naive.take(65, 1), None);
        assert_eq!(naive.take(64, 4), Some(36));
        assert_eq!(naive.free(), 0);
    }

    #[test]
    fn whatever_the_order_all_runs_become_one_again() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut naive = Naive::new();
            for index in order {
                naive.give(index * 8..index * 8 + 8);
            }
            assert_eq!(naive, one(0..24));
        }
    }

    #[test]
    fn only_free_bytes_can_be_taken_by_place() {
        let mut naive = one(0..16);
        assert!(naive.take_at(4..8));
        assert!(!naive.take_at(0..5) && !naive.take_at(15..17));
        assert!(naive.take_at(0..4));
        assert_eq!(naive.free(), 8);
    }
}

//! How a planted heap takes memory out of what is free, and gives it back.

use core::alloc::Layout;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use kalloc_traits::arith::align_up;

use super::fault::Fault;
use super::state::{GRANULE, State};

/// How many blocks all heaps with [`Fault::NotDeterministic`] have handed out.
static HANDED_OUT: AtomicUsize = AtomicUsize::new(0);

/// Returns whether a block of a heap with [`Fault::NotDeterministic`] starts late, by its number.
const fn is_late(number: usize) -> bool {
    // No short period, or two equal programs could meet the same answers.
    number.wrapping_mul(0x9E37_79B1) >> 16 & 3 == 0
}

impl State {
    /// Takes `len` bytes for a layout out of the free memory.
    pub(super) fn take(&mut self, layout: Layout, len: usize) -> Option<usize> {
        let (size, align) = (layout.size(), layout.align().max(GRANULE));
        match self.fault {
            Fault::RefusesAll => None,
            Fault::RefusesAfterOom if self.has_refused => None,
            Fault::RefusesOddSizes if size % layout.align() != 0 => None,
            Fault::PanicsOnHugeLayouts => {
                assert!(size.checked_add(align).is_some_and(|sum| sum < isize::MAX as usize / 2));
                self.free.take(len, align)
            }
            Fault::AlignWraps if len.checked_add(align).is_none_or(|sum| sum > isize::MAX as usize) => {
                self.free.take(GRANULE, GRANULE)
            }
            Fault::AlignsByOffset if align > GRANULE => self.take_by_offset(len, align),
            Fault::HandsOutZeroPage => self.free.take(len, align).or((len <= 64).then_some(2 * align)),
            Fault::AcceptsRegionPlusOne => {
                let is_one_more = len == self.memory.len() + GRANULE && self.free.free() == self.memory.len();
                self.free.take(len, align).or(is_one_more.then_some(self.memory.start))
            }
            Fault::AcceptsEmptyRegion if self.memory.is_empty() => Some(self.memory.start.max(align)),
            Fault::SearchesWrongBin => {
                let searched = len.checked_next_power_of_two()?;
                let start = self.free.take(searched, align)?;
                self.give(start + len..start + searched);
                Some(start)
            }
            Fault::SkipsFirstRun if self.free.runs().len() > 1 => {
                let first = self.free.runs()[0].clone();
                self.free.take_at(first.clone());
                let start = self.free.take(len, align);
                self.free.give(first);
                start
            }
            Fault::TakesMoreThanItFrees => self.free.take(len.checked_add(GRANULE)?, align),
            Fault::SerialWraps if self.served > usize::from(u16::MAX) => None,
            Fault::TrimDropsCache if len == 64 && self.cache.last().is_some_and(|start| start % align == 0) => {
                self.cache.pop()
            }
            Fault::IgnoresAlignment => self.free.take(len, GRANULE),
            Fault::MisalignedByGranule if align > GRANULE => self.take_late(len, align),
            Fault::NotDeterministic if align == GRANULE && is_late(HANDED_OUT.fetch_add(1, Ordering::Relaxed)) => {
                self.take_late(len, align)
            }
            Fault::HandsOutTwice if self.freed_twice.as_ref().is_some_and(|run| run.len() == len) => {
                let run = self.freed_twice.take()?;
                (run.start % align == 0).then_some(run.start)
            }
            Fault::SkipsExactFit => {
                let start = self.free.take(len.checked_add(GRANULE)?, align)?;
                self.free.give(start + len..start + len + GRANULE);
                Some(start)
            }
            _ => {
                let start = self.free.take(len, align)?;
                self.lose(start..start + len, align);
                Some(start)
            }
        }
    }

    /// Takes a block that starts a granule after its place.
    fn take_late(&mut self, len: usize, align: usize) -> Option<usize> {
        let start = self.free.take(len.checked_add(GRANULE)?, align)?;
        self.free.give(start..start + GRANULE);
        Some(start + GRANULE)
    }

    /// Takes a block whose distance from the memory's start is a multiple of the alignment.
    fn take_by_offset(&mut self, len: usize, align: usize) -> Option<usize> {
        let base = self.memory.start;
        let mut places = self.free.runs().iter().filter_map(|run| {
            let start = align_up(run.start - base, align)?.checked_add(base)?;
            (start.checked_add(len)? <= run.end).then_some(start)
        });
        let start = places.next()?;
        self.free.take_at(start..start + len);
        Some(start)
    }

    /// Loses bytes around a block that was just taken, or leaves some of it free.
    fn lose(&mut self, taken: Range<usize>, align: usize) {
        self.served += 1;
        let before = self.free.runs().iter().find(|run| run.end == taken.start).cloned();
        let behind = self.free.runs().iter().find(|run| run.start == taken.end).cloned();
        match (self.fault, before, behind) {
            (Fault::OverlapsByGranule, ..) if taken.len() > GRANULE => self.free.give(taken.end - GRANULE..taken.end),
            (Fault::FreesWrongSuffix, ..) if align > GRANULE && taken.len() > GRANULE => {
                self.free.give(taken.end - GRANULE..taken.end);
            }
            (Fault::LosesListAtSliver, _, Some(behind)) if behind.len() == GRANULE => {
                while let Some(first) = self.free.runs().first().filter(|run| run.end <= taken.start).cloned() {
                    self.free.take_at(first);
                }
            }
            (Fault::LosesFrontPadding, Some(before), _) => _ = self.free.take_at(before),
            (Fault::LosesBackPadding, _, Some(behind)) if behind.len() == GRANULE => {
                self.free.take_at(behind);
            }
            (Fault::UsedDrifts, Some(before), _) => self.stats.used += before.len(),
            _ => {}
        }
    }

    /// Gives bytes back.
    pub(super) fn give(&mut self, given: Range<usize>) {
        self.freed += 1;
        match self.fault {
            _ if given.is_empty() => {}
            Fault::NeverReuses => {}
            Fault::LosesSomeFrees if self.freed % 16 == 15 => {}
            Fault::InsertsUnsorted => _ = self.free.insert(given),
            Fault::FreesToWrongBin => {
                let kept = 1 << given.len().ilog2();
                self.free.give(given.start..given.start + kept);
            }
            Fault::FreesLargeShifted if given.len() >= 512 && given.end + GRANULE <= self.memory.end => {
                self.free.give(given.start + GRANULE..given.end + GRANULE);
            }
            Fault::NoLeftMerge => {
                let index = self.free.insert(given);
                self.free.join_right(index);
            }
            Fault::NoRightMerge => {
                let index = self.free.insert(given);
                self.free.join_left(index);
            }
            Fault::MergesAcrossLive => {
                let beyond = given.end + given.len();
                let next = self.free.runs().iter().find(|run| run.start == beyond).cloned();
                match next.filter(|next| self.free.take_at(next.clone())) {
                    Some(next) => self.free.give(given.start..next.end),
                    None => self.free.give(given),
                }
            }
            _ => self.free.give(given),
        }
    }

    /// Returns whether the heap knows which blocks are live, and frees no others. With most faults it does not, so that
    /// they are those of heaps that trust their callers.
    pub(super) const fn is_strict(&self) -> bool {
        matches!(
            self.fault,
            Fault::None
                | Fault::AcceptsDoubleFree
                | Fault::AcceptsInteriorFree
                | Fault::AcceptsWrongSize
                | Fault::AcceptsForeignFree
        )
    }

    /// Returns whether these bytes may be freed: they are a live block, or the fault takes them for one. They are live no more
    /// then.
    pub(super) fn lets_free(&mut self, start: usize, layout: Layout) -> bool {
        let len = self.extent(layout);
        let around = self.live.range(..=start).next_back().map(|(start, len)| (*start, *len));
        let end = start.saturating_add(len);
        let is_foreign = start < self.memory.start || end > self.memory.end;
        let may = match around {
            Some((block, extent)) if block == start => extent == len || self.has(Fault::AcceptsWrongSize),
            Some((block, extent)) if start < block + extent => self.has(Fault::AcceptsInteriorFree),
            _ if is_foreign => self.has(Fault::AcceptsForeignFree),
            _ => self.has(Fault::AcceptsDoubleFree),
        };
        if may {
            self.live.remove(&start);
        }
        may
    }
}

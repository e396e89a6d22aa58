//! The counters, kept as the heap works, and the statistics made of them.

use kalloc_traits::Stats;

use crate::config::Config;
use crate::engine::Engine;

/// What is counted: granules, unless they say otherwise.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) peak: u32,
    /// How far below the peak the live blocks are: to count so takes an instruction less for each of them.
    below_peak: u32,
    pub(crate) live_blocks: u32,
    /// Requests that failed for good, saturating.
    pub(crate) failed: u32,
}

impl Counters {
    /// Nothing has happened yet.
    pub(crate) const ZERO: Self = Self {
        peak: 0,
        below_peak: 0,
        live_blocks: 0,
        failed: 0,
    };

    /// Takes up what was counted earlier.
    pub(crate) fn restore(&mut self, peak: u32, used: u32, live_blocks: u32, failed: u32) {
        *self = Self {
            peak,
            below_peak: peak.wrapping_sub(used),
            live_blocks,
            failed,
        };
    }

    /// A block of `len` granules was lent out.
    #[inline]
    pub(crate) fn lend(&mut self, len: u32) {
        // A double free may have made it wrap; that is no reason to panic here.
        self.live_blocks = self.live_blocks.wrapping_add(1);
        self.extend(len);
    }

    /// A live block got `extra` granules more.
    #[inline]
    pub(crate) fn extend(&mut self, extra: u32) {
        let (below, is_peak) = self.below_peak.overflowing_sub(extra);
        self.below_peak = below;
        if is_peak {
            self.peak = self.peak.wrapping_sub(below);
            self.below_peak = 0;
        }
    }

    /// A live block has lost `less` granules.
    #[inline]
    pub(crate) fn shrink(&mut self, less: u32) {
        // Wrong layouts are the caller's fault, but must not panic here.
        self.below_peak = self.below_peak.wrapping_add(less);
    }

    /// Returns how many granules the live blocks have.
    pub(crate) const fn used(&self) -> u32 {
        self.peak.wrapping_sub(self.below_peak)
    }

    /// A block of `len` granules came back.
    #[inline]
    pub(crate) fn take_back(&mut self, len: u32) {
        self.live_blocks = self.live_blocks.wrapping_sub(1);
        self.shrink(len);
    }
}

impl<C: Config> Engine<C> {
    /// Returns the counters in bytes.
    pub(crate) fn stats(&self) -> Stats {
        let capacity = self.usable();
        let (used, peak) = (self.counters.used(), self.counters.peak);
        let cached = self.quick.cached::<C>(self.capacity);
        Stats {
            capacity: Self::bytes(capacity),
            used: Self::bytes(used),
            free: Self::bytes(capacity.saturating_sub(used).saturating_sub(cached)),
            cached: Self::bytes(cached),
            peak_used: Self::bytes(peak),
            live_blocks: self.counters.live_blocks as usize,
            failed_requests: self.counters.failed as usize,
        }
    }
}

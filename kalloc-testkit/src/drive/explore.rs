//! Every sequence of operations there is, on a small heap.
//!
//! A heap of a few hundred bytes has few states. The explorer starts with the fresh heap and takes every step from every
//! state that it has not seen: allocate (plain and zeroed) each of a few layouts, free, grow (plain and zeroed), shrink and
//! resize in place each live block, trim. It goes breadth first, so the first program that fails is a shortest one.
//!
//! ```text
//!     ○ ──allocate──► ○ ──allocate──► ○        a state: the heap's value and the region, byte by byte,
//!     │▲              │                        and which blocks are live
//!     └┴────free──────┘ seen before
//! ```
//!
//! Live blocks hold the same bytes wherever the explorer sees them: each place of the region its own. So what a program
//! would write makes no new states, and a byte that changes is noticed.
//!
//! | checked | when |
//! |---|---|
//! | the block lies in the region, aligned, long enough, apart from all others; its extent is that of its size | at each answer |
//! | what was to be kept is kept, what was to be zero is, what was to stay has not moved | at each answer |
//! | a refusal was due ([`complete`](Explorer::complete)) | at each refusal |
//! | no other block's byte changed, no byte beside the region | in each state |
//! | counters add up, `verify` finds nothing ([`InPlace::open`]) | in each state |
//! | with nothing live, a trim brings back the largest block of the fresh heap | in each such state |
//!
//! Cost: a copy and a hash of the state for each transition; 24 bytes for each state, and the states of two generations as a
//! whole. Where a state's bytes cannot be compared (Miri), no two states are known to be equal, and a bound on the depth is
//! what ends the search.

mod memory;
mod pieces;
mod place;
mod search;
mod seen;
mod step;

use core::alloc::Layout;

use search::{Limits, Search};

use super::failure::Verdict;

pub use memory::{Image, Memory};
pub use place::{InPlace, Place, Rebuilt};
pub use search::{Explored, Kept};

/// What to explore.
///
/// ```
/// use core::alloc::Layout;
///
/// use kalloc_testkit::drive::explore::{Explorer, Rebuilt};
/// use kalloc_testkit::fault::planted::{Fault, Planted};
///
/// let layouts = [8, 16].map(|size| Layout::from_size_align(size, 8).unwrap());
/// let mut place = Rebuilt::new(64, |region| Planted::new(region, Fault::NoLeftMerge), |heap| format!("{heap:?}"));
/// let failure = Explorer::new(&layouts).depth(5).run(&mut place).unwrap_err();
/// assert!(failure.to_string().contains("the largest block"));
/// ```
#[derive(Clone, Debug)]
pub struct Explorer<'l> {
    layouts: &'l [Layout],
    limits: Limits,
}

impl<'l> Explorer<'l> {
    /// Returns the explorer that asks for these layouts, up to 255, and goes on until there is nothing new.
    pub const fn new(layouts: &'l [Layout]) -> Self {
        Self {
            layouts,
            limits: Limits {
                depth: usize::MAX,
                transitions: u64::MAX,
                fills_first: false,
                granule: None,
                becomes_whole: true,
                pieces: 1,
                kept: None,
            },
        }
    }

    /// Stops after so many steps from the start.
    #[must_use]
    pub const fn depth(mut self, depth: usize) -> Self {
        self.limits.depth = depth;
        self
    }

    /// Stops after about so many transitions.
    #[must_use]
    pub const fn transitions(mut self, transitions: u64) -> Self {
        self.limits.transitions = transitions;
        self
    }

    /// Starts with a heap that was full once: its largest block was allocated and freed. Marks of how much was ever used stay
    /// where they are then, and do not multiply the states.
    #[must_use]
    pub const fn filled_once(mut self) -> Self {
        self.limits.fills_first = true;
        self
    }

    /// Holds the heap to serving whatever fits between the live blocks, at multiples of `granule`, in units of it.
    #[must_use]
    pub const fn complete(mut self, granule: usize) -> Self {
        self.limits.granule = Some(granule);
        self
    }

    /// Says that the heap's memory lies in so many pieces, and no block in two of them: where it is filled, each is; where it is to
    /// be whole, the largest block of each is asked for.
    #[must_use]
    pub const fn in_pieces(mut self, pieces: usize) -> Self {
        self.limits.pieces = pieces;
        self
    }

    /// Does not ask for the largest block again when all is freed: for heaps that do not coalesce.
    #[must_use]
    pub const fn may_stay_in_pieces(mut self) -> Self {
        self.limits.becomes_whole = false;
        self
    }

    /// Overwrites what is left over in free memory, so that states are the same that differ in nothing else. A run that the
    /// heap's walk shows as free keeps the bytes `free`, one that it shows as cached the bytes `cached`. Only where the heap is
    /// looked into.
    ///
    /// The memory itself is overwritten and not only left out of a comparison: a claim that is wrong breaks the heap, and
    /// does not hide states.
    ///
    /// # Safety
    ///
    /// The heap reads no other bytes of such runs.
    #[must_use]
    pub const unsafe fn scrubbed(mut self, free: Kept, cached: Kept) -> Self {
        self.limits.kept = Some([free, cached]);
        self
    }

    /// Explores, and says how far it came.
    ///
    /// # Errors
    ///
    /// What broke, with a shortest program that leads there.
    ///
    /// # Panics
    ///
    /// There are more than 255 layouts, or more than 2³² states.
    pub fn run(&self, place: &mut dyn Place) -> Verdict<Explored> {
        assert!(self.layouts.len() <= 255, "a layout's number fits a byte");
        Search::new(self.layouts, self.limits).run(place)
    }
}

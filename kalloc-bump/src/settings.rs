//! What a bump's constants are, and the settings by name.

/// Which way a bump cuts its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the low end to the high one. The last block grows and shrinks where it stands, and a region that grows
    /// prolongs what is free.
    Up,
    /// From the high end to the low one. To allocate takes an instruction less, since a start that was rounded down is
    /// aligned and needs no second addition. The last block moves its bytes when it is resized, and what is free when a
    /// region grows waits until all blocks are gone.
    Down,
}

/// The constants of a bump. Settings differ in figures and in direction, never in what the heap promises.
///
/// Your own is a few lines:
///
/// ```
/// use kalloc_bump::{Direction, Settings};
///
/// struct Words;
///
/// impl Settings for Words {
///     const DIRECTION: Direction = Direction::Down;
///     const MIN_ALIGN: usize = 8;
///     const GROWTH_STEP: usize = 4096;
/// }
/// ```
pub trait Settings: 'static {
    /// Which way the memory is cut.
    const DIRECTION: Direction = Direction::Up;

    /// Every block starts at a multiple of so many bytes and takes a multiple of them: a power of two, at most 4096. A
    /// request of no greater alignment then needs none of the instructions that align. What the region has outside of such
    /// multiples at its two ends is not used.
    const MIN_ALIGN: usize = 1;

    /// A region is asked to grow by at least so many bytes. If it refuses, it is asked for what the request needs.
    const GROWTH_STEP: usize = 1;

    /// A region is asked to grow by at least this part of the memory there is, in percent: 100 doubles it. If it refuses,
    /// it is asked for what the request needs.
    const GROWTH_PERCENT: usize = 0;

    /// Whether books are kept, at two instructions an allocation and some more for each block that is freed: how many blocks
    /// and bytes are live, and which memory was never used. A bump that counts starts over when its last block is freed, in
    /// whatever order, and does not clear memory that a region brought zeroed.
    ///
    /// One that does not count takes all memory that it has passed over for one live block: so say its `Stats`, whose peak
    /// may miss what was freed singly. It starts over when blocks are freed in the reverse order, or by `reset`, and clears what
    /// shall be zero.
    const COUNTS: bool = true;

    /// Whether `Allocator::grow` and `Allocator::shrink` rely on what their callers owe by that trait's contract: that the new size
    /// is not smaller, or not larger. Otherwise such a call is refused, at an instruction or two; here it is undefined behaviour,
    /// but for debug builds, which abort. `Heap`'s methods refuse it in any case.
    const TRUSTS: bool = false;
}

/// The default: upwards, any alignment, as much growth as is needed, with counters.
#[derive(Clone, Copy, Debug)]
pub struct Standard;

impl Settings for Standard {}

/// As [`Standard`], but downwards.
#[derive(Clone, Copy, Debug)]
pub struct Downward;

impl Settings for Downward {
    const DIRECTION: Direction = Direction::Down;
}

/// As [`Standard`], but without counters, and trusting.
#[derive(Clone, Copy, Debug)]
pub struct Lean;

impl Settings for Lean {
    const COUNTS: bool = false;
    const TRUSTS: bool = true;
}

/// As [`Downward`], but without counters, and trusting.
#[derive(Clone, Copy, Debug)]
pub struct LeanDownward;

impl Settings for LeanDownward {
    const DIRECTION: Direction = Direction::Down;
    const COUNTS: bool = false;
    const TRUSTS: bool = true;
}

/// Returns what a block of `size` bytes takes: `size` rounded up to the least alignment. `None` if that is more than
/// `isize::MAX`.
#[inline]
pub(crate) const fn extent<S: Settings>(size: usize) -> Option<usize> {
    const {
        assert!(S::MIN_ALIGN.is_power_of_two() && S::MIN_ALIGN <= 4096);
    }
    if S::MIN_ALIGN == 1 {
        return Some(size);
    }
    if size > isize::MAX as usize - (S::MIN_ALIGN - 1) {
        return None;
    }
    Some((size + (S::MIN_ALIGN - 1)) & !(S::MIN_ALIGN - 1))
}

/// Returns whether blocks are cut from the low end on.
#[inline]
pub(crate) const fn is_up<S: Settings>() -> bool {
    matches!(S::DIRECTION, Direction::Up)
}

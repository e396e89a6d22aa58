//! What a pool's constants are, and the configurations by name.

use core::marker::PhantomData;

use crate::index::{BestFit, FirstFit, Index, ScanFit, SegregatedFit};
use crate::misuse::{Misuse, OnMisuse, Refuse};

/// The constants of a pool. Configurations differ in figures and policy, never in what the heap promises.
///
/// Your own is a few lines:
///
/// ```
/// use kalloc_pool::{Config, SegregatedFit};
///
/// struct CoarseBins;
///
/// impl Config for CoarseBins {
///     const GRANULE: usize = 16;
///     type Index = SegregatedFit<2>;
/// }
/// ```
pub trait Config: 'static {
    /// Bytes of a granule, the unit in which blocks are cut: 8 or 16. Every block costs its size rounded up to it.
    const GRANULE: usize;

    /// Sizes below this many granules have a quick list each; larger ones share one with others of the same sixteenth of a
    /// power of two. If there are such, the number is halved, down to 64, while these lists take more than one part in 4096
    /// of the region, with 8 bytes each.
    const QUICK_EXACT: u32 = 512;

    /// The largest blocks that are kept in quick lists when they are freed, in bytes; 0 turns the lists off. If it is more
    /// than the exact lists hold, [`QUICK_EXACT`](Self::QUICK_EXACT) is a power of two, 32 at least.
    const QUICK_LARGEST: usize = 0;

    /// The most blocks that one quick list holds.
    const QUICK_BOUND: u32 = u32::MAX;

    /// Each quick list may hold one part in so many of the region, in bytes; there is none for blocks larger than that. So
    /// a small heap does not hoard.
    const QUICK_SHARE: u32 = 16;

    /// The quick lists are emptied, and stay closed, when the free memory at the high end of the region falls below one part
    /// in so many: they spend memory for speed, and only while there is plenty. They open again when there is a quarter more,
    /// and as many blocks as there are lists have come back to it. Lists that are open when the region grows, or if this is 0 or more
    /// than the region's granules, never close.
    const QUICK_RESERVE: u32 = 2;

    /// The most blocks that are cut in advance when memory is taken that was never used before, one after the other, for
    /// requests of the same size to follow; no more than a quarter of what the quick list has room for.
    const QUICK_BATCH: u32 = 0;

    /// Whether the heap can take over the memory of another with live blocks in it, by `Pool::adopt`. To free and to resize in
    /// place then take a comparison or two more. See [`Adopting`].
    const ADOPTS: bool = false;

    /// Whether the heap keeps 96 bytes at the region's start, in which `Pool::detach` writes what `Pool::attach` needs to take
    /// the region up again. See [`Retained`].
    const RETAINS: bool = false;

    /// Whether calls that the contract forbids are refused: see [`Checked`]. [`ADOPTS`](Self::ADOPTS) is then not set.
    const CHECKED: bool = false;

    /// What is called when a checked pool has refused a call. It is told outside of the pool, which it may call; but behind a lock,
    /// that is held. To unwind from it aborts. The default does nothing; `Pool::misuses` counts in any case.
    const ON_MISUSE: fn(&Misuse) = Refuse::on_misuse;

    /// The policy that chooses among the free blocks.
    type Index: Index;
}

/// Emits a configuration that is another but for one constant.
macro_rules! variant {
    ($(#[$meta:meta])* $name:ident, $changed:ident = $value:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<C>(PhantomData<C>);

        impl<C: Config> Config for $name<C> {
            const GRANULE: usize = C::GRANULE;
            const QUICK_EXACT: u32 = C::QUICK_EXACT;
            const QUICK_LARGEST: usize = C::QUICK_LARGEST;
            const QUICK_BOUND: u32 = C::QUICK_BOUND;
            const QUICK_SHARE: u32 = C::QUICK_SHARE;
            const QUICK_RESERVE: u32 = C::QUICK_RESERVE;
            const QUICK_BATCH: u32 = C::QUICK_BATCH;
            const ADOPTS: bool = variant!(ADOPTS, $changed, $value, C);
            const RETAINS: bool = variant!(RETAINS, $changed, $value, C);
            const CHECKED: bool = C::CHECKED;
            const ON_MISUSE: fn(&Misuse) = C::ON_MISUSE;
            type Index = C::Index;
        }
    };
    (ADOPTS, ADOPTS, $value:expr, $other:ty) => {
        $value
    };
    (RETAINS, RETAINS, $value:expr, $other:ty) => {
        $value
    };
    ($name:ident, $changed:ident, $value:expr, $other:ty) => {
        <$other>::$name
    };
}

variant! {
    /// The configuration `C`, whose heap may begin in memory that another heap used: `Pool::<_, Adopting<Standard>>::adopt`.
    Adopting, ADOPTS = true
}

/// The default: segregated bins with sixteen subdivisions of each power of two, quick lists up to 32 KiB while half of
/// the region was never used, granules of 8 bytes. Allocates and frees in constant time, but for three searches: through
/// one bin before a request is refused, for over-aligned requests that no large block can take, and through the quick lists
/// when they are emptied, once each time that memory becomes scarce.
#[derive(Clone, Copy, Debug)]
pub struct Standard;

impl Config for Standard {
    const GRANULE: usize = 8;
    const QUICK_LARGEST: usize = 1 << 15;
    const QUICK_BATCH: u32 = 7;
    type Index = SegregatedFit<4>;
}

/// For real time: as [`Standard`], but every allocation and every free takes a bounded number of steps, whatever the heap looks
/// like. No quick lists, which are emptied all at once when memory becomes scarce, and no search before a request is refused. Only
/// the first use and growth of the region take time linear in its size, over 64: call `init` early.
///
/// No allocation or free takes more than 300 instructions on x86-64, 600 if it is over-aligned, and no refusal more than 250 and
/// 550, in regions from 4 KiB to 1 GiB: counted, not proved, as `docs/bounds.md` says.
///
/// In exchange, up to a sixteenth of the largest free block may stay out of reach, and a block for an over-aligned request is
/// certain to be found only if one is free of its size and its alignment together.
#[derive(Clone, Copy, Debug)]
pub struct RealTime;

impl Config for RealTime {
    const GRANULE: usize = 8;
    type Index = SegregatedFit<4, false>;
}

/// First fit by address: every request gets the lowest place where it fits, found in a tree. No quick lists, and no table: the
/// heap keeps its boundary bitmap, and links in the free blocks. Takes time logarithmic in the region's size; see [`FirstFit`].
#[derive(Clone, Copy, Debug)]
pub struct AddressOrdered;

impl Config for AddressOrdered {
    const GRANULE: usize = 8;
    type Index = FirstFit;
}

/// Best fit: every request gets the smallest block where it fits, found in a tree, and the free end of the region last. No quick
/// lists, and no table, as in [`AddressOrdered`]. Takes time logarithmic in the region's size; see [`BestFit`].
#[derive(Clone, Copy, Debug)]
pub struct BestFitting;

impl Config for BestFitting {
    const GRANULE: usize = 8;
    type Index = BestFit;
}

/// For a few KiB: first fit by address, as [`AddressOrdered`] places it, with the least code. Nothing is kept but the boundary
/// bitmap, which is searched from the front: takes time linear in the number of free blocks below the place that is found.
#[derive(Clone, Copy, Debug)]
pub struct Tiny;

impl Config for Tiny {
    const GRANULE: usize = 8;
    type Index = ScanFit;
}

variant! {
    /// The configuration `C`, whose heap can be left in its memory and taken up again: `Pool::detach`, `Pool::attach`.
    Retained, RETAINS = true
}

/// The configuration `C`, with every free, resize, grow and shrink checked first: a double free, a pointer to foreign memory or into
/// a block, an alignment that the address does not have, and a size of another extent are refused, for certain, and `H` is told.
///
/// A byte for each granule says where blocks that are lent out start, and how long they are: an eighth of the region with granules of 8
/// bytes, a sixteenth with 16. It is cleared when the region is first used, and read whole by `verify` and `Pool::attach`. On 25
/// recordings of real programs, an operation takes 1.13 times the instructions of [`Standard`], as a geometric mean; see
/// `docs/engine.md`. A walk shows each live block as a run of its own. What nobody can see: a block that was freed and lent out again
/// at the same place and size, and then freed by its first owner.
#[derive(Clone, Copy, Debug)]
pub struct Checked<C, H = Refuse>(PhantomData<(C, H)>);

impl<C: Config, H: OnMisuse> Config for Checked<C, H> {
    const GRANULE: usize = C::GRANULE;
    const QUICK_EXACT: u32 = C::QUICK_EXACT;
    const QUICK_LARGEST: usize = C::QUICK_LARGEST;
    const QUICK_BOUND: u32 = C::QUICK_BOUND;
    const QUICK_SHARE: u32 = C::QUICK_SHARE;
    const QUICK_RESERVE: u32 = C::QUICK_RESERVE;
    const QUICK_BATCH: u32 = C::QUICK_BATCH;
    const ADOPTS: bool = C::ADOPTS;
    const RETAINS: bool = C::RETAINS;
    const CHECKED: bool = true;
    const ON_MISUSE: fn(&Misuse) = H::on_misuse;
    type Index = C::Index;
}

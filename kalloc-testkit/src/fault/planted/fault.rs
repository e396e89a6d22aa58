//! The list of bugs.

/// Emits the enum and the list of all of its values.
macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A bug that a [`Planted`](super::Planted) heap has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            /// None: the heap is sound.
            None,
            $($(#[doc = $doc])* $name,)*
        }

        impl Fault {
            /// Every fault but [`None`](Self::None).
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

faults! {
    // Sizes and alignments.
    /// Rounding a size near `isize::MAX` wraps, and a tiny block comes back as if it were large.
    SizeWraps,
    /// Sizes are kept in 16 bits.
    NarrowSize,
    /// Alignments above the granule are ignored.
    IgnoresAlignment,
    /// Over-aligned blocks start one granule late.
    MisalignedByGranule,
    /// A layout whose size is no multiple of its alignment is refused.
    RefusesOddSizes,
    /// A large layout trips an assertion.
    PanicsOnHugeLayouts,
    /// Nothing is ever served.
    RefusesAll,
    /// A size and an alignment whose sum passes `isize::MAX` count as a granule.
    AlignWraps,
    /// Sizes lose their highest byte to a tag, from 2^24 on.
    TagOverlapsSize,
    /// Blocks lie at multiples of their alignment from the memory's start, and not from address 0.
    AlignsByOffset,
    /// What nobody can serve is answered with the low memory that belongs to no region.
    HandsOutZeroPage,
    /// A request for a granule more than the memory has is served.
    AcceptsRegionPlusOne,
    /// An empty region serves.
    AcceptsEmptyRegion,
    // Extents.
    /// The extent of an over-aligned block is rounded up to its alignment.
    ExtentFollowsAlignment,
    /// A block that was resized in place is as long as was asked for, and not as its extent.
    ExtentFollowsPath,
    /// A cleared block is a granule longer than another of its size.
    ExtentOfZeroedDiffers,
    /// A block that has moved is a granule longer than another of its size.
    ExtentOfMovedDiffers,
    /// Each extent is a granule longer than needed, so that asking for an extent gives a larger one.
    ExtentKeepsGrowing,
    /// A block is freed by its size rounded down, and not by its extent.
    FreesBySize,
    /// A block is freed by the granule behind its size, which is one too many if its size is whole granules.
    FreesOneMore,
    /// A block is resized by its size rounded down, and not by its extent.
    ResizesBySize,
    /// A block is resized by the granule behind its size, which is one too many if its size is whole granules.
    ResizesOneMore,
    // Taking and giving.
    /// The last granule of each block stays free.
    OverlapsByGranule,
    /// A freed block is in two lists, and is handed out twice.
    HandsOutTwice,
    /// What remains behind a block is lost if it is one granule.
    LosesBackPadding,
    /// What remains before an over-aligned block is lost.
    LosesFrontPadding,
    /// A freed block is not joined with the free one before it.
    NoLeftMerge,
    /// A freed block is not joined with the free one behind it.
    NoRightMerge,
    /// A freed block is joined with the next free one, though a live block of its size lies between.
    MergesAcrossLive,
    /// A free block that fits exactly is passed over.
    SkipsExactFit,
    /// Once a request was refused, all are.
    RefusesAfterOom,
    /// Each refused request costs a granule.
    LeaksOnRefusal,
    /// Nothing that is freed is used again.
    NeverReuses,
    /// Some blocks start a granule late, as a counter says that all heaps share.
    NotDeterministic,
    /// A heap that was moved forgets which memory is used.
    ForgetsWhenMoved,
    /// Freeing a block clears the granule behind it.
    ClearsBehindFreed,
    /// A block takes a granule more than it gives back.
    TakesMoreThanItFrees,
    /// What lies behind an over-aligned block is freed from a granule too early on.
    FreesWrongSuffix,
    /// Where a granule is left behind a block, all free memory before the block is forgotten.
    LosesListAtSliver,
    /// Runs are searched that hold the next power of two.
    SearchesWrongBin,
    /// The first free run is passed over while there is another.
    SkipsFirstRun,
    /// Freed blocks are never joined, as their list is not sorted.
    InsertsUnsorted,
    /// Every sixteenth freed block is lost.
    LosesSomeFrees,
    /// A freed block is kept as the power of two below its size.
    FreesToWrongBin,
    /// A large block is freed a granule behind its place.
    FreesLargeShifted,
    /// Freeing writes two words, into blocks of one word too.
    LinkTooWide,
    /// Freed blocks of 64 bytes are kept apart, and a trim forgets them.
    TrimDropsCache,
    /// A trim frees the block that was allocated last.
    TrimFreesLive,
    /// After 2^16 blocks no more are served.
    SerialWraps,
    // Misuse.
    /// A block that is freed twice is freed twice.
    AcceptsDoubleFree,
    /// A pointer into a block frees what lies behind it.
    AcceptsInteriorFree,
    /// A block is freed by whatever size is said.
    AcceptsWrongSize,
    /// Memory of others is taken in.
    AcceptsForeignFree,
    // Zero sizes.
    /// A request of no bytes takes a granule.
    ZeroTakesBlock,
    /// A request of no bytes is answered with a pointer to address 1.
    ZeroIsUnaligned,
    /// A request of no bytes is refused when the heap is full.
    ZeroNeedsRoom,
    /// Freeing no bytes frees the granule at the pointer.
    FreesZeroSize,
    /// A block that is shrunk to no bytes is not freed.
    ShrinkToZeroLeaks,
    /// A block can be resized in place to no bytes.
    ResizesZero,
    /// Growing a block of no bytes is refused.
    RefusesGrowFromZero,
    // Contents.
    /// Cleared blocks are not cleared.
    ZeroedIsDirty,
    /// Cleared blocks are cleared to their size rounded down.
    ZeroedIsShort,
    /// Memory that was used before is taken for zero.
    TrustsFreedMemory,
    /// Memory is taken for zero though the region does not say so.
    TrustsRegion,
    /// All memory is said to be zero, and cleared when that was asked for.
    SaysZero,
    /// Clearing a block clears the granule behind it.
    ZeroesTooFar,
    // Growing and shrinking.
    /// A growth that is refused frees the block.
    FailedGrowFrees,
    /// A growth that moves copies a byte less.
    GrowCopiesTooLittle,
    /// Bytes that a growth brings are not cleared when they should be.
    GrowZeroedIsDirty,
    /// A move to another alignment copies whole multiples of the larger one.
    CopiesByAlignment,
    /// A growth to the left copies in the wrong direction.
    GrowsLeftBackwards,
    /// Growing to a smaller size shrinks.
    GrowsDown,
    /// Growing to the same size takes another granule.
    GrowsToSame,
    /// A growth in place takes a neighbour that is a granule too small.
    GrowsTooFar,
    /// Growing to the same size frees the last granule.
    SameSizeFrees,
    /// A growth in place goes past the memory's end.
    GrowsPastEnd,
    /// A move goes to any place, whatever the alignment.
    MoveLosesAlignment,
    /// A move returns the old place.
    MoveReturnsOld,
    /// What a growth in place brings is taken for zero.
    GrowZeroedTrustsTail,
    /// What a growth must clear is cleared from the start of the block.
    GrowZeroedClearsAll,
    /// What a growth must clear is cleared before as many bytes are copied as the new block has.
    GrowCopiesTooMuch,
    /// A shrink in place keeps the tail.
    ShrinkKeepsTail,
    /// A shrink in place frees one granule too much.
    ShrinkFreesTooMuch,
    /// A shrink that moves does not copy.
    ShrinkForgetsContents,
    /// Shrinking to a larger size is taken for a growth, though nothing grows.
    ShrinksUp,
    /// A shrink that is refused frees the block.
    FailedShrinkFrees,
    /// Resizing keeps the block where it is, whatever the alignment.
    ResizeIgnoresAlignment,
    /// Resizing in place moves the block down.
    ResizeMoves,
    /// A shrink in place is refused.
    RefusesToShrinkInPlace,
    /// A resize that is refused frees the tail.
    FailedResizeFreesTail,
    // Counters and walk.
    /// Refused requests are not counted.
    FailuresUncounted,
    /// Every attempt of a refused request is counted.
    FailuresCountedTwice,
    /// A growth in place does not raise the peak.
    PeakStale,
    /// Padding before over-aligned blocks counts as used for ever.
    UsedDrifts,
    /// Before the first request, a granule is said to be used.
    CountsBeforeUse,
    /// Requests of no bytes count as live blocks.
    ZeroCountsLive,
    /// What is used is not part of the capacity.
    CapacityMoves,
    /// The byte behind the heap's memory is owned.
    OwnsTheEnd,
    /// Everything is owned.
    OwnsAll,
    /// Nothing is owned.
    OwnsNothing,
    /// The walk leaves out used memory.
    WalkLeavesGaps,
    /// The walk shows free memory as used.
    WalkHidesFree,
    /// The walk shows used memory as free.
    WalkShowsUsedAsFree,
    /// A run that is asked for by an address inside of it starts before that address.
    RunIsNotCut,
    /// The invariants are reported as broken as soon as memory is fragmented.
    VerifyAlarms,
    /// Freeing no bytes counts a live block less.
    ZeroFreeCountsDown,
    /// The heap keeps a mark in its memory, and checking it asserts that it is there.
    VerifyTrustsMemory,
    /// The heap keeps an offset in its memory, which nobody checks.
    VerifyMissesState,
    // Regions.
    /// One byte past the region is written when it is laid out.
    WritesPastRegion,
    /// One byte before the region is written when it is laid out.
    WritesBeforeRegion,
    /// The region's end is rounded up to a granule.
    RoundsEndUp,
    /// The region's start is rounded down to a granule.
    RoundsStartDown,
    /// The memory is used though the claim was refused.
    UsesRefusedRegion,
    /// A region that agreed to be claimed is claimed again when it should grow.
    ClaimsTwice,
    /// A region that refused the claim is never claimed again.
    NeverRetries,
    /// A request of no bytes claims the region.
    ZeroClaims,
    /// `init` says that all is well, whatever the region says.
    InitLies,
    /// The region is measured before it is claimed.
    MeasuresBeforeClaim,
    /// Memory that looks like a heap's is taken for that heap.
    TrustsOldImage,
    /// The region is forgotten instead of dropped.
    LeaksRegion,
    /// A second `init` forgets what is used.
    InitForgets,
    /// All of the region is cleared when it is laid out.
    SweepsRegion,
    /// Dropping the heap with live blocks panics.
    PanicsOnLeak,
    // Growth.
    /// The memory never grows.
    NeverGrows,
    /// A growth is taken to have brought what was asked for.
    BelievesGrowth,
    /// The first growth that was refused is taken to have brought something.
    TakesRefusedGrowth,
    /// The end of grown memory is rounded up to a granule.
    RoundsGrowthUp,
    /// More than what was asked for is not used.
    IgnoresExcess,
    /// The memory that a short growth brought is lost.
    LosesShortGrowth,
    /// A refused growth leaves the heap busy for ever.
    StaysBusy,
    /// A request goes on for as long as the region says that all went well.
    GrowsForEver,
    /// A growth inside of a growth is not refused.
    NestsGrowth,
    /// What is freed during a growth is lost.
    LosesFreesWhileGrowing,
    /// What was free before a growth is lost.
    ForgetsOldMemory,
}

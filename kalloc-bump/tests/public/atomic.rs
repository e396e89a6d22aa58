//! The shared bump: alone, by `&mut`, behind the global face, and with all threads at once.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kalloc_bump::AtomicBump;
use kalloc_bump::atomic::checkpoint::StaleCheckpoint;
use kalloc_traits::{
    AllocError, Heap, InitError, Inspect, RangeRegion, RawRegion, RegionError, SliceRegion, Span, StaticArray,
};

use crate::common::{Memory, bytes, fill, filled, free, is_filled, layout};

/// Returns a bump over all of `memory`.
fn over(memory: &mut Memory) -> AtomicBump<RangeRegion> {
    // SAFETY: the tests keep the memory longer than the bump, and use nothing but its blocks.
    AtomicBump::new(unsafe { RangeRegion::from_pointer(NonNull::from(memory).cast(), 4096) })
}

#[test]
fn of_two_bumps_over_one_static_the_first_gets_the_memory() {
    static MEMORY: StaticArray<64> = StaticArray::new();

    let first = AtomicBump::new(MEMORY.region());
    let second = AtomicBump::new(MEMORY.region());
    assert!(first.region().is_none());
    assert_eq!(first.init(), Ok(()));
    assert_eq!(second.init(), Err(InitError::Claimed));
    assert_eq!(second.allocate(bytes(1)), Err(AllocError));
    let stats = second.stats();
    assert_eq!((stats.capacity, stats.failed_requests), (0, 1));

    let block = filled(&first, bytes(64), 1);
    assert!(first.owns(block) && !second.owns(block));
    assert_eq!(first.region().map(|region| region.span().len()), Some(64));
    drop(first);
    assert_eq!(second.init(), Ok(()));
    filled(&second, bytes(64), 2);
    assert_eq!(second.verify(), Ok(()));
}

#[test]
fn an_empty_region_gives_an_error_and_a_heap_that_refuses() {
    let bump = AtomicBump::new(SliceRegion::new(&mut []));
    assert_eq!(bump.init(), Err(InitError::TooSmall));
    assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
    assert!(bump.allocate(bytes(0)).is_ok());
    assert_eq!((bump.verify(), bump.stats().failed_requests), (Ok(()), 1));
}

#[test]
fn blocks_survive_a_move_of_the_bump() {
    let mut memory = [MaybeUninit::uninit(); 256];
    let bump = AtomicBump::new(SliceRegion::new(&mut memory));
    let block = filled(&bump, bytes(100), 1);
    let moved = Box::new(bump);
    filled(&*moved, bytes(100), 2);
    assert!(is_filled(block, 100, 1));
    free(&*moved, block, bytes(100));
}

#[test]
fn a_rewind_ends_what_came_after_and_keeps_what_came_before() {
    let mut memory = Memory::filled(0);
    let mut bump = over(&mut memory);
    let old = filled(&bump, bytes(100), 1);
    let checkpoint = bump.checkpoint();
    // SAFETY: the block is live, and this is its layout.
    let grown = unsafe { bump.resize_in_place(old, bytes(100), bytes(101)) };
    assert_eq!(grown, Err(AllocError), "a rewind would cut its tail off");
    filled(&bump, layout(64, 64), 2);
    filled(&bump, bytes(10), 3);
    assert_eq!(bump.rewind(checkpoint), Ok(()));
    let stats = bump.stats();
    assert_eq!((stats.used, stats.live_blocks, stats.free), (100, 1, 3996));
    assert_eq!((stats.peak_used, bump.verify()), (174, Ok(())));

    // It is the last block again, and pinned no more.
    // SAFETY: as above.
    let grown = unsafe { bump.resize_in_place(old, bytes(100), bytes(4096)) };
    assert!(grown.is_ok() && is_filled(old, 100, 1));
}

#[test]
fn a_block_from_before_a_checkpoint_may_be_freed_and_moved() {
    let mut memory = Memory::filled(0);
    let mut bump = over(&mut memory);
    let (first, second) = (filled(&bump, bytes(8), 1), filled(&bump, bytes(8), 2));
    let checkpoint = bump.checkpoint();
    free(&bump, second, bytes(8));
    let third = filled(&bump, bytes(8), 3);
    assert!(third > second, "what is pinned is not handed out again");
    // SAFETY: the block is live, and this is its layout.
    let moved = unsafe { bump.grow(first, bytes(8), bytes(16)) }.unwrap();
    assert!(is_filled(moved.cast(), 8, 1));
    assert_eq!(bump.rewind(checkpoint), Ok(()));
    assert_eq!((bump.stats().free, bump.verify()), (4080, Ok(())));
}

#[test]
fn stale_checkpoints_and_those_of_others_change_nothing() {
    let mut memories = [Memory::filled(0), Memory::filled(0)];
    let [mut bump, mut other] = memories.each_mut().map(|memory| over(memory));
    let (of_bump, of_other) = (bump.checkpoint(), other.checkpoint());
    let block = filled(&bump, bytes(8), 1);
    let inner = bump.checkpoint();
    let before = bump.stats();
    assert_eq!(bump.rewind(of_other), Err(StaleCheckpoint));
    assert_eq!(bump.stats(), before);
    assert_eq!(bump.rewind(of_bump), Ok(()));
    let after = filled(&bump, bytes(16), 2);
    assert_eq!(block, after);
    assert_eq!(bump.rewind(inner), Err(StaleCheckpoint));
    assert!(is_filled(after, 16, 2) && bump.stats().used == 16);

    let old = bump.checkpoint();
    bump.reset();
    assert_eq!(bump.rewind(old), Err(StaleCheckpoint));
    assert_eq!((bump.stats().free, bump.verify()), (4096, Ok(())));
}

#[test]
fn old_checkpoints_outlive_younger_ones_that_were_dropped_or_used() {
    let mut memory = Memory::filled(0);
    let mut bump = over(&mut memory);
    let outer = bump.checkpoint();
    for _ in 0..3 {
        filled(&bump, bytes(5), 1);
        let inner = bump.checkpoint();
        filled(&bump, bytes(7), 2);
        assert_eq!(bump.rewind(inner), Ok(()));
    }
    assert_eq!(bump.stats().used, 15);
    assert_eq!(bump.rewind(outer), Ok(()));
    assert_eq!(bump.stats().used, 0);

    let outer = bump.checkpoint();
    let block = filled(&bump, bytes(9), 1);
    drop(bump.checkpoint());
    assert_eq!(bump.rewind(outer), Ok(()));
    assert_eq!(filled(&bump, bytes(9), 1), block);
}

#[test]
fn zeroed_memory_is_cleared_only_where_somebody_was() {
    struct Zeroed(SliceRegion<'static>);
    // SAFETY: the region in it does the work, and its memory is zero.
    unsafe impl RawRegion for Zeroed {
        fn span(&self) -> Span {
            self.0.span()
        }

        fn is_zeroed(&self) -> bool {
            true
        }
    }

    let mut memory = [MaybeUninit::zeroed(); 100];
    // SAFETY: the array outlives the bump, and is used through it alone.
    let slice = unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr(), 100) };
    let mut bump = AtomicBump::new(Zeroed(SliceRegion::new(slice)));
    let mut is_zeroed = |size, reset: bool| {
        if reset {
            bump.reset();
        }
        bump.allocate_raw(bytes(size)).unwrap().is_zeroed
    };
    assert!(is_zeroed(10, false) && is_zeroed(10, false));
    assert!(!is_zeroed(19, true) && !is_zeroed(2, false) && is_zeroed(2, false));
}

/// Miri is slow, and more threads show nothing new.
const THREADS: usize = if cfg!(miri) { 3 } else { 4 };
const STEPS: usize = if cfg!(miri) { 60 } else { 20_000 };

/// A block, its layout, and the byte that all of it is.
type Live = (NonNull<u8>, Layout, u8);

/// Allocates, frees, grows and shrinks at random, and checks at every step that nobody wrote into a block.
fn churn<R: RawRegion>(bump: &AtomicBump<R>, seed: usize, nr_refused: &AtomicUsize) {
    let mut state = seed as u64 * 2 + 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    let mut live: Vec<Live> = Vec::new();
    for step in 0..STEPS {
        let byte = (seed * 64 + step % 64) as u8;
        let size = 1 + random(24);
        // The latest block is the last one, if no other thread was quicker.
        match (random(4), live.pop()) {
            (0, Some((block, old, was))) | (1, Some((block, old, was))) => {
                assert!(is_filled(block, old.size(), was));
                let new = layout(size, old.align());
                // SAFETY: the block is live, and this is its layout.
                let resized = unsafe { bump.resize_in_place(block, old, new) };
                if resized.is_ok() {
                    assert!(is_filled(block, old.size().min(size), was));
                    fill(block, size, byte);
                    live.push((block, new, byte));
                } else {
                    assert!(size > old.size());
                    live.push((block, old, was));
                }
            }
            (2, Some((block, old, was))) => {
                assert!(is_filled(block, old.size(), was));
                free(bump, block, old);
            }
            (_, last) => {
                live.extend(last);
                let wanted = layout(size, 1 << random(4));
                match bump.allocate_zeroed(wanted) {
                    Ok(block) => {
                        assert!(is_filled(block.cast(), size, 0));
                        fill(block.cast(), size, byte);
                        live.push((block.cast(), wanted, byte));
                    }
                    Err(AllocError) => _ = nr_refused.fetch_add(1, Ordering::Relaxed),
                }
            }
        }
        if step % 16 == 0 {
            assert_eq!(bump.verify(), Ok(()));
            assert!(
                live.iter()
                    .all(|&(block, layout, was)| is_filled(block, layout.size(), was))
            );
        }
    }
    for (block, layout, was) in live {
        assert!(is_filled(block, layout.size(), was));
        free(bump, block, layout);
    }
}

/// A region that counts its claims, and takes its time.
struct Counted<'a>(RangeRegion, &'a AtomicUsize);

// SAFETY: the region in it does the work.
unsafe impl RawRegion for Counted<'_> {
    fn claim(&mut self) -> Result<(), RegionError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        thread::yield_now();
        self.0.claim()
    }

    fn span(&self) -> Span {
        self.0.span()
    }
}

#[test]
fn threads_share_a_bump_round_after_round() {
    let (nr_claims, nr_refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut memory = Memory::filled(0xEE);
    // SAFETY: the memory outlives the bump, and is used through it alone.
    let region = unsafe { RangeRegion::from_pointer(NonNull::from(&mut *memory).cast(), 4096) };
    let mut bump = AtomicBump::with_patience(Counted(region, &nr_claims), u32::MAX);
    for round in 0..if cfg!(miri) { 2 } else { 4 } {
        thread::scope(|scope| {
            let (bump, nr_refused) = (&bump, &nr_refused);
            for index in 0..THREADS {
                scope.spawn(move || churn(bump, round * THREADS + index, nr_refused));
            }
        });
        let stats = bump.stats();
        assert_eq!((stats.used, stats.live_blocks), (0, 0));
        assert_eq!(stats.failed_requests, nr_refused.load(Ordering::Relaxed));
        assert_eq!(bump.verify(), Ok(()));
        bump.reset();
        assert_eq!(bump.stats().free, 4096);
    }
    assert_eq!(nr_claims.load(Ordering::Relaxed), 1);
}

#[cfg(feature = "allocator-api2-02")]
#[test]
fn a_bump_is_shared_by_collections_of_several_threads() {
    static MEMORY: StaticArray<8192> = StaticArray::new();
    static BUMP: AtomicBump<kalloc_traits::StaticRegion<8192>> = AtomicBump::new(MEMORY.region());

    let threads = [0u16, 1].map(|seed| {
        thread::spawn(move || {
            let mut numbers = allocator_api2::vec::Vec::new_in(&BUMP);
            numbers.extend((0..100).map(|number| 2 * number + seed));
            numbers
        })
    });
    for (seed, thread) in threads.into_iter().enumerate() {
        let numbers = thread.join().unwrap();
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(index, &number)| usize::from(number) == 2 * index + seed)
        );
    }
    assert_eq!((BUMP.stats().live_blocks, BUMP.verify()), (0, Ok(())));
}

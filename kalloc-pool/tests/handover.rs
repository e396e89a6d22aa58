//! A pool takes over a bump's memory, with the blocks in it.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_bump::{Bump, Direction, Downward, Lean, Settings};
use kalloc_pool::{AddressOrdered, Adopting, Config, Pool, Standard, Tiny};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, InitError, Inspect, RawRegion, RegionError, SliceRegion, Span};

/// Memory of which the region shows a part, and more when it grows.
struct Growing {
    start: NonNull<u8>,
    len: usize,
    most: usize,
}

// SAFETY: the tests make it of memory that they leave alone.
unsafe impl RawRegion for Growing {
    fn span(&self) -> Span {
        Span::new(self.start, self.len)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        if min_extra > self.most - self.len {
            return Err(RegionError::Exhausted);
        }
        self.len += min_extra;
        Ok(())
    }
}

/// Whole words, upwards.
struct Words;

impl Settings for Words {
    const MIN_ALIGN: usize = 16;
}

/// Whole words, downwards.
struct WordsDown;

impl Settings for WordsDown {
    const DIRECTION: Direction = Direction::Down;
    const MIN_ALIGN: usize = 8;
}

/// A block whose bytes are all its number.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

impl Block {
    fn take(heap: &impl Heap, rng: &mut Rng) -> Option<Self> {
        let layout = Layout::from_size_align(1 + rng.below(120), 1 << rng.below(7)).unwrap();
        let start = heap.allocate(layout).ok()?.cast::<u8>();
        let byte = rng.below(256) as u8;
        // SAFETY: the block is ours.
        unsafe { start.write_bytes(byte, layout.size()) };
        Some(Self { start, layout, byte })
    }

    fn check(&self) {
        // SAFETY: the block is ours, and was written.
        let bytes = unsafe { NonNull::slice_from_raw_parts(self.start, self.layout.size()).as_ref() };
        assert!(
            bytes.iter().all(|&byte| byte == self.byte),
            "somebody wrote into a live block"
        );
    }

    fn free(self, heap: &impl Heap) {
        self.check();
        // SAFETY: the block is live, and has this layout.
        unsafe { heap.deallocate(self.start, self.layout) };
    }
}

const LEN: usize = if cfg!(miri) { 2000 } else { 20_000 };

/// Fills a part of a bump over memory that starts `skip` bytes behind a multiple of 64, hands it over, and frees boot blocks
/// between others.
fn boots_and_goes_on<S: Settings, C: Config>(skip: usize, len: usize, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut memory = vec![MaybeUninit::<u8>::uninit(); LEN + 200];
    let offset = memory.as_ptr().addr().wrapping_neg() % 64 + skip;
    let region = SliceRegion::new(&mut memory[offset..offset + len]);
    let span = region.span();
    let bump = Bump::<_, S>::with_settings(region);
    let boot_bytes = rng.below(len / 2);
    let mut boot = Vec::new();
    while boot.iter().map(|block: &Block| block.layout.size()).sum::<usize>() < boot_bytes {
        let block = Block::take(&bump, &mut rng).unwrap();
        if rng.below(5) == 0 {
            block.free(&bump);
        } else {
            boot.push(block);
        }
    }

    let pool = Pool::<_, Adopting<C>>::adopt(bump).unwrap();
    pool.verify().unwrap();
    let before = pool.stats();
    assert_eq!((before.used, before.live_blocks), (0, 0));
    // In a region that is so small as Miri's, the heap's own state takes much.
    assert!(before.capacity > if cfg!(miri) { 0 } else { len / 4 });
    let mut whole = 0;
    let mut own = Vec::new();
    for _ in 0..if cfg!(miri) { 10 } else { 2000 } {
        match rng.below(3) {
            0 if !boot.is_empty() => {
                let block = boot.swap_remove(rng.below(boot.len()));
                let base = span.start_addr().next_multiple_of(8);
                let unit = block.layout.size().next_multiple_of(S::MIN_ALIGN);
                let end = block.start.addr().get() + unit;
                let first = block
                    .start
                    .addr()
                    .get()
                    .next_multiple_of(C::GRANULE)
                    .max(base + C::GRANULE);
                whole += (end.min(span.end_addr()) / C::GRANULE * C::GRANULE).saturating_sub(first);
                block.free(&pool);
            }
            1 if !own.is_empty() => {
                let block: Block = own.swap_remove(rng.below(own.len()));
                block.free(&pool);
            }
            _ => own.extend(Block::take(&pool, &mut rng)),
        }
        boot.iter().chain(&own).for_each(Block::check);
        pool.verify().unwrap();
        assert_eq!(
            pool.stats().capacity,
            before.capacity + whole,
            "capacity is what came back"
        );
    }
    own.into_iter().for_each(|block| block.free(&pool));
    boot.into_iter().for_each(|block| block.free(&pool));
    pool.trim();
    pool.verify().unwrap();
    let stats = pool.stats();
    assert_eq!((stats.used, stats.live_blocks, stats.free), (0, 0, stats.capacity));
}

fn over_odd_regions<S: Settings, C: Config>(seed: u64) {
    let shapes = [(5, 11), (0, 0), (1, 0), (8, 3)];
    let some = if cfg!(miri) { 2 } else { shapes.len() };
    for (number, &(skip, cut)) in shapes[..some].iter().enumerate() {
        boots_and_goes_on::<S, C>(skip, LEN - cut, seed + number as u64);
    }
}

#[test]
fn blocks_of_a_bump_are_freed_by_the_pool() {
    over_odd_regions::<kalloc_bump::Standard, Standard>(1);
    over_odd_regions::<Lean, AddressOrdered>(11);
    over_odd_regions::<Words, Tiny>(21);
}

#[test]
fn blocks_that_were_cut_downwards_are_freed_by_the_pool() {
    over_odd_regions::<Downward, Standard>(31);
    over_odd_regions::<WordsDown, AddressOrdered>(41);
    over_odd_regions::<Downward, Tiny>(51);
}

#[test]
fn a_bump_without_a_block_leaves_all_of_its_memory() {
    let mut memory = [MaybeUninit::uninit(); 4096];
    let pool = Pool::<_, Adopting<Standard>>::adopt(Bump::new(SliceRegion::new(&mut memory))).unwrap();
    let capacity = pool.stats().capacity;
    let mut other = [MaybeUninit::uninit(); 4096];
    let plain = Pool::<_, Adopting<Standard>>::with_config(SliceRegion::new(&mut other));
    plain.init().unwrap();
    assert!(capacity + 8 >= plain.stats().capacity);
    assert!(pool.allocate(Layout::from_size_align(capacity, 1).unwrap()).is_ok());
}

#[test]
fn a_bump_that_is_too_full_comes_back_as_it_was() {
    let mut memory = [MaybeUninit::uninit(); 4096];
    let bump = Bump::new(SliceRegion::new(&mut memory));
    let mut rng = Rng::new(7);
    let blocks: Vec<Block> = std::iter::from_fn(|| Block::take(&bump, &mut rng)).collect();
    let before = bump.stats();
    let refused = Pool::<_, Adopting<Standard>>::adopt(bump).unwrap_err();
    assert_eq!(refused.reason, InitError::TooSmall);
    assert_eq!(refused.value.stats(), before);
    refused.value.verify().unwrap();
    blocks.into_iter().for_each(|block| block.free(&refused.value));
    assert_eq!(refused.value.stats().free, 4096);
}

#[test]
fn an_adopted_region_grows_and_boot_blocks_at_its_old_end_stay() {
    let cases = [(2003, 2), (2000, 1), (2007, 3)];
    for &(len, seed) in &cases[..if cfg!(miri) { 1 } else { cases.len() }] {
        let mut rng = Rng::new(seed);
        let mut memory = vec![0u64; 8000];
        let start = NonNull::from(memory.as_mut_slice()).cast::<u8>();
        let region = Growing {
            start,
            len,
            most: 60_000,
        };
        let bump = Bump::<_, Downward>::with_settings(region);
        let mut blocks: Vec<Block> = (0..6).map(|_| Block::take(&bump, &mut rng).unwrap()).collect();
        let pool = Pool::<_, Adopting<Standard>>::adopt(bump).unwrap();
        let steps = if cfg!(miri) { 40 } else { 400 };
        for step in 0..steps {
            blocks.extend(Block::take(&pool, &mut rng));
            if step > steps / 2 {
                blocks.swap_remove(rng.below(blocks.len())).free(&pool);
            }
            blocks.iter().for_each(Block::check);
            pool.verify().unwrap();
        }
        assert!(pool.stats().capacity > len, "the region has grown");
        blocks.into_iter().for_each(|block| block.free(&pool));
        pool.trim();
        pool.verify().unwrap();
        assert_eq!(pool.stats().free, pool.stats().capacity);
    }
}

#[test]
fn boot_blocks_are_resized_by_a_move() {
    let mut memory = [MaybeUninit::uninit(); 8192];
    let bump = Bump::new(SliceRegion::new(&mut memory));
    let (old, new) = (Layout::new::<[u8; 13]>(), Layout::new::<[u8; 40]>());
    let first = bump.allocate(old).unwrap().cast::<u8>();
    let second = bump.allocate(old).unwrap().cast::<u8>();
    // SAFETY: the blocks are ours, and have so many bytes.
    unsafe { first.write_bytes(1, 13) };
    // SAFETY: as above.
    unsafe { second.write_bytes(2, 13) };
    let pool = Pool::<_, Adopting<Standard>>::adopt(bump).unwrap();
    // SAFETY: the block is live, and has this layout.
    assert!(unsafe { pool.resize_in_place(second, old, Layout::new::<u8>()) }.is_err());
    // SAFETY: as above.
    let moved = unsafe { pool.grow(second, old, new) }.unwrap().cast::<[u8; 13]>();
    // SAFETY: the block is live, and these bytes came along.
    assert_eq!(unsafe { moved.read() }, [2; 13]);
    // SAFETY: the first block is live, and nobody wrote to it.
    assert_eq!(unsafe { first.cast::<[u8; 13]>().read() }, [1; 13]);
    pool.verify().unwrap();
}

#[test]
fn a_region_that_has_boot_blocks_is_not_given_back() {
    let mut memory = [MaybeUninit::uninit(); 4096];
    let bump = Bump::new(SliceRegion::new(&mut memory));
    let _boot = bump.allocate(Layout::new::<[u64; 9]>()).unwrap();
    let pool = Pool::<_, Adopting<Standard>>::adopt(bump).unwrap();
    assert_eq!(pool.stats().live_blocks, 0);
    assert!(pool.into_region().is_err(), "a boot block is live");
    // Without one, the heap is as any other.
    let pool = Pool::<_, Adopting<Standard>>::with_config(SliceRegion::new(&mut memory));
    pool.init().unwrap();
    assert!(pool.into_region().is_ok());
}

#[test]
fn a_pool_lies_in_what_a_borrowed_bump_had_left() {
    /// Memory whose end is a multiple of what the block asks for.
    #[repr(align(8))]
    struct Aligned([MaybeUninit<u8>; 8192]);

    let mut memory = Aligned([MaybeUninit::uninit(); 8192]);
    let mut bump = Bump::<_, Downward>::with_settings(SliceRegion::new(&mut memory.0));
    let table = bump.allocate(Layout::new::<[u64; 100]>()).unwrap();
    {
        let pool = Pool::new(bump.take_rest().unwrap());
        assert!(pool.allocate(Layout::new::<[u8; 5000]>()).is_ok());
        assert!(!pool.owns(table.cast()));
        assert_eq!(bump.take_rest().err(), Some(RegionError::Exhausted));
        // The last block of the bump goes, and what was given away stays so.
        // SAFETY: the block is live, and has this layout.
        unsafe { bump.deallocate(table.cast(), Layout::new::<[u64; 100]>()) };
        assert_eq!((bump.stats().free, bump.stats().capacity), (800, 800));
        bump.verify().unwrap();
        pool.verify().unwrap();
    }
    bump.reset();
    assert_eq!(bump.stats().free, 800);
    assert!(bump.allocate(Layout::new::<[u8; 801]>()).is_err());
}

#[test]
fn every_flip_in_the_map_of_boot_blocks_and_in_their_count_is_reported() {
    const GRANULES: usize = 250;
    const LOW: usize = 40;
    let mut memory = vec![0u64; GRANULES];
    let start = NonNull::from(memory.as_mut_slice()).cast::<u8>();
    let region = Growing {
        start,
        len: GRANULES * 8,
        most: GRANULES * 8,
    };
    let bump = Bump::new(region);
    let boot = bump.allocate(Layout::new::<[u64; LOW]>()).unwrap();
    assert_eq!(boot.cast(), start);
    let pool = Pool::<_, Adopting<AddressOrdered>>::adopt(bump).unwrap();
    // Behind the boot block and the bitmap there are six words of notes, of which the fourth is the count and the fifth says where
    // the map is: behind them.
    let notes = (LOW + GRANULES / 64 + 1) * 64;
    let count = notes + 3 * 32..notes + 5 * 32;
    // Granule 0 does not count.
    let map = notes + 6 * 32 + 1..notes + 6 * 32 + LOW;
    let step = if cfg!(miri) { 11 } else { 1 };
    for bit in (notes..notes + 6 * 32 + LOW).step_by(step) {
        let flip = || {
            // SAFETY: the byte lies in the memory.
            let byte = unsafe { start.add(bit / 8) };
            // SAFETY: the byte is initialised, and nobody else looks meanwhile.
            let value = unsafe { byte.read() };
            // SAFETY: as above.
            unsafe { byte.write(value ^ 1 << (bit % 8)) };
        };
        flip();
        let report = pool.verify().map_err(|flaw| flaw.invariant);
        // What the other notes say is not always wrong, but never believed without a look.
        if count.contains(&bit) || map.contains(&bit) {
            assert_eq!(report, Err("P9"), "bit {} of the notes", bit - notes);
        }
        flip();
    }
    pool.verify().unwrap();
}

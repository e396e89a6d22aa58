//! A pool whose memory appears at another address, and one that is left and taken up again.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Checked, Config, Moved, Pool, RebaseError, Retained, Standard, Tiny};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, Inspect, RangeRegion, RawRegion};

/// Memory that is aligned to a page, or a few bytes behind one.
struct Memory {
    start: NonNull<u8>,
    skip: usize,
}

const ROOM: usize = if cfg!(miri) { 1 << 12 } else { 1 << 16 };
const LEN: usize = if cfg!(miri) { 3000 } else { 40_000 };

impl Memory {
    const LAYOUT: Layout = Layout::new::<Page>();

    fn new(skip: usize) -> Self {
        // SAFETY: the layout's size is not zero.
        let start = unsafe { std::alloc::alloc_zeroed(Self::LAYOUT) };
        Self {
            start: NonNull::new(start).unwrap(),
            skip,
        }
    }

    fn region(&self, len: usize) -> RangeRegion {
        // SAFETY: the offset is inside.
        let start = unsafe { self.start.add(self.skip) };
        // SAFETY: the memory is left alone while a pool lies in it.
        unsafe { RangeRegion::from_pointer(start, len) }
    }

    fn bytes(&self) -> Vec<u8> {
        // SAFETY: all of the memory is initialised, and no pool changes it meanwhile.
        unsafe { NonNull::slice_from_raw_parts(self.start, ROOM).as_ref() }.to_vec()
    }

    /// Copies what `other` has, from where its region starts to where this one's does.
    fn copy(&self, other: &Self) {
        let (from, to) = (other.region(LEN).span().start(), self.region(LEN).span().start());
        // SAFETY: both have so many bytes, and are apart.
        unsafe { to.copy_from_nonoverlapping(from, LEN) };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), Self::LAYOUT) };
    }
}

#[repr(align(4096))]
#[expect(dead_code, reason = "only its layout is needed")]
struct Page([u8; ROOM]);

/// Blocks whose bytes are all their number.
struct Program {
    rng: Rng,
    blocks: Vec<(NonNull<u8>, Layout, u8)>,
}

/// The largest alignment of the program's blocks.
const ALIGN: usize = 64;

impl Program {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            blocks: Vec::new(),
        }
    }

    fn run<C: Config>(&mut self, pool: &Pool<RangeRegion, C>, steps: usize) {
        for _ in 0..steps {
            if self.rng.below(5) < 2 && !self.blocks.is_empty() {
                let (start, layout, _) = self.blocks.swap_remove(self.rng.below(self.blocks.len()));
                // SAFETY: the block is live, and has this layout.
                unsafe { pool.deallocate(start, layout) };
            } else {
                let layout = Layout::from_size_align(1 + self.rng.below(300), 1 << self.rng.below(7)).unwrap();
                let Ok(block) = pool.allocate(layout) else { continue };
                let byte = self.rng.below(256) as u8;
                // SAFETY: the block is ours.
                unsafe { block.cast::<u8>().write_bytes(byte, layout.size()) };
                self.blocks.push((block.cast(), layout, byte));
            }
            pool.verify().unwrap();
        }
        self.check();
    }

    fn check(&self) {
        for &(start, layout, byte) in &self.blocks {
            assert_eq!(start.addr().get() % layout.align(), 0);
            // SAFETY: the block is ours, and was written.
            let bytes = unsafe { NonNull::slice_from_raw_parts(start, layout.size()).as_ref() };
            assert!(bytes.iter().all(|&other| other == byte));
        }
    }

    fn follow(&mut self, moved: &Moved) {
        for (start, ..) in &mut self.blocks {
            *start = moved.translate(*start).unwrap();
        }
        self.check();
    }

    fn end<C: Config>(mut self, pool: &Pool<RangeRegion, C>) {
        for (start, layout, _) in self.blocks.drain(..) {
            // SAFETY: the block is live, and has this layout.
            unsafe { pool.deallocate(start, layout) };
        }
        pool.trim();
        pool.verify().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.used, stats.free), (0, stats.capacity));
        assert!(
            pool.allocate(Layout::from_size_align(stats.capacity, 1).unwrap())
                .is_ok()
        );
    }
}

const STEPS: usize = if cfg!(miri) { 10 } else { 1500 };

fn goes_on_in_copies<C: Config>(seed: u64) {
    let places = [Memory::new(0), Memory::new(64), Memory::new(128)];
    let mut pool = Pool::<_, C>::with_config(places[0].region(LEN));
    let mut program = Program::new(seed);
    program.run(&pool, STEPS);
    for pair in [[0, 1], [1, 2], [2, 0]] {
        places[pair[1]].copy(&places[pair[0]]);
        // SAFETY: the copy holds what the pool's memory holds, and blocks are aligned to 64 at most.
        let (old, moved) = unsafe { pool.rebase(places[pair[1]].region(LEN), ALIGN) }.unwrap();
        // What stays behind is nobody's.
        // SAFETY: the old memory is not used any more.
        unsafe { places[pair[0]].start.write_bytes(0xA5, ROOM) };
        assert_eq!(old.span().len(), LEN);
        pool.verify().unwrap();
        program.follow(&moved);
        program.run(&pool, STEPS);
    }
    assert_eq!(pool.misuses(), 0);
    program.end(&pool);
}

#[test]
fn a_pool_goes_on_in_a_copy_of_its_memory() {
    goes_on_in_copies::<Standard>(1);
    goes_on_in_copies::<AddressOrdered>(2);
    goes_on_in_copies::<BestFitting>(3);
    goes_on_in_copies::<Tiny>(4);
    goes_on_in_copies::<Checked<Standard>>(5);
    goes_on_in_copies::<Checked<Tiny>>(6);
}

#[test]
fn a_base_where_blocks_would_be_misaligned_is_refused_and_so_is_a_short_region() {
    let (here, there) = (Memory::new(0), Memory::new(8));
    let mut pool = Pool::<_, Standard>::with_config(here.region(LEN));
    let unborn = unsafe_rebase(&mut pool, here.region(LEN), 8);
    assert_eq!(unborn, Err(RebaseError::NoImage));
    let mut program = Program::new(5);
    program.run(&pool, STEPS);
    there.copy(&here);
    for (region, align, reason) in [
        (there.region(LEN), ALIGN, RebaseError::Misaligned),
        (there.region(LEN), 16, RebaseError::Misaligned),
        (there.region(LEN), 24, RebaseError::Misaligned),
        (there.region(LEN), 0, RebaseError::Misaligned),
        (there.region(LEN - 8), 8, RebaseError::Truncated),
    ] {
        assert_eq!(unsafe_rebase(&mut pool, region, align), Err(reason));
        program.run(&pool, 10);
    }
    program.end(&pool);
}

/// Rebases where it must be refused.
fn unsafe_rebase<C: Config>(
    pool: &mut Pool<RangeRegion, C>,
    region: RangeRegion,
    align: usize,
) -> Result<(), RebaseError> {
    // SAFETY: none: it is refused.
    unsafe { pool.rebase(region, align) }
        .map(|_| ())
        .map_err(|refused| refused.reason)
}

fn is_left_and_taken_up<C: Config>(seed: u64) {
    let places = [Memory::new(0), Memory::new(64)];
    let mut program = Program::new(seed);
    let mut pool = Pool::<_, Retained<C>>::with_config(places[0].region(LEN));
    for round in 0..4 {
        program.run(&pool, STEPS);
        let before = pool.stats();
        pool.detach(ALIGN).unwrap();
        let (from, to) = (&places[round % 2], &places[(round + 1) % 2]);
        to.copy(from);
        // SAFETY: the memory is initialised, and holds what the pool left.
        let (next, moved) = unsafe { Pool::<_, Retained<C>>::attach(to.region(LEN)) }.unwrap();
        next.verify().unwrap();
        program.follow(&moved);
        let after = next.stats();
        assert_eq!((before.used, before.live_blocks), (after.used, after.live_blocks));
        assert_eq!((before.capacity, before.peak_used), (after.capacity, after.peak_used));
        // It is in use now.
        let bytes = to.bytes();
        assert!(bytes[to.skip..to.skip + 96].iter().all(|&byte| byte == 0));
        pool = next;
    }
    program.end(&pool);
}

#[test]
fn a_heap_is_left_and_taken_up_again_elsewhere() {
    is_left_and_taken_up::<Standard>(11);
    is_left_and_taken_up::<AddressOrdered>(12);
    is_left_and_taken_up::<BestFitting>(13);
    is_left_and_taken_up::<Tiny>(14);
    is_left_and_taken_up::<Checked<Standard>>(15);
    is_left_and_taken_up::<Checked<Tiny>>(16);
}

/// Takes up what must be refused, and holds that no byte has changed.
fn refuses<C: Config>(memory: &Memory, len: usize) -> RebaseError {
    let before = memory.bytes();
    // SAFETY: the memory is initialised, and nothing was left there that could be taken up twice.
    let refused = unsafe { Pool::<_, Retained<C>>::attach(memory.region(len)) }
        .err()
        .unwrap();
    assert!(memory.bytes() == before, "a refusal changed the image");
    refused.reason
}

fn left(memory: &Memory, seed: u64) {
    let pool = Pool::<_, Retained<Standard>>::with_config(memory.region(LEN));
    Program::new(seed).run(&pool, STEPS);
    pool.detach(ALIGN).unwrap();
}

#[test]
fn what_is_no_image_is_refused_and_stays_as_it_is() {
    let memory = Memory::new(0);
    assert_eq!(refuses::<Standard>(&memory, LEN), RebaseError::NoImage);
    for len in [0, 1, 8, 95] {
        assert_eq!(refuses::<Standard>(&memory, len), RebaseError::Truncated);
    }
    // A heap in use is none either.
    let pool = Pool::<_, Retained<Standard>>::with_config(memory.region(LEN));
    assert!(pool.allocate(Layout::new::<u64>()).is_ok());
    assert_eq!(refuses::<Standard>(&memory, LEN), RebaseError::NoImage);
    left(&memory, 21);
    assert_eq!(refuses::<AddressOrdered>(&memory, LEN), RebaseError::Configuration);
    assert_eq!(refuses::<Standard>(&memory, LEN - 8), RebaseError::Truncated);
    let elsewhere = Memory::new(8);
    elsewhere.copy(&memory);
    assert_eq!(refuses::<Standard>(&elsewhere, LEN), RebaseError::Misaligned);
    // A later version's, which has its own idea of a checksum.
    // SAFETY: the record is the memory's, and begins with words.
    let version = unsafe { memory.start.cast::<u32>().add(2) };
    // SAFETY: as above.
    unsafe { version.write(3) };
    assert_eq!(refuses::<Standard>(&memory, LEN), RebaseError::Version);
}

#[test]
fn every_flipped_bit_of_the_record_and_of_a_mark_is_found() {
    let memory = Memory::new(0);
    left(&memory, 22);
    let words = 17 * 32;
    for bit in (0..words).step_by(if cfg!(miri) { 97 } else { 1 }) {
        flip(&memory, bit);
        let reason = refuses::<Standard>(&memory, LEN);
        assert!(
            matches!(
                reason,
                RebaseError::NoImage | RebaseError::Version | RebaseError::Damaged
            ),
            "bit {bit}: {reason:?}"
        );
        flip(&memory, bit);
    }
    // The bitmap follows the record.
    for bit in (0..LEN / 8).step_by(if cfg!(miri) { 101 } else { 7 }) {
        flip(&memory, 96 * 8 + bit);
        assert_eq!(refuses::<Standard>(&memory, LEN), RebaseError::Damaged, "mark {bit}");
        flip(&memory, 96 * 8 + bit);
    }
    // SAFETY: the memory is initialised, and holds what a pool left.
    assert!(unsafe { Pool::<_, Retained<Standard>>::attach(memory.region(LEN)) }.is_ok());
}

#[test]
fn every_flipped_bit_of_a_loan_is_found() {
    type Image = Retained<Checked<Standard>>;
    let memory = Memory::new(0);
    let pool = Pool::<_, Image>::with_config(memory.region(LEN));
    let mut program = Program::new(23);
    program.run(&pool, STEPS);
    assert!(pool.detach(ALIGN).is_ok());
    // The loans follow the record, a byte a granule.
    for bit in (0..LEN / 8 * 8).step_by(if cfg!(miri) { 401 } else { 3 }) {
        flip(&memory, 96 * 8 + bit);
        assert_eq!(
            refuses::<Checked<Standard>>(&memory, LEN),
            RebaseError::Damaged,
            "loan {bit}"
        );
        flip(&memory, 96 * 8 + bit);
    }
    // SAFETY: the memory is initialised, and holds what a pool left.
    let (pool, moved) = unsafe { Pool::<_, Image>::attach(memory.region(LEN)) }.unwrap_or_else(|_| panic!());
    program.follow(&moved);
    program.end(&pool);
    assert_eq!(pool.misuses(), 0);
}

fn flip(memory: &Memory, bit: usize) {
    // SAFETY: the byte is the memory's.
    let byte = unsafe { memory.start.add(memory.skip + bit / 8) };
    // SAFETY: it is initialised, and ours.
    let old = unsafe { byte.read() };
    // SAFETY: it is ours.
    unsafe { byte.write(old ^ 1 << (bit % 8)) };
}

/// Two mappings of the same pages.
#[cfg(all(target_os = "linux", not(miri)))]
mod mapped {
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

    use super::*;

    #[test]
    fn a_pool_goes_on_in_another_mapping_of_its_pages() {
        let file = memfd_create("pool", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, ROOM as u64).unwrap();
        let map = || {
            let both = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: the system chooses an address where nothing is mapped.
            let start = unsafe { mmap(std::ptr::null_mut(), ROOM, both, MapFlags::SHARED, &file, 0) };
            NonNull::new(start.unwrap()).unwrap().cast::<u8>()
        };
        let maps = [map(), map()];
        // SAFETY: each region is used only while the pool lies in it.
        let region = |index: usize| unsafe { RangeRegion::from_pointer(maps[index], LEN) };
        let mut program = Program::new(31);
        let mut pool = Pool::<_, Standard>::with_config(region(0));
        program.run(&pool, STEPS);
        for round in 1..=4 {
            // SAFETY: the other mapping shows the same pages, and blocks are aligned to 64 at most.
            let (_, moved) = unsafe { pool.rebase(region(round % 2), ALIGN) }.unwrap();
            program.follow(&moved);
            program.run(&pool, STEPS);
        }
        program.end(&pool);
        for start in maps {
            // SAFETY: the mapping is not used any more.
            unsafe { munmap(start.as_ptr().cast(), ROOM) }.unwrap();
        }
    }
}

#[test]
fn a_longer_region_that_cannot_grow_is_taken_in_where_the_heap_goes_on() {
    let (old, new) = (Memory::new(0), Memory::new(0));
    let mut pool = Pool::<_>::new(old.region(LEN / 2));
    pool.init().unwrap();
    new.copy(&old);
    // SAFETY: the memory is a copy, and no block is live.
    unsafe { pool.rebase(new.region(LEN), 8) }
        .map_err(|refused| refused.reason)
        .unwrap();
    let most = Layout::from_size_align(LEN / 4 * 3, 8).unwrap();
    assert!(pool.allocate(most).is_ok());
    pool.verify().unwrap();
}

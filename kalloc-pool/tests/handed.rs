//! What a pool that lies among boot blocks gives back, and what it believes of its notes.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_bump::{Bump, Downward};
use kalloc_pool::{AddressOrdered, Adopting, Pool, Standard};
use kalloc_testkit::region::GuardedRegion;
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError};

#[test]
fn boot_blocks_at_the_end_of_a_region_are_not_given_back() {
    let bump = Bump::<_, Downward>::with_settings(GuardedRegion::new(4096));
    let boot = bump.allocate(Layout::new::<[u64; 9]>()).unwrap().cast::<[u64; 9]>();
    // SAFETY: the block is ours.
    unsafe { boot.write([7; 9]) };
    let pool = Pool::<_, Adopting<Standard>>::adopt(bump).unwrap();
    let before = pool.stats();
    assert_eq!(pool.truncate(usize::MAX), Err(RegionError::Shortfall));
    assert_eq!(pool.stats(), before);
    // SAFETY: the block is live, and was written.
    assert_eq!(unsafe { boot.read() }, [7; 9]);
    pool.verify().unwrap();
}

#[test]
fn a_map_of_boot_blocks_that_would_end_behind_the_region_is_not_read() {
    const GRANULES: usize = 250;
    const LOW: usize = 40;
    let region = GuardedRegion::new(GRANULES * 8);
    let start = region.span().start();
    let bump = Bump::new(region);
    let boot = bump.allocate(Layout::new::<[u64; LOW]>()).unwrap();
    assert_eq!(boot.cast(), start);
    let pool = Pool::<_, Adopting<AddressOrdered>>::adopt(bump).unwrap();
    // Behind the boot block and the bitmap lie the notes, whose fifth word says where the map is.
    let offset = LOW * 8 + (GRANULES / usize::BITS as usize + 1) * size_of::<usize>() + 4 * 4;
    // SAFETY: the word lies in the memory.
    let note: NonNull<u32> = unsafe { start.add(offset) }.cast();
    // SAFETY: the note is initialised, and nobody else looks meanwhile.
    let map = unsafe { note.read() };
    for wrong in GRANULES as u32..GRANULES as u32 + 4 {
        // SAFETY: as above.
        unsafe { note.write(wrong) };
        assert_eq!(pool.verify().map_err(|flaw| flaw.invariant), Err("P9"), "{wrong}");
    }
    // SAFETY: as above.
    unsafe { note.write(map) };
    pool.verify().unwrap();
}

#[test]
fn a_region_that_ends_with_the_map_of_boot_blocks_is_whole() {
    let layout = Layout::new::<[u64; 90]>();
    let bump = Bump::new(GuardedRegion::new(4096));
    let boot = bump.allocate(layout).unwrap().cast::<u8>();
    let pool = Pool::<_, Adopting<Standard>>::adopt(bump).unwrap();
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(boot, layout) };
    assert!(pool.truncate(usize::MAX).is_ok());
    pool.verify().unwrap();
}

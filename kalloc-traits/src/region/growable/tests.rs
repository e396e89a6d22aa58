//! The growable region over a source that counts its pages and marks what it takes back.

use core::cell::{Cell, UnsafeCell};
use core::ptr;

use super::*;

const PAGE: usize = 64;

/// Memory for ten pages, at a multiple of their size.
#[repr(align(64))]
struct Memory(UnsafeCell<[u8; 10 * PAGE]>);

impl Memory {
    fn new() -> Self {
        Self(UnsafeCell::new([0xAA; 10 * PAGE]))
    }

    /// Returns a region in the memory without its first `skip` bytes, of which `nr_free` pages can be backed.
    fn region<'a>(&self, skip: usize, nr_free: &'a Cell<usize>) -> GrowableRegion<Pages<'a>> {
        let start = NonNull::new(self.0.get().cast::<u8>().wrapping_add(skip)).unwrap();
        // SAFETY: the tests keep the memory for as long as the region, and use it through that only.
        unsafe { GrowableRegion::from_pointer(start, 10 * PAGE - skip, Pages { nr_free }) }
    }
}

/// A source that has `nr_free` pages, which it clears.
struct Pages<'a> {
    nr_free: &'a Cell<usize>,
}

// SAFETY: the bytes are the memory's all the time; the source only counts and fills them.
unsafe impl PageSource for Pages<'_> {
    fn page_size(&self) -> usize {
        PAGE
    }

    fn map(&mut self, at: NonNull<u8>, bytes: usize) -> Result<usize, RegionError> {
        assert_eq!((at.addr().get() % PAGE, bytes % PAGE), (0, 0));
        let mapped = bytes.min(self.nr_free.get() * PAGE);
        self.nr_free.set(self.nr_free.get() - mapped / PAGE);
        // SAFETY: the region asks for bytes of its reserve only.
        unsafe { at.write_bytes(0, mapped) };
        Ok(mapped)
    }

    fn unmap(&mut self, at: NonNull<u8>, bytes: usize) -> Result<(), RegionError> {
        assert_eq!((at.addr().get() % PAGE, bytes % PAGE), (0, 0));
        self.nr_free.set(self.nr_free.get() + bytes / PAGE);
        // SAFETY: as above.
        unsafe { at.write_bytes(0xDD, bytes) };
        Ok(())
    }

    fn is_zeroed(&self) -> bool {
        true
    }

    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        Some(pointer.addr().get() % PAGE)
    }
}

#[test]
fn it_starts_empty_and_grows_by_whole_pages_up_to_the_reserve() {
    let (memory, nr_free) = (Memory::new(), Cell::new(100));
    let mut region = memory.region(0, &nr_free);
    assert_eq!(region.grow(1), Err(RegionError::Exhausted), "it was not claimed");
    assert_eq!(region.claim(), Ok(()));
    assert_eq!(region.claim(), Err(RegionError::Claimed));
    assert!(region.span().is_empty());
    assert_eq!(region.reserve_len(), 10 * PAGE);

    assert_eq!(region.grow(0), Ok(()));
    assert!(region.span().is_empty());
    assert_eq!(region.grow(1), Ok(()));
    assert_eq!(region.span().len(), PAGE);
    assert_eq!(region.grow(PAGE + 1), Ok(()));
    assert_eq!(region.span().len(), 3 * PAGE);

    assert_eq!(region.grow(7 * PAGE + 1), Err(RegionError::Exhausted));
    assert_eq!(region.grow(usize::MAX), Err(RegionError::Exhausted));
    assert_eq!(nr_free.get(), 97, "a growth that does not fit takes no page");
    assert_eq!(region.grow(7 * PAGE), Ok(()));
    assert_eq!(region.span().len(), 10 * PAGE);
    assert_eq!(region.grow(1), Err(RegionError::Exhausted));
}

#[test]
fn a_source_that_runs_short_leaves_what_it_gave() {
    let (memory, nr_free) = (Memory::new(), Cell::new(3));
    let mut region = memory.region(0, &nr_free);
    region.claim().unwrap();
    assert_eq!(region.grow(2 * PAGE), Ok(()));
    assert_eq!(region.grow(2 * PAGE), Ok(()));
    assert_eq!(region.span().len(), 3 * PAGE, "one page of the two");
    assert_eq!(region.grow(1), Err(RegionError::Exhausted));
    assert_eq!(region.span().len(), 3 * PAGE);
}

#[test]
fn whole_pages_are_given_back_and_come_again_as_zeros() {
    let (memory, nr_free) = (Memory::new(), Cell::new(10));
    let mut region = memory.region(0, &nr_free);
    region.claim().unwrap();
    region.grow(4 * PAGE).unwrap();
    let start = region.span().start();
    // SAFETY: the region owns the bytes.
    unsafe { start.write_bytes(7, 4 * PAGE) };

    assert_eq!(region.shrink(PAGE - 1), Err(RegionError::Shortfall));
    assert_eq!(region.shrink(4 * PAGE + 1), Err(RegionError::Shortfall));
    assert_eq!(region.span().len(), 4 * PAGE);
    assert_eq!(region.shrink(2 * PAGE - 1), Ok(()));
    assert_eq!((region.span().len(), nr_free.get()), (3 * PAGE, 7));

    region.grow(PAGE).unwrap();
    assert!(region.is_zeroed());
    for offset in [0, 3 * PAGE - 1, 3 * PAGE, 4 * PAGE - 1] {
        // SAFETY: the byte is inside the span, and the old pointer is still valid for it.
        let place = unsafe { start.add(offset) };
        // SAFETY: as above; the byte is initialised.
        let byte = unsafe { place.read() };
        assert_eq!(byte, if offset < 3 * PAGE { 7 } else { 0 });
    }
    assert_eq!(region.shrink(4 * PAGE), Ok(()));
    assert!(region.span().is_empty());
}

#[test]
fn dropping_it_unmaps_every_page() {
    let (memory, nr_free) = (Memory::new(), Cell::new(10));
    let mut region = memory.region(0, &nr_free);
    region.claim().unwrap();
    region.grow(5 * PAGE).unwrap();
    assert_eq!(nr_free.get(), 5);
    drop(region);
    assert_eq!(nr_free.get(), 10);
}

#[test]
fn a_reserve_is_cut_inward_to_pages() {
    let (memory, nr_free) = (Memory::new(), Cell::new(10));
    let mut region = memory.region(1, &nr_free);
    region.claim().unwrap();
    assert_eq!(region.reserve_len(), 9 * PAGE);
    region.grow(1).unwrap();
    assert_eq!(region.span().start_addr(), memory.0.get().addr() + PAGE);

    let pointer = region.span().start();
    assert_eq!(region.translate(pointer), Some(0));
    let behind = pointer.map_addr(|address| address.saturating_add(PAGE));
    assert_eq!(region.translate(behind), None);
}

#[test]
fn the_last_page_of_the_address_space_is_never_part_of_it() {
    let top = NonNull::new(ptr::without_provenance_mut(usize::MAX - 4 * PAGE + 1)).unwrap();
    let nr_free = Cell::new(0);
    // SAFETY: the source backs nothing.
    let mut region = unsafe { GrowableRegion::from_pointer(top, 4 * PAGE, Pages { nr_free: &nr_free }) };
    region.claim().unwrap();
    assert_eq!(region.reserve_len(), 3 * PAGE);
    assert_eq!(region.grow(3 * PAGE), Err(RegionError::Exhausted), "it has no page");
}

#[test]
fn a_moved_region_keeps_its_span_and_its_pointers() {
    let (memory, nr_free) = (Memory::new(), Cell::new(10));
    let mut region = memory.region(0, &nr_free);
    region.claim().unwrap();
    region.grow(PAGE).unwrap();
    let first = region.span().start();
    // SAFETY: the region owns the byte.
    unsafe { first.write(7) };
    let mut moved = [region];
    moved[0].grow(PAGE).unwrap();
    assert_eq!(moved[0].span().start(), first);
    // SAFETY: as above.
    assert_eq!(unsafe { first.read() }, 7);
}

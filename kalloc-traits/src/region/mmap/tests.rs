//! The mapping as the operating system sees it.

use super::*;

/// Returns the byte at `offset`.
fn byte(region: &MmapRegion, offset: usize) -> u8 {
    assert!(offset < region.span().len());
    // SAFETY: the offset was just checked.
    let place = unsafe { region.span().start().add(offset) };
    // SAFETY: fresh memory is zero, so it is initialised.
    unsafe { place.read() }
}

#[test]
fn it_grows_by_units_of_zeros_up_to_its_length() {
    let mut region = MmapRegion::new(3 * UNIT - 5);
    assert_eq!(region.grow(1), Err(RegionError::Exhausted), "it was not claimed");
    assert_eq!(region.claim(), Ok(()));
    assert_eq!(region.claim(), Err(RegionError::Claimed));
    assert!(region.span().is_empty());

    assert_eq!(region.grow(UNIT + 1), Ok(()));
    assert_eq!(region.span().len(), 2 * UNIT);
    assert_eq!(region.grow(UNIT + 1), Err(RegionError::Exhausted));
    assert_eq!(region.grow(UNIT), Ok(()));
    assert_eq!(region.grow(1), Err(RegionError::Exhausted));
    assert!((0..3 * UNIT).all(|offset| byte(&region, offset) == 0));
    // SAFETY: these are all bytes of the span.
    unsafe { region.span().start().write_bytes(7, 3 * UNIT) };
    assert_eq!(byte(&region, 3 * UNIT - 1), 7);
}

#[test]
fn what_was_given_back_comes_again_as_zeros_at_the_same_place() {
    let mut region = MmapRegion::new(4 * UNIT);
    region.claim().unwrap();
    region.grow(4 * UNIT).unwrap();
    let start = region.span().start();
    // SAFETY: these are all bytes of the span.
    unsafe { start.write_bytes(7, 4 * UNIT) };
    assert_eq!(region.shrink(UNIT - 1), Err(RegionError::Shortfall));
    assert_eq!(region.shrink(2 * UNIT + 1), Ok(()));
    assert_eq!(region.span().len(), 2 * UNIT);

    let mut moved = [region];
    moved[0].grow(2 * UNIT).unwrap();
    assert_eq!(moved[0].span().start(), start);
    for offset in 0..4 * UNIT {
        assert_eq!(byte(&moved[0], offset), if offset < 2 * UNIT { 7 } else { 0 });
    }
}

#[test]
fn bytes_that_the_system_did_not_forget_are_cleared() {
    let region = MmapRegion::new(2 * UNIT);
    let mut pages = region.reserve().unwrap();
    pages.claim().unwrap();
    pages.grow(2 * UNIT).unwrap();
    let start = pages.span().start();
    // SAFETY: these are all bytes of the span.
    unsafe { start.write_bytes(7, 2 * UNIT) };
    let old_end = pages.span().end_addr();
    pages.shrink(2 * UNIT).unwrap();
    // As it is where nothing can be discarded: the bytes are still there, or might be.
    let source = pages.source_mut();
    source.used_end = old_end;
    // SAFETY: the bytes belong to the region, which does not use them now.
    unsafe { protect(start, 2 * UNIT, MprotectFlags::READ | MprotectFlags::WRITE) }.unwrap();
    // SAFETY: as above.
    unsafe { start.write_bytes(7, 2 * UNIT) };
    pages.grow(1).unwrap();
    // SAFETY: the byte is inside the span.
    assert_eq!(unsafe { start.read() }, 0);
    pages.grow(1).unwrap();
    assert_eq!(pages.source_mut().used_end, old_end);
    // SAFETY: the last byte of the span.
    let last = unsafe { start.add(2 * UNIT - 1) };
    // SAFETY: as above.
    assert_eq!(unsafe { last.read() }, 0);
}

#[test]
fn more_than_the_address_space_is_refused() {
    for max_bytes in [usize::MAX, usize::MAX - 2 * UNIT, isize::MAX as usize] {
        assert_eq!(MmapRegion::new(max_bytes).claim(), Err(RegionError::Exhausted));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn dropping_it_unmaps_the_reserve() {
    extern crate std;
    use std::format;
    use std::fs::read_to_string;

    // A length that no other mapping has.
    let mut region = MmapRegion::new((1 << 28) - 7 * UNIT);
    region.claim().unwrap();
    region.grow(1).unwrap();
    let start = format!("{:x}-", region.span().start_addr());
    let is_mapped = || read_to_string("/proc/self/maps").unwrap().contains(&start);
    assert!(is_mapped());
    drop(region);
    assert!(!is_mapped());
}

//! The linker's memory, entered by pointers for Miri and by symbols elsewhere.

use core::cell::UnsafeCell;

use super::*;

struct Bytes(UnsafeCell<[u8; 64]>);

// SAFETY: each test has its own, and reaches it through a region only.
unsafe impl Sync for Bytes {}

impl Bytes {
    const fn memory(&'static self, start: usize, end: usize) -> LinkerMemory {
        let first = self.0.get().cast::<u8>();
        // SAFETY: the bytes live as long as the program, and no test uses them otherwise.
        unsafe { LinkerMemory::from_pointers(first.wrapping_add(start), first.wrapping_add(end)) }
    }
}

#[test]
fn the_first_to_claim_owns_the_memory_until_it_is_dropped() {
    static BYTES: Bytes = Bytes(UnsafeCell::new([0; 64]));
    static MEMORY: LinkerMemory = BYTES.memory(0, 64);

    let mut first = MEMORY.region();
    let mut second = MEMORY.region();
    assert!(first.span().is_empty());
    assert_eq!(first.claim(), Ok(()));
    assert_eq!(first.span().len(), 64);
    assert_eq!(second.claim(), Err(RegionError::Claimed));
    assert!(second.span().is_empty());

    drop(second);
    assert_eq!(first.claim(), Err(RegionError::Claimed));
    drop(first);
    assert_eq!(MEMORY.region().claim(), Ok(()));
}

#[test]
fn an_end_that_is_not_behind_the_start_is_no_memory() {
    static BYTES: Bytes = Bytes(UnsafeCell::new([0; 64]));
    static EMPTY: LinkerMemory = BYTES.memory(8, 8);
    static REVERSED: LinkerMemory = BYTES.memory(9, 8);

    for memory in [&EMPTY, &REVERSED] {
        let mut region = memory.region();
        assert_eq!(region.claim(), Ok(()));
        assert!(region.span().is_empty());
        assert_eq!(region.grow(1), Err(RegionError::Fixed));
    }
}

#[test]
fn a_moved_region_keeps_its_span_and_its_pointers() {
    static BYTES: Bytes = Bytes(UnsafeCell::new([0; 64]));
    static MEMORY: LinkerMemory = BYTES.memory(0, 64);

    let mut region = MEMORY.region();
    region.claim().unwrap();
    let first = region.span().start();
    // SAFETY: the region owns the bytes.
    unsafe { first.write(7) };
    let moved = [region];
    assert_eq!(moved[0].span().start(), first);
    // SAFETY: as above.
    assert_eq!(unsafe { first.read() }, 7);
}

// A linker that is asked for these two symbols makes them up from the section.
#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn symbols_of_the_linker_enclose_their_section() {
    #[used]
    #[unsafe(link_section = "kalloc_linker_test")]
    static SECTION: Bytes = Bytes(UnsafeCell::new([5; 64]));

    crate::linker_region! {
        // SAFETY: only this test names the section.
        static MEMORY = unsafe { __start_kalloc_linker_test..__stop_kalloc_linker_test };
    }

    let mut region = MEMORY.region();
    region.claim().unwrap();
    assert_eq!(region.span().start_addr(), SECTION.0.get().addr());
    assert_eq!(region.span().len(), 64);
    let last = region.span().start().as_ptr().wrapping_add(63);
    // SAFETY: the section holds 64 bytes, of which this is the last.
    assert_eq!(unsafe { last.read() }, 5);
}

//! Page tables before there is paging: a boot bump hands them out, shared by the cores that build them.
//!
//! ```text
//!   ram     physical memory, simulated: a region that knows where the bus sees a pointer
//!   table   building: tables from the bump, entries with physical addresses        what a kernel does
//!   walk    translating: from the root's physical address, entry by entry          what the processor does
//! ```
//!
//! The walk shares no code with the building, as the processor does not either: it is what checks the tables. The format is
//! Sv39 of RISC-V (Privileged Architecture, version 1.12, §4.3 and §4.4): three levels of 512 entries, of which a leaf maps
//! 4 KiB, 2 MiB or 1 GiB.

pub mod ram;
pub mod table;
pub mod walk;

use std::error::Error;
use std::io::Write;
use std::thread;

use kalloc_bump::AtomicBump;
use kalloc_traits::{Inspect, RawRegion};

use self::ram::{DRAM_START, RAM_BYTES, Ram, RamRegion};
use self::table::{AddressSpace, MapError, Size};
use self::walk::{Fault, Mapping, walk};

/// Where the kernel lies when paging is on: the same memory, at the top of the address space.
pub const KERNEL: u64 = 0xffff_ffc0_0000_0000;

/// A device, by its physical address.
pub const UART: u64 = 0x1000_0000;

/// Where the kernel wants to see it.
pub const UART_SEEN_AT: u64 = 0xffff_ffd0_0000_0000;

const READ_WRITE: u64 = walk::READ | walk::WRITE;

/// Builds an address space on two cores, and walks it.
///
/// # Errors
///
/// The memory is too small, a table is not as it should be, or `out` takes no more.
pub fn tell(ram: &'static Ram, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let bump = AtomicBump::new(ram.region());
    bump.init()?;
    let space = AddressSpace::new(&bump)?;

    // Two cores at the same time, each with every other page: so both come to the same tables, and to tables that are not
    // there yet. The tables of both are from one bump, and nobody waits for anybody.
    thread::scope(|scope| {
        let cores = [0, 1].map(|core| {
            let space = &space;
            scope.spawn(move || map_every_other_page(space, core))
        });
        cores
            .into_iter()
            .try_for_each(|core| core.join().expect("a core does not panic"))
    })?;
    space.map(UART_SEEN_AT, UART, Size::Page, READ_WRITE)?;
    let stats = bump.stats();
    writeln!(
        out,
        "Two cores made {} tables of 4096 bytes, at multiples of 4096; {} bytes were lost in races for an entry.",
        stats.live_blocks, stats.cached
    )?;

    check(ram, &space)?;
    let root = space.root();
    writeln!(
        out,
        "The root is at the physical address {root:#x}; satp = {:#x}.",
        space.satp()
    )?;
    for address in [
        DRAM_START,
        KERNEL + 0x1234,
        UART_SEEN_AT + 5,
        KERNEL + RAM_BYTES as u64,
        0,
    ] {
        match walk(ram, root, address) {
            Ok(mapping) => writeln!(out, "{address:#20x} -> {:#x}", mapping.physical)?,
            Err(fault) => writeln!(out, "{address:#20x} -> page fault: {fault:?}")?,
        }
    }
    bump.verify()?;
    Ok(())
}

/// Maps every other page of the memory twice: where it is, since this code runs there when paging is turned on, and where
/// the kernel will see it.
fn map_every_other_page<R: RawRegion + Sync + RamRegion>(
    space: &AddressSpace<'_, R>,
    core: u64,
) -> Result<(), MapError> {
    let page = Size::Page.bytes();
    for offset in (core * page..RAM_BYTES as u64).step_by(2 * page as usize) {
        for start in [DRAM_START, KERNEL] {
            space.map(
                start + offset,
                DRAM_START + offset,
                Size::Page,
                walk::READ_WRITE_EXECUTE,
            )?;
        }
    }
    Ok(())
}

/// Walks to every page that was mapped, and to some that were not.
fn check<R: RawRegion + Sync + RamRegion>(ram: &Ram, space: &AddressSpace<'_, R>) -> Result<(), Box<dyn Error>> {
    let root = space.root();
    let seen = |address| walk(ram, root, address).map(|Mapping { physical, .. }| physical);
    for offset in (0..RAM_BYTES as u64).step_by(1024) {
        ensure(
            seen(DRAM_START + offset) == Ok(DRAM_START + offset),
            "memory is where it was",
        )?;
        ensure(
            seen(KERNEL + offset) == Ok(DRAM_START + offset),
            "and where the kernel sees it",
        )?;
    }
    ensure(seen(UART_SEEN_AT + 7) == Ok(UART + 7), "so is the device")?;
    for nothing in [
        0,
        DRAM_START - 1,
        DRAM_START + RAM_BYTES as u64,
        UART,
        UART_SEEN_AT + 4096,
    ] {
        ensure(seen(nothing) == Err(Fault::Invalid), "nothing else is mapped")?;
    }
    ensure(seen(1 << 38) == Err(Fault::NotCanonical), "39 bits are an address")?;
    Ok(())
}

fn ensure(holds: bool, what: &str) -> Result<(), Box<dyn Error>> {
    if holds {
        Ok(())
    } else {
        Err(format!("it does not hold that {what}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cores_build_an_address_space_that_the_processor_can_walk() {
        static RAM: Ram = Ram::new();
        for _ in 0..if cfg!(miri) { 1 } else { 50 } {
            let mut out = Vec::new();
            tell(&RAM, &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!(out.contains("0xffffffc000001234 -> 0x80201234"), "{out}");
            assert!(out.contains("page fault: Invalid"), "{out}");
        }
    }

    #[test]
    fn a_page_is_mapped_once_and_large_ones_keep_out_small_ones() {
        static RAM: Ram = Ram::new();
        let bump = AtomicBump::new(RAM.region());
        let space = AddressSpace::new(&bump).unwrap();
        let map = |address, physical, size| space.map(address, physical, size, READ_WRITE);
        assert_eq!(map(KERNEL, DRAM_START, Size::Mega), Ok(()));
        assert_eq!(map(KERNEL + 4096, DRAM_START, Size::Page), Err(MapError::Taken));
        assert_eq!(map(KERNEL, 0x8000_0000, Size::Giga), Err(MapError::Taken));
        assert_eq!(
            map(KERNEL + (2 << 20), DRAM_START + 4096, Size::Mega),
            Err(MapError::Misaligned)
        );
        let mapping = walk(&RAM, space.root(), KERNEL + 0x12_3456).unwrap();
        assert_eq!((mapping.physical, mapping.flags), (DRAM_START + 0x12_3456, READ_WRITE));
        assert_eq!(bump.stats().live_blocks, 2);
    }

    #[test]
    fn the_processor_notices_tables_that_are_wrong() {
        static RAM: Ram = Ram::new();
        let bump = AtomicBump::new(RAM.region());
        let space = AddressSpace::new(&bump).unwrap();
        space.map(KERNEL, DRAM_START, Size::Page, READ_WRITE).unwrap();
        // A root that is a page too high, or outside of all memory.
        let next_table = space.root() + 4096;
        assert_ne!(
            walk(&RAM, next_table, KERNEL).map(|mapping| mapping.physical),
            Ok(DRAM_START)
        );
        assert_eq!(walk(&RAM, 0x1000, KERNEL), Err(Fault::Access));
        // Memory may be written and not read: the format reserves that.
        space.map(KERNEL + 4096, DRAM_START, Size::Page, walk::WRITE).unwrap();
        assert_eq!(walk(&RAM, space.root(), KERNEL + 4096), Err(Fault::Reserved));
    }

    #[test]
    fn a_bump_without_room_for_a_table_says_so() {
        static RAM: Ram = Ram::new();
        let bump = AtomicBump::new(RAM.region());
        let space = AddressSpace::new(&bump).unwrap();
        while kalloc_traits::Heap::allocate(&bump, core::alloc::Layout::new::<[u8; 4096]>()).is_ok() {}
        let mapped = space.map(KERNEL, DRAM_START, Size::Page, READ_WRITE);
        assert_eq!(mapped, Err(MapError::NoMemory));
        assert_eq!(walk(&RAM, space.root(), KERNEL), Err(Fault::Invalid));
    }
}

//! Chapter 3: the tables of a boot, from a bump, and a pool on what the bump leaves.

use core::alloc::Layout;
use std::io::Write;

use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use kalloc_bump::Bump;
use kalloc_pool::Pool;
use kalloc_traits::{CarvedRegion, Inspect, StaticArray};

use super::{Outcome, ensure};
use crate::figures;
use crate::table::grouped;

/// What a boot loader found to be free, before anybody has set up a heap.
static EARLY_MEMORY: StaticArray<{ 512 * 1024 }> = StaticArray::new();

/// A page table, which the processor wants at a page.
#[repr(align(4096))]
struct PageTable([u64; 512]);

/// A piece of memory, as firmware lists it.
#[derive(Clone, Copy)]
struct Piece {
    start: u64,
    len: u64,
    is_usable: bool,
}

/// Runs the chapter.
///
/// # Errors
///
/// Something that the chapter says was not true, or `out` takes no more.
pub fn tell(out: &mut dyn Write) -> Outcome {
    let bump = Bump::new(EARLY_MEMORY.region());

    // A vector of unknown length grows where it stands as long as it is the last block, and then gives back its spare.
    let mut memory_map = Vec::new_in(&bump);
    memory_map.extend((0..40).map(|number| Piece {
        start: number << 24,
        len: 1 << 24,
        is_usable: number % 3 != 0,
    }));
    memory_map.shrink_to_fit();
    let mut command_line = Vec::new_in(&bump);
    command_line.extend_from_slice(b"root=/dev/vda1 console=ttyS0 quiet");
    command_line.shrink_to_fit();

    // The first table must start at a page: the bytes before it are the padding. The others follow without any.
    let mut root = Box::new_in(PageTable([0; 512]), &bump);
    let leaf = Box::new_in(PageTable([7; 512]), &bump);
    root.0[511] = (&raw const *leaf).addr() as u64 | 1;

    let mut table = figures::table("In bytes; 'cached' is the bump's padding");
    figures::add(&mut table, "the bump with its tables", &bump);

    // The pool gets one block with all that is left, and the bump is full. The tables stay where they are, and the block
    // goes back to the bump if the pool is ever dropped. One that shall free the tables as well is made by `Pool::adopt`, which
    // ends the bump.
    let left = bump.stats().free;
    let heap = Pool::new(CarvedRegion::new(&bump, Layout::from_size_align(left, 1)?));
    heap.init()?;
    figures::add(&mut table, "the bump, its rest given away", &bump);
    figures::add(&mut table, "the pool on the rest", &heap);

    // The heap's life begins: many blocks, of which every other one ends.
    let mut processes = Vec::new_in(&heap);
    for number in 0..300 {
        processes.push(Vec::<u8, _>::with_capacity_in(100 + 7 * (number % 90), &heap));
    }
    for number in (0..300).rev().step_by(2) {
        drop(processes.swap_remove(number));
    }
    figures::add(&mut table, "the pool at work", &heap);
    writeln!(out, "{table}")?;

    heap.verify()?;
    bump.verify()?;
    ensure(bump.stats().free == 0, "the pool has all that the bump had left")?;
    let usable = memory_map
        .iter()
        .filter(|piece| piece.is_usable && piece.start < 40 << 24);
    let usable: u64 = usable.map(|piece| piece.len).sum();
    ensure(usable == 26 << 24, "the memory map is as it was written")?;
    ensure(command_line.ends_with(b"quiet"), "so is the command line")?;
    ensure(
        leaf.0.iter().all(|&entry| entry == 7) && root.0[511] & 1 == 1,
        "and so are the page tables",
    )?;

    drop(processes);
    drop(heap);
    ensure(bump.stats().free == left, "the pool's memory is the bump's again")?;
    writeln!(
        out,
        "The tables were written before there was a pool, and are as they were: a map of 40 pieces, a\n\
         command line, two page tables. {} bytes went to the pool, and came back when it was\n\
         dropped.\n",
        grouped(left as u64)
    )?;
    Ok(())
}

//! Chapter 1: a map and two vectors, each in a heap of its own, on one static region.

use core::alloc::{Layout, LayoutError};
use std::io::Write;

use allocator_api2::vec::Vec;
use hashbrown::{DefaultHashBuilder, HashMap};
use kalloc_bump::Bump;
use kalloc_pool::Pool;
use kalloc_traits::{CarvedRegion, Inspect, StaticArray};

use super::{Outcome, ensure};
use crate::figures::{self, Figures};
use crate::table::grouped;

const KIB: usize = 1024;

/// In `.bss`: it takes no room in the image.
static MEMORY: StaticArray<{ 256 * KIB }> = StaticArray::new();

/// Runs the chapter.
///
/// # Errors
///
/// Something that the chapter says was not true, or `out` takes no more.
pub fn tell(out: &mut dyn Write) -> Outcome {
    // One pool cuts the static memory. Each heap below is one block of it, and is given back when the heap is dropped.
    let whole = Pool::new(MEMORY.region());
    let part = |size: usize| -> Result<_, LayoutError> {
        let layout = Layout::from_size_align(size, 64)?;
        Ok(CarvedRegion::new(&whole, layout))
    };
    let inode_heap = Pool::new(part(64 * KIB)?);
    let number_heap = Bump::new(part(32 * KIB)?);
    let line_heap = Pool::new(part(24 * KIB)?);
    // Memory is taken at first use, or by `init`: so these lie one behind the other, and none can grow into the next.
    inode_heap.init()?;
    number_heap.init()?;
    line_heap.init()?;

    // A collection takes a reference to its heap, and the borrow checker keeps the heap alive for it.
    let mut inodes = HashMap::with_hasher_in(DefaultHashBuilder::default(), &inode_heap);
    inodes.extend((0..1000u32).map(|inode| (inode, u64::from(inode) * 4096)));

    // The only block of a bump is its last one, so this vector always grows where it stands.
    let mut numbers = Vec::new_in(&number_heap);
    numbers.extend((0..1000u64).map(|n| n * n));

    // Both the lines and the vector of lines are in the same heap.
    let mut lines = Vec::new_in(&line_heap);
    for number in 0..200 {
        let mut line = Vec::new_in(&line_heap);
        line.extend(format!("line {number} of the log{}", "!".repeat(number % 40)).into_bytes());
        lines.push(line);
    }

    // 10,000 numbers more do not fit. The vector says so, and nobody else notices.
    let refused = numbers.try_reserve(10_000);
    ensure(refused.is_err(), "the heap of the numbers cannot grow into the next")?;
    ensure(inodes[&999] == 999 * 4096, "the map is as before")?;
    ensure(numbers[999] == 998_001, "the numbers are as before")?;
    ensure(lines[199].starts_with(b"line 199"), "the lines are as before")?;

    let mut table = figures::table(
        "In bytes; largest: free in one piece; pieces: of free memory; blocks: live ones; failed: requests",
    );
    figures::add(&mut table, "HashMap of 1,000 inodes", &inode_heap);
    figures::add(&mut table, "Vec of 1,000 numbers (Bump)", &number_heap);
    figures::add(&mut table, "Vec of 200 Vecs", &line_heap);
    figures::add(&mut table, "the pool around the three", &whole);
    writeln!(out, "{table}")?;

    drop((inodes, numbers, lines));
    for heap in [&inode_heap, &line_heap] {
        heap.verify()?;
        ensure(heap.stats().used == 0, "a heap without collections is empty")?;
    }
    drop((inode_heap, number_heap, line_heap));
    whole.verify()?;
    // Freed blocks of small sizes may wait in a cache for reuse; a trim merges them.
    whole.trim();
    let rest = Figures::of(&whole);
    ensure(rest.stats.used == 0, "the three heaps gave their parts back")?;
    ensure(rest.largest_free() == rest.stats.capacity, "in one piece")?;
    writeln!(
        out,
        "The numbers asked for 80 KB more and got an error, in their own heap alone. After the three heaps\n\
         were dropped, the static region is free in one piece: {} bytes.\n",
        grouped(rest.largest_free() as u64)
    )?;
    Ok(())
}

//! Chapter 5: a heap that is full says so, stays sound, and serves its largest request again once it is empty.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::io::Write;

use kalloc_pool::Pool;
use kalloc_traits::{AllocError, Heap, Inspect, StaticArray};

use super::{Outcome, ensure};
use crate::figures;
use crate::table::{Table, grouped};

static MEMORY: StaticArray<{ 128 * 1024 }> = StaticArray::new();

/// Runs the chapter.
///
/// # Errors
///
/// Something that the chapter says was not true, or `out` takes no more.
pub fn tell(out: &mut dyn Write) -> Outcome {
    let pool = Pool::new(MEMORY.region());
    pool.init()?;
    let mut table = figures::table("In bytes; verify() finds the heap sound at each moment");
    record(&mut table, "at first", &pool)?;

    // All of it in one block. A byte more is refused, as is the absurd; both are counted, and nothing else happens.
    let whole = Layout::from_size_align(pool.stats().capacity, 8)?;
    let block = pool.allocate(whole)?;
    let absurd = Layout::from_size_align(isize::MAX as usize - 7, 8)?;
    ensure(
        pool.allocate(Layout::new::<u8>()) == Err(AllocError),
        "there is not a byte left",
    )?;
    ensure(pool.allocate(absurd) == Err(AllocError), "no memory is that large")?;
    record(&mut table, "one block of all", &pool)?;
    // SAFETY: the block is live, and `whole` is its layout.
    unsafe { pool.deallocate(block.cast(), whole) };

    let blocks = fill(&pool);
    record(&mut table, "full of blocks of 16 to 1,999", &pool)?;

    // Half of the memory is free, but no two free blocks are neighbours.
    let kept = free_every_second(&pool, blocks);
    let quarter = Layout::from_size_align(whole.size() / 4, 8)?;
    ensure(
        pool.allocate(quarter) == Err(AllocError),
        "a quarter of the heap is not in one piece",
    )?;
    record(&mut table, "every second one freed", &pool)?;

    let nr_kept = kept.len();
    for (block, layout) in kept {
        // SAFETY: the block is live, and this is its layout.
        unsafe { pool.deallocate(block, layout) };
    }
    record(&mut table, "the others freed", &pool)?;
    let block = pool.allocate(whole)?;
    record(&mut table, "one block of all, again", &pool)?;
    // SAFETY: the block is live, and `whole` is its layout.
    unsafe { pool.deallocate(block.cast(), whole) };
    ensure(pool.stats().used == 0, "the heap is empty")?;

    writeln!(out, "{table}")?;
    writeln!(
        out,
        "Four requests failed: for a byte too many, for half the addresses, the one that found the heap full,\n\
         and one for a quarter of the heap while that was in pieces. Freed blocks merge with free\n\
         neighbours: after {} more frees, all {} bytes were one block again.\n",
        grouped(nr_kept as u64),
        grouped(whole.size() as u64)
    )?;
    Ok(())
}

/// Checks the pool, and appends its figures to the table.
fn record(table: &mut Table, name: &str, pool: &impl Inspect) -> Outcome {
    pool.verify()?;
    figures::add(table, name, pool);
    Ok(())
}

/// A block that is live, and its layout.
type Live = (NonNull<u8>, Layout);

/// Allocates blocks of many sizes until one is refused.
fn fill(pool: &impl Heap) -> Vec<Live> {
    let mut blocks = Vec::new();
    // All sizes from 16 to 1,999 in a shuffled order: 1,009 has no factor in common with the 1,984 of them.
    for number in 0.. {
        let Ok(layout) = Layout::from_size_align(16 + number * 1009 % 1984, 8) else {
            break;
        };
        let Ok(block) = pool.allocate(layout) else {
            break;
        };
        blocks.push((block.cast(), layout));
    }
    blocks
}

/// Frees every second block by address, and returns the others.
fn free_every_second(pool: &impl Heap, mut blocks: Vec<Live>) -> Vec<Live> {
    blocks.sort_by_key(|&(block, _)| block);
    let mut kept = Vec::new();
    for pair in blocks.chunks(2) {
        // SAFETY: the block is live, and this is its layout.
        unsafe { pool.deallocate(pair[0].0, pair[0].1) };
        kept.extend(&pair[1..]);
    }
    kept
}

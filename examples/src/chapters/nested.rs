//! Chapter 4: a heap whose memory is one block of another heap, and one more inside of that.

use core::alloc::{Layout, LayoutError};
use core::mem;
use std::io::Write;

use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use kalloc_pool::Pool;
use kalloc_traits::{CarvedRegion, Heap, Inspect, StaticArray};

use super::{Outcome, ensure};
use crate::figures;
use crate::table::grouped;

const KIB: usize = 1024;

static MEMORY: StaticArray<{ 512 * KIB }> = StaticArray::new();

/// Returns a pool on one block of `size` bytes of another heap. The block is allocated at first use, grows while the
/// memory behind it is free there, and is given back when the pool is dropped.
fn pool_in<H: Heap>(outer: &H, size: usize) -> Result<Pool<CarvedRegion<&H>>, LayoutError> {
    let layout = Layout::from_size_align(size, 4096)?;
    Ok(Pool::new(CarvedRegion::new(outer, layout)))
}

/// Runs the chapter.
///
/// # Errors
///
/// Something that the chapter says was not true, or `out` takes no more.
pub fn tell(out: &mut dyn Write) -> Outcome {
    let kernel = Pool::new(MEMORY.region());
    let settings = Box::new_in([1u8; 3000], &kernel);
    let before = kernel.stats();
    let mut table = figures::table("The heap of each, in bytes");
    figures::add(&mut table, "the kernel, at first", &kernel);

    let application = pool_in(&kernel, 64 * KIB)?;
    let script = pool_in(&application, 16 * KIB)?;
    for number in 1..=100 {
        let mut event = Vec::new_in(&script);
        event.resize(number, number as u8);
        // A script forgets to free what it has.
        mem::forget(event);
    }
    for number in 1..=60 {
        let mut window = Vec::new_in(&application);
        window.resize(40 * number, 0u8);
        // So does the application, which takes more than the 64 KiB it started with: its heap grows.
        mem::forget(window);
    }
    for heap in [&script as &dyn Inspect, &application, &kernel] {
        heap.verify()?;
    }
    figures::add(&mut table, "the kernel, two heaps inside", &kernel);
    figures::add(&mut table, "  the application", &application);
    figures::add(&mut table, "    its script", &script);
    let leaked = script.stats().live_blocks + application.stats().live_blocks - 1;

    drop(script);
    ensure(
        application.stats().live_blocks == 60,
        "the script's heap was one block of the application's",
    )?;
    drop(application);
    figures::add(&mut table, "the kernel, without them", &kernel);
    writeln!(out, "{table}")?;

    kernel.verify()?;
    ensure(kernel.stats().used == before.used, "nothing is left behind")?;
    ensure(
        settings.iter().all(|&byte| byte == 1),
        "the kernel's own block is as it was",
    )?;
    writeln!(
        out,
        "The two never freed a block. Dropping their heaps gave all {} back, each in one call.\n",
        grouped(leaked as u64)
    )?;
    Ok(())
}

//! A pool on a static of 4 KiB, behind the three functions that a C program wants. It is not run: `cargo xtask size` builds it
//! for bare metal and weighs its code, the laying out and the path of a growth included.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

#[cfg(feature = "address-ordered")]
use kalloc_pool::AddressOrdered as Chosen;
#[cfg(feature = "best-fitting")]
use kalloc_pool::BestFitting as Chosen;
use kalloc_pool::Pool;
#[cfg(feature = "real-time")]
use kalloc_pool::RealTime as Chosen;
#[cfg(feature = "standard")]
use kalloc_pool::Standard as Chosen;
#[cfg(not(any(
    feature = "standard",
    feature = "address-ordered",
    feature = "best-fitting",
    feature = "real-time"
)))]
use kalloc_pool::Tiny as Chosen;
use kalloc_traits::{Heap, StaticArray, StaticRegion};

const BYTES: usize = 4096;

static MEMORY: StaticArray<BYTES> = StaticArray::new();
static HEAP: Alone = Alone(Pool::with_config(MEMORY.region()));

/// A pool in a program with one thread.
struct Alone(Pool<StaticRegion<BYTES>, Chosen>);

// SAFETY: nobody calls the functions below from two threads, or at all.
unsafe impl Sync for Alone {}

/// Returns a block, or null.
///
/// # Safety
///
/// Size and alignment make a layout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn heap_allocate(size: usize, align: usize) -> *mut u8 {
    // SAFETY: the caller upholds the contract.
    let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
    HEAP.0
        .allocate(layout)
        .map_or(null_mut(), |block| block.cast().as_ptr())
}

/// Frees a block.
///
/// # Safety
///
/// The block is live, and has this layout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn heap_deallocate(block: NonNull<u8>, size: usize, align: usize) {
    // SAFETY: the caller upholds the contract.
    let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
    // SAFETY: the caller upholds the contract.
    unsafe { HEAP.0.deallocate(block, layout) };
}

/// Gives a block another size. It may move; null if there is no room, and then the block stays as it is.
///
/// # Safety
///
/// The block is live, and has this layout; so has the one with the new size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn heap_reallocate(block: NonNull<u8>, size: usize, align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: the caller upholds the contract.
    let old = unsafe { Layout::from_size_align_unchecked(size, align) };
    // SAFETY: the caller upholds the contract.
    let new = unsafe { Layout::from_size_align_unchecked(new_size, align) };
    let resized = if new_size >= size {
        // SAFETY: the caller upholds the contract.
        unsafe { HEAP.0.grow(block, old, new) }
    } else {
        // SAFETY: the caller upholds the contract.
        unsafe { HEAP.0.shrink(block, old, new) }
    };
    resized.map_or(null_mut(), |block| block.cast().as_ptr())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

//! The kernel's heap. This file is all that a kernel needs; the rest of the folder shows that it works.
//!
//! Three choices, one in each pair of brackets: who may call (anybody, one after the other, behind a spin lock), how the
//! memory is cut (a pool), and where it lies (between two symbols of the linker script).
//!
//! The static needs no initialisation: the heap lays itself out at the first request. Interrupt handlers may use it only with
//! a lock that masks interrupts; `kalloc_sync::lock` shows one. This kernel has no handlers.

use kalloc_pool::Pool;
use kalloc_sync::{Global, Locked};
use kalloc_traits::{LinkerRegion, linker_region};

linker_region! {
    // SAFETY: `virt.ld` ends the image before these bytes, RAM ends behind them, and this is the only place that names them.
    // QEMU leaves a device tree in there, for which we have no use; a kernel that reads it copies it first.
    static HEAP_MEMORY = unsafe { __heap_start..__heap_end };
}

#[global_allocator]
pub(crate) static HEAP: Global<Locked<Pool<LinkerRegion>>> = Global::new(Locked::new(Pool::new(HEAP_MEMORY.region())));

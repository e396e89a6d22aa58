//! Building an address space: tables come from the bump, entries hold the physical addresses of what they lead to.
//!
//! Cores may map at the same time. A table is reached by one entry, which is set once, by compare-and-swap: the core that
//! loses gives its own table back to the bump, where it mostly is the last block still.

use core::alloc::Layout;
use core::error::Error;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use kalloc_bump::AtomicBump;
use kalloc_traits::{Heap, RawRegion};

use super::ram::RamRegion;

const LEVELS: u32 = 3;
const ENTRIES: usize = 512;
const VALID: u64 = 1;
/// Accessed and written before: so that no processor has to set these bits.
const USED: u64 = 0b1100_0000;

/// A table. The processor wants it at a page, of physical memory.
#[repr(C, align(4096))]
struct Table([AtomicU64; ENTRIES]);

/// How much one entry maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 4 KiB.
    Page,
    /// 2 MiB.
    Mega,
    /// 1 GiB.
    Giga,
}

/// Why something could not be mapped. What was mapped before is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// The bump has no room for a table.
    NoMemory,
    /// There is something at the address, or above it in the tree.
    Taken,
    /// One of the addresses is no multiple of the size.
    Misaligned,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMemory => "there is no memory for a table",
            Self::Taken => "the address is taken",
            Self::Misaligned => "the addresses are not multiples of the size",
        })
    }
}

impl Error for MapError {}

/// An address space that is being built.
pub struct AddressSpace<'a, R> {
    bump: &'a AtomicBump<R>,
    root: NonNull<Table>,
}

// SAFETY: tables are made of atomics, and the bump is shared by cores.
unsafe impl<R: Send + Sync> Sync for AddressSpace<'_, R> {}

impl Size {
    /// Returns the bytes.
    pub const fn bytes(self) -> u64 {
        4096 << (9 * self as u32)
    }
}

impl<'a, R: RawRegion + Sync + RamRegion> AddressSpace<'a, R> {
    /// Returns an empty address space.
    ///
    /// # Errors
    ///
    /// [`MapError::NoMemory`].
    pub fn new(bump: &'a AtomicBump<R>) -> Result<Self, MapError> {
        let root = new_table(bump)?;
        Ok(Self { bump, root })
    }

    /// Maps `size` at the address `at` to the physical address `physical`, for what `flags` allow.
    ///
    /// # Errors
    ///
    /// See [`MapError`].
    pub fn map(&self, at: u64, physical: u64, size: Size, flags: u64) -> Result<(), MapError> {
        if (at | physical) % size.bytes() != 0 {
            return Err(MapError::Misaligned);
        }
        let mut table = self.root;
        for level in (size as u32 + 1..LEVELS).rev() {
            table = self.descend(entry(table, at, level))?;
        }
        let leaf = physical >> 12 << 10 | flags | USED | VALID;
        let entry = entry(table, at, size as u32);
        let was_free = entry.compare_exchange(0, leaf, Ordering::Release, Ordering::Relaxed);
        was_free.map(drop).map_err(|_| MapError::Taken)
    }

    /// Returns the physical address of the root.
    pub fn root(&self) -> u64 {
        self.physical(self.root)
    }

    /// Returns what turns the address space on: mode Sv39, and the number of the root's page.
    pub fn satp(&self) -> u64 {
        8 << 60 | self.root() >> 12
    }

    /// Returns the table that an entry leads to, and makes one if there is none.
    fn descend(&self, entry: &AtomicU64) -> Result<NonNull<Table>, MapError> {
        let mut found = entry.load(Ordering::Acquire);
        if found == 0 {
            let table = new_table(self.bump)?;
            let branch = self.physical(table) >> 12 << 10 | VALID;
            match entry.compare_exchange(0, branch, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(table),
                Err(other) => found = other,
            }
            // SAFETY: nobody else has seen the table, and this is its layout.
            unsafe { self.bump.deallocate(table.cast(), Layout::new::<Table>()) };
        }
        let region = self.bump.region().ok_or(MapError::NoMemory)?;
        // A leaf here is a larger page.
        let is_leaf = found & super::walk::READ_WRITE_EXECUTE != 0;
        let table = region.pointer(found >> 10 << 12).filter(|_| !is_leaf);
        table.map(NonNull::cast).ok_or(MapError::Taken)
    }

    /// Returns the physical address of a table of this space.
    fn physical(&self, table: NonNull<Table>) -> u64 {
        let physical = self.bump.region().and_then(|region| region.translate(table.cast()));
        physical.expect("the bump's blocks are in its region") as u64
    }
}

/// Returns a table without entries.
fn new_table<R: RawRegion>(bump: &AtomicBump<R>) -> Result<NonNull<Table>, MapError> {
    let table = bump.allocate_zeroed(Layout::new::<Table>());
    table.map(NonNull::cast).map_err(|_| MapError::NoMemory)
}

/// Returns the entry for the address `at` in a table of a level; the leaves of pages are in level 0.
fn entry<'a>(table: NonNull<Table>, at: u64, level: u32) -> &'a AtomicU64 {
    // SAFETY: a table is never freed once an entry leads to it, nor is the root, while the space's bump is borrowed; and it
    // is made of atomics, zero at first.
    let table = unsafe { table.as_ref() };
    &table.0[(at >> (12 + 9 * level)) as usize % ENTRIES]
}

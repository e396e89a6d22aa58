//! What the processor does with an address when Sv39 is on, by §4.3.2 of the Privileged Architecture.

use super::ram::Ram;

/// A leaf may be read.
pub const READ: u64 = 1 << 1;
/// It may be written.
pub const WRITE: u64 = 1 << 2;
/// It may be executed.
pub const EXECUTE: u64 = 1 << 3;
/// An entry with none of these leads to a table.
pub const READ_WRITE_EXECUTE: u64 = READ | WRITE | EXECUTE;

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The physical address.
    pub physical: u64,
    /// What is allowed there.
    pub flags: u64,
}

/// Why it leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The upper bits are not all equal to the highest of the 39.
    NotCanonical,
    /// There is no memory where a table should be.
    Access,
    /// An entry is not valid, or the last one leads to a table.
    Invalid,
    /// An entry means nothing: it may be written but not read.
    Reserved,
    /// A large page starts in the middle of one.
    Misaligned,
}

/// Translates an address, from the root at a physical address.
///
/// # Errors
///
/// A [`Fault`].
pub fn walk(ram: &Ram, root: u64, address: u64) -> Result<Mapping, Fault> {
    if ((address as i64) << 25 >> 25) as u64 != address {
        return Err(Fault::NotCanonical);
    }
    let mut table = root;
    for level in [2, 1, 0] {
        let shift = 12 + 9 * level;
        let index = address >> shift & 0x1ff;
        let entry = ram.read(table + 8 * index).ok_or(Fault::Access)?;
        if entry & 1 == 0 {
            return Err(Fault::Invalid);
        }
        let flags = entry & READ_WRITE_EXECUTE;
        if flags & (READ | WRITE) == WRITE {
            return Err(Fault::Reserved);
        }
        let target = (entry >> 10 & ((1 << 44) - 1)) << 12;
        if flags == 0 {
            table = target;
            continue;
        }
        let inside = (1u64 << shift) - 1;
        if target & inside != 0 {
            return Err(Fault::Misaligned);
        }
        return Ok(Mapping {
            physical: target | address & inside,
            flags,
        });
    }
    Err(Fault::Invalid)
}

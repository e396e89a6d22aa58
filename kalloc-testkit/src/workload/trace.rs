//! Recorded traces: what real programs asked of their allocator, to be played with every answer checked.
//!
//! A trace is a `.ktr` file, uncompressed, little-endian throughout:
//!
//! ```text
//!   8 bytes  KTRACE1\n        u32  operations      u32  slots      u64  greatest live bytes     u64  allocations
//!   then per operation: a tag, and LEB128 numbers
//!     tag bits 0–1    0 allocate (slot, size)   1 free (slot)   2 reallocate (slot, size)   3 allocate zeroed (slot, size)
//!     tag bits 2–7    the alignment's power of two
//! ```
//!
//! A reallocation becomes a growth or a shrink, as the block's size then demands. What lives at the end stays live.

use alloc::vec;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;

use super::op::{Op, Slot};

/// The first bytes of a trace.
const MAGIC: &[u8; 8] = b"KTRACE1\n";

/// Bytes before the first operation.
const HEADER: usize = 32;

/// Why bytes are no trace that can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTrace {
    /// They do not begin as a trace does.
    Header,
    /// They end in the middle of an operation, or earlier.
    CutShort,
    /// An operation is not one: of a slot past the last, or of a layout that does not exist.
    Operation {
        /// Its number, from 0.
        index: u32,
    },
    /// The trace has more slots than programs can have, 65535.
    TooManySlots,
}

impl fmt::Display for NoTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => write!(f, "the bytes do not begin as a trace does"),
            Self::CutShort => write!(f, "the trace is cut short"),
            Self::Operation { index } => write!(f, "operation {index} of the trace is not one"),
            Self::TooManySlots => write!(f, "the trace has more than {} slots", Slot::MAX),
        }
    }
}

impl core::error::Error for NoTrace {}

/// Returns the first `limit` operations of a trace as a program.
///
/// Where the recording frees, the program does; one that is cut off by `limit` leaves blocks live, which
/// [`run`](crate::drive::run) frees. Cost: linear in what is read.
///
/// # Errors
///
/// The bytes are no trace, as [`NoTrace`] tells.
///
/// ```
/// use kalloc_testkit::drive;
/// use kalloc_testkit::workload::trace;
/// use kalloc_traits::glue::global::GlobalHeap;
///
/// // Two operations on one slot: 100 bytes at a multiple of 8, and their free.
/// let mut file = b"KTRACE1\n\x02\0\0\0\x01\0\0\0".to_vec();
/// file.extend([100, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
/// file.extend([3 << 2, 0, 100, 1, 0]);
///
/// let program = trace::program(&file, usize::MAX).unwrap();
/// let summary = drive::run(&GlobalHeap(std::alloc::System), program).unwrap();
/// assert_eq!(summary.served, 1);
/// ```
pub fn program(file: &[u8], limit: usize) -> Result<Vec<Op>, NoTrace> {
    if !file.starts_with(MAGIC) {
        return Err(NoTrace::Header);
    }
    let (header, body) = file.split_at_checked(HEADER).ok_or(NoTrace::CutShort)?;
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (operations, slots) = (number(8), number(12));
    if slots > u32::from(Slot::MAX) {
        return Err(NoTrace::TooManySlots);
    }
    let mut reader = Reader {
        rest: body,
        sizes: vec![None; slots as usize],
    };
    let count = limit.min(operations as usize);
    // Each operation takes two bytes at least, so a false count reserves no more than the file is long.
    let mut ops = Vec::with_capacity(count.min(body.len()));
    for index in 0..operations.min(u32::try_from(limit).unwrap_or(u32::MAX)) {
        ops.push(reader.operation(index)?);
    }
    Ok(ops)
}

/// What is left of a trace, and the size of each slot's block.
struct Reader<'f> {
    rest: &'f [u8],
    sizes: Vec<Option<usize>>,
}

impl Reader<'_> {
    /// Reads an operation.
    fn operation(&mut self, index: u32) -> Result<Op, NoTrace> {
        let wrong = NoTrace::Operation { index };
        let tag = self.byte()?;
        let slot = self.number(wrong)?;
        let held = self.sizes.get(slot).copied().ok_or(wrong)?;
        let number = Slot::try_from(slot).map_err(|_| wrong)?;
        if tag & 3 == 1 {
            self.sizes[slot] = None;
            return Ok(Op::Free(number));
        }
        let size = self.number(wrong)?;
        let align = 1usize.checked_shl(u32::from(tag >> 2)).ok_or(wrong)?;
        let layout = Layout::from_size_align(size, align).map_err(|_| wrong)?;
        self.sizes[slot] = Some(size);
        Ok(match tag & 3 {
            0 => Op::Allocate(number, layout),
            3 => Op::AllocateZeroed(number, layout),
            _ if held.is_some_and(|held| size < held) => Op::Shrink(number, layout),
            _ => Op::Grow(number, layout),
        })
    }

    /// Reads a byte.
    fn byte(&mut self) -> Result<u8, NoTrace> {
        let (first, rest) = self.rest.split_first().ok_or(NoTrace::CutShort)?;
        self.rest = rest;
        Ok(*first)
    }

    /// Reads a LEB128 number, which must fit a `usize`.
    fn number(&mut self, wrong: NoTrace) -> Result<usize, NoTrace> {
        let (mut number, mut shift) = (0usize, 0);
        loop {
            let byte = self.byte()?;
            let part = usize::from(byte & 0x7F);
            let placed = part.checked_shl(shift).filter(|placed| placed >> shift == part);
            number |= placed.ok_or(wrong)?;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::text;

    fn file(operations: u32, slots: u32, body: &[u8]) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend(operations.to_le_bytes());
        file.extend(slots.to_le_bytes());
        file.extend([0; 16]);
        file.extend(body);
        file
    }

    #[test]
    fn operations_become_steps() {
        let body = [
            3 << 2,
            0,
            0x80,
            1, // allocate 128 at 8
            3 << 2 | 3,
            1,
            5, // allocate zeroed 5
            3 << 2 | 2,
            0,
            200,
            1, // reallocate to 200
            3 << 2 | 2,
            0,
            7, // to 7
            1,
            0,
            1,
            1, // free both
        ];
        let file = file(6, 2, &body);
        let program = program(&file, usize::MAX).unwrap();
        assert_eq!(text::write(&program), "a0:128@8 z1:5@8 g0:200@8 s0:7@8 f0 f1");
        assert_eq!(super::program(&file, 2).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_trace_is_refused() {
        assert_eq!(program(b"KTRACE2\n", 9), Err(NoTrace::Header));
        assert_eq!(program(MAGIC, 9), Err(NoTrace::CutShort));
        assert_eq!(program(&file(1, 1, &[]), 9), Err(NoTrace::CutShort));
        assert_eq!(program(&file(1, 1, &[0, 0, 0x80]), 9), Err(NoTrace::CutShort));
        assert_eq!(program(&file(1, 70_000, &[]), 9), Err(NoTrace::TooManySlots));
        let wrong = Err(NoTrace::Operation { index: 0 });
        assert_eq!(program(&file(1, 1, &[0, 1, 8]), 9), wrong);
        assert_eq!(program(&file(1, 1, &[63 << 2, 0, 8]), 9), wrong);
        assert_eq!(
            program(&file(1, 1, &[[0, 0].as_slice(), &[0xFF; 12]].concat()), 9),
            wrong
        );
    }
}

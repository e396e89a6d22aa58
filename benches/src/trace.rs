//! Recorded sequences of allocator calls: the operations, their consistency, and the file format.
//!
//! ```text
//!   8 bytes  "KTRACE1\n"
//!   u32      number of operations           all numbers little-endian
//!   u32      number of slots
//!   u64      peak of the live bytes
//!   u64      number of allocations
//!   then for each operation a tag byte and LEB128 numbers:
//!     tag bits 0-1   0 allocate, 1 free, 2 reallocate, 3 allocate zeroed
//!     tag bits 2-7   log2 of the alignment
//!     allocate       slot, size
//!     free           slot
//!     reallocate     slot, new size; the alignment stays
//! ```
//!
//! A *slot* names a live block, and may name another one after its free. What lives at the end stays live. A trace is
//! decoded and checked ahead of its use, so a replay costs one indexed read per operation.

use std::error::Error;
use std::fmt;

const MAGIC: &[u8; 8] = b"KTRACE1\n";
const HEADER_LEN: usize = 32;
const TAG_KIND_BITS: u32 = 2;
const TAG_KIND_MASK: u8 = 3;
/// Alignments go up to 2^30: what follows them must stay a `Layout` on every target.
const MAX_ALIGN_LOG2: u8 = 30;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Allocates a block.
    Allocate = 0,
    /// Frees a block.
    Free = 1,
    /// Changes the size of a block.
    Reallocate = 2,
    /// Allocates a block of zeros.
    AllocateZeroed = 3,
}

/// One call of an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Log2 of the block's alignment; what it says for a free is not used.
    pub align_log2: u8,
    /// Which block.
    pub slot: u32,
    /// The block's size in bytes from now on; 0 for a free.
    pub size: u32,
}

/// A sequence of calls.
///
/// # Invariants
///
/// A slot is allocated only while it is free, and freed or reallocated only while it is live. Sizes are not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    ops: Vec<Op>,
    slots: usize,
    peak_live: u64,
    allocations: u64,
}

/// Why bytes are not a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceError {
    /// The bytes do not start as a trace does.
    Magic,
    /// The bytes end within an operation.
    Truncated,
    /// A number does not fit in 32 bits, or an alignment exceeds 2^30.
    TooLarge,
    /// The operation of this index does not suit the state of its slot, or its size is zero.
    Inconsistent(usize),
    /// The bytes are not zlib's.
    Compression,
}

impl Trace {
    /// Returns the trace that `bytes` hold under zlib's compression.
    ///
    /// # Errors
    ///
    /// [`TraceError`], all of it.
    pub fn from_zlib(bytes: &[u8]) -> Result<Self, TraceError> {
        let plain = miniz_oxide::inflate::decompress_to_vec_zlib(bytes).map_err(|_| TraceError::Compression)?;
        Self::decode(&plain)
    }

    /// Returns the trace that `bytes` hold. The header's sums are not trusted but made again.
    ///
    /// # Errors
    ///
    /// [`TraceError`], all but [`TraceError::Compression`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TraceError> {
        if !bytes.starts_with(MAGIC) {
            return Err(TraceError::Magic);
        }
        let (header, mut rest) = bytes.split_at_checked(HEADER_LEN).ok_or(TraceError::Truncated)?;
        let count = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let mut ops = Vec::new();
        for _ in 0..count {
            ops.push(take_op(&mut rest)?);
        }
        Self::from_ops(ops)
    }

    /// Returns the trace of these operations.
    ///
    /// # Errors
    ///
    /// [`TraceError::Inconsistent`] if a slot is used against the invariants.
    pub fn from_ops(ops: Vec<Op>) -> Result<Self, TraceError> {
        let slots = ops.iter().map(|op| op.slot as usize + 1).max().unwrap_or(0);
        let mut live = Live::new(slots);
        for (index, op) in ops.iter().enumerate() {
            live.apply(op).ok_or(TraceError::Inconsistent(index))?;
        }
        Ok(Self {
            ops,
            slots,
            peak_live: live.peak_bytes,
            allocations: live.allocations,
        })
    }

    /// Returns the longest prefix whose live bytes never exceed `max_live`.
    #[must_use]
    pub fn prefix_within(&self, max_live: u64) -> Self {
        let mut live = Live::new(self.slots);
        let fits = |op: &&Op| live.apply(op).is_some() && live.bytes <= max_live;
        let ops = self.ops.iter().take_while(fits).copied().collect();
        Self::from_ops(ops).expect("a prefix of a consistent trace is consistent")
    }

    /// Returns the trace as a file's bytes, without compression.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend((self.ops.len() as u32).to_le_bytes());
        out.extend((self.slots as u32).to_le_bytes());
        out.extend(self.peak_live.to_le_bytes());
        out.extend(self.allocations.to_le_bytes());
        for op in &self.ops {
            out.push(op.kind as u8 | op.align_log2 << TAG_KIND_BITS);
            push_number(&mut out, op.slot);
            if op.kind != Kind::Free {
                push_number(&mut out, op.size);
            }
        }
        out
    }

    /// Returns the slots that are live at the end.
    pub fn survivors(&self) -> impl Iterator<Item = u32> {
        let mut live = Live::new(self.slots);
        let all_apply = self.ops.iter().all(|op| live.apply(op).is_some());
        debug_assert!(all_apply);
        (0u32..)
            .zip(live.sizes)
            .filter(|&(_, size)| size != 0)
            .map(|(slot, _)| slot)
    }

    /// Returns the operations in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Returns how many slots the operations name: one more than the highest.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Returns the greatest sum of the sizes of all live blocks, in bytes.
    pub fn peak_live(&self) -> u64 {
        self.peak_live
    }

    /// Returns how many of the operations allocate.
    pub fn allocations(&self) -> u64 {
        self.allocations
    }
}

/// What lives, operation by operation. A size of 0 is a free slot.
struct Live {
    sizes: Vec<u32>,
    bytes: u64,
    peak_bytes: u64,
    allocations: u64,
}

impl Live {
    fn new(slots: usize) -> Self {
        Self {
            sizes: vec![0; slots],
            bytes: 0,
            peak_bytes: 0,
            allocations: 0,
        }
    }

    /// Applies an operation; `None` if it does not suit its slot.
    fn apply(&mut self, op: &Op) -> Option<()> {
        let size = self.sizes.get_mut(op.slot as usize)?;
        let needs_live = matches!(op.kind, Kind::Free | Kind::Reallocate);
        let becomes_live = op.kind != Kind::Free;
        if (*size != 0) != needs_live || (op.size != 0) != becomes_live {
            return None;
        }
        self.bytes = self.bytes - u64::from(*size) + u64::from(op.size);
        self.peak_bytes = self.peak_bytes.max(self.bytes);
        self.allocations += u64::from(!needs_live);
        *size = op.size;
        Some(())
    }
}

/// Takes one operation off the front of `bytes`.
fn take_op(bytes: &mut &[u8]) -> Result<Op, TraceError> {
    let tag = take_byte(bytes)?;
    let kind = match tag & TAG_KIND_MASK {
        0 => Kind::Allocate,
        1 => Kind::Free,
        2 => Kind::Reallocate,
        _ => Kind::AllocateZeroed,
    };
    let align_log2 = tag >> TAG_KIND_BITS;
    if align_log2 > MAX_ALIGN_LOG2 {
        return Err(TraceError::TooLarge);
    }
    let slot = take_number(bytes)?;
    let size = if kind == Kind::Free { 0 } else { take_number(bytes)? };
    Ok(Op {
        kind,
        align_log2,
        slot,
        size,
    })
}

/// Takes one LEB128 number off the front of `bytes`.
fn take_number(bytes: &mut &[u8]) -> Result<u32, TraceError> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = take_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u32::try_from(value).map_err(|_| TraceError::TooLarge);
        }
    }
    Err(TraceError::TooLarge)
}

fn take_byte(bytes: &mut &[u8]) -> Result<u8, TraceError> {
    let (&first, rest) = bytes.split_first().ok_or(TraceError::Truncated)?;
    *bytes = rest;
    Ok(first)
}

/// Appends `value` as a LEB128 number.
fn push_number(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("the bytes are not a KTRACE1 trace"),
            Self::Truncated => f.write_str("the trace ends within an operation"),
            Self::TooLarge => f.write_str("a number of the trace does not fit in 32 bits"),
            Self::Inconsistent(index) => write!(f, "operation {index} does not suit its slot"),
            Self::Compression => f.write_str("the bytes are not compressed by zlib"),
        }
    }
}

impl Error for TraceError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(kind: Kind, slot: u32, size: u32) -> Op {
        Op {
            kind,
            align_log2: 3,
            slot,
            size,
        }
    }

    fn sample() -> Vec<Op> {
        vec![
            op(Kind::Allocate, 0, 100),
            op(Kind::AllocateZeroed, 300, 70_000),
            op(Kind::Reallocate, 0, u32::MAX),
            op(Kind::Free, 300, 0),
            op(Kind::Allocate, 300, 1),
        ]
    }

    #[test]
    fn a_trace_survives_its_file() {
        let trace = Trace::from_ops(sample()).unwrap();
        assert_eq!((trace.slots(), trace.allocations()), (301, 3));
        assert_eq!(trace.peak_live(), u64::from(u32::MAX) + 70_000);
        assert_eq!(trace.survivors().collect::<Vec<_>>(), [0, 300]);
        assert_eq!(Trace::decode(&trace.encode()), Ok(trace));
    }

    #[test]
    fn every_cut_of_a_file_is_refused() {
        let bytes = Trace::from_ops(sample()).unwrap().encode();
        for len in 0..bytes.len() {
            let expected = if len < MAGIC.len() {
                TraceError::Magic
            } else {
                TraceError::Truncated
            };
            assert_eq!(Trace::decode(&bytes[..len]), Err(expected));
        }
    }

    #[test]
    fn numbers_over_32_bits_are_refused() {
        assert_eq!(take_number(&mut &[0xff, 0xff, 0xff, 0xff, 0x0f][..]), Ok(u32::MAX));
        assert_eq!(
            take_number(&mut &[0x80, 0x80, 0x80, 0x80, 0x10][..]),
            Err(TraceError::TooLarge)
        );
        assert_eq!(take_number(&mut &[0x80; 9][..]), Err(TraceError::TooLarge));
    }

    #[test]
    fn a_slot_is_not_allocated_twice_nor_freed_twice() {
        for bad in [
            op(Kind::Allocate, 0, 5),
            op(Kind::Free, 1, 0),
            op(Kind::Reallocate, 0, 0),
        ] {
            let ops = vec![op(Kind::Allocate, 0, 9), bad];
            assert_eq!(Trace::from_ops(ops), Err(TraceError::Inconsistent(1)));
        }
    }

    #[test]
    fn a_prefix_ends_before_its_live_bytes_exceed_the_bound() {
        let trace = Trace::from_ops(sample()).unwrap();
        assert_eq!(trace.prefix_within(99).ops().len(), 0);
        assert_eq!(trace.prefix_within(70_100).ops().len(), 2);
        assert_eq!(trace.prefix_within(u64::MAX), trace);
    }
}

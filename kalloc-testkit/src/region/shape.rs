//! What a guarded region looks like: how long it is, where it starts, and what lies in it.

use alloc::vec::Vec;

use super::bytes;

/// What lies in memory that a region hands over for the first time.
#[derive(Clone, Debug)]
pub enum Fill {
    /// Nothing: the bytes are not written, and under Miri they are uninitialised.
    Undefined,
    /// One byte again and again.
    Byte(u8),
    /// The stream of this seed.
    Noise(u64),
    /// These bytes again and again: what another heap has left behind, say. Zeros if there are none.
    Image(Vec<u8>),
}

impl Fill {
    /// Returns what lies at `offset` from the region's start.
    pub(super) fn byte(&self, offset: usize) -> u8 {
        match self {
            Self::Undefined => 0,
            Self::Byte(byte) => *byte,
            Self::Noise(seed) => bytes::byte(*seed, offset),
            Self::Image(image) => image.get(offset % image.len().max(1)).copied().unwrap_or(0),
        }
    }
}

/// The shape of a [`GuardedRegion`](super::GuardedRegion): all in bytes.
#[derive(Clone, Debug)]
pub struct Shape {
    pub(super) len: usize,
    pub(super) reserve: usize,
    pub(super) align: usize,
    pub(super) misalignment: usize,
    pub(super) fill: Fill,
    pub(super) is_zeroed: bool,
}

impl Shape {
    /// Returns the shape of a region of `len` bytes that starts at a multiple of 4096, cannot grow, and is full of noise;
    /// under Miri it is undefined, so that reading it is an error.
    pub const fn new(len: usize) -> Self {
        Self {
            len,
            reserve: len,
            align: 4096,
            misalignment: 0,
            fill: if cfg!(miri) {
                Fill::Undefined
            } else {
                Fill::Noise(0x5EED)
            },
            is_zeroed: false,
        }
    }

    /// Lets the region grow up to `reserve` bytes; less than its length counts as its length.
    #[must_use]
    pub fn with_reserve(self, reserve: usize) -> Self {
        let reserve = reserve.max(self.len);
        Self { reserve, ..self }
    }

    /// Lets the region start `misalignment` bytes after a multiple of `align`, a power of two.
    ///
    /// # Panics
    ///
    /// `align` is not a power of two.
    #[must_use]
    pub fn with_base(self, align: usize, misalignment: usize) -> Self {
        assert!(align.is_power_of_two(), "an alignment is a power of two");
        Self {
            align,
            misalignment,
            ..self
        }
    }

    /// Sets what lies in the memory.
    #[must_use]
    pub fn with_fill(self, fill: Fill) -> Self {
        Self {
            fill,
            is_zeroed: false,
            ..self
        }
    }

    /// Fills the memory with zeros, and lets the region say so.
    #[must_use]
    pub fn zeroed(self) -> Self {
        Self {
            is_zeroed: true,
            ..self.with_fill(Fill::Byte(0))
        }
    }
}

//! Pieces of a memory, as regions that grow and shrink.

use std::ptr::NonNull;

use kalloc_traits::{RawRegion, RegionError, Span};

/// A piece of a larger memory, which can grow up to a limit. It knows its own name, so that it can be told when it comes back.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) start: NonNull<u8>,
    pub(crate) len: usize,
    most: usize,
    pub(crate) name: usize,
}

// SAFETY: the tests keep the pieces apart.
unsafe impl RawRegion for Piece {
    fn span(&self) -> Span {
        Span::new(self.start, self.len)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        if min_extra > self.most - self.len {
            return Err(RegionError::Exhausted);
        }
        self.len += min_extra;
        Ok(())
    }

    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        // It gives back whole pages of 64 bytes.
        let pages = bytes / 64 * 64;
        if pages == 0 || pages > self.len {
            return Err(RegionError::Shortfall);
        }
        self.len -= pages;
        Ok(())
    }
}

/// Memory of which pieces are made.
pub(crate) struct Memory(Vec<u128>);

impl Memory {
    pub(crate) fn new(bytes: usize, fill: u8) -> Self {
        Self(vec![u128::from_ne_bytes([fill; 16]); bytes / 16])
    }

    pub(crate) fn piece(&mut self, offset: usize, len: usize, most: usize) -> Piece {
        assert!(offset + most <= self.0.len() * 16);
        // One pointer for all pieces: to make a new one of the vector would end the others.
        let start = NonNull::new(self.0.as_mut_ptr()).unwrap().cast::<u8>();
        Self::piece_of(start, offset, len, most)
    }

    pub(crate) fn piece_of(start: NonNull<u8>, offset: usize, len: usize, most: usize) -> Piece {
        Piece {
            // SAFETY: the offset is inside.
            start: unsafe { start.add(offset) },
            len,
            most,
            name: offset,
        }
    }
}

//! One step of a program.

use core::alloc::Layout;
use core::fmt;

/// A place in a program that holds a block or none, as a variable would.
pub type Slot = u16;

/// What to do with a slot's block. A step that does not suit the slot does nothing, so that every list of steps is a
/// program, and stays one when steps are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Allocate, into an empty slot.
    Allocate(Slot, Layout),
    /// Allocate cleared memory, into an empty slot.
    AllocateZeroed(Slot, Layout),
    /// Free the slot's block.
    Free(Slot),
    /// Grow the slot's block to this layout, unless its size is less.
    Grow(Slot, Layout),
    /// Grow the slot's block to this layout and clear what is new, unless its size is less.
    GrowZeroed(Slot, Layout),
    /// Shrink the slot's block to this layout, unless its size is more.
    Shrink(Slot, Layout),
    /// Resize the slot's block where it stands.
    Resize(Slot, Layout),
}

impl Op {
    /// Returns the slot.
    pub const fn slot(self) -> Slot {
        match self {
            Self::Allocate(slot, _)
            | Self::AllocateZeroed(slot, _)
            | Self::Free(slot)
            | Self::Grow(slot, _)
            | Self::GrowZeroed(slot, _)
            | Self::Shrink(slot, _)
            | Self::Resize(slot, _) => slot,
        }
    }
}

impl Op {
    /// Returns the layout that is asked for, if any.
    pub const fn layout(self) -> Option<Layout> {
        match self {
            Self::Free(_) => None,
            Self::Allocate(_, layout)
            | Self::AllocateZeroed(_, layout)
            | Self::Grow(_, layout)
            | Self::GrowZeroed(_, layout)
            | Self::Shrink(_, layout)
            | Self::Resize(_, layout) => Some(layout),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, slot, layout) = match *self {
            Self::Free(slot) => return write!(f, "free {slot}"),
            Self::Allocate(slot, layout) => ("allocate", slot, layout),
            Self::AllocateZeroed(slot, layout) => ("allocate zeroed", slot, layout),
            Self::Grow(slot, layout) => ("grow", slot, layout),
            Self::GrowZeroed(slot, layout) => ("grow zeroed", slot, layout),
            Self::Shrink(slot, layout) => ("shrink", slot, layout),
            Self::Resize(slot, layout) => ("resize", slot, layout),
        };
        write!(f, "{verb} {slot}: {} align {}", layout.size(), layout.align())
    }
}

/// Returns the layout of `size` bytes at a multiple of `align`.
///
/// # Panics
///
/// There is no such layout: `align` is not a power of two, or the size is past `isize::MAX`.
pub const fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(_) => panic!("a program asks for legal layouts only"),
    }
}

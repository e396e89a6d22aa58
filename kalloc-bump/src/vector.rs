//! Values that become a slice, one by one: what an arena needs of a vector.

use core::alloc::Layout;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use kalloc_traits::{AllocError, Heap};

/// The values so far, in one block. Dropped before it is [finished](Self::finish), it drops them and frees the block.
pub(crate) struct Vector<'h, T, H: Heap> {
    heap: &'h H,
    values: NonNull<T>,
    /// So many are initialised.
    len: usize,
    /// The block has the layout of so many, and is live unless that is of size zero.
    capacity: usize,
}

impl<'h, T, H: Heap> Vector<'h, T, H> {
    /// Returns a vector with room for `capacity` values.
    pub(crate) fn new(heap: &'h H, capacity: usize) -> Result<Self, AllocError> {
        let layout = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        Ok(Self {
            heap,
            values: heap.allocate(layout)?.cast(),
            len: 0,
            capacity,
        })
    }

    /// Adds a value, or drops it if there is no room.
    #[inline]
    pub(crate) fn push(&mut self, value: T) -> Result<(), AllocError> {
        self.reserve(1)?;
        // SAFETY: there is room for one more than there are.
        let end = unsafe { self.values.add(self.len) };
        // SAFETY: nobody else uses the block.
        unsafe { end.write(value) };
        self.len += 1;
        Ok(())
    }

    /// Returns the values. The rest of the block is given back.
    pub(crate) fn finish(self) -> NonNull<[T]> {
        let this = ManuallyDrop::new(self);
        let mut values = this.values;
        if let (Ok(old), Ok(new)) = (Layout::array::<T>(this.capacity), Layout::array::<T>(this.len)) {
            // SAFETY: the block is live with the layout `old`, and `new` is no larger.
            if let Ok(shrunk) = unsafe { this.heap.shrink(values.cast(), old, new) } {
                values = shrunk.cast();
            }
        }
        NonNull::slice_from_raw_parts(values, this.len)
    }

    /// Makes room for `more` values.
    #[inline]
    fn reserve(&mut self, more: usize) -> Result<(), AllocError> {
        if size_of::<T>() != 0 && more > self.capacity - self.len {
            return self.grow(more);
        }
        Ok(())
    }

    /// Doubles the room at least.
    #[cold]
    fn grow(&mut self, more: usize) -> Result<(), AllocError> {
        let least = self.len.checked_add(more).ok_or(AllocError)?;
        let capacity = least.max(self.capacity.saturating_mul(2)).max(4);
        // If memory is short, no more than is needed.
        self.grow_to(capacity).or_else(|AllocError| self.grow_to(least))
    }

    fn grow_to(&mut self, capacity: usize) -> Result<(), AllocError> {
        let old = Layout::array::<T>(self.capacity).map_err(|_| AllocError)?;
        let new = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        // SAFETY: the block is live with the layout `old`, and `new` is no smaller.
        self.values = unsafe { self.heap.grow(self.values.cast(), old, new) }?.cast();
        self.capacity = capacity;
        Ok(())
    }
}

impl<T, H: Heap> Drop for Vector<'_, T, H> {
    fn drop(&mut self) {
        let values = NonNull::slice_from_raw_parts(self.values, self.len);
        // SAFETY: as many are initialised, and nobody else uses them.
        unsafe { values.drop_in_place() };
        if let Ok(layout) = Layout::array::<T>(self.capacity) {
            // SAFETY: the block is live with this layout, and not used again.
            unsafe { self.heap.deallocate(self.values.cast(), layout) };
        }
    }
}

impl<H: Heap> fmt::Write for Vector<'_, u8, H> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.reserve(text.len()).map_err(|AllocError| fmt::Error)?;
        // SAFETY: there is room for the text behind what there is.
        let end = unsafe { self.values.add(self.len) };
        // SAFETY: as before, and the text lies elsewhere, since nobody else uses the block.
        unsafe { end.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        self.len += text.len();
        Ok(())
    }
}

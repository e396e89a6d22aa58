//! Values, slices and text in an arena.
//!
//! The methods are written once, over [`Lends`]: who hands out blocks, and for how long they stay.

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use kalloc_traits::{AllocError, Heap, RawRegion};

use crate::boxed::BumpBox;
use crate::bump::Bump;
use crate::settings::Settings;
use crate::vector::Vector;

/// A reference to a heap whose blocks stay where they are for `'a`.
///
/// # Safety
///
/// A block of [`heap`](Self::heap) that is not freed is valid and nobody else's for `'a`, whatever becomes of this reference.
#[doc(hidden)]
pub unsafe trait Lends<'a>: Copy {
    /// The heap.
    type Heap: Heap;

    /// Returns it.
    fn heap(&self) -> &Self::Heap;

    /// Allocates a block of a layout that is known ahead, from the memory at hand.
    fn take(&self, layout: Layout) -> Option<NonNull<u8>>;
}

// SAFETY: blocks stay until the bump is dropped or taken by `&mut`, and neither can be while it is borrowed.
unsafe impl<'a, R: RawRegion, S: Settings> Lends<'a> for &'a Bump<R, S> {
    type Heap = Bump<R, S>;

    #[inline]
    fn heap(&self) -> &Self::Heap {
        self
    }

    #[inline]
    fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.take_known(layout)
    }
}

/// Typed allocation: for `&Bump`, `&Scope`, `&Chain`.
///
/// What is allocated lives for `'a`: as long as the bump is borrowed, or as the scope lasts. Each method returns an owner that
/// drops the value; [`BumpBox::into_mut`] makes a plain reference of one that need not be dropped.
///
/// Every method fails with [`AllocError`] if no memory is left or a size exceeds `isize::MAX` bytes; what was allocated by
/// then is given back, and values that were passed in or made are dropped. Each takes constant time to allocate, and the time
/// to write what is allocated. With the feature `panic` each has a twin without `try_`, which panics instead.
///
/// ```
/// use kalloc_bump::{Arena, Bump};
/// use kalloc_traits::{AllocError, StaticArray};
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
///
/// let bump = Bump::new(MEMORY.region());
/// let number: &mut u32 = bump.try_alloc(42)?.into_mut();
/// let squares = bump.try_alloc_iter((1..=4).map(|n| n * n))?;
/// let text = bump.try_alloc_fmt(format_args!("{number} and {squares:?}"))?;
/// assert_eq!(&*text, "42 and [1, 4, 9, 16]");
/// # Ok::<(), AllocError>(())
/// ```
pub trait Arena<'a>: Lends<'a> {
    /// Allocates a value.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc<T>(self, value: T) -> Result<BumpBox<'a, T>, AllocError> {
        match self.take(Layout::new::<T>()) {
            // SAFETY: the block has the layout of a `T`, and is nobody else's for `'a`.
            Some(block) => Ok(unsafe { place(block, value) }),
            None => alloc_slowly(self, value),
        }
    }

    /// Allocates the value that `make` returns; it is called when there is room for it, and not otherwise.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc_with<T>(self, make: impl FnOnce() -> T) -> Result<BumpBox<'a, T>, AllocError> {
        Ok(self.try_alloc_uninit()?.write(make()))
    }

    /// Allocates the value that `make` returns, if it does; otherwise nothing is taken, and its error comes back inside.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc_try_with<T, E>(
        self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<BumpBox<'a, T>, E>, AllocError> {
        match make() {
            Ok(value) => self.try_alloc(value).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Allocates room for a value.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc_uninit<T>(self) -> Result<BumpBox<'a, MaybeUninit<T>>, AllocError> {
        let layout = Layout::new::<T>();
        let block = match self.take(layout) {
            Some(block) => block,
            None => self.heap().allocate(layout)?.cast(),
        };
        // SAFETY: the block has the layout of a `T`, is nobody else's for `'a`, and need not be initialised.
        Ok(unsafe { BumpBox::from_raw(block.cast()) })
    }

    /// Allocates room for `len` values.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc_uninit_slice<T>(self, len: usize) -> Result<BumpBox<'a, [MaybeUninit<T>]>, AllocError> {
        let layout = Layout::array::<T>(len).map_err(|_| AllocError)?;
        let block = self.heap().allocate(layout)?;
        // SAFETY: the block has the layout of `len` times `T`, is nobody else's for `'a`, and need not be initialised.
        Ok(unsafe { BumpBox::from_raw(NonNull::slice_from_raw_parts(block.cast(), len)) })
    }

    /// Allocates a copy of `values`.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc_slice_copy<T: Copy>(self, values: &[T]) -> Result<BumpBox<'a, [T]>, AllocError> {
        let layout = Layout::for_value(values);
        match if layout.size() == 0 { None } else { self.take(layout) } {
            // SAFETY: the block has the layout of `values`, and is nobody else's for `'a`.
            Some(block) => Ok(unsafe { place_copy(block.cast(), values) }),
            None => alloc_copy_slowly(self, values),
        }
    }

    /// Allocates clones of `values`.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    fn try_alloc_slice_clone<T: Clone>(self, values: &[T]) -> Result<BumpBox<'a, [T]>, AllocError> {
        self.try_alloc_iter(values.iter().cloned())
    }

    /// Allocates `len` clones of `value`.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    fn try_alloc_slice_fill<T: Clone>(self, len: usize, value: T) -> Result<BumpBox<'a, [T]>, AllocError> {
        self.try_alloc_slice_fill_with(len, |_| value.clone())
    }

    /// Allocates `len` values, each made by `make` of its index.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    fn try_alloc_slice_fill_with<T>(
        self,
        len: usize,
        make: impl FnMut(usize) -> T,
    ) -> Result<BumpBox<'a, [T]>, AllocError> {
        self.try_alloc_iter((0..len).map(make))
    }

    /// Allocates all that `values` yields. Its least number is taken at once; beyond, the slice is doubled as it fills, where
    /// it stands if it is the last block, and cut at the end. The iterator may use the arena itself.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    fn try_alloc_iter<T>(self, values: impl IntoIterator<Item = T>) -> Result<BumpBox<'a, [T]>, AllocError> {
        let mut values = values.into_iter();
        let mut vector = Vector::new(self.heap(), values.size_hint().0)?;
        values.try_for_each(|value| vector.push(value))?;
        // SAFETY: the values are initialised, and their block is nobody else's for `'a`.
        Ok(unsafe { BumpBox::from_raw(vector.finish()) })
    }

    /// Allocates a copy of `text`.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait.
    #[inline]
    fn try_alloc_str(self, text: &str) -> Result<BumpBox<'a, str>, AllocError> {
        let bytes = self.try_alloc_slice_copy(text.as_bytes())?;
        // SAFETY: they are those of a text.
        Ok(unsafe { text_of(bytes) })
    }

    /// Allocates text, as `format_args!` describes it.
    ///
    /// # Errors
    ///
    /// There is no room; see the trait. So too if a `Display` of a part fails.
    fn try_alloc_fmt(self, arguments: fmt::Arguments<'_>) -> Result<BumpBox<'a, str>, AllocError> {
        if let Some(text) = arguments.as_str() {
            return self.try_alloc_str(text);
        }
        let mut vector = Vector::<u8, _>::new(self.heap(), 0)?;
        fmt::write(&mut vector, arguments).map_err(|_| AllocError)?;
        // SAFETY: the bytes are initialised, and their block is nobody else's for `'a`.
        let bytes = unsafe { BumpBox::from_raw(vector.finish()) };
        // SAFETY: they were written as texts, one behind the other.
        Ok(unsafe { text_of(bytes) })
    }
}

impl<'a, A: Lends<'a>> Arena<'a> for A {}

/// Writes a value into its block.
///
/// # Safety
///
/// The block has the layout of a `T`, and is nobody else's for `'a`.
#[inline]
unsafe fn place<'a, T>(block: NonNull<u8>, value: T) -> BumpBox<'a, T> {
    let block = block.cast::<T>();
    // SAFETY: the caller upholds the contract.
    unsafe { block.write(value) };
    // SAFETY: the caller upholds the contract, and the value was just written.
    unsafe { BumpBox::from_raw(block) }
}

/// Copies values into their block.
///
/// # Safety
///
/// The block has the layout of `values`, and is nobody else's for `'a`.
#[inline]
unsafe fn place_copy<'a, T: Copy>(block: NonNull<T>, values: &[T]) -> BumpBox<'a, [T]> {
    // SAFETY: the caller upholds the contract; a block that is nobody else's cannot overlap the values.
    unsafe { block.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len()) };
    // SAFETY: the caller upholds the contract, and the values were just written.
    unsafe { BumpBox::from_raw(NonNull::slice_from_raw_parts(block, values.len())) }
}

/// Allocates a value when the memory at hand does not do. The value comes along, so that whoever calls this last keeps
/// nothing, and its fast path need not save a register.
#[cold]
#[inline(never)]
fn alloc_slowly<'a, T>(arena: impl Lends<'a>, value: T) -> Result<BumpBox<'a, T>, AllocError> {
    let block = arena.heap().allocate(Layout::new::<T>())?;
    // SAFETY: the block has the layout of a `T`, and is nobody else's for `'a`.
    Ok(unsafe { place(block.cast(), value) })
}

/// Does so for a copy of `values`.
#[cold]
#[inline(never)]
fn alloc_copy_slowly<'a, T: Copy>(arena: impl Lends<'a>, values: &[T]) -> Result<BumpBox<'a, [T]>, AllocError> {
    let block = arena.heap().allocate(Layout::for_value(values))?;
    // SAFETY: the block has the layout of `values`, and is nobody else's for `'a`.
    Ok(unsafe { place_copy(block.cast(), values) })
}

/// Returns bytes as the text that they are.
///
/// # Safety
///
/// They are valid UTF-8.
#[inline]
unsafe fn text_of(bytes: BumpBox<'_, [u8]>) -> BumpBox<'_, str> {
    // SAFETY: the caller upholds the contract.
    let text = unsafe { core::str::from_utf8_unchecked_mut(bytes.leak()) };
    // SAFETY: the bytes are initialised, and the box has given them up for as long as it could have kept them.
    unsafe { BumpBox::from_raw(NonNull::from(text)) }
}

//! The methods of [`Arena`] for programs that cannot go on without memory: they panic where the others return an error. Feature
//! `panic`; without it nothing in this crate can panic.

use core::fmt;
use core::mem::MaybeUninit;

use kalloc_traits::AllocError;

use crate::arena::Arena;
use crate::boxed::BumpBox;

/// What [`Arena`] has, without `try_` and with a panic.
///
/// ```
/// use kalloc_bump::{Bump, PanickingArena};
/// use kalloc_traits::StaticArray;
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
///
/// let bump = Bump::new(MEMORY.region());
/// let text = bump.alloc_fmt(format_args!("{} is the answer", bump.alloc(42)));
/// assert_eq!(&*text, "42 is the answer");
/// ```
pub trait PanickingArena<'a>: Arena<'a> {
    /// Allocates a value, as [`try_alloc`](Arena::try_alloc) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc<T>(self, value: T) -> BumpBox<'a, T> {
        demand(self.try_alloc(value))
    }

    /// Allocates the value that `make` returns, as [`try_alloc_with`](Arena::try_alloc_with) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_with<T>(self, make: impl FnOnce() -> T) -> BumpBox<'a, T> {
        demand(self.try_alloc_with(make))
    }

    /// Allocates the value that `make` returns, if it does, as [`try_alloc_try_with`](Arena::try_alloc_try_with) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_try_with<T, E>(self, make: impl FnOnce() -> Result<T, E>) -> Result<BumpBox<'a, T>, E> {
        demand(self.try_alloc_try_with(make))
    }

    /// Allocates room for a value, as [`try_alloc_uninit`](Arena::try_alloc_uninit) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_uninit<T>(self) -> BumpBox<'a, MaybeUninit<T>> {
        demand(self.try_alloc_uninit())
    }

    /// Allocates room for `len` values, as [`try_alloc_uninit_slice`](Arena::try_alloc_uninit_slice) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_uninit_slice<T>(self, len: usize) -> BumpBox<'a, [MaybeUninit<T>]> {
        demand(self.try_alloc_uninit_slice(len))
    }

    /// Allocates a copy of `values`, as [`try_alloc_slice_copy`](Arena::try_alloc_slice_copy) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_slice_copy<T: Copy>(self, values: &[T]) -> BumpBox<'a, [T]> {
        demand(self.try_alloc_slice_copy(values))
    }

    /// Allocates clones of `values`, as [`try_alloc_slice_clone`](Arena::try_alloc_slice_clone) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_slice_clone<T: Clone>(self, values: &[T]) -> BumpBox<'a, [T]> {
        demand(self.try_alloc_slice_clone(values))
    }

    /// Allocates `len` clones of `value`, as [`try_alloc_slice_fill`](Arena::try_alloc_slice_fill) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_slice_fill<T: Clone>(self, len: usize, value: T) -> BumpBox<'a, [T]> {
        demand(self.try_alloc_slice_fill(len, value))
    }

    /// Allocates `len` values, each made by `make` of its index, as [`try_alloc_slice_fill_with`](Arena::try_alloc_slice_fill_with) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_slice_fill_with<T>(self, len: usize, make: impl FnMut(usize) -> T) -> BumpBox<'a, [T]> {
        demand(self.try_alloc_slice_fill_with(len, make))
    }

    /// Allocates all that `values` yields, as [`try_alloc_iter`](Arena::try_alloc_iter) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_iter<T>(self, values: impl IntoIterator<Item = T>) -> BumpBox<'a, [T]> {
        demand(self.try_alloc_iter(values))
    }

    /// Allocates a copy of `text`, as [`try_alloc_str`](Arena::try_alloc_str) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_str(self, text: &str) -> BumpBox<'a, str> {
        demand(self.try_alloc_str(text))
    }

    /// Allocates text, as `format_args!` describes it, as [`try_alloc_fmt`](Arena::try_alloc_fmt) does.
    ///
    /// # Panics
    ///
    /// There is no room.
    #[inline]
    #[track_caller]
    fn alloc_fmt(self, arguments: fmt::Arguments<'_>) -> BumpBox<'a, str> {
        demand(self.try_alloc_fmt(arguments))
    }
}

impl<'a, A: Arena<'a>> PanickingArena<'a> for A {}

/// Returns what was allocated.
#[inline]
#[track_caller]
fn demand<T>(outcome: Result<T, AllocError>) -> T {
    match outcome {
        Ok(allocated) => allocated,
        Err(error) => refused(error),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn refused(error: AllocError) -> ! {
    panic!("{error}")
}

//! A value in an arena, with an owner that drops it.
//!
//! The box owns the value and not the memory: dropping it runs the value's destructor and leaves the bytes to the arena,
//! so it costs what the destructor costs, and is one pointer (two for slices and text).
//!
//! It cannot be pinned: a pinned box that is forgotten, and not dropped, would leave its value to a `reset`, and pinning promises
//! that no memory is used again before its value was dropped.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit, needs_drop};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A value that lies in an arena for as long as `'a`, and is dropped with its box.
///
/// ```
/// use kalloc_bump::{Arena, Bump};
/// use kalloc_traits::{AllocError, StaticArray};
/// use std::rc::Rc;
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
///
/// let bump = Bump::new(MEMORY.region());
/// let shared = Rc::new(7);
/// let inside = bump.try_alloc(shared.clone())?;
/// assert_eq!((**inside, Rc::strong_count(&shared)), (7, 2));
/// drop(inside);
/// assert_eq!(Rc::strong_count(&shared), 1);
/// # Ok::<(), AllocError>(())
/// ```
pub struct BumpBox<'a, T: ?Sized> {
    /// Points to a value that is initialised, is nobody else's, and stays where it is for `'a`.
    value: NonNull<T>,
    arena: PhantomData<&'a ()>,
    owned: PhantomData<T>,
}

// SAFETY: the box owns its value and touches nothing of the arena.
unsafe impl<T: ?Sized + Send> Send for BumpBox<'_, T> {}

// SAFETY: a shared box gives shared references to its value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for BumpBox<'_, T> {}

impl<'a, T: ?Sized> BumpBox<'a, T> {
    /// Returns the owner of a value.
    ///
    /// # Safety
    ///
    /// `value` points to an initialised value in memory that is valid and nobody else's for `'a`.
    #[inline]
    pub(crate) unsafe fn from_raw(value: NonNull<T>) -> Self {
        Self {
            value,
            arena: PhantomData,
            owned: PhantomData,
        }
    }

    /// Gives the value up and returns the pointer to it.
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).value
    }

    /// Returns the value by reference, for as long as the arena keeps it. A value that would have to be dropped does not
    /// compile: see [`leak`](Self::leak).
    ///
    /// ```compile_fail,E0080
    /// # use kalloc_bump::{Arena, Bump};
    /// # use kalloc_traits::StaticArray;
    /// # static MEMORY: StaticArray<4096> = StaticArray::new();
    /// let bump = Bump::new(MEMORY.region());
    /// // Nobody would drop the string, and its memory would be lost.
    /// bump.try_alloc(String::from("lost")).unwrap().into_mut();
    /// ```
    #[inline]
    pub fn into_mut(self) -> &'a mut T
    where
        T: NoDrop,
    {
        const {
            assert!(
                !T::NEEDS_DROP,
                "the value would never be dropped: keep the box, or leak it"
            );
        }
        self.leak()
    }

    /// Returns the value by reference, for as long as the arena keeps it. It is never dropped.
    #[inline]
    pub fn leak(self) -> &'a mut T {
        // SAFETY: the value is initialised, nobody else's and valid for `'a`; the box has given it up.
        unsafe { self.into_raw().as_mut() }
    }
}

/// Whether a value must be dropped; a detail of [`BumpBox::into_mut`].
#[doc(hidden)]
pub trait NoDrop {
    /// Whether it must.
    const NEEDS_DROP: bool;
}

impl<T> NoDrop for T {
    const NEEDS_DROP: bool = needs_drop::<T>();
}

impl<T> NoDrop for [T] {
    const NEEDS_DROP: bool = needs_drop::<T>();
}

impl NoDrop for str {
    const NEEDS_DROP: bool = false;
}

impl<T> BumpBox<'_, T> {
    /// Returns the value itself. Its bytes stay with the arena.
    #[inline]
    pub fn into_inner(self) -> T {
        // SAFETY: the value is initialised, and the box has given it up.
        unsafe { self.into_raw().read() }
    }
}

impl<'a, T> BumpBox<'a, MaybeUninit<T>> {
    /// Writes the value, and returns the box of it.
    #[inline]
    pub fn write(mut self, value: T) -> BumpBox<'a, T> {
        MaybeUninit::write(&mut self, value);
        // SAFETY: it was just written.
        unsafe { self.assume_init() }
    }

    /// Returns the box of the value.
    ///
    /// # Safety
    ///
    /// The value is initialised.
    #[inline]
    pub unsafe fn assume_init(self) -> BumpBox<'a, T> {
        // SAFETY: it is the box's memory, which it has given up, and the caller has initialised it.
        unsafe { BumpBox::from_raw(self.into_raw().cast()) }
    }
}

impl<'a, T> BumpBox<'a, [MaybeUninit<T>]> {
    /// Returns the box of the values.
    ///
    /// # Safety
    ///
    /// All values are initialised.
    #[inline]
    pub unsafe fn assume_init(self) -> BumpBox<'a, [T]> {
        let values = self.into_raw();
        // SAFETY: it is the box's memory, which it has given up, and the caller has initialised it.
        unsafe { BumpBox::from_raw(NonNull::slice_from_raw_parts(values.cast(), values.len())) }
    }
}

impl<T: ?Sized> Drop for BumpBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value is initialised and nobody else's, and the box is not used again.
        unsafe { self.value.drop_in_place() };
    }
}

impl<T: ?Sized> Deref for BumpBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value is initialised, and borrowed as the box is.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for BumpBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is initialised, and borrowed as the box is.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> AsRef<T> for BumpBox<'_, T> {
    #[inline]
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> AsMut<T> for BumpBox<'_, T> {
    #[inline]
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for BumpBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for BumpBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for BumpBox<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for BumpBox<'_, T> {}

impl<T: ?Sized + Hash> Hash for BumpBox<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

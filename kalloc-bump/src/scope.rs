//! Work that ends together: what a scope allocates is gone when it ends.
//!
//! ```text
//!   before              a scope                    a scope in it             after both
//!   ├──A──┤ next        ├──A──┼──B──┤ next         ├──A──┼──B──┼──C──┤       ├──A──┤ next
//! ```
//!
//! # Why nothing can be used after its scope
//!
//! A [`Scope`] names its lifetime `'s`, what it allocates lives for `'s`, and the scope ends behind `'s`: a closure must take
//! scopes of *every* lifetime, so nothing that it returns or keeps can name one, and a guard is borrowed for it. So use after
//! the end does not compile. It is the scope that is borrowed and not the handle: what was allocated stays usable while a scope
//! is opened within, during which the handle is borrowed and allocates nothing.
//!
//! bump-scope had three advisories about this shape, which cannot apply here:
//!
//! * *A block of an outer scope that was grown or freed through the allocator of an inner one* was used after the inner scope
//!   had ended (GHSA-xhx6-q96x-pf9c, 2.3.2), as the documentation promised that one might. Here each scope is a heap of its own
//!   by contract, whose blocks are those that it returned; and in safe code, a collection with an outer scope's handle
//!   borrows the handle, so that no inner scope can be opened while it lives.
//! * *`Send` whatever the base allocator was* (2.3.3). A [`Scope`] holds a `&Bump` or a `&Chain`, which is never `Send`; no
//!   `unsafe impl` says otherwise. [`ScopeGuard`] holds a `&mut`, and is `Send` exactly if that is.
//! * *A data race through a scope of a bump that somebody else had claimed* (2.4.1). There are no claims: a scope is made of a
//!   `&mut`, which the compiler gives to one holder.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::{AllocError, Heap, RawBlock, impl_allocator};

use crate::arena::Lends;
use crate::bump::Bump;
use crate::cursor::Position;
use crate::settings::Settings;

/// A bump that can go back to where it was: [`Bump`], or [`Chain`](crate::Chain).
#[doc(hidden)]
pub trait Rewinds {
    /// Where it was.
    type Position: Copy + core::fmt::Debug;

    /// Returns where it is.
    fn position(&self) -> Self::Position;

    /// Ends all blocks that were taken since it was at `position`.
    ///
    /// # Safety
    ///
    /// It was there, has not gone back behind since, and nobody uses such a block any more.
    unsafe fn go_back(&self, position: Self::Position);
}

/// A part of a bump's memory that is given back when the scope ends; `'s` is for how long it lasts. The bump is a
/// [`Bump`] or a [`Chain`](crate::Chain).
///
/// It allocates as the bump does: values by [`Arena`](crate::Arena), blocks by [`Heap`], collections by every `Allocator`.
/// As a heap it owns the blocks that it returned, and none of the scopes around it or within.
#[derive(Debug)]
pub struct Scope<'s, B> {
    bump: &'s B,
}

/// A scope that ends when the guard is dropped, where a closure does not fit.
///
/// A guard that is forgotten ends nothing: its blocks stay until the scope around it ends, or until a `reset`.
///
/// ```
/// use kalloc_bump::{Arena, Bump};
/// use kalloc_traits::{AllocError, Inspect, StaticArray};
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
///
/// let mut bump = Bump::new(MEMORY.region());
/// let mut guard = bump.guard();
/// for round in 0..3 {
///     let scope = guard.scope();
///     let squares = scope.try_alloc_iter((0..100).map(|n| n * round))?.into_mut();
///     assert_eq!(squares[2], 2 * round);
///     guard.rewind();
/// }
/// drop(guard);
/// assert_eq!(bump.stats().used, 0);
/// # Ok::<(), AllocError>(())
/// ```
#[derive(Debug)]
pub struct ScopeGuard<'b, B: Rewinds> {
    bump: &'b mut B,
    begin: B::Position,
}

impl<R, S: Settings> Rewinds for Bump<R, S> {
    type Position = Position;

    fn position(&self) -> Position {
        self.with(|state| state.cursor.position::<S>())
    }

    unsafe fn go_back(&self, position: Position) {
        self.with(|state| state.cursor.go_back::<S>(position));
    }
}

impl<R, S: Settings> Bump<R, S> {
    /// Calls `work` with a scope, and ends all that it allocated when it returns or unwinds. Takes constant time besides.
    ///
    /// ```
    /// use kalloc_bump::{Arena, Bump};
    /// use kalloc_traits::{AllocError, Inspect, StaticArray};
    ///
    /// static MEMORY: StaticArray<4096> = StaticArray::new();
    ///
    /// let mut bump = Bump::new(MEMORY.region());
    /// let sum = bump.scope(|scope| {
    ///     let numbers = scope.try_alloc_iter(1..=10)?;
    ///     // A scope within; what is outside of it stays usable.
    ///     scope.scope(|inner| {
    ///         let squares = inner.try_alloc_iter(numbers.iter().map(|n| n * n))?;
    ///         Ok::<_, AllocError>(squares.iter().sum::<i32>())
    ///     })
    /// })?;
    /// assert_eq!((sum, bump.stats().used), (385, 0));
    /// # Ok::<(), AllocError>(())
    /// ```
    ///
    /// What was allocated cannot leave:
    ///
    /// ```compile_fail
    /// # use kalloc_bump::{Arena, Bump};
    /// # use kalloc_traits::StaticArray;
    /// # static MEMORY: StaticArray<4096> = StaticArray::new();
    /// let mut bump = Bump::new(MEMORY.region());
    /// let number = bump.scope(|scope| scope.try_alloc(1).unwrap());
    /// ```
    pub fn scope<T>(&mut self, work: impl for<'s> FnOnce(&mut Scope<'s, Self>) -> T) -> T {
        ScopeGuard::new(self).run(work)
    }

    /// Returns the guard of a scope, which ends when the guard is dropped.
    pub fn guard(&mut self) -> ScopeGuard<'_, Self> {
        ScopeGuard::new(self)
    }
}

impl<'b, B: Rewinds> ScopeGuard<'b, B> {
    /// Returns the guard of a scope that begins now.
    pub(crate) fn new(bump: &'b mut B) -> Self {
        let begin = bump.position();
        Self { bump, begin }
    }

    /// Calls `work` with the scope, and ends it.
    pub(crate) fn run<T>(mut self, work: impl for<'s> FnOnce(&mut Scope<'s, B>) -> T) -> T {
        work(&mut self.scope())
    }

    /// Returns the scope. It lasts until the guard is used again.
    #[inline]
    pub fn scope(&mut self) -> Scope<'_, B> {
        Scope { bump: self.bump }
    }

    /// Ends all that the scope allocated, and goes on.
    pub fn rewind(&mut self) {
        // SAFETY: the position is this bump's, and it is not behind: the bump was borrowed all the time. The scope has ended, as it
        // borrows the guard, and with it the lifetime of all that it lent.
        unsafe { self.bump.go_back(self.begin) };
    }
}

impl<B: Rewinds> Drop for ScopeGuard<'_, B> {
    fn drop(&mut self) {
        self.rewind();
    }
}

impl<B: Rewinds> Scope<'_, B> {
    /// Calls `work` with a scope within this one, and ends all that it allocated when it returns or unwinds.
    pub fn scope<T>(&mut self, work: impl for<'i> FnOnce(&mut Scope<'i, B>) -> T) -> T {
        /// Goes back when it is dropped.
        struct End<'b, B: Rewinds>(&'b B, B::Position);

        impl<B: Rewinds> Drop for End<'_, B> {
            fn drop(&mut self) {
                // SAFETY: the position is this bump's. It is not behind: while `work` runs, this scope is borrowed, and a scope within
                // goes back to where that began. What was allocated since cannot have left `work`, which takes every lifetime.
                unsafe { self.0.go_back(self.1) };
            }
        }

        let end = End(self.bump, self.bump.position());
        work(&mut Scope { bump: end.0 })
    }
}

// SAFETY: a block stays until the scope ends, which is behind `'s`: nobody has a `&mut` of the bump before, and who goes
// back before goes back to where a scope within began. While that one lasts, this handle is borrowed.
unsafe impl<'s, B: Heap> Lends<'s> for &Scope<'s, B>
where
    &'s B: Lends<'s, Heap = B>,
{
    type Heap = B;

    #[inline]
    fn heap(&self) -> &Self::Heap {
        self.bump
    }

    #[inline]
    fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.bump.take(layout)
    }
}

// SAFETY: every method is the bump's. A block that this scope returned stays until the scope ends, and then the scope is
// gone: blocks of a heap stay until it is dropped.
unsafe impl<B: Heap> Heap for Scope<'_, B> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.bump.allocate(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.bump.deallocate(block, layout) }
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.bump.resize_in_place(block, old, new) }
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.bump.allocate_raw(layout)
    }

    #[inline]
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.bump.grow(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.bump.shrink(block, old, new) }
    }
}

impl_allocator!([B: Heap] Scope<'_, B>);

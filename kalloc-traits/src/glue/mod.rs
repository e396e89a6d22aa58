//! A [`Heap`](crate::Heap) as every `Allocator`, and every allocator as a heap.
//!
//! There are several `Allocator` traits: one per incompatible version of allocator-api2, and core's own.
//! [`impl_allocator!`](crate::impl_allocator) implements those whose feature is on for a heap type. It is implemented on the
//! *owning* type; `&heap` follows from the traits' own blanket implementation.
//!
//! In the other direction, `glue::api2_02::AsHeap` (one per version) and [`global::GlobalHeap`] make a heap of an
//! allocator that somebody else wrote, so that whatever is generic over `Heap` takes it too.

#[cfg(feature = "allocator-api2-02")]
pub mod api2_02;
#[cfg(feature = "allocator-api2-03")]
pub mod api2_03;
#[cfg(feature = "allocator-api2-04")]
pub mod api2_04;
#[cfg(kalloc_core)]
pub mod core;
pub mod global;

/// Implements every enabled `Allocator` trait for a type that implements [`Heap`](crate::Heap).
///
/// The generics stand in brackets, the type behind them:
///
/// ```
/// # use core::{alloc::Layout, ptr::NonNull};
/// # use kalloc_traits::{AllocError, Heap};
/// struct MyHeap<const N: usize>;
/// # // SAFETY: it serves nothing.
/// # unsafe impl<const N: usize> Heap for MyHeap<N> {
/// #     fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> { Err(AllocError) }
/// #     unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
/// #     unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> { Err(AllocError) }
/// # }
/// kalloc_traits::impl_allocator!([const N: usize] MyHeap<N>);
/// ```
///
/// A `Heap` refuses to grow a block to fewer bytes or to shrink it to more, and pays for that at each resize. `Allocator` owes no
/// such answer: its caller must not ask. With `, trusting if CONSTANT` behind the type, and where the constant is true, the compiler
/// relies on the caller there, and leaves out of `Allocator`'s methods what the heap would look at in vain; in a debug build it
/// still looks, and aborts.
#[macro_export]
macro_rules! impl_allocator {
    ([$($generics:tt)*] $heap:ty $(, trusting if $trusts:expr)?) => {
        $crate::__impl_api2_02!([$($generics)*] $heap $(, $trusts)?);
        $crate::__impl_api2_03!([$($generics)*] $heap $(, $trusts)?);
        $crate::__impl_api2_04!([$($generics)*] $heap $(, $trusts)?);
        $crate::__impl_core!([$($generics)*] $heap $(, $trusts)?);
    };
}

/// Lets the compiler rely on what the caller of an `Allocator` owes, if `$trusts`.
#[doc(hidden)]
#[macro_export]
macro_rules! __rely_on {
    ($trusts:expr, $fact:expr) => {
        if $trusts {
            // SAFETY: `Allocator::grow` may only be called with a new size that is not smaller, `shrink` with one that is not larger.
            unsafe { ::core::hint::assert_unchecked($fact) };
        }
    };
}

/// Defines the macro `$name`, which implements the `Allocator` of the glue module `$version` where `$predicate` holds.
///
/// The gate is opened for the macro's own words, as std does, and not by the crates that expand it: a feature that breaks
/// other crates until they write `#![feature]` would not only add. It is for nightlies that are older than the stable
/// trait, so no later compiler can take it away.
macro_rules! define_impl {
    ($d:tt, $name:ident, $predicate:meta, $version:ident) => {
        #[cfg($predicate)]
        #[cfg_attr(kalloc_gate, allow_internal_unstable(allocator_api))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $name {
            ([$d($d generics:tt)*] $d heap:ty $d(, $d trusts:expr)?) => {
                // SAFETY: `Heap`'s guarantees are `Allocator`'s: blocks stay valid until the heap is dropped or taken
                // by `&mut`, moving the heap does not disturb them, and a layout that fits by extent is accepted.
                unsafe impl<$d($d generics)*> $crate::glue::$version::api::Allocator for $d heap {
                    #[inline]
                    fn allocate(
                        &self,
                        layout: ::core::alloc::Layout,
                    ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $crate::glue::$version::api::AllocError> {
                        $crate::Heap::allocate(self, layout).map_err(::core::convert::Into::into)
                    }

                    #[inline]
                    fn allocate_zeroed(
                        &self,
                        layout: ::core::alloc::Layout,
                    ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $crate::glue::$version::api::AllocError> {
                        $crate::Heap::allocate_zeroed(self, layout).map_err(::core::convert::Into::into)
                    }

                    #[inline]
                    unsafe fn deallocate(&self, ptr: ::core::ptr::NonNull<u8>, layout: ::core::alloc::Layout) {
                        // SAFETY: the caller upholds the contract.
                        unsafe { $crate::Heap::deallocate(self, ptr, layout) }
                    }

                    #[inline]
                    unsafe fn grow(
                        &self,
                        ptr: ::core::ptr::NonNull<u8>,
                        old: ::core::alloc::Layout,
                        new: ::core::alloc::Layout,
                    ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $crate::glue::$version::api::AllocError> {
                        $d($crate::__rely_on!($d trusts, new.size() >= old.size());)?
                        // SAFETY: the caller upholds the contract.
                        unsafe { $crate::Heap::grow(self, ptr, old, new) }.map_err(::core::convert::Into::into)
                    }

                    #[inline]
                    unsafe fn grow_zeroed(
                        &self,
                        ptr: ::core::ptr::NonNull<u8>,
                        old: ::core::alloc::Layout,
                        new: ::core::alloc::Layout,
                    ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $crate::glue::$version::api::AllocError> {
                        $d($crate::__rely_on!($d trusts, new.size() >= old.size());)?
                        // SAFETY: the caller upholds the contract.
                        unsafe { $crate::Heap::grow_zeroed(self, ptr, old, new) }.map_err(::core::convert::Into::into)
                    }

                    #[inline]
                    unsafe fn shrink(
                        &self,
                        ptr: ::core::ptr::NonNull<u8>,
                        old: ::core::alloc::Layout,
                        new: ::core::alloc::Layout,
                    ) -> ::core::result::Result<::core::ptr::NonNull<[u8]>, $crate::glue::$version::api::AllocError> {
                        $d($crate::__rely_on!($d trusts, new.size() <= old.size());)?
                        // SAFETY: the caller upholds the contract.
                        unsafe { $crate::Heap::shrink(self, ptr, old, new) }.map_err(::core::convert::Into::into)
                    }
                }
            };
        }

        #[cfg(not($predicate))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $name {
            ($d($d ignored:tt)*) => {};
        }
    };
}

define_impl!($, __impl_api2_02, feature = "allocator-api2-02", api2_02);
define_impl!($, __impl_api2_03, feature = "allocator-api2-03", api2_03);
define_impl!($, __impl_api2_04, feature = "allocator-api2-04", api2_04);
define_impl!($, __impl_core, kalloc_core, core);

/// Emits the items of one version's glue module.
#[cfg(any(
    feature = "allocator-api2-02",
    feature = "allocator-api2-03",
    feature = "allocator-api2-04",
    kalloc_core
))]
macro_rules! api2_items {
    ($krate:ident) => {
        use core::alloc::Layout;
        use core::ptr::NonNull;

        /// The version's own names, for the macro that implements its trait.
        #[doc(hidden)]
        pub use $krate::alloc as api;

        use crate::{AllocError, Heap};

        impl From<AllocError> for api::AllocError {
            #[inline]
            fn from(_: AllocError) -> Self {
                Self
            }
        }

        impl From<api::AllocError> for AllocError {
            #[inline]
            fn from(_: api::AllocError) -> Self {
                Self
            }
        }

        /// Any `Allocator` of this version as a [`Heap`].
        ///
        /// It never resizes in place by itself; `grow`, `grow_zeroed` and `shrink` are the allocator's own.
        ///
        /// [`Heap`] promises one thing more than `Allocator` does: that a block's extent depends on its size alone. An
        /// allocator need not keep it, so this promises it for the part of the block that was asked for: slices come back
        /// with the requested length.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct AsHeap<A>(pub A);

        /// Returns `block` cut to the requested `size`.
        #[inline]
        fn cut(block: NonNull<[u8]>, size: usize) -> NonNull<[u8]> {
            NonNull::slice_from_raw_parts(block.cast(), size)
        }

        // SAFETY: `Allocator`'s contract covers `Heap`'s but for the extent, which `cut` makes the requested size.
        unsafe impl<A: api::Allocator> Heap for AsHeap<A> {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(cut(self.0.allocate(layout)?, layout.size()))
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(cut(self.0.allocate_zeroed(layout)?, layout.size()))
            }

            #[inline]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller upholds the contract.
                unsafe { self.0.deallocate(block, layout) }
            }

            #[inline]
            unsafe fn resize_in_place(
                &self,
                _block: NonNull<u8>,
                _old: Layout,
                _new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                Err(AllocError)
            }

            #[inline]
            unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                if new.size() < old.size() {
                    return Err(AllocError);
                }
                // SAFETY: the caller upholds the contract, and the size does not shrink.
                Ok(cut(unsafe { self.0.grow(block, old, new) }?, new.size()))
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                if new.size() < old.size() {
                    return Err(AllocError);
                }
                // SAFETY: the caller upholds the contract, and the size does not shrink.
                Ok(cut(unsafe { self.0.grow_zeroed(block, old, new) }?, new.size()))
            }

            #[inline]
            unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                if new.size() > old.size() {
                    return Err(AllocError);
                }
                // SAFETY: the caller upholds the contract, and the size does not grow.
                Ok(cut(unsafe { self.0.shrink(block, old, new) }?, new.size()))
            }
        }
    };
}
#[cfg(any(
    feature = "allocator-api2-02",
    feature = "allocator-api2-03",
    feature = "allocator-api2-04",
    kalloc_core
))]
use api2_items;

//! The atomics of this folder: core's, or in `models`, which loom runs, a model's.

#![cfg_attr(not(all(test, loom)), forbid(unsafe_code))]

#[cfg(all(test, loom))]
pub(crate) mod modelled;

#[cfg(not(all(test, loom)))]
pub(super) use core::hint::spin_loop;
#[cfg(not(all(test, loom)))]
pub(super) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};

#[cfg(all(test, loom))]
pub(super) use modelled::{AtomicBool, AtomicPtr, AtomicUsize, spin_loop};

/// A value that shares its cache line with no other: what many cores write is not to take away from them what all of them
/// read. Processors of 64 bits fetch up to 128 bytes at once; on others, which mostly are one core, it takes no more room.
#[cfg_attr(target_pointer_width = "64", repr(align(128)))]
pub(super) struct Alone<T>(pub(super) T);

impl<T> core::ops::Deref for Alone<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

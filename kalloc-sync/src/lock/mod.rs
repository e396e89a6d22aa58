//! What a lock is to a heap, and the locks that come with the crate.
//!
//! A lock here protects no data of its own and hands out no guard: [`Locked`](crate::Locked) keeps the heap beside it
//! and sees to it that every acquisition ends. What an acquisition returns, its *state*, is given back at its end, so
//! that a lock can remember what it has to restore: whether interrupts were enabled, the priority that was masked, the
//! owner before.
//!
//! # Interrupts
//!
//! **A spin lock alone is not safe from interrupts.** If an interrupt handler allocates or frees while the code that it
//! interrupted holds the lock on the same core, the handler spins for ever, for the holder cannot go on. It makes no
//! difference how short the lock is held. So either no handler uses the heap, or the lock masks interrupts while it is
//! held. Such a lock takes few lines; `disable` and `restore` stand for what your processor has (`cli` and `popf`,
//! PRIMASK, `mstatus.MIE`, `DAIF`). [`IrqSave`](irq::IrqSave) is that lock over any other, and asks for the two functions
//! alone; this is how it works:
//!
//! ```
//! # #[cfg(feature = "spin")] mod example {
//! # mod interrupts {
//! #     use core::sync::atomic::{AtomicBool, Ordering};
//! #     pub static ENABLED: AtomicBool = AtomicBool::new(true);
//! #     pub fn disable() -> bool { ENABLED.swap(false, Ordering::SeqCst) }
//! #     pub fn restore(were_enabled: bool) { ENABLED.store(were_enabled, Ordering::SeqCst) }
//! # }
//! use kalloc_sync::{Locked, RawLock, SpinLock};
//! # use kalloc_traits::{Heap, glue::global::GlobalHeap};
//! # use core::alloc::Layout;
//! # const HEAP: GlobalHeap<std::alloc::System> = GlobalHeap(std::alloc::System);
//!
//! /// Masks interrupts on this core, then keeps the other cores out.
//! struct IrqSpinLock(SpinLock);
//!
//! // SAFETY: the spin lock excludes other cores and orders them, and masking excludes handlers on this one. Masking
//! // comes first and is undone last, so no handler meets the lock while this core holds it.
//! unsafe impl RawLock for IrqSpinLock {
//!     const INIT: Self = Self(SpinLock::INIT);
//!     /// Whether interrupts were enabled before.
//!     type State = bool;
//!
//!     fn lock(&self) -> bool {
//!         let were_enabled = interrupts::disable();
//!         self.0.lock();
//!         were_enabled
//!     }
//!
//!     fn try_lock(&self) -> Option<bool> {
//!         let were_enabled = interrupts::disable();
//!         if self.0.try_lock().is_none() {
//!             interrupts::restore(were_enabled);
//!             return None;
//!         }
//!         Some(were_enabled)
//!     }
//!
//!     unsafe fn unlock(&self, were_enabled: bool) {
//!         // SAFETY: the caller holds the lock, so it holds the spin lock in it.
//!         unsafe { self.0.unlock(()) };
//!         interrupts::restore(were_enabled);
//!     }
//! }
//!
//! # pub fn main() {
//! let heap = Locked::<_, IrqSpinLock>::new(HEAP);
//! let block = heap.allocate(Layout::new::<u64>());
//! # assert!(interrupts::ENABLED.load(core::sync::atomic::Ordering::SeqCst));
//! # // SAFETY: the block is live, and this is its layout.
//! # unsafe { heap.deallocate(block.unwrap().cast(), Layout::new::<u64>()) };
//! # // SAFETY: the lock is held by `try_lock` alone.
//! # let lock = IrqSpinLock::INIT;
//! # let state = lock.try_lock().unwrap();
//! # assert!(state && lock.try_lock().is_none());
//! # assert!(!interrupts::ENABLED.load(core::sync::atomic::Ordering::SeqCst));
//! # // SAFETY: the lock is held, and this is its state.
//! # unsafe { lock.unlock(state) };
//! # assert!(interrupts::ENABLED.load(core::sync::atomic::Ordering::SeqCst));
//! # }
//! # }
//! # fn main() { #[cfg(feature = "spin")] example::main() }
//! ```
//!
//! The same holds between threads under a scheduler with strict priorities: one that spins for a lock keeps the core from
//! a holder of lower priority. A lock that keeps the scheduler out, by masking its interrupt, answers that too.
//!
//! Against what cannot be masked, a non-maskable interrupt or a machine-check handler, no lock helps: such a handler
//! must not allocate.

pub mod foreign;
pub mod irq;
pub mod single;
#[cfg(all(feature = "spin", target_has_atomic = "8"))]
pub mod spin;

/// A lock without data.
///
/// # Safety
///
/// An implementation keeps the guarantees below.
///
/// # Guarantees
///
/// - **Mutual exclusion.** From the moment that [`lock`](Self::lock) returns, or [`try_lock`](Self::try_lock) returns
///   `Some`, until [`unlock`](Self::unlock) is called, no other acquisition of the same lock succeeds: on no thread, on
///   no core, in no handler, and not in the holder itself.
/// - **Ordering.** Whatever happened before an `unlock` happens before the acquisition that follows it: acquisitions
///   acquire, `unlock` releases.
/// - [`INIT`](Self::INIT) is not held, and a lock that is not held may be moved.
/// - No method unwinds, and none calls the heap that the lock protects.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a lock for a heap",
    note = "`kalloc_sync::SpinLock` is one where the target has compare-and-swap and the feature `spin` is on"
)]
pub unsafe trait RawLock {
    /// A lock that is not held.
    const INIT: Self;

    /// What one acquisition hands to its own end; `()` for most locks.
    type State;

    /// Acquires the lock; waits for as long as somebody else holds it. If the caller holds it already, it waits for
    /// ever.
    fn lock(&self) -> Self::State;

    /// Acquires the lock, or returns `None` at once if it is held.
    fn try_lock(&self) -> Option<Self::State>;

    /// Ends an acquisition.
    ///
    /// # Safety
    ///
    /// - The caller holds the lock, on the thread and the core that acquired it.
    /// - `state` is what this acquisition returned.
    /// - Locks that were acquired later, other ones, have been released: the last acquired is the first released.
    unsafe fn unlock(&self, state: Self::State);
}

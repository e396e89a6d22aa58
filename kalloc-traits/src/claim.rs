//! A flag that at most one claimant sets, on targets with and without compare-and-swap.

use core::sync::atomic::{AtomicBool, Ordering};

/// Whether a piece of static memory has an owner.
///
/// Where the target has no atomic swap (Armv6-M), this is Lamport's splitter ("A fast mutual exclusion algorithm",
/// ACM TOCS 5(1), 1987, §2): loads and stores alone let at most one claimant through; when two meet at the same
/// instant, both may be refused, which is safe.
#[derive(Debug)]
pub(crate) struct Claim {
    taken: AtomicBool,
    #[cfg(not(target_has_atomic = "8"))]
    last: core::sync::atomic::AtomicUsize,
}

impl Claim {
    /// Returns a claim that nobody holds.
    pub(crate) const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            #[cfg(not(target_has_atomic = "8"))]
            last: core::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// Takes the claim; `false` when somebody holds it.
    #[cfg(target_has_atomic = "8")]
    pub(crate) fn acquire(&self) -> bool {
        !self.taken.swap(true, Ordering::Acquire)
    }

    /// Takes the claim; `false` when somebody holds it.
    #[cfg(not(target_has_atomic = "8"))]
    pub(crate) fn acquire(&self) -> bool {
        // Claimants that overlap in time stand on different stacks or stack frames, so this address names one of them.
        let token = 0u8;
        let me = (&raw const token).addr();
        self.last.store(me, Ordering::SeqCst);
        if self.taken.load(Ordering::SeqCst) {
            return false;
        }
        self.taken.store(true, Ordering::SeqCst);
        self.last.load(Ordering::SeqCst) == me
    }

    /// Gives the claim back. Assumes that the caller holds it.
    pub(crate) fn release(&self) {
        self.taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claimant_is_refused_until_the_first_gives_back() {
        let claim = Claim::new();
        assert!(claim.acquire());
        assert!(!claim.acquire());
        claim.release();
        assert!(claim.acquire());
    }
}

//! A correct lock with a switch for one bug, for the rules that judge locks.

use core::hint;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// A bug that a [`PlantedLock`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockFault {
    /// None: the lock is sound.
    None,
    /// A fresh lock is held.
    StartsHeld,
    /// Everybody has it.
    NeverExcludes,
    /// It is never released.
    NeverReleases,
    /// An attempt waits.
    TryWaits,
    /// An attempt that is refused releases it.
    TryReleases,
    /// All locks are one.
    SharesOneFlag,
    /// A lock that was moved is held for ever.
    DiesWhenMoved,
    /// It is refused after 2^16 acquisitions.
    WrapsSoon,
    /// Who waits for long is let in.
    GivesUp,
    /// A release orders nothing: only weakly ordered processors and Miri show it.
    ReleasesRelaxed,
    /// Nothing is masked while it is held.
    NeverMasks,
    /// A release unmasks, whatever was before.
    AlwaysUnmasks,
    /// What was before is kept in one place for all locks.
    SavesInOnePlace,
    /// An attempt that is refused leaves everything masked.
    RefusedStaysMasked,
}

impl LockFault {
    /// Every fault but [`None`](Self::None).
    pub const ALL: [Self; 14] = [
        Self::StartsHeld,
        Self::NeverExcludes,
        Self::NeverReleases,
        Self::TryWaits,
        Self::TryReleases,
        Self::SharesOneFlag,
        Self::DiesWhenMoved,
        Self::WrapsSoon,
        Self::GivesUp,
        Self::ReleasesRelaxed,
        Self::NeverMasks,
        Self::AlwaysUnmasks,
        Self::SavesInOnePlace,
        Self::RefusedStaysMasked,
    ];
}

/// The flag of all locks with [`LockFault::SharesOneFlag`].
static ONE_FLAG: AtomicBool = AtomicBool::new(false);

/// What locks with [`LockFault::SavesInOnePlace`] have found masked.
static ONE_PLACE: AtomicBool = AtomicBool::new(false);

/// How often a waiter with [`LockFault::GivesUp`] looks.
const LOOKS: u32 = 20;

/// A spin lock that masks something while it is held: sound with [`LockFault::None`], and with the one fault otherwise.
pub struct PlantedLock {
    fault: LockFault,
    flag: AtomicBool,
    acquisitions: AtomicU32,
    /// Where the lock was when it was first used.
    home: AtomicUsize,
    is_masked: fn() -> bool,
    set_masked: fn(bool),
}

impl PlantedLock {
    /// Returns a lock with a fault that masks by these functions, for the thread that calls them.
    pub const fn new(fault: LockFault, is_masked: fn() -> bool, set_masked: fn(bool)) -> Self {
        Self {
            fault,
            flag: AtomicBool::new(matches!(fault, LockFault::StartsHeld)),
            acquisitions: AtomicU32::new(0),
            home: AtomicUsize::new(0),
            is_masked,
            set_masked,
        }
    }

    /// Acquires the lock, and returns what was masked before.
    pub fn lock(&self) -> bool {
        let was_masked = self.mask();
        let mut looks = 0;
        let gives_up = self.fault == LockFault::GivesUp;
        while !(self.take() || gives_up && looks > LOOKS) {
            looks += 1;
            wait();
        }
        was_masked
    }

    /// Acquires the lock and returns what was masked before, or `None` if it is held.
    pub fn try_lock(&self) -> Option<bool> {
        let was_masked = self.mask();
        while !self.take() {
            if self.fault == LockFault::TryWaits {
                wait();
                continue;
            }
            if self.fault == LockFault::TryReleases {
                self.flag().store(false, Ordering::Release);
            }
            if self.fault != LockFault::RefusedStaysMasked {
                self.restore(was_masked);
            }
            return None;
        }
        Some(was_masked)
    }

    /// Releases the lock, and restores what was masked before.
    pub fn unlock(&self, was_masked: bool) {
        let order = match self.fault {
            LockFault::ReleasesRelaxed => Ordering::Relaxed,
            _ => Ordering::Release,
        };
        if self.fault != LockFault::NeverReleases {
            self.flag().store(false, order);
        }
        match self.fault {
            LockFault::AlwaysUnmasks => (self.set_masked)(false),
            LockFault::SavesInOnePlace => (self.set_masked)(ONE_PLACE.load(Ordering::Relaxed)),
            _ => self.restore(was_masked),
        }
    }

    /// Sets the flag, unless it is set.
    fn take(&self) -> bool {
        let here = (&raw const *self).addr();
        let home = self.home.load(Ordering::Relaxed);
        self.home.store(here, Ordering::Relaxed);
        let is_refused = match self.fault {
            LockFault::DiesWhenMoved => home != 0 && home != here,
            LockFault::WrapsSoon => self.acquisitions.load(Ordering::Relaxed) >= 1 << if cfg!(miri) { 8 } else { 16 },
            _ => false,
        };
        let was_held = self.flag().swap(true, Ordering::Acquire);
        let has_it = (!was_held || self.fault == LockFault::NeverExcludes) && !is_refused;
        if has_it {
            self.acquisitions.fetch_add(1, Ordering::Relaxed);
        }
        has_it
    }

    /// Returns the flag.
    const fn flag(&self) -> &AtomicBool {
        match self.fault {
            LockFault::SharesOneFlag => &ONE_FLAG,
            _ => &self.flag,
        }
    }

    /// Masks, and returns what was masked before.
    fn mask(&self) -> bool {
        let was_masked = (self.is_masked)();
        ONE_PLACE.store(was_masked, Ordering::Relaxed);
        if self.fault != LockFault::NeverMasks {
            (self.set_masked)(true);
        }
        was_masked
    }

    /// Restores what was masked before.
    fn restore(&self, was_masked: bool) {
        (self.set_masked)(was_masked);
    }
}

/// Waits a little.
fn wait() {
    #[cfg(feature = "std")]
    std::thread::yield_now();
    hint::spin_loop();
}

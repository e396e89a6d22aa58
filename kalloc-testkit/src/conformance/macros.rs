//! The macros that make tests of the rules.
//!
//! The tables of all rules, for those who have no test harness, are in [`suite`](super::suite).

/// A rule as a value.
#[doc(hidden)]
#[macro_export]
macro_rules! __rule {
    ($list:ident $family:ident $rule:ident) => {
        $crate::conformance::Rule {
            name: ::core::stringify!($rule),
            family: ::core::stringify!($family),
            list: ::core::stringify!($list),
            check: $crate::conformance::$family::$rule,
        }
    };
}

/// Emits a test for each rule. `$subject` is an expression for the subject, in brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$subject:expr] $list:ident $($family:ident: [$($rule:ident,)*])*) => {
        $($(
            #[test]
            fn $rule() {
                $crate::conformance::assert_holds(&$crate::__rule!($list $family $rule), &$subject);
            }
        )*)*
    };
}

/// Appends the rules to the vector `$table`.
#[doc(hidden)]
#[macro_export]
macro_rules! __table {
    ([$table:ident] $list:ident $($family:ident: [$($rule:ident,)*])*) => {
        $table.extend([$($($crate::__rule!($list $family $rule),)*)*]);
    };
}

/// Judges a heap: emits a module with one test for every rule.
///
/// The first argument names the module, the second makes a fresh heap: a closure or the path of a function. It should have
/// about [`ROOM`](crate::workload::ROOM) bytes that are nobody else's. `quality` lists what the heap says of itself, see
/// [`conformance`](mod@crate::conformance).
///
/// ```
/// use kalloc_testkit::conformance;
/// use kalloc_testkit::fault::planted::{Fault, Planted};
/// use kalloc_testkit::region::GuardedRegion;
/// use kalloc_testkit::workload::ROOM;
///
/// conformance!(
///     planted,
///     || Planted::new(GuardedRegion::new(ROOM), Fault::None),
///     quality: [inspect, lifo, reuses, coalesces]
/// );
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    (@quality inspect $make:expr) => {
        $crate::__rules!(inspect, __tests [$crate::conformance::Subject::open(&$make)]);
    };
    (@quality $quality:ident $make:expr) => {
        $crate::__rules!($quality, __tests [$crate::conformance::Subject::new(&$make)]);
    };
    ($name:ident, $make:expr $(, quality: [$($quality:ident),* $(,)?])? $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the maker may need nothing of its surroundings")]
            use super::*;

            $crate::__rules!(contract, __tests [$crate::conformance::Subject::new(&$make)]);
            $crate::__rules!(documented, __tests [$crate::conformance::Subject::new(&$make)]);
            $($($crate::conformance!(@quality $quality $make);)*)?
        }
    };
}

/// Judges how a heap treats its region: emits a module with one test for every rule.
///
/// The first argument names the module, the second builds a heap over a [`FailingRegion`](crate::fault::FailingRegion).
/// `quality` may list `grows` (a request that does not fit makes the region grow), `lazy` (the region is claimed at the
/// first request, and again while it refuses), `sparing` (a small request does not touch most of the region), `inspect`, and
/// `verifies` (`verify` notices what would do harm).
///
/// ```
/// use kalloc_testkit::conformance_over;
/// use kalloc_testkit::fault::planted::{Fault, Planted};
///
/// conformance_over!(planted, |region| Planted::new(region, Fault::None), quality: [grows, lazy, inspect]);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_over {
    (@quality grows $build:expr) => {
        $crate::__rules!(over_grows, __tests [$crate::conformance::Builder::new(&$build)]);
    };
    (@quality lazy $build:expr) => {
        $crate::__rules!(over_lazy, __tests [$crate::conformance::Builder::new(&$build)]);
    };
    (@quality sparing $build:expr) => {
        $crate::__rules!(over_sparing, __tests [$crate::conformance::Builder::new(&$build)]);
    };
    (@quality verifies $build:expr) => {
        $crate::__rules!(over_verifies, __tests [$crate::conformance::Builder::open(&$build)]);
    };
    (@quality inspect $build:expr) => {
        $crate::__rules!(over_inspect, __tests [$crate::conformance::Builder::open(&$build)]);
    };
    ($name:ident, $build:expr $(, quality: [$($quality:ident),* $(,)?])? $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the builder may need nothing of its surroundings")]
            use super::*;

            $crate::__rules!(over, __tests [$crate::conformance::Builder::new(&$build)]);
            $($($crate::conformance_over!(@quality $quality $build);)*)?
        }
    };
}

/// Judges a region: emits a module with one test for every rule.
///
/// The first argument names the module, the second makes a fresh region. `quality` may list `grows` (it can become longer),
/// `shrinks` (it gives bytes back) and `claims` (every region that the maker returns is over the same memory, and a second
/// claim is refused).
///
/// ```
/// use kalloc_testkit::region_conformance;
/// use kalloc_traits::StaticArray;
///
/// static MEMORY: StaticArray<1000> = StaticArray::new();
///
/// region_conformance!(memory, || MEMORY.region(), quality: [claims]);
/// # fn main() {}
/// ```
///
/// The rules of one module take turns; no other test of the program may use the same memory.
#[macro_export]
macro_rules! region_conformance {
    (@quality grows [$subject:expr]) => { $crate::__rules!(memory_grows, __tests [$subject]); };
    (@quality shrinks [$subject:expr]) => { $crate::__rules!(memory_shrinks, __tests [$subject]); };
    (@quality claims [$subject:expr]) => { $crate::__rules!(memory_claims, __tests [$subject]); };
    (@source $make:expr) => {
        $crate::conformance::Source::new(&$make)
            .holding(&TURN.lock().unwrap_or_else(::std::sync::PoisonError::into_inner))
    };
    ($name:ident, $make:expr $(, quality: [$($quality:ident),* $(,)?])? $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the maker may need nothing of its surroundings")]
            use super::*;

            /// The rules take turns, as the maker's regions may all be over the same memory.
            static TURN: ::std::sync::Mutex<()> = ::std::sync::Mutex::new(());

            $crate::__rules!(memory, __tests [$crate::region_conformance!(@source $make)]);
            $($($crate::region_conformance!(@quality $quality [$crate::region_conformance!(@source $make)]);)*)?
        }
    };
}

/// Judges a lock: emits a module with one test for every rule.
///
/// The first argument names the module, the second makes a fresh lock that nobody holds; then how it is acquired, how it is
/// tried, and how it is released, with what the acquisition returned. `masks` says whether what the lock masks while it is
/// held (interrupts, say) is masked for this thread, and how that is set: with it, the lock is also judged by what it
/// restores. With the feature `std`, threads contend for the lock.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use kalloc_testkit::lock_conformance;
///
/// lock_conformance!(
///     of_one_flag,
///     || AtomicBool::new(false),
///     lock: |lock| while lock.swap(true, Ordering::Acquire) { std::thread::yield_now() },
///     try_lock: |lock| (!lock.swap(true, Ordering::Acquire)).then_some(()),
///     unlock: |lock, ()| lock.store(false, Ordering::Release)
/// );
/// # fn main() {}
/// ```
///
/// A lock of kalloc-sync:
///
/// ```text
/// lock_conformance!(
///     spin,
///     || SpinLock::INIT,
///     lock: |lock| lock.lock(),
///     try_lock: |lock| lock.try_lock(),
///     // SAFETY: the rules release what they hold, on the thread that acquired it, the last first.
///     unlock: |lock, state| unsafe { lock.unlock(state) }
/// );
/// ```
#[macro_export]
macro_rules! lock_conformance {
    (
        $name:ident, $make:expr,
        lock: $lock:expr, try_lock: $try_lock:expr, unlock: $unlock:expr
        $(, masks: $is_masked:expr, $set_masked:expr)? $(,)?
    ) => {
        mod $name {
            #[allow(unused_imports, reason = "the maker may need nothing of its surroundings")]
            use super::*;

            /// Returns the lock to be judged.
            #[cfg(test)]
            fn __subject() -> $crate::conformance::Lock<'static> {
                $crate::conformance::Lock::new($make, $lock, $try_lock, $unlock)
                    $(.masking($is_masked, $set_masked))?
            }

            $crate::__rules!(lock, __tests [__subject()]);
            $crate::__lock_threads!([__subject()]);
            $($crate::lock_conformance!(@masks $is_masked);)?
        }
    };
    (@masks $is_masked:expr) => { $crate::__rules!(lock_masks, __tests [__subject()]); };
}

/// Emits the rules that need threads, where there are any.
#[cfg(feature = "std")]
#[doc(hidden)]
#[macro_export]
macro_rules! __lock_threads {
    ($subject:tt) => { $crate::__rules!(lock_threads, __tests $subject); };
}

/// Emits nothing, as there are no threads.
#[cfg(not(feature = "std"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __lock_threads {
    ($subject:tt) => {};
}

/// Judges a heap that several threads use at the same time: emits a module with one test for every rule.
///
/// The first argument names the module, the second makes a fresh heap that is `Sync`. Needs the feature `std`. The rules of
/// [`conformance!`](crate::conformance!) are for one thread; judge by both.
///
/// ```
/// use kalloc_testkit::thread_conformance;
/// use kalloc_traits::glue::global::GlobalHeap;
///
/// thread_conformance!(system, || GlobalHeap(std::alloc::System));
/// # fn main() {}
/// ```
#[cfg(feature = "std")]
#[macro_export]
macro_rules! thread_conformance {
    ($name:ident, $make:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the maker may need nothing of its surroundings")]
            use super::*;

            $crate::__rules!(threads, __tests[$crate::conformance::Crowd::new(&$make)]);
        }
    };
}

//! The tables of all rules, for those who have no test harness.

use alloc::vec::Vec;

use kalloc_traits::RawRegion;

use super::bolt::Lock;
#[cfg(feature = "std")]
use super::crowd::Crowd;
use super::report::Rule;
use super::subject::{Builder, Source, Subject};

/// Emits functions that return the rules of one or more lists.
macro_rules! tables {
    ($(
        $(#[$meta:meta])*
        $name:ident[$($region:ident)?] $subject:ty: $($list:ident)*;
    )*) => {
        $(
            $(#[$meta])*
            pub fn $name<'a $(, $region: RawRegion)?>() -> Vec<Rule<$subject>> {
                let mut table = Vec::new();
                $($crate::__rules!($list, __table [table]);)*
                table
            }
        )*
    };
}

tables! {
    /// Returns what every heap owes, and what the documentation of `Heap` promises besides.
    contract[] Subject<'a>: contract documented;
    /// Returns the rules of the quality `hardened`.
    hardened[] Subject<'a>: hardened;
    /// Returns the rules of the quality `inspect`, for subjects that are open.
    inspect[] Subject<'a>: inspect;
    /// Returns the rules of the quality `lifo`.
    lifo[] Subject<'a>: lifo;
    /// Returns the rules of the quality `reuses`.
    reuses[] Subject<'a>: reuses;
    /// Returns the rules of the quality `coalesces`.
    coalesces[] Subject<'a>: coalesces;
    /// Returns the rules of the quality `exact_fit`.
    exact_fit[] Subject<'a>: exact_fit;
    /// Returns the rules of the quality `deterministic`.
    deterministic[] Subject<'a>: deterministic;
    /// Returns the rules of the quality `resize_in_place`.
    resize_in_place[] Subject<'a>: resize_in_place;
    /// Returns what every heap owes to its region.
    over[] Builder<'a>: over;
    /// Returns the rules of the quality `grows` of a heap.
    over_grows[] Builder<'a>: over_grows;
    /// Returns the rules of the quality `lazy` of a heap.
    over_lazy[] Builder<'a>: over_lazy;
    /// Returns the rules of the quality `inspect` of a heap over a region, for builders that are open.
    over_inspect[] Builder<'a>: over_inspect;
    /// Returns the rules of the quality `sparing` of a heap.
    over_sparing[] Builder<'a>: over_sparing;
    /// Returns the rules of the quality `verifies` of a heap over a region, for builders that are open.
    over_verifies[] Builder<'a>: over_verifies;
    /// Returns what every region owes.
    memory[R] Source<'a, R>: memory;
    /// Returns the rules of the quality `claims` of a region.
    memory_claims[R] Source<'a, R>: memory_claims;
    /// Returns the rules of the quality `grows` of a region.
    memory_grows[R] Source<'a, R>: memory_grows;
    /// Returns the rules of the quality `shrinks` of a region.
    memory_shrinks[R] Source<'a, R>: memory_shrinks;
    /// Returns what every lock owes, as far as one thread can tell.
    lock[] Lock<'a>: lock;
    /// Returns the rules for locks that mask something while they are held.
    lock_masks[] Lock<'a>: lock_masks;
    /// Returns the rules that a heap with every quality but `hardened` keeps, for subjects that are open.
    all[] Subject<'a>: contract documented inspect lifo reuses coalesces exact_fit deterministic resize_in_place;
    /// Returns the rules that a heap with every quality but `verifies` keeps towards its region, for builders that are open.
    all_over[] Builder<'a>: over over_grows over_lazy over_sparing over_inspect;
    /// Returns the rules that a region with every quality keeps.
    all_memory[R] Source<'a, R>: memory memory_claims memory_grows memory_shrinks;
}

#[cfg(feature = "std")]
tables! {
    /// Returns what every lock owes when threads contend for it.
    lock_threads[] Lock<'a>: lock_threads;
    /// Returns what every heap owes that threads share.
    threads[] Crowd<'a>: threads;
}

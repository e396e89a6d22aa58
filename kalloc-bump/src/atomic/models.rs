//! Every interleaving of two or three cores, and every answer that their memory may give, tried by loom.
//!
//!     RUSTFLAGS="--cfg loom" cargo test --release -p kalloc-bump --lib models
//!
//! Each model is also run with bugs planted in all atomics, which it must notice: see `primitive`. The bytes of the
//! region are stood for by cells that loom watches: two owners at the same time, or one after the other without
//! anything that orders them, end the model.

extern crate std;

use core::alloc::Layout;
use core::ptr::NonNull;
use std::panic::{self, AssertUnwindSafe};
use std::vec::Vec;

use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::AtomicBump;
use super::memory::phase;
use super::primitive::modelled::{Fault, with_fault};

/// The bytes of the region.
const LEN: usize = 12;

/// Memory of which nobody uses more than the addresses.
static MEMORY: [u8; LEN] = [0; LEN];

/// A region that refuses some claims, and counts them in two ways: as only one claimant at a time can, each seeing what the
/// one before it wrote, and as it really was. A claim must not unwind, so `World::run` compares them.
struct Region {
    seen: AtomicUsize,
    nr_claims: std::sync::atomic::AtomicUsize,
    refusals: usize,
}

impl Region {
    fn new(refusals: usize) -> Self {
        Self {
            seen: AtomicUsize::new(0),
            nr_claims: 0.into(),
            refusals,
        }
    }
}

// SAFETY: nobody reads or writes the memory.
unsafe impl RawRegion for Region {
    fn claim(&mut self) -> Result<(), RegionError> {
        self.nr_claims.fetch_add(1, Ordering::SeqCst);
        let seen = self.seen.load(Ordering::Relaxed) + 1;
        self.seen.store(seen, Ordering::Relaxed);
        if seen <= self.refusals {
            return Err(RegionError::Exhausted);
        }
        Ok(())
    }

    fn span(&self) -> Span {
        Span::new(NonNull::from(&MEMORY).cast(), LEN)
    }

    fn is_zeroed(&self) -> bool {
        true
    }
}

/// A bump, and a cell for each of its bytes.
struct World {
    bump: AtomicBump<Region>,
    bytes: Vec<UnsafeCell<u8>>,
}

// SAFETY: loom watches who uses the cells.
unsafe impl Sync for World {}

impl World {
    /// Returns a bump that waits as long as loom lets it, and has refused regions before it gets one.
    fn new(refusals: usize) -> Arc<Self> {
        let mut bump = AtomicBump::with_patience(Region::new(refusals), 4);
        // All atomics that are not published by others come into being here, before there are threads.
        bump.reset();
        assert_eq!(bump.stats().failed_requests, 0);
        assert_eq!(bump.memory.phase(), phase::UNCLAIMED);
        let bytes = (0..LEN).map(|_| UnsafeCell::new(0)).collect();
        Arc::new(Self { bump, bytes })
    }

    /// Returns such a bump whose region is claimed.
    fn claimed() -> Arc<Self> {
        let world = Self::new(0);
        world.bump.init().unwrap();
        assert_eq!(world.bump.verify(), Ok(()));
        world
    }

    /// Uses all bytes of a block, as its owner may.
    fn fill(&self, block: NonNull<[u8]>) {
        let start = block.addr().get() - MEMORY.as_ptr().addr();
        for cell in &self.bytes[start..start + block.len()] {
            // SAFETY: loom ends the model if anybody else uses the cell.
            cell.with_mut(|byte| unsafe { *byte = byte.read().wrapping_add(1) });
        }
    }

    /// Allocates, and uses the block.
    fn take(&self, size: usize) -> Option<NonNull<[u8]>> {
        let block = self.bump.allocate(bytes(size)).ok()?;
        self.fill(block);
        Some(block)
    }

    /// Frees a block.
    fn give(&self, block: NonNull<[u8]>) {
        // SAFETY: the callers own the block, whose layout this is.
        unsafe { self.bump.deallocate(block.cast(), bytes(block.len())) };
    }

    /// Resizes a block in place, and uses it if that went well. Returns it as it is then.
    fn resize(&self, block: NonNull<[u8]>, size: usize) -> NonNull<[u8]> {
        // SAFETY: the callers own the block, whose layout this is.
        let resized = unsafe { self.bump.resize_in_place(block.cast(), bytes(block.len()), bytes(size)) };
        resized.map_or(block, |resized| {
            self.fill(resized);
            resized
        })
    }

    /// Runs each of `cores` on a thread of its own, besides the last, which stays here.
    fn run<const N: usize>(world: &Arc<Self>, cores: [fn(&World); N]) {
        let (last, others) = cores.split_last().unwrap();
        let others: Vec<_> = others
            .iter()
            .map(|core| {
                let (world, core) = (Arc::clone(world), *core);
                thread::spawn(move || core(&world))
            })
            .collect();
        last(world);
        for other in others {
            other.join().unwrap();
        }
        // SAFETY: all claimants are done.
        let region = unsafe { &*world.bump.region.get() };
        let nr_claims = region.nr_claims.load(Ordering::SeqCst);
        assert_eq!(
            nr_claims,
            region.seen.load(Ordering::Relaxed),
            "claims do not see each other"
        );
        assert!(nr_claims <= region.refusals + 1, "the region was claimed twice");
        assert_eq!(world.bump.verify(), Ok(()));
    }

    /// Returns used bytes, lost bytes and live blocks, now that all is quiet.
    fn counted(&self) -> (usize, usize, usize) {
        let stats = self.bump.stats();
        (stats.used, stats.cached, stats.live_blocks)
    }
}

/// A block that another thread frees. Loom's threads want no pointers.
struct Sent(NonNull<[u8]>);

// SAFETY: whoever sends the block does not use it any more.
unsafe impl Send for Sent {}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Runs a model, and runs it again with each of `faults`, which it must notice.
fn holds_but_for(faults: &[Fault], model: fn()) {
    let run = |fault| {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        with_fault(fault, || panic::catch_unwind(AssertUnwindSafe(|| builder.check(model))))
    };
    if let Err(broken) = run(Fault::None) {
        panic::resume_unwind(broken);
    }
    for &fault in faults {
        assert!(
            run(fault).is_err(),
            "the model does not notice that atomics are {fault:?}"
        );
    }
}

#[test]
fn three_cores_get_blocks_apart() {
    holds_but_for(&[Fault::Torn], || {
        let world = World::claimed();
        let core = |world: &World| assert!(world.take(2).is_some());
        World::run(&world, [core, core, core]);
        assert_eq!(world.counted(), (6, 0, 3));
    });
}

#[test]
fn the_last_bytes_go_to_one_core() {
    holds_but_for(&[Fault::Torn], || {
        let world = World::claimed();
        world.take(LEN - 3).unwrap();
        let core = |world: &World| _ = world.take(2);
        World::run(&world, [core, core]);
        assert_eq!(world.counted(), (LEN - 1, 0, 2));
        assert_eq!(world.bump.stats().failed_requests, 1);
    });
}

#[test]
fn one_core_claims_and_the_other_sees_all_of_it() {
    holds_but_for(&[Fault::Torn, Fault::Unordered], || {
        let world = World::new(0);
        let core = |world: &World| assert!(world.take(3).is_some());
        World::run(&world, [core, core]);
        assert_eq!(world.counted(), (6, 0, 2));
    });
}

#[test]
fn a_refused_claim_is_tried_again_by_whoever_comes() {
    holds_but_for(&[Fault::Torn, Fault::Unordered], || {
        let world = World::new(1);
        let core = |world: &World| _ = world.take(3);
        World::run(&world, [core, core]);
        assert!(world.take(1).is_some());
    });
}

#[test]
fn bytes_that_were_freed_pass_on_to_the_next_owner() {
    holds_but_for(&[Fault::Unordered], || {
        let world = World::claimed();
        let core = |world: &World| {
            let block = world.take(LEN - 1);
            if let Some(block) = block {
                world.give(block);
            }
        };
        World::run(&world, [core, core]);
        assert_eq!(world.counted(), (0, 0, 0));
    });
}

#[test]
fn bytes_that_were_freed_pass_on_to_a_block_that_grows() {
    holds_but_for(&[Fault::Torn, Fault::Unordered], || {
        let world = World::claimed();
        let first = Sent(world.take(4).unwrap());
        let second = Sent(world.take(4).unwrap());
        let other = Arc::clone(&world);
        let core = thread::spawn(move || {
            let first = first;
            let Sent(block) = first;
            let grown = other.resize(block, 7);
            other.resize(grown, 2);
        });
        let Sent(block) = second;
        let shrunk = world.resize(block, 2);
        world.give(shrunk);
        core.join().unwrap();
        assert_eq!(world.bump.verify(), Ok(()));
        assert_eq!((world.bump.stats().used, world.bump.stats().live_blocks), (2, 1));
    });
}

#[test]
fn a_block_that_grows_meets_no_other() {
    holds_but_for(&[Fault::Torn], || {
        let world = World::claimed();
        let core = |world: &World| {
            let block = world.take(2).unwrap();
            let grown = world.resize(block, 4);
            world.give(grown);
        };
        World::run(&world, [core, core]);
        let (used, _, live) = world.counted();
        assert_eq!((used, live), (0, 0));
    });
}

#[test]
fn a_block_that_is_the_last_again_meets_no_other() {
    // The cursor goes away and comes back while others look at it.
    holds_but_for(&[Fault::Torn], || {
        let world = World::claimed();
        let shrinking = |world: &World| {
            let block = world.take(4).unwrap();
            world.resize(block, 2);
        };
        let passing = |world: &World| {
            for _ in 0..2 {
                let block = world.take(2).unwrap();
                world.give(block);
            }
        };
        World::run(&world, [shrinking, passing]);
        let (used, _, live) = world.counted();
        assert_eq!((used, live), (2, 1));
    });
}

#[test]
fn memory_that_is_said_to_be_zero_never_had_an_owner() {
    // The bytes are atomics here, so that nothing but the answer orders their users.
    holds_but_for(&[Fault::Unordered], || {
        let world = World::claimed();
        let byte = Arc::new(AtomicUsize::new(0));
        let (other, its_byte) = (Arc::clone(&world), Arc::clone(&byte));
        let use_first = |world: &World, byte: &AtomicUsize| {
            let Ok(block) = world.bump.allocate_raw(bytes(LEN)) else {
                return;
            };
            if block.is_zeroed {
                assert_eq!(byte.load(Ordering::Relaxed), 0);
            }
            byte.store(1, Ordering::Relaxed);
            world.give(block.block);
        };
        let core = thread::spawn(move || use_first(&other, &its_byte));
        use_first(&world, &byte);
        core.join().unwrap();
    });
}

#[test]
fn a_look_from_outside_raises_no_false_alarm() {
    holds_but_for(&[Fault::Unordered], || {
        let world = World::claimed();
        let working = |world: &World| {
            // The first block starts at any address, so an alignment of two may cost a byte.
            let layout = Layout::from_size_align(1, 2).unwrap();
            let blocks = [layout, layout].map(|layout| world.bump.allocate(layout).unwrap());
            // SAFETY: the block is live, and this is its layout.
            unsafe { world.bump.deallocate(blocks[0].cast(), layout) };
            // SAFETY: the block is live, and this is its layout.
            unsafe { world.bump.deallocate(blocks[1].cast(), layout) };
        };
        let looking = |world: &World| {
            assert_eq!(world.bump.verify(), Ok(()));
            let stats = world.bump.stats();
            assert_eq!(stats.used + stats.free + stats.cached, LEN);
        };
        World::run(&world, [working, looking]);
        assert_eq!((world.counted().0, world.counted().2), (0, 0));
    });
}

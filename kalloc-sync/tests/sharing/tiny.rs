//! A heap of 16-byte slots, first fit, that watches whoever calls it.
//!
//! It panics when two are inside at once, and when somebody calls a method of it that copies or clears bytes: under a
//! lock that must not happen. New blocks are full of [`POISON`].

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use kalloc_traits::growth::Step;
use kalloc_traits::request::{Request, dangling, units};
use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, Inspect, RawBlock, RawRegion, RegionError, Run, RunKind, Span, Stats,
    allocate_growing,
};

use crate::log::{Event, note, watch};

pub(crate) const SLOT: usize = 16;
pub(crate) const POISON: u8 = 0xA5;

pub(crate) struct Tiny<R> {
    is_entered: AtomicBool,
    region: UnsafeCell<R>,
    state: UnsafeCell<State>,
}

// SAFETY: the pointers in the state are those of the region, which goes along.
unsafe impl<R: Send> Send for Tiny<R> {}

struct State {
    span: Span,
    /// One for each slot of the span.
    is_used: Vec<bool>,
    is_claimed: bool,
    is_busy: bool,
    stats: Stats,
}

impl State {
    /// Returns the first slot of `slots` free ones, such that a block there has the alignment.
    fn find(&self, slots: usize, align: usize) -> Option<usize> {
        (0..(self.is_used.len() + 1).saturating_sub(slots)).find(|&first| {
            (self.span.start_addr() + first * SLOT) % align == 0 && !self.is_used[first..first + slots].contains(&true)
        })
    }

    fn set(&mut self, first: usize, slots: usize, used: bool) {
        for is_used in &mut self.is_used[first..first + slots] {
            assert_ne!(*is_used, used, "a slot changes hands only once");
            *is_used = used;
        }
        let bytes = slots * SLOT;
        self.stats.used = if used {
            self.stats.used + bytes
        } else {
            self.stats.used - bytes
        };
        self.stats.peak_used = self.stats.peak_used.max(self.stats.used);
        self.stats.free = self.stats.capacity - self.stats.used;
    }

    /// Returns the pointer to a slot.
    fn pointer(&self, slot: usize) -> NonNull<u8> {
        assert!(slot < self.is_used.len());
        // SAFETY: the slot lies inside the span.
        unsafe { self.span.start().add(slot * SLOT) }
    }

    /// Returns the slot at which `block` starts.
    fn slot(&self, block: NonNull<u8>) -> usize {
        assert!(self.span.contains(block));
        (block.addr().get() - self.span.start_addr()) / SLOT
    }
}

impl<R: RawRegion> Tiny<R> {
    pub(crate) const fn new(region: R) -> Self {
        Self {
            is_entered: AtomicBool::new(false),
            region: UnsafeCell::new(region),
            state: UnsafeCell::new(State {
                span: Span::EMPTY,
                is_used: Vec::new(),
                is_claimed: false,
                is_busy: false,
                stats: Stats {
                    capacity: 0,
                    used: 0,
                    free: 0,
                    cached: 0,
                    peak_used: 0,
                    live_blocks: 0,
                    failed_requests: 0,
                },
            }),
        }
    }

    /// Calls `f` with the state, alone. The flag orders nothing: that is the lock's task.
    fn enter<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        assert!(!self.is_entered.swap(true, Ordering::Relaxed), "two are inside at once");
        // SAFETY: nobody else is inside, and `f` does not enter again.
        let answer = f(unsafe { &mut *self.state.get() });
        self.is_entered.store(false, Ordering::Relaxed);
        answer
    }
}

// SAFETY: a block is a run of slots of the region that is marked used while it lives. Its extent is its size in slots.
unsafe impl<R: RawRegion> Heap for Tiny<R> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(allocate_growing(self, layout, 0)?.block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        note(Event::Free);
        watch(None);
        self.enter(|state| {
            state.set(state.slot(block), units(layout.size(), SLOT), false);
            state.stats.live_blocks -= 1;
        });
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || new.size() == 0 || block.addr().get() % new.align() != 0 {
            return Err(AllocError);
        }
        note(Event::Resize);
        self.enter(|state| {
            let (had, wants) = (units(old.size(), SLOT), units(new.size(), SLOT));
            let end = state.slot(block) + had;
            if wants < had {
                state.set(end - (had - wants), had - wants, false);
            } else {
                let more = state.is_used.get(end..end + (wants - had)).ok_or(AllocError)?;
                if more.contains(&true) {
                    return Err(AllocError);
                }
                state.set(end, wants - had, true);
            }
            Ok(NonNull::slice_from_raw_parts(block, wants * SLOT))
        })
    }

    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        let Some(request) = Request::new(layout) else {
            let block = dangling(layout.align());
            return Ok(RawBlock { block, is_zeroed: true });
        };
        note(Event::Within);
        self.enter(|state| {
            let slots = request.units(SLOT);
            let first = state.find(slots, request.align).ok_or(AllocError)?;
            state.set(first, slots, true);
            state.stats.live_blocks += 1;
            let block = state.pointer(first);
            // SAFETY: the slots were free and are the block's now.
            unsafe { block.write_bytes(POISON, slots * SLOT) };
            watch(Some(block));
            Ok(RawBlock {
                block: NonNull::slice_from_raw_parts(block, slots * SLOT),
                is_zeroed: false,
            })
        })
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        note(Event::Begin);
        self.enter(|state| {
            if state.is_busy {
                return Err(RegionError::Busy);
            }
            let step = match state.is_claimed {
                true => Step::Grow(units(layout.size(), SLOT) * SLOT),
                false => Step::Claim,
            };
            state.is_busy = true;
            let region = NonNull::new(self.region.get()).ok_or(RegionError::Fixed)?;
            Ok(Growth::new(region, step))
        })
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        note(Event::End);
        self.enter(|state| {
            state.is_busy = false;
            grown.result()?;
            state.is_claimed = true;
            state.span = grown.span();
            assert_eq!(
                grown.span().start_addr() % SLOT,
                0,
                "the tests bring memory that is aligned"
            );
            state.is_used.resize(grown.span().len() / SLOT, false);
            state.stats.capacity = state.is_used.len() * SLOT;
            state.stats.free = state.stats.capacity - state.stats.used;
            Ok(())
        })
    }

    fn count_failure(&self) {
        note(Event::Fail);
        self.enter(|state| state.stats.failed_requests += 1);
    }

    fn allocate_zeroed(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("bytes are cleared under the lock");
    }

    unsafe fn grow(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("bytes are copied under the lock");
    }

    unsafe fn grow_zeroed(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("bytes are copied under the lock");
    }

    unsafe fn shrink(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("bytes are copied under the lock");
    }
}

impl<R: RawRegion> Inspect for Tiny<R> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.enter(|state| state.span.contains(pointer))
    }

    fn stats(&self) -> Stats {
        self.enter(|state| state.stats)
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.enter(|state| {
            let base = state.span.start_addr();
            let first = from.saturating_sub(base) / SLOT;
            let is_used = *state.is_used.get(first)?;
            let rest = &state.is_used[first..];
            let slots = rest.iter().take_while(|&&other| other == is_used).count();
            let start = from.max(base);
            Some(Run {
                kind: if is_used { RunKind::Used } else { RunKind::Free },
                start,
                len: base + (first + slots) * SLOT - start,
            })
        })
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.enter(|state| {
            let used = state.is_used.iter().filter(|&&used| used).count();
            match used * SLOT == state.stats.used {
                true => Ok(()),
                false => Err(Corruption {
                    invariant: "T1",
                    offset: 0,
                }),
            }
        })
    }
}

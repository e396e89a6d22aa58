//! A heap that writes down what is asked of it, as a program that can be played again.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::RefCell;
use core::ptr::NonNull;

use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, InitError, Inspect, RawBlock, RegionError, Run, Stats,
};

use crate::region::forward;
use crate::workload::op::{Op, Slot};

/// More steps than anybody will play again and again.
const MOST_STEPS: usize = 1 << 17;

/// What was asked of a heap.
///
/// Calls that no program has are left out: frees and resizings of what is not a live block's start. `allocate_raw` is
/// taken for `allocate`.
#[derive(Debug, Default)]
pub struct Tape {
    ops: Vec<Op>,
    /// The slots of live blocks, by address and by whether they have bytes.
    slots: BTreeMap<(usize, bool), Vec<Slot>>,
    vacant: Vec<Slot>,
    next: Slot,
    is_torn: bool,
}

impl Tape {
    /// Returns the program so far; `None` if it is longer than anybody will play again.
    pub fn program(&self) -> Option<Vec<Op>> {
        (!self.is_torn).then(|| self.ops.clone())
    }

    /// Writes a step down, before it is done: it may not return.
    fn write(&mut self, op: Op) {
        if self.ops.len() == MOST_STEPS {
            self.is_torn = true;
        } else {
            self.ops.push(op);
        }
    }

    /// Returns a slot that holds nothing.
    fn vacant(&mut self) -> Slot {
        self.vacant.pop().unwrap_or_else(|| {
            let slot = self.next;
            self.is_torn |= slot == Slot::MAX - 1;
            self.next = slot.saturating_add(1).min(Slot::MAX - 1);
            slot
        })
    }

    /// Writes an allocation down.
    fn begin(&mut self, op: impl FnOnce(Slot) -> Op) -> Slot {
        let slot = self.vacant();
        self.write(op(slot));
        slot
    }

    /// Notes what a slot holds after an allocation or a resizing.
    fn end(&mut self, slot: Slot, answer: Result<NonNull<u8>, AllocError>, layout: Layout) {
        match answer {
            Ok(block) => self.hold(block, layout, slot),
            Err(AllocError) => self.vacant.push(slot),
        }
    }

    /// Notes that a slot holds a block.
    fn hold(&mut self, block: NonNull<u8>, layout: Layout, slot: Slot) {
        let key = (block.addr().get(), layout.size() > 0);
        self.slots.entry(key).or_default().push(slot);
    }

    /// Returns the slot that holds a block, which then holds it no more.
    fn give(&mut self, block: NonNull<u8>, layout: Layout) -> Option<Slot> {
        let key = (block.addr().get(), layout.size() > 0);
        let slots = self.slots.get_mut(&key)?;
        let slot = slots.pop();
        if slots.is_empty() {
            self.slots.remove(&key);
        }
        slot
    }
}

/// A heap whose calls are written on a tape.
///
/// Cost of a call: the heap's, and a search among the live blocks.
pub struct Taped<H> {
    heap: H,
    tape: Rc<RefCell<Tape>>,
}

impl<H> Taped<H> {
    /// Returns the heap with a tape, which somebody else reads later.
    pub const fn new(heap: H, tape: Rc<RefCell<Tape>>) -> Self {
        Self { heap, tape }
    }
}

impl<H: Heap> Taped<H> {
    /// Makes a call that may move a block, or not, with its step on the tape.
    fn resize(
        &self,
        block: NonNull<u8>,
        [old, new]: [Layout; 2],
        op: impl FnOnce(Slot) -> Op,
        call: impl FnOnce() -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let slot = self.tape.borrow_mut().give(block, old);
        if let Some(slot) = slot {
            self.tape.borrow_mut().write(op(slot));
        }
        let answer = call();
        if let Some(slot) = slot {
            let (now, layout) = answer.map_or((block, old), |moved| (moved.cast(), new));
            self.tape.borrow_mut().hold(now, layout, slot);
        }
        answer
    }
}

// SAFETY: every method is the heap's. The tape is not borrowed while it runs.
unsafe impl<H: Heap> Heap for Taped<H> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let slot = self.tape.borrow_mut().begin(|slot| Op::Allocate(slot, layout));
        let answer = self.heap.allocate(layout);
        self.tape.borrow_mut().end(slot, answer.map(NonNull::cast), layout);
        answer
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        {
            let mut tape = self.tape.borrow_mut();
            if let Some(slot) = tape.give(block, layout) {
                tape.write(Op::Free(slot));
                tape.vacant.push(slot);
            }
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.deallocate(block, layout) }
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let call = || unsafe { self.heap.resize_in_place(block, old, new) };
        self.resize(block, [old, new], |slot| Op::Resize(slot, new), call)
    }

    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        let slot = self.tape.borrow_mut().begin(|slot| Op::Allocate(slot, layout));
        let answer = self.heap.allocate_raw(layout);
        let block = answer.map(|raw| raw.block.cast());
        self.tape.borrow_mut().end(slot, block, layout);
        answer
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let slot = self.tape.borrow_mut().begin(|slot| Op::AllocateZeroed(slot, layout));
        let answer = self.heap.allocate_zeroed(layout);
        self.tape.borrow_mut().end(slot, answer.map(NonNull::cast), layout);
        answer
    }

    forward!(growth self => self.heap, ());

    fn init(&self) -> Result<(), InitError> {
        self.heap.init()
    }

    fn trim(&self) {
        self.heap.trim();
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let call = || unsafe { self.heap.grow(block, old, new) };
        self.resize(block, [old, new], |slot| Op::Grow(slot, new), call)
    }

    unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let call = || unsafe { self.heap.grow_zeroed(block, old, new) };
        self.resize(block, [old, new], |slot| Op::GrowZeroed(slot, new), call)
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let call = || unsafe { self.heap.shrink(block, old, new) };
        self.resize(block, [old, new], |slot| Op::Shrink(slot, new), call)
    }
}

impl<H: Inspect> Inspect for Taped<H> {
    forward!(inspect self => self.heap, ());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive;
    use crate::fault::planted::{Fault, Planted};
    use crate::region::GuardedRegion;
    use crate::workload::{ROOM, text};

    #[test]
    fn a_program_is_on_the_tape_of_the_heap_that_played_it() {
        let tape = Rc::default();
        let heap = Taped::new(Planted::new(GuardedRegion::new(ROOM), Fault::None), Rc::clone(&tape));
        let program = "a0:100@8 z1:0@64 a2:8@8 g0:200@8 c2:64@8 s0:10@16 r0:9@8 f1 f2 f0 a0:1@1 f0";
        drive::run(&heap, text::read(program).unwrap()).unwrap();
        assert_eq!(text::write(&tape.borrow().program().unwrap()), program);
    }

    #[test]
    fn refused_requests_are_on_the_tape_and_hold_no_slot() {
        let tape = Rc::default();
        let heap = Taped::new(Planted::new(GuardedRegion::new(100), Fault::None), Rc::clone(&tape));
        drive::run(&heap, text::read("a0:1000@8 a0:10@8 g0:1000@8 f0").unwrap()).unwrap();
        let taped = text::write(&tape.borrow().program().unwrap());
        assert_eq!(taped, "a0:1000@8 a0:10@8 g0:1000@8 f0");
    }
}

//! Where a heap is explored: memory at a fixed address, and a way back to a state that was left.
//!
//! ```text
//!     the heap's value          guard        region        guard
//!    ┌─────────────────┐       ├─────┼──────────────────┼───────┤
//!    └─────────────────┘       └──────────── window ────────────┘
//!             └──────────── an image: both, as bytes ────┘
//! ```
//!
//! [`InPlace`] copies both out and back, which takes nanoseconds, but asks for a heap that is nothing but its bytes.
//! [`Rebuilt`] makes the heap anew and lets the explorer repeat the steps, which any heap allows.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

use kalloc_traits::{Heap, Inspect, RangeRegion};

use super::memory::{CAN_COMPARE, Image, Memory, fixed};

/// A heap in its memory, that the explorer can bring back to any state it has been in.
pub trait Place {
    /// Returns the heap.
    fn heap(&self) -> &dyn Heap;

    /// Returns the heap's inside, if it is to be looked into.
    fn inside(&self) -> Option<&dyn Inspect>;

    /// Returns the memory.
    fn memory(&self) -> &Memory;

    /// Makes the heap as it was at first, untouched. Only where [`restore`](Self::restore) cannot go back.
    fn renew(&mut self);

    /// Replaces what is in `image` by the heap's state.
    fn save(&self, image: &mut Image);

    /// Goes back to a saved state, and returns `true`; or `false`, and then the heap is to be renewed and the steps that led
    /// to the state repeated.
    fn restore(&mut self, image: &[MaybeUninit<u8>]) -> bool;

    /// Shows `take` bytes that differ whenever two states do, and returns `true`; or `false` if that cannot be known.
    fn describe(&self, image: &mut Image, take: &mut dyn FnMut(&[u8])) -> bool;
}

/// How a heap is looked into.
type View<H> = fn(&H) -> &dyn Inspect;

/// A heap that is copied out and back, byte by byte.
///
/// A counter of failures, as [`Heap::count_failure`] keeps it, is left out of the images, or no space would ever close.
///
/// # Invariants
///
/// `heap` comes from a `Box`, and holds a heap that is nothing but its bytes and the memory's.
pub struct InPlace<H> {
    heap: NonNull<H>,
    view: Option<View<H>>,
    memory: Memory,
    /// The image as it was made.
    first: Image,
    /// Which bytes of the value count failures.
    counter: Vec<usize>,
}

impl<H: Heap> InPlace<H> {
    /// Returns the heap that `build` makes over a region of `len` bytes, which starts at a multiple of 4096.
    ///
    /// # Safety
    ///
    /// All state of the heap lies in its value and in the region. So the value owns nothing else (no box, no file), and
    /// nothing in it or in the region points into the value. It is never dropped.
    pub unsafe fn new(len: usize, build: impl FnOnce(RangeRegion) -> H) -> Self {
        let memory = Memory::new(len);
        let heap = NonNull::from(Box::leak(Box::new(build(memory.region()))));
        let mut place = Self {
            heap,
            view: None,
            memory,
            first: Image::new(),
            counter: Vec::new(),
        };
        let mut first = Image::new();
        place.save(&mut first);
        place.first = first;
        place.counter = place.find_counter();
        place
    }

    /// Returns the place of a heap that is looked into after each step.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    pub unsafe fn open(len: usize, build: impl FnOnce(RangeRegion) -> H) -> Self
    where
        H: Inspect,
    {
        // SAFETY: the caller upholds the contract.
        let mut place = unsafe { Self::new(len, build) };
        place.view = Some(|heap| heap);
        place
    }

    /// Returns the bytes of the value that change when a failure is counted.
    fn find_counter(&mut self) -> Vec<usize> {
        if !CAN_COMPARE {
            return Vec::new();
        }
        let mut counted = Image::new();
        self.heap().count_failure();
        self.save(&mut counted);
        let mut first = core::mem::take(&mut self.first);
        let (before, after) = (fixed(&mut first), fixed(&mut counted));
        let counter = (0..size_of::<H>()).filter(|&at| before[at] != after[at]).collect();
        self.restore(&first);
        self.first = first;
        counter
    }
}

impl<H: Heap> Place for InPlace<H> {
    fn heap(&self) -> &dyn Heap {
        // SAFETY: the value is valid, and is written only by `restore`, which borrows all of `self` mutably.
        unsafe { self.heap.as_ref() }
    }

    fn inside(&self) -> Option<&dyn Inspect> {
        // SAFETY: as above.
        let heap = unsafe { self.heap.as_ref() };
        self.view.map(|view| view(heap))
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn renew(&mut self) {
        let first = core::mem::take(&mut self.first);
        self.restore(&first);
        self.first = first;
    }

    fn save(&self, image: &mut Image) {
        image.clear();
        // SAFETY: these are the value's bytes, as they are; no reference to them outlives this statement.
        image.extend_from_slice(unsafe { slice::from_raw_parts(self.heap.cast().as_ptr(), size_of::<H>()) });
        for &at in &self.counter {
            image[at] = self.first[at];
        }
        self.memory.save(image);
    }

    fn restore(&mut self, image: &[MaybeUninit<u8>]) -> bool {
        let (value, window) = image.split_at(size_of::<H>());
        // SAFETY: the value is as large, an image does not overlap it, and nobody has a reference to it. What is written was
        // a valid value of a heap that is nothing but its bytes.
        unsafe {
            value
                .as_ptr()
                .copy_to_nonoverlapping(self.heap.cast().as_ptr(), value.len())
        };
        self.memory.restore(window);
        true
    }

    fn describe(&self, image: &mut Image, take: &mut dyn FnMut(&[u8])) -> bool {
        if CAN_COMPARE {
            take(fixed(image));
        }
        CAN_COMPARE
    }
}

impl<H> Drop for InPlace<H> {
    fn drop(&mut self) {
        // SAFETY: it comes from a box of that type, but for `MaybeUninit`, which keeps the value from being dropped.
        drop(unsafe { Box::from_raw(self.heap.cast::<MaybeUninit<H>>().as_ptr()) });
    }
}

/// A heap that is made anew for each state, for heaps that own more than their bytes. Each step costs as many as led to it.
pub struct Rebuilt<'a, H> {
    heap: Option<H>,
    build: Box<dyn Fn(RangeRegion) -> H + 'a>,
    describe: Box<dyn Fn(&H) -> String + 'a>,
    memory: Memory,
}

impl<'a, H: Heap> Rebuilt<'a, H> {
    /// Returns the place of the heaps that `build` makes over a region of `len` bytes. `describe` returns words that differ
    /// whenever the states of two heaps do; the region's bytes need not be in them.
    pub fn new(len: usize, build: impl Fn(RangeRegion) -> H + 'a, describe: impl Fn(&H) -> String + 'a) -> Self {
        let mut place = Self {
            heap: None,
            build: Box::new(build),
            describe: Box::new(describe),
            memory: Memory::new(len),
        };
        place.renew();
        place
    }

    /// Returns the heap itself.
    fn own(&self) -> &H {
        self.heap.as_ref().expect("made by `new`, and again by `renew`")
    }
}

impl<H: Heap> Place for Rebuilt<'_, H> {
    fn heap(&self) -> &dyn Heap {
        self.own()
    }

    fn inside(&self) -> Option<&dyn Inspect> {
        None
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn renew(&mut self) {
        self.heap = None;
        self.memory.refill();
        self.heap = Some((self.build)(self.memory.region()));
    }

    fn save(&self, image: &mut Image) {
        image.clear();
    }

    fn restore(&mut self, _: &[MaybeUninit<u8>]) -> bool {
        false
    }

    fn describe(&self, _: &mut Image, take: &mut dyn FnMut(&[u8])) -> bool {
        take((self.describe)(self.own()).as_bytes());
        if CAN_COMPARE {
            let mut window = Image::new();
            self.memory.save(&mut window);
            take(fixed(&mut window));
        }
        CAN_COMPARE
    }
}

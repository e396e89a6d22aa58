//! One step of an exploration: what is asked, and what must be true of the answer.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;
use core::hint::black_box;
use core::ops::Range;
use core::ptr::NonNull;

use kalloc_traits::AllocError;
use kalloc_traits::request::place;

use super::memory::Memory;
use super::place::Place;
use crate::drive::failure::{Verdict, ensure};

/// What a step asks for. `block` counts the live blocks by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) verb: Verb,
    pub(super) block: u8,
    /// Which of the explorer's layouts.
    pub(super) layout: u8,
}

impl Step {
    /// Stands where there is no step.
    pub(super) const NONE: Self = Self {
        verb: Verb::Trim,
        block: 0,
        layout: 0,
    };
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Allocate,
    AllocateZeroed,
    Free,
    Grow,
    GrowZeroed,
    Shrink,
    Resize,
    Trim,
}

/// A live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lent {
    /// Where it starts, in bytes from the start of the region.
    pub(super) offset: u32,
    pub(super) extent: u32,
    pub(super) layout: u8,
    /// What it is called when the story is told; not part of the state.
    pub(super) name: u8,
}

impl Lent {
    /// Returns the offsets of its bytes.
    fn range(&self) -> Range<usize> {
        self.offset as usize..(self.offset + self.extent) as usize
    }
}

/// The live blocks, and what is known of all states.
pub(super) struct World<'l> {
    pub(super) layouts: &'l [Layout],
    /// By address.
    pub(super) lent: Vec<Lent>,
    /// The extent of each size.
    extents: BTreeMap<usize, usize>,
    /// Where blocks may lie, and what they start at multiples of, if a request may be refused only when nothing fits.
    pub(super) complete: Option<(Vec<Range<usize>>, usize)>,
}

impl<'l> World<'l> {
    /// Returns the world without a live block.
    pub(super) const fn new(layouts: &'l [Layout]) -> Self {
        Self {
            layouts,
            lent: Vec::new(),
            extents: BTreeMap::new(),
            complete: None,
        }
    }

    /// Returns each step that there is where these blocks are live.
    pub(super) fn steps(&self, lent: &[Lent]) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut push = |verb, block: usize, layout: usize| {
            steps.push(Step {
                verb,
                block: block as u8,
                layout: layout as u8,
            });
        };
        for layout in 0..self.layouts.len() {
            push(Verb::Allocate, 0, layout);
            push(Verb::AllocateZeroed, 0, layout);
        }
        for (block, lent) in lent.iter().enumerate() {
            push(Verb::Free, block, 0);
            let has = self.layouts[usize::from(lent.layout)].size();
            for (new, wanted) in self.layouts.iter().enumerate() {
                if wanted.size() >= has {
                    push(Verb::Grow, block, new);
                    push(Verb::GrowZeroed, block, new);
                }
                if wanted.size() <= has {
                    push(Verb::Shrink, block, new);
                }
                push(Verb::Resize, block, new);
            }
        }
        push(Verb::Trim, 0, 0);
        steps
    }

    /// Takes a step, and checks the answer. Returns whether it was served.
    pub(super) fn take(&mut self, place: &dyn Place, step: Step) -> Verdict<bool> {
        let heap = black_box(place.heap());
        let block = usize::from(step.block);
        let new = self.layouts[usize::from(step.layout)];
        match step.verb {
            Verb::Allocate => self.allocated(place, step.layout, heap.allocate(new), false),
            Verb::AllocateZeroed => self.allocated(place, step.layout, heap.allocate_zeroed(new), true),
            Verb::Free => {
                self.free(place, block);
                Ok(true)
            }
            Verb::Trim => {
                heap.trim();
                Ok(true)
            }
            Verb::Grow | Verb::GrowZeroed | Verb::Shrink | Verb::Resize => {
                self.resize(place, step.verb, block, step.layout)
            }
        }
    }

    /// Frees a block.
    pub(super) fn free(&mut self, place: &dyn Place, block: usize) {
        let lent = self.lent.remove(block);
        let start = place.memory().at(lent.offset as usize);
        // SAFETY: the block was live, with this layout.
        unsafe { place.heap().deallocate(start, self.layouts[usize::from(lent.layout)]) };
    }

    /// Takes the answer to an allocation in.
    fn allocated(&mut self, place: &dyn Place, layout: u8, answer: Answer, is_zeroed: bool) -> Verdict<bool> {
        let wanted = self.layouts[usize::from(layout)];
        let Ok(block) = answer else {
            self.check_refusal(wanted)?;
            return Ok(false);
        };
        if wanted.size() == 0 {
            return self.give_nothing_back(place, block, wanted);
        }
        let index = self.insert(place.memory(), block, layout)?;
        let lent = self.lent[index];
        let dirty = is_zeroed.then(|| first_nonzero(block)).flatten();
        ensure!(
            dirty.is_none(),
            "byte {} of a zeroed block is not zero",
            dirty.unwrap_or(0)
        );
        // SAFETY: the block is live; that it lies in the region was checked.
        unsafe { place.memory().fill(lent.offset as usize, lent.extent as usize) };
        Ok(true)
    }

    /// Frees a block of no bytes at once: any number of them may live, which no exploration would end.
    fn give_nothing_back(&self, place: &dyn Place, block: NonNull<[u8]>, layout: Layout) -> Verdict<bool> {
        let is_aligned = block.addr().get() % layout.align() == 0;
        ensure!(is_aligned, "no bytes at alignment {} came at {block:p}", layout.align());
        // SAFETY: the heap has just returned it for this layout.
        unsafe { place.heap().deallocate(block.cast(), layout) };
        Ok(true)
    }

    /// Resizes a block as the verb says, and checks what became of it.
    fn resize(&mut self, place: &dyn Place, verb: Verb, block: usize, layout: u8) -> Verdict<bool> {
        let (heap, memory) = (black_box(place.heap()), place.memory());
        let lent = self.lent[block];
        let (old, new) = (
            self.layouts[usize::from(lent.layout)],
            self.layouts[usize::from(layout)],
        );
        let start = memory.at(lent.offset as usize);
        let answer = match verb {
            // SAFETY: the block is live, with this layout; sizes are as the verb wants them, see `steps`.
            Verb::Grow => unsafe { heap.grow(start, old, new) },
            // SAFETY: as above.
            Verb::GrowZeroed => unsafe { heap.grow_zeroed(start, old, new) },
            // SAFETY: as above.
            Verb::Shrink => unsafe { heap.shrink(start, old, new) },
            // SAFETY: as above.
            _ => unsafe { heap.resize_in_place(start, old, new) },
        };
        let Ok(resized) = answer else {
            return Ok(false);
        };
        self.lent.remove(block);
        if new.size() == 0 {
            ensure!(verb != Verb::Resize, "a block was resized in place to no bytes");
            return self.give_nothing_back(place, resized, new);
        }
        let index = self.insert(memory, resized, layout)?;
        let now = self.lent[index];
        self.lent[index].name = lent.name;
        ensure!(
            verb != Verb::Resize || now.offset == lent.offset,
            "a block that was resized in place moved by {} bytes",
            i64::from(now.offset) - i64::from(lent.offset)
        );
        let kept = old.size().min(new.size());
        let lost = (0..kept).find(|&at| read(resized, at) != Memory::byte(lent.offset as usize + at));
        ensure!(lost.is_none(), "byte {} of the block was lost", lost.unwrap_or(0));
        if verb == Verb::GrowZeroed {
            let dirty = (kept..resized.len()).find(|&at| read(resized, at) != 0);
            ensure!(dirty.is_none(), "grow_zeroed: byte {} is not zero", dirty.unwrap_or(0));
        }
        // SAFETY: the block is live; that it lies in the region was checked.
        unsafe { memory.fill(now.offset as usize, now.extent as usize) };
        Ok(true)
    }

    /// Takes a block in whose place was checked, and returns where it stands among the others.
    fn insert(&mut self, memory: &Memory, block: NonNull<[u8]>, layout: u8) -> Verdict<usize> {
        let wanted = self.layouts[usize::from(layout)];
        let (address, extent) = (block.addr().get(), block.len());
        let offset = address.wrapping_sub(memory.start_addr());
        ensure!(
            offset < memory.len() && extent <= memory.len() - offset,
            "a block of {extent} bytes at offset {} is not inside the region of {}",
            offset as isize,
            memory.len()
        );
        ensure!(
            address % wanted.align() == 0,
            "offset {offset} is no multiple of {}",
            wanted.align()
        );
        ensure!(
            extent >= wanted.size(),
            "{} bytes were asked for, the block has {extent}",
            wanted.size()
        );
        let known = *self.extents.entry(wanted.size()).or_insert(extent);
        ensure!(
            known == extent,
            "{} bytes have an extent of {extent} here, and had {known} before",
            wanted.size()
        );
        let index = self.lent.partition_point(|other| (other.offset as usize) < offset);
        let before = index.checked_sub(1).map_or(0, |before| self.lent[before].range().end);
        let behind = self.lent.get(index).map_or(memory.len(), |behind| behind.range().start);
        ensure!(
            before <= offset && offset + extent <= behind,
            "bytes {offset}..{} overlap a live block: the gap there is {before}..{behind}",
            offset + extent
        );
        let name = (0..=u8::MAX).find(|&name| self.lent.iter().all(|other| other.name != name));
        self.lent.insert(
            index,
            Lent {
                offset: offset as u32,
                extent: extent as u32,
                layout,
                name: name.unwrap_or(u8::MAX),
            },
        );
        Ok(index)
    }

    /// Checks that nothing would have fitted, of a heap that says so of itself.
    fn check_refusal(&self, wanted: Layout) -> Verdict {
        let Some((pieces, granule)) = self.complete.as_ref().filter(|_| wanted.size() > 0) else {
            return Ok(());
        };
        let size = wanted.size().next_multiple_of(*granule);
        let align = wanted.align().max(*granule);
        for piece in pieces {
            let mut from = piece.start;
            let lent = self.lent.iter().map(Lent::range);
            let lent = lent.filter(|lent| lent.start < piece.end && piece.start < lent.end);
            for next in lent.chain(core::iter::once(piece.end..piece.end)) {
                // The region starts at a multiple of every alignment that is asked for.
                let fits = place(from, size, align, next.start);
                ensure!(
                    fits.is_none(),
                    "a request was refused that fits at offset {}, between {from} and {}",
                    fits.unwrap_or(0),
                    next.start
                );
                from = next.end;
            }
        }
        Ok(())
    }

    /// Checks the bytes of all blocks.
    pub(super) fn check_bytes(&self, memory: &Memory) -> Verdict {
        for lent in &self.lent {
            // SAFETY: the block is live, and was filled.
            let changed = unsafe { memory.changed(lent.offset as usize, lent.extent as usize) };
            ensure!(
                changed.is_none(),
                "the live block {} lost its byte {}",
                lent.name,
                changed.unwrap_or(0)
            );
        }
        ensure!(memory.is_guarded(), "a byte outside of the region was written");
        Ok(())
    }

    /// Writes the step in words.
    pub(super) fn tell(&self, step: Step, to: &mut dyn fmt::Write) -> fmt::Result {
        let layout = self.layouts[usize::from(step.layout)];
        let free_name = (0..=u8::MAX).find(|&name| self.lent.iter().all(|other| other.name != name));
        let block = self.lent.get(usize::from(step.block)).map(|lent| lent.name);
        let (verb, name) = match step.verb {
            Verb::Allocate => ("allocate", free_name),
            Verb::AllocateZeroed => ("allocate zeroed", free_name),
            Verb::Free => return write!(to, "free {}", block.unwrap_or(0)),
            Verb::Grow => ("grow", block),
            Verb::GrowZeroed => ("grow zeroed", block),
            Verb::Shrink => ("shrink", block),
            Verb::Resize => ("resize", block),
            Verb::Trim => return write!(to, "trim"),
        };
        write!(
            to,
            "{verb} {}: {} align {}",
            name.unwrap_or(0),
            layout.size(),
            layout.align()
        )
    }
}

/// What a heap answers to a request.
type Answer = Result<NonNull<[u8]>, AllocError>;

/// Returns a byte of a block. Assumes that it is live, and the byte initialised.
fn read(block: NonNull<[u8]>, at: usize) -> u8 {
    assert!(at < block.len());
    // SAFETY: this is inside the block.
    let place = unsafe { block.cast::<u8>().add(at) };
    // SAFETY: as above; all of the explorer's memory was written.
    unsafe { place.read() }
}

/// Returns the first byte of a block that is not zero.
fn first_nonzero(block: NonNull<[u8]>) -> Option<usize> {
    (0..block.len()).find(|&at| read(block, at) != 0)
}

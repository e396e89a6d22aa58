//! What several rules do: fill a heap, find its largest block, ask for what cannot be.

use alloc::vec::Vec;
use core::alloc::Layout;
use core::hint::black_box;

use kalloc_traits::Heap;

use crate::drive::{Checked, Failure, Verdict, ensure};
use crate::model::shadow::Live;
use crate::workload::op::layout;

/// Bytes after which a heap counts as one that never fills up.
pub(super) const FILL_BYTES: usize = 1 << 20;

/// Blocks after which a heap counts as one that never fills up.
const FILL_BLOCKS: usize = if cfg!(miri) { 20 } else { 1 << 13 };

/// How many alignments most rules try.
const NR_ALIGNMENTS: usize = if cfg!(miri) { 4 } else { 13 };

/// The alignments that most rules try: from 1 to a page.
pub(super) const ALIGNMENTS: [usize; NR_ALIGNMENTS] = {
    let mut alignments = [1; NR_ALIGNMENTS];
    let mut index = 0;
    while index < NR_ALIGNMENTS {
        alignments[index] = 1 << (index * 12 / (NR_ALIGNMENTS - 1));
        index += 1;
    }
    alignments
};

/// The largest legal size at an alignment.
pub(super) const fn largest_size(align: usize) -> usize {
    isize::MAX as usize - (align - 1)
}

/// Returns what a fresh heap must not refuse.
pub(super) fn demand<T>(answer: Option<T>, wanted: Layout) -> Verdict<T> {
    let (size, align) = (wanted.size(), wanted.align());
    answer.ok_or_else(|| {
        Failure::new(alloc::format!(
            "a heap with room refused {size} bytes at a multiple of {align}"
        ))
    })
}

/// Allocates blocks of one layout until the heap refuses, or seems never to.
pub(super) fn fill(checked: &mut Checked<'_>, wanted: Layout) -> Verdict<Vec<Live>> {
    fill_with(checked, |_| wanted)
}

/// Allocates blocks, whose layouts are told by their number, until the heap refuses, or seems never to.
pub(super) fn fill_with(checked: &mut Checked<'_>, mut wanted: impl FnMut(usize) -> Layout) -> Verdict<Vec<Live>> {
    let mut lives = Vec::new();
    let mut bytes = 0;
    while lives.len() < FILL_BLOCKS && bytes < FILL_BYTES {
        let layout = wanted(lives.len());
        bytes += layout.size();
        match checked.allocate(layout)? {
            Some(live) => lives.push(live),
            None => break,
        }
    }
    Ok(lives)
}

/// Fills a heap to the last byte: with blocks of one layout, which are returned, and the rest with ever smaller ones.
pub(super) fn fill_up(checked: &mut Checked<'_>, wanted: Layout) -> Verdict<Vec<Live>> {
    let lives = fill(checked, wanted)?;
    let mut size = wanted.size() / 2;
    // A heap that never fills up has shown that already.
    while size > 0 && !serves(checked.heap(), wanted) {
        fill(checked, layout(size, 1))?;
        size /= 2;
    }
    Ok(lives)
}

/// Returns whether the heap serves a layout just now. The block is not touched, and freed at once.
pub(super) fn serves(heap: &dyn Heap, wanted: Layout) -> bool {
    match black_box(black_box(heap).allocate(black_box(wanted))) {
        Ok(block) => {
            // SAFETY: the block was just allocated with this layout.
            unsafe { black_box(heap).deallocate(block.cast(), wanted) };
            true
        }
        Err(_) => false,
    }
}

/// Returns the largest size that the heap serves at an alignment just now, at most [`FILL_BYTES`].
pub(super) fn largest(heap: &dyn Heap, align: usize) -> usize {
    let (mut served, mut refused) = (0, FILL_BYTES + 1);
    while refused - served > 1 {
        let middle = served + (refused - served) / 2;
        if serves(heap, layout(middle, align)) {
            served = middle;
        } else {
            refused = middle;
        }
    }
    served
}

/// Brings blocks into an order that begins and ends in the middle.
pub(super) fn from_the_middle(lives: &mut [Live]) {
    let middle = lives.len() / 2;
    lives.rotate_left(middle);
}

/// Asks for sizes that no machine has, `times` times, each of another size.
pub(super) fn storm(checked: &mut Checked<'_>, times: usize) -> Verdict {
    for back in 0..times {
        let align = ALIGNMENTS[back % ALIGNMENTS.len()];
        let wanted = layout(largest_size(align) - back * 8, align);
        // Asked plainly first: a heap that serves this would clear it, and end the process.
        let plain = checked.allocate_untouched(wanted)?;
        let is_served = plain.is_some() || back % 3 == 0 && checked.allocate_zeroed(wanted)?.is_some();
        ensure!(!is_served, "{} bytes were served, which no machine has", wanted.size());
    }
    Ok(())
}

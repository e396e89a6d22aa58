//! Blocks that live at the same time share no byte.

use alloc::vec::Vec;

use kalloc_traits::Heap;

use super::probe::{demand, fill, fill_with};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::region::bytes;
use crate::workload::op::layout;
use crate::workload::random::{Mix, Rng};
use crate::workload::{ROOM, scaled, some};

/// Blocks of any size share no byte until the heap is full, nor after some of them were replaced.
pub fn blocks_never_overlap_until_the_heap_is_full(subject: &Subject<'_>) -> Verdict {
    for (seed, mix) in Mix::ALL.into_iter().enumerate() {
        let mut rng = Rng::new(seed as u64);
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let lives = fill_with(&mut checked, |_| mix.layout(&mut rng, ROOM / 8))?;
        for live in lives.into_iter().step_by(3) {
            checked.free(live)?;
        }
        fill_with(&mut checked, |_| mix.layout(&mut rng, ROOM / 16))?;
        checked
            .free_all(|_| {})
            .map_err(|failure| failure.during(format_args!("{mix:?}")))?;
    }
    Ok(())
}

/// A block that was freed is handed out once, and not to two owners.
pub fn a_freed_block_is_handed_out_once(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[8, 24, 100, 1, 16, 64, 256, 1000]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let wanted = layout(size, 8);
        let mut lives = fill(&mut checked, wanted)?;
        let middle = lives.swap_remove(lives.len() / 2);
        checked.free(middle)?;
        // The first may get it, the others must not.
        (0..4).try_for_each(|_| checked.allocate(wanted).map(drop))?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Two heaps of a kind share no byte, whatever is asked of which.
pub fn two_heaps_share_nothing(subject: &Subject<'_>) -> Verdict {
    let heaps = [subject.make(), subject.make()];
    let mut checked = heaps.each_ref().map(|heap| Checked::new(&**heap));
    let mut rng = Rng::new(11);
    for _ in 0..scaled(400) {
        let one = &mut checked[rng.below(2)];
        let wanted = Mix::Mixed.layout(&mut rng, ROOM / 8);
        if let Some(live) = one.shadow().nth(3).filter(|_| rng.chance(40)) {
            one.free(live)?;
        } else {
            one.allocate(wanted)?;
        }
    }
    for (_, block) in checked[0].shadow().by_address() {
        let range = block.range();
        let mut others = checked[1].shadow().by_address().map(|(_, other)| other.range());
        let shared = others.find(|other| other.start < range.end && range.start < other.end);
        ensure!(
            shared.is_none(),
            "blocks of two heaps overlap: {range:x?} and {shared:x?}"
        );
    }
    checked.iter_mut().try_for_each(|one| one.free_all(|_| {}))
}

/// A heap that was moved keeps its blocks, frees them and serves new ones.
pub fn a_moved_heap_keeps_its_blocks(subject: &Subject<'_>) -> Verdict {
    let mut heap = subject.make();
    let mut blocks = Vec::new();
    for (seed, size) in [1, 24, 100, 1000].into_iter().enumerate() {
        let wanted = layout(size, 8);
        let block = demand(heap.allocate(wanted).ok(), wanted)?;
        // SAFETY: the block is new and that long.
        unsafe { bytes::fill(block.cast(), size, seed as u64) };
        blocks.push((block.cast::<u8>(), wanted, seed as u64));
        heap = heap.moved();
    }
    for &(block, held, seed) in &blocks {
        // What is handed out by mistake is written by its new owner.
        let mut checked = Checked::new(&*heap);
        (0..3).try_for_each(|_| checked.allocate(layout(40, 8)).map(drop))?;
        checked.free_all(|_| {})?;
        // SAFETY: the block is live and was filled.
        let lost = unsafe { bytes::first_difference(block, held.size(), seed) };
        ensure!(
            lost.is_none(),
            "a block of {} bytes lost its byte {lost:?} when the heap moved",
            held.size()
        );
        heap = heap.moved();
        // SAFETY: the block is live with this layout.
        unsafe { heap.deallocate(block, held) };
    }
    demand(heap.allocate(layout(100, 8)).ok(), layout(100, 8)).map(drop)
}

/// A reference to a heap, and a reference to that, is the same heap.
pub fn a_reference_is_the_same_heap(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let wanted = layout(100, 8);
    let through: &dyn Heap = &*heap;
    let twice: &dyn Heap = &through;
    let block = demand(twice.allocate(wanted).ok(), wanted)?;
    // SAFETY: the block is live with this layout; the heap behind both references is one.
    let grown = unsafe { through.grow(block.cast(), wanted, layout(200, 8)) };
    let (block, held) = grown.map_or((block, wanted), |grown| (grown, layout(200, 8)));
    // SAFETY: the block is live with this layout.
    unsafe { twice.deallocate(block.cast(), held) };
    let mut checked = Checked::new(twice);
    demand(checked.allocate(wanted)?, wanted)?;
    demand(checked.allocate_zeroed(wanted)?, wanted)?;
    checked.free_all(|_| {})
}

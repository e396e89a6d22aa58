//! Requests of no bytes: they are answered, take nothing, and give nothing back.

use core::alloc::Layout;
use core::hint::black_box;

use super::probe::{ALIGNMENTS, demand, fill, fill_up};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::model::shadow::Live;
use crate::workload::op::layout;
use crate::workload::scaled;

/// A request of no bytes is answered at every alignment up to a page, with an aligned pointer to nothing.
pub fn no_bytes_are_served_at_every_alignment(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for align in ALIGNMENTS {
        nothing(&mut checked, align)?;
        let zeroed = checked.allocate_zeroed(layout(0, align))?;
        ensure!(
            zeroed.is_some(),
            "allocate_zeroed refused 0 bytes at a multiple of {align}"
        );
        let raw = checked.allocate_raw(layout(0, align))?;
        ensure!(raw.is_some(), "allocate_raw refused 0 bytes at a multiple of {align}");
    }
    checked.free_all(|_| {})
}

/// A request of no bytes at an alignment beyond any memory does no harm.
pub fn no_bytes_at_huge_alignments_do_no_harm(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for shift in 12..usize::BITS - 1 {
        checked.allocate(layout(0, 1 << shift))?;
    }
    checked.free_all(|_| {})?;
    demand(checked.allocate(layout(100, 8))?, layout(100, 8)).map(drop)
}

/// Requests of no bytes do not use a heap up, however many there are.
pub fn no_bytes_never_exhaust_a_heap(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for _ in 0..scaled(20_000) {
        let answer = black_box(&heap).allocate(black_box(layout(0, 8)));
        ensure!(answer.is_ok(), "0 bytes were refused");
    }
    let fresh = subject.make();
    let served = fill(&mut checked, layout(64, 8))?.len();
    let expected = fill(&mut Checked::new(&*fresh), layout(64, 8))?.len();
    // The one heap may lie a little less well than the other.
    ensure!(
        served >= expected - expected / 8,
        "{served} blocks of 64 bytes fit after many requests of 0 bytes, {expected} in a fresh heap"
    );
    checked.free_all(|_| {})
}

/// A full heap still answers requests of no bytes.
pub fn a_full_heap_serves_no_bytes(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    fill_up(&mut checked, layout(256, 8))?;
    for align in ALIGNMENTS {
        nothing(&mut checked, align)?;
    }
    checked.free_all(|_| {})
}

/// Freeing no bytes gives nothing back, and takes nothing away.
pub fn freeing_no_bytes_changes_nothing(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    fill(&mut checked, layout(64, 64))?;
    for align in ALIGNMENTS {
        for _ in 0..3 {
            let nothing = nothing(&mut checked, align)?;
            checked.free(nothing)?;
        }
    }
    // What would have been freed by mistake is handed out now, and overlaps.
    fill_up(&mut checked, layout(64, 8))?;
    checked.free_all(|_| {})
}

/// A block of no bytes grows to one with bytes, cleared if asked.
pub fn no_bytes_grow_to_a_block(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for align in [1, 8, 64, 1024] {
        let wanted = layout(100, align);
        let first = nothing(&mut checked, align)?;
        demand(checked.grow(first, wanted)?, wanted)?;
        let second = nothing(&mut checked, 1)?;
        demand(checked.grow_zeroed(second, wanted)?, wanted)?;
        let third = nothing(&mut checked, align)?;
        demand(checked.grow(third, layout(0, align))?, layout(0, align))?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A block can always shrink to no bytes.
pub fn a_block_can_shrink_to_no_bytes(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let (wanted, none) = (layout(1000, 8), layout(0, 8));
    for _ in 0..scaled(1000) {
        let Some(block) = checked.allocate(wanted)? else {
            break;
        };
        let shrunk = demand(checked.shrink(block, none)?, none)?;
        checked.free(shrunk)?;
    }
    Ok(())
}

/// Neither to nor from no bytes is a block resized in place.
pub fn no_bytes_are_never_resized_in_place(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let wanted = layout(100, 8);
    let block = demand(checked.allocate(wanted)?, wanted)?;
    // `Checked` fails when one of these succeeds.
    checked.resize_in_place(block, layout(0, 8))?;
    let none = nothing(&mut checked, 8)?;
    checked.resize_in_place(none, wanted)?;
    checked.resize_in_place(none, layout(0, 8))?;
    checked.free_all(|_| {})
}

/// Allocates no bytes.
fn nothing(checked: &mut Checked<'_>, align: usize) -> Verdict<Live> {
    let wanted: Layout = layout(0, align);
    let answer = checked.allocate(wanted)?;
    ensure!(answer.is_some(), "0 bytes at a multiple of {align} were refused");
    // `Checked` fails when the pointer is not aligned or the slice not empty.
    demand(answer, wanted)
}

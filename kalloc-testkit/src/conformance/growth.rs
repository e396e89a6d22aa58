//! A heap over a region that grows, or says that it does.

use kalloc_traits::Stats;

use super::probe::{fill, fill_up, largest_size};
use super::subject::{Builder, Fresh};
use crate::drive::{Checked, Player, Verdict, ensure};
use crate::fault::{FailingRegion, Plan, Refusal, Watch, Yield};
use crate::region::Shape;
use crate::workload::op::layout;
use crate::workload::random::{Mix, RandomOps};
use crate::workload::{ROOM, scaled, some};

/// More calls of a region than any request needs: a claim, a growth, one more because of an alignment, and some patience.
const CALLS: u32 = 16;

/// Blocks keep their bytes and their place while the memory grows under a random program.
pub fn blocks_survive_growth(builder: &Builder<'_>) -> Verdict {
    for start in [0, 100, ROOM / 8, ROOM / 8 + 13] {
        play(builder, start, Refusal::Never, Yield::Exact)?;
    }
    Ok(())
}

/// Whichever growth is refused, nothing is lost.
pub fn any_growth_may_be_refused(builder: &Builder<'_>) -> Verdict {
    for index in 0..if cfg!(miri) { 2 } else { 12 } {
        play(builder, ROOM / 16, Refusal::Only(index), Yield::Exact)?;
        play(builder, ROOM / 16, Refusal::From(index), Yield::Exact)?;
    }
    Ok(())
}

/// A growth that brings less than it says is not believed.
pub fn a_short_growth_is_not_believed(builder: &Builder<'_>) -> Verdict {
    for &less in some(&[7, 64, 1, 8, 9, 1000]) {
        play(builder, ROOM / 16, Refusal::Never, Yield::Less(less))?;
    }
    play(builder, ROOM / 16, Refusal::Never, Yield::Nothing)
}

/// A growth that brings more than was asked for does no harm, however odd.
pub fn a_generous_growth_does_no_harm(builder: &Builder<'_>) -> Verdict {
    for &more in some(&[3, 100, 1, 7, 8, ROOM]) {
        play(builder, ROOM / 16, Refusal::Never, Yield::More(more))?;
        // To the last byte, while no growth comes to the rescue.
        let (heap, watch) = heap_over(builder, 512, Refusal::From(1), Yield::More(more));
        let mut checked = Checked::new(&*heap);
        checked.allocate(layout(600, 8))?;
        fill_up(&mut checked, layout(64, 8))?;
        lies_inside(&checked, &watch)?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A request does not call a region for ever that brings nothing and says that all went well.
pub fn a_request_gives_up(builder: &Builder<'_>) -> Verdict {
    for yields in [Yield::Nothing, Yield::Less(8), Yield::Less(1000)] {
        let (heap, watch) = heap_over(builder, 512, Refusal::Never, yields);
        let mut checked = Checked::new(&*heap);
        for round in 0..20 {
            let before = watch.growths() + watch.claims();
            checked.allocate(layout(700 + round, 8 << (round % 4)))?;
            let calls = watch.growths() + watch.claims() - before;
            ensure!(
                calls <= CALLS,
                "one request called its region {calls} times ({yields:?})"
            );
        }
        // A size that no region can have: the heap may ask once, but must not insist.
        let before = watch.growths();
        checked.allocate(layout(largest_size(8), 8))?;
        let calls = watch.growths() - before;
        ensure!(
            calls <= CALLS,
            "a request that cannot be served called its region {calls} times"
        );
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// `grows`: a request that does not fit is served when the region grows, from nothing too.
pub fn a_region_that_grows_serves_more(builder: &Builder<'_>) -> Verdict {
    for &(start, misalignment) in some(&[(0, 0), (1000, 3), (0, 5), (100, 0), (4096, 0)]) {
        for size in [8, ROOM / 2, 1000] {
            for &align in some(&[8, 1024, 1, 64]) {
                let shape = Shape::new(start).with_reserve(ROOM * 2).with_base(4096, misalignment);
                let (region, _) = FailingRegion::new(shape, Plan::default());
                let heap = builder.build(region);
                let mut checked = Checked::new(&*heap);
                let answer = checked.allocate(layout(size, align))?;
                ensure!(
                    answer.is_some(),
                    "{size} bytes at a multiple of {align} were refused over a region of {start} bytes that can grow"
                );
                checked.free_all(|_| {})?;
            }
        }
    }
    Ok(())
}

/// `grows`: a region that brings more than was asked for is not asked again before that is used up.
pub fn what_a_generous_growth_brought_is_used(builder: &Builder<'_>) -> Verdict {
    let (heap, watch) = heap_over(builder, 512, Refusal::Never, Yield::More(ROOM / 2));
    let mut checked = Checked::new(&*heap);
    while watch.growths() == 0 {
        let answer = checked.allocate(layout(64, 8))?;
        ensure!(answer.is_some(), "64 bytes were refused over a region that can grow");
    }
    // Some of it may be spent on the heap's own state.
    for served in 0..ROOM / 4 / 64 {
        checked.allocate(layout(64, 8))?;
        let growths = watch.growths();
        ensure!(
            growths == 1,
            "after {served} blocks of 64 bytes the region was asked again, which brought {} more",
            ROOM / 2
        );
    }
    checked.free_all(|_| {})
}

/// `grows`: what a growth brought that was too short is used for what fits.
pub fn what_a_short_growth_brought_is_used(builder: &Builder<'_>) -> Verdict {
    // Small requests bring nothing at all, a large one a part.
    let (heap, watch) = heap_over(builder, 1024, Refusal::Never, Yield::Less(1000));
    let mut checked = Checked::new(&*heap);
    fill(&mut checked, layout(64, 64))?;
    let span = watch.span().len();
    let answer = checked.allocate(layout(3000, 8))?;
    let came = watch.span().len() - span;
    ensure!(
        came > 1000,
        "the region of 1024 bytes was to grow for 3000, and grew by {came}"
    );
    // A heap that asks again until it has enough has used it.
    if answer.is_none() {
        let after = fill(&mut checked, layout(64, 64))?.len();
        ensure!(
            after > 8,
            "a growth brought {came} bytes, too few for 3000, but only {after} times 64 fit there"
        );
    }
    checked.free_all(|_| {})
}

/// `grows`: after a growth was refused, a later one is asked for and used.
pub fn a_refused_growth_is_tried_again(builder: &Builder<'_>) -> Verdict {
    let (heap, watch) = heap_over(builder, 512, Refusal::Only(0), Yield::Exact);
    let mut checked = Checked::new(&*heap);
    let first = checked.allocate(layout(2000, 8))?;
    ensure!(
        first.is_none() && watch.growths() == 1,
        "the first growth was to be refused"
    );
    let second = checked.allocate(layout(2000, 8))?;
    ensure!(
        second.is_some(),
        "2000 bytes were refused, though the region would grow now"
    );
    checked.free_all(|_| {})
}

/// `inspect`: a growth that is refused changes no counter but that of refusals, and one that succeeds adds up.
pub fn growth_is_counted_right(builder: &Builder<'_>) -> Verdict {
    for refusal in [Refusal::Only(0), Refusal::Only(1), Refusal::From(2)] {
        let (heap, watch) = heap_over(builder, 1024, refusal, Yield::Exact);
        let inside = heap.inside()?;
        let mut checked = Checked::new(&*heap);
        checked.allocate(layout(64, 8))?;
        for round in 0..20 {
            let (before, span) = (inside.stats(), watch.span());
            let answer = checked.allocate(layout(500 + round * 40, 16))?;
            let after = inside.stats();
            super::stats::adds_up(after)?;
            inside.verify()?;
            ensure!(
                after.capacity <= watch.span().len(),
                "the capacity is more than the region"
            );
            if answer.is_none() && watch.span() == span {
                // What it kept in caches it may have given up, before it refused.
                let given_up = before.cached.saturating_sub(after.cached);
                let expected = Stats {
                    failed_requests: before.failed_requests + 1,
                    free: before.free + given_up,
                    cached: before.cached - given_up,
                    ..before
                };
                ensure!(
                    after == expected,
                    "a refused growth changed the counters from {before:?} to {after:?}"
                );
            }
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Returns a heap over a region of `start` bytes that grows by a plan.
fn heap_over(builder: &Builder<'_>, start: usize, refusal: Refusal, yields: Yield) -> (Fresh, Watch) {
    let plan = Plan {
        refusal,
        yields,
        ..Plan::default()
    };
    let shape = Shape::new(start).with_reserve(ROOM * 2).with_base(64, (start + 5) % 8);
    let (region, watch) = FailingRegion::new(shape, plan);
    (builder.build(region), watch)
}

/// Plays a random program over such a region. Every block must lie in the memory that the region has by then.
fn play(builder: &Builder<'_>, start: usize, refusal: Refusal, yields: Yield) -> Verdict {
    let (heap, watch) = heap_over(builder, start, refusal, yields);
    let mut ops = RandomOps::new(start as u64, Mix::Mixed, 100, ROOM / 4);
    let mut player = Player::new(&*heap, 100);
    let during =
        |failure: crate::drive::Failure| failure.during(format_args!("{start} bytes, {refusal:?}, {yields:?}"));
    for step in 0..scaled(400) {
        let op = ops.next(|slot| player.size_of(slot));
        player.play(op).map_err(during)?;
        if step % 16 == 0 {
            lies_inside(player.checked(), &watch).map_err(|failure| during(player.told(failure)))?;
        }
    }
    lies_inside(player.checked(), &watch).map_err(during)?;
    player.finish().map_err(during)
}

/// Checks that the live blocks lie in the region, and that nothing beside it was written.
pub(super) fn lies_inside(checked: &Checked<'_>, watch: &Watch) -> Verdict {
    let span = watch.span();
    for (_, block) in checked.shadow().by_address() {
        let range = block.range();
        ensure!(
            span.start_addr() <= range.start && range.end <= span.end_addr(),
            "the block {range:x?} is not inside of the region, {:x?}",
            span.start_addr()..span.end_addr()
        );
    }
    Ok(watch.check()?)
}

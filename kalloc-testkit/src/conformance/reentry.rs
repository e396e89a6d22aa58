//! A region that calls the heap it feeds, in the middle of a claim or a growth.
//!
//! Such a call is served from what the heap has, or refused. It neither recurses nor disturbs the request that is under
//! way.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;

use kalloc_traits::growth::Step;

use super::growth::lies_inside;
use super::stats::adds_up;
use super::subject::{Builder, Fresh};
use crate::drive::{Checked, Failure, Verdict, ensure};
use crate::fault::{FailingRegion, Plan, Watch};
use crate::region::{Shape, bytes};
use crate::workload::op::layout;
use crate::workload::random::Rng;
use crate::workload::{ROOM, scaled};

/// `grows`: a region that grows may allocate from what the heap has.
pub fn a_growing_region_may_allocate(builder: &Builder<'_>) -> Verdict {
    play(builder, |guest, heap| {
        (0..3).for_each(|round| guest.allocate(heap, layout(8 + round * 20, 8)));
    })
}

/// `grows`: it may free what it has allocated before.
pub fn a_growing_region_may_free(builder: &Builder<'_>) -> Verdict {
    play(builder, |guest, heap| {
        guest.free(heap);
        guest.allocate(heap, layout(40, 8));
        guest.allocate(heap, layout(24, 8));
        guest.free(heap);
    })
}

/// `grows`: it may resize what it has allocated before.
pub fn a_growing_region_may_resize(builder: &Builder<'_>) -> Verdict {
    play(builder, |guest, heap| {
        guest.allocate(heap, layout(64, 8));
        guest.resize(heap, layout(24, 8));
        guest.resize(heap, layout(100, 8));
    })
}

/// `grows`: what needs a growth inside of a growth is refused, and does not recurse.
pub fn a_growth_inside_of_a_growth_is_refused(builder: &Builder<'_>) -> Verdict {
    play(builder, |guest, heap| {
        guest.allocate(heap, layout(ROOM / 2, 8));
        guest.allocate(heap, layout(ROOM * 4, 8));
    })
}

/// What is asked for while the region is being claimed is refused, and does not recurse.
pub fn a_claim_inside_of_a_claim_is_refused(builder: &Builder<'_>) -> Verdict {
    let stage = Stage::new(builder, ROOM, |step, guest, heap| {
        if step == Step::Claim {
            guest.allocate(heap, layout(64, 8));
            guest.allocate(heap, layout(0, 8));
        }
    });
    let mut checked = Checked::new(&**stage.heap());
    let answer = checked.allocate(layout(100, 8))?;
    let (claims, depth) = (stage.watch.claims(), stage.watch.deepest());
    ensure!(
        claims <= 1 && depth <= 1,
        "the region was claimed {claims} times, {depth} inside of one another"
    );
    ensure!(
        answer.is_some() || claims == 0,
        "100 bytes were refused because the claim had called the heap"
    );
    stage.check(&checked)?;
    checked.free_all(|_| {})
}

/// `inspect`: a region that is claimed or grows may look into the heap.
pub fn a_growing_region_may_look_into_the_heap(builder: &Builder<'_>) -> Verdict {
    let stage = Stage::new(builder, 512, |_, guest, heap| {
        if let Err(failure) = look_into(heap) {
            guest.complain(failure);
        }
    });
    stage.play()
}

/// `inspect`: what a region frees while it grows is not lost.
pub fn what_is_freed_during_a_growth_is_free(builder: &Builder<'_>) -> Verdict {
    let stage = Stage::new(builder, 512, |step, guest, heap| {
        if step != Step::Claim {
            guest.allocate(heap, layout(40, 8));
            guest.allocate(heap, layout(24, 8));
            guest.free(heap);
        }
    });
    stage.play()?;
    let heap = stage.heap();
    let mut guest = stage.guest.borrow_mut();
    while !guest.blocks.is_empty() {
        guest.free(heap);
    }
    let stats = heap.inside()?.stats();
    adds_up(stats)?;
    ensure!(
        stats.used == 0 && stats.live_blocks == 0,
        "everything is freed, some of it while the region grew, but the counters say {stats:?}"
    );
    Ok(())
}

/// Looks into a heap in all ways.
fn look_into(heap: &Fresh) -> Verdict {
    let inside = heap.inside()?;
    adds_up(inside.stats())?;
    let mut end = 0;
    inside.walk(&mut |run| end = run.start + run.len);
    inside.owns(NonNull::dangling());
    Ok(inside.verify()?)
}

/// Plays a program over a region that calls the heap whenever it grows.
fn play(builder: &Builder<'_>, act: impl Fn(&mut Guest, &Fresh) + 'static) -> Verdict {
    let stage = Stage::new(builder, 512, move |step, guest, heap| {
        if step != Step::Claim {
            act(guest, heap);
        }
    });
    stage.play()?;
    let growths = stage.watch.growths();
    ensure!(growths > 0, "a heap that is said to grow never asked its region to");
    Ok(())
}

/// What the region's code keeps: its blocks, each full of a pattern, and what it noticed.
#[derive(Default)]
struct Guest {
    blocks: Vec<(NonNull<[u8]>, Layout, u64)>,
    seed: u64,
    complaint: Option<Failure>,
}

impl Guest {
    /// Allocates a block and fills it. It may be refused.
    fn allocate(&mut self, heap: &Fresh, wanted: Layout) {
        if let Ok(block) = heap.allocate(wanted) {
            self.keep(block, wanted);
        }
    }

    /// Frees the oldest block.
    fn free(&mut self, heap: &Fresh) {
        if let Some((block, held)) = self.give() {
            // SAFETY: the block is live with this layout, and forgotten.
            unsafe { heap.deallocate(block, held) };
        }
    }

    /// Resizes the oldest block.
    fn resize(&mut self, heap: &Fresh, new: Layout) {
        let Some((block, held)) = self.give() else {
            return;
        };
        let resized = if new.size() >= held.size() {
            // SAFETY: the block is live with this layout.
            unsafe { heap.grow(block, held, new) }
        } else {
            // SAFETY: as above.
            unsafe { heap.shrink(block, held, new) }
        };
        match resized {
            Ok(resized) => self.keep(resized, new),
            Err(_) => self.keep(NonNull::slice_from_raw_parts(block, held.size()), held),
        }
    }

    /// Fills a block and remembers it.
    fn keep(&mut self, block: NonNull<[u8]>, held: Layout) {
        self.seed += 1;
        // SAFETY: the block is ours, and at least as long as its layout says.
        unsafe { bytes::fill(block.cast(), held.size(), self.seed) };
        self.blocks.push((block, held, self.seed));
    }

    /// Checks and forgets the oldest block.
    fn give(&mut self) -> Option<(NonNull<u8>, Layout)> {
        let (block, held, seed) = (!self.blocks.is_empty()).then(|| self.blocks.remove(0))?;
        // SAFETY: the block was filled, and nobody else may write it.
        if let Some(at) = unsafe { bytes::first_difference(block.cast(), held.size(), seed) } {
            self.complain(Failure::new(alloc::format!(
                "a block of the region's own lost its byte {at}"
            )));
        }
        Some((block.cast(), held))
    }

    /// Remembers the first thing that is wrong. A panic here would abort the process.
    fn complain(&mut self, failure: Failure) {
        self.complaint.get_or_insert(failure);
    }
}

/// A heap over a region whose hook calls the heap.
struct Stage {
    heap: NonNull<Fresh>,
    guest: Rc<RefCell<Guest>>,
    watch: Watch,
}

impl Stage {
    /// Returns a stage over a region of `len` bytes that can grow, and calls `act` with the heap at every step.
    fn new(builder: &Builder<'_>, len: usize, act: impl Fn(Step, &mut Guest, &Fresh) + 'static) -> Self {
        let door: Rc<Cell<Option<NonNull<Fresh>>>> = Rc::default();
        let guest: Rc<RefCell<Guest>> = Rc::default();
        let hook = {
            let (door, guest) = (Rc::clone(&door), Rc::clone(&guest));
            move |step| {
                // A heap that recurses comes here while the guest is busy; the watch counts that.
                if let (Some(heap), Ok(mut guest)) = (door.get(), guest.try_borrow_mut()) {
                    // SAFETY: the heap stays in its box until the stage is dropped, and is only ever shared.
                    act(step, &mut guest, unsafe { heap.as_ref() });
                }
            }
        };
        let plan = Plan {
            hook: Some(Box::new(hook)),
            ..Plan::default()
        };
        let (region, watch) = FailingRegion::new(Shape::new(len).with_reserve(ROOM * 2), plan);
        let heap = Box::new(builder.build(region));
        let heap = NonNull::from(Box::leak(heap));
        door.set(Some(heap));
        Self { heap, guest, watch }
    }

    /// Returns the heap.
    fn heap(&self) -> &Fresh {
        // SAFETY: the heap lives in its box until the stage is dropped, and is only ever shared.
        unsafe { self.heap.as_ref() }
    }

    /// Allocates and frees until the region has grown often.
    fn play(&self) -> Verdict {
        let mut rng = Rng::new(4);
        let mut checked = Checked::new(&**self.heap());
        for round in 0..scaled(200).max(12) {
            if rng.chance(30) {
                if let Some(live) = checked.shadow().nth(0) {
                    checked.free(live)?;
                }
            }
            checked.allocate(layout(1 + rng.below(600), 1 << rng.below(6)))?;
            let depth = self.watch.deepest();
            ensure!(depth <= 1, "round {round}: {depth} growths inside of one another");
            self.check(&checked)
                .map_err(|failure| failure.during(format_args!("round {round}")))?;
        }
        checked.free_all(|_| {})
    }

    /// Checks both sides' blocks: whole, apart, and inside of the region.
    fn check(&self, checked: &Checked<'_>) -> Verdict {
        checked.check_all()?;
        lies_inside(checked, &self.watch)?;
        let guest = self.guest.borrow();
        if let Some(complaint) = &guest.complaint {
            return Err(complaint.clone());
        }
        for &(block, held, seed) in &guest.blocks {
            // SAFETY: the block was filled, and nobody else may write it.
            let lost = unsafe { bytes::first_difference(block.cast(), held.size(), seed) };
            ensure!(lost.is_none(), "a block of the region's own lost its byte {lost:?}");
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // SAFETY: the box was leaked in `new`, and nobody uses the heap any more.
        drop(unsafe { Box::from_raw(self.heap.as_ptr()) });
    }
}

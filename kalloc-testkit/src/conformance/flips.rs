//! Single bits that turn over in memory that is not lent: `verify` comes back, and says so where it matters.

use alloc::vec::Vec;
use core::ops::Range;

use super::probe::fill_up;
use super::subject::{Builder, Fresh};
use crate::drive::{Checked, Failure, Verdict, caught, ensure};
use crate::fault::{Bit, FailingRegion, Plan, Watch};
use crate::model::shadow::Live;
use crate::region::{Fill, Shape};
use crate::workload::op::layout;
use crate::workload::random::{Mix, Rng};

/// Bytes of the region: few, as each of its bits is tried, but enough for the heap's own state.
const BYTES: usize = 4096;

/// How many bits are passed over for each that is tried.
const STRIDE: usize = if cfg!(miri) { 4001 } else { 1 };

/// As above where a program is played for each.
const LONG_STRIDE: usize = if cfg!(miri) { 16_001 } else { 7 };

/// `inspect`: `verify` comes back whatever bit is turned over, and finds nothing once it is turned back.
pub fn verify_bears_any_flipped_bit(builder: &Builder<'_>) -> Verdict {
    let (heap, watch) = heap_over(builder);
    let mut checked = Checked::new(&*heap);
    let mut rng = Rng::new(1);
    use_for_a_while(&mut checked, &mut rng, 60)?;
    let inside = heap.inside()?;
    inside.verify()?;
    for bit in bits(&checked, &watch).into_iter().step_by(STRIDE) {
        // SAFETY: the bit lies in the region, whose bytes the shape has filled, and nobody uses them just now. That the
        // heap bears it is what is judged; it is turned back before the heap is used.
        unsafe { bit.flip(watch.span()) };
        let answer = caught(|| Ok(inside.verify()));
        // SAFETY: as above.
        unsafe { bit.flip(watch.span()) };
        // Whether it found the bit does not matter here.
        _ = answer
            .map_err(|failure| failure.during(format_args!("{bit:?} was turned over, and `verify` was called")))?;
        inside
            .verify()
            .map_err(|corruption| Failure::from(corruption).during(format_args!("{bit:?} was turned over and back")))?;
    }
    checked.free_all(|_| {})
}

/// `verifies`: whatever bit is turned over, `verify` reports it, or the heap goes on as if nothing had happened.
pub fn a_flipped_bit_is_reported_or_harmless(builder: &Builder<'_>) -> Verdict {
    let count = {
        let (heap, watch) = heap_over(builder);
        let mut checked = Checked::new(&*heap);
        use_for_a_while(&mut checked, &mut Rng::new(1), 60)?;
        bits(&checked, &watch).len()
    };
    for index in (0..count).step_by(LONG_STRIDE) {
        let (heap, watch) = heap_over(builder);
        let mut checked = Checked::new(&*heap);
        let mut rng = Rng::new(1);
        use_for_a_while(&mut checked, &mut rng, 60)?;
        let bit = bits(&checked, &watch).get(index).copied();
        let Some(bit) = bit else { continue };
        // SAFETY: the bit lies in the region, whose bytes the shape has filled, and nobody uses them just now. That the
        // heap bears it is what is judged.
        unsafe { bit.flip(watch.span()) };
        if heap.inside()?.verify().is_ok() {
            let span = watch.span();
            checked.set_bounds(span.start_addr()..span.end_addr());
            let used = caught(|| {
                use_for_a_while(&mut checked, &mut rng, 60)?;
                fill_up(&mut checked, layout(64, 8))?;
                checked.check_all()?;
                watch.check()?;
                checked.free_all(|_| {})
            });
            used.map_err(|failure| failure.during(format_args!("{bit:?} was turned over, `verify` found nothing")))?;
        }
    }
    ensure!(count > 0, "all of the region is lent");
    Ok(())
}

/// Returns a heap over initialised memory.
fn heap_over(builder: &Builder<'_>) -> (Fresh, Watch) {
    let shape = Shape::new(BYTES).with_fill(Fill::Noise(9));
    let (region, watch) = FailingRegion::new(shape, Plan::default());
    (builder.build(region), watch)
}

/// Allocates and frees, so that there is something of everything: live, free and kept blocks.
fn use_for_a_while(checked: &mut Checked<'_>, rng: &mut Rng, steps: usize) -> Verdict {
    for _ in 0..steps {
        let live: Option<Live> = checked.shadow().nth(rng.below(12));
        match live.filter(|_| rng.chance(45)) {
            Some(live) => checked.free(live)?,
            None => checked.allocate(Mix::Small.layout(rng, 128)).map(drop)?,
        }
    }
    Ok(())
}

/// Returns the bits of the region that are in no live block.
fn bits(checked: &Checked<'_>, watch: &Watch) -> Vec<Bit> {
    let lent: Vec<Range<usize>> = checked.shadow().by_address().map(|(_, block)| block.range()).collect();
    Bit::outside_of(watch.span(), &lent)
}

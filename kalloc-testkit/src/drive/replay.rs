//! Plays a program again that a failure has printed, and looks at the heap as the rule did.

use core::alloc::Layout;
use core::fmt;
use core::hint::black_box;
use core::str::FromStr;

use kalloc_traits::{Heap, Inspect};

use super::failure::{Failure, Verdict, ensure};
use super::single::Player;
use crate::workload::op::{Op, layout};
use crate::workload::text;

/// The largest block that [`Lens::Whole`] looks for.
const MOST: usize = 1 << 20;

/// What is looked at, besides every answer of the heap and the bytes of every block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lens {
    /// Nothing.
    Blocks,
    /// After each step, the counters against the blocks, and `verify`.
    Inside,
    /// At the end, whether the largest block is to be had that was to be had before.
    Whole,
    /// After each free, whether the same layout is served again.
    Refit,
}

impl Lens {
    /// Returns the word before a program, which tells how to look.
    const fn word(self) -> &'static str {
        match self {
            Self::Blocks => "",
            Self::Inside => "inside ",
            Self::Whole => "whole ",
            Self::Refit => "refit ",
        }
    }
}

impl fmt::Display for Lens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A program with the lens before it, as a failure prints it.
struct Script {
    lens: Lens,
    program: alloc::vec::Vec<Op>,
}

impl FromStr for Script {
    type Err = Failure;

    fn from_str(script: &str) -> Verdict<Self> {
        let mut lenses = [Lens::Inside, Lens::Whole, Lens::Refit].into_iter();
        let found = lenses.find_map(|lens| Some((lens, script.strip_prefix(lens.word())?)));
        let (lens, program) = found.unwrap_or((Lens::Blocks, script));
        let program = text::read(program).map_err(|error| Failure::new(alloc::format!("{error}")))?;
        Ok(Self { lens, program })
    }
}

/// Plays a program that a failure has printed, on a fresh heap that `make` returns.
///
/// ```
/// use kalloc_testkit::fault::planted::{Fault, Planted};
/// use kalloc_testkit::region::GuardedRegion;
/// use kalloc_testkit::replay;
///
/// let sound = || Planted::new(GuardedRegion::new(1000), Fault::None);
/// assert!(replay(sound, "a0:100@8 a1:64@64").is_ok());
///
/// let faulty = || Planted::new(GuardedRegion::new(1000), Fault::IgnoresAlignment);
/// let failure = replay(faulty, "a0:100@8 a1:64@64").unwrap_err();
/// assert!(failure.words().contains("does not lie at a multiple of 64"));
/// ```
///
/// # Errors
///
/// The heap broke its contract, or the text is no program. A program that begins with `inside` needs
/// [`replay_inside`].
pub fn replay<H: Heap>(make: impl Fn() -> H, script: &str) -> Verdict {
    let Script { lens, program } = script.parse()?;
    ensure!(lens != Lens::Inside, "this program is for `replay_inside`");
    play(&make(), None, lens, &program)
}

/// Plays a program as [`replay`] does, on a heap that can be looked into.
///
/// # Errors
///
/// As for [`replay`]; and what its counters and `verify` say of it is not so.
pub fn replay_inside<H: Heap + Inspect>(make: impl Fn() -> H, script: &str) -> Verdict {
    let Script { lens, program } = script.parse()?;
    let heap = make();
    play(&heap, Some(&heap), lens, &program)
}

/// Plays a program on a fresh heap, looks at it through a lens, and frees what is live at the end.
///
/// # Errors
///
/// What broke, with the last steps.
pub fn play(heap: &dyn Heap, inside: Option<&dyn Inspect>, lens: Lens, program: &[Op]) -> Verdict {
    let slots = program.iter().map(|op| op.slot().saturating_add(1)).max().unwrap_or(0);
    let before = match lens {
        Lens::Whole => largest(heap),
        _ => 0,
    };
    let inside = inside.filter(|_| lens == Lens::Inside);
    let mut player = Player::new(heap, slots);
    for op in program {
        let freed = player.layout_of(op.slot()).filter(|_| matches!(op, Op::Free(_)));
        player.play(*op)?;
        if let Some(inside) = inside {
            look(inside, &player).map_err(|failure| player.told(failure))?;
        }
        if let Some(freed) = freed.filter(|freed| lens == Lens::Refit && freed.size() > 0) {
            let is_served = serves(heap, freed);
            ensure!(
                is_served,
                "{} bytes were refused where such a block was just freed",
                freed.size()
            );
        }
    }
    player.finish()?;
    inside.map_or(Ok(()), |inside| look(inside, &player))?;
    if lens == Lens::Whole {
        heap.trim();
        let after = largest(heap);
        ensure!(
            after >= before,
            "everything is free again, but the largest block is {after} bytes, and was {before} before"
        );
    }
    Ok(())
}

/// Looks into a heap.
fn look(inside: &dyn Inspect, player: &Player<'_>) -> Verdict {
    let (stats, shadow) = (inside.stats(), player.checked().shadow());
    inside.verify()?;
    let sum = stats.used + stats.free + stats.cached;
    ensure!(sum == stats.capacity, "the counters do not add up: {stats:?}");
    let (extents, live) = (shadow.extents(), shadow.len());
    let is_right = stats.used == extents && stats.live_blocks == live && stats.peak_used >= stats.used;
    ensure!(
        is_right,
        "{live} live blocks have {extents} bytes, but the counters say {stats:?}"
    );
    let (mut from, mut free) = (0, 0);
    while let Some(run) = inside.next_run(from) {
        let is_behind = run.start >= from && run.len > 0 && (from == 0 || run.start == from);
        ensure!(is_behind, "the walk shows {run:x?} behind {from:#x}");
        from = run.start + run.len;
        if run.kind == kalloc_traits::RunKind::Free {
            free += run.len;
            let inner = shadow.by_address().find(|(_, block)| {
                let range = block.range();
                range.start < from && run.start < range.end
            });
            ensure!(inner.is_none(), "the walk shows the live block {inner:x?} in {run:x?}");
        }
    }
    ensure!(
        free == stats.free,
        "free runs have {free} bytes, {} are said to be free",
        stats.free
    );
    Ok(())
}

/// Returns the largest size that the heap serves just now.
fn largest(heap: &dyn Heap) -> usize {
    let (mut served, mut refused) = (0, MOST + 1);
    while refused - served > 1 {
        let middle = served + (refused - served) / 2;
        if serves(heap, layout(middle, 8)) {
            served = middle;
        } else {
            refused = middle;
        }
    }
    served
}

/// Returns whether the heap serves a layout just now. The block is not touched, and freed at once.
fn serves(heap: &dyn Heap, wanted: Layout) -> bool {
    let Ok(block) = black_box(heap).allocate(black_box(wanted)) else {
        return false;
    };
    // SAFETY: the block was just allocated with this layout.
    unsafe { black_box(heap).deallocate(block.cast(), wanted) };
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::planted::{Fault, Planted};
    use crate::region::GuardedRegion;

    /// Plays a script on a heap with a fault.
    fn script(fault: Fault, script: &str) -> Verdict {
        replay_inside(|| Planted::new(GuardedRegion::new(1000), fault), script)
    }

    #[test]
    fn each_lens_finds_what_it_is_for() {
        for (fault, words) in [
            (Fault::PeakStale, "inside a0:8@1 r0:64@1"),
            (Fault::WalkShowsUsedAsFree, "inside a0:8@1"),
            (Fault::NoLeftMerge, "whole a0:8@1 a1:8@1 f0 f1"),
            (Fault::SkipsExactFit, "refit a0:8@1 a1:984@1 f0"),
        ] {
            assert!(script(fault, words).is_err(), "{fault:?}: {words}");
            assert_eq!(script(Fault::None, words), Ok(()));
        }
    }

    #[test]
    fn what_is_no_program_says_so() {
        assert!(script(Fault::None, "a0:8@1 x").unwrap_err().words().contains("`x`"));
        let sound = || Planted::new(GuardedRegion::new(1000), Fault::None);
        assert!(replay(sound, "inside a0:8@1").is_err());
        assert!(replay(sound, "whole a0:8@1").is_ok());
    }
}

//! Plays programs on one thread, and tells the story when one fails.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;

use kalloc_traits::Heap;

use super::checked::{Checked, MOST};
use super::failure::{Failure, Verdict, ensure};
use crate::model::shadow::Live;
use crate::workload::ROOM;
use crate::workload::op::{Op, Slot};
use crate::workload::random::{Mix, RandomOps};

/// How many of the last steps a failure tells. All of them follow from the seed.
const STORY: usize = 64;

/// Bytes from which on a block is not written.
const LARGE: usize = 1 << 26;

/// What became of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests that were served.
    pub served: usize,
    /// Requests that were refused.
    pub refused: usize,
}

/// A program in progress: a heap, its shadow, and what each slot holds.
pub struct Player<'h> {
    checked: Checked<'h>,
    slots: Vec<Option<Live>>,
    story: VecDeque<Op>,
    steps: usize,
    summary: Summary,
}

impl<'h> Player<'h> {
    /// Returns a player on `heap` with so many empty slots.
    pub fn new(heap: &'h dyn Heap, slots: Slot) -> Self {
        Self {
            checked: Checked::new(heap),
            slots: vec![None; usize::from(slots)],
            story: VecDeque::with_capacity(STORY),
            steps: 0,
            summary: Summary::default(),
        }
    }

    /// Returns the heap with its shadow.
    pub const fn checked(&self) -> &Checked<'h> {
        &self.checked
    }

    /// Returns the heap with its shadow, for calls between the steps. Blocks of slots must not be freed.
    pub const fn checked_mut(&mut self) -> &mut Checked<'h> {
        &mut self.checked
    }

    /// Returns what became of the steps so far.
    pub const fn summary(&self) -> Summary {
        self.summary
    }

    /// Returns the layout of the block in a slot.
    pub fn layout_of(&self, slot: Slot) -> Option<Layout> {
        let live = (*self.slots.get(usize::from(slot))?)?;
        Some(self.checked.shadow().block(live).layout)
    }

    /// Returns the size of the block in a slot.
    pub fn size_of(&self, slot: Slot) -> Option<usize> {
        Some(self.layout_of(slot)?.size())
    }

    /// Plays one step. One that does not suit its slot does nothing.
    ///
    /// # Errors
    ///
    /// The heap broke its contract; the failure tells the steps.
    pub fn play(&mut self, op: Op) -> Verdict {
        if self.story.len() == STORY {
            self.story.pop_front();
        }
        self.story.push_back(op);
        self.steps += 1;
        self.step(op).map_err(|failure| self.told(failure))
    }

    /// Checks all live blocks and frees them.
    ///
    /// # Errors
    ///
    /// The bytes of one of them changed; the failure tells the steps.
    pub fn finish(&mut self) -> Verdict {
        self.slots.fill(None);
        let finished = self.checked.check_all().and_then(|()| self.checked.free_all(|_| {}));
        finished.map_err(|failure| self.told(failure))
    }

    /// Returns a failure with the steps that led to it.
    pub fn told(&self, failure: Failure) -> Failure {
        let step = self.steps.saturating_sub(1);
        failure.during(format_args!("step {step}")).after(Story(self))
    }

    /// Makes the call of a step.
    ///
    /// Larger blocks than [`LARGE`] are neither written nor, if they live already, resized: a heap may hand them out on
    /// credit.
    fn step(&mut self, op: Op) -> Verdict {
        let index = usize::from(op.slot());
        let held = self.slots.get(index).copied().flatten();
        let size = self.size_of(op.slot()).unwrap_or(0);
        let checked = &mut self.checked;
        if let Some(layout) = op.layout().filter(|layout| layout.size() > MOST) {
            // Asked plainly first: a heap that serves this would clear or copy it, and end the process.
            let answer = checked.allocate_untouched(layout)?;
            ensure!(
                answer.is_none(),
                "{} bytes were served, which no machine has",
                layout.size()
            );
        }
        let is_large = op.layout().is_some_and(|layout| layout.size() > LARGE);
        let answer = match (op, held) {
            (Op::Allocate(_, layout), None) if is_large => checked.allocate_untouched(layout)?,
            (Op::Grow(_, new) | Op::GrowZeroed(_, new) | Op::Resize(_, new), Some(_))
                if is_large && new.size() <= MOST =>
            {
                return Ok(());
            }
            (Op::AllocateZeroed(_, new), None) if is_large && new.size() <= MOST => return Ok(()),
            _ if index >= self.slots.len() => return Ok(()),
            (Op::Allocate(_, layout), None) => checked.allocate(layout)?,
            (Op::AllocateZeroed(_, layout), None) => checked.allocate_zeroed(layout)?,
            (Op::Free(_), Some(live)) => {
                self.slots[index] = None;
                return checked.free(live);
            }
            (Op::Grow(_, new), Some(live)) if new.size() >= size => checked.grow(live, new)?,
            (Op::GrowZeroed(_, new), Some(live)) if new.size() >= size => checked.grow_zeroed(live, new)?,
            (Op::Shrink(_, new), Some(live)) if new.size() <= size => checked.shrink(live, new)?,
            (Op::Resize(_, new), Some(live)) => checked.resize_in_place(live, new)?,
            _ => return Ok(()),
        };
        match answer {
            Some(live) => {
                self.slots[index] = Some(live);
                self.summary.served += 1;
            }
            None => self.summary.refused += 1,
        }
        Ok(())
    }
}

/// The last steps of a player, in words.
struct Story<'p, 'h>(&'p Player<'h>);

impl fmt::Display for Story<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Player { story, steps, .. } = self.0;
        let first = steps - story.len();
        for (index, op) in story.iter().enumerate() {
            write!(f, "\n  {:>6}  {op}", first + index)?;
        }
        Ok(())
    }
}

/// Plays a program on `heap` and frees what is live at its end.
///
/// # Errors
///
/// The heap broke its contract. The failure tells the step and those before it.
pub fn run(heap: &dyn Heap, program: impl IntoIterator<Item = Op>) -> Verdict<Summary> {
    let program: Vec<Op> = program.into_iter().collect();
    let slots = program.iter().map(|op| op.slot().saturating_add(1)).max().unwrap_or(0);
    let mut player = Player::new(heap, slots);
    program.into_iter().try_for_each(|op| player.play(op))?;
    player.finish()?;
    Ok(player.summary())
}

/// What a check between two steps says: nothing, for it panics when something is wrong, or a `Result`.
pub trait Check {
    /// Turns it into words.
    ///
    /// # Errors
    ///
    /// It says that something is wrong.
    fn into_verdict(self) -> Verdict;
}

impl Check for () {
    fn into_verdict(self) -> Verdict {
        Ok(())
    }
}

impl<E: fmt::Display> Check for Result<(), E> {
    fn into_verdict(self) -> Verdict {
        self.map_err(|error| Failure::new(alloc::format!("the check says: {error}")))
    }
}

/// Plays `ops` random steps of every kind and size on `heap`, with `check` after each, and frees what is live at the end.
///
/// Small blocks, mixed ones, sizes at bin edges, over-aligned and huge ones take turns, a few hundred steps each. The
/// heap should hold about [`ROOM`] bytes. Cost of a step: a search in the shadow, and two passes over a block's bytes.
///
/// ```
/// use kalloc_testkit::drive::soak;
/// use kalloc_testkit::fault::planted::{Fault, Planted};
/// use kalloc_testkit::region::GuardedRegion;
/// use kalloc_traits::Inspect;
///
/// let heap = Planted::new(GuardedRegion::new(64 << 10), Fault::None);
/// soak(&heap, 1, 1000, |heap| heap.verify());
/// ```
///
/// # Panics
///
/// The heap broke its contract, or the check failed. The message holds the seed, the step and those before it.
pub fn soak<H: Heap, C: Check>(heap: &H, seed: u64, ops: usize, mut check: impl FnMut(&H) -> C) {
    const SLOTS: Slot = 256;
    const TURN: usize = 400;
    let mut programs = Mix::ALL.map(|mix| RandomOps::new(seed, mix, SLOTS, ROOM / 4));
    let mut player = Player::new(heap, SLOTS);
    for step in 0..ops {
        let program = &mut programs[step / TURN % Mix::ALL.len()];
        let op = program.next(|slot| player.size_of(slot));
        let played = player.play(op);
        let checked = played.and_then(|()| check(heap).into_verdict().map_err(|failure| player.told(failure)));
        checked.unwrap_or_else(|failure| panic!("seed {seed}, {failure}"));
    }
    player
        .finish()
        .unwrap_or_else(|failure| panic!("seed {seed}, {failure}"));
}

//! Makes programs that fail shorter, until every step is needed.
//!
//! Delta debugging (Zeller and Hildebrandt: "Simplifying and isolating failure-inducing input", IEEE TSE 28(2), 2002):
//! leave out ever smaller pieces for as long as the rest still fails, then make what is left plainer. Any list of steps is
//! a program, so no piece needs repair.
//!
//! Cost: no more than some two million steps are played, so a long program may come out less than shortest.

use alloc::vec::Vec;

use crate::workload::op::{Op, Slot, layout};

/// Steps to be played at most while a program is made shorter.
const BUDGET: usize = if cfg!(miri) { 1 << 12 } else { 1 << 21 };

/// Returns the shortest program that was found, by leaving steps out and making them plainer, for which `fails` holds: no
/// step of it can be left out. If `fails` does not hold for `program`, that is `program`.
///
/// ```
/// use kalloc_testkit::drive::shrink::shortest;
/// use kalloc_testkit::workload::op::Op;
/// use kalloc_testkit::workload::text;
///
/// let program = text::read("a0:8@8 a1:100@64 f0 a2:9@8 f1 f2 a3:1@1").unwrap();
/// // Say that a heap breaks when it frees what was aligned.
/// let fails = |ops: &[Op]| {
///     let aligned = ops.iter().position(|op| op.layout().is_some_and(|layout| layout.align() == 64));
///     let freed = |ops: &[Op], slot| ops.contains(&Op::Free(slot));
///     aligned.is_some_and(|at| freed(&ops[at..], ops[at].slot()))
/// };
/// assert_eq!(text::write(&shortest(program, fails)), "a0:1@64 f0");
/// ```
pub fn shortest(program: Vec<Op>, fails: impl FnMut(&[Op]) -> bool) -> Vec<Op> {
    let mut shrinker = Shrinker {
        best: program,
        fails,
        budget: BUDGET,
    };
    shrinker.cut_the_end();
    loop {
        let before = shrinker.best.clone();
        shrinker.leave_out();
        shrinker.make_plainer();
        if shrinker.best == before || shrinker.budget == 0 {
            break;
        }
    }
    shrinker.number_slots();
    shrinker.best
}

/// A program that fails, and what is left to be spent on it.
struct Shrinker<F> {
    best: Vec<Op>,
    fails: F,
    budget: usize,
}

impl<F: FnMut(&[Op]) -> bool> Shrinker<F> {
    /// Takes a program in place of the best, if it fails too. Returns whether it did.
    fn try_instead(&mut self, program: Vec<Op>) -> bool {
        if program.len() >= self.budget {
            self.budget = 0;
            return false;
        }
        self.budget -= program.len() + 1;
        let fails = (self.fails)(&program);
        if fails {
            self.best = program;
        }
        fails
    }

    /// Cuts off what comes behind the step that fails.
    fn cut_the_end(&mut self) {
        let (mut holds, mut fails) = (0, self.best.len());
        while fails - holds > 1 {
            let middle = holds + (fails - holds) / 2;
            if self.try_instead(self.best[..middle].to_vec()) {
                fails = middle;
            } else {
                holds = middle;
            }
        }
    }

    /// Leaves out pieces, from half of the program down to one step.
    fn leave_out(&mut self) {
        let mut piece = self.best.len().div_ceil(2);
        while piece > 0 && self.budget > 0 {
            let mut at = 0;
            while at < self.best.len() {
                let end = (at + piece).min(self.best.len());
                let rest = [&self.best[..at], &self.best[end..]].concat();
                // Where a piece was left out, the next one stands.
                if !self.try_instead(rest) {
                    at = end;
                }
            }
            piece = match piece {
                1 => 0,
                _ => piece.div_ceil(2),
            };
        }
    }

    /// Makes single steps plainer: plainer verbs, smaller alignments, smaller sizes.
    fn make_plainer(&mut self) {
        for at in 0..self.best.len() {
            for plainer in [plainer_verb(self.best[at]), unaligned(self.best[at])] {
                self.try_step(at, plainer);
            }
            self.lessen(at);
        }
    }

    /// Takes a step in place of another. Returns whether the program still fails.
    fn try_step(&mut self, at: usize, op: Option<Op>) -> bool {
        let Some(op) = op.filter(|op| *op != self.best[at]) else {
            return false;
        };
        let mut program = self.best.clone();
        program[at] = op;
        self.try_instead(program)
    }

    /// Finds the smallest size for a step, but for nothing.
    fn lessen(&mut self, at: usize) {
        let size = self.best[at].layout().map_or(0, |layout| layout.size());
        let (mut holds, mut fails) = (0, size);
        while fails > 1 && fails - holds > 1 {
            let middle = holds + (fails - holds) / 2;
            if self.try_step(at, with_size(self.best[at], middle)) {
                fails = middle;
            } else {
                holds = middle;
            }
        }
    }

    /// Numbers slots in the order of their first use, if that makes no difference.
    fn number_slots(&mut self) {
        let mut seen: Vec<Slot> = Vec::new();
        let renamed = self.best.iter().map(|op| {
            let index = seen.iter().position(|slot| *slot == op.slot()).unwrap_or_else(|| {
                seen.push(op.slot());
                seen.len() - 1
            });
            with_slot(*op, index as Slot)
        });
        let renamed = renamed.collect();
        self.try_instead(renamed);
    }
}

/// Returns a step with a plainer verb.
const fn plainer_verb(op: Op) -> Option<Op> {
    match op {
        Op::AllocateZeroed(slot, layout) => Some(Op::Allocate(slot, layout)),
        Op::GrowZeroed(slot, layout) => Some(Op::Grow(slot, layout)),
        _ => None,
    }
}

/// Returns a step whose block may lie anywhere.
fn unaligned(op: Op) -> Option<Op> {
    Some(with_layout(op, op.layout()?.size(), 1))
}

/// Returns a step with another size.
fn with_size(op: Op, size: usize) -> Option<Op> {
    Some(with_layout(op, size, op.layout()?.align()))
}

/// Returns a step with another layout.
fn with_layout(op: Op, size: usize, align: usize) -> Op {
    let new = layout(size, align);
    match op {
        Op::Free(slot) => Op::Free(slot),
        Op::Allocate(slot, _) => Op::Allocate(slot, new),
        Op::AllocateZeroed(slot, _) => Op::AllocateZeroed(slot, new),
        Op::Grow(slot, _) => Op::Grow(slot, new),
        Op::GrowZeroed(slot, _) => Op::GrowZeroed(slot, new),
        Op::Shrink(slot, _) => Op::Shrink(slot, new),
        Op::Resize(slot, _) => Op::Resize(slot, new),
    }
}

/// Returns a step with another slot.
const fn with_slot(op: Op, slot: Slot) -> Op {
    match op {
        Op::Free(_) => Op::Free(slot),
        Op::Allocate(_, layout) => Op::Allocate(slot, layout),
        Op::AllocateZeroed(_, layout) => Op::AllocateZeroed(slot, layout),
        Op::Grow(_, layout) => Op::Grow(slot, layout),
        Op::GrowZeroed(_, layout) => Op::GrowZeroed(slot, layout),
        Op::Shrink(_, layout) => Op::Shrink(slot, layout),
        Op::Resize(_, layout) => Op::Resize(slot, layout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::random::{Mix, RandomOps};
    use crate::workload::text;

    /// Returns a program of so many steps.
    fn program(steps: usize) -> Vec<Op> {
        let mut ops = RandomOps::new(1, Mix::Mixed, 20, 4096);
        (0..steps)
            .map(|step| ops.next(|slot| (usize::from(slot) % 2 == step % 2).then_some(100)))
            .collect()
    }

    #[test]
    fn only_the_steps_that_matter_are_left() {
        let steps = if cfg!(miri) { 30 } else { 500 };
        // Two grows to more than 50 bytes, wherever they stand.
        let fails = |ops: &[Op]| {
            let large = |op: &&Op| matches!(op, Op::Grow(_, layout) if layout.size() > 50);
            ops.iter().filter(large).count() >= 2
        };
        let mut original = program(steps);
        original.insert(steps / 3, Op::Grow(7, layout(3000, 64)));
        original.push(Op::Grow(3, layout(70, 8)));
        assert_eq!(text::write(&shortest(original, fails)), "g0:51@1 g1:51@1");
    }

    #[test]
    fn a_program_that_does_not_fail_stays() {
        let original = program(20);
        assert_eq!(shortest(original.clone(), |_| false), original);
    }

    #[test]
    fn a_program_that_always_fails_comes_to_nothing() {
        let short = shortest(program(20), |_| true);
        assert!(short.len() <= 1, "{short:?}");
    }

    #[test]
    fn the_budget_is_kept() {
        let mut played = 0;
        shortest(program(1000), |ops| {
            played += ops.len();
            // The slowest case: nothing can be left out.
            ops.len() == 1000
        });
        assert!(played <= BUDGET);
    }
}

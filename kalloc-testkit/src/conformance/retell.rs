//! What led to a failure: the rule runs again with every call written down, and the program is made as short as it gets.
//!
//! ```text
//!   rule fails ──► runs again, on taped heaps ──► tapes are played as programs ──► shortest that fails ──► its text
//! ```
//!
//! Programs are played on fresh heaps, and judged by every answer and every byte; those of some qualities also by what the
//! quality says. What no program shows, a refusal that the rule alone knows to be wrong, comes with the last calls instead.

use alloc::vec::Vec;
use core::fmt;

use super::report::{Retell, Rule};
use super::subject::{Builder, Source, Subject};
use crate::drive::shrink::shortest;
use crate::drive::{Failure, Lens, Verdict, caught, play};
use crate::workload::op::Op;
use crate::workload::text;

/// Tapes that are tried, the last first: a rule that fails does so on the heap that it made last, or nearly.
const TAPES: usize = 4;

/// Last calls that are told where no program shows what broke.
const LAST: usize = 12;

impl Retell for Subject<'_> {
    fn retell(&self, rule: &Rule<Self>, failure: Failure) -> Failure {
        let (again, tapes) = self.taped(|| caught(|| (rule.check)(self)));
        let lens = lens(rule.list);
        let play = |program: &[Op]| {
            caught(|| {
                let heap = self.make();
                play(&*heap, heap.inside().ok(), lens, program)
            })
        };
        let programs = tapes.iter().rev().filter_map(|tape| tape.borrow().program());
        tell(failure, again, programs.map(|program| (program, &play)), lens, "")
    }
}

impl Retell for Builder<'_> {
    fn retell(&self, rule: &Rule<Self>, failure: Failure) -> Failure {
        let (again, tapes) = self.taped(|| caught(|| (rule.check)(self)));
        let lens = lens(rule.list);
        let programs = tapes.iter().rev().filter_map(|(tape, recipe)| {
            // A region that calls the heap cannot be made a second time.
            let recipe = recipe.clone()?;
            let program = tape.borrow().program()?;
            let play = move |program: &[Op]| {
                caught(|| {
                    let (region, watch) = recipe.region();
                    let heap = self.build(region);
                    play(&*heap, heap.inside().ok(), lens, program)?;
                    drop(heap);
                    Ok(watch.check()?)
                })
            };
            Some((program, play))
        });
        tell(failure, again, programs, lens, ", over such a region as the rule's")
    }
}

impl<R> Retell for Source<'_, R> {}

/// Returns what a rule of a list looks at.
fn lens(list: &str) -> Lens {
    match list {
        "inspect" | "over_inspect" => Lens::Inside,
        "coalesces" => Lens::Whole,
        "exact_fit" => Lens::Refit,
        _ => Lens::Blocks,
    }
}

/// Returns the failure with the shortest program of those that show it, or with the last calls.
fn tell<P: Fn(&[Op]) -> Verdict>(
    failure: Failure,
    again: Verdict,
    programs: impl Iterator<Item = (Vec<Op>, P)>,
    lens: Lens,
    place: &str,
) -> Failure {
    if again.is_ok() {
        return failure.during("(it held when it was judged again)");
    }
    let mut last = None;
    for (program, play) in programs.take(TAPES) {
        last.get_or_insert_with(|| program.clone());
        if play(&program).is_err() {
            let steps = program.len();
            let program = shortest(program, |program| play(program).is_err());
            if let Err(shown) = play(&program) {
                return failure.after(Shortest {
                    program,
                    steps,
                    shown,
                    lens,
                    place,
                });
            }
        }
    }
    match last {
        Some(program) if !program.is_empty() => failure.after(LastCalls(program)),
        _ => failure,
    }
}

/// The shortest program, and what it shows.
struct Shortest<'p> {
    program: Vec<Op>,
    steps: usize,
    shown: Failure,
    lens: Lens,
    place: &'p str,
}

impl fmt::Display for Shortest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            program,
            steps,
            shown,
            lens,
            place,
        } = self;
        let count = program.len();
        write!(f, "\n  shown by {count} of {steps} steps{place}: {}", shown.words())?;
        for (index, op) in program.iter().enumerate() {
            write!(f, "\n  {index:>6}  {op}")?;
        }
        let function = match lens {
            Lens::Inside => "replay_inside",
            _ => "replay",
        };
        write!(f, "\n  {function}(make, \"{lens}{}\")", text::write(program))
    }
}

/// The last calls before a failure that no program shows.
struct LastCalls(Vec<Op>);

impl fmt::Display for LastCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.len().saturating_sub(LAST);
        write!(f, "\n  no program alone shows it; its last calls were")?;
        for (index, op) in self.0.iter().enumerate().skip(first) {
            write!(f, "\n  {index:>6}  {op}")?;
        }
        Ok(())
    }
}

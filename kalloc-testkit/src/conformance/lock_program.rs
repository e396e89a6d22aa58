//! Programs for locks, so short that all of them can be tried: a lock's failure comes with the shortest there is.
//!
//! ```text
//!   t0 w1 u m0 k n        attempt lock 0, wait for lock 1, release the last, move lock 0, mask, unmask
//! ```
//!
//! A step that does not suit does nothing: a wait for a lock that is held, which would last for ever, or a move while one is.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::bolt::{Bolt, Grip, Lock, THREADS, TURNS};
use super::report::{Retell, Rule};
use crate::drive::{Failure, Verdict, caught, ensure};

/// Steps of the longest programs that are tried.
const LONGEST: usize = if cfg!(miri) { 3 } else { 5 };

/// A step of a program on two locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Attempt(usize),
    Wait(usize),
    Release,
    Move(usize),
    Mask,
    Unmask,
}

/// Every step. An attempt comes before the wait: where it was refused, no wait is tried.
const STEPS: [Step; 9] = [
    Step::Attempt(0),
    Step::Wait(0),
    Step::Release,
    Step::Attempt(1),
    Step::Wait(1),
    Step::Move(0),
    Step::Move(1),
    Step::Mask,
    Step::Unmask,
];

/// The words of the steps, in the same order.
const WORDS: [&str; 9] = ["t0", "w0", "u", "t1", "w1", "m0", "m1", "k", "n"];

impl Step {
    fn word(self) -> &'static str {
        let index = STEPS.iter().position(|step| *step == self);
        index.map_or("", |index| WORDS[index])
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt(lock) => write!(f, "attempt lock {lock}"),
            Self::Wait(lock) => write!(f, "wait for lock {lock}"),
            Self::Release => write!(f, "release the lock that was acquired last"),
            Self::Move(lock) => write!(f, "move lock {lock}"),
            Self::Mask => write!(f, "mask"),
            Self::Unmask => write!(f, "unmask"),
        }
    }
}

/// What two sound locks would be: who holds what, and what is masked.
#[derive(Clone, Default)]
struct Model {
    /// The locks that are held, in the order of their acquisition, with what was masked before.
    held: Vec<(usize, bool)>,
    is_masked: bool,
}

impl Model {
    fn is_held(&self, lock: usize) -> bool {
        self.held.iter().any(|(held, _)| *held == lock)
    }

    /// Returns whether a step does something.
    fn suits(&self, step: Step, has_mask: bool) -> bool {
        match step {
            Step::Attempt(_) => true,
            Step::Wait(lock) => !self.is_held(lock),
            Step::Release => !self.held.is_empty(),
            Step::Move(_) => self.held.is_empty(),
            Step::Mask => has_mask && !self.is_masked,
            Step::Unmask => has_mask && self.is_masked,
        }
    }

    /// Makes a step that suits.
    fn step(&mut self, step: Step, has_mask: bool) {
        match step {
            Step::Attempt(lock) | Step::Wait(lock) if !self.is_held(lock) => {
                self.held.push((lock, self.is_masked));
                self.is_masked = has_mask;
            }
            Step::Release => self.is_masked = self.held.pop().is_some_and(|(_, was_masked)| was_masked),
            Step::Mask => self.is_masked = true,
            Step::Unmask => self.is_masked = false,
            Step::Attempt(_) | Step::Wait(_) | Step::Move(_) => {}
        }
    }
}

/// Acquisitions, of which the last is released first.
#[derive(Default)]
struct Grips<'l>(Vec<Grip<'l>>);

impl Drop for Grips<'_> {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

/// Plays a program on two fresh locks.
fn play(subject: &Lock<'_>, program: &[Step]) -> Verdict {
    if let Some(mask) = subject.mask() {
        (mask.set)(false);
    }
    let mut locks = [subject.make(), subject.make()];
    let mut model = Model::default();
    let mut at = 0;
    while at < program.len() {
        // While nothing is held, locks can be moved.
        if let Step::Move(lock) = program[at] {
            locks = moved(locks, lock);
            at += 1;
        }
        at = play_still(subject, &locks, &mut model, program, at)?;
    }
    Ok(())
}

/// Moves one of the locks.
fn moved(locks: [Box<dyn Bolt>; 2], lock: usize) -> [Box<dyn Bolt>; 2] {
    let [first, second] = locks;
    match lock {
        0 => [first.moved(), second],
        _ => [first, second.moved()],
    }
}

/// Plays the steps from `at` until a lock is to be moved, and returns where that is.
fn play_still(
    subject: &Lock<'_>,
    locks: &[Box<dyn Bolt>; 2],
    model: &mut Model,
    program: &[Step],
    mut at: usize,
) -> Verdict<usize> {
    let has_mask = subject.mask().is_some();
    let mut grips = Grips::default();
    while let Some(&step) = program.get(at) {
        let suits = model.suits(step, has_mask);
        if suits && matches!(step, Step::Move(_)) {
            break;
        }
        if suits {
            let was_held = matches!(step, Step::Attempt(lock) if model.is_held(lock));
            model.step(step, has_mask);
            let made = make_step(subject, locks, &mut grips, step, was_held);
            let made = made.and_then(|()| look(subject, model));
            made.map_err(|failure| failure.during(format_args!("step {at}")))?;
        }
        at += 1;
    }
    Ok(at)
}

/// Makes a step, and checks whether it had a lock when it should.
fn make_step<'l>(
    subject: &Lock<'_>,
    locks: &'l [Box<dyn Bolt>; 2],
    grips: &mut Grips<'l>,
    step: Step,
    was_held: bool,
) -> Verdict {
    match (step, subject.mask()) {
        (Step::Attempt(lock), _) => {
            let grip = locks[lock].attempt();
            let is_had = grip.is_some();
            grips.0.extend(grip);
            ensure!(!is_had || !was_held, "lock {lock} was had a second time");
            ensure!(is_had || was_held, "lock {lock} was refused, though nobody has it");
        }
        (Step::Wait(lock), _) => grips.0.push(locks[lock].acquire()),
        (Step::Release, _) => drop(grips.0.pop()),
        (Step::Mask, Some(mask)) => (mask.set)(true),
        (Step::Unmask, Some(mask)) => (mask.set)(false),
        _ => {}
    }
    Ok(())
}

/// Checks what is masked.
fn look(subject: &Lock<'_>, model: &Model) -> Verdict {
    if let Some(mask) = subject.mask() {
        let is_masked = (mask.is_masked)();
        let word = if is_masked { "masked" } else { "unmasked" };
        ensure!(is_masked == model.is_masked, "it is {word}, and should not be");
    }
    Ok(())
}

/// Looks for a program of so many steps that fails: all that begin with `program`, whose state `model` is.
fn search(subject: &Lock<'_>, program: &mut Vec<Step>, model: &Model, len: usize) -> Option<Failure> {
    if len == 0 {
        return caught(|| play(subject, program)).err();
    }
    let has_mask = subject.mask().is_some();
    for step in STEPS.into_iter().filter(|step| model.suits(*step, has_mask)) {
        let mut next = model.clone();
        next.step(step, has_mask);
        program.push(step);
        if let Some(failure) = search(subject, program, &next, len - 1) {
            return Some(failure);
        }
        program.pop();
    }
    None
}

impl Retell for Lock<'_> {
    fn retell(&self, rule: &Rule<Self>, failure: Failure) -> Failure {
        if rule.list == "lock_threads" {
            return failure.after(format_args!(
                "\n  no program shows it, as threads take turns anew each time: {THREADS} threads, without seeds, at most {TURNS} \
                 turns each; judge by the rule again"
            ));
        }
        let mut program = Vec::new();
        // What a broken lock leaves masked is nobody's wish.
        let found = (1..=LONGEST).find_map(|len| search(self, &mut program, &Model::default(), len));
        if let Some(mask) = self.mask() {
            (mask.set)(false);
        }
        match found {
            Some(shown) => failure.after(Shortest { program, shown }),
            None => failure.after(format!("\n  no program of up to {LONGEST} steps shows it")),
        }
    }
}

/// The shortest program, and what it shows.
struct Shortest {
    program: Vec<Step>,
    shown: Failure,
}

impl fmt::Display for Shortest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, shown } = self;
        write!(
            f,
            "\n  shown by {} steps, the fewest there are: {}",
            program.len(),
            shown.words()
        )?;
        for (index, step) in program.iter().enumerate() {
            write!(f, "\n  {index:>6}  {step}")?;
        }
        let words: Vec<&str> = program.iter().map(|step| step.word()).collect();
        write!(f, "\n  replay_lock(&lock, \"{}\")", words.join(" "))
    }
}

/// Plays a program for locks that a failure has printed, on two fresh locks of the subject.
///
/// ```
/// use kalloc_testkit::conformance::Lock;
/// use kalloc_testkit::fault::{LockFault, PlantedLock};
/// use kalloc_testkit::replay_lock;
///
/// let lock = |fault| {
///     let make = move || PlantedLock::new(fault, || false, |_| {});
///     Lock::new(make, PlantedLock::lock, PlantedLock::try_lock, PlantedLock::unlock)
/// };
/// assert!(replay_lock(&lock(LockFault::None), "t0 t0").is_ok());
/// let failure = replay_lock(&lock(LockFault::NeverExcludes), "t0 t0").unwrap_err();
/// assert_eq!(failure.words(), "step 1: lock 0 was had a second time");
/// ```
///
/// # Errors
///
/// A lock was had when it should not be, or not when it should; something is masked that should not be, or the reverse; or
/// the text is no program.
pub fn replay_lock(subject: &Lock<'_>, script: &str) -> Verdict {
    let steps = script.split_ascii_whitespace().map(|word| {
        let index = WORDS.iter().position(|known| *known == word);
        let unknown = || Failure::new(format!("`{word}` is no step of a program for locks"));
        index.map(|index| STEPS[index]).ok_or_else(unknown)
    });
    play(subject, &steps.collect::<Verdict<Vec<Step>>>()?)
}

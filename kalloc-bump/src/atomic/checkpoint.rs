//! Moments to which a shared bump can be taken back.
//!
//! Checkpoints are a stack that nobody stores. Each knows the one that was the newest before it, and the bump knows the
//! newest; that is enough to take them back one after the other. One that was made since and given up leaves no trace, so
//! those before it are known in another way: by the *age* that the bump was of, which ends when anything is taken back. Both
//! are numbers that no other bump of the program has.

#![forbid(unsafe_code)]

use core::error::Error;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::cursor::Mark;

/// The next number. It wraps when `usize` does: nobody keeps a checkpoint for so long.
static NUMBERS: AtomicUsize = AtomicUsize::new(1);

/// No number of `NUMBERS`.
const NONE: usize = 0;

/// A moment of one [`AtomicBump`](super::AtomicBump), to go back to by [`rewind`](super::AtomicBump::rewind).
///
/// Giving it up, by a drop, keeps all blocks. What lies below it stays pinned nevertheless, until the bump is reset or
/// taken back to a moment before.
#[derive(Debug)]
#[must_use = "blocks from before a checkpoint are pinned until it, or one before it, is rewound to"]
pub struct Checkpoint {
    number: usize,
    age: usize,
    /// The number of the one that was the newest before.
    older: usize,
    /// The floor of before.
    pub(super) floor: usize,
    pub(super) mark: Mark,
}

/// The checkpoint is not one that the bump can be taken back to. The bump is as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StaleCheckpoint;

impl fmt::Display for StaleCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bump was taken back to before this checkpoint, or it is another bump's")
    }
}

impl Error for StaleCheckpoint {}

/// What a bump knows of its checkpoints.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// The number of the newest, if it was not taken back.
    newest: usize,
    /// The number of the time since anything was taken back; none before the first checkpoint in it.
    age: usize,
}

impl Checkpoints {
    /// Returns those of a new bump.
    pub(super) const fn new() -> Self {
        Self {
            newest: NONE,
            age: NONE,
        }
    }

    /// Returns a new checkpoint for `mark`, and for the floor that held before.
    pub(super) fn add(&mut self, mark: Mark, floor: usize) -> Checkpoint {
        if self.age == NONE {
            self.age = NUMBERS.fetch_add(1, Relaxed);
        }
        let number = NUMBERS.fetch_add(1, Relaxed);
        Checkpoint {
            number,
            age: self.age,
            older: core::mem::replace(&mut self.newest, number),
            floor,
            mark,
        }
    }

    /// Takes `checkpoint` and all that were made after it out of use.
    ///
    /// # Errors
    ///
    /// It is not the newest, and something was taken back since it was made.
    pub(super) fn take(&mut self, checkpoint: &Checkpoint) -> Result<(), StaleCheckpoint> {
        if checkpoint.number != self.newest && checkpoint.age != self.age {
            return Err(StaleCheckpoint);
        }
        self.newest = checkpoint.older;
        self.age = NONE;
        Ok(())
    }

    /// Takes all out of use.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a new checkpoint.
    fn make(checkpoints: &mut Checkpoints) -> Checkpoint {
        checkpoints.add(Mark::START, 0)
    }

    #[test]
    fn checkpoints_are_taken_back_one_after_the_other() {
        let mut all = Checkpoints::new();
        let (one, two, three) = (make(&mut all), make(&mut all), make(&mut all));
        assert_eq!(all.take(&three), Ok(()));
        assert_eq!(all.take(&three), Err(StaleCheckpoint));
        assert_eq!(all.take(&two), Ok(()));
        let four = make(&mut all);
        assert_eq!(all.take(&four), Ok(()));
        assert_eq!(all.take(&one), Ok(()));
        assert_eq!(all.take(&one), Err(StaleCheckpoint));
    }

    #[test]
    fn taking_one_back_makes_all_later_ones_stale_for_good() {
        let mut all = Checkpoints::new();
        let (zero, one, two, three) = (make(&mut all), make(&mut all), make(&mut all), make(&mut all));
        assert_eq!(all.take(&one), Ok(()));
        let four = make(&mut all);
        for stale in [&one, &two, &three] {
            assert_eq!(all.take(stale), Err(StaleCheckpoint));
        }
        assert_eq!(all.take(&four), Ok(()));
        for stale in [&one, &two, &three, &four] {
            assert_eq!(all.take(stale), Err(StaleCheckpoint));
        }
        assert_eq!(all.take(&zero), Ok(()));
    }

    #[test]
    fn later_ones_that_were_given_up_are_passed_over() {
        let mut all = Checkpoints::new();
        let one = make(&mut all);
        drop(make(&mut all));
        let three = make(&mut all);
        drop(make(&mut all));
        assert_eq!(all.take(&three), Ok(()));
        // The one that was given up first is the newest now, and hides the first: nobody can tell it from a stale one.
        assert_eq!(all.take(&one), Err(StaleCheckpoint));

        let one = make(&mut all);
        drop((make(&mut all), make(&mut all)));
        assert_eq!(all.take(&one), Ok(()));
    }

    #[test]
    fn a_reset_and_another_bump_make_them_stale() {
        let (mut all, mut others) = (Checkpoints::new(), Checkpoints::new());
        let (one, other) = (make(&mut all), make(&mut others));
        assert_eq!(all.take(&other), Err(StaleCheckpoint));
        assert_eq!(others.take(&one), Err(StaleCheckpoint));
        all.clear();
        assert_eq!(all.take(&one), Err(StaleCheckpoint));
        assert_eq!(Checkpoints::new().take(&other), Err(StaleCheckpoint));
        assert_eq!(others.take(&other), Ok(()));
    }
}

//! Locks that mask something while they are held, interrupts most often: it is masked by then, and restored as it was.

use alloc::string::String;

use super::bolt::{Lock, Mask};
use super::lock::{had, locks, refused};
use crate::drive::{Failure, Verdict, ensure};

/// What a lock masks is masked for as long as it is held.
pub fn a_held_lock_masks(subject: &Lock<'_>) -> Verdict {
    in_both(subject, |mask, _| {
        let lock = subject.make();
        let grip = had(&*lock, "a fresh lock")?;
        ensure!((mask.is_masked)(), "nothing is masked while an attempt has the lock");
        drop(grip);
        let grip = lock.acquire();
        ensure!((mask.is_masked)(), "nothing is masked while the lock is held");
        drop(grip);
        Ok(())
    })
}

/// A release restores what was before: unmasked, or masked.
pub fn a_release_restores_what_was(subject: &Lock<'_>) -> Verdict {
    in_both(subject, |mask, was| {
        let lock = subject.make();
        for _ in 0..3 {
            drop(had(&*lock, "a free lock")?);
            restored(mask, was, "an attempt")?;
            drop(lock.acquire());
            restored(mask, was, "an acquisition")?;
        }
        Ok(())
    })
}

/// Of locks inside of one another, only the release of the outermost unmasks.
pub fn locks_inside_of_one_another_restore_in_order(subject: &Lock<'_>) -> Verdict {
    in_both(subject, |mask, was| {
        let [outer, middle, inner] = locks(subject);
        let outermost = had(&*outer, "a fresh lock")?;
        for _ in 0..2 {
            let between = had(&*middle, "a lock inside of another")?;
            drop(had(&*inner, "a lock inside of two others")?);
            restored(mask, true, "the innermost of three")?;
            drop(between);
            restored(mask, true, "the inner of two")?;
        }
        drop(outermost);
        restored(mask, was, "the outermost of three")
    })
}

/// An attempt that is refused restores what was.
pub fn a_refused_attempt_restores(subject: &Lock<'_>) -> Verdict {
    in_both(subject, |mask, was| {
        let lock = subject.make();
        // Held by somebody whom it does not mask here.
        core::mem::forget(had(&*lock, "a fresh lock")?);
        (mask.set)(was);
        for _ in 0..3 {
            refused(&*lock, "that is held elsewhere")?;
            restored(mask, was, "a refused attempt")?;
        }
        Ok(())
    })
}

/// Runs `action` once unmasked and once masked, and leaves this thread as it was.
fn in_both(subject: &Lock<'_>, action: impl Fn(Mask, bool) -> Verdict) -> Verdict {
    let Some(mask) = subject.mask() else {
        return Err(Failure::new(String::from(
            "nobody has told what the lock masks: use `masking`",
        )));
    };
    let before = (mask.is_masked)();
    let mut verdict = Ok(());
    for was in [false, true] {
        (mask.set)(was);
        let held = action(mask, was);
        let words = if was { "masked before" } else { "unmasked before" };
        verdict = verdict.and(held.map_err(|failure| failure.during(words)));
    }
    (mask.set)(before);
    verdict
}

/// Checks what is masked after a release.
fn restored(mask: Mask, was: bool, what: &str) -> Verdict {
    let now = (mask.is_masked)();
    ensure!(now == was, "after {what} it is {}masked", if now { "" } else { "un" });
    Ok(())
}

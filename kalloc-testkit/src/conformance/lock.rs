//! What every lock owes, as far as one thread can tell.
//!
//! Where a rule could wait for ever it attempts, and fails when that is refused.

use alloc::boxed::Box;
use core::mem;

use super::bolt::{Bolt, Grip, Lock};
use crate::drive::{Failure, Verdict, ensure};
use crate::workload::scaled;

/// A fresh lock is not held: an attempt has it, and so has one who would wait.
pub fn a_fresh_lock_can_be_had(subject: &Lock<'_>) -> Verdict {
    let lock = subject.make();
    drop(had(&*lock, "a fresh lock")?);
    let lock = subject.make();
    // It was just seen that a fresh one is free, so this does not wait.
    drop(lock.acquire());
    Ok(())
}

/// A lock that is held is refused to everybody, its holder too, however it came to be held; and for ever if the holder
/// forgets it.
pub fn a_held_lock_is_refused(subject: &Lock<'_>) -> Verdict {
    let lock = subject.make();
    let grip = had(&*lock, "a fresh lock")?;
    refused(&*lock, "that an attempt has")?;
    drop(grip);
    let grip = had(&*lock, "a released lock")?;
    mem::forget(grip);
    for _ in 0..3 {
        refused(&*lock, "whose holder has forgotten it")?;
    }
    let lock = subject.make();
    let _grip = lock.acquire();
    refused(&*lock, "that somebody has waited for")
}

/// A released lock can be had again, many times, by attempts and by waiting.
pub fn a_released_lock_can_be_had_again(subject: &Lock<'_>) -> Verdict {
    let lock = subject.make();
    for round in 0..scaled(100) {
        let grip = had(&*lock, "a released lock")?;
        refused(&*lock, "that is held again")?;
        drop(grip);
        if round % 2 == 0 {
            drop(had(&*lock, "a released lock")?);
            drop(lock.acquire());
        }
    }
    Ok(())
}

/// Attempts that are refused neither release the lock nor keep it from being released.
pub fn refused_attempts_change_nothing(subject: &Lock<'_>) -> Verdict {
    let lock = subject.make();
    for attempts in [1, 2, 3, scaled(1000)] {
        let grip = had(&*lock, "a released lock")?;
        for _ in 0..attempts {
            refused(&*lock, "that was refused before")?;
        }
        drop(grip);
    }
    drop(had(&*lock, "a lock after refused attempts")?);
    Ok(())
}

/// Holding one lock does not hold another.
pub fn two_locks_are_two(subject: &Lock<'_>) -> Verdict {
    let (one, other) = (subject.make(), subject.make());
    let grip = had(&*one, "a fresh lock")?;
    drop(had(&*other, "a lock beside one that is held")?);
    refused(&*one, "beside one that was released")?;
    drop(grip);
    drop(had(&*one, "a released lock")?);
    Ok(())
}

/// Locks that are acquired inside of one another and released in the reverse order are each held until their own release.
pub fn locks_inside_of_one_another_are_held(subject: &Lock<'_>) -> Verdict {
    let locks = [(); 4].map(|()| subject.make());
    for _ in 0..3 {
        let mut grips = alloc::vec::Vec::new();
        for lock in &locks {
            grips.push(had(&**lock, "a lock inside of others")?);
        }
        while let Some(grip) = grips.pop() {
            let (held, free) = locks.split_at(grips.len() + 1);
            for lock in held {
                refused(&**lock, "around others")?;
            }
            for lock in free {
                drop(had(&**lock, "a lock that was released before those around it")?);
            }
            drop(grip);
        }
    }
    Ok(())
}

/// A lock that nobody holds can be moved, and is a lock there.
pub fn a_free_lock_can_be_moved(subject: &Lock<'_>) -> Verdict {
    let mut lock = subject.make();
    for _ in 0..4 {
        lock = lock.moved();
        let grip = had(&*lock, "a lock that was moved")?;
        refused(&*lock, "that was moved before")?;
        drop(grip);
    }
    Ok(())
}

/// A lock goes on past 2^8 and 2^16 acquisitions, where narrow tickets end.
pub fn a_lock_goes_on_past_narrow_counters(subject: &Lock<'_>) -> Verdict {
    let lock = subject.make();
    let rounds = if cfg!(miri) { 300 } else { 70_000 };
    for round in 0..rounds {
        let grip = lock.attempt();
        ensure!(grip.is_some(), "a lock was refused after {round} acquisitions");
        if round % 251 == 0 {
            refused(&*lock, "after many acquisitions")?;
        }
    }
    Ok(())
}

/// Attempts to have a lock that must be free.
pub(super) fn had<'l>(lock: &'l dyn Bolt, which: &str) -> Verdict<Grip<'l>> {
    let grip = lock.attempt();
    grip.ok_or_else(|| Failure::new(alloc::format!("{which} was refused, though nobody has it")))
}

/// Attempts to have a lock that must be held.
pub(super) fn refused(lock: &dyn Bolt, which: &str) -> Verdict {
    let grip = lock.attempt();
    ensure!(grip.is_none(), "a lock {which} was had a second time");
    Ok(())
}

/// Makes so many locks.
pub(super) fn locks(subject: &Lock<'_>) -> [Box<dyn Bolt>; 3] {
    [(); 3].map(|()| subject.make())
}

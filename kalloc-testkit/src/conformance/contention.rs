//! What every lock owes when threads contend for it.
//!
//! A lock that is broken may keep its threads waiting for ever. So they are not joined: the rule waits for a while, gives
//! up, and leaves them behind.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use super::bolt::{Bolt, Lock, THREADS, TURNS};
use crate::drive::{Verdict, ensure};
use crate::workload::scaled;

/// How long threads may take before they count as waiting for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a waiter is watched to see whether it waits.
const WATCH: Duration = Duration::from_millis(20);

/// No two threads have a lock at the same time, whether they wait for it or attempt.
pub fn one_thread_at_a_time_has_a_lock(subject: &Lock<'_>) -> Verdict {
    let lock: Arc<dyn Bolt> = subject.make().into();
    let inside = Arc::new(AtomicUsize::new(0));
    let together = contend(|number| {
        let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
        move || {
            let mut together = 0;
            for round in 0..scaled(TURNS) {
                let grip = if (round + number) % 3 == 0 {
                    lock.attempt()
                } else {
                    Some(lock.acquire())
                };
                let Some(grip) = grip else {
                    continue;
                };
                together += inside.fetch_add(1, Ordering::Relaxed);
                if round % 16 == 0 {
                    thread::yield_now();
                }
                inside.fetch_sub(1, Ordering::Relaxed);
                drop(grip);
            }
            together
        }
    });
    match together {
        Some(0) => Ok(()),
        Some(times) => {
            ensure!(false, "a thread had the lock while another had it, {times} times");
            Ok(())
        }
        None => {
            ensure!(false, "threads that share a lock wait for ever");
            Ok(())
        }
    }
}

/// An attempt comes back, refused, while another thread has the lock.
pub fn an_attempt_never_waits(subject: &Lock<'_>) -> Verdict {
    let lock: Arc<dyn Bolt> = subject.make().into();
    let grip = lock.acquire();
    let (tell, told) = mpsc::channel();
    let other = Arc::clone(&lock);
    thread::spawn(move || {
        let refused = (0..100).all(|_| other.attempt().is_none());
        // Nobody listens any more if this took too long.
        _ = tell.send(refused);
    });
    let answer = told.recv_timeout(PATIENCE);
    drop(grip);
    ensure!(answer.is_ok(), "an attempt waits for as long as the lock is held");
    ensure!(
        answer == Ok(true),
        "a lock that another thread has was had a second time"
    );
    Ok(())
}

/// Who waits for a lock does not have it while another has it, and has it afterwards.
pub fn a_waiter_waits_and_then_has_the_lock(subject: &Lock<'_>) -> Verdict {
    let lock: Arc<dyn Bolt> = subject.make().into();
    for _ in 0..scaled(4).max(2) {
        let grip = lock.acquire();
        let has_lock = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let (other, flag) = (Arc::clone(&lock), Arc::clone(&has_lock));
        thread::spawn(move || {
            let grip = other.acquire();
            flag.store(true, Ordering::Relaxed);
            drop(grip);
            _ = tell.send(());
        });
        thread::sleep(WATCH);
        let is_early = has_lock.load(Ordering::Relaxed);
        drop(grip);
        ensure!(!is_early, "a waiter had the lock while another thread had it");
        let answer = told.recv_timeout(PATIENCE);
        ensure!(answer.is_ok(), "a waiter never had the lock, though it was released");
    }
    Ok(())
}

/// What a thread writes while it has a lock is seen by the next that has it, all of it.
///
/// An unlock that orders nothing shows on weakly ordered processors, and under Miri.
pub fn what_was_written_under_a_lock_is_seen(subject: &Lock<'_>) -> Verdict {
    let lock: Arc<dyn Bolt> = subject.make().into();
    // Written and read without order, so that the lock alone makes it.
    let words: Arc<[AtomicUsize; 2]> = Arc::default();
    let rounds = scaled(TURNS).max(100);
    let torn = contend(|_| {
        let (lock, words) = (Arc::clone(&lock), Arc::clone(&words));
        move || {
            let mut torn = 0;
            for round in 0..rounds {
                let grip = lock.acquire();
                let [first, second] = words.each_ref().map(|word| word.load(Ordering::Relaxed));
                torn += usize::from(first != second);
                words[0].store(first + 1, Ordering::Relaxed);
                if round % 16 == 0 {
                    thread::yield_now();
                }
                words[1].store(first + 1, Ordering::Relaxed);
                drop(grip);
            }
            torn
        }
    });
    ensure!(torn.is_some(), "threads that share a lock wait for ever");
    let torn = torn.unwrap_or(0);
    ensure!(
        torn == 0,
        "{torn} times a thread did not see what the one before it had written"
    );
    let grip = lock.acquire();
    let count = words[1].load(Ordering::Relaxed);
    drop(grip);
    let expected = rounds * THREADS;
    ensure!(
        count == expected,
        "{expected} times one was added, and {count} came of it"
    );
    Ok(())
}

/// Runs what `make` returns on threads of their own, and adds up what they return; `None` if one of them does not end.
fn contend<F: FnOnce() -> usize + Send + 'static>(make: impl Fn(usize) -> F) -> Option<usize> {
    let (tell, told) = mpsc::channel();
    for number in 0..THREADS {
        let (work, tell) = (make(number), tell.clone());
        thread::spawn(move || _ = tell.send(work()));
    }
    (0..THREADS).map(|_| told.recv_timeout(PATIENCE * 4).ok()).sum()
}

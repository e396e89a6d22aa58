//! What led to a failure among threads: no program, as they take turns anew each time, but seeds and a number of steps.

use super::crowd::Crowd;
use super::report::{Retell, Rule};
use super::suite;
use super::threads::THREADS;
use crate::drive::{Failure, Verdict, caught, ensure};
use kalloc_traits::Heap;

/// How often a rule is judged again before it counts as held.
const TRIES: usize = 16;

impl Crowd<'_> {
    /// Returns the first failure of some tries, with at most so many steps a thread.
    fn again(&self, rule: &Rule<Self>, most: usize) -> Verdict {
        self.limit.set(most);
        let verdict = (0..TRIES).try_for_each(|_| caught(|| (rule.check)(self)));
        self.limit.set(usize::MAX);
        verdict
    }
}

impl Retell for Crowd<'_> {
    fn retell(&self, rule: &Rule<Self>, failure: Failure) -> Failure {
        let mut most = self.asked.get();
        while most > 1 && self.again(rule, most / 2).is_err() {
            most /= 2;
        }
        failure.after(format_args!(
            "\n  no program shows it, as threads take turns anew each time: {THREADS} threads, with the seeds from 0 on, at most \
             {most} steps each, in one of {TRIES} tries\n  replay_threads(make, \"{} {most}\")",
            rule.name
        ))
    }
}

/// Judges heaps that threads share as a failure has printed it: by one rule, with so many steps a thread, in some tries. The
/// seeds are the same, but threads take turns as they like, so a rare failure may not come again.
///
/// ```
/// use kalloc_testkit::replay_threads;
/// use kalloc_traits::glue::global::GlobalHeap;
///
/// replay_threads(|| GlobalHeap(std::alloc::System), "threads_share_a_heap 10").unwrap();
/// ```
///
/// # Errors
///
/// The rule did not hold, or the text names none.
pub fn replay_threads<H: Heap + Sync + 'static>(make: impl Fn() -> H, script: &str) -> Verdict {
    let mut words = script.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let rule = suite::threads().into_iter().find(|rule| rule.name == name);
    let most = words.next().and_then(|number| number.parse().ok());
    let (Some(rule), Some(most)) = (rule, most) else {
        ensure!(false, "`{script}` is not a rule for threads and a number of steps");
        return Ok(());
    };
    Crowd::new(&make).again(&rule, most)
}

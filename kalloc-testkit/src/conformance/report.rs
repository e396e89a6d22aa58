//! Rules as values, and what comes of a list of them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::catalogue;
use crate::drive::{Failure, Verdict, caught};

/// How much a rule weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// It follows from the contract: who fails it is unsound, whatever else is said of it.
    Contract,
    /// It is judged where it is declared, and failing it is to be less than was said.
    Quality,
    /// Misuse is noticed. It is judged where it is declared.
    Hardened,
    /// The documentation of `Heap` says so, beyond what soundness needs.
    Documented,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contract => "contract",
            Self::Quality => "quality",
            Self::Hardened => "hardened",
            Self::Documented => "documented",
        })
    }
}

/// A rule, for a kind of subject.
pub struct Rule<S> {
    /// Its name, which is its function's.
    pub name: &'static str,
    /// Its family, which is its function's module.
    pub family: &'static str,
    /// The list that it is in, see [`suite`](super::suite): `contract`, or a quality.
    pub list: &'static str,
    /// The rule itself.
    pub check: fn(&S) -> Verdict,
}

impl<S> Rule<S> {
    /// Returns how much the rule weighs.
    pub fn tier(&self) -> Tier {
        match self.list {
            "contract" | "over" | "memory" | "lock" | "lock_threads" | "threads" => Tier::Contract,
            "documented" => Tier::Documented,
            "hardened" => Tier::Hardened,
            _ => Tier::Quality,
        }
    }

    /// Returns the items of the [`catalogue`] that the rule decides.
    pub fn items(&self) -> impl Iterator<Item = &'static str> {
        catalogue::decided_by(self.name)
    }

    /// Judges a subject, and returns what broke with its rule and the shortest program that shows it, if there is one.
    ///
    /// # Errors
    ///
    /// The rule does not hold; with the `std` feature also if it panics.
    pub fn judge(&self, subject: &S) -> Verdict
    where
        S: Retell,
    {
        caught(|| (self.check)(subject)).map_err(|failure| {
            announce(self, &failure);
            subject.retell(self, failure).during(self)
        })
    }
}

impl<S> Clone for Rule<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Rule<S> {}

impl<S> fmt::Debug for Rule<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.family, self.name)
    }
}

/// The name, the tier with the quality, and the items of the catalogue.
impl<S> fmt::Display for Rule<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.items().collect::<Vec<_>>().join(" ");
        let list = match self.tier() {
            Tier::Quality => format!(" `{}`", self.list),
            _ => String::new(),
        };
        write!(f, "{} [{}{list}; {items}]", self.name, self.tier())
    }
}

/// What can be judged again, with every call written down.
pub trait Retell: Sized {
    /// Returns a failure of a rule with the shortest program that shows it, if there is one.
    fn retell(&self, rule: &Rule<Self>, failure: Failure) -> Failure {
        let _ = rule;
        failure
    }
}

/// What came of a list of rules.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The names of the rules that hold.
    pub held: Vec<&'static str>,
    /// The names of the others, and what broke.
    pub broken: Vec<(&'static str, Failure)>,
}

impl Report {
    /// Judges a subject by every rule of a list. It goes on after a rule that does not hold; with the `std` feature also
    /// after one that panics.
    pub fn of<S>(rules: &[Rule<S>], subject: &S) -> Self {
        let mut report = Self::default();
        for rule in rules {
            match caught(|| (rule.check)(subject)) {
                Ok(()) => report.held.push(rule.name),
                Err(failure) => report.broken.push((rule.name, failure)),
            }
        }
        report
    }

    /// Judges as [`of`](Self::of) does, and looks for the shortest program of each failure, which takes longer.
    pub fn in_full<S: Retell>(rules: &[Rule<S>], subject: &S) -> Self {
        let mut report = Self::default();
        for rule in rules {
            match rule.judge(subject) {
                Ok(()) => report.held.push(rule.name),
                Err(failure) => report.broken.push((rule.name, failure)),
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.held.len() + self.broken.len();
        write!(f, "{} of {count} rules hold", self.held.len())?;
        let mut broken = self.broken.iter();
        broken.try_for_each(|(name, failure)| {
            // In full, a failure names its rule itself.
            match failure.words().starts_with(name) {
                true => write!(f, "\n{failure}"),
                false => write!(f, "\n{name}: {failure}"),
            }
        })
    }
}

/// Says what broke before the heap is judged again: should that end the process, this is what is left.
#[cfg(feature = "std")]
fn announce<S>(rule: &Rule<S>, failure: &Failure) {
    use std::io::Write;

    let words = format!(
        "{rule}: {}\n  (looking for the shortest program that shows it)\n",
        failure.words()
    );
    // Not by `eprintln!`, which a test harness keeps to itself until the test ends. What cannot be said is no failure.
    _ = std::io::stderr().write_all(words.as_bytes());
}

/// Without the standard library there is nobody to tell.
#[cfg(not(feature = "std"))]
fn announce<S>(_: &Rule<S>, _: &Failure) {}

/// Panics with the rule and what broke, unless it holds.
///
/// # Panics
///
/// It does not hold.
#[track_caller]
pub fn assert_holds<S: Retell>(rule: &Rule<S>, subject: &S) {
    if let Err(failure) = rule.judge(subject) {
        panic!("{failure}");
    }
}

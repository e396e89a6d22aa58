//! What a rule found.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::model::shadow::Breach;
use crate::region::Damage;
use kalloc_traits::Corruption;

/// What broke, in words, with the seed where there is one, and the steps that led there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    words: String,
    /// The steps, each on a line of its own; empty if there are none to tell.
    story: String,
}

/// What a rule says of a heap.
pub type Verdict<T = ()> = Result<T, Failure>;

impl Failure {
    /// Returns the failure with these words.
    pub const fn new(words: String) -> Self {
        Self {
            words,
            story: String::new(),
        }
    }

    /// Returns what broke, without the steps.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Returns the failure with its circumstances put before it.
    #[must_use]
    pub fn during(self, circumstances: impl fmt::Display) -> Self {
        Self {
            words: format!("{circumstances}: {}", self.words),
            ..self
        }
    }

    /// Returns the failure with the steps that led to it, in place of those that it had.
    #[must_use]
    pub fn after(self, story: impl fmt::Display) -> Self {
        Self {
            story: story.to_string(),
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        f.write_str(&self.story)
    }
}

impl core::error::Error for Failure {}

impl From<Breach> for Failure {
    fn from(breach: Breach) -> Self {
        Self::new(breach.to_string())
    }
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        Self::new(damage.to_string())
    }
}

impl From<Corruption> for Failure {
    fn from(corruption: Corruption) -> Self {
        Self::new(format!("verify: {corruption}"))
    }
}

/// Runs `action`, and makes a failure of a panic. Without the `std` feature a panic stays one.
///
/// What `action` made is dropped by the unwinding; what it only borrowed must bear that it was left in the middle.
///
/// # Errors
///
/// What `action` returns, or the words of its panic.
#[cfg(feature = "std")]
pub fn caught<T>(action: impl FnOnce() -> Verdict<T>) -> Verdict<T> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| String::from(*words));
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Failure::new(words.unwrap_or_default()).during("it panicked"))
    })
}

/// Runs `action`. Without the `std` feature a panic stays one.
///
/// # Errors
///
/// What `action` returns.
#[cfg(not(feature = "std"))]
pub fn caught<T>(action: impl FnOnce() -> Verdict<T>) -> Verdict<T> {
    action()
}

/// Returns a [`Failure`] from the function around it, unless a condition holds. The words are `format!`'s.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err($crate::drive::Failure::new(alloc::format!($($words)+)));
        }
    };
}
pub(crate) use ensure;

//! Programs as text that fits on a line: what a failure prints, and what a test is given to play again.
//!
//! ```text
//!   a0:56@8 z1:100@16 g0:200@8 f1        allocate 56 bytes at a multiple of 8 into slot 0, …
//! ```
//!
//! | letter | step | | letter | step |
//! |---|---|---|---|---|
//! | `a` | allocate | | `c` | grow, cleared |
//! | `z` | allocate zeroed | | `s` | shrink |
//! | `f` | free | | `r` | resize in place |
//! | `g` | grow | | | |

use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt::{self, Write};

use super::op::{Op, Slot};

/// A step that is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoProgram {
    /// The word that is no step.
    pub word: String,
}

impl fmt::Display for NoProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no step of a program", self.word)
    }
}

impl core::error::Error for NoProgram {}

/// Returns a program as text.
///
/// ```
/// use kalloc_testkit::workload::op::{Op, layout};
/// use kalloc_testkit::workload::text;
///
/// let program = [Op::Allocate(0, layout(56, 8)), Op::Free(0)];
/// assert_eq!(text::write(&program), "a0:56@8 f0");
/// assert_eq!(text::read("a0:56@8 f0").unwrap(), program);
/// ```
pub fn write(program: &[Op]) -> String {
    let mut text = String::new();
    for op in program {
        if !text.is_empty() {
            text.push(' ');
        }
        // A string takes everything.
        _ = match op.layout() {
            None => write!(text, "f{}", op.slot()),
            Some(layout) => write!(
                text,
                "{}{}:{}@{}",
                letter(*op),
                op.slot(),
                layout.size(),
                layout.align()
            ),
        };
    }
    text
}

/// Returns the program in a text.
///
/// # Errors
///
/// A word is no step: an unknown letter, a slot past 65534, or sizes and alignments that make no `Layout`.
pub fn read(text: &str) -> Result<Vec<Op>, NoProgram> {
    let steps = text.split_ascii_whitespace();
    steps
        .map(|word| step(word).ok_or_else(|| NoProgram { word: word.into() }))
        .collect()
}

/// Returns the letter of a step.
const fn letter(op: Op) -> char {
    match op {
        Op::Allocate(..) => 'a',
        Op::AllocateZeroed(..) => 'z',
        Op::Free(_) => 'f',
        Op::Grow(..) => 'g',
        Op::GrowZeroed(..) => 'c',
        Op::Shrink(..) => 's',
        Op::Resize(..) => 'r',
    }
}

/// Returns the step in a word.
fn step(word: &str) -> Option<Op> {
    let letter = word.chars().next()?;
    let rest = word.get(letter.len_utf8()..)?;
    if letter == 'f' {
        return Some(Op::Free(slot(rest)?));
    }
    let (number, rest) = rest.split_once(':')?;
    let (size, align) = rest.split_once('@')?;
    let layout = Layout::from_size_align(size.parse().ok()?, align.parse().ok()?).ok()?;
    let slot = slot(number)?;
    match letter {
        'a' => Some(Op::Allocate(slot, layout)),
        'z' => Some(Op::AllocateZeroed(slot, layout)),
        'g' => Some(Op::Grow(slot, layout)),
        'c' => Some(Op::GrowZeroed(slot, layout)),
        's' => Some(Op::Shrink(slot, layout)),
        'r' => Some(Op::Resize(slot, layout)),
        _ => None,
    }
}

/// Returns the slot in a number. The last one is kept back, as a program has one slot more than its greatest number.
fn slot(number: &str) -> Option<Slot> {
    number.parse().ok().filter(|slot| *slot != Slot::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::random::{Mix, RandomOps};

    #[test]
    fn what_is_written_can_be_read() {
        for mix in Mix::ALL {
            let mut ops = RandomOps::new(7, mix, 50, 4096);
            let program: Vec<Op> = (0..200)
                .map(|step| ops.next(|slot| (slot % 2 == 0).then_some(step)))
                .collect();
            assert_eq!(read(&write(&program)).unwrap(), program);
        }
    }

    #[test]
    fn what_is_no_step_is_named() {
        for word in [
            "x0:8@8",
            "a0:8",
            "a0",
            "a:8@8",
            "a0:8@3",
            "f",
            "f65535",
            "a0:99999999999999999999@8",
            "é",
        ] {
            let text = alloc::format!("a0:8@8 {word} f0");
            assert_eq!(read(&text), Err(NoProgram { word: word.into() }));
        }
        assert_eq!(read("").unwrap(), []);
    }
}

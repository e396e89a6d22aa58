//! What callgrind's file says of each call: the greatest counts, and how many there were.
//!
//! The file is a row of parts, one for each call. Two lines of a part matter:
//!
//! ```text
//!   desc: Trigger: Client Request: allocate
//!   …
//!   totals: 154
//! ```

use std::io::{self, BufRead};

/// What a call can be, by its label in the file.
pub(super) const KINDS: [&str; 6] = [
    "allocate",
    "refuse",
    "free",
    "allocate aligned",
    "refuse aligned",
    "free aligned",
];

const LABEL: &str = "desc: Trigger: Client Request: ";
const TOTALS: &str = "totals: ";

/// The greatest count of each kind, in the order of [`KINDS`], and the number of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) worst: [u64; KINDS.len()],
    pub(super) calls: u64,
}

impl Tally {
    /// Reads the file. The part of the program's end, which has no label, does not count.
    pub(super) fn read(file: impl BufRead) -> io::Result<Self> {
        let mut tally = Self::default();
        let mut kind = None;
        for line in file.lines() {
            let line = line?;
            if let Some(label) = line.strip_prefix(LABEL) {
                kind = KINDS.iter().position(|known| *known == label.trim());
            } else if let Some(count) = line.strip_prefix(TOTALS).and_then(|count| count.trim().parse().ok()) {
                tally.add(kind.take(), count);
            }
        }
        Ok(tally)
    }

    fn add(&mut self, kind: Option<usize>, count: u64) {
        if let Some(kind) = kind {
            self.worst[kind] = self.worst[kind].max(count);
            self.calls += 1;
        }
    }

    /// Returns the two as one.
    pub(super) fn with(mut self, other: Self) -> Self {
        for (mine, theirs) in self.worst.iter_mut().zip(other.worst) {
            *mine = theirs.max(*mine);
        }
        self.calls += other.calls;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_count_of_each_kind_is_kept() {
        let part =
            |label: &str, count: u64| format!("part: 1\n\n{LABEL}{label}\n\nfn=(1)\n0 {count}\n\n{TOTALS}{count}\n\n");
        let file = [part("free", 7), part("allocate", 5), part("free", 9), part("free", 8)].concat();
        let end = "desc: Trigger: Program termination\n\ntotals: 99\n";
        let tally = Tally::read((file + end).as_bytes()).unwrap();
        let expected = Tally {
            worst: [5, 0, 9, 0, 0, 0],
            calls: 4,
        };
        assert_eq!(tally, expected);
        let other = Tally {
            worst: [4, 6, 0, 0, 0, 0],
            calls: 2,
        };
        assert_eq!(tally.with(other).worst, [5, 6, 9, 0, 0, 0]);
        assert_eq!(tally.with(other).calls, 6);
    }
}

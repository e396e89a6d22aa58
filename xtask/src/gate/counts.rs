//! The counts of the programs: their file, and what became of each since.

use std::fmt;

/// A program may grow or shrink by this much before anybody is told.
const TOLERANCE_PERCENT: u64 = 2;

const HEADER: &str = "\
# How many instructions the programs of benches/src/bin/programs take, by callgrind. `cargo xtask gate` fails when one takes
# more than 2 % more; `cargo xtask gate --update` rewrites this file.
";
const COMPILER: &str = "compiler: ";

/// What one program took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) name: String,
    pub(super) instructions: u64,
    pub(super) operations: u64,
}

/// What the programs took, and which compiler made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) compiler: String,
    pub(super) programs: Vec<Count>,
}

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It takes as many instructions as before, give or take; before and now.
    Same(Count, Count),
    /// It takes fewer.
    Shrunk(Count, Count),
    /// It takes more.
    Grown(Count, Count),
    /// Its load is another one, so the counts cannot be compared.
    Changed(Count, Count),
    /// It is not in the file.
    New(Count),
    /// It is in the file alone.
    Gone(Count),
}

impl Counts {
    /// Reads the file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let compiler = lines.next().and_then(|line| line.strip_prefix(COMPILER));
        let compiler = compiler.ok_or("the first line does not name the compiler")?.to_owned();
        let programs = lines.map(|line| parse_count(line).ok_or_else(|| format!("this is no count: {line}")));
        let programs = programs.collect::<Result<Vec<Count>, String>>()?;
        if programs.is_empty() {
            return Err("it holds no counts".to_owned());
        }
        Ok(Self { compiler, programs })
    }

    /// Returns what became of each program, in the order of `now`; those that are gone come last.
    pub(super) fn compare(&self, now: &[Count]) -> Vec<Verdict> {
        let judged = now.iter().map(|now| {
            let before = self.programs.iter().find(|before| before.name == now.name);
            before.map_or_else(|| Verdict::New(now.clone()), |before| judge(before, now))
        });
        let is_gone = |before: &&Count| now.iter().all(|now| now.name != before.name);
        let gone = self.programs.iter().filter(is_gone).cloned().map(Verdict::Gone);
        judged.chain(gone).collect()
    }
}

/// Reads `name instructions operations per-operation`; the last is there for the reader.
fn parse_count(line: &str) -> Option<Count> {
    let mut words = line.split_whitespace();
    Some(Count {
        name: words.next()?.to_owned(),
        instructions: words.next()?.parse().ok()?,
        operations: words.next()?.parse().ok()?,
    })
}

fn judge(before: &Count, now: &Count) -> Verdict {
    let pair = (before.clone(), now.clone());
    let tolerance = before.instructions * TOLERANCE_PERCENT;
    if before.operations != now.operations {
        Verdict::Changed(pair.0, pair.1)
    } else if now.instructions * 100 > before.instructions * 100 + tolerance {
        Verdict::Grown(pair.0, pair.1)
    } else if now.instructions * 100 < before.instructions * 100 - tolerance {
        Verdict::Shrunk(pair.0, pair.1)
    } else {
        Verdict::Same(pair.0, pair.1)
    }
}

impl Verdict {
    /// Returns whether the gate stays closed.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Self::Same(..) | Self::Shrunk(..) => false,
            Self::Grown(..) | Self::Changed(..) | Self::New(_) | Self::Gone(_) => true,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_operation = self.instructions as f64 / self.operations as f64;
        let Self {
            name,
            instructions,
            operations,
        } = self;
        write!(f, "{name:<24}{instructions:>12}{operations:>12}{per_operation:>15.2}")
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}{COMPILER}{}", self.compiler)?;
        writeln!(
            f,
            "#{:<23}{:>12}{:>12}{:>15}",
            " program", "instructions", "operations", "per operation"
        )?;
        self.programs.iter().try_for_each(|count| writeln!(f, "{count}"))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, before, word) = match self {
            Self::Same(before, now) => (now, before, ""),
            Self::Shrunk(before, now) => (now, before, " shrank"),
            Self::Grown(before, now) => (now, before, " GREW"),
            Self::Changed(_, now) => return write!(f, "{now}  ITS OPERATIONS CHANGED"),
            Self::New(now) => return write!(f, "{now}  NOT IN THE FILE"),
            Self::Gone(before) => return write!(f, "{before}  IN THE FILE ALONE"),
        };
        let percent = (now.instructions as f64 / before.instructions as f64 - 1.0) * 100.0;
        write!(f, "{now}{percent:>+9.2} %{word}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, instructions: u64) -> Count {
        Count {
            name: name.to_owned(),
            instructions,
            operations: 10,
        }
    }

    fn counts(programs: &[Count]) -> Counts {
        Counts {
            compiler: "rustc 1.95.0 (a compiler)".to_owned(),
            programs: programs.to_vec(),
        }
    }

    /// What becomes of a program of 10,000 instructions that now takes `now`.
    fn verdict(now: u64) -> Verdict {
        let mut verdicts = counts(&[count("p", 10_000)]).compare(&[count("p", now)]);
        assert_eq!(verdicts.len(), 1);
        verdicts.remove(0)
    }

    #[test]
    fn two_percent_pass_and_one_instruction_more_does_not() {
        assert!(matches!(verdict(10_200), Verdict::Same(..)) && !verdict(10_200).is_failure());
        assert!(matches!(verdict(10_201), Verdict::Grown(..)) && verdict(10_201).is_failure());
    }

    #[test]
    fn a_program_that_shrank_passes_and_is_told() {
        assert!(matches!(verdict(9_800), Verdict::Same(..)));
        assert!(matches!(verdict(9_799), Verdict::Shrunk(..)) && !verdict(9_799).is_failure());
        assert!(verdict(9_000).to_string().ends_with("-10.00 % shrank"));
    }

    #[test]
    fn growth_of_one_is_not_made_up_for_by_another() {
        let before = counts(&[count("a", 1000), count("b", 1000)]);
        let verdicts = before.compare(&[count("a", 500), count("b", 1021)]);
        assert_eq!(verdicts.iter().filter(|verdict| verdict.is_failure()).count(), 1);
    }

    #[test]
    fn programs_that_come_go_or_change_their_load_are_failures() {
        let changed = Count {
            operations: 11,
            ..count("a", 1000)
        };
        let verdicts = counts(&[count("a", 1000), count("b", 1000)]).compare(&[changed, count("c", 1)]);
        assert!(matches!(
            verdicts[..],
            [Verdict::Changed(..), Verdict::New(_), Verdict::Gone(_)]
        ));
        assert!(verdicts.iter().all(Verdict::is_failure));
    }

    #[test]
    fn counts_survive_their_file_and_other_text_is_refused() {
        let counts = counts(&[count("a", 1000), count("a-longer-name", 123_456_789_012)]);
        assert_eq!(Counts::parse(&counts.to_string()), Ok(counts));
        assert!(Counts::parse("").is_err());
        assert!(Counts::parse("a 1 1").is_err());
        assert!(Counts::parse("compiler: x\n").is_err());
        assert!(Counts::parse("compiler: x\na 1 many").is_err());
    }
}

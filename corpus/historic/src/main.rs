//! Judges every buggy release by the rule that finds its bug, and prints what came of it.
//!
//! Each case runs in a process of its own, as some bugs end it: standard library assertions abort. `kalloc-historic N`
//! is such a process. Status 1 if a bug was missed.

use std::env;
use std::process::{Command, ExitCode};

use kalloc_historic::{CASES, Case};

fn main() -> ExitCode {
    match env::args().nth(1).map(|number| number.parse::<usize>()) {
        None => judge_all(),
        Some(Ok(number)) if number < CASES.len() => judge_one(&CASES[number]),
        Some(_) => ExitCode::from(2),
    }
}

/// Judges one release, and fails if the rule holds not.
fn judge_one(case: &Case) -> ExitCode {
    let report = case.judge();
    println!("{report}");
    ExitCode::from(u8::from(!report.broken.is_empty()))
}

/// Runs a process for each case.
fn judge_all() -> ExitCode {
    let mut caught = 0;
    for (number, case) in CASES.iter().enumerate() {
        let verdict = if is_caught(number, case) { "caught" } else { "MISSED" };
        caught += usize::from(verdict == "caught");
        println!(
            "{verdict}  {:<30} {}: {} ({})",
            case.release, case.rule, case.bug, case.source
        );
    }
    println!("corpus: {caught} of {} bugs caught", CASES.len());
    ExitCode::from(u8::from(caught < CASES.len()))
}

/// Returns whether the case's process says that the rule does not hold, in the words that the bug causes.
fn is_caught(number: usize, case: &Case) -> bool {
    let Ok(program) = env::current_exe() else { return false };
    let Ok(output) = Command::new(program).arg(number.to_string()).output() else {
        return false;
    };
    let said = [output.stdout, output.stderr].concat();
    !output.status.success() && String::from_utf8_lossy(&said).contains(case.words)
}

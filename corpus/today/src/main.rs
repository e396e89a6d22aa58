//! Judges today's releases of others' allocators by what every heap owes, and by the qualities that they have.
//!
//! Each is judged in a process of its own, as a failed assertion of the standard library ends one. Status 1 if an allocator
//! breaks a rule that is not in its list of violations, which `docs/judged.md` explains.

mod allocators;

use std::env;
use std::process::{Command, ExitCode};

use allocators::{ALLOCATORS, Allocator};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.as_slice() {
        [] => judge_all(),
        [number, rule] => {
            let allocator = number.parse().ok().and_then(|number: usize| ALLOCATORS.get(number));
            allocator.map_or(ExitCode::from(2), |allocator| judge_one(allocator, rule))
        }
        _ => ExitCode::from(2),
    }
}

/// Judges an allocator by one rule: status 0 if it holds.
fn judge_one(allocator: &Allocator, rule: &str) -> ExitCode {
    let report = (allocator.judge)(rule);
    println!("{report}");
    ExitCode::from(u8::from(report.held.len() != 1))
}

/// Runs a process for each allocator and rule.
fn judge_all() -> ExitCode {
    let (mut is_good, mut clean, mut violating) = (true, 0, 0);
    for (number, allocator) in ALLOCATORS.iter().enumerate() {
        let rules = allocator.rules();
        let broken: Vec<&str> = rules.iter().copied().filter(|rule| !holds(number, rule)).collect();
        let listed = broken.iter().all(|rule| allocator.violations.contains(rule));
        let all_seen = allocator.violations.iter().all(|rule| broken.contains(rule));
        let verdict = match broken.len() {
            0 => "sound",
            _ if listed && all_seen => "violation, listed",
            _ => "NOT LISTED",
        };
        is_good &= listed && all_seen;
        clean += usize::from(broken.is_empty());
        violating += usize::from(!broken.is_empty());
        println!(
            "{:<32} {:>3} of {:>3} rules hold  {verdict}  {}",
            allocator.release,
            rules.len() - broken.len(),
            rules.len(),
            broken.join(" ")
        );
    }
    println!("foreign: {clean} allocators without a violation, {violating} with one");
    ExitCode::from(u8::from(!is_good))
}

/// Returns whether the allocator keeps the rule.
fn holds(number: usize, rule: &str) -> bool {
    let Ok(program) = env::current_exe() else { return false };
    let output = Command::new(program).args([&number.to_string(), rule]).output();
    output.is_ok_and(|output| output.status.success())
}

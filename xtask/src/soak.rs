//! Random steps without end: every block shadowed, every invariant checked after each step.

use std::panic;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use crate::backends::BACKENDS;

const USAGE: &str = "usage: cargo xtask soak [--ops N | --minutes N] [--seed N] [--checked | NAME]";

/// Steps from one seed, before the next begins.
const TURN: usize = 200_000;

/// The same of checked pools, which are verified now and then.
const CHECKED_TURN: usize = 5_000_000;

/// What to do.
struct Plan {
    ops: usize,
    until: Option<Instant>,
    seed: u64,
    name: String,
    /// Correct steps on checked pools, and nothing else.
    is_checked: bool,
}

/// Soaks the heaps whose name holds the argument, or all, in turns.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    match plan(arguments) {
        Ok(plan) => soak(&plan),
        Err(reason) => {
            eprintln!("xtask soak: {reason}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn plan(arguments: &[&str]) -> Result<Plan, String> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let mut plan = Plan {
        ops: 1_000_000,
        until: None,
        seed: now.as_secs(),
        name: String::new(),
        is_checked: false,
    };
    let mut words = arguments.iter();
    while let Some(&word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let text = words.next().ok_or(format!("{word} wants a number"))?;
            text.parse().map_err(|error| format!("{word} {text}: {error}"))
        };
        match word {
            "--ops" => plan.ops = number()? as usize,
            "--minutes" => {
                plan.until = Some(Instant::now() + Duration::from_secs(number()? * 60));
                plan.ops = usize::MAX;
            }
            "--seed" => plan.seed = number()?,
            "--checked" => plan.is_checked = true,
            _ if word.starts_with('-') => return Err(format!("what is {word}?")),
            name => plan.name = name.to_owned(),
        }
    }
    Ok(plan)
}

fn soak(plan: &Plan) -> ExitCode {
    let chosen: Vec<_> = BACKENDS
        .iter()
        .filter(|backend| backend.name.contains(&plan.name))
        .collect();
    let mut done = 0;
    let mut seed = plan.seed;
    while done < plan.ops && !chosen.is_empty() && plan.until.is_none_or(|until| Instant::now() < until) {
        let ops = if plan.is_checked { CHECKED_TURN } else { TURN }.min(plan.ops - done);
        if plan.is_checked {
            if panic::catch_unwind(|| crate::checked::soak(seed, ops)).is_err() {
                eprintln!("xtask soak: a checked pool BROKE; again with: --checked --seed {seed} --ops {ops}");
                return ExitCode::FAILURE;
            }
            done += ops;
            println!("{done} correct steps each, seed {seed}: no alarm");
            seed += 1;
            continue;
        }
        for backend in &chosen {
            // The panic's message holds the seed and the steps.
            if panic::catch_unwind(|| (backend.soak)(seed, ops)).is_err() {
                eprintln!(
                    "xtask soak: {} BROKE; again with: --seed {seed} --ops {ops} {:?}",
                    backend.name, backend.name
                );
                return ExitCode::FAILURE;
            }
        }
        done += ops;
        println!("{done} steps each, seed {seed}: all is well");
        seed += 1;
    }
    ExitCode::from(u8::from(done == 0))
}

//! Explores every heap of kalloc: all programs there are, in a region so small that they come to an end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use kalloc_testkit::drive::explore::Explored;

use crate::backends::{BACKENDS, Backend};

/// How many transitions a closed space must have.
pub(crate) const LEAST: u64 = 10_000_000;

/// How long one space may take, in a release build on one processor of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// Explores the heaps whose name holds the argument, or all.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let wanted = arguments.concat();
    let mut is_good = true;
    for backend in BACKENDS.iter().filter(|backend| backend.name.contains(&wanted)) {
        let began = Instant::now();
        let outcome = explore(backend);
        let took = began.elapsed();
        is_good &= outcome.is_ok() && took < PATIENCE;
        match outcome {
            Ok(explored) => println!("{:<22} {explored}, {:.1} s", backend.name, took.as_secs_f64()),
            Err(reason) => println!("{:<22} {reason}", backend.name),
        }
        if took >= PATIENCE {
            println!("{:<22} took longer than {} s", backend.name, PATIENCE.as_secs());
        }
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Explores one heap. A space that is too small, or does not close, is a failure too.
pub(crate) fn explore(backend: &Backend) -> Result<Explored, String> {
    let explored = (backend.explore)().map_err(|failure| failure.to_string())?;
    if !explored.is_closed || explored.transitions < LEAST {
        return Err(format!("falls short: {explored}"));
    }
    Ok(explored)
}

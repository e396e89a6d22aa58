//! The two tables that are counted rather than timed: instructions, and bytes of code.
//!
//! Where a tool or a target is missing, the table says so, and so does the run.

use std::path::Path;

use kalloc_benches::measure::catalogue::title;
use kalloc_benches::measure::numbers::geometric_mean;
use kalloc_benches::measure::table::{Table, cell};
use kalloc_benches::peers::{Peer, Pool, Talc};

use crate::gate;
use crate::size::{CONFIGS, TARGETS, is_installed, weigh};

/// Whose instructions are counted.
const COUNTED: [&str; 2] = [<Pool as Peer>::NAME, Talc::NAME];

/// Returns the instructions per operation of each load, on the pool and on talc.
pub(super) fn instructions(loads: &[String]) -> String {
    let programs = match gate::find_tools().and_then(|_| gate::build("programs")) {
        Ok(programs) => programs,
        Err(failure) => return skipped(&failure.reason()),
    };
    let mut table = Table::new(["load", COUNTED[0], COUNTED[1], "ratio"]);
    let mut ratios = Vec::new();
    for load in loads {
        eprintln!("instructions: {}", title(load));
        let [ours, theirs] = COUNTED.map(|peer| per_operation(&programs, peer, load));
        let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
        ratios.push(ratio);
        table.row(title(load), [cell(ours, 1), cell(theirs, 1), cell(ratio, 2)]);
    }
    let mean = cell(geometric_mean(&ratios), 2);
    table.row("geometric mean", [String::new(), String::new(), mean]);
    table.to_string()
}

fn per_operation(programs: &Path, peer: &str, load: &str) -> Option<f64> {
    let (operations, instructions) = gate::counted(programs, &[peer, load]).ok()?;
    Some(instructions as f64 / operations as f64)
}

/// Returns the bytes of code of each configuration of the pool, for each bare target.
pub(super) fn size() -> String {
    let mut table = Table::new(["configuration"].iter().chain(&TARGETS));
    let missing: Vec<&str> = TARGETS.into_iter().filter(|target| !is_installed(target)).collect();
    for (config, feature) in CONFIGS {
        eprintln!("code: {config}");
        let bytes = |target: &str| {
            if missing.contains(&target) {
                return cell(None, 0);
            }
            let functions = weigh(target, feature).inspect_err(|reason| eprintln!("{config}, {target}: {reason}"));
            let total = functions
                .ok()
                .map(|functions| functions.iter().map(|(size, _)| size).sum::<u64>());
            cell(total.map(|total| total as f64), 0)
        };
        table.row(config, TARGETS.map(bytes));
    }
    if missing.is_empty() {
        return table.to_string();
    }
    format!(
        "{}\n\n{table}",
        skipped(&format!("rustup has no {} here", missing.join(", ")))
    )
}

fn skipped(reason: &str) -> String {
    eprintln!("xtask figures: SKIPPED: {reason}");
    format!("Skipped: {reason}.")
}

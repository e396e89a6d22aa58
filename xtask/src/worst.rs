//! Counts the instructions of each call of the real-time pool, and holds the worst against the stated cap.
//!
//! Callgrind counts inside of two functions of `benches/src/bin/worst` and writes a part of its file after each call, so every count is
//! exact and the same in each run. That takes a quarter of a millisecond a call, a tenth of what it takes to step through it.

mod tally;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use kalloc_benches::measure::table::Table;

use crate::gate::{Failure, VALGRIND, build, find_tools};
use tally::{KINDS, Tally};

/// The caps, in the order of [`KINDS`]: no call takes more instructions, whatever the heap looks like. `RealTime` and docs/bounds.md
/// state them. A third and more above what was counted, so that another compiler need not break them.
const CAPS: [u64; KINDS.len()] = [300, 250, 300, 600, 550, 300];

/// What the caps are called in the table.
const STATED: &str = "the stated cap";

/// Counts in two functions and nowhere else; every part goes to the same file.
const CALLGRIND: [&str; 5] = [
    "--tool=callgrind",
    "--instr-atstart=no",
    "--combine-dumps=yes",
    "--toggle-collect=worst_allocate",
    "--toggle-collect=worst_deallocate",
];

/// Counts, as told by the arguments behind `worst`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let outcome = match arguments {
        [] => count_all("whole"),
        ["--quick"] => count_all("quick"),
        _ => Err(Failure::NotBuilt("usage: cargo xtask worst [--quick]".to_owned())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(reason)) => end("THE CAP DOES NOT HOLD", &reason, 1),
        Err(Failure::NotBuilt(reason)) => end("NOTHING WAS BUILT", &reason, 2),
        Err(Failure::Skipped(reason)) => end("SKIPPED, NOTHING WAS COUNTED", &reason, 77),
    }
}

fn end(verdict: &str, reason: &str, status: u8) -> ExitCode {
    eprintln!("xtask worst: {verdict}: {reason}");
    ExitCode::from(status)
}

/// Plays all programs, prints the table, and fails if a count is above its cap.
fn count_all(extent: &str) -> Result<(), Failure> {
    let compiler = find_tools()?;
    let worst = build("worst")?;
    let tallies = tallies(&worst, extent).map_err(Failure::Failed)?;

    let columns = ["region", "calls"];
    let mut table = Table::new(columns.iter().chain(&KINDS));
    for (region, tally) in &tallies {
        let counts = tally.worst.map(|count| count.to_string());
        table.row(region, [tally.calls.to_string()].into_iter().chain(counts));
    }
    table.row(
        STATED,
        [String::new()].into_iter().chain(CAPS.map(|cap| cap.to_string())),
    );
    println!("{table}\n{compiler}");

    let all = tallies
        .iter()
        .fold(Tally::default(), |all, (_, tally)| all.with(*tally));
    let judged = KINDS.iter().zip(all.worst).zip(CAPS);
    let failed: Vec<String> = judged
        .filter_map(|((kind, count), cap)| judge(kind, count, cap))
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(failed.join(", ")))
    }
}

/// Returns what is wrong with the greatest count of a kind of call, if anything. Each kind occurs.
fn judge(kind: &str, count: u64, cap: u64) -> Option<String> {
    match count {
        0 => Some(format!("{kind}: nothing was counted")),
        count if count > cap => Some(format!("{kind}: {count} instructions, and the cap is {cap}")),
        _ => None,
    }
}

/// Plays all programs, and returns what each region came to.
fn tallies(worst: &Path, extent: &str) -> Result<Vec<(String, Tally)>, String> {
    let list = Command::new(worst).output().map_err(|error| error.to_string())?;
    let mut tallies: Vec<(String, Tally)> = Vec::new();
    for line in String::from_utf8_lossy(&list.stdout).lines() {
        eprintln!("worst: {line}");
        let tally = tally(worst, line, extent).map_err(|error| format!("{line}: {error}"))?;
        let region = line.split_whitespace().next().unwrap_or_default().replace('-', " ");
        match tallies.last_mut() {
            Some((last, sum)) if *last == region => *sum = sum.with(tally),
            _ => tallies.push((region, tally)),
        }
    }
    Ok(tallies)
}

/// Plays some programs in one region under callgrind.
fn tally(worst: &Path, line: &str, extent: &str) -> Result<Tally, String> {
    let file = std::env::temp_dir().join(format!("kalloc-worst-{}", std::process::id()));
    let mut callgrind = Command::new(VALGRIND);
    callgrind
        .args(CALLGRIND)
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(worst)
        .args(line.split_whitespace())
        .arg(extent)
        .stdout(Stdio::null());
    let output = callgrind.output().map_err(|error| error.to_string())?;
    let tally = File::open(&file).and_then(|parts| Tally::read(BufReader::new(parts)));
    // If it is not there, that was said above.
    _ = fs::remove_file(&file);
    if !output.status.success() {
        return Err(format!(
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    tally.map_err(|error| format!("callgrind's file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the words of a text, without the marks of comments.
    fn words(text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "///").collect();
        words.join(" ")
    }

    #[test]
    fn the_caps_are_those_that_are_stated() {
        let [allocate, refuse, free, aligned, refuse_aligned, free_aligned] = CAPS;
        assert_eq!((free, free_aligned), (allocate, allocate));
        let row = format!("| {STATED} | | {} |", CAPS.map(|cap| cap.to_string()).join(" | "));
        assert!(words(include_str!("../../docs/bounds.md")).contains(&row), "{row}");
        let sentence = format!(
            "No allocation or free takes more than {allocate} instructions on x86-64, {aligned} if it is over-aligned, and no \
             refusal more than {refuse} and {refuse_aligned}"
        );
        let config = include_str!("../../kalloc-pool/src/config.rs");
        assert!(words(config).contains(&sentence), "{sentence}");
    }

    #[test]
    fn a_count_above_its_cap_and_one_that_is_missing_are_told() {
        assert_eq!(judge("free", 350, 350), None);
        assert!(judge("free", 351, 350).is_some() && judge("free", 0, 350).is_some());
    }
}

//! What was measured, when, and on which machine.

use std::fs;
use std::process::Command;
use std::thread;

use crate::gate::workspace;

/// What is written where the system does not tell.
const UNKNOWN: &str = "unknown";

/// Returns the setting of a run as a table; `measured` is the file that it writes, which is not what makes a tree dirty.
pub(super) fn table(arguments: &[&str], measured: &str) -> String {
    let excluded = format!(":!{measured}");
    let changes = said("git", &["status", "--porcelain", "--", ".", &excluded]);
    let state = match changes.as_deref() {
        Some("") => "",
        Some(_) => ", with changes that are not committed",
        None => ", of which git says nothing",
    };
    let cores = thread::available_parallelism().map_or_else(|_| UNKNOWN.to_owned(), |cores| cores.to_string());
    let rows = [
        ("command", ["cargo xtask figures", &shown(arguments)].concat()),
        (
            "commit",
            or_unknown(said("git", &["rev-parse", "--short=12", "HEAD"])) + state,
        ),
        ("date", or_unknown(said("date", &["-u", "+%Y-%m-%d"]))),
        ("compiler", or_unknown(said("rustc", &["--version"]))),
        ("processor", or_unknown(processor())),
        ("cores", cores),
    ];
    let rows = rows.map(|(name, value)| format!("| {name} | {value} |\n"));
    format!("| | |\n|---|---|\n{}", rows.concat())
}

/// Returns the arguments without the path of a folder, which says nothing elsewhere.
fn shown(arguments: &[&str]) -> String {
    let mut shown = String::new();
    let mut is_folder = false;
    for argument in arguments {
        shown.push(' ');
        shown += if is_folder { "DIR" } else { argument };
        is_folder = *argument == "--traces";
    }
    shown
}

fn or_unknown(value: Option<String>) -> String {
    value
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// Returns what a command says, or `None` if it fails.
fn said(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command)
        .args(arguments)
        .current_dir(workspace())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Returns the processor's name, as Linux knows it.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_not_shown() {
        assert_eq!(shown(&["--quick", "--traces", "/some/where"]), " --quick --traces DIR");
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn every_row_has_a_value() {
        let table = table(&["--quick"], "docs/figures.md");
        assert_eq!(table.lines().count(), 8);
        assert!(table.lines().skip(2).all(|row| !row.ends_with("|  |")), "{table}");
    }
}

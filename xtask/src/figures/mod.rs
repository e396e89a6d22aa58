//! Measures kalloc's pool beside its peers, in one run, and writes the tables of `docs/figures.md`.
//!
//! Most is measured by the program `figures` of `benches`, which prints its tables; what is counted is done here, by the same
//! ways as `gate` and `size`. What stands between the tables in the document is nobody's business here.

mod counted;
mod document;
mod setting;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use kalloc_benches::measure::Setting;

use crate::cut_trace;
use crate::gate::{self, workspace};

/// The document, relative to the workspace.
const FILE: &str = "docs/figures.md";
const USAGE: &str = "usage: cargo xtask figures [--quick] [--traces DIR]";

const SETTING: &str = "setting";
const INSTRUCTIONS: &str = "instructions";
const SIZE: &str = "size";
/// The tables that the program prints.
const PRINTED: [&str; 5] = ["time", "region", "latency", "random-actions", "aligned"];

/// The ending of a recording, under zstd's compression.
const RECORDING: &str = ".ktr.zst";

/// Measures, as told by the arguments behind `figures`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    match measure(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask figures: NOTHING WAS WRITTEN: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[&str]) -> Result<(), String> {
    let (is_quick, folder) = match *arguments {
        [] => (false, None),
        ["--quick"] => (true, None),
        ["--traces", folder] => (false, Some(folder)),
        ["--quick", "--traces", folder] | ["--traces", folder, "--quick"] => (true, Some(folder)),
        _ => return Err(USAGE.to_owned()),
    };
    let path = workspace().join(FILE);
    let mut text = fs::read_to_string(&path).map_err(|error| format!("{FILE}: {error}"))?;
    // A line that is missing shall show now, not after all the measuring.
    for name in [SETTING, INSTRUCTIONS, SIZE].into_iter().chain(PRINTED) {
        document::table(&text, name).map_err(|error| format!("{FILE}: {error}"))?;
    }

    let program = gate::build("figures").map_err(gate::Failure::reason)?;
    let traces = folder.map_or(Ok(Vec::new()), |folder| unpacked(Path::new(folder), &program))?;
    let printed = print_tables(&program, is_quick, &traces)?;
    let mut tables = vec![
        (SETTING, setting::table(arguments, FILE)),
        (
            INSTRUCTIONS,
            counted::instructions(&Setting::new(is_quick, traces).loads),
        ),
        (SIZE, counted::size()),
    ];
    for name in PRINTED {
        tables.push((name, document::table(&printed, name)?.to_owned()));
    }
    for (name, table) in tables {
        text = document::with_table(&text, name, &table)?;
    }
    fs::write(&path, text).map_err(|error| format!("{FILE}: {error}"))?;
    println!("{FILE} is written");
    Ok(())
}

/// Runs the program and returns the tables that it prints.
fn print_tables(program: &Path, is_quick: bool, traces: &[String]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(is_quick.then_some("--quick")).args(traces);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the program that measures: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Writes each recording in a folder beside the program, without its compression, and returns the paths in order.
fn unpacked(folder: &Path, program: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut recordings: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    recordings.retain(|path| stem(path).is_some());
    recordings.sort();
    if recordings.is_empty() {
        return Err(format!("{} holds no {RECORDING}", folder.display()));
    }
    let plain = program.with_file_name("figures-traces");
    fs::create_dir_all(&plain).map_err(|error| format!("{}: {error}", plain.display()))?;
    recordings.iter().map(|recording| unpack(recording, &plain)).collect()
}

fn unpack(recording: &Path, folder: &Path) -> Result<String, String> {
    let name = recording.display().to_string();
    let path = folder.join(stem(recording).unwrap_or("trace")).with_extension("ktr");
    let trace = cut_trace::read(&name).map_err(|error| format!("{name}: {error}"))?;
    fs::write(&path, trace.encode()).map_err(|error| format!("{}: {error}", path.display()))?;
    path.into_os_string()
        .into_string()
        .map_err(|path| format!("{} is no text", Path::new(&path).display()))
}

/// Returns the name of a recording without its ending, or `None` if it is none.
fn stem(path: &Path) -> Option<&str> {
    path.file_name().and_then(OsStr::to_str)?.strip_suffix(RECORDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_a_place_for_every_table() {
        let text = fs::read_to_string(workspace().join(FILE)).unwrap();
        for name in [SETTING, INSTRUCTIONS, SIZE].into_iter().chain(PRINTED) {
            assert!(document::table(&text, name).is_ok(), "{name}");
        }
    }

    #[test]
    fn only_recordings_have_a_stem() {
        assert_eq!(stem(Path::new("some/where/jq.ktr.zst")), Some("jq"));
        assert_eq!(stem(Path::new("some/where/README.md")), None);
    }

    #[test]
    fn words_that_nobody_knows_are_refused_before_anything_is_built() {
        assert_eq!(measure(&["--fast"]), Err(USAGE.to_owned()));
        assert_eq!(measure(&["--traces"]), Err(USAGE.to_owned()));
    }
}

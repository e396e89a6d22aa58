//! Counts the instructions of the programs of `benches`, and holds them against the checked-in counts.
//!
//! Instructions, not time: callgrind gives the same number on a busy machine and on an idle one, so a loss of 2 % is seen. The
//! number depends on the compiler, which the file names; with another one there is nothing to compare.

mod counts;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use counts::{Count, Counts, Verdict};

pub(crate) const VALGRIND: &str = "valgrind";
/// Counts nothing before the program asks for it, and keeps no profile.
const CALLGRIND: [&str; 3] = [
    "--tool=callgrind",
    "--instr-atstart=no",
    "--callgrind-out-file=/dev/null",
];
/// What callgrind says before the number of instructions.
const COLLECTED: &str = "Collected :";

/// The checked-in counts, relative to the workspace.
const FILE: &str = "benches/instructions.txt";

/// What would change the code that is counted, if it were inherited.
const UNWANTED_VARIABLES: [&str; 5] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
    "RUSTC_WRAPPER",
];

/// Why there is no verdict, or a bad one.
pub(crate) enum Failure {
    /// A program grew, or does not run.
    Failed(String),
    /// There are no programs to count.
    NotBuilt(String),
    /// This machine lacks what is needed to try.
    Skipped(String),
}

impl Failure {
    /// Returns what happened.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Failed(reason) | Self::NotBuilt(reason) | Self::Skipped(reason) => reason,
        }
    }
}

/// Counts, as told by the arguments behind `gate`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let outcome = match arguments {
        [] => compare(),
        ["--update"] => update(),
        _ => Err(Failure::NotBuilt("usage: cargo xtask gate [--update]".to_owned())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(reason)) => end("THE GATE IS CLOSED", &reason, 1),
        Err(Failure::NotBuilt(reason)) => end("NO PROGRAM WAS BUILT", &reason, 2),
        Err(Failure::Skipped(reason)) => end("SKIPPED, NOTHING WAS COMPARED", &reason, 77),
    }
}

fn end(verdict: &str, reason: &str, status: u8) -> ExitCode {
    eprintln!("xtask gate: {verdict}: {reason}");
    ExitCode::from(status)
}

/// Counts, and fails if a program grew by too much.
fn compare() -> Result<(), Failure> {
    let text = fs::read_to_string(workspace().join(FILE));
    let recorded = text
        .map_err(|error| error.to_string())
        .and_then(|text| Counts::parse(&text));
    let recorded = recorded.map_err(|error| Failure::Failed(format!("{FILE}: {error}")))?;
    let compiler = find_tools()?;
    if compiler != recorded.compiler {
        let reason = format!(
            "{FILE} was counted with {}, and this is {compiler}; `cargo xtask gate --update` counts anew",
            recorded.compiler
        );
        return Err(Failure::Skipped(reason));
    }

    let verdicts = recorded.compare(&count_all()?);
    for verdict in &verdicts {
        println!("{verdict}");
    }
    let failed = verdicts.iter().filter(|verdict| verdict.is_failure()).count();
    if failed > 0 {
        let reason = format!(
            "{failed} of {} programs; if that is meant, `cargo xtask gate --update`",
            verdicts.len()
        );
        return Err(Failure::Failed(reason));
    }
    if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Shrunk(..))) {
        println!("A program takes fewer instructions: `cargo xtask gate --update` keeps it there.");
    }
    Ok(())
}

/// Counts, and writes the file.
fn update() -> Result<(), Failure> {
    let counts = Counts {
        compiler: find_tools()?,
        programs: count_all()?,
    };
    let text = counts.to_string();
    fs::write(workspace().join(FILE), &text).map_err(|error| Failure::Failed(format!("{FILE}: {error}")))?;
    print!("{text}");
    Ok(())
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Looks for the processor and for Valgrind, and returns the compiler's version.
pub(crate) fn find_tools() -> Result<String, Failure> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err(Failure::Skipped("the counts are those of x86_64 Linux".to_owned()));
    }
    if let Err(error) = Command::new(VALGRIND).arg("--version").stdout(Stdio::null()).status() {
        return Err(Failure::Skipped(format!(
            "{VALGRIND} does not start ({error}); Debian has it in valgrind"
        )));
    }
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").current_dir(workspace()).output();
    let version = version.map_err(|error| Failure::NotBuilt(format!("rustc does not start ({error})")))?;
    Ok(String::from_utf8_lossy(&version.stdout).trim().to_owned())
}

/// Builds the programs and counts each.
fn count_all() -> Result<Vec<Count>, Failure> {
    let programs = build("programs")?;
    let names = output(Command::new(&programs)).map_err(Failure::Failed)?.0;
    let counts = names.lines().map(|name| count(&programs, name));
    counts.collect::<Result<_, String>>().map_err(Failure::Failed)
}

/// Builds a program of `benches`, and returns the path of its executable.
pub(crate) fn build(program: &str) -> Result<PathBuf, Failure> {
    let target_dir = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| workspace().join("target").into());
    let target_dir = std::path::absolute(target_dir).map_err(|error| Failure::NotBuilt(error.to_string()))?;

    let mut cargo = Command::new(env::var_os("CARGO").as_deref().unwrap_or(OsStr::new("cargo")));
    cargo
        .args(["build", "--release", "--package", "kalloc-benches", "--bin", program])
        .arg("--target-dir")
        .arg(&target_dir)
        .current_dir(workspace());
    for variable in UNWANTED_VARIABLES {
        cargo.env_remove(variable);
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(target_dir.join("release").join(program)),
        Ok(status) => Err(Failure::NotBuilt(format!("cargo build: {status}"))),
        Err(error) => Err(Failure::NotBuilt(format!("cargo does not start: {error}"))),
    }
}

/// Runs one program under callgrind.
fn count(programs: &Path, name: &str) -> Result<Count, String> {
    let (operations, instructions) = counted(programs, &[name]).map_err(|error| format!("{name}: {error}"))?;
    Ok(Count {
        name: name.to_owned(),
        instructions,
        operations,
    })
}

/// Runs the programs with these arguments under callgrind, and returns how many operations and instructions were counted.
pub(crate) fn counted(programs: &Path, arguments: &[&str]) -> Result<(u64, u64), String> {
    let mut callgrind = Command::new(VALGRIND);
    callgrind.args(CALLGRIND).arg(programs).args(arguments);
    let (said, told) = output(callgrind)?;
    let operations = said.trim().parse().ok();
    let instructions = told
        .lines()
        .find_map(|line| line.split_once(COLLECTED)?.1.trim().parse().ok());
    match (operations, instructions) {
        (Some(operations @ 1..), Some(instructions @ 1..)) => Ok((operations, instructions)),
        _ => Err(format!("no count in this:\n{said}{told}")),
    }
}

/// Runs a command and returns what it writes to its two outputs.
fn output(mut command: Command) -> Result<(String, String), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let [said, told] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        Ok((said, told))
    } else {
        Err(format!("{}\n{told}", output.status))
    }
}

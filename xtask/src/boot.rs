//! Boots the kernel of `examples/kernels` in QEMU, and says what came of it.
//!
//! Passed is only what says so twice: QEMU's status, which the kernel sets, and the last line that it prints. QEMU alone also
//! reports success when somebody ends it from outside.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

const TARGET: &str = "riscv64gc-unknown-none-elf";
const QEMU: &str = "qemu-system-riscv64";
const MACHINE: [&str; 7] = ["-machine", "virt", "-m", "32M", "-nographic", "-bios", "none"];

/// How long the kernel may take; it takes about ten seconds on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The last line of a kernel that passes.
const PASSED: &str = "PASSED: every check holds";

/// The fault that `--fail` plants if it does not name one.
const DEFAULT_FAULT: &str = "leak";

/// What came of it.
enum Outcome {
    /// The kernel said twice that every check holds.
    Passed,
    /// The kernel failed, or ended without a verdict.
    Failed(String),
    /// There is no kernel to boot.
    NotBuilt(String),
    /// This machine lacks what is needed to try.
    Skipped(String),
}

/// Boots the kernel, as told by the arguments behind `boot`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let outcome = match arguments {
        [] => boot(None),
        ["--fail"] => boot(Some(DEFAULT_FAULT)),
        ["--fail", fault] => boot(Some(fault)),
        _ => Outcome::NotBuilt("usage: cargo xtask boot [--fail [leak | rule | overflow | hang]]".to_owned()),
    };
    match outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Failed(reason) => end("THE KERNEL FAILED", &reason, 1),
        Outcome::NotBuilt(reason) => end("NO KERNEL WAS BUILT", &reason, 2),
        Outcome::Skipped(reason) => end("SKIPPED, NOTHING WAS BOOTED", &reason, 77),
    }
}

fn end(verdict: &str, reason: &str, status: u8) -> ExitCode {
    eprintln!("xtask boot: {verdict}: {reason}");
    ExitCode::from(status)
}

fn boot(fault: Option<&str>) -> Outcome {
    if let Err(missing) = find_tools() {
        return Outcome::Skipped(missing);
    }
    match build(fault) {
        Ok(image) => watch(&image),
        Err(reason) => Outcome::NotBuilt(reason),
    }
}

/// Looks for the emulator and for the target's `core`.
fn find_tools() -> Result<(), String> {
    if let Err(error) = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status() {
        return Err(format!(
            "{QEMU} does not start ({error}); Debian has it in qemu-system-misc"
        ));
    }
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let libraries = libraries.map_err(|error| format!("rustc does not start ({error})"))?;
    if !Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir() {
        return Err(format!("no {TARGET} here; `rustup target add {TARGET}` installs it"));
    }
    Ok(())
}

/// Builds the kernel, with a fault if one is named, and returns the path of its image.
fn build(fault: Option<&str>) -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target_dir = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| workspace.join("target").into());
    let target_dir = std::path::absolute(target_dir).map_err(|error| error.to_string())?;

    let mut cargo = Command::new(env::var_os("CARGO").as_deref().unwrap_or(OsStr::new("cargo")));
    cargo
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(&target_dir)
        .current_dir(workspace.join("examples/kernels/riscv64-virt"))
        .env_remove("KERNEL_FAULT");
    if let Some(fault) = fault {
        cargo.env("KERNEL_FAULT", fault);
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(target_dir.join(TARGET).join("release/kernel")),
        Ok(status) => Err(format!("cargo build: {status}")),
        Err(error) => Err(format!("cargo does not start: {error}")),
    }
}

/// Boots the image, shows what it prints, and waits for its verdict.
fn watch(image: &Path) -> Outcome {
    let qemu = Command::new(QEMU)
        .args(MACHINE)
        .arg("-kernel")
        .arg(image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut qemu = match qemu {
        Ok(qemu) => qemu,
        Err(error) => return Outcome::Failed(format!("{QEMU} does not start: {error}")),
    };
    let said = match show(&output_of(&mut qemu), Instant::now() + PATIENCE) {
        Ok(said) => said,
        Err(reason) => {
            // It may have ended this very moment; then there is nothing to kill.
            let _ = qemu.kill();
            let _ = qemu.wait();
            return Outcome::Failed(reason);
        }
    };
    match qemu.wait() {
        Ok(status) if !status.success() => Outcome::Failed(format!("{QEMU} ended with {status}")),
        Ok(_) if said.lines().next_back() == Some(PASSED) => Outcome::Passed,
        Ok(_) => Outcome::Failed("it ended without a verdict".to_owned()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Returns what the process prints, piece by piece, as it comes.
fn output_of(process: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let output = process.stdout.take();
    thread::spawn(move || {
        let Some(mut output) = output else { return };
        let mut piece = [0; 4096];
        // The receiver sees the end of the output, or an error in it, as the end of the channel.
        while let Ok(read @ 1..) = output.read(&mut piece) {
            if sender.send(piece[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Shows what comes until there is no more, and returns all of it.
fn show(output: &Receiver<Vec<u8>>, deadline: Instant) -> Result<String, String> {
    let mut said = Vec::new();
    loop {
        match output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(piece) => {
                let shown = io::stdout().write_all(&piece).and_then(|()| io::stdout().flush());
                shown.map_err(|error| error.to_string())?;
                said.extend(piece);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(String::from_utf8_lossy(&said).into_owned()),
            Err(RecvTimeoutError::Timeout) => return Err(format!("no verdict within {} s", PATIENCE.as_secs())),
        }
    }
}

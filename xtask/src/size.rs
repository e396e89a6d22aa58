//! Weighs the code of a heap: `benches/size`, built for two bare targets, smallest code first.
//!
//! What counts is every function that the three entries need, but for `memcpy` and its kin, which come with the compiler and
//! are there in most programs anyway. Their sizes are those of the symbol table.

mod elf;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) const TARGETS: [&str; 2] = ["thumbv7em-none-eabihf", "x86_64-unknown-none"];

/// The configurations, and the feature that chooses each.
pub(crate) const CONFIGS: [(&str, &str); 5] = [
    ("Tiny", ""),
    ("AddressOrdered", "address-ordered"),
    ("BestFitting", "best-fitting"),
    ("RealTime", "real-time"),
    ("Standard", "standard"),
];

/// `Tiny` is not to weigh more, in bytes, on any of the targets.
const MOST_OF_TINY: u64 = 3072;

/// Parts of the names of functions that come with the compiler.
const OF_THE_COMPILER: [&str; 6] = ["compiler_builtins", "__aeabi_", "memcpy", "memmove", "memset", "memcmp"];

/// Weighs, as told by the arguments behind `size`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let each = match arguments {
        [] => false,
        ["--each"] => true,
        _ => return end("NOTHING WAS WEIGHED", "usage: cargo xtask size [--each]", 2),
    };
    let mut heaviest = 0;
    for target in TARGETS {
        if !is_installed(target) {
            return end(
                "SKIPPED, NOTHING WAS WEIGHED",
                &format!("rustup has no {target} here"),
                77,
            );
        }
        for (config, feature) in CONFIGS {
            let functions = match weigh(target, feature) {
                Ok(functions) => functions,
                Err(reason) => return end("NOTHING WAS WEIGHED", &reason, 2),
            };
            let total: u64 = functions.iter().map(|(size, _)| size).sum();
            println!("{config:16} {target:24} {total:6} bytes");
            if each {
                functions.iter().for_each(|(size, name)| println!("{size:8}  {name}"));
            }
            if config == "Tiny" {
                heaviest = heaviest.max(total);
            }
        }
    }
    if heaviest > MOST_OF_TINY {
        return end(
            "TOO HEAVY",
            &format!("`Tiny` was to take {MOST_OF_TINY} bytes at most"),
            1,
        );
    }
    ExitCode::SUCCESS
}

fn end(verdict: &str, reason: &str, status: u8) -> ExitCode {
    eprintln!("xtask size: {verdict}: {reason}");
    ExitCode::from(status)
}

/// Returns whether the compiler has the target's `core`.
pub(crate) fn is_installed(target: &str) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// Builds one configuration, and returns the size and the name of each of its functions, largest first.
pub(crate) fn weigh(target: &str, feature: &str) -> Result<Vec<(u64, String)>, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target_dir = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| workspace.join("target").into());
    let target_dir = std::path::absolute(target_dir).map_err(|error| error.to_string())?;
    let mut cargo = Command::new(env::var_os("CARGO").as_deref().unwrap_or(OsStr::new("cargo")));
    cargo
        .args([
            "build",
            "--release",
            "--quiet",
            "--target",
            target,
            "--features",
            feature,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        .current_dir(workspace.join("benches/size"))
        .env_remove("RUSTFLAGS");
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("cargo build: {status}")),
        Err(error) => return Err(format!("cargo does not start: {error}")),
    }
    let file = fs::read(target_dir.join(target).join("release/kalloc-size")).map_err(|error| error.to_string())?;
    let mut functions = elf::functions(&file).ok_or("the program is no ELF file with symbols")?;
    functions.retain(|(_, name)| !OF_THE_COMPILER.iter().any(|part| name.contains(part)));
    functions.sort_unstable_by(|a, b| b.cmp(a));
    if functions.is_empty() {
        return Err("the program has no functions".to_owned());
    }
    Ok(functions)
}

//! Programs that must not compile: what a bump has ended cannot be used.
//!
//! Each lies in `ui`, beside what the compiler answers, word for word. The words change from one compiler to the next, so they are
//! compared with [`COMPILER`] alone; `TRYBUILD=overwrite` writes them anew. With any other compiler the examples of the
//! documentation hold, which say that they fail, and by which error.
#![cfg(not(miri))]

use std::env;
use std::process::Command;

/// Whose words they are.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn what_has_ended_cannot_be_used() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("there is a compiler");
    if String::from_utf8_lossy(&version.stdout).starts_with(COMPILER) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    }
}

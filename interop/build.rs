//! Tells the tests whether the compiler is a nightly one, so that all features may be on with any compiler.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(nightly_compiler)");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("nightly")) {
        println!("cargo::rustc-cfg=nightly_compiler");
    }
}

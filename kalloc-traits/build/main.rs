//! Finds out whether `core::alloc::Allocator` can be implemented. It sets
//!
//! - `kalloc_core` if the trait is to be implemented: it is stable, or the feature `nightly` is on and the compiler takes
//!   unstable features;
//! - `kalloc_gate` if the compiler asks for a feature gate to name it.
//!
//! `--cfg kalloc_no_core` in `RUSTFLAGS` turns `kalloc_core` off; `src/glue/core.rs` says when to.

use std::env;
use std::process::Command;

use compiler::Compiler;

mod compiler;

/// Returns what the compiler of this build can do, or `None` if it does not say what it is.
fn compiler_in_use() -> Option<Compiler> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let bootstrap = env::var("RUSTC_BOOTSTRAP").unwrap_or_default();
    Compiler::parse(&String::from_utf8(output.stdout).ok()?, &bootstrap)
}

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed=RUSTC_BOOTSTRAP");
    println!("cargo::rustc-check-cfg=cfg(kalloc_core, kalloc_gate, kalloc_no_core)");

    let Some(compiler) = compiler_in_use() else { return };
    let is_asked_for = env::var_os("CARGO_FEATURE_NIGHTLY").is_some();
    let has_gate = is_asked_for && compiler.is_unstable && !compiler.has_stable_trait;
    if has_gate {
        println!("cargo::rustc-cfg=kalloc_gate");
    }
    let is_switched_off = env::var_os("CARGO_CFG_KALLOC_NO_CORE").is_some();
    if (compiler.has_stable_trait || has_gate) && !is_switched_off {
        println!("cargo::rustc-cfg=kalloc_core");
    }
}

//! Hands the linker script to the linker.

use std::env;

fn main() {
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("riscv64") {
        println!(
            "cargo::error=build this with --target riscv64gc-unknown-none-elf, or from its folder, or by `cargo xtask boot`"
        );
    }
    println!("cargo::rerun-if-changed=virt.ld");
    println!("cargo::rustc-link-arg-bins=-T{}/virt.ld", env!("CARGO_MANIFEST_DIR"));
}

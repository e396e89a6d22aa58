//! What the build script makes of a compiler's version. It matters most for compilers that are not at hand.

#[path = "../build/compiler.rs"]
mod compiler;

use compiler::Compiler;

/// Returns whether the trait is taken to be stable, and whether unstable features are.
fn of(version: &str, bootstrap: &str) -> (bool, bool) {
    let compiler = Compiler::parse(version, bootstrap).expect("a version");
    (compiler.has_stable_trait, compiler.is_unstable)
}

#[test]
fn releases_have_the_trait_from_the_first_stable_version_on() {
    assert_eq!(of("rustc 1.85.1 (4eb161250 2025-03-15)", ""), (false, false));
    assert_eq!(
        of("rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)", ""),
        (false, false)
    );
    assert_eq!(of("rustc 1.100.0 (0123456789 2026-11-10)", ""), (false, false));
    assert_eq!(of("rustc 1.101.0-beta.2 (0123456789 2026-11-20)", ""), (true, false));
    assert_eq!(of("rustc 1.101.0 (0123456789 2026-12-22)", ""), (true, false));
    assert_eq!(of("rustc 1.123.4 (0123456789 2029-01-01)", ""), (true, false));
}

#[test]
fn a_nightly_of_the_first_version_may_be_too_old() {
    assert_eq!(of("rustc 1.97.0-nightly (e50aa6fba 2026-05-19)", ""), (false, true));
    assert_eq!(of("rustc 1.101.0-nightly (0123456789 2026-09-30)", ""), (false, true));
    assert_eq!(of("rustc 1.101.0-dev", ""), (false, true));
    assert_eq!(of("rustc 1.102.0-nightly (0123456789 2026-11-20)", ""), (true, true));
}

#[test]
fn bootstrap_opens_a_stable_compiler_and_closes_a_nightly() {
    let stable = "rustc 1.95.0 (59807616e 2026-04-14)";
    assert_eq!(of(stable, "1"), (false, true));
    assert_eq!(of(stable, "some_crate,kalloc_traits"), (false, true));
    assert_eq!(of(stable, "some_crate"), (false, false));
    assert_eq!(of("rustc 1.97.0-nightly (e50aa6fba 2026-05-19)", "-1"), (false, false));
    assert_eq!(of("rustc 1.101.0 (0123456789 2026-12-22)", "1"), (true, true));
}

#[test]
fn what_is_no_version_of_rust_1_tells_nothing() {
    for version in ["", "rustc", "rustc 2.0.0", "rustc one.two", "rustc 1", "rustc 1.x.0"] {
        assert_eq!(Compiler::parse(version, "1"), None);
    }
}

//! What a compiler can do, told by its version and without compiling anything.

/// The first minor version of Rust 1 in which `core::alloc::Allocator` is taken to be stable.
///
/// Its stabilisation (rust-lang/rust#156882) was agreed in September 2026, and crates did without the gate on the nightly
/// compilers of early October, so it can reach a stable release with 1.100 or 1.101. This is the later one: with the
/// earlier, a compiler without the trait could be taken for one that has it, and nothing would build.
const FIRST_STABLE_MINOR: u32 = 101;

/// What a compiler can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// `core::alloc::Allocator` is stable.
    pub(crate) has_stable_trait: bool,
    /// It takes unstable features.
    pub(crate) is_unstable: bool,
}

impl Compiler {
    /// Reads what `rustc --version` says, such as `rustc 1.97.0-nightly (e50aa6fba 2026-05-19)`; `None` if that is no
    /// version of Rust 1. `bootstrap` is the variable `RUSTC_BOOTSTRAP`, which makes a stable compiler take unstable
    /// features, or a nightly one refuse them.
    pub(crate) fn parse(version: &str, bootstrap: &str) -> Option<Self> {
        let number = version.split_whitespace().nth(1)?;
        let (release, channel) = number.split_once('-').unwrap_or((number, ""));
        let mut parts = release.split('.');
        if parts.next()? != "1" {
            return None;
        }
        let minor: u32 = parts.next()?.parse().ok()?;
        let is_nightly = channel.starts_with("nightly") || channel.starts_with("dev");
        let is_unstable = match bootstrap {
            "-1" => false,
            _ => is_nightly || bootstrap.split(',').any(|name| name == "1" || name == "kalloc_traits"),
        };
        Some(Self {
            // A nightly of the first version may be older than the change.
            has_stable_trait: minor >= FIRST_STABLE_MINOR + u32::from(is_nightly),
            is_unstable,
        })
    }
}

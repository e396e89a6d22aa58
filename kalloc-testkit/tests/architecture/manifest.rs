//! What the manifests say: who depends on whom, and that the workspace's lints are everyone's.

/// Returns the names of the packages under `kalloc-` that a manifest depends on, but for its tests.
pub(crate) fn kalloc_dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            // `[dependencies]`, `[build-dependencies]`, `[target.'cfg(x)'.dependencies]`, `[dependencies.name]`.
            is_dependencies = section.contains("dependencies") && !section.contains("dev-dependencies");
        }
        if is_dependencies && !line.starts_with('#') {
            let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            found.extend(words.filter(|word| word.starts_with("kalloc-")).map(str::to_owned));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Returns the members of a workspace.
pub(crate) fn members(manifest: &str) -> Vec<String> {
    let list = manifest
        .split_once("members = [")
        .and_then(|(_, rest)| rest.split_once(']'));
    let list = list.map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns whether a manifest takes over the workspace's lints.
pub(crate) fn has_workspace_lints(manifest: &str) -> bool {
    let lines: Vec<&str> = manifest.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"])
}

#[test]
fn dependencies_are_found_in_every_section_but_those_of_tests() {
    let manifest = "\
[package]
name = \"kalloc-x\"
[dependencies]
kalloc-traits.workspace = true
# kalloc-comment = 1
other = { package = \"kalloc-renamed\", path = \"../kalloc-path\" }
[dev-dependencies]
kalloc-test = 1
[target.'cfg(unix)'.dependencies]
kalloc-unix = 1
[dependencies.kalloc-table]
version = \"1\"
[lints]
kalloc-not = 1
";
    let expected = [
        "kalloc-path",
        "kalloc-renamed",
        "kalloc-table",
        "kalloc-traits",
        "kalloc-unix",
    ];
    assert_eq!(kalloc_dependencies(manifest), expected);
}

#[test]
fn members_and_lints_are_read() {
    let manifest = "[workspace]\nmembers = [\n    \"a\",\n    \"b\",\n]\ndefault-members = [\"a\"]\n";
    assert_eq!(members(manifest), ["a", "b"]);
    assert!(has_workspace_lints("[lints]\nworkspace = true\n"));
    assert!(!has_workspace_lints("[lints]\n[package]\nworkspace = true\n"));
    assert!(!has_workspace_lints("[lints.rust]\nunsafe_code = \"deny\"\n"));
}

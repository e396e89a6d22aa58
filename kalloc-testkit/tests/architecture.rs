//! Holds the repository to the rules of its architecture: the order of modules, the length of files, the list of files
//! that may say `unsafe`, who depends on whom, and lints.
//!
//! `docs/architecture.md` gives the reasons. Each rule is a function from text to what is against it, and is tried on a
//! planted violation beside its use.

// It reads files, and has nothing for Miri to find.
#![cfg(not(miri))]

#[path = "architecture/manifest.rs"]
mod manifest;
#[path = "architecture/order.rs"]
mod order;
#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/tables.rs"]
mod tables;

use source::{Source, library_tokens, read, rust_files, without_test_files};
use tables::{LIBRARIES, MOST_LINES, ORDERS, UNSAFE_FILES};

/// Fails with all that was found.
#[track_caller]
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Returns the sources of a library, without its tests.
fn library_files(krate: &str) -> Vec<Source> {
    without_test_files(rust_files(&format!("{krate}/src")))
}

#[test]
fn every_file_uses_only_what_stands_before_it() {
    for (krate, _) in LIBRARIES {
        let order = ORDERS.iter().find(|order| order.krate == krate);
        let order = order.unwrap_or_else(|| panic!("{krate} has no order"));
        assert_none(&order::violations(order, &library_files(krate)));
    }
}

/// Returns the modules that the section `krate` of a document lists: the first cells of its table.
fn documented_modules<'a>(document: &'a str, krate: &str) -> Vec<&'a str> {
    let section = document
        .split("\n### ")
        .find(|section| section.lines().next() == Some(krate));
    let rows = section.map_or("", |section| section).lines();
    rows.map_while(|row| if row.starts_with("## ") { None } else { Some(row) })
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .collect()
}

#[test]
fn the_docs_list_the_modules_in_the_order_that_is_checked() {
    let document = read("docs/architecture.md");
    for order in &ORDERS {
        assert_eq!(
            documented_modules(&document, order.krate),
            order.modules,
            "{}",
            order.krate
        );
    }
}

#[test]
fn modules_are_read_from_the_section_of_their_crate_alone() {
    let document =
        "# x\n### k\n\n| module |\n|---|\n| `a` | of `b` |\n| `c/d` | |\n\n### l\n| `e` | |\n## y\n| `f` | |";
    assert_eq!(documented_modules(document, "k"), ["a", "c/d"]);
    assert_eq!(documented_modules(document, "l"), ["e"]);
    assert!(documented_modules(document, "m").is_empty());
}

/// Returns the files that are too long.
fn long_files(files: &[Source]) -> Vec<String> {
    let long = files.iter().filter(|file| file.text.lines().count() > MOST_LINES);
    long.map(|file| format!("{}: longer than {MOST_LINES} lines", file.path))
        .collect()
}

#[test]
fn no_file_is_longer_than_400_lines() {
    assert_none(&long_files(&rust_files("")));
}

#[test]
fn a_file_of_401_lines_is_found() {
    let file = |lines: usize| Source {
        path: "x.rs".to_owned(),
        text: "\n".repeat(lines),
    };
    assert_eq!(long_files(&[file(MOST_LINES), file(MOST_LINES + 1)]).len(), 1);
}

/// Returns the files that say `unsafe` and are not on the list, and those on the list that do not.
fn unlisted_unsafe(files: &[Source], list: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let says_unsafe = library_tokens(&file.text).iter().any(|token| token.text == "unsafe");
        match (says_unsafe, list.contains(&file.path.as_str())) {
            (true, false) => found.push(format!("{}: says `unsafe` and is not on the list", file.path)),
            (false, true) => found.push(format!("{}: is on the list and does not say `unsafe`", file.path)),
            _ => {}
        }
    }
    let exists = |path: &&&str| !files.iter().any(|file| file.path == **path);
    found.extend(
        list.iter()
            .filter(exists)
            .map(|path| format!("{path}: is on the list and does not exist")),
    );
    found
}

#[test]
fn only_listed_files_say_unsafe() {
    let files: Vec<Source> = LIBRARIES.iter().flat_map(|(krate, _)| library_files(krate)).collect();
    assert_none(&unlisted_unsafe(&files, &UNSAFE_FILES));
}

#[test]
fn unsafe_is_found_where_it_is_not_listed_and_missed_where_it_is() {
    let file = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file(
            "plain.rs",
            "//! unsafe\n#![forbid(unsafe_code)]\n#[cfg(test)]\nmod tests { unsafe fn f() {} }",
        ),
        file("said.rs", "unsafe fn f() {}"),
    ];
    assert_none(&unlisted_unsafe(&files, &["said.rs"]));
    assert_eq!(unlisted_unsafe(&files, &[]).len(), 1);
    assert_eq!(unlisted_unsafe(&files, &["said.rs", "plain.rs"]).len(), 1);
    assert_eq!(unlisted_unsafe(&files, &["said.rs", "gone.rs"]).len(), 1);
}

/// Returns the dependencies of a library that it may not have.
fn stray_dependencies(krate: &str, manifest: &str, allowed: &[&str]) -> Vec<String> {
    let found = manifest::kalloc_dependencies(manifest).into_iter();
    let stray = found.filter(|name| !allowed.contains(&name.as_str()));
    stray.map(|name| format!("{krate}: depends on {name}")).collect()
}

#[test]
fn arrows_point_only_at_the_traits() {
    for (krate, allowed) in LIBRARIES {
        let manifest = read(&format!("{krate}/Cargo.toml"));
        assert_none(&stray_dependencies(krate, &manifest, allowed));
    }
}

#[test]
fn an_arrow_from_sync_to_the_pool_is_found() {
    let manifest = "[dependencies]\nkalloc-traits.workspace = true\nkalloc-pool.workspace = true\n";
    assert_eq!(
        stray_dependencies("kalloc-sync", manifest, &["kalloc-traits"]),
        ["kalloc-sync: depends on kalloc-pool"]
    );
}

#[test]
fn every_member_takes_over_the_lints_of_the_workspace() {
    let members = manifest::members(&read("Cargo.toml"));
    assert!(members.len() >= LIBRARIES.len(), "the members could not be read");
    for member in members {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(
            manifest::has_workspace_lints(&manifest),
            "{member} has lints of its own or none"
        );
    }
}

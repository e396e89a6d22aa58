//! The order of a crate's modules: a file uses only what stands before it.
//!
//! A crate's table lists every module, low to high. Whatever a file names by `crate::`, `self::`, `super::` or the name of
//! a child is looked up: the longest part of the path that is a module is what the file depends on. A name that a module
//! only passes on (`pub use`) stands for where it comes from, so a façade hides nothing; passing on is not using. The crate
//! root may use everything.

use std::collections::BTreeMap;

use crate::paths::{Path, join, paths_of, split};
use crate::source::{Source, module_path};

/// A crate's modules by path from `src`, low to high: `"region/slice"`.
pub(crate) struct Order {
    pub(crate) krate: &'static str,
    pub(crate) modules: &'static [&'static str],
    /// Pairs of which the first uses the second against the order, with a reason in a comment.
    pub(crate) exceptions: &'static [(&'static str, &'static str)],
}

/// What each module passes on: by module and name, the path.
type PassedOn = BTreeMap<(String, String), Vec<String>>;

/// Returns what in `files`, the sources of one crate, is against `order`.
pub(crate) fn violations(order: &Order, files: &[Source]) -> Vec<String> {
    let modules: Vec<(String, &Source)> = files
        .iter()
        .map(|file| (module_of(order.krate, &file.path), file))
        .collect();
    let mut found = mismatches(order, &modules);
    let uses = uses_against(order, &modules);
    for (module, used, place) in &uses {
        if !order.exceptions.contains(&(module.as_str(), used.as_str())) {
            let used = if used.is_empty() { "the crate root" } else { used };
            found.push(format!("{place}: uses {used}, which does not stand before it"));
        }
    }
    for (module, used) in order.exceptions {
        if !uses.iter().any(|(a, b, _)| a == module && b == used) {
            let krate = order.krate;
            found.push(format!("{krate}: {module} does not use {used}, so it is no exception"));
        }
    }
    found
}

/// Returns where the table and the files differ, and where a file hides what it passes on.
fn mismatches(order: &Order, modules: &[(String, &Source)]) -> Vec<String> {
    let (krate, mut found) = (order.krate, Vec::new());
    for (module, Source { path, text }) in modules {
        if !module.is_empty() && !order.modules.contains(&module.as_str()) {
            found.push(format!("{path}: stands in no place of the order of {krate}"));
        }
        let passes_on_all = |path: &Path| path.passed_on_as.as_deref() == Some("*");
        if paths_of(order.modules, module, text).iter().any(passes_on_all) {
            found.push(format!(
                "{path}: passes everything on by `*`, which hides who uses what"
            ));
        }
    }
    for &module in order.modules {
        if !modules.iter().any(|(found, _)| found == module) {
            found.push(format!("{krate}: the order names {module}, which does not exist"));
        }
    }
    found
}

/// Returns what modules use against the order: who, what, and on which line.
fn uses_against(order: &Order, modules: &[(String, &Source)]) -> Vec<(String, String, String)> {
    let paths: Vec<Vec<Path>> = modules
        .iter()
        .map(|(module, file)| paths_of(order.modules, module, &file.text))
        .collect();
    let passed_on = passed_on(modules, &paths);
    let mut found = Vec::new();
    for ((module, file), paths) in modules.iter().zip(&paths) {
        for path in paths.iter().filter(|path| path.passed_on_as.is_none()) {
            let used = resolve(order, &passed_on, &path.segments);
            // The crate root may use everything.
            if !module.is_empty() && !stands_before(order, &used, module) {
                found.push((module.clone(), used, format!("{}:{}", file.path, path.line)));
            }
        }
    }
    found
}

/// Returns the module in a file; that of `lib.rs` is empty.
fn module_of(krate: &str, path: &str) -> String {
    let module = module_path(path);
    let module = module.strip_prefix(krate).and_then(|path| path.strip_prefix("/src"));
    module.unwrap_or(path).trim_start_matches('/').to_owned()
}

/// Returns whether `module` may use `used`: itself, or what stands before it.
fn stands_before(order: &Order, used: &str, module: &str) -> bool {
    let place = |wanted: &str| order.modules.iter().position(|&module| module == wanted);
    match (place(used), place(module)) {
        (Some(used), Some(user)) => used <= user,
        // A file without a place was reported already; the root has none, so nobody may use it.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Returns the module that a path leads to.
fn resolve(order: &Order, passed_on: &PassedOn, path: &[String]) -> String {
    let mut module = String::new();
    for (index, segment) in path.iter().enumerate() {
        let child = join(&module, segment);
        if order.modules.contains(&child.as_str()) {
            module = child;
        } else if let Some(source) = passed_on.get(&(module.clone(), segment.clone())) {
            let onward: Vec<String> = source.iter().chain(&path[index + 1..]).cloned().collect();
            return resolve(order, passed_on, &onward);
        } else {
            break;
        }
    }
    module
}

fn passed_on(modules: &[(String, &Source)], paths: &[Vec<Path>]) -> PassedOn {
    let mut map = PassedOn::new();
    for ((module, _), paths) in modules.iter().zip(paths) {
        for path in paths {
            if let Some(name) = &path.passed_on_as {
                // `pub use self::x` of what has the same name would lead to itself.
                if path.segments != [split(module), vec![name.clone()]].concat() {
                    map.insert((module.clone(), name.clone()), path.segments.clone());
                }
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order {
        krate: "k",
        modules: &["low", "folder", "folder/inner", "high"],
        exceptions: &[],
    };

    /// Returns the violations of a crate in which one file reads as given, and the others are empty.
    fn with(path: &str, text: &str) -> Vec<String> {
        let mut files = Vec::new();
        for (file, content) in [
            (
                "k/src/lib.rs",
                "mod folder; mod high; mod low; pub use folder::Inner; pub use high::High;",
            ),
            ("k/src/low.rs", ""),
            (
                "k/src/folder/mod.rs",
                "pub mod inner; pub(crate) use self::inner::Inner; pub struct Outer;",
            ),
            ("k/src/folder/inner.rs", ""),
            ("k/src/high.rs", ""),
        ] {
            let text = if file == path { text } else { content };
            files.push(Source {
                path: file.to_owned(),
                text: text.to_owned(),
            });
        }
        violations(&ORDER, &files)
    }

    #[test]
    fn what_stands_before_may_be_used() {
        let text = "use crate::{folder::{Outer, inner::X}, low::*}; fn f() { crate::low::g::<u8>(); super::low::g() }";
        assert_eq!(with("k/src/high.rs", text), Vec::<String>::new());
        assert_eq!(
            with("k/src/folder/inner.rs", "use super::Outer; use super::super::low;"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_stands_behind_is_found_however_it_is_named() {
        for text in [
            "use crate::high::X;",
            "use crate::{folder, low};",
            "use\n    super::folder::Outer as Y;",
            "fn f() -> crate::folder::inner::Inner { todo() }",
            "use crate::High;",
            "use crate::Inner;",
            "#[cfg(test)] mod tests { } use crate::high::X;",
            "mod sealed { } use super::High;",
            "mod sealed { use super::super::High; }",
            "pub fn f() { } use crate::High;",
        ] {
            let found = with("k/src/low.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains("does not stand before"), "{found:?}");
        }
    }

    #[test]
    fn a_facade_hides_nothing_and_a_parent_may_not_use_its_children() {
        assert_eq!(with("k/src/folder/mod.rs", "mod inner; use inner::X;").len(), 1);
        assert_eq!(with("k/src/folder/mod.rs", "mod inner; fn f() { inner::g() }").len(), 1);
        assert_eq!(with("k/src/folder/mod.rs", "mod inner; pub use inner::X;").len(), 0);
        assert_eq!(with("k/src/folder/inner.rs", "use crate::High;").len(), 1);
        assert_eq!(
            with("k/src/folder/mod.rs", "mod inner; pub(super) use inner::*;").len(),
            1
        );
    }

    #[test]
    fn tests_macros_comments_and_inline_modules_are_no_use() {
        for text in [
            "#[cfg(test)] mod tests { use crate::high::X; }",
            "macro_rules! m { () => { $crate::high::X }; }",
            "// crate::high::X\nfn f() { g(\"crate::high::X\") }",
            "pub(in crate::high) fn f() {}",
            "struct Own; mod sealed { mod inner { use super::super::Own; } use super::Own; } use self::Own;",
        ] {
            assert_eq!(with("k/src/low.rs", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_table_that_does_not_match_the_files_is_found() {
        let found = violations(&ORDER, &[]);
        assert_eq!(found.len(), ORDER.modules.len());
        let stray = Source {
            path: "k/src/stray.rs".to_owned(),
            text: String::new(),
        };
        assert_eq!(violations(&ORDER, &[stray]).len(), ORDER.modules.len() + 1);
    }

    #[test]
    fn an_exception_counts_only_where_it_is_made_use_of() {
        let file = Source {
            path: "k/src/low.rs".to_owned(),
            text: "use crate::high::X;".to_owned(),
        };
        let count = |exceptions| violations(&Order { exceptions, ..ORDER }, std::slice::from_ref(&file)).len();
        let missing_files = ORDER.modules.len() - 1;
        assert_eq!(count(&[]), missing_files + 1);
        assert_eq!(count(&[("low", "high")]), missing_files);
        assert_eq!(count(&[("low", "high"), ("low", "folder")]), missing_files + 1);
    }
}

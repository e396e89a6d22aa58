//! The paths in a file that start in its own crate: those of `use`, and those in the midst of code.

use crate::source::{Token, library_tokens};

/// A path in a file, from the crate's root.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// The name under which `pub use` passes it on.
    pub(crate) passed_on_as: Option<String>,
}

/// Returns every path of a file that starts in its own crate.
pub(crate) fn paths_of(modules: &[&str], module: &str, text: &str) -> Vec<Path> {
    let tokens = library_tokens(text);
    let mut paths = Vec::new();
    let mut scope = Scope::of(module);
    for at in 0..tokens.len() {
        scope.pass(&tokens[..=at]);
        if let Some(base) = anchor(modules, &scope, &tokens, at) {
            let is_passed_on = is_public_use(&tokens[..at]);
            let mut found = Vec::new();
            tree(&tokens, at, &base, &mut found);
            paths.extend(found.into_iter().map(|(segments, name)| Path {
                passed_on_as: is_passed_on.then_some(name),
                segments,
                line: tokens[at].line,
            }));
        }
    }
    paths
}

/// Returns where the path starts whose first word is `tokens[at]`, as a path from the root without that word's meaning:
/// `None` if it starts elsewhere.
fn anchor(modules: &[&str], scope: &Scope, tokens: &[Token], at: usize) -> Option<Vec<String>> {
    let before = at.checked_sub(1).map_or("", |before| tokens[before].text.as_str());
    let leads_on = tokens.get(at + 1).is_some_and(|next| next.text == "::");
    // `$crate` belongs to whoever expands a macro, and `pub(in …)` uses nothing.
    if !leads_on || matches!(before, "::" | "$" | "in") {
        return None;
    }
    let mut base = scope.path.clone();
    match tokens[at].text.as_str() {
        "crate" => Some(Vec::new()),
        "self" => Some(base),
        "super" => {
            base.pop();
            Some(base)
        }
        // A child of that name hides nothing: in a macro's words, the crate is meant.
        "core" | "alloc" | "std" => None,
        child if modules.contains(&join(&base.join("/"), child).as_str()) => Some(base),
        _ => None,
    }
}

/// The module that a token is in, which may be an inline one of the file's.
struct Scope {
    path: Vec<String>,
    /// How many braces are open, now and before each inline module.
    depth: usize,
    inline: Vec<usize>,
}

impl Scope {
    fn of(module: &str) -> Self {
        Self {
            path: split(module),
            depth: 0,
            inline: Vec::new(),
        }
    }

    /// Passes the last of `tokens`.
    fn pass(&mut self, tokens: &[Token]) {
        match tokens {
            [.., module, name, open] if module.text == "mod" && open.text == "{" => {
                self.path.push(name.text.clone());
                self.inline.push(self.depth);
                self.depth += 1;
            }
            [.., open] if open.text == "{" => self.depth += 1,
            [.., close] if close.text == "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.path.pop();
                }
            }
            _ => {}
        }
    }
}

/// Returns whether the tokens end in `pub use`, `pub(crate) use` or the like.
fn is_public_use(before: &[Token]) -> bool {
    let mut words = before.iter().rev().map(|token| token.text.as_str());
    if words.next() != Some("use") {
        return false;
    }
    match words.next() {
        Some(")") => words.find(|&word| word == "(").is_some() && words.next() == Some("pub"),
        word => word == Some("pub"),
    }
}

/// Reads the tree of paths at `tokens[at]` under `base`; pushes each with the name it gets, and returns where it ends.
fn tree(tokens: &[Token], mut at: usize, base: &[String], found: &mut Vec<(Vec<String>, String)>) -> usize {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut path = base.to_vec();
    loop {
        match word(at) {
            "{" => {
                at += 1;
                while !matches!(word(at), "}" | "") {
                    at = tree(tokens, at, &path, found);
                    at += usize::from(word(at) == ",");
                }
                return at + 1;
            }
            // What a child would be anchored at, it was already.
            "crate" | "self" => {}
            "super" if !path.is_empty() && word(at.wrapping_sub(1)) == "::" => {
                path.pop();
            }
            "super" => {}
            other => path.push(other.to_owned()),
        }
        at += 1;
        let leads_on = word(at) == "::" && word(at + 1) != "<";
        if !leads_on {
            break;
        }
        at += 1;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if word(at) == "as" {
        name = word(at + 1).to_owned();
        at += 2;
    }
    found.push((path, name));
    at
}

/// Returns the parts of a module's path.
pub(crate) fn split(module: &str) -> Vec<String> {
    module
        .split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the path of a module's child.
pub(crate) fn join(module: &str, child: &str) -> String {
    if module.is_empty() {
        child.to_owned()
    } else {
        format!("{module}/{child}")
    }
}

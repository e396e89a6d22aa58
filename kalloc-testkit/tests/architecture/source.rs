//! The files of the repository, and their code without words.

use std::fs;
use std::path::{Path, PathBuf};

/// A file, by its path from the root of the repository, with `/` between the parts.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns a file of the repository as text.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns every `.rs` file below the folder `path` of the repository, but for what cargo builds.
pub(crate) fn rust_files(path: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(path), path, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, path: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{path}: {error}")) {
        let entry = entry.expect("a folder that is listed can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        if entry.path().is_dir() {
            if name != "target" && name != ".git" {
                collect(&entry.path(), &path, found);
            }
        } else if name.ends_with(".rs") {
            let text = read(&path);
            found.push(Source { path, text });
        }
    }
}

/// Returns `text` with the contents of comments and literals made blank, and every line where it was.
pub(crate) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let len = wordy(&chars[at..], at > 0 && is_word(chars[at - 1]));
        if len == 0 {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..at + len].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at += len;
        }
    }
    out
}

/// Returns how many characters the comment or literal takes that starts here; 0 if none does.
fn wordy(rest: &[char], is_in_word: bool) -> usize {
    match rest {
        ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => string(rest),
        ['r', '"' | '#', ..] if !is_in_word => raw_string(rest),
        ['\'', '\\', _, tail @ ..] => 3 + tail.iter().position(|&c| c == '\'').map_or(0, |quote| quote + 1),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        match rest[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0; // A raw identifier.
    }
    let end: Vec<char> = ['"'].into_iter().chain(core::iter::repeat_n('#', hashes)).collect();
    let body = 2 + hashes;
    let len = rest[body..].windows(end.len()).position(|window| window == end);
    len.map_or(rest.len(), |len| body + len + end.len())
}

/// A word or one punctuation mark of code, and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Returns the tokens of `code`, which has no words. `::` is one token.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token {
                text: rest[..len].to_owned(),
                line,
            });
            rest = rest[len..].trim_start();
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the tokens of a file that are not under `#[cfg(test)]`, nor under `#[cfg(all(test, …))]`.
pub(crate) fn library_tokens(text: &str) -> Vec<Token> {
    let mut rest = tokens(&code_of(text));
    let mut kept = Vec::new();
    while let Some(start) = (0..rest.len()).find(|&at| is_test_attribute(&rest[at..])) {
        let item = rest.split_off(start);
        kept.append(&mut rest);
        rest = item[item_len(&item)..].to_vec();
    }
    kept.append(&mut rest);
    kept
}

/// Returns the files without those that are modules of tests, declared by `#[cfg(test)] mod name;`.
pub(crate) fn without_test_files(mut files: Vec<Source>) -> Vec<Source> {
    let tests: Vec<String> = files.iter().flat_map(test_modules).collect();
    files.retain(|file| !tests.contains(&module_path(&file.path)));
    files
}

/// Returns the paths of the modules that a file declares for tests alone.
fn test_modules(file: &Source) -> Vec<String> {
    let tokens = tokens(&code_of(&file.text));
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|&at| is_test_attribute(&tokens[at..])) {
        let item = &tokens[at..at + item_len(&tokens[at..])];
        if let [first, .., module, name, end] = item {
            if module.text == "mod" && end.text == ";" {
                // Literals are not among the tokens, but `#[path = "…"]` has a line of its own.
                let mut lines = lines[first.line - 1..end.line].iter();
                let elsewhere = lines.find_map(|line| line.split_once("#[path = \"")?.1.split_once(".rs\"]"));
                found.push(match elsewhere {
                    Some((path, _)) => {
                        format!("{}/{path}", file.path.rsplit_once('/').map_or("", |(folder, _)| folder))
                    }
                    None => format!("{}/{}", module_path(&file.path), name.text),
                });
            }
        }
    }
    found
}

/// Returns the path of a file's module, such that its children stand below it: `x/src` for `x/src/lib.rs`.
pub(crate) fn module_path(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let parent = path.strip_suffix("/mod").or(path.strip_suffix("/lib"));
    parent.unwrap_or(path).to_owned()
}

fn is_test_attribute(tokens: &[Token]) -> bool {
    let starts_with = |words: &[&str]| {
        let texts = tokens.iter().map(|token| token.text.as_str());
        texts.take(words.len()).eq(words.iter().copied())
    };
    starts_with(&["#", "[", "cfg", "(", "test", ")", "]"]) || starts_with(&["#", "[", "cfg", "(", "all", "(", "test"])
}

/// Returns how many tokens the item takes that starts here: up to its `;`, or to the end of its braces.
fn item_len(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return index + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "a /* unsafe /* b */ */ \"unsafe \\\" \" 'x' '\\'' '\\u{41}' &'life r#\"unsafe\"# bar\" // unsafe\nz";
    let words: Vec<String> = tokens(&code_of(text)).into_iter().map(|token| token.text).collect();
    assert_eq!(words, ["a", "&", "'", "life", "bar"]);

    let words: Vec<String> = tokens(&code_of("r#type // \nb\"x\" y"))
        .into_iter()
        .map(|token| token.text)
        .collect();
    assert_eq!(words, ["r", "#", "type", "b", "y"]);
}

#[test]
fn tests_are_not_library_code() {
    let text = "a; #[cfg(test)] mod tests { mod x { } b } c #[cfg(all(test, x))] use d; e";
    let words: Vec<String> = library_tokens(text).into_iter().map(|token| token.text).collect();
    assert_eq!(words, ["a", ";", "c", "e"]);
}

#[test]
fn files_of_tests_are_left_out() {
    let file = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = vec![
        file(
            "k/src/lib.rs",
            "mod a; #[cfg(test)] mod tests; #[cfg(test)] mod inline { }",
        ),
        file(
            "k/src/a/mod.rs",
            "#[cfg(test)] #[expect(dead_code)] pub(crate) mod toy; mod inline;",
        ),
        file("k/src/a/inline.rs", ""),
        file("k/src/a/toy.rs", ""),
        file("k/src/tests.rs", ""),
        file("k/src/b.rs", "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;"),
        file("k/src/b_tests.rs", ""),
    ];
    let left: Vec<String> = without_test_files(files).into_iter().map(|file| file.path).collect();
    assert_eq!(
        left,
        ["k/src/lib.rs", "k/src/a/mod.rs", "k/src/a/inline.rs", "k/src/b.rs"]
    );
}

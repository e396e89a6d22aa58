//! The loads by name, and traces by the path of their file.

use std::fs;
use std::path::Path;

use crate::loads::{self, Load};
use crate::trace::Trace;

/// The ending of a trace that is not compressed.
const ENDING: &str = "ktr";

/// A name, and the load that has it.
pub type Named = (&'static str, fn() -> Load);

/// The loads of the repository.
pub const OWN: [Named; 10] = [
    ("boot", loads::kernel_boot),
    ("random-100", || loads::random_actions(100)),
    ("random-1000", || loads::random_actions(1000)),
    ("random-4000", || loads::random_actions(4000)),
    ("aligned", loads::aligned_blocks),
    ("vectors", loads::vectors),
    ("teardown", loads::teardown),
    ("lifo", loads::last_in_first_out),
    ("fifo", loads::first_in_first_out),
    ("holes", || loads::holes(1000)),
];

/// Returns the load of this name, or the trace in the file at this path, which is not compressed.
pub fn load(name: &str) -> Option<Load> {
    if let Some((_, make)) = OWN.iter().find(|(own, _)| *own == name) {
        return Some(make());
    }
    let bytes = fs::read(name).ok()?;
    Some(Load::whole(Trace::decode(&bytes).ok()?))
}

/// Returns what tables call the load: its name, or the file's without its ending.
pub fn title(name: &str) -> &str {
    let path = Path::new(name);
    match path.extension() {
        Some(ending) if ending == ENDING => path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(name),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_known_by_name_and_files_by_path() {
        assert!(OWN.iter().all(|(name, _)| title(name) == *name));
        assert!(load("holes").is_some() && load("no such load").is_none());

        let path = std::env::temp_dir().join(format!("kalloc-{}.ktr", std::process::id()));
        let trace = loads::last_in_first_out().trace().clone();
        fs::write(&path, trace.encode()).unwrap();
        let name = path.to_str().unwrap();
        let read = load(name).map(|load| load.trace().clone());
        fs::remove_file(&path).unwrap();
        assert_eq!(read, Some(trace));
        assert_eq!(title("some/where/jq.ktr"), "jq");
    }
}

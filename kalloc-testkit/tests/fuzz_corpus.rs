//! What the fuzzers keep: each file of `fuzz/corpus` is played by the function of its target, on any compiler.

// It reads files, and the programs are for a real machine.
#![cfg(not(miri))]

#[expect(unreachable_pub, reason = "there it is for others to use")]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use kalloc_testkit::drive::caught;
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_testkit::region::GuardedRegion;

use targets::TARGETS;

/// The most bytes of the whole corpus.
const MOST_BYTES: u64 = 16 << 10;

/// Returns the fuzzers' folder.
fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// Returns the files of a target's corpus.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = fuzz().join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Returns the names in a folder without their extensions, sorted.
fn names(folder: &str) -> Vec<String> {
    let folder = fs::read_dir(fuzz().join(folder)).unwrap();
    let mut names: Vec<String> = folder
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_file_of_the_corpus_holds() {
    for (name, target) in TARGETS {
        for file in corpus(name) {
            let played = caught(|| {
                target(&fs::read(&file).unwrap());
                Ok(())
            });
            played.unwrap_or_else(|failure| panic!("{}: {failure}", file.display()));
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_small_corpus() {
    let mut listed: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(names("fuzz_targets"), listed);
    assert_eq!(names("corpus"), listed);
    let files = listed.iter().flat_map(|name| {
        let files = corpus(name);
        assert!(!files.is_empty(), "{name} has no corpus");
        files
    });
    let bytes: u64 = files.map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(bytes <= MOST_BYTES, "the corpus has {bytes} bytes");
}

/// A corpus that found nothing in a heap with bugs would find nothing in one without.
#[test]
fn the_corpus_finds_planted_bugs() {
    for fault in [
        Fault::NoLeftMerge,
        Fault::IgnoresAlignment,
        Fault::PeakStale,
        Fault::WalkShowsUsedAsFree,
    ] {
        let finds = |file: PathBuf| {
            let bytes = fs::read(file).unwrap();
            let heap = Planted::new(GuardedRegion::new(4096), fault);
            caught(|| targets::judge(&heap, bytes.get(3..).unwrap_or(&[]))).is_err()
        };
        assert!(corpus("pool_standard").into_iter().any(finds), "{fault:?}");
    }
}

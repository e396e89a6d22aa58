//! The chapters of the tour. Each is one function that shows one thing, checks what it says, and can be copied.
//!
//! The first five bring their own memory. The last two replay a recorded boot in the memory of the benches, so they are
//! given it.

pub mod boot_bump;
pub mod collections;
pub mod heap_picture;
pub mod linux_boot;
pub mod nested;
pub mod odd_memory;
pub mod running_out;

use std::error::Error;
use std::io::{self, Write};

/// How a chapter ends: an error is a claim of the chapter that did not hold, or output that nobody takes.
pub type Outcome = Result<(), Box<dyn Error>>;

/// A chapter that needs nothing but somewhere to print to.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// What it is called.
    pub title: &'static str,
    /// The name of its file in `examples/src/chapters`.
    pub file: &'static str,
    /// Runs it. Each brings static memory, so only one call at a time succeeds.
    pub tell: fn(&mut dyn Write) -> Outcome,
}

/// The chapters before the boot, in order.
pub const CHAPTERS: [Chapter; 5] = [
    Chapter {
        title: "Collections in heaps of their own, on one static region",
        file: "collections.rs",
        tell: collections::tell,
    },
    Chapter {
        title: "A region of your own: memory behind the picture on the screen",
        file: "odd_memory.rs",
        tell: odd_memory::tell,
    },
    Chapter {
        title: "Before there is a heap: a bump for boot tables, a pool on the rest",
        file: "boot_bump.rs",
        tell: boot_bump::tell,
    },
    Chapter {
        title: "A heap in a heap, which gives everything back at once",
        file: "nested.rs",
        tell: nested::tell,
    },
    Chapter {
        title: "Running out, and recovering",
        file: "running_out.rs",
        tell: running_out::tell,
    },
];

/// Prints the heading of a chapter: its number, its title, and where its code is.
///
/// # Errors
///
/// Those of `out`.
pub fn heading(out: &mut dyn Write, number: usize, title: &str, file: &str) -> io::Result<()> {
    let heading = format!("{number}. {title}");
    let line = "─".repeat(heading.chars().count());
    writeln!(out, "{heading}\n{line}\nexamples/src/chapters/{file}\n")
}

/// Succeeds if `fact` holds.
///
/// # Errors
///
/// `claim`, the sentence that was not true.
fn ensure(fact: bool, claim: &str) -> Outcome {
    if fact {
        Ok(())
    } else {
        Err(format!("this does not hold: {claim}").into())
    }
}

#[cfg(test)]
mod tests {
    use kalloc_benches::memory::Memory;

    use super::*;
    use crate::trace::Trace;

    /// Returns what a chapter prints.
    fn text(chapter: &Chapter) -> String {
        let mut out = Vec::new();
        let outcome = (chapter.tell)(&mut out);
        assert!(outcome.is_ok(), "{}: {outcome:?}", chapter.file);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_chapter_holds_what_it_says_and_fits_a_terminal() {
        for chapter in &CHAPTERS {
            let text = text(chapter);
            assert!(text.lines().count() > 5, "{}", chapter.file);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(100), "{}: {widest:?} columns\n{text}", chapter.file);
        }
    }

    /// The boot's first requests: a whole one is for release builds.
    const REQUESTS: usize = 4000;

    #[test]
    fn the_boot_and_its_picture_hold_what_they_say() {
        let boot = Trace::from_zlib(include_bytes!("../../traces/kernel-boot-slice.ktr.z")).unwrap();
        let boot = Trace::from_ops(boot.ops()[..REQUESTS].to_vec()).unwrap();
        let mut memory = Memory::claim().unwrap();
        let mut out = Vec::new();
        linux_boot::tell(&mut out, &boot, &mut memory, 1).unwrap();

        let nowhere = std::env::temp_dir().join("there is no such folder");
        heap_picture::tell(&mut out, &boot, &mut memory, &[nowhere, std::env::temp_dir()]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [.., picture, strip] = lines[..] else {
            panic!("{text}");
        };
        for line in [picture, strip] {
            let path = line.split(": ").nth(1).unwrap();
            let picture = std::fs::read_to_string(path).unwrap();
            assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        }
        assert!(strip.contains("a strip of 2"), "{strip}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn a_claim_that_does_not_hold_ends_the_chapter() {
        assert!(ensure(true, "yes").is_ok());
        assert_eq!(
            ensure(false, "pigs fly").unwrap_err().to_string(),
            "this does not hold: pigs fly"
        );
    }
}

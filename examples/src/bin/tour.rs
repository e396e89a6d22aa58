//! The tour: what kalloc does, in chapters that print what they find. `cargo run --release`.
//!
//! The code of each chapter is a file of its own in `examples/src/chapters`, to read and to copy. All of it takes a few
//! seconds; nothing is asked, and nothing is written but standard output and two pictures.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use kalloc_benches::memory::Memory;
use kalloc_examples::chapters::{CHAPTERS, heading, heap_picture, linux_boot};
use kalloc_examples::trace::Trace;

const BOOT: &[u8] = include_bytes!("../../traces/kernel-boot-slice.ktr.z");
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    match tour(&mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The tour ended early: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether the reader of our output went away, as `head` does when it has seen enough.
fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn tour(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let mut number = 0;
    for chapter in &CHAPTERS {
        number += 1;
        heading(out, number, chapter.title, chapter.file)?;
        (chapter.tell)(out)?;
    }

    let trace = Trace::from_zlib(BOOT)?;
    let mut memory = Memory::claim()?;
    let title = "The beginning of a Linux boot, beside other allocators";
    heading(out, number + 1, title, "linux_boot.rs")?;
    linux_boot::tell(out, &trace, &mut memory, ROUNDS)?;
    heading(out, number + 2, "A picture of the heap", "heap_picture.rs")?;
    heap_picture::tell(out, &trace, &mut memory, &heap_picture::places())
}

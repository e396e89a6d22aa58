//! Faults on demand, to show that a kernel that fails is seen to fail: `cargo xtask boot --fail leak`.

use core::hint::{black_box, spin_loop};

use crate::println;
use crate::report::headline;

/// Something that goes wrong because it was asked for when the kernel was built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A block is never freed.
    Leak,
    /// The test kit judges a heap that breaks a rule.
    Rule,
    /// A function calls itself until the stack is used up.
    Overflow,
    /// Nothing happens any more.
    Hang,
}

/// The fault of this build.
const PLANTED: Option<Fault> = match option_env!("KERNEL_FAULT") {
    None => None,
    Some(name) => match name.as_bytes() {
        b"leak" => Some(Fault::Leak),
        b"rule" => Some(Fault::Rule),
        b"overflow" => Some(Fault::Overflow),
        b"hang" => Some(Fault::Hang),
        _ => panic!("KERNEL_FAULT is leak, rule, overflow or hang"),
    },
};

impl Fault {
    /// Returns whether this is the fault of this build.
    pub(crate) fn is_planted(self) -> bool {
        PLANTED == Some(self)
    }
}

/// Does what this build was asked for, if that is not the matter of another file.
pub(crate) fn happen() {
    match PLANTED {
        Some(Fault::Overflow) => {
            headline("Using up the stack, as asked");
            println!("  it held {} bytes", overflow(1));
        }
        Some(Fault::Hang) => {
            headline("Doing nothing any more, as asked");
            loop {
                spin_loop();
            }
        }
        _ => {}
    }
}

/// Uses up the stack.
#[expect(unconditional_recursion, reason = "that is the fault")]
fn overflow(depth: u64) -> u64 {
    // What is done with the result afterwards keeps the frame.
    black_box(overflow(black_box(depth + 1))) + depth
}

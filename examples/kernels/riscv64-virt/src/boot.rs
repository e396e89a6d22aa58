//! The way into the kernel, and the way that exceptions take. The first instructions are in `boot.s`.

use core::arch::global_asm;

use crate::exit::{Verdict, exit};
use crate::println;

global_asm!(include_str!("boot.s"));

/// Called by `boot.s` on the boot hart, with a stack and a cleared `.bss`.
#[unsafe(no_mangle)]
extern "C" fn kernel_main() -> ! {
    crate::main()
}

/// Called by `boot.s` when the processor could not go on: what happened, at which instruction, and with which address.
#[unsafe(no_mangle)]
extern "C" fn kernel_exception(cause: usize, instruction: usize, value: usize) -> ! {
    let what = match cause {
        1 => "no instructions may be fetched there",
        2 => "not an instruction",
        5 => "no memory may be read there",
        7 => "no memory may be written there",
        _ => "see mcause in the privileged architecture",
    };
    println!("\nFAILED: exception {cause} ({what}) at instruction {instruction:#x}, address {value:#x}");
    exit(Verdict::Exception)
}

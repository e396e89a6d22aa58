//! Requests to callgrind, which counts what lies between two of them and writes it to a file of its own.
//!
//! A request is a sequence of instructions that does nothing, followed by an exchange of `rbx` with itself. Valgrind knows it
//! by sight: `rax` points to the request and its five arguments, and `rdx` gets the answer. Without Valgrind nothing happens.

use core::arch::asm;
use std::ffi::CString;

/// Callgrind's requests are numbered from here: `CT` in the upper half.
const CALLGRIND: u64 = 0x4354_0000;
const ZERO_STATS: u64 = CALLGRIND + 1;
const DUMP_STATS_AT: u64 = CALLGRIND + 3;
const START_INSTRUMENTATION: u64 = CALLGRIND + 4;
const STOP_INSTRUMENTATION: u64 = CALLGRIND + 5;

/// Counts the instructions of `work`, and a handful of its own, and has them written under `name`.
#[inline(never)]
pub(crate) fn dumped(name: &str, work: &mut dyn FnMut()) {
    let name = CString::new(name).expect("no name holds a zero");
    request(START_INSTRUMENTATION, 0);
    request(ZERO_STATS, 0);
    work();
    request(STOP_INSTRUMENTATION, 0);
    request(DUMP_STATS_AT, name.as_ptr().expose_provenance() as u64);
}

#[inline(always)]
fn request(code: u64, argument: u64) {
    let request = [code, argument, 0, 0, 0, 0];
    // SAFETY: rotating by 3, 13, 61 and 51 turns `rdi` by 128 bits, which leaves it as it was, and `rbx` is exchanged with
    // itself. Valgrind reads `request` and writes `rdx`.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const request,
            inout("rdx") 0_u64 => _,
            options(nostack),
        );
    }
}

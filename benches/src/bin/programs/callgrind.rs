//! Requests to callgrind, which counts what lies between two of them.
//!
//! A request is a sequence of instructions that does nothing, followed by an exchange of `rbx` with itself. Valgrind knows it
//! by sight: `rax` points to the request and its five arguments, and `rdx` gets the answer. Without Valgrind nothing happens.

use core::arch::asm;

/// Callgrind's requests are numbered from here: `CT` in the upper half.
const CALLGRIND: u64 = 0x4354_0000;
const START_INSTRUMENTATION: u64 = CALLGRIND + 4;
const STOP_INSTRUMENTATION: u64 = CALLGRIND + 5;

/// Counts the instructions of `work`, and a handful of its own.
#[inline(never)]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    request(START_INSTRUMENTATION);
    let result = work();
    request(STOP_INSTRUMENTATION);
    result
}

#[inline(always)]
fn request(code: u64) {
    let request = [code, 0, 0, 0, 0, 0];
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

//! Requests to callgrind, which counts what lies between two of them.
//!
//! A request is a sequence of instructions that does nothing, followed by an exchange of `rbx` with itself. Valgrind knows it
//! by sight: `rax` points to the request and its five arguments, and `rdx` gets the answer. Without Valgrind nothing happens,
//! and none of it exists but on x86-64 Linux: elsewhere nothing is counted.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use core::arch::asm;
use core::ffi::CStr;

/// Callgrind's requests are numbered from here: `CT` in the upper half.
const CALLGRIND: usize = 0x4354_0000;
const DUMP_STATS_AT: usize = CALLGRIND + 3;
const START_INSTRUMENTATION: usize = CALLGRIND + 4;
const STOP_INSTRUMENTATION: usize = CALLGRIND + 5;

/// Counts the instructions of `work`, and a handful of its own.
#[inline(never)]
pub fn counted<T>(work: impl FnOnce() -> T) -> T {
    request(START_INSTRUMENTATION, 0);
    let result = work();
    request(STOP_INSTRUMENTATION, 0);
    result
}

/// Writes what was counted since the last time to callgrind's file, under this label, and counts from zero on.
pub fn dump(label: &CStr) {
    request(DUMP_STATS_AT, label.as_ptr().expose_provenance());
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline(always)]
fn request(code: usize, argument: usize) {
    let request = [code, argument, 0, 0, 0, 0];
    // SAFETY: rotating by 3, 13, 61 and 51 turns `rdi` by 128 bits, which leaves it as it was, and `rbx` is exchanged with
    // itself. Valgrind reads `request`, and what lies at the argument of a dump, a text that lasts as long as the request; it
    // writes `rdx`.
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

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn request(_code: usize, _argument: usize) {}

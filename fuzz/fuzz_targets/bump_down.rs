//! See `targets::bump_down`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kalloc_fuzz::targets::bump_down(bytes));

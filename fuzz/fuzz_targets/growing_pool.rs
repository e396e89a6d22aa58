//! See `targets::growing_pool`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kalloc_fuzz::targets::growing_pool(bytes));

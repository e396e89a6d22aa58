//! What the fuzz targets do, apart from the fuzzer: a test of kalloc-testkit plays the corpus by it.

pub mod targets;

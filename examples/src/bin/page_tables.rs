//! Page tables before there is paging, from a bump that two cores share. `cargo run --release --bin page_tables`.
//!
//! The code is in `examples/src/paging`.

use std::error::Error;
use std::io;

use kalloc_examples::paging::{self, ram::Ram};

static RAM: Ram = Ram::new();

fn main() -> Result<(), Box<dyn Error>> {
    paging::tell(&RAM, &mut io::stdout().lock())
}

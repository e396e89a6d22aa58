//! Links the three functions and what they use, and nothing else.

fn main() {
    println!("cargo::rustc-link-arg=--gc-sections");
    println!("cargo::rustc-link-arg=-eheap_allocate");
    for function in ["heap_allocate", "heap_deallocate", "heap_reallocate"] {
        println!("cargo::rustc-link-arg=--undefined={function}");
    }
}

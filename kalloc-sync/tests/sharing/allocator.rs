//! A shared heap as the `Allocator` of collections.

use std::thread;

use allocator_api2_02::boxed::Box;
use allocator_api2_02::vec::Vec;
use kalloc_sync::{Locked, SpinLock};
use kalloc_traits::Inspect;

use crate::growing::Memory;
use crate::tiny::Tiny;
use crate::watchdog::guarded;

const COUNT: usize = if cfg!(miri) { 10 } else { 100 };

#[test]
fn a_vec_grows_on_one_thread_and_is_dropped_on_another() {
    guarded(|| {
        let mut memory = Memory::<16384>::new();
        let heap = Locked::<_, SpinLock>::new(Tiny::new(memory.growing(|_| {})));
        let heap = &heap;
        thread::scope(|scope| {
            let makers: [_; 3] = std::array::from_fn(|id| {
                scope.spawn(move || {
                    let mut numbers = Vec::new_in(heap);
                    for n in 0..COUNT {
                        numbers.push(Box::new_in(n * 10 + id, heap));
                    }
                    numbers
                })
            });
            for (id, maker) in makers.into_iter().enumerate() {
                let numbers = maker.join().unwrap();
                assert!(numbers.iter().enumerate().all(|(n, number)| **number == n * 10 + id));
            }
        });
        assert_eq!(heap.stats().live_blocks, 0);
    });
}

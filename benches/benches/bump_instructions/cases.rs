//! What is counted: each case is one call, on a bump that has room.
//!
//! They are the cases of bump-scope's own benches, and a text, a vector that is filled, and a value that may fail.

use core::alloc::Layout;

/// As large as a value is that fills most of a line of the cache.
#[derive(Clone, Copy)]
pub(crate) struct Big(#[expect(dead_code, reason = "it is there to be copied")] pub(crate) [u64; 7]);

pub(crate) const BYTES: &[u8] = b"seventeen letters";
pub(crate) const NUMBERS: &[u32] = &[1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597];
pub(crate) const TEXT: &str = "seventeen letters";

/// So many numbers are pushed to a vector.
pub(crate) const PUSHES: u32 = 1000;

pub(crate) const fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(_) => panic!("it is a layout"),
    }
}

/// The layouts of the cases whose layout is known ahead.
pub(crate) const SMALL: Layout = layout(12, 4);
pub(crate) const LARGE: Layout = layout(48, 4);

/// Emits the cases of one bump, which must be named `Bump`, with functions of these names beside: `fresh`, `alloc`,
/// `alloc_slice`, `alloc_str`, `alloc_try_with`, `allocator`.
macro_rules! cases {
    ($run:ident) => {
        #[inline(never)]
        fn alloc_u8(bump: &Bump, value: u8) -> Option<&u8> {
            alloc(bump, value)
        }

        #[inline(never)]
        fn alloc_u32(bump: &Bump, value: u32) -> Option<&u32> {
            alloc(bump, value)
        }

        #[inline(never)]
        fn alloc_big(bump: &Bump, value: Big) -> Option<&Big> {
            alloc(bump, value)
        }

        #[inline(never)]
        fn alloc_slice_u8<'a>(bump: &'a Bump, values: &[u8]) -> Option<&'a [u8]> {
            alloc_slice(bump, values)
        }

        #[inline(never)]
        fn alloc_slice_u32<'a>(bump: &'a Bump, values: &[u32]) -> Option<&'a [u32]> {
            alloc_slice(bump, values)
        }

        #[inline(never)]
        fn alloc_text<'a>(bump: &'a Bump, text: &str) -> Option<&'a str> {
            alloc_str(bump, text)
        }

        #[inline(never)]
        fn alloc_tried(bump: &Bump, value: u32) -> Option<Result<&u32, u8>> {
            alloc_try_with(bump, || if value > 7 { Ok(value) } else { Err(1) })
        }

        #[inline(never)]
        fn allocate(bump: &Bump) -> Option<NonNull<[u8]>> {
            allocator(bump).allocate(SMALL).ok()
        }

        #[inline(never)]
        fn allocate_unknown(bump: &Bump, layout: Layout) -> Option<NonNull<[u8]>> {
            allocator(bump).allocate(layout).ok()
        }

        #[inline(never)]
        fn grow(bump: &Bump, block: NonNull<u8>) -> Option<NonNull<[u8]>> {
            // SAFETY: it was allocated so.
            unsafe { allocator(bump).grow(block, SMALL, LARGE) }.ok()
        }

        #[inline(never)]
        fn grow_unknown(bump: &Bump, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
            // SAFETY: it was allocated so.
            unsafe { allocator(bump).grow(block, old, new) }.ok()
        }

        #[inline(never)]
        fn shrink(bump: &Bump, block: NonNull<u8>) -> Option<NonNull<[u8]>> {
            // SAFETY: it was allocated so.
            unsafe { allocator(bump).shrink(block, LARGE, SMALL) }.ok()
        }

        #[inline(never)]
        fn shrink_unknown(bump: &Bump, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
            // SAFETY: it was allocated so.
            unsafe { allocator(bump).shrink(block, old, new) }.ok()
        }

        #[inline(never)]
        fn deallocate(bump: &Bump, block: NonNull<u8>) {
            // SAFETY: it was allocated so.
            unsafe { allocator(bump).deallocate(block, SMALL) };
        }

        #[inline(never)]
        fn deallocate_unknown(bump: &Bump, block: NonNull<u8>, layout: Layout) {
            // SAFETY: it was allocated so.
            unsafe { allocator(bump).deallocate(block, layout) };
        }

        #[inline(never)]
        fn push(bump: &Bump) -> u32 {
            let mut vector = Vec::new_in(allocator(bump));
            (0..PUSHES).for_each(|number| vector.push(number));
            core::hint::black_box(&vector)
                .iter()
                .copied()
                .fold(0, u32::wrapping_add)
        }

        #[inline(never)]
        fn reset(bump: &mut Bump) {
            bump.reset();
        }

        /// Runs every case, and hands each to `count`.
        pub(crate) fn $run(count: &mut impl FnMut(&str, &mut dyn FnMut())) {
            let bump = fresh();
            // A block stays, so that no bump starts over.
            let _first = alloc(&bump, 7u64);
            let mut block = NonNull::dangling();

            count("alloc u8", &mut || {
                assert_eq!(alloc_u8(black_box(&bump), black_box(42)), Some(&42))
            });
            count("alloc u32", &mut || {
                assert_eq!(alloc_u32(black_box(&bump), black_box(42)), Some(&42))
            });
            let big = Big([7; 7]);
            count("alloc 56 bytes", &mut || {
                _ = black_box(alloc_big(black_box(&bump), black_box(big)))
            });
            count("alloc slice of u8", &mut || {
                _ = black_box(alloc_slice_u8(black_box(&bump), black_box(BYTES)))
            });
            count("alloc slice of u32", &mut || {
                _ = black_box(alloc_slice_u32(black_box(&bump), black_box(NUMBERS)))
            });
            count("alloc str", &mut || {
                _ = black_box(alloc_text(black_box(&bump), black_box(TEXT)))
            });
            count("alloc_try_with", &mut || {
                _ = black_box(alloc_tried(black_box(&bump), black_box(42)))
            });

            count("allocate", &mut || {
                block = allocate(black_box(&bump)).expect("there is room").cast()
            });
            count("grow", &mut || {
                block = grow(black_box(&bump), block).expect("there is room").cast()
            });
            count("shrink", &mut || {
                block = shrink(black_box(&bump), block).expect("there is room").cast()
            });
            count("deallocate", &mut || deallocate(black_box(&bump), block));
            count("allocate, unknown layout", &mut || {
                block = allocate_unknown(black_box(&bump), black_box(SMALL))
                    .expect("there is room")
                    .cast();
            });
            count("grow, unknown layout", &mut || {
                block = grow_unknown(black_box(&bump), block, black_box(SMALL), black_box(LARGE))
                    .expect("there is room")
                    .cast();
            });
            count("shrink, unknown layout", &mut || {
                block = shrink_unknown(black_box(&bump), block, black_box(LARGE), black_box(SMALL))
                    .expect("there is room")
                    .cast();
            });
            count("deallocate, unknown layout", &mut || {
                deallocate_unknown(black_box(&bump), block, black_box(SMALL))
            });

            let mut sum = 0;
            count("push 1000 u32 to a vector", &mut || sum = push(black_box(&bump)));
            assert_eq!(sum, PUSHES * (PUSHES - 1) / 2);

            let mut bump = fresh();
            _ = black_box(alloc(&bump, 7u32));
            count("reset after a u32", &mut || reset(black_box(&mut bump)));
        }
    };
}

pub(crate) use cases;

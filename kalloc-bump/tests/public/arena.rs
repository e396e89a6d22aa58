//! Values, slices and text.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use kalloc_bump::{Arena, Bump, Dropping, Settings, Standard};
use kalloc_traits::{AllocError, Inspect};

use crate::common::{Memory, Scripted, with_settings};

fn bump<S: Settings>(memory: &mut Memory, len: usize) -> Bump<Scripted<'_>, S> {
    Bump::with_settings(Scripted::growing(memory, len))
}

with_settings!(
    values_of_all_sizes_lie_apart,
    slices_and_text_are_copies,
    an_iterator_of_any_length_becomes_a_slice,
    what_does_not_fit_is_an_error_and_is_dropped,
    nothing_is_taken_by_values_without_bytes
);

mod generic {
    use super::*;

    pub(super) fn values_of_all_sizes_lie_apart<S: Settings>() {
        let mut memory = Memory::filled(0xAA);
        let bump = bump::<S>(&mut memory, 100);
        let bytes: Vec<&mut u8> = (0..20).map(|n| bump.try_alloc(n).unwrap().into_mut()).collect();
        let words: Vec<&mut u64> = (0..20).map(|n| bump.try_alloc(n).unwrap().into_mut()).collect();
        let wide = bump.try_alloc_with(|| [7u128; 3]).unwrap();
        let tried = bump.try_alloc_try_with(|| Ok::<_, ()>(5u16)).unwrap().unwrap();
        assert_eq!(
            bump.try_alloc_try_with(|| Err::<u16, _>("no")).unwrap().unwrap_err(),
            "no"
        );
        let uninit = bump.try_alloc_uninit::<u32>().unwrap().write(9);
        assert!(bytes.iter().zip(0..).all(|(found, n)| **found == n));
        assert!(words.iter().zip(0..).all(|(found, n)| **found == n));
        assert_eq!((*wide, *tried, *uninit), ([7; 3], 5, 9));
        assert_eq!(bump.verify(), Ok(()));
    }

    pub(super) fn slices_and_text_are_copies<S: Settings>() {
        let mut memory = Memory::filled(0xAA);
        let bump = bump::<S>(&mut memory, 50);
        let copied = bump.try_alloc_slice_copy(&[1u16, 2, 3]).unwrap();
        let cloned = bump
            .try_alloc_slice_clone(&[String::from("a"), String::from("b")])
            .unwrap();
        let filled = bump.try_alloc_slice_fill(3, 7u64).unwrap();
        let made = bump.try_alloc_slice_fill_with(4, |index| index * index).unwrap();
        let text = bump.try_alloc_str("grün").unwrap();
        let formatted = bump.try_alloc_fmt(format_args!("{} {:?}", 12, "x")).unwrap();
        let literal = bump.try_alloc_fmt(format_args!("plain")).unwrap();
        assert_eq!(
            (&*copied, &*filled, &*made),
            (&[1, 2, 3][..], &[7, 7, 7][..], &[0, 1, 4, 9][..])
        );
        assert_eq!(*cloned, [String::from("a"), String::from("b")]);
        assert_eq!((&*text, &*formatted, &*literal), ("grün", "12 \"x\"", "plain"));
        let mut room = bump.try_alloc_uninit_slice::<u8>(3).unwrap();
        room.iter_mut().for_each(|byte| {
            byte.write(5);
        });
        // SAFETY: all three were just written.
        assert_eq!(*unsafe { room.assume_init() }, [5, 5, 5]);
        assert_eq!(bump.verify(), Ok(()));
    }

    pub(super) fn an_iterator_of_any_length_becomes_a_slice<S: Settings>() {
        let mut memory = Memory::filled(0xAA);
        let bump = bump::<S>(&mut memory, 50);
        for len in [0, 1, 3, 4, 5, 40] {
            // Its size is not known, and it uses the arena meanwhile.
            let odd = (0..2 * len)
                .filter(|n| n % 2 == 1)
                .inspect(|n| drop(bump.try_alloc(*n)));
            let slice = bump.try_alloc_iter(odd).unwrap();
            assert!(slice.iter().copied().eq((0..len).map(|n| 2 * n + 1)));
        }
        let used = bump.stats().used;
        let alone = bump.try_alloc_iter((0..20u32).filter(|n| n % 2 == 0)).unwrap();
        assert_eq!(alone.len(), 10);
        if S::COUNTS {
            assert_eq!(bump.stats().used - used, 40, "the rest is given back");
        }
        assert_eq!(bump.verify(), Ok(()));
    }

    pub(super) fn what_does_not_fit_is_an_error_and_is_dropped<S: Settings>() {
        let mut memory = Memory::filled(0xAA);
        let bump = Bump::<_, S>::with_settings(Scripted::fixed(&mut memory, 200));
        let counted = Rc::new([0u8; 100]);
        assert!(bump.try_alloc((counted.clone(), [0u8; 300])).is_err());
        assert!(bump.try_alloc_slice_copy(&[0u8; 300]).is_err());
        assert!(bump.try_alloc_iter(std::iter::repeat_n(counted.clone(), 40)).is_err());
        assert!(
            bump.try_alloc_iter((0..40).filter(|_| true).map(|_| counted.clone()))
                .is_err()
        );
        assert!(bump.try_alloc_uninit_slice::<u64>(usize::MAX).is_err());
        let mut is_made = false;
        assert!(bump.try_alloc_with(|| (is_made = true, [0u8; 300])).is_err());
        assert!(bump.try_alloc_fmt(format_args!("{:300}", 1)).is_err());
        assert!(bump.try_alloc_fmt(format_args!("{}", Fails)).is_err());
        assert_eq!((Rc::strong_count(&counted), is_made), (1, false));
        assert!(bump.stats().used == 0 || !S::COUNTS);
        assert_eq!(bump.verify(), Ok(()));
    }

    pub(super) fn nothing_is_taken_by_values_without_bytes<S: Settings>() {
        let mut memory = Memory::filled(0xAA);
        let bump = bump::<S>(&mut memory, 50);
        bump.try_alloc(3u8).unwrap();
        let before = bump.stats();
        let unit = bump.try_alloc(()).unwrap();
        let units = bump.try_alloc_iter([(); 100]).unwrap();
        let none = bump.try_alloc_slice_copy::<u64>(&[]).unwrap();
        let empty = bump.try_alloc_str("").unwrap();
        assert_eq!((*unit, units.len(), none.len(), empty.len()), ((), 100, 0, 0));
        assert!((&raw const *none).cast::<u64>().is_aligned());
        assert_eq!(bump.stats(), before);
    }
}

/// A `Display` that does not.
struct Fails;

impl fmt::Display for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part, and then ")?;
        Err(fmt::Error)
    }
}

/// Counts itself when it is dropped.
struct Counts<'a>(&'a Cell<u32>, u32);

impl Drop for Counts<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() * 10 + self.1);
    }
}

#[test]
fn a_box_drops_its_value_once_unless_it_gives_it_up() {
    let dropped = Cell::new(0);
    let mut memory = Memory::filled(0);
    let bump = bump::<Standard>(&mut memory, 100);
    drop(bump.try_alloc(Counts(&dropped, 1)).unwrap());
    assert_eq!(dropped.get(), 1);
    let inner = bump.try_alloc(Counts(&dropped, 2)).unwrap().into_inner();
    assert_eq!(dropped.get(), 1);
    drop(inner);
    assert_eq!(dropped.get(), 12);
    bump.try_alloc(Counts(&dropped, 3)).unwrap().leak();
    drop(bump.try_alloc_iter([4, 5].map(|n| Counts(&dropped, n))).unwrap());
    assert_eq!(dropped.get(), 1245);
}

#[test]
fn a_value_that_panics_on_its_way_leaves_no_other_behind() {
    let dropped = Cell::new(0);
    let mut memory = Memory::filled(0);
    let bump = bump::<Standard>(&mut memory, 100);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        bump.try_alloc_slice_fill_with(5, |index| {
            assert!(index < 3);
            Counts(&dropped, 1)
        })
    }));
    assert!(outcome.is_err());
    assert_eq!((dropped.get(), bump.stats().live_blocks), (111, 0));
}

#[test]
fn a_reset_drops_what_is_kept_the_last_first_and_goes_on_behind_a_panic() {
    let dropped = Cell::new(0);
    let mut memory = Memory::filled(0);
    let mut arena = Dropping::new(bump::<Standard>(&mut memory, 1000));
    for round in 0..2 {
        for n in 1..=3 {
            let kept = arena.try_keep(Counts(&dropped, n)).unwrap();
            assert_eq!(kept.1, n);
            arena.try_keep(n).unwrap();
        }
        arena.reset();
        assert_eq!((dropped.get(), arena.bump().stats().used), (321, 0), "round {round}");
        dropped.set(0);
    }
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("as planned");
        }
    }
    arena.try_keep(Counts(&dropped, 7)).unwrap();
    arena.try_keep(Panics).unwrap();
    arena.try_keep(Counts(&dropped, 8)).unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| arena.reset())).is_err());
    assert_eq!(dropped.get(), 8);
    assert!(arena.bump().stats().used > 0);
    drop(arena);
    assert_eq!(dropped.get(), 87);
}

#[test]
fn a_value_that_finds_no_room_to_be_kept_is_dropped() {
    let dropped = Cell::new(0);
    let mut memory = Memory::filled(0);
    let arena = Dropping::new(Bump::new(Scripted::fixed(&mut memory, 20)));
    assert_eq!(arena.try_keep(Counts(&dropped, 4)).err(), Some(AllocError));
    assert_eq!(dropped.get(), 4);
}

//! A bump that drops the values in it: the list of them, and when it is run.
//!
//! ```text
//!   last ──► entry, value ──► entry, value ──► entry, value         each lies in front of its value, in the bump
//! ```
//!
//! In most arenas a value that is dropped by nobody keeps what it owns for ever: a vector's elements are somewhere else, and a
//! `reset` knows nothing of them. Here each such value is written down as it is made, at two words.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;

use kalloc_traits::{AllocError, RawRegion};

use crate::arena::Arena;
use crate::bump::Bump;
use crate::settings::{Settings, Standard};

/// A bump whose [`reset`](Self::reset) drops the values that it keeps, the last one first, and so does dropping it.
///
/// Values may borrow what lives for `'env`, and that must outlive the bump. It is not `Send`, as its values need not be.
///
/// ```
/// use kalloc_bump::{Bump, Dropping};
/// use kalloc_traits::{AllocError, StaticArray};
/// use std::rc::Rc;
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
///
/// let counted = Rc::new(());
/// let mut arena = Dropping::new(Bump::new(MEMORY.region()));
/// for _ in 0..10 {
///     arena.try_keep(counted.clone())?;
/// }
/// assert_eq!(Rc::strong_count(&counted), 11);
/// arena.reset();
/// assert_eq!(Rc::strong_count(&counted), 1);
/// # Ok::<(), AllocError>(())
/// ```
///
/// What is kept cannot outlive what it borrows, nor the next `reset`:
///
/// ```compile_fail,E0597
/// # use kalloc_bump::{Bump, Dropping};
/// # use kalloc_traits::StaticArray;
/// # static MEMORY: StaticArray<4096> = StaticArray::new();
/// # struct Loud<'a>(&'a str);
/// # impl Drop for Loud<'_> { fn drop(&mut self) { println!("{}", self.0) } }
/// let arena = Dropping::new(Bump::new(MEMORY.region()));
/// {
///     let text = String::from("short");
///     arena.try_keep(Loud(&text)).unwrap();
/// }
/// ```
///
/// ```compile_fail,E0502
/// # use kalloc_bump::{Bump, Dropping};
/// # use kalloc_traits::StaticArray;
/// # static MEMORY: StaticArray<4096> = StaticArray::new();
/// let mut arena = Dropping::new(Bump::new(MEMORY.region()));
/// let text = arena.try_keep(String::from("gone")).unwrap();
/// arena.reset();
/// text.push('!');
/// ```
pub struct Dropping<'env, R, S: Settings = Standard> {
    bump: Bump<R, S>,
    /// The entry of the value that was kept last. Each entry's value is initialised, and is in the list once.
    last: Cell<Option<NonNull<Entry>>>,
    /// Neither longer nor shorter: what is put in for one lifetime is dropped for the same.
    env: PhantomData<Cell<&'env ()>>,
}

/// What stands in front of a value.
struct Entry {
    /// The entry of the value that was kept before.
    before: Option<NonNull<Entry>>,
    /// Drops the value behind this entry.
    drop: unsafe fn(NonNull<Entry>),
}

/// An entry and its value.
#[repr(C)]
struct Kept<T> {
    entry: Entry,
    value: T,
}

impl<R, S: Settings> Dropping<'_, R, S> {
    /// Returns a bump that drops what it keeps. Blocks and values that were allocated in `bump` before are not among that.
    pub const fn new(bump: Bump<R, S>) -> Self {
        Self {
            bump,
            last: Cell::new(None),
            env: PhantomData,
        }
    }

    /// Returns the bump within, for blocks, and for values that are dropped by their box or need not be dropped.
    pub const fn bump(&self) -> &Bump<R, S> {
        &self.bump
    }

    /// Drops the values that are kept, the last one first, and ends all blocks. Takes the time to drop them.
    ///
    /// If a value's destructor panics, the others are kept and the blocks are not ended; the next `reset` goes on behind it.
    pub fn reset(&mut self) {
        self.drop_all();
        self.bump.reset();
    }

    fn drop_all(&mut self) {
        while let Some(entry) = self.last.get() {
            // SAFETY: an entry in the list is initialised, and lies in memory of the bump.
            let Entry { before, drop } = unsafe { entry.read() };
            // Not in the list any more, whatever its destructor does.
            self.last.set(before);
            // SAFETY: the function was made for the type of this entry's value, which is initialised, and which nobody uses:
            // references to it borrow the bump.
            unsafe { drop(entry) };
        }
    }
}

impl<'env, R: RawRegion, S: Settings> Dropping<'env, R, S> {
    /// Allocates a value, to be dropped by [`reset`](Self::reset). Takes two words more than the value, if it has to be dropped
    /// at all.
    ///
    /// # Errors
    ///
    /// There is no room. The value is dropped.
    #[expect(clippy::mut_from_ref, reason = "each call allocates another value")]
    pub fn try_keep<T: 'env>(&self, value: T) -> Result<&mut T, AllocError> {
        if !needs_drop::<T>() {
            return Ok((&self.bump).try_alloc(value)?.leak());
        }
        let room: &mut MaybeUninit<Kept<T>> = (&self.bump).try_alloc_uninit()?.leak();
        let kept = NonNull::from(room).cast::<Kept<T>>();
        let entry = Entry {
            before: self.last.get(),
            drop: drop_kept::<T>,
        };
        // SAFETY: the room is for that, and nobody else's.
        unsafe { kept.write(Kept { entry, value }) };
        self.last.set(Some(kept.cast()));
        // SAFETY: `kept` points to a `Kept<T>`.
        let value = unsafe { &raw mut (*kept.as_ptr()).value };
        // SAFETY: the value was just written; nobody else refers to it before `reset`, which takes the bump by `&mut`.
        Ok(unsafe { &mut *value })
    }
}

/// Drops the value of an entry.
///
/// # Safety
///
/// The entry is that of a `Kept<T>` whose value is initialised, and is not used again.
unsafe fn drop_kept<T>(entry: NonNull<Entry>) {
    // SAFETY: the caller upholds the contract.
    let value = unsafe { &raw mut (*entry.cast::<Kept<T>>().as_ptr()).value };
    // SAFETY: the caller upholds the contract.
    unsafe { value.drop_in_place() };
}

impl<R, S: Settings> Drop for Dropping<'_, R, S> {
    fn drop(&mut self) {
        self.drop_all();
    }
}

impl<R, S: Settings> fmt::Debug for Dropping<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dropping")
            .field("bump", &self.bump)
            .finish_non_exhaustive()
    }
}

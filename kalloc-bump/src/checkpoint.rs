//! Checkpoints: going back to where the bump was, where neither a closure nor a guard fits.
//!
//! A checkpoint is a plain value, so it can be kept too long, given to another bump, or used out of order. All of that is found
//! out, and is an error. Checkpoints nest: only the innermost that is open can be gone back to or released, and either opens the
//! one around it.
//!
//! A stale checkpoint cannot harm. What is gone back to is the position that the *bump* remembers for its innermost checkpoint,
//! and it is looked at again: it must lie in the memory, not behind the cursor, and leave all invariants as they are. And
//! since going back takes a `&mut`, no value that safe code has allocated is in use any more, so any position would do.

use core::error::Error;
use core::fmt;

use crate::bump::Bump;
use crate::settings::Settings;
use crate::state::Mark;

/// Where a bump was. It stays open until it is gone back to, released, or stale.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a checkpoint stays open until it is gone back to or released"]
pub struct Checkpoint {
    own: Mark,
    /// The one around it.
    outer: Option<Mark>,
}

/// A checkpoint is not the innermost open one of its bump.
///
/// One that was taken later is still open, or it was closed itself; or a block that is older than the innermost one was freed
/// or resized, or all blocks were ended, which closes all checkpoints. The bump is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the checkpoint is not the innermost one that is open")
    }
}

impl Error for Stale {}

impl<R, S: Settings> Bump<R, S> {
    /// Opens a checkpoint, within the one that is open. Takes constant time and no memory.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use kalloc_bump::{Bump, Stale};
    /// use kalloc_traits::{Heap, Inspect, StaticArray};
    ///
    /// static MEMORY: StaticArray<4096> = StaticArray::new();
    ///
    /// let mut bump = Bump::new(MEMORY.region());
    /// let _kept = bump.allocate(Layout::new::<[u8; 100]>())?;
    /// let here = bump.checkpoint();
    /// let _gone = bump.allocate(Layout::new::<[u8; 200]>())?;
    ///
    /// assert_eq!(bump.rewind(here.clone()), Ok(()));
    /// assert_eq!(bump.stats().used, 100);
    /// assert_eq!(bump.rewind(here), Err(Stale));
    /// # Ok::<(), kalloc_traits::AllocError>(())
    /// ```
    pub fn checkpoint(&self) -> Checkpoint {
        self.with(|state| {
            let outer = state.innermost;
            state.nr_marks = state.nr_marks.wrapping_add(1);
            let own = Mark {
                number: state.nr_marks,
                position: state.cursor.position::<S>(),
            };
            state.set_mark::<S>(Some(own));
            Checkpoint { own, outer }
        })
    }

    /// Ends all blocks that were allocated since `checkpoint` was opened, and closes it. Takes constant time.
    ///
    /// Blocks that are older stay, if they were allocated by the methods of [`Heap`](kalloc_traits::Heap); what was allocated
    /// through a borrow of the bump has ended with the borrow.
    ///
    /// # Errors
    ///
    /// [`Stale`] if it is not the innermost one that is open.
    pub fn rewind(&mut self, checkpoint: Checkpoint) -> Result<(), Stale> {
        self.with(|state| {
            let position = checkpoint.own.position;
            if state.innermost != Some(checkpoint.own) || !state.cursor.can_go_back::<S>(position) {
                return Err(Stale);
            }
            state.cursor.go_back::<S>(position);
            state.set_mark::<S>(checkpoint.outer);
            Ok(())
        })
    }

    /// Closes a checkpoint and ends nothing. Takes constant time.
    ///
    /// # Errors
    ///
    /// [`Stale`] if it is not the innermost one that is open.
    pub fn release(&self, checkpoint: Checkpoint) -> Result<(), Stale> {
        self.with(|state| {
            if state.innermost != Some(checkpoint.own) {
                return Err(Stale);
            }
            state.set_mark::<S>(checkpoint.outer);
            Ok(())
        })
    }
}

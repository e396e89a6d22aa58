//! A chain goes back to where it was: at the end of a scope, or to a checkpoint.
//!
//! ```text
//!   newest ──► ├ chunk ┤ ──► ├ chunk ┤ ──► ├ chunk ┬ cursor was here ┤ ──► ...
//!              ╰── they end: one is ──╯    ╰── cut from there on ────╯
//!              ╰── kept as the spare ─╯
//! ```

use kalloc_traits::Heap;

use super::Chain;
use super::links::{Mark, Place};
use crate::checkpoint::Stale;
use crate::scope::{Rewinds, Scope, ScopeGuard};
use crate::settings::Settings;

/// Where a [`Chain`] was. It stays open until it is gone back to, released, or stale.
///
/// It is what [`Checkpoint`](crate::Checkpoint) is to a `Bump`, with the same rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a checkpoint stays open until it is gone back to or released"]
pub struct ChainCheckpoint {
    own: Mark,
    /// The one around it.
    outer: Option<Mark>,
}

impl<H: Heap, S: Settings> Rewinds for Chain<H, S> {
    type Position = Place;

    fn position(&self) -> Place {
        self.with(|links| Place {
            cursor: links.cursor,
            newest: links.newest,
            capacity: links.capacity,
        })
    }

    /// Ends the chunks that were added since, keeps the largest of them, and gives the others back.
    unsafe fn go_back(&self, place: Place) {
        let mut ended = self.with(|links| links.cut_off::<S>(place));
        while let Some(chunk) = ended {
            // SAFETY: chunks that were cut off are live until they are given back.
            ended = unsafe { chunk.as_ref() }.before;
            // SAFETY: it is not in the chain any more, and the caller sees to its blocks.
            unsafe { self.give_back(chunk) };
        }
    }
}

impl<H: Heap, S: Settings> Chain<H, S> {
    /// Calls `work` with a scope, and ends all that it allocated when it returns or unwinds. Of the chunks that were added
    /// meanwhile the largest is kept for the next time; takes time linear in their number.
    ///
    /// ```
    /// use kalloc_bump::{Arena, Chain};
    /// use kalloc_traits::glue::global::GlobalHeap;
    /// use kalloc_traits::{AllocError, Inspect};
    /// use std::alloc::System;
    ///
    /// let mut chain = Chain::new(GlobalHeap(System));
    /// let sum = chain.scope(|scope| {
    ///     let numbers = scope.try_alloc_iter(1..=10_000u64)?;
    ///     Ok::<_, AllocError>(numbers.iter().sum::<u64>())
    /// })?;
    /// assert_eq!((sum, chain.stats().used), (50_005_000, 0));
    /// # Ok::<(), AllocError>(())
    /// ```
    pub fn scope<T>(&mut self, work: impl for<'s> FnOnce(&mut Scope<'s, Self>) -> T) -> T {
        ScopeGuard::new(self).run(work)
    }

    /// Returns the guard of a scope, which ends when the guard is dropped.
    pub fn guard(&mut self) -> ScopeGuard<'_, Self> {
        ScopeGuard::new(self)
    }

    /// Opens a checkpoint, within the one that is open. Takes constant time and no memory. While one is open, to free or to
    /// resize a block looks for its chunk.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use kalloc_bump::{Chain, Stale};
    /// use kalloc_traits::glue::global::GlobalHeap;
    /// use kalloc_traits::{Heap, Inspect};
    /// use std::alloc::System;
    ///
    /// let mut chain = Chain::new(GlobalHeap(System));
    /// let _kept = chain.allocate(Layout::new::<[u8; 100]>())?;
    /// let here = chain.checkpoint();
    /// let _gone = chain.allocate(Layout::new::<[u8; 2000]>())?;
    ///
    /// assert_eq!(chain.rewind(here.clone()), Ok(()));
    /// assert_eq!(chain.stats().used, 100);
    /// assert_eq!(chain.rewind(here), Err(Stale));
    /// # Ok::<(), kalloc_traits::AllocError>(())
    /// ```
    pub fn checkpoint(&self) -> ChainCheckpoint {
        let place = self.position();
        self.with(|links| {
            links.nr_marks = links.nr_marks.wrapping_add(1);
            let own = Mark {
                number: links.nr_marks,
                place,
            };
            let outer = links.innermost.replace(own);
            ChainCheckpoint { own, outer }
        })
    }

    /// Ends all blocks that were allocated since `checkpoint` was opened, and closes it. Takes time linear in the number of
    /// chunks that were added since.
    ///
    /// Blocks that are older stay, if they were allocated by the methods of [`Heap`]; what was allocated through a borrow of the
    /// chain has ended with the borrow.
    ///
    /// # Errors
    ///
    /// [`Stale`] if it is not the innermost one that is open.
    pub fn rewind(&mut self, checkpoint: ChainCheckpoint) -> Result<(), Stale> {
        let place = checkpoint.own.place;
        self.release(checkpoint)?;
        // SAFETY: the mark is this chain's own, which closes it at every change behind it; and since this takes a `&mut`, nobody
        // uses what safe code has allocated. For blocks that were allocated by `Heap`, this ends them by contract.
        unsafe { self.go_back(place) };
        Ok(())
    }

    /// Closes a checkpoint and ends nothing. Takes constant time.
    ///
    /// # Errors
    ///
    /// [`Stale`] if it is not the innermost one that is open.
    pub fn release(&self, checkpoint: ChainCheckpoint) -> Result<(), Stale> {
        self.with(|links| {
            if links.innermost != Some(checkpoint.own) {
                return Err(Stale);
            }
            links.innermost = checkpoint.outer;
            Ok(())
        })
    }
}

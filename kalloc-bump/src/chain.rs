//! A bump whose memory is a chain of chunks, each a block of another heap.
//!
//! ```text
//!   newest ──► ├ chunk, before ──┼──── blocks, and the cursor ────┤
//!                         └────► ├ chunk, before ──┼──── blocks ────┤
//!                                           └────► ...
//! ```
//!
//! A region is one span, and grows at its end or not at all. Where that is not to be had, a chain takes what it needs from
//! any heap: a pool, a locked pool, or an operating system's allocator by `GlobalHeap`. Only the newest chunk is cut; what is left
//! of an older one waits for [`Chain::reset`], or for the end of a [scope](Chain::scope). Of the chunks that end, the largest is
//! kept, so that work of the same size soon needs one, and rounds of it ask the heap for nothing.

mod heap;
mod inspect;
mod links;
mod rewind;

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use kalloc_traits::Heap;

pub use rewind::ChainCheckpoint;

use self::links::{CHUNK_ALIGN, Chunk, Links, Place, len_of};
use crate::scope::Rewinds;
use crate::settings::{Settings, Standard, extent};

/// A bump over blocks of the heap `H`.
///
/// It allocates as a [`Bump`](crate::Bump) does, by [`Heap`], by every `Allocator` and by [`Arena`](crate::Arena), within the newest
/// chunk. A chunk has at least [`Settings::GROWTH_STEP`] bytes and is at least as long as all before it together, unless
/// the heap refuses that; it costs three words. The chain may be moved, and is `Send` if the heap is.
///
/// ```
/// use kalloc_bump::{Arena, Chain};
/// use kalloc_traits::AllocError;
/// use kalloc_traits::glue::global::GlobalHeap;
/// use std::alloc::System;
///
/// let mut chain = Chain::new(GlobalHeap(System));
/// for round in 0..3 {
///     let numbers = chain.try_alloc_iter(0..10_000u32)?;
///     assert_eq!(numbers.len(), 10_000);
///     drop(numbers);
///     chain.reset();
/// }
/// # Ok::<(), AllocError>(())
/// ```
pub struct Chain<H: Heap, S: Settings = Standard> {
    links: UnsafeCell<Links>,
    source: H,
    settings: PhantomData<fn() -> S>,
}

// SAFETY: the chain is the only way to its chunks, which are blocks of its own heap; that may move to another thread.
unsafe impl<H: Heap + Send, S: Settings> Send for Chain<H, S> {}

impl<H: Heap> Chain<H> {
    /// Returns a chain of the default settings over `source`, of which nothing is taken yet.
    pub const fn new(source: H) -> Self {
        Self::with_settings(source)
    }
}

impl<H: Heap, S: Settings> Chain<H, S> {
    /// Returns a chain of the settings `S` over `source`, of which nothing is taken yet.
    pub const fn with_settings(source: H) -> Self {
        Self {
            links: UnsafeCell::new(Links::new::<S>()),
            source,
            settings: PhantomData,
        }
    }

    /// Ends all blocks, keeps the largest chunk, and gives the others back. Takes time linear in the number of chunks, which is
    /// logarithmic in their bytes.
    pub fn reset(&mut self) {
        // SAFETY: nothing had been taken at first, and nobody uses a block any more.
        unsafe { self.go_back(Place::first::<S>()) };
        self.with(|links| {
            links.innermost = None;
            if let Some(kept) = links.spare.take() {
                links.begin::<S>(kept);
            }
        });
    }

    /// Limits all chunks together to `bytes`. What there is already stays. There is no limit at first.
    pub fn set_limit(&self, bytes: usize) {
        self.with(|links| links.limit = bytes);
    }

    /// Returns the limit; `usize::MAX` if there is none.
    pub fn limit(&self) -> usize {
        self.with(|links| links.limit)
    }

    /// Returns the heap that the chunks come from.
    pub const fn source(&self) -> &H {
        &self.source
    }

    /// Calls `f` with the links.
    #[inline]
    fn with<T>(&self, f: impl FnOnce(&mut Links) -> T) -> T {
        // SAFETY: no other reference to the links exists. The chain is not `Sync`, so this is the only thread; and `f`, which is
        // always a closure of this file, calls neither this chain nor the heap below.
        f(unsafe { &mut *self.links.get() })
    }

    /// Takes a block of `extent` bytes from the newest chunk.
    #[inline]
    fn take_within(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        let extent = extent::<S>(layout.size())?;
        self.with(|links| {
            let start = links.cursor.take::<S>(extent, layout.align())?;
            let block = links.newest?.cast::<u8>().as_ptr().with_addr(start);
            // SAFETY: the cursor has found the block to lie in the chunk, which does not hold address 0.
            let block = unsafe { NonNull::new_unchecked(block) };
            Some(NonNull::slice_from_raw_parts(block, extent))
        })
    }

    /// Takes a block from a new chunk.
    #[cold]
    #[inline(never)]
    fn take_from_another(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        let (least, ..) = self.with(|links| links.needs::<S>(layout))?;
        if let Some(spare) = self.with(|links| links.spare.take()) {
            if least <= len_of(spare) {
                self.with(|links| links.begin::<S>(spare));
                return self.take_within(layout);
            }
            self.with(|links| links.total -= len_of(spare));
            // SAFETY: it is not in the chain, and all of its blocks have ended.
            unsafe { self.give_back(spare) };
        }
        let (least, ample, room) = self.with(|links| links.needs::<S>(layout))?;
        if least > room {
            return None;
        }
        // Nothing is borrowed: the heap is somebody else's code.
        let ample = self.add_chunk(ample.min(room));
        ample.or_else(|| self.add_chunk(least))?;
        self.take_within(layout)
    }

    /// Adds a chunk of `bytes`.
    fn add_chunk(&self, bytes: usize) -> Option<()> {
        let layout = Layout::from_size_align(bytes, CHUNK_ALIGN.max(S::MIN_ALIGN)).ok()?;
        let chunk = self.source.allocate(layout).ok()?.cast::<Chunk>();
        self.with(|links| {
            let before = None;
            // SAFETY: the block is nobody else's, aligned, and has room: `bytes` is at least what `needs` returned.
            unsafe { chunk.write(Chunk { before, layout }) };
            links.total += bytes;
            links.begin::<S>(chunk);
        });
        Some(())
    }

    /// Gives a chunk back.
    ///
    /// # Safety
    ///
    /// The chunk is live and not in the chain, and none of its blocks is used again.
    unsafe fn give_back(&self, chunk: NonNull<Chunk>) {
        // SAFETY: the chunk is live.
        let layout = unsafe { chunk.as_ref() }.layout;
        // SAFETY: it was allocated with this layout, and the caller upholds the rest.
        unsafe { self.source.deallocate(chunk.cast(), layout) };
    }
}

impl<H: Heap, S: Settings> Drop for Chain<H, S> {
    fn drop(&mut self) {
        let (mut next, spare) = self.with(|links| (links.newest.take(), links.spare.take()));
        if let Some(spare) = spare {
            // SAFETY: it is not in the chain any more, and blocks end with the chain.
            unsafe { self.give_back(spare) };
        }
        while let Some(chunk) = next {
            // SAFETY: chunks in the chain are live.
            next = unsafe { chunk.as_ref() }.before;
            // SAFETY: as before.
            unsafe { self.give_back(chunk) };
        }
    }
}

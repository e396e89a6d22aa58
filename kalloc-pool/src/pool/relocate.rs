//! A pool whose memory appears at another address, or is left and taken up again.

use core::error::Error;
use core::fmt;
use core::ptr::NonNull;

use kalloc_traits::{InitError, RawRegion, Refused};

use super::Pool;
use crate::config::Config;
use crate::engine::Engine;
use crate::relocate::Flaw;

/// Why a pool cannot go on in a region. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RebaseError {
    /// The region could not be claimed.
    Region(InitError),
    /// There is no heap that was left: the memory holds something else, a heap that is in use or was not left in order, or the
    /// pool was never laid out.
    NoImage,
    /// The heap was left by another version of this crate, whose state is laid out otherwise.
    Version,
    /// The heap was left by another configuration, or on a target with other words.
    Configuration,
    /// The region is shorter than the heap's.
    Truncated,
    /// The memory's address is not congruent to the old one modulo the largest alignment of the heap's blocks: they would not be
    /// aligned any more.
    Misaligned,
    /// What was left contradicts itself.
    Damaged,
    /// The region is being claimed or grown.
    Busy,
}

impl fmt::Display for RebaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Region(error) => return error.fmt(f),
            Self::NoImage => "the region holds no heap that was left",
            Self::Version => "the heap was left by another version",
            Self::Configuration => "the heap was left by another configuration",
            Self::Truncated => "the region is shorter than the heap",
            Self::Misaligned => "the heap's blocks would not be aligned at this address",
            Self::Damaged => "the heap that was left contradicts itself",
            Self::Busy => "the heap's region is being claimed or grown",
        })
    }
}

impl Error for RebaseError {}

impl From<Flaw> for RebaseError {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::NoImage => Self::NoImage,
            Flaw::Version => Self::Version,
            Flaw::Configuration => Self::Configuration,
            Flaw::Truncated => Self::Truncated,
            Flaw::Misaligned => Self::Misaligned,
            Flaw::Damaged => Self::Damaged,
        }
    }
}

/// From where to where a heap has moved: makes new pointers of old ones.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    from: u64,
    len: usize,
    to: NonNull<u8>,
}

impl Moved {
    /// Returns the pointer to what was at `old`; `None` if that is not inside the heap's old memory. It is derived from the new
    /// region's own pointer, so it is valid for whatever it points into.
    pub fn translate(&self, old: NonNull<u8>) -> Option<NonNull<u8>> {
        let offset = usize::try_from((old.addr().get() as u64).checked_sub(self.from)?).ok()?;
        // SAFETY: the new memory is as long as the old was, and this is inside.
        (offset < self.len).then(|| unsafe { self.to.add(offset) })
    }
}

impl<R: RawRegion, C: Config> Pool<R, C> {
    /// Goes on in `region`, where the pool's memory appears now, and returns the region it had and the way from old pointers to
    /// new ones: after paging was turned on, or in another mapping of the same pages, or in a copy. Takes constant time,
    /// but for a longer region, which is taken in as after a growth.
    ///
    /// `align` is the largest alignment of a block that is live, in bytes. Where a block lies in the region does not change, so
    /// the two addresses must be congruent modulo it.
    ///
    /// # Errors
    ///
    /// The region comes back, and the pool is as before: [`Misaligned`](RebaseError::Misaligned) (also if `align` is not a power
    /// of two), [`Truncated`](RebaseError::Truncated), [`Region`](RebaseError::Region), [`Busy`](RebaseError::Busy), or
    /// [`NoImage`](RebaseError::NoImage) if the pool has not been laid out.
    ///
    /// # Safety
    ///
    /// - The bytes of `region` hold what those of the pool's own region hold, at the same distance from the region's start.
    /// - No live block is aligned to more than `align`.
    /// - The pool's blocks are used through translated pointers from here on, and freed by these.
    pub unsafe fn rebase(&mut self, mut region: R, align: usize) -> Result<(R, Moved), Refused<R, RebaseError>> {
        if let Err(reason) = self.can_leave() {
            return Err(Refused::new(region, reason));
        }
        if let Err(error) = region.claim() {
            return Err(Refused::new(region, RebaseError::Region(error.into())));
        }
        let (old, new) = (self.region.get_mut().span(), region.span());
        let engine = self.engine.get_mut();
        let (base, len) = (engine.arena.base().addr().get(), engine.extent());
        // Both spans are cut to granules at the low end.
        let skip = base.wrapping_sub(old.start_addr());
        let align = if align.is_power_of_two() {
            align.max(C::GRANULE)
        } else {
            0
        };
        if align == 0 || (new.start_addr() ^ old.start_addr()) & (align - 1) != 0 {
            return Err(Refused::new(region, RebaseError::Misaligned));
        }
        if skip >= C::GRANULE || new.len() < skip + len {
            return Err(Refused::new(region, RebaseError::Truncated));
        }
        // SAFETY: `skip` is inside of the span.
        let to = unsafe { new.start().add(skip) };
        // SAFETY: the new memory holds what the old held, is long enough, and aligned as that was.
        unsafe { engine.rebase(to) };
        let moved = Moved {
            from: base as u64,
            len,
            to,
        };
        let old = core::mem::replace(self.region.get_mut(), region);
        self.take_in_the_rest();
        Ok((old, moved))
    }

    /// Leaves the heap in its memory, to be taken up by [`attach`](Self::attach): after a reset of the machine, by another
    /// program, or at another address. Gives the caches up, writes a record at the region's start, and returns the region. The
    /// blocks stay as they are. Takes the time of [`trim`](Self::trim).
    ///
    /// `align` is the largest alignment of a block that is live, in bytes.
    ///
    /// # Errors
    ///
    /// The pool comes back: it has not been laid out ([`NoImage`](RebaseError::NoImage)), its region is being claimed or grown
    /// ([`Busy`](RebaseError::Busy)), or `align` is not a power of two ([`Misaligned`](RebaseError::Misaligned)).
    #[expect(clippy::result_large_err, reason = "what could not be left is given back")]
    pub fn detach(mut self, align: usize) -> Result<R, Refused<Self, RebaseError>> {
        const { assert!(C::RETAINS, "the configuration has `RETAINS` set: `Retained<Standard>`") };
        if let Err(reason) = self.can_leave() {
            return Err(Refused::new(self, reason));
        }
        if !align.is_power_of_two() {
            return Err(Refused::new(self, RebaseError::Misaligned));
        }
        self.engine.get_mut().write_record(align);
        Ok(self.region.into_inner())
    }

    /// Takes up the heap that was left in `region` by [`detach`](Self::detach), with its live blocks, and returns the way from old
    /// pointers to new ones. Takes time linear in the region's size over 64 and in the number of free blocks.
    ///
    /// What was left is checked before anything is written, so that damage outside of blocks is found; a record is found to be
    /// whole by a checksum of 32 bits.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use kalloc_pool::{Pool, Retained, Standard};
    /// use kalloc_traits::{Heap, SliceRegion};
    ///
    /// let mut memory = [0u64; 512].map(core::mem::MaybeUninit::new);
    /// // SAFETY: bytes may be looked at as bytes.
    /// let (_, bytes, _) = unsafe { memory.align_to_mut() };
    /// let pool = Pool::<_, Retained<Standard>>::with_config(SliceRegion::new(bytes));
    /// let block = pool.allocate(Layout::new::<u64>()).unwrap().cast::<u64>();
    /// // SAFETY: the block is ours.
    /// unsafe { block.write(42) };
    ///
    /// let region = pool.detach(8).unwrap();
    /// // SAFETY: the memory was initialised, and holds what the pool left.
    /// let (pool, moved) = unsafe { Pool::<_, Retained<Standard>>::attach(region) }.unwrap();
    /// let block = moved.translate(block.cast()).unwrap().cast::<u64>();
    /// // SAFETY: the block is live.
    /// assert_eq!(unsafe { block.read() }, 42);
    /// // SAFETY: the block is live, and has this layout.
    /// unsafe { pool.deallocate(block.cast(), Layout::new::<u64>()) };
    /// ```
    ///
    /// # Errors
    ///
    /// The region comes back with every byte as it was; [`RebaseError`] says why.
    ///
    /// # Safety
    ///
    /// - The region's bytes are initialised.
    /// - If they hold a heap that was left, it is not taken up twice, and nobody has used its free memory since.
    pub unsafe fn attach(mut region: R) -> Result<(Self, Moved), Refused<R, RebaseError>> {
        const { assert!(C::RETAINS, "the configuration has `RETAINS` set: `Retained<Standard>`") };
        if let Err(error) = region.claim() {
            return Err(Refused::new(region, RebaseError::Region(error.into())));
        }
        let usable = region.span().aligned(C::GRANULE);
        let mut engine = Engine::EMPTY;
        // SAFETY: the region is ours, and initialised as the caller says.
        let lay = match unsafe { engine.read_record(usable.start(), usable.len()) } {
            Ok(lay) => lay,
            Err(flaw) => return Err(Refused::new(region, flaw.into())),
        };
        let moved = Moved {
            from: lay.base,
            len: engine.extent(),
            to: usable.start(),
        };
        let mut pool = Self::with_config(region);
        *pool.engine.get_mut() = engine;
        pool.is_claimed.set(true);
        pool.take_in_the_rest();
        Ok((pool, moved))
    }

    /// Takes in what a region that cannot grow has more than the heap: no growth will bring it.
    fn take_in_the_rest(&mut self) {
        if !R::CAN_GROW {
            let span = self.region.get_mut().span();
            // SAFETY: the region is claimed, and starts with what the heap has.
            _ = unsafe { self.engine.get_mut().take_in(span) };
        }
    }

    /// Returns whether the heap has a state that can be taken elsewhere.
    fn can_leave(&mut self) -> Result<(), RebaseError> {
        if self.is_busy.get() {
            return Err(RebaseError::Busy);
        }
        if !self.engine.get_mut().is_laid_out() {
            return Err(RebaseError::NoImage);
        }
        Ok(())
    }
}

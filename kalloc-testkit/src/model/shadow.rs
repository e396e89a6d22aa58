//! A shadow of a heap: which blocks are live, where, and what was written into them.
//!
//! ```text
//!   heap      ├──────────┤    ├───┤ ├──────────────────┤       blocks, by address
//!   shadow    seed 17         23    4                          what each is full of, to its extent
//! ```
//!
//! Every block that a heap hands out goes in here and is filled with a byte pattern of its own. What comes back is
//! checked: alignment, length, overlap, bounds, and each byte.
//!
//! Cost: logarithmic in the number of live blocks, and linear in the block's bytes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

use crate::region::bytes;

/// Whether there is an operating system, which gives nobody the lowest page. On bare metal it may be memory as any other.
const IS_HOSTED: bool = cfg!(feature = "std");

/// A live block's name. It stays valid until the block is removed, and may then name another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Live(usize);

/// What the shadow knows of a live block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its first byte.
    pub start: NonNull<u8>,
    /// What was asked for.
    pub layout: Layout,
    /// The length of the slice that the heap returned, in bytes.
    pub extent: usize,
    seed: u64,
    is_filled: bool,
}

impl Block {
    /// Returns the addresses of its bytes.
    pub fn range(&self) -> Range<usize> {
        let start = self.start.addr().get();
        start..start + self.extent
    }
}

/// What a heap did wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The block does not start at a multiple of the alignment.
    Misaligned {
        /// Where it starts.
        address: usize,
        /// What was asked for.
        align: usize,
    },
    /// The block is shorter than what was asked for.
    Short {
        /// How long it is.
        extent: usize,
        /// What was asked for.
        size: usize,
    },
    /// The block reaches the end of the address space, or past it.
    LastByte {
        /// Where it starts.
        address: usize,
    },
    /// The block lies in the lowest page, where no hosted program has memory: to write there would end the process.
    ZeroPage {
        /// Where it starts.
        address: usize,
    },
    /// The block lies outside of the heap's memory, at least in part.
    Outside {
        /// Where it starts.
        address: usize,
        /// How long it is.
        extent: usize,
    },
    /// The block shares bytes with one that is live.
    Overlap {
        /// Where it starts.
        address: usize,
        /// Where the other starts.
        other: usize,
    },
    /// A live block's bytes changed.
    Lost {
        /// Where the block starts.
        address: usize,
        /// How long it is.
        extent: usize,
        /// The first byte that changed, from the block's start.
        offset: usize,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { address, align } => {
                write!(f, "the block at {address:#x} does not lie at a multiple of {align}")
            }
            Self::Short { extent, size } => write!(f, "{size} bytes were asked for, the block has {extent}"),
            Self::LastByte { address } => {
                write!(f, "the block at {address:#x} reaches the end of the address space")
            }
            Self::ZeroPage { address } => {
                write!(
                    f,
                    "the block at {address:#x} lies in the lowest page of the address space"
                )
            }
            Self::Outside { address, extent } => {
                write!(
                    f,
                    "the block of {extent} bytes at {address:#x} is not inside the heap's memory"
                )
            }
            Self::Overlap { address, other } => {
                write!(f, "the block at {address:#x} overlaps the live one at {other:#x}")
            }
            Self::Lost {
                address,
                extent,
                offset,
            } => write!(
                f,
                "the live block of {extent} bytes at {address:#x} lost its byte {offset}"
            ),
        }
    }
}

impl core::error::Error for Breach {}

/// The live blocks of one heap.
#[derive(Debug, Default)]
pub struct Shadow {
    blocks: Vec<Option<Block>>,
    vacant: Vec<usize>,
    /// The blocks that have bytes, by their first address. A block without bytes may lie anywhere.
    by_address: BTreeMap<usize, usize>,
    bounds: Option<Range<usize>>,
    last_seed: u64,
}

impl Shadow {
    /// Returns the shadow of a heap without live blocks.
    pub const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            vacant: Vec::new(),
            by_address: BTreeMap::new(),
            bounds: None,
            last_seed: 0,
        }
    }

    /// Sets the addresses between which every block must lie from now on.
    pub fn set_bounds(&mut self, bounds: Range<usize>) {
        self.bounds = Some(bounds);
    }

    /// Lets the patterns of blocks come from seeds past `seed`.
    pub const fn set_first_seed(&mut self, seed: u64) {
        self.last_seed = seed;
    }

    /// Takes in a block that the heap returned for `layout`, and fills it with a pattern up to its extent.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Then it is not taken in, and not written.
    pub fn insert(&mut self, block: NonNull<[u8]>, layout: Layout) -> Result<Live, Breach> {
        let live = self.insert_untouched(block, layout)?;
        self.fill(live);
        Ok(live)
    }

    /// Takes in a block as [`insert`](Self::insert) does, but does not write it: for blocks larger than the machine.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn insert_untouched(&mut self, block: NonNull<[u8]>, layout: Layout) -> Result<Live, Breach> {
        let block = Block {
            start: block.cast(),
            layout,
            extent: block.len(),
            seed: 0,
            is_filled: false,
        };
        self.check_place(&block)?;
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.blocks.push(None);
            self.blocks.len() - 1
        });
        if block.extent > 0 {
            self.by_address.insert(block.range().start, index);
        }
        self.blocks[index] = Some(block);
        Ok(Live(index))
    }

    /// Strikes out a block that is about to be freed, and returns what was known of it.
    ///
    /// # Errors
    ///
    /// Its bytes changed.
    pub fn remove(&mut self, live: Live) -> Result<Block, Breach> {
        let block = self.forget(live);
        check_bytes(&block, block.start, block.extent)?;
        Ok(block)
    }

    /// Takes in the block that a heap returned in place of a live one, for the layout `new`: it must begin with the old
    /// one's bytes, as many as both sizes hold. Then it is filled anew.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Then neither the old block nor the new one is known any more.
    pub fn replace(&mut self, live: Live, block: NonNull<[u8]>, new: Layout) -> Result<Live, Breach> {
        let live = self.replace_untouched(live, block, new)?;
        self.fill(live);
        Ok(live)
    }

    /// Takes in a block as [`replace`](Self::replace) does, but leaves its bytes for a closer look.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn replace_untouched(&mut self, live: Live, block: NonNull<[u8]>, new: Layout) -> Result<Live, Breach> {
        let old = self.forget(live);
        let replaced = self.insert_untouched(block, new)?;
        check_bytes(&old, block.cast(), old.layout.size().min(new.size()))?;
        Ok(replaced)
    }

    /// Fills a block with a pattern that no block had before.
    pub fn fill(&mut self, live: Live) {
        self.last_seed += 1;
        let seed = self.last_seed;
        if let Some(block) = &mut self.blocks[live.0] {
            block.seed = seed;
            block.is_filled = true;
            // SAFETY: the heap returned the block, its place was checked, and it is live.
            unsafe { bytes::fill(block.start, block.extent, seed) };
        }
    }

    /// Returns a live block.
    ///
    /// # Panics
    ///
    /// It is not live.
    pub fn block(&self, live: Live) -> Block {
        self.blocks[live.0].expect("a name of a live block")
    }

    /// Returns the live blocks, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Live, &Block)> {
        let named = self.blocks.iter().enumerate();
        named.filter_map(|(index, block)| Some((Live(index), block.as_ref()?)))
    }

    /// Returns the live blocks that have bytes, by ascending address.
    pub fn by_address(&self) -> impl DoubleEndedIterator<Item = (Live, &Block)> {
        let indices = self.by_address.values();
        indices.filter_map(|&index| Some((Live(index), self.blocks[index].as_ref()?)))
    }

    /// Returns the live block that has so many with bytes before it, by address.
    pub fn nth(&self, index: usize) -> Option<Live> {
        self.by_address.values().nth(index).map(|&index| Live(index))
    }

    /// Returns the sum of the extents of all live blocks.
    pub fn extents(&self) -> usize {
        self.iter().map(|(_, block)| block.extent).sum()
    }

    /// Returns the number of live blocks that have bytes.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Returns whether no block with bytes is live.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// Checks the bytes of one live block.
    ///
    /// # Errors
    ///
    /// They changed.
    pub fn check(&self, live: Live) -> Result<(), Breach> {
        let block = self.block(live);
        check_bytes(&block, block.start, block.extent)
    }

    /// Checks the bytes of all live blocks.
    ///
    /// # Errors
    ///
    /// Those of one of them changed.
    pub fn check_all(&self) -> Result<(), Breach> {
        self.iter()
            .try_for_each(|(_, block)| check_bytes(block, block.start, block.extent))
    }

    /// Strikes a block out.
    fn forget(&mut self, live: Live) -> Block {
        let block = self.blocks[live.0].take().expect("a name of a live block");
        if block.extent > 0 {
            self.by_address.remove(&block.range().start);
        }
        self.vacant.push(live.0);
        block
    }

    /// Checks where a new block lies.
    fn check_place(&self, block: &Block) -> Result<(), Breach> {
        let (address, extent) = (block.start.addr().get(), block.extent);
        let (size, align) = (block.layout.size(), block.layout.align());
        if address % align != 0 {
            return Err(Breach::Misaligned { address, align });
        }
        if extent < size {
            return Err(Breach::Short { extent, size });
        }
        if extent == 0 {
            return Ok(());
        }
        let Some(end) = address.checked_add(extent) else {
            return Err(Breach::LastByte { address });
        };
        if IS_HOSTED && address < 4096 {
            return Err(Breach::ZeroPage { address });
        }
        if let Some(bounds) = &self.bounds {
            if address < bounds.start || end > bounds.end {
                return Err(Breach::Outside { address, extent });
            }
        }
        // Live blocks do not overlap, so the last that starts before the new one's end is the one to ask.
        let below = self.by_address.range(..end).next_back();
        match below.and_then(|(_, &index)| self.blocks[index].as_ref()) {
            Some(other) if other.range().end > address => Err(Breach::Overlap {
                address,
                other: other.range().start,
            }),
            _ => Ok(()),
        }
    }
}

/// Checks that the first `len` bytes from `start` are those that were written into `block`.
fn check_bytes(block: &Block, start: NonNull<u8>, len: usize) -> Result<(), Breach> {
    if !block.is_filled {
        return Ok(());
    }
    // SAFETY: `start` is the block itself, whose `extent` bytes were filled, or the one that replaced it, which holds at
    // least `len` bytes; the heap promises that they were kept.
    match unsafe { bytes::first_difference(start, len, block.seed) } {
        None => Ok(()),
        Some(offset) => Err(Breach::Lost {
            address: start.addr().get(),
            extent: block.extent,
            offset,
        }),
    }
}

//! Quick lists: freed blocks, kept for the next request of the same size.
//!
//! A bounded stack for each small size, and one for each bin of larger sizes. A block in it looks used to everyone else: it
//! has no bit in the bitmap, is not merged, and its first word is the link to the next. Popping and pushing take a few
//! instructions and touch one block; that is where the pool's speed comes from. The bound scales with the region, so that
//! small heaps do not hoard, and the lists are flushed before a request is refused.
//!
//! ```text
//!   class     1   2   3  …  63 │ 64  65  66 …            sizes in granules, in a small region: a large one has
//!   holds     1   2   3  …  63 │ 64..68  68..72  …       up to 511 exact classes
//! ```
//!
//! The second word of a block behind the exact classes is its size.

use core::ptr::NonNull;

use crate::block::{Arena, Free};
use crate::config::Config;

mod class;
mod inspect;
mod refill;
mod relocate;

use class::{Classes, WORDS, share};

/// A stack of blocks of one class.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct List {
    /// The first granule of the block on top, or 0.
    head: u32,
    /// How many more blocks the list may hold.
    room: u32,
}

/// A list that has room, found a moment ago.
pub(crate) struct Roomy(NonNull<List>);

/// How many blocks behind the first of a list are asked whether they lie right.
const PROBES: usize = 3;

/// Words of a cached block: the link to the next one, and the size of one whose class has several.
const LINK: usize = 0;
const SIZE: usize = 1;

/// The quick lists of a heap.
///
/// # Invariants
///
/// - `lists` is valid for `count` lists, in the table of the heap's arena (P2). Nobody else uses that part of the table.
/// - Each block in a list is held by nobody else, and bears no mark; its size is of the list's class (P6). List 0 is always
///   empty.
#[derive(Debug)]
pub(crate) struct Quick {
    lists: NonNull<List>,
    /// Sizes of 1 up to, but not including, this many granules have a list of their own; 0 while the lists take no block.
    exact: u32,
    /// Which sizes share a list while the lists are open.
    classes: Classes,
    /// The number of lists.
    count: u32,
    /// Granules in the lists behind the exact ones.
    large: u32,
    /// How many more blocks must come back to a top that is large enough before closed lists open again.
    pause: u32,
}

impl Quick {
    /// Quick lists that hold nothing and take nothing.
    pub(crate) const EMPTY: Self = Self {
        lists: NonNull::dangling(),
        exact: 0,
        classes: Classes::NONE,
        count: 0,
        large: 0,
        pause: 0,
    };

    /// Returns how many words of table the lists need in a region of `granules`.
    pub(crate) fn table_len<C: Config>(granules: u32) -> u32 {
        Classes::of::<C>(granules).count::<C>(share::<C>(granules)) * WORDS
    }

    /// Lays the lists out on the table from its word `table` on, for a region of `granules`.
    ///
    /// # Safety
    ///
    /// The table has [`table_len`](Self::table_len) words from there, which nobody else uses.
    pub(crate) unsafe fn new<C: Config>(arena: &Arena<C>, table: u32, granules: u32) -> Self {
        let classes = Classes::of::<C>(granules);
        let count = classes.count::<C>(share::<C>(granules));
        if count == 0 {
            return Self::EMPTY;
        }
        // SAFETY: the table has this word.
        let lists = unsafe { arena.table_word(table) }.cast::<List>();
        let mut quick = Self {
            lists,
            exact: 0,
            classes,
            count,
            large: 0,
            pause: 0,
        };
        quick.open::<C>(granules);
        quick
    }

    /// Returns whether the lists take blocks.
    pub(crate) const fn is_open(&self) -> bool {
        self.exact != 0
    }

    /// Lets the lists take blocks, in a region of `granules`, the number for which they were laid out. Assumes that they hold
    /// none.
    pub(crate) fn open<C: Config>(&mut self, granules: u32) {
        self.exact = self.count.min(self.classes.exact);
        self.reset::<C>(granules);
    }

    /// Lets the lists take no more blocks. Assumes that they hold none.
    ///
    /// To close and to open takes time linear in the number of lists. So they stay closed until as many blocks have come back.
    pub(crate) fn close<C: Config>(&mut self) {
        self.exact = 0;
        self.pause = self.count;
        self.reset::<C>(0);
    }

    /// Notes that a block has come back while there is room for closed lists. Returns whether they may open.
    pub(crate) fn is_rested(&mut self) -> bool {
        let is_rested = self.pause == 0;
        self.pause = self.pause.saturating_sub(1);
        is_rested
    }

    /// Makes all lists empty, with as much room as they may have.
    fn reset<C: Config>(&mut self, granules: u32) {
        for class in 0..self.count {
            let room = self.bound::<C>(granules, class);
            // SAFETY: there is such a list.
            let list = unsafe { self.list(class) };
            // SAFETY: it lies in the table, whose words are aligned for it.
            unsafe { list.write(List { head: 0, room }) };
        }
    }

    /// Returns how many blocks the list of a class may hold, in a region of `granules`.
    fn bound<C: Config>(&self, granules: u32, class: u32) -> u32 {
        if self.is_open() {
            self.classes.bound::<C>(share::<C>(granules), class)
        } else {
            0
        }
    }

    /// Returns the pointer to a list.
    ///
    /// # Safety
    ///
    /// `class < self.count`.
    #[inline]
    unsafe fn list(&self, class: u32) -> NonNull<List> {
        debug_assert!(class < self.count);
        // SAFETY: there are so many lists.
        unsafe { self.lists.add(class as usize) }
    }

    /// Returns the list of a class, such as it is.
    ///
    /// # Safety
    ///
    /// `class < self.count`.
    unsafe fn look(&self, class: u32) -> List {
        // SAFETY: the caller upholds the contract.
        let list = unsafe { self.list(class) };
        // SAFETY: it is initialised and ours.
        unsafe { list.read() }
    }

    /// Takes the first block of the list of `len` granules, if these have a list of their own, there is a block in it, and
    /// its address is a multiple of `align`.
    #[inline(always)]
    pub(crate) fn pop<C: Config>(&mut self, arena: &Arena<C>, len: usize, align: usize) -> Option<Free> {
        if C::QUICK_LARGEST == 0 || len >= self.exact as usize {
            return None;
        }
        // SAFETY: there is such a list.
        let mut list = unsafe { self.list(len as u32) };
        // SAFETY: it is initialised and ours alone.
        let list = unsafe { list.as_mut() };
        if list.head == 0 || !arena.is_aligned(list.head, align) {
            return None;
        }
        // SAFETY: the list owned the block, which has as many granules as its class (P6), and gives it up below.
        let block = unsafe { Free::new(list.head, len as u32) };
        // SAFETY: the block is cached, and its first word is the link.
        list.head = unsafe { arena.word(block.start(), LINK) };
        list.room += 1;
        Some(block)
    }

    /// Takes one of the first blocks of the list of `len` granules, if these have a list of their own, whose address is a
    /// multiple of `align`.
    pub(crate) fn pop_near<C: Config>(&mut self, arena: &mut Arena<C>, len: u32, align: usize) -> Option<Free> {
        if C::QUICK_LARGEST == 0 || len >= self.exact {
            return None;
        }
        // SAFETY: there is such a list.
        let mut list = unsafe { self.list(len) };
        // SAFETY: it is initialised and ours alone.
        let list = unsafe { list.as_mut() };
        let mut before = list.head;
        for _ in 0..PROBES {
            if before == 0 {
                break;
            }
            // SAFETY: the block is cached, and its first word is the link.
            let here = unsafe { arena.word(before, LINK) };
            if here != 0 && arena.is_aligned(here, align) {
                // SAFETY: as above.
                let next = unsafe { arena.word(here, LINK) };
                // SAFETY: likewise.
                unsafe { arena.set_word(before, LINK, next) };
                list.room += 1;
                // SAFETY: the list owned the block, which has as many granules as its class (P6), and has given it up.
                return Some(unsafe { Free::new(here, len) });
            }
            before = here;
        }
        None
    }

    /// Keeps `block`, or returns it if its list is full or it has no list of its own size.
    #[inline(always)]
    pub(crate) fn push<C: Config>(&mut self, arena: &mut Arena<C>, block: Free) -> Result<(), Free> {
        let Some(list) = self.roomy::<C>(block.len() as usize) else {
            return Err(block);
        };
        // SAFETY: it is the list for the block's size, and was found just now.
        unsafe { self.push_into(arena, list, block) };
        Ok(())
    }

    /// Returns the list of `len` granules, if these have a list of their own, and it has room.
    #[inline(always)]
    pub(crate) fn roomy<C: Config>(&self, len: usize) -> Option<Roomy> {
        if C::QUICK_LARGEST == 0 || len >= self.exact as usize {
            return None;
        }
        // SAFETY: there is such a list.
        let list = unsafe { self.list(len as u32) };
        // SAFETY: it is initialised and ours.
        let room = unsafe { list.read() }.room;
        (room > 0).then_some(Roomy(list))
    }

    /// Keeps `block` in `list`.
    ///
    /// # Safety
    ///
    /// [`roomy`](Self::roomy) has found the list for the block's size, and no list has changed since.
    #[inline(always)]
    pub(crate) unsafe fn push_into<C: Config>(&mut self, arena: &mut Arena<C>, Roomy(mut list): Roomy, block: Free) {
        // SAFETY: it is initialised and ours alone.
        let list = unsafe { list.as_mut() };
        list.room -= 1;
        // SAFETY: the block is ours, and has at least one granule.
        unsafe { arena.set_word(block.start(), LINK, list.head) };
        list.head = block.start();
    }

    /// Takes the first block of the class of `len` granules, which have no list of their own, if there is one, it is just so
    /// long, and its address is a multiple of `align`.
    #[inline]
    pub(crate) fn pop_large<C: Config>(&mut self, arena: &Arena<C>, len: u32, align: usize) -> Option<Free> {
        if C::QUICK_LARGEST == 0 || len < self.classes.exact {
            return None;
        }
        let class = self.classes.above_exact(len);
        if class >= self.count {
            return None;
        }
        // SAFETY: there is such a list.
        let mut list = unsafe { self.list(class) };
        // SAFETY: it is initialised and ours alone.
        let list = unsafe { list.as_mut() };
        // SAFETY: the block is cached, and its second word is its size, as those of all blocks behind the exact classes.
        if list.head == 0 || unsafe { arena.word(list.head, SIZE) } != len || !arena.is_aligned(list.head, align) {
            return None;
        }
        // SAFETY: the list owned the block, which has as many granules as it says (P6), and gives it up below.
        let block = unsafe { Free::new(list.head, len) };
        // SAFETY: the block is cached, and its first word is the link.
        list.head = unsafe { arena.word(block.start(), LINK) };
        list.room += 1;
        self.large = self.large.wrapping_sub(len);
        Some(block)
    }

    /// Keeps `block`, whose size has no list of its own, or returns it if the list of its class is full or missing.
    #[inline]
    pub(crate) fn push_large<C: Config>(&mut self, arena: &mut Arena<C>, block: Free) -> Result<(), Free> {
        if C::QUICK_LARGEST == 0 || block.len() < self.classes.exact {
            return Err(block);
        }
        let class = self.classes.above_exact(block.len());
        if class >= self.count {
            return Err(block);
        }
        // SAFETY: there is such a list.
        let mut list = unsafe { self.list(class) };
        // SAFETY: it is initialised and ours alone.
        let list = unsafe { list.as_mut() };
        if list.room == 0 {
            return Err(block);
        }
        list.room -= 1;
        // SAFETY: the block is ours, and has at least one granule, which is two words.
        unsafe { arena.set_word(block.start(), LINK, list.head) };
        // SAFETY: as above.
        unsafe { arena.set_word(block.start(), SIZE, block.len()) };
        list.head = block.start();
        self.large = self.large.wrapping_add(block.len());
        Ok(())
    }

    /// Returns the class of the largest blocks that any list holds. Takes time linear in the number of lists, a constant.
    pub(crate) fn largest_class(&self) -> Option<u32> {
        // SAFETY: there is such a list.
        (1..self.count)
            .rev()
            .find(|&class| unsafe { self.look(class) }.head != 0)
    }

    /// Takes the first block of the list of a class, whatever its size.
    pub(crate) fn pop_from<C: Config>(&mut self, arena: &Arena<C>, class: u32) -> Option<Free> {
        if class >= self.count {
            return None;
        }
        // SAFETY: there is such a list.
        let head = unsafe { self.look(class) }.head;
        if head == 0 {
            return None;
        }
        if class < self.exact {
            return self.pop(arena, class as usize, 1);
        }
        // SAFETY: the block is cached, and its second word is its size.
        let len = unsafe { arena.word(head, SIZE) };
        self.pop_large(arena, len, 1)
    }
}

//! What a checked pool refuses, and that it refuses nothing else.

mod long;
mod meddling;
mod permits;
mod scarce;

use std::alloc::Layout;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_pool::{
    AddressOrdered, BestFitting, Checked, Config, Misuse, MisuseKind, OnMisuse, Pool, Retained, SegregatedFit,
    Standard, Tiny,
};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, Inspect, RunKind, SliceRegion};

thread_local! {
    static LAST: Cell<Option<Misuse>> = const { Cell::new(None) };
}

/// Remembers what it is told.
struct Remember;

impl OnMisuse for Remember {
    fn on_misuse(misuse: &Misuse) {
        LAST.set(Some(*misuse));
    }
}

/// Granules of 16 bytes, and quick lists of exact sizes only.
struct Wide;

impl Config for Wide {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 9;
    const QUICK_LARGEST: usize = 128;
    type Index = SegregatedFit<2>;
}

/// Misuses of each kind.
const PLANTED: usize = if cfg!(miri) { 2 } else { 10_000 };
const LEN: usize = if cfg!(miri) { 4 * 1024 } else { 64 * 1024 };

type Block = (NonNull<u8>, Layout);

/// A pool with live blocks, cached ones and free ones, which change from step to step.
struct Crowd<'a, C: Config> {
    pool: Pool<SliceRegion<'a>, Checked<C, Remember>>,
    rng: Rng,
    live: Vec<Block>,
    /// Blocks that were freed, and whose place was not taken since, as far as is known.
    freed: Vec<Block>,
}

impl<'a, C: Config> Crowd<'a, C> {
    fn new(memory: &'a mut [MaybeUninit<u8>], seed: u64) -> Self {
        let pool = Pool::with_config(SliceRegion::new(memory));
        pool.init().unwrap();
        Self {
            pool,
            rng: Rng::new(seed),
            live: Vec::new(),
            freed: Vec::new(),
        }
    }

    fn step(&mut self) {
        let is_full = self.pool.stats().used > LEN / 2;
        let (choice, nth) = (self.rng.below(4), self.rng.below(self.live.len().max(1)));
        match choice {
            0 | 1 if !is_full => {
                let layout = Layout::from_size_align(1 + self.rng.below(700), 1 << self.rng.below(6)).unwrap();
                if let Ok(block) = self.pool.allocate(layout) {
                    self.live.push((block.cast(), layout));
                    self.freed.clear();
                }
            }
            2 if !self.live.is_empty() => {
                let (start, old) = self.live[nth];
                let new = Layout::from_size_align(1 + self.rng.below(700), old.align()).unwrap();
                // SAFETY: the block is live, and has this layout.
                if unsafe { self.pool.resize_in_place(start, old, new) }.is_ok() {
                    self.live[nth].1 = new;
                    self.freed.clear();
                }
            }
            _ if !self.live.is_empty() => {
                let (start, layout) = self.live.swap_remove(nth);
                // SAFETY: the block is live, and has this layout.
                unsafe { self.pool.deallocate(start, layout) };
                self.freed.push((start, layout));
            }
            _ => {}
        }
        if self.rng.below(50) == 0 {
            self.pool.trim();
        }
    }

    /// Frees what must not be freed, and returns what the handler was told.
    fn misuse(&self, block: NonNull<u8>, layout: Layout) -> Option<Misuse> {
        LAST.set(None);
        // SAFETY: none. A checked pool bears it.
        unsafe { self.pool.deallocate(block, layout) };
        LAST.get()
    }

    /// Plants misuses among correct steps. Each is refused and told of, for what it is.
    fn plant(&mut self, kinds: &[MisuseKind], make: impl Fn(&mut Self) -> Option<Block>) {
        let mut planted = 0;
        while planted < PLANTED {
            self.step();
            let Some((block, layout)) = make(self) else { continue };
            let before = (self.pool.misuses(), self.pool.stats());
            let told = self.misuse(block, layout);
            assert_eq!(
                told.map(|misuse| (misuse.address, misuse.layout)),
                Some((block.addr().get(), layout))
            );
            assert!(
                told.is_some_and(|misuse| kinds.contains(&misuse.kind)),
                "{told:?} of {layout:?}"
            );
            assert_eq!((self.pool.misuses(), self.pool.stats()), (before.0 + 1, before.1));
            planted += 1;
            if planted % 64 == 0 {
                self.pool.verify().unwrap();
            }
        }
        self.pool.verify().unwrap();
        for (start, layout) in self.live.drain(..) {
            // SAFETY: the block is live, and has this layout.
            unsafe { self.pool.deallocate(start, layout) };
        }
        assert_eq!(self.pool.misuses(), PLANTED);
        assert_eq!(self.pool.stats().used, 0);
    }

    fn any_live(&mut self) -> Option<Block> {
        let nth = self.rng.below(self.live.len().max(1));
        self.live.get(nth).copied()
    }

    fn extent(size: usize) -> usize {
        size.next_multiple_of(C::GRANULE)
    }
}

/// Runs `plant` for each configuration, on fresh memory.
fn each(plant: [fn(&mut [MaybeUninit<u8>]); 6]) {
    for plant in plant {
        let mut memory = vec![MaybeUninit::new(0xA5); LEN];
        plant(&mut memory);
    }
}

macro_rules! planted {
    ($(#[$meta:meta])* $name:ident, $seed:literal, $kinds:expr, $make:expr) => {
        $(#[$meta])*
        #[test]
        fn $name() {
            fn run<C: Config>(memory: &mut [MaybeUninit<u8>]) {
                Crowd::<C>::new(memory, $seed).plant(&$kinds, $make);
            }
            each([run::<Standard>, run::<AddressOrdered>, run::<BestFitting>, run::<Tiny>, run::<Wide>, run::<Retained<Standard>>]);
        }
    };
}

planted! {
    /// M1.
    a_block_that_is_freed_twice_is_refused, 1, [MisuseKind::NotLive],
    |crowd| crowd.freed.last().copied()
}

planted! {
    /// M4: the stack, other memory, one past the end, one before the start, the whole address space.
    a_foreign_pointer_is_refused, 4, [MisuseKind::Foreign],
    |crowd| {
        let local = 0u64;
        let mut start = usize::MAX;
        let mut end = 0;
        crowd.pool.walk(&mut |run| {
            start = start.min(run.start);
            end = run.start + run.len;
        });
        let (wild, which) = ((crowd.rng.below(1 << 20) << (usize::BITS / 2 + 1)) + 8, crowd.rng.below(6));
        let address = [(&raw const local).addr(), end, end + 8, start - 8, usize::MAX - 7, wild][which];
        let pointer = NonNull::new(std::ptr::without_provenance_mut(address))?;
        Some((pointer, Layout::from_size_align(1 + crowd.rng.below(100), 1).unwrap()))
    }
}

planted! {
    /// M5: a byte or a granule behind a block's start, or anywhere inside.
    a_pointer_into_a_block_is_refused, 5, [MisuseKind::NotLive, MisuseKind::Misaligned],
    |crowd| {
        let (start, layout) = crowd.any_live()?;
        let which = crowd.rng.below(4);
        let offset = [1, 8, 16, 1 + crowd.rng.below(layout.size())][which];
        if offset >= layout.size() {
            return None;
        }
        // SAFETY: the offset is inside of the block.
        let inside = unsafe { start.add(offset) };
        Some((inside, Layout::from_size_align(layout.size() - offset, 1).unwrap()))
    }
}

planted! {
    /// M6: a granule or more too large, or too small, or nonsense.
    another_size_is_refused, 6, [MisuseKind::WrongSize],
    |crowd| {
        let (start, layout) = crowd.any_live()?;
        let which = crowd.rng.below(6);
        let far = crowd.rng.below(4096);
        let size = [layout.size() + 8, layout.size().saturating_sub(8), layout.size() + 16, 1 + far, far << 20, 1][which];
        let is_another = size > 0 && Crowd::<Standard>::extent(size).next_multiple_of(16) != Crowd::<Standard>::extent(layout.size()).next_multiple_of(16);
        is_another.then(|| (start, Layout::from_size_align(size, layout.align()).unwrap()))
    }
}

planted! {
    /// M7: an alignment that the address does not have. One that it happens to have does no harm.
    another_alignment_is_refused, 7, [MisuseKind::Misaligned],
    |crowd| {
        let (start, layout) = crowd.any_live()?;
        let align = layout.align() << (1 + crowd.rng.below(6));
        (start.addr().get() % align != 0).then(|| (start, Layout::from_size_align(layout.size(), align).unwrap()))
    }
}

#[test]
fn a_block_of_another_pool_is_refused() {
    // M17.
    let (mut memory, mut other) = (vec![MaybeUninit::uninit(); LEN], vec![MaybeUninit::uninit(); LEN]);
    let other = Pool::<_, Checked<Standard>>::with_config(SliceRegion::new(&mut other));
    Crowd::<Standard>::new(&mut memory, 17).plant(&[MisuseKind::Foreign], |crowd| {
        let layout = Layout::from_size_align(1 + crowd.rng.below(100), 8).unwrap();
        let block = other.allocate(layout).unwrap().cast();
        // SAFETY: the block is live, and has this layout.
        unsafe { other.deallocate(block, layout) };
        Some((block, layout))
    });
    assert_eq!(other.misuses(), 0);
}

#[test]
fn a_block_that_ends_where_the_region_does_is_freed() {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let pool = Pool::<_, Checked<Standard>>::with_config(SliceRegion::new(&mut memory));
    pool.init().unwrap();
    let whole = Layout::from_size_align(pool.stats().free, 1).unwrap();
    let block = pool.allocate(whole).unwrap();
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(block.cast(), whole) };
    assert_eq!((pool.stats().used, pool.misuses()), (0, 0));
}

#[test]
fn a_pointer_into_the_first_granule_of_a_block_is_refused() {
    for align in [1, 2, 8, 16] {
        let mut memory = vec![MaybeUninit::uninit(); LEN];
        let pool = Pool::<_, Checked<Standard, Remember>>::with_config(SliceRegion::new(&mut memory));
        let layout = Layout::from_size_align(40, align).unwrap();
        let block = pool.allocate(layout).unwrap().cast::<u8>();
        for offset in 1..8 {
            // SAFETY: the block has so many bytes.
            let inside = unsafe { block.add(offset) };
            // SAFETY: this is not permitted, and a checked pool refuses it.
            unsafe { pool.deallocate(inside, layout) };
            let told = LAST.take().map(|misuse| misuse.kind);
            assert_eq!(told, Some(MisuseKind::Misaligned), "{offset}, {align}");
        }
        assert_eq!((pool.misuses(), pool.stats().live_blocks), (7, 1), "{align}");
    }
}

#[test]
fn a_block_of_no_bytes_is_nobodys_business() {
    // M3.
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let mut crowd = Crowd::<Standard>::new(&mut memory, 3);
    for _ in 0..PLANTED {
        crowd.step();
        let layout = Layout::from_size_align(0, 1 << crowd.rng.below(12)).unwrap();
        let dangling = NonNull::new(std::ptr::without_provenance_mut(layout.align())).unwrap();
        assert_eq!(crowd.misuse(dangling, layout), None);
    }
    assert_eq!(crowd.pool.misuses(), 0);
    crowd.pool.verify().unwrap();
}

#[test]
fn a_wrong_layout_neither_resizes_nor_grows_nor_shrinks() {
    let mut memory = vec![MaybeUninit::uninit(); LEN.max(8192)];
    let pool = Pool::<_, Checked<Standard, Remember>>::with_config(SliceRegion::new(&mut memory));
    let (own, wrong, larger) = (
        Layout::new::<[u8; 100]>(),
        Layout::new::<[u8; 50]>(),
        Layout::new::<[u8; 4000]>(),
    );
    let block = pool.allocate(own).unwrap().cast::<u8>();
    let before = pool.stats();
    // SAFETY: none. A checked pool bears it.
    assert!(unsafe { pool.resize_in_place(block, wrong, own) }.is_err());
    // SAFETY: as above.
    assert!(unsafe { pool.grow(block, wrong, larger) }.is_err());
    // SAFETY: as above.
    assert!(unsafe { pool.shrink(block, larger, wrong) }.is_err());
    assert_eq!((pool.misuses(), pool.stats()), (3, before));
    // SAFETY: the block is live, and has this layout.
    let grown = unsafe { pool.grow(block, own, larger) }.unwrap().cast();
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(grown, larger) };
    assert_eq!((pool.misuses(), pool.stats().used), (3, 0));
}

#[test]
fn nothing_is_freed_before_there_is_a_heap() {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let start = NonNull::from(memory.as_mut_slice()).cast();
    let pool = Pool::<_, Checked<Standard, Remember>>::with_config(SliceRegion::new(&mut memory));
    LAST.set(None);
    // SAFETY: none. A checked pool bears it.
    unsafe { pool.deallocate(start, Layout::new::<u64>()) };
    assert_eq!(LAST.get().map(|misuse| misuse.kind), Some(MisuseKind::Foreign));
}

#[test]
fn a_walk_shows_each_block() {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let mut crowd = Crowd::<Standard>::new(&mut memory, 9);
    for _ in 0..if cfg!(miri) { 20 } else { 3000 } {
        crowd.step();
        let mut runs = Vec::new();
        crowd
            .pool
            .walk(&mut |run| runs.extend((run.kind == RunKind::Used).then_some((run.start, run.len))));
        for (start, layout) in &crowd.live {
            let run = (start.addr().get(), Crowd::<Standard>::extent(layout.size()));
            assert!(runs.contains(&run), "{run:?}");
        }
        assert_eq!(runs.len(), crowd.live.len() + 1, "and the state run");
    }
}

fn correct<C: Config>(seed: u64) {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let mut crowd = Crowd::<C>::new(&mut memory, seed);
    for step in 0..if cfg!(miri) { 20 } else { 300_000 } {
        crowd.step();
        if step % 1024 == 0 {
            crowd.pool.verify().unwrap();
        }
    }
    assert_eq!(crowd.pool.misuses(), 0);
}

#[test]
fn correct_steps_raise_no_alarm() {
    correct::<Standard>(100);
    correct::<AddressOrdered>(101);
    correct::<BestFitting>(102);
    correct::<Tiny>(103);
    correct::<Wide>(104);
}

#[test]
fn a_wrong_layout_does_not_shrink_to_nothing() {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let pool = Pool::<_, Checked<Standard, Remember>>::with_config(SliceRegion::new(&mut memory));
    let (own, wrong, nothing) = (
        Layout::new::<[u8; 100]>(),
        Layout::new::<[u8; 50]>(),
        Layout::new::<()>(),
    );
    let block = pool.allocate(own).unwrap().cast::<u8>();
    // SAFETY: none. A checked pool bears it.
    assert!(unsafe { pool.shrink(block, wrong, nothing) }.is_err());
    assert_eq!((pool.misuses(), pool.stats().live_blocks), (1, 1));
    // SAFETY: the block is live, and has this layout.
    assert!(unsafe { pool.shrink(block, own, nothing) }.is_ok());
    assert_eq!((pool.misuses(), pool.stats().live_blocks), (1, 0));
}

//! Chunks of another heap.

use std::alloc::{Layout, System};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use kalloc_bump::{Arena, Bump, Chain, Downward, Lean, LeanDownward, Settings, Standard};
use kalloc_traits::glue::global::GlobalHeap;
use kalloc_traits::{AllocError, Heap, Inspect};

use crate::common::{Memory, Scripted, bytes, filled, free, is_filled, layout};

/// The system's heap, which knows what of it is lent and refuses what is too long.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) lent: RefCell<Vec<(NonNull<u8>, Layout)>>,
    pub(crate) longest: Cell<Option<usize>>,
}

// SAFETY: every block is the system's.
unsafe impl Heap for Watched {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if self.longest.get().is_some_and(|longest| layout.size() > longest) {
            return Err(AllocError);
        }
        let block = GlobalHeap(System).allocate(layout)?;
        self.lent.borrow_mut().push((block.cast(), layout));
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let mut lent = self.lent.borrow_mut();
        let index = lent.iter().position(|found| *found == (block, layout));
        lent.swap_remove(index.expect("the block is lent, with that layout"));
        // SAFETY: it is, as was just found.
        unsafe { GlobalHeap(System).deallocate(block, layout) };
    }

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }
}

fn blocks_stay_over_many_chunks<S: Settings>() {
    let mut chain = Chain::<_, S>::with_settings(Watched::default());
    for _ in 0..3 {
        let mut blocks = Vec::new();
        let rounds = if cfg!(miri) { 30 } else { 1000 };
        for n in 0..rounds {
            let layout = layout(n % 97 + 1, 1 << (n % 8));
            blocks.push((filled(&chain, layout, n as u8), layout, n as u8));
            if n % 5 == 4 {
                let (block, layout, _) = blocks.swap_remove(n / 2 % blocks.len());
                free(&chain, block, layout);
            }
            assert_eq!(chain.verify(), Ok(()));
        }
        for (block, layout, byte) in &blocks {
            assert!(is_filled(*block, layout.size(), *byte) && chain.owns(*block));
        }
        let stats = chain.stats();
        assert_eq!(stats.used + stats.free + stats.cached, stats.capacity);
        if S::COUNTS {
            let used: usize = blocks.iter().map(|(_, layout, _)| layout.size()).sum();
            assert_eq!((stats.used, stats.live_blocks), (used, blocks.len()));
        }
        let mut longest = 0;
        chain.chunks(&mut |chunk| longest = longest.max(chunk.len()));
        chain.reset();
        let mut kept = Vec::new();
        chain.chunks(&mut |chunk| kept.push(chunk.len()));
        assert_eq!((kept, chain.stats().used, chain.verify()), (vec![longest], 0, Ok(())));
        assert_eq!(chain.source().lent.borrow().len(), 1);
    }
}

#[test]
fn blocks_stay_over_many_chunks_and_a_reset_keeps_the_largest() {
    blocks_stay_over_many_chunks::<Standard>();
    blocks_stay_over_many_chunks::<Downward>();
    blocks_stay_over_many_chunks::<Lean>();
}

#[test]
fn a_chain_gives_all_chunks_back_when_it_is_dropped() {
    let source = Watched::default();
    let chain = Chain::new(&source);
    assert!(source.lent.borrow().is_empty(), "nothing is taken ahead");
    chain.allocate(bytes(0)).unwrap();
    assert!(source.lent.borrow().is_empty(), "nor for nothing");
    for _ in 0..10 {
        filled(&chain, bytes(1000), 1);
    }
    assert!(source.lent.borrow().len() > 2);
    drop(chain);
    assert!(source.lent.borrow().is_empty());
}

#[test]
fn a_heap_that_refuses_ample_chunks_is_asked_for_small_ones() {
    let chain = Chain::new(Watched::default());
    chain.source().longest.set(Some(200));
    for _ in 0..10 {
        filled(&chain, bytes(100), 1);
    }
    assert_eq!(chain.allocate(bytes(200)), Err(AllocError));
    // A lock that asks so counts what it gives up.
    assert!(chain.allocate_within(bytes(200)).is_err());
    assert_eq!((chain.stats().failed_requests, chain.stats().used), (1, 1000));
    chain.source().longest.set(None);
    filled(&chain, bytes(200), 1);
    assert_eq!(chain.allocate(bytes(isize::MAX as usize)), Err(AllocError));
    assert_eq!(chain.verify(), Ok(()));
}

#[test]
fn a_limit_is_for_all_chunks_together() {
    let chain = Chain::new(Watched::default());
    chain.set_limit(2000);
    let served = (0..100).take_while(|_| chain.allocate(bytes(100)).is_ok()).count();
    assert!((15..20).contains(&served), "{served}");
    let lent: usize = chain
        .source()
        .lent
        .borrow()
        .iter()
        .map(|(_, layout)| layout.size())
        .sum();
    assert!(lent <= 2000, "{lent}");
}

/// The newest chunk says nothing of the others.
#[test]
fn a_chain_that_does_not_count_has_a_live_block_when_its_newest_chunk_is_empty() {
    fn test<S: Settings>() {
        let chain = Chain::<_, S>::with_settings(Watched::default());
        assert_eq!(chain.stats().live_blocks, 0);
        filled(&chain, bytes(400), 1);
        let newest = filled(&chain, bytes(400), 2);
        assert_eq!(chain.source().lent.borrow().len(), 2);
        free(&chain, newest, bytes(400));
        assert_eq!(chain.stats().live_blocks, 1);
    }
    test::<Lean>();
    test::<LeanDownward>();
}

#[test]
fn a_chain_remembers_its_peak_when_it_begins_another_chunk() {
    fn test<S: Settings>() {
        let chain = Chain::<_, S>::with_settings(Watched::default());
        let first = filled(&chain, bytes(200), 1);
        filled(&chain, bytes(250), 2);
        free(&chain, first, bytes(200));
        filled(&chain, bytes(100), 3);
        assert_eq!(chain.source().lent.borrow().len(), 2);
        let stats = chain.stats();
        assert_eq!((stats.used, stats.peak_used), (350, 450));
    }
    test::<Standard>();
    test::<Downward>();
}

#[test]
fn a_chain_over_a_bump_resizes_its_last_block_in_place() {
    let mut memory = Memory::filled(0);
    let chain = Chain::new(Bump::new(Scripted::fixed(&mut memory, 4096)));
    let text = chain.try_alloc_iter((0..100u8).filter(|_| true)).unwrap();
    assert!(text.iter().copied().eq(0..100));
    assert_eq!((chain.stats().used, chain.stats().cached), (100, 0));
}

#[test]
fn a_bump_keeps_to_its_limit() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    bump.set_limit(300);
    assert_eq!(bump.limit(), 300);
    filled(&bump, bytes(300), 1);
    assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
    bump.set_limit(301);
    filled(&bump, bytes(1), 1);

    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    bump.set_limit(50);
    assert_eq!(
        bump.allocate(bytes(51)),
        Err(AllocError),
        "what the region has beyond is not used"
    );
    filled(&bump, bytes(50), 1);
}

#[test]
fn the_last_block_grows_with_its_region() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    filled(&bump, bytes(10), 1);
    let last = filled(&bump, bytes(50), 2);
    // SAFETY: the block is live and was allocated with this layout.
    let grown = unsafe { bump.grow(last, bytes(50), bytes(2000)) }.unwrap();
    assert_eq!((grown.cast(), grown.len()), (last, 2000), "it does not move");
    assert!(is_filled(last, 50, 2));
    // SAFETY: as before.
    let refused = unsafe { bump.grow(last, bytes(2000), bytes(5000)) };
    assert_eq!(refused, Err(AllocError));
}

struct Doubling;

impl Settings for Doubling {
    const GROWTH_PERCENT: usize = 100;
}

#[test]
fn a_region_is_asked_for_more_than_is_needed_and_then_for_less() {
    let mut memory = Memory::filled(0);
    let asked = RefCell::new(Vec::new());
    let region = Scripted::new(&mut memory, 200, |extent, step| {
        if let kalloc_traits::growth::Step::Grow(extra) = step {
            asked.borrow_mut().push(extra);
            if extent.len + extra > 500 {
                return Err(kalloc_traits::RegionError::Exhausted);
            }
            extent.len += extra;
        }
        Ok(())
    });
    let bump = Bump::<_, Doubling>::with_settings(region);
    filled(&bump, bytes(200), 1);
    filled(&bump, bytes(10), 1);
    assert_eq!(*asked.borrow(), [200]);
    filled(&bump, bytes(200), 1);
    assert_eq!(*asked.borrow(), [200, 400, 10]);
}

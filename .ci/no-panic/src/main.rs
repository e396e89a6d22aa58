//! A program that uses all of the bump's interface and cannot panic.
//!
//! Its panic handler calls a function that does not exist. So it links exactly if nothing in it can reach the handler: not
//! an index, not an overflow, not an `unwrap`. `black_box` keeps the compiler from knowing what is asked.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::hint::black_box;
use core::panic::PanicInfo;

use kalloc_bump::{Arena, Bump, Chain, Direction, Downward, Dropping, Lean, LeanDownward, Settings, Standard};
use kalloc_traits::{AllocError, Heap, Inspect, RangeRegion};

unsafe extern "C" {
    fn the_bump_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it is never linked.
    unsafe { the_bump_can_panic() }
}

struct Words;

impl Settings for Words {
    const DIRECTION: Direction = Direction::Down;
    const MIN_ALIGN: usize = 16;
    const GROWTH_STEP: usize = 4096;
    const GROWTH_PERCENT: usize = 50;
}

/// A value that has to be dropped.
struct Noted(u32);

impl Drop for Noted {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let _ = black_box(use_all::<Standard>());
    let _ = black_box(use_all::<Downward>());
    let _ = black_box(use_all::<Lean>());
    let _ = black_box(use_all::<LeanDownward>());
    let _ = black_box(use_all::<Words>());
    let _ = black_box(use_chain::<Standard>());
    let _ = black_box(use_chain::<Words>());
    if cfg!(feature = "planted") {
        black_box([1, 2, 3])[black_box(7)];
    }
    loop {
        core::hint::spin_loop();
    }
}

fn region() -> RangeRegion {
    // SAFETY: this program is linked and never run.
    unsafe { RangeRegion::new(black_box(0x10_0000), black_box(0x10_0000)) }
}

fn use_all<S: Settings>() -> Result<(), AllocError> {
    let mut bump = Bump::<_, S>::with_settings(region());
    black_box(&bump.init());
    bump.set_limit(black_box(1 << 20));
    black_box(bump.limit());
    use_heap(&bump)?;
    use_arena(&bump)?;
    use_inside(&bump);
    bump.scope(|scope| {
        use_heap(scope)?;
        use_arena(&*scope)?;
        scope.scope(|inner| use_arena(&*inner))
    })?;
    let mut guard = bump.guard();
    use_arena(&guard.scope())?;
    guard.rewind();
    drop(guard);
    let checkpoint = bump.checkpoint();
    use_arena(&bump)?;
    black_box(&bump.release(checkpoint.clone()));
    black_box(&bump.rewind(checkpoint));
    bump.reset();
    let mut dropping = Dropping::new(bump);
    dropping.try_keep(Noted(black_box(1)))?;
    use_arena(dropping.bump())?;
    dropping.reset();
    Ok(())
}

fn use_chain<S: Settings>() -> Result<(), AllocError> {
    let mut chain = Chain::<_, S>::with_settings(Bump::new(region()));
    chain.set_limit(black_box(1 << 20));
    black_box(chain.limit());
    use_heap(&chain)?;
    use_arena(&chain)?;
    chain.chunks(&mut |chunk| {
        black_box(chunk);
    });
    use_inside(&chain);
    chain.scope(|scope| {
        use_heap(scope)?;
        use_arena(&*scope)?;
        scope.scope(|inner| use_arena(&*inner))
    })?;
    let mut guard = chain.guard();
    use_arena(&guard.scope())?;
    guard.rewind();
    drop(guard);
    let checkpoint = chain.checkpoint();
    use_arena(&chain)?;
    black_box(&chain.release(checkpoint.clone()));
    black_box(&chain.rewind(checkpoint));
    chain.reset();
    Ok(())
}

fn use_heap(heap: &impl Heap) -> Result<(), AllocError> {
    let (layout, larger) = (black_box(Layout::new::<u64>()), black_box(Layout::new::<[u128; 9]>()));
    let block = heap.allocate(layout)?.cast();
    black_box(heap.allocate_raw(layout)?);
    black_box(heap.allocate_zeroed(larger)?);
    // SAFETY: each block is live and has that layout.
    unsafe {
        let block = heap.grow(block, layout, larger)?.cast();
        let block = heap.shrink(block, larger, layout)?.cast();
        let block = heap.grow_zeroed(block, layout, larger)?.cast();
        black_box(&heap.resize_in_place(block, larger, larger));
        heap.deallocate(block, larger);
    }
    heap.trim();
    Ok(())
}

fn use_arena<'a>(arena: impl Arena<'a>) -> Result<(), AllocError> {
    let len = black_box(100);
    black_box(arena.try_alloc(black_box(1u32))?.into_mut());
    black_box(arena.try_alloc(Noted(1))?.into_inner());
    black_box(arena.try_alloc_with(|| Noted(black_box(2)))?);
    black_box(&*arena.try_alloc_with(|| black_box([7u64; 20]))?);
    black_box(&arena.try_alloc_try_with(|| black_box(Err::<u32, u8>(3)))?);
    black_box(arena.try_alloc_uninit::<u64>()?.write(4));
    black_box(&*arena.try_alloc_uninit_slice::<u64>(len)?);
    black_box(&*arena.try_alloc_slice_copy(black_box(&[1u16, 2, 3]))?);
    black_box(&*arena.try_alloc_slice_clone(black_box(&[1u16, 2, 3]))?);
    black_box(&*arena.try_alloc_slice_fill(len, 5u8)?);
    black_box(&*arena.try_alloc_slice_fill_with(len, |index| index)?);
    black_box(&*arena.try_alloc_iter((0..len).filter(|n| n % 3 == 0).map(|n| Noted(n as u32)))?);
    black_box(arena.try_alloc_str(black_box("text"))?.leak());
    black_box(&*arena.try_alloc_fmt(format_args!("{} {}", black_box(7u32), black_box("and")))?);
    Ok(())
}

fn use_inside(inside: &impl Inspect) {
    black_box((inside.stats(), inside.verify().is_ok(), inside.next_run(black_box(0))));
    black_box(inside.owns(black_box(core::ptr::NonNull::dangling())));
    inside.walk(&mut |run| {
        black_box(run);
    });
}

//! Long random programs beside a model of the bump that is simple enough to believe.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_bump::Bump;
use kalloc_traits::growth::Step;
use kalloc_traits::{AllocError, Heap, Inspect, RegionError};

use crate::common::{Memory, Scripted, fill, is_filled, layout};

/// Xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    fn layout(&mut self) -> Layout {
        let size = match self.below(10) {
            0 => 0,
            1 => 1 + self.below(1000),
            _ => 1 + self.below(64),
        };
        layout(size, 1 << self.below(8))
    }
}

struct Block {
    start: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

impl Block {
    fn end(&self) -> usize {
        self.start.addr().get() + self.layout.size()
    }
}

/// A bump, and the model: the live blocks and where the next one must go.
struct Pair<'a> {
    bump: Bump<Scripted<'a>>,
    start: usize,
    random: Random,
    blocks: Vec<Block>,
    next: usize,
    peak: usize,
    nr_failed: usize,
    nr_served: usize,
    nr_resized: usize,
}

impl Pair<'_> {
    /// Returns where a block must go if the memory is long enough.
    fn place(&self, layout: Layout) -> usize {
        (self.start + self.next).next_multiple_of(layout.align()) - self.start
    }

    /// Takes note of a new block: checks its place, and writes all of it.
    fn note(&mut self, block: NonNull<[u8]>, layout: Layout) {
        assert_eq!(block.len(), layout.size());
        if layout.size() == 0 {
            assert_eq!(block.addr().get(), layout.align());
        } else {
            let place = self.place(layout);
            assert_eq!(block.addr().get(), self.start + place);
            self.next = place + layout.size();
        }
        self.nr_served += 1;
        let byte = self.random.below(256) as u8;
        fill(block.cast(), layout.size(), byte);
        self.blocks.push(Block {
            start: block.cast(),
            layout,
            byte,
        });
    }

    /// Takes note of a request that failed, rightly.
    fn note_failure(&mut self, layout: Layout) {
        assert!(self.place(layout) + layout.size() > self.bump.stats().capacity);
        self.nr_failed += 1;
    }

    fn allocate(&mut self) {
        let layout = self.random.layout();
        let is_zeroed = self.random.below(4) == 0;
        let block = match is_zeroed {
            true => self.bump.allocate_zeroed(layout),
            false => self.bump.allocate(layout),
        };
        match block {
            Ok(block) => {
                assert!(!is_zeroed || is_filled(block.cast(), layout.size(), 0));
                self.note(block, layout);
            }
            Err(AllocError) => self.note_failure(layout),
        }
    }

    /// Takes a block out of the model, half of the time the last one, and checks its bytes.
    fn pick(&mut self) -> Option<Block> {
        let bound = self.blocks.len();
        if bound == 0 {
            return None;
        }
        let index = match self.random.below(2) {
            0 => bound - 1,
            _ => self.random.below(bound),
        };
        let block = self.blocks.swap_remove(index);
        assert!(is_filled(block.start, block.layout.size(), block.byte));
        Some(block)
    }

    /// Takes note of a block that is gone.
    fn note_free(&mut self, block: &Block) {
        let is_alone = self.blocks.iter().all(|other| other.layout.size() == 0);
        if block.layout.size() == 0 {
        } else if is_alone {
            self.next = 0;
        } else if block.end() == self.start + self.next {
            self.next -= block.layout.size();
        }
    }

    fn free(&mut self) {
        if let Some(block) = self.pick() {
            // SAFETY: the block is live, and its layout is this one.
            unsafe { self.bump.deallocate(block.start, block.layout) };
            self.note_free(&block);
        }
    }

    fn resize_in_place(&mut self) {
        let Some(mut block) = self.pick() else { return };
        let new = self.random.layout();
        let is_last = block.layout.size() != 0 && block.end() == self.start + self.next;
        let room = self.bump.stats().free + block.layout.size();
        let fits = new.size() <= if is_last { room } else { block.layout.size() };
        let is_empty = block.layout.size() == 0 || new.size() == 0;
        let can = fits && !is_empty && block.start.addr().get() % new.align() == 0;

        // SAFETY: the block is live, and its layout is this one.
        let resized = unsafe { self.bump.resize_in_place(block.start, block.layout, new) };
        assert_eq!(resized.is_ok(), can);
        if let Ok(resized) = resized {
            assert_eq!((resized.cast(), resized.len()), (block.start, new.size()));
            self.nr_resized += 1;
            let kept = block.layout.size().min(new.size());
            assert!(is_filled(resized.cast(), kept, block.byte));
            fill(resized.cast(), new.size(), block.byte);
            if is_last {
                self.next = block.end() - block.layout.size() + new.size() - self.start;
            }
            block = Block {
                start: resized.cast(),
                layout: new,
                ..block
            };
        }
        self.blocks.push(block);
    }

    fn reset(&mut self) {
        self.bump.reset();
        self.blocks.clear();
        self.next = 0;
    }

    fn step(&mut self) {
        match self.random.below(1000) {
            0..=1 => self.reset(),
            2..=450 => self.allocate(),
            451..=800 => self.free(),
            _ => self.resize_in_place(),
        }
        self.check();
    }

    fn check(&mut self) {
        let used = self.blocks.iter().map(|block| block.layout.size()).sum();
        self.peak = self.peak.max(used);
        let stats = self.bump.stats();
        assert_eq!(self.bump.verify(), Ok(()));
        assert_eq!(stats.used, used);
        assert_eq!(
            stats.live_blocks,
            self.blocks.iter().filter(|block| block.layout.size() != 0).count()
        );
        assert_eq!(stats.peak_used, self.peak);
        assert_eq!(stats.free, stats.capacity - self.next);
        assert_eq!(stats.used + stats.free + stats.cached, stats.capacity);
        assert_eq!(stats.failed_requests, self.nr_failed);
    }
}

#[test]
fn the_bump_does_what_the_model_does() {
    let (nr_programs, nr_steps) = if cfg!(miri) { (3, 400) } else { (500, 2000) };
    for seed in 1..=nr_programs {
        let mut memory = Memory::filled(0);
        let start = memory.0.as_ptr().addr();
        let mut mood = Random(seed * 77);
        let region = Scripted::new(&mut memory, 64, move |extent, step| {
            extent.is_zeroed = true;
            let Step::Grow(extra) = step else { return Ok(()) };
            let wish = match mood.below(6) {
                0 => return Err(RegionError::Exhausted),
                1 => extra / 2,
                2 => extra + 100,
                _ => extra,
            };
            extent.len = 4096.min(extent.len.saturating_add(wish));
            Ok(())
        });
        let mut pair = Pair {
            bump: Bump::new(region),
            start,
            random: Random(seed * 0x9E37_79B9),
            blocks: Vec::new(),
            next: 0,
            peak: 0,
            nr_failed: 0,
            nr_served: 0,
            nr_resized: 0,
        };
        for _ in 0..nr_steps {
            pair.step();
        }
        // The program has tried everything often enough to say something.
        let often = nr_steps / 50;
        assert!(pair.nr_served > often && pair.nr_failed > often && pair.nr_resized > often);
        for block in &pair.blocks {
            assert!(is_filled(block.start, block.layout.size(), block.byte));
        }
    }
}

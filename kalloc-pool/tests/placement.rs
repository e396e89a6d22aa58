//! Where the policies that promise a place put each block, against a model that is too simple to be wrong.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, Tiny};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_traits::{Heap, Inspect, RunKind};

const STEPS: usize = if cfg!(miri) { 60 } else { 150_000 };
const RESERVE: usize = if cfg!(miri) { 1 << 14 } else { 1 << 20 };

type Heaped<C> = Pool<GuardedRegion, C>;

/// The free runs of a heap, in units of 8 bytes: where each starts, and how long it is.
#[derive(Clone, Default)]
struct Model {
    free: BTreeMap<usize, usize>,
    /// Where the free end of the region ends.
    top_end: usize,
}

/// Which of the runs gets a request.
type Policy = fn(&Model, len: usize, align: usize) -> Option<usize>;

impl Model {
    fn first_fit(&self, len: usize, align: usize) -> Option<usize> {
        self.places(len, align).min_by_key(|&(_, _, place)| place).map(|p| p.2)
    }

    fn best_fit(&self, len: usize, align: usize) -> Option<usize> {
        let by_size = |&(start, len, _): &(usize, usize, usize)| (start + len == self.top_end, len, start);
        self.places(len, align).min_by_key(by_size).map(|p| p.2)
    }

    /// Returns the runs that have room, each with its length and the place in it.
    fn places(&self, len: usize, align: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        self.free.iter().filter_map(move |(&start, &run)| {
            let place = start.next_multiple_of((align / 8).max(1));
            (place + len <= start + run).then_some((start, run, place))
        })
    }

    fn take(&mut self, place: usize, len: usize) {
        let (&start, &run) = self.free.range(..=place).next_back().unwrap();
        assert!(place + len <= start + run, "not free");
        self.free.remove(&start);
        if start < place {
            self.free.insert(start, place - start);
        }
        if place + len < start + run {
            self.free.insert(place + len, start + run - place - len);
        }
    }

    fn give(&mut self, mut start: usize, mut len: usize) {
        if let Some(behind) = self.free.remove(&(start + len)) {
            len += behind;
        }
        if let Some((&before, &run)) = self.free.range(..start).next_back() {
            if before + run == start {
                start = before;
                len += run;
            }
        }
        self.free.insert(start, len);
    }

    /// Returns the free memory of a heap that has just grown.
    fn of<C: Config>(pool: &Heaped<C>) -> Self {
        let mut model = Self::default();
        pool.walk(&mut |run| {
            assert_ne!(run.kind, RunKind::Cached);
            if run.kind == RunKind::Free {
                model.free.insert(run.start / 8, run.len / 8);
                model.top_end = (run.start + run.len) / 8;
            }
        });
        model
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % below
    }

    /// Small blocks most often, and all alignments that a region of some KiB can serve.
    fn layout(&mut self) -> Layout {
        let size = match self.below(20) {
            0 => 1 + self.below(3000),
            1..8 => 1 + self.below(300),
            _ => 1 + self.below(40),
        };
        let align = match self.below(4) {
            0 => 1 << self.below(10),
            _ => 8,
        };
        Layout::from_size_align(size, align).unwrap()
    }
}

/// A heap, the model of its free memory, and what lives in it.
struct Pair<C: Config> {
    pool: Heaped<C>,
    model: Model,
    policy: Policy,
    live: Vec<(NonNull<u8>, Layout)>,
    growths: usize,
}

impl<C: Config> Pair<C> {
    fn new(shape: Shape, policy: Policy) -> Self {
        let pool = Heaped::<C>::with_config(GuardedRegion::of(shape));
        pool.init().unwrap();
        Self {
            model: Model::of(&pool),
            pool,
            policy,
            live: Vec::new(),
            growths: 0,
        }
    }

    fn allocate(&mut self, layout: Layout) {
        let capacity = self.pool.stats().capacity;
        let block = self.pool.allocate(layout).ok().map(NonNull::cast::<u8>);
        let len = layout.size().div_ceil(8);
        let place = block.map(|block| block.addr().get() / 8);
        if self.pool.stats().capacity != capacity {
            assert_eq!(
                (self.policy)(&self.model, len, layout.align()),
                None,
                "grown without need"
            );
            self.growths += 1;
            // What it has now, without the block: that must be where it goes.
            self.model = Model::of(&self.pool);
            if let Some(place) = place {
                self.model.top_end = self.model.top_end.max(place + len);
                self.model.give(place, len);
            }
        }
        let expected = (self.policy)(&self.model, len, layout.align());
        assert_eq!(place, expected, "{layout:?}");
        if let (Some(block), Some(place)) = (block, place) {
            self.model.take(place, len);
            self.live.push((block, layout));
        }
    }

    fn free(&mut self, index: usize) {
        let (block, layout) = self.live.swap_remove(index);
        // SAFETY: the block is live and has this layout.
        unsafe { self.pool.deallocate(block, layout) };
        self.model.give(block.addr().get() / 8, layout.size().div_ceil(8));
    }

    fn resize(&mut self, index: usize, size: usize) {
        let (block, old) = self.live[index];
        let new = Layout::from_size_align(size, old.align()).unwrap();
        // SAFETY: the block is live and has this layout.
        let resized = unsafe { self.pool.resize_in_place(block, old, new) };
        let (end, before, after) = (block.addr().get() / 8, old.size().div_ceil(8), size.div_ceil(8));
        if after < before {
            self.model.give(end + after, before - after);
        } else if after > before {
            let has_room = self
                .model
                .free
                .get(&(end + before))
                .is_some_and(|&run| run >= after - before);
            assert_eq!(resized.is_ok(), has_room, "{old:?} to {size}");
            if !has_room {
                return;
            }
            self.model.take(end + before, after - before);
        }
        self.live[index] = (resized.unwrap().cast(), new);
    }

    /// Takes a random step, with some `target` blocks alive in the long run.
    fn step(&mut self, random: &mut Random, target: usize) {
        let index = random.below(self.live.len().max(1));
        match random.below(8) {
            0 if !self.live.is_empty() => {
                let size = random.layout().size();
                self.resize(index, size);
            }
            1 => self.pool.trim(),
            _ if random.below(2 * target) >= self.live.len() => {
                let layout = random.layout();
                self.allocate(layout);
            }
            _ => self.free(index),
        }
    }
}

/// Plays random steps over a region of one size, and over one that grows from next to nothing.
fn test<C: Config>(policy: Policy) {
    let shapes = [
        (Shape::new(if cfg!(miri) { 6_000 } else { 60_000 }), 300),
        (Shape::new(700).with_reserve(RESERVE).with_base(64, 24), 1500),
    ];
    for (seed, (shape, target)) in shapes.into_iter().enumerate() {
        let mut random = Random(seed as u64);
        let mut pair = Pair::<C>::new(shape, policy);
        for step in 0..STEPS {
            pair.step(&mut random, target);
            if step % 512 == 0 {
                pair.pool.verify().unwrap();
            }
        }
        pair.pool.verify().unwrap();
        if !cfg!(miri) {
            assert_eq!(pair.growths > 5, seed == 1, "{}", pair.growths);
            assert!(pair.pool.stats().failed_requests > 0 || seed == 1);
        }
        while !pair.live.is_empty() {
            let index = random.below(pair.live.len());
            pair.free(index);
        }
        pair.pool.verify().unwrap();
        // Granule 0, which nobody gets once the state has moved, parts nothing.
        assert_eq!(pair.model.free, Model::of(&pair.pool).free);
    }
}

#[test]
fn address_ordered_takes_the_lowest_place_that_fits() {
    test::<AddressOrdered>(Model::first_fit);
}

#[test]
fn tiny_takes_the_lowest_place_that_fits() {
    test::<Tiny>(Model::first_fit);
}

#[test]
fn best_fitting_takes_the_smallest_block_that_fits_and_the_lowest_of_those() {
    test::<BestFitting>(Model::best_fit);
}

//! The search itself: breadth first, a generation at a time.

use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt::{self, Write};

use kalloc_traits::RunKind;

use super::memory::Image;
use super::pieces::Pieces;
use super::place::Place;
use super::seen::{Hash, Seen};
use super::step::{Lent, Step, World};
use crate::drive::failure::{Failure, Verdict, ensure};

/// Where a search starts, what it asks beside the contract, and where it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) depth: usize,
    pub(super) transitions: u64,
    pub(super) fills_first: bool,
    pub(super) granule: Option<usize>,
    pub(super) becomes_whole: bool,
    /// In how many pieces the heap's memory lies.
    pub(super) pieces: usize,
    /// What a heap keeps in free runs and in cached ones.
    pub(super) kept: Option<[Kept; 2]>,
}

/// Which bytes of a run of free memory a heap keeps state in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Where they begin, from the start of the run.
    pub from: usize,
    /// Where they end, from the start of the run.
    pub to: usize,
    /// And so many at its end.
    pub tail: usize,
}

/// What came of an exploration in which nothing broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// States that are different, or where that cannot be known, all.
    pub states: u64,
    /// Steps that were taken from them.
    pub transitions: u64,
    /// Steps in which a request was refused.
    pub refused: u64,
    /// How many steps the farthest state is away from the first.
    pub depth: usize,
    /// Whether every step from every state was taken: nothing was cut off.
    pub is_closed: bool,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_closed { "closed" } else { "cut off" };
        write!(
            f,
            "{} states, {} transitions, {} refused, depth {}, {end}",
            self.states, self.transitions, self.refused, self.depth
        )
    }
}

/// The states that are as many steps away from the first.
#[derive(Default)]
struct Generation {
    images: Image,
    lent: Vec<Lent>,
    /// Where the blocks of each state end in `lent`.
    ends: Vec<usize>,
}

impl Generation {
    /// Appends a state.
    fn push(&mut self, image: &Image, lent: &[Lent]) {
        self.images.extend_from_slice(image);
        self.lent.extend_from_slice(lent);
        self.ends.push(self.lent.len());
    }

    /// Returns the blocks of a state.
    fn lent(&self, index: usize) -> &[Lent] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.lent[start..self.ends[index]]
    }
}

/// An exploration in progress.
pub(super) struct Search<'s> {
    limits: Limits,
    world: World<'s>,
    /// The largest block of each piece of the fresh heap.
    largest: Pieces,
    root: Image,
    seen: Seen,
    /// The state before each state, and the step between. The first has none.
    origins: Vec<(u32, Step)>,
    explored: Explored,
}

impl<'s> Search<'s> {
    /// Returns the search that has not begun.
    pub(super) fn new(layouts: &'s [Layout], limits: Limits) -> Self {
        Self {
            limits,
            world: World::new(layouts),
            largest: Pieces::default(),
            root: Image::new(),
            seen: Seen::new(),
            origins: Vec::new(),
            explored: Explored::default(),
        }
    }

    /// Searches, and says how far it came.
    pub(super) fn run(mut self, place: &mut dyn Place) -> Verdict<Explored> {
        self.start(place)?;
        self.spread(place)?;
        Ok(self.explored)
    }

    /// Brings the heap to where the search starts.
    fn start(&mut self, place: &mut dyn Place) -> Verdict {
        self.largest = Pieces::of(place, self.limits.pieces);
        self.begin(place)?;
        self.world.complete = match self.limits.granule {
            Some(granule) => Some((self.largest.fill(place)?, granule)),
            None => None,
        };
        self.begin(place)?;
        self.scrub(place);
        place.save(&mut self.root);
        Ok(())
    }

    /// Makes the heap anew, and fills it if that is wanted.
    fn begin(&mut self, place: &mut dyn Place) -> Verdict {
        place.renew();
        // A region that is too small makes a heap that refuses everything, which can be explored too.
        let _ = place.heap().init();
        if self.limits.fills_first {
            self.largest.fill(place)?;
        }
        Ok(())
    }

    /// Goes from the first state to all others.
    fn spread(&mut self, place: &mut dyn Place) -> Verdict {
        let mut now = Generation::default();
        let mut image = self.root.clone();
        self.arrive(place, &mut image, None, &mut now)?;
        let mut first = 0;
        while !now.ends.is_empty() {
            let is_cut =
                self.explored.depth >= self.limits.depth || self.explored.transitions >= self.limits.transitions;
            if is_cut {
                return Ok(());
            }
            let mut next = Generation::default();
            for index in 0..now.ends.len() {
                self.leave(place, &now, index, first + index, &mut next)?;
            }
            first += now.ends.len();
            self.explored.depth += usize::from(!next.ends.is_empty());
            now = next;
        }
        self.explored.is_closed = true;
        Ok(())
    }

    /// Takes every step from a state.
    fn leave(
        &mut self,
        place: &mut dyn Place,
        now: &Generation,
        index: usize,
        state: usize,
        next: &mut Generation,
    ) -> Verdict {
        let image_len = self.root.len();
        let mut image = Image::new();
        for step in self.world.steps(now.lent(index)) {
            if !place.restore(&now.images[index * image_len..(index + 1) * image_len]) {
                self.retrace(place, state)?;
            }
            self.world.lent.clear();
            self.world.lent.extend_from_slice(now.lent(index));
            let origin = (state as u32, step);
            let served = self
                .world
                .take(place, step)
                .map_err(|failure| self.told(place, origin, failure))?;
            self.explored.transitions += 1;
            self.explored.refused += u64::from(!served);
            self.scrub(place);
            place.save(&mut image);
            self.arrive(place, &mut image, Some(origin), next)?;
        }
        Ok(())
    }

    /// Takes a state in, and checks it if it is new.
    fn arrive(
        &mut self,
        place: &mut dyn Place,
        image: &mut Image,
        origin: Option<(u32, Step)>,
        next: &mut Generation,
    ) -> Verdict {
        let mut hash = Hash::new();
        let is_known = place.describe(image, &mut |bytes| hash.bytes(bytes));
        for lent in &self.world.lent {
            hash.word(u64::from(lent.offset) << 32 | u64::from(lent.extent));
            hash.word(u64::from(lent.layout));
        }
        if is_known && !self.seen.insert(hash.key()) {
            return Ok(());
        }
        next.push(image, &self.world.lent);
        self.explored.states += 1;
        self.origins.push(origin.unwrap_or((0, Step::NONE)));
        assert!(
            u32::try_from(self.origins.len()).is_ok(),
            "a state's number fits 32 bits"
        );
        let last = self.origins.len() - 1;
        self.check(place).map_err(|failure| match origin {
            Some(origin) => self.told(place, origin, failure),
            None => failure.during(format_args!("state {last}, before the first step")),
        })
    }

    /// Checks a state that is new. The heap is not as it was afterwards.
    fn check(&mut self, place: &dyn Place) -> Verdict {
        self.world.check_bytes(place.memory())?;
        if let Some(inside) = place.inside() {
            inside.verify()?;
            let stats = inside.stats();
            let extents = self.world.lent.iter().map(|lent| lent.extent as usize).sum::<usize>();
            let blocks = self.world.lent.len();
            ensure!(
                (stats.used, stats.live_blocks) == (extents, blocks),
                "{blocks} blocks of {extents} bytes are live: {stats:?}"
            );
            ensure!(
                stats.used + stats.free + stats.cached == stats.capacity,
                "{stats:?} do not add up"
            );
            ensure!(
                stats.peak_used >= stats.used,
                "the peak is less than what is used: {stats:?}"
            );
        }
        if self.world.lent.is_empty() && self.limits.becomes_whole {
            place.heap().trim();
            self.largest.demand(place)?;
        }
        Ok(())
    }

    /// Brings free memory that the heap says it does not read back to what it was at first.
    fn scrub(&self, place: &dyn Place) {
        let (Some([free, cached]), Some(inside)) = (self.limits.kept, place.inside()) else {
            return;
        };
        let memory = place.memory();
        inside.walk(&mut |run| {
            let kept = match run.kind {
                RunKind::Free => free,
                RunKind::Cached => cached,
                RunKind::Used => return,
            };
            let start = run.start - memory.start_addr();
            let tail = run.len - kept.tail.min(run.len);
            let pieces = [0..kept.from.min(tail), kept.to.min(tail)..tail];
            for piece in pieces {
                // SAFETY: the run lies in the region and is nobody's; whoever explores says that the heap does not read it.
                unsafe { memory.fill(start + piece.start, piece.len()) };
            }
        });
    }

    /// Makes the heap anew and repeats the steps that led to a state.
    fn retrace(&mut self, place: &mut dyn Place, state: usize) -> Verdict {
        self.begin(place)?;
        self.world.lent.clear();
        for step in self.path(state) {
            self.world.take(place, step)?;
        }
        Ok(())
    }

    /// Returns the steps that led to a state.
    fn path(&self, mut state: usize) -> Vec<Step> {
        let mut path = Vec::new();
        while state != 0 {
            let (before, step) = self.origins[state];
            path.push(step);
            state = before as usize;
        }
        path.reverse();
        path
    }

    /// Puts the program before what broke.
    fn told(&mut self, place: &mut dyn Place, (state, step): (u32, Step), failure: Failure) -> Failure {
        let mut path = self.path(state as usize);
        path.push(step);
        let mut story = String::new();
        let _ = self.tell(place, &path, &mut story);
        failure.during(story)
    }

    /// Writes a program, whose last step may break.
    fn tell(&mut self, place: &mut dyn Place, path: &[Step], story: &mut String) -> fmt::Result {
        let filled = if self.limits.fills_first {
            ", once filled and emptied"
        } else {
            ""
        };
        write!(story, "{} steps from the fresh heap{filled}", path.len())?;
        if self.begin(place).is_err() {
            return Ok(());
        }
        self.world.lent.clear();
        for (index, &step) in path.iter().enumerate() {
            write!(story, "\n  {index:>4}  ")?;
            self.world.tell(step, story)?;
            if self.world.take(place, step).is_err() {
                break;
            }
        }
        write!(story, "\n  ")
    }
}

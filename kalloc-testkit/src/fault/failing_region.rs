//! A region that misbehaves as the contract allows: it refuses, is short or generous, and calls the heap that it feeds.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::Cell;
use core::fmt;

use kalloc_traits::growth::Step;
use kalloc_traits::{RawRegion, RegionError, Span};

use crate::region::{Damage, GuardedRegion, Guards, Shape};

/// How deep claims and growths may nest before the region refuses on its own, so that a heap that recurses comes back.
const DEPTH_LIMIT: u32 = 16;

/// How often a region may be called before it refuses on its own, so that a heap that never gives up comes back.
const CALL_LIMIT: u32 = 10_000;

/// Which growths are refused, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None, as long as there is reserve.
    Never,
    /// This one alone.
    Only(u32),
    /// This one and all that follow.
    From(u32),
}

/// By how much a growth that is not refused makes the region longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yield {
    /// By what was asked for.
    Exact,
    /// By this many bytes less, and it says that all went well.
    Less(usize),
    /// By this many bytes more, if the reserve allows.
    More(usize),
    /// By nothing, and it says that all went well.
    Nothing,
}

/// What is called in the middle of a claim or a growth. It must not panic: a heap would abort the process.
pub type Hook = Box<dyn FnMut(Step)>;

/// How a [`FailingRegion`] fails. The default does not.
pub struct Plan {
    /// What a claim is refused with, if anything.
    pub claim: Result<(), RegionError>,
    /// How many claims are refused so, from the first on.
    pub refused_claims: u32,
    /// Which growths are refused.
    pub refusal: Refusal,
    /// What the others bring.
    pub yields: Yield,
    /// What is called meanwhile.
    pub hook: Option<Hook>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            claim: Ok(()),
            refused_claims: u32::MAX,
            refusal: Refusal::Never,
            yields: Yield::Exact,
            hook: None,
        }
    }
}

/// How to make a region again that fails as another did.
#[derive(Clone, Debug)]
pub struct Recipe {
    shape: Shape,
    claim: Result<(), RegionError>,
    refused_claims: u32,
    refusal: Refusal,
    yields: Yield,
}

impl Recipe {
    /// Returns a fresh region, and the handle that watches it.
    pub fn region(&self) -> (FailingRegion, Watch) {
        let plan = Plan {
            claim: self.claim,
            refused_claims: self.refused_claims,
            refusal: self.refusal,
            yields: self.yields,
            hook: None,
        };
        FailingRegion::new(self.shape.clone(), plan)
    }
}

/// What a region noticed.
#[derive(Default)]
struct Log {
    claims: Cell<u32>,
    has_claim: Cell<bool>,
    growths: Cell<u32>,
    depth: Cell<u32>,
    deepest: Cell<u32>,
    early: Cell<u32>,
}

/// Adds one to a counter and returns its old value.
fn count(counter: &Cell<u32>) -> u32 {
    let old = counter.get();
    counter.set(old.saturating_add(1));
    old
}

/// A [`GuardedRegion`] that fails by a plan, and counts how it is used.
pub struct FailingRegion {
    inner: GuardedRegion,
    shape: Shape,
    plan: Plan,
    log: Rc<Log>,
    /// Where the region would end if all growths had brought what they were said to.
    believed: usize,
}

impl fmt::Debug for FailingRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailingRegion")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl FailingRegion {
    /// Returns a region of a shape that fails by a plan, and the handle that watches it.
    pub fn new(shape: Shape, plan: Plan) -> (Self, Watch) {
        let inner = GuardedRegion::of(shape.clone());
        let log = Rc::new(Log::default());
        let watch = Watch {
            guards: inner.guards(),
            log: Rc::clone(&log),
        };
        let believed = inner.span().len();
        let region = Self {
            inner,
            shape,
            plan,
            log,
            believed,
        };
        (region, watch)
    }

    /// Returns how to make such a region again; `None` if it calls something, which may not be called again.
    pub fn recipe(&self) -> Option<Recipe> {
        let Plan {
            claim,
            refused_claims,
            refusal,
            yields,
            ref hook,
        } = self.plan;
        let shape = self.shape.clone();
        hook.is_none().then_some(Recipe {
            shape,
            claim,
            refused_claims,
            refusal,
            yields,
        })
    }

    /// Runs a step inside of the hook's reach; `Err` if the heap recurses or never gives up.
    fn step(&mut self, step: Step, calls: u32) -> Result<(), RegionError> {
        let depth = count(&self.log.depth) + 1;
        self.log.deepest.set(self.log.deepest.get().max(depth));
        let result = if depth > DEPTH_LIMIT || calls > CALL_LIMIT {
            Err(RegionError::Exhausted)
        } else {
            if let Some(hook) = &mut self.plan.hook {
                hook(step);
            }
            Ok(())
        };
        self.log.depth.set(self.log.depth.get() - 1);
        result
    }
}

// SAFETY: the memory is the guarded region's, which changes only when this one is claimed, grown or shrunk. A growth that
// brings less than it says is allowed: the heap reads the span again.
unsafe impl RawRegion for FailingRegion {
    fn claim(&mut self) -> Result<(), RegionError> {
        let calls = count(&self.log.claims);
        self.step(Step::Claim, calls)?;
        if calls < self.plan.refused_claims {
            self.plan.claim?;
        }
        self.log.has_claim.set(true);
        Ok(())
    }

    fn span(&self) -> Span {
        if !self.log.has_claim.get() {
            count(&self.log.early);
        }
        self.inner.span()
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        let calls = count(&self.log.growths);
        self.step(Step::Grow(min_extra), calls)?;
        let is_refused = match self.plan.refusal {
            Refusal::Never => false,
            Refusal::Only(index) => calls == index,
            Refusal::From(index) => calls >= index,
        };
        if is_refused {
            return Err(RegionError::Exhausted);
        }
        // A heap that believes what it is told stays inside of the reserve, where what it does is seen and harms nobody.
        let reserve = self.inner.span().len() + self.inner.room();
        self.believed = self.believed.saturating_add(min_extra);
        if self.believed > reserve {
            return Err(RegionError::Exhausted);
        }
        match self.plan.yields {
            Yield::Nothing => Ok(()),
            Yield::Exact => self.inner.grow(min_extra),
            Yield::Less(less) => self.inner.grow(min_extra.saturating_sub(less)),
            Yield::More(more) => {
                let generous = min_extra.saturating_add(more).min(self.inner.room());
                self.believed += generous.saturating_sub(min_extra);
                self.inner.grow(generous.max(min_extra))
            }
        }
    }

    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        self.inner.shrink(bytes)
    }

    fn is_zeroed(&self) -> bool {
        self.inner.is_zeroed()
    }
}

/// Watches a [`FailingRegion`] that belongs to a heap.
#[derive(Clone)]
pub struct Watch {
    guards: Guards,
    log: Rc<Log>,
}

impl Watch {
    /// Checks the bytes around the region.
    ///
    /// # Errors
    ///
    /// The first that was written.
    pub fn check(&self) -> Result<(), Damage> {
        self.guards.check()
    }

    /// Returns the guards.
    pub const fn guards(&self) -> &Guards {
        &self.guards
    }

    /// Returns where the region lies now.
    pub fn span(&self) -> Span {
        self.guards.span()
    }

    /// Returns how often it was claimed.
    pub fn claims(&self) -> u32 {
        self.log.claims.get()
    }

    /// Returns how often it was asked to grow.
    pub fn growths(&self) -> u32 {
        self.log.growths.get()
    }

    /// Returns how many claims and growths ran inside of one another at the worst.
    pub fn deepest(&self) -> u32 {
        self.log.deepest.get()
    }

    /// Returns how often the span was asked for without a successful claim.
    pub fn early_spans(&self) -> u32 {
        self.log.early.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(yields: Yield, refusal: Refusal) -> (FailingRegion, Watch) {
        let plan = Plan {
            yields,
            refusal,
            ..Plan::default()
        };
        FailingRegion::new(Shape::new(100).with_reserve(1000), plan)
    }

    #[test]
    fn growths_bring_what_the_plan_says() {
        for (yields, len) in [
            (Yield::Exact, 150),
            (Yield::Less(20), 130),
            (Yield::Less(80), 100),
            (Yield::More(30), 180),
            (Yield::More(5000), 1000),
            (Yield::Nothing, 100),
        ] {
            let (mut region, watch) = region(yields, Refusal::Never);
            assert_eq!(region.grow(50), Ok(()));
            assert_eq!((region.span().len(), watch.growths()), (len, 1));
        }
    }

    #[test]
    fn growths_are_refused_by_number() {
        for (refusal, answers) in [
            (Refusal::Never, [true; 4]),
            (Refusal::Only(1), [true, false, true, true]),
            (Refusal::From(2), [true, true, false, false]),
        ] {
            let (mut region, _) = region(Yield::Exact, refusal);
            assert_eq!([(); 4].map(|()| region.grow(1).is_ok()), answers);
        }
    }

    #[test]
    fn a_watch_notices_a_span_without_a_claim() {
        let plan = Plan {
            claim: Err(RegionError::Claimed),
            ..Plan::default()
        };
        let (mut region, watch) = FailingRegion::new(Shape::new(10), plan);
        assert_eq!(region.claim(), Err(RegionError::Claimed));
        assert_eq!((watch.claims(), watch.early_spans()), (1, 0));
        region.span();
        assert_eq!(watch.early_spans(), 1);
    }
}

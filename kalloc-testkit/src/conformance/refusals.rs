//! Three programs as users write them, with a refusal at each of their requests, one after the other: vectors, a map, an
//! arena. See [`drive::reference`](crate::drive::reference).

use super::subject::{Builder, Subject};
use crate::drive::reference::{Program, User, arena, map, vectors};
use crate::drive::{Checked, Verdict, ensure};
use crate::fault::{FailingHeap, FailingRegion, Plan, Refusal};
use crate::region::Shape;
use crate::workload::ROOM;

/// More requests than a program makes; a heap that is asked more often does not come to an end.
const MOST: u32 = if cfg!(miri) { 6 } else { 4000 };

/// Vectors that double bear a refusal at any request.
pub fn a_vector_bears_any_refusal(subject: &Subject<'_>) -> Verdict {
    at_every_request(subject, vectors)
}

/// So does a map that is rebuilt when it is half full.
pub fn a_map_bears_any_refusal(subject: &Subject<'_>) -> Verdict {
    at_every_request(subject, map)
}

/// So does an arena of chunks.
pub fn an_arena_bears_any_refusal(subject: &Subject<'_>) -> Verdict {
    at_every_request(subject, arena)
}

/// `inspect`: whichever growth of the region is refused, vectors go on, and the refused request changed nothing.
pub fn a_vector_bears_any_refused_growth(builder: &Builder<'_>) -> Verdict {
    at_every_growth(builder, vectors)
}

/// `inspect`: so does a map.
pub fn a_map_bears_any_refused_growth(builder: &Builder<'_>) -> Verdict {
    at_every_growth(builder, map)
}

/// `inspect`: so does an arena.
pub fn an_arena_bears_any_refused_growth(builder: &Builder<'_>) -> Verdict {
    at_every_growth(builder, arena)
}

/// Runs a program once for each of its requests, which is refused.
fn at_every_request(subject: &Subject<'_>, program: Program) -> Verdict {
    for index in 0..MOST {
        let heap = subject.make();
        let failing = FailingHeap::new(&*heap, Refusal::Only(index));
        let mut checked = Checked::new(&failing);
        let mut user = User::new(&mut checked, heap.inside().ok());
        program(&mut user).map_err(|failure| failure.during(format_args!("request {index} was refused")))?;
        if index >= failing.requests() {
            return Ok(());
        }
        ensure!(user.refusals() > 0, "request {index} was to be refused, and was not");
    }
    ensure!(cfg!(miri), "the program has made {MOST} requests, and does not end");
    Ok(())
}

/// Runs a program once for each growth of the region, which is refused.
fn at_every_growth(builder: &Builder<'_>, program: Program) -> Verdict {
    for index in 0..MOST {
        let plan = Plan {
            refusal: Refusal::Only(index),
            ..Plan::default()
        };
        let shape = Shape::new(256).with_reserve(ROOM * 2).with_base(64, 8);
        let (region, watch) = FailingRegion::new(shape, plan);
        let heap = builder.build(region);
        let inside = heap.inside()?;
        let mut checked = Checked::new(&*heap);
        let mut user = User::new(&mut checked, Some(inside));
        let run = program(&mut user).and_then(|()| Ok(watch.check()?));
        run.map_err(|failure| failure.during(format_args!("growth {index} was refused")))?;
        if index >= watch.growths() {
            return Ok(());
        }
    }
    ensure!(
        cfg!(miri),
        "the region was asked {MOST} times to grow, and the program does not end"
    );
    Ok(())
}

//! What a pool asks of its region, and what it does not.

use kalloc_pool::Pool;
use kalloc_testkit::fault::{FailingRegion, Plan};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_traits::{Inspect, RegionError};

#[test]
fn a_region_that_is_to_grow_is_claimed_before() {
    let plan = Plan {
        claim: Err(RegionError::Exhausted),
        ..Plan::default()
    };
    let (region, watch) = FailingRegion::new(Shape::new(4096).with_reserve(8192), plan);
    let pool = Pool::new(region);
    assert_eq!(pool.extend(1000), Err(RegionError::Exhausted));
    assert_eq!((watch.early_spans(), watch.growths()), (0, 0));
    assert_eq!(pool.stats().capacity, 0);
}

#[test]
fn less_than_a_granule_is_not_given_back() {
    let pool = Pool::new(GuardedRegion::new(4096));
    pool.init().unwrap();
    assert_eq!(pool.truncate(7), Err(RegionError::Shortfall));
    assert_eq!(pool.truncate(8), Ok(8));
}

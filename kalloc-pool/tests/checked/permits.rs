//! What a pool says of a call beforehand.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{Checked, Pool, Standard};
use kalloc_traits::{Heap, SliceRegion};

#[test]
fn a_checked_pool_permits_what_it_would_take_and_any_other_pool_permits_all() {
    let mut memory = Box::new_uninit_slice(4096);
    let (checked, other) = memory.split_at_mut(2048);
    let checked = Pool::<_, Checked<Standard>>::with_config(SliceRegion::new(checked));
    let other = Pool::new(SliceRegion::new(other));
    let layout = Layout::new::<[u64; 5]>();
    let block = checked.allocate(layout).unwrap().cast::<u8>();
    for (size, is_right) in [(40, true), (33, true), (32, false), (41, false)] {
        let claimed = Layout::from_size_align(size, 8).unwrap();
        assert_eq!(checked.permits(block, claimed), is_right, "{size}");
        assert!(other.permits(block, claimed));
    }
    // Of no size there is no block.
    assert!(checked.permits(NonNull::dangling(), Layout::new::<()>()));
    assert_eq!(checked.misuses(), 2);
}

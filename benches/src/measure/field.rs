//! The allocators that are measured.

use kalloc_pool::{AddressOrdered, BestFitting, RealTime, Standard, Tiny};

use super::Job;
use crate::peers::{Buddy, LinkedList, Nothing, Peer, Pool, Rlsf, Talc};

/// Makes the list of names and the way from a name to its type.
macro_rules! field {
    ($($peer:ty),* $(,)?) => {
        /// The names of the allocators, in the order of the tables.
        pub const NAMES: &[&str] = &[$(<$peer>::NAME),*];

        /// Does the job on the allocator of this name, or on [`Nothing`]. `None` if it cannot, or if nobody has this name.
        pub fn on(name: &str, job: &impl Job) -> Option<Vec<f64>> {
            $(
                if name == <$peer>::NAME {
                    return job.run::<$peer>();
                }
            )*
            (name == Nothing::NAME).then(|| job.run::<Nothing>())?
        }
    };
}

field![
    Pool<Standard>,
    Pool<RealTime>,
    Pool<AddressOrdered>,
    Pool<BestFitting>,
    Pool<Tiny>,
    Talc,
    Rlsf,
    LinkedList,
    Buddy,
];

/// The allocator that the others' time is compared with.
pub const YARDSTICK: &str = Talc::NAME;

#[cfg(test)]
mod tests {
    use super::*;

    struct SizeOf;

    impl Job for SizeOf {
        fn run<P: Peer>(&self) -> Option<Vec<f64>> {
            Some(vec![size_of::<P>() as f64])
        }
    }

    #[test]
    fn every_name_leads_to_an_allocator_of_its_own() {
        assert!(NAMES.iter().all(|name| on(name, &SizeOf).is_some()));
        assert_eq!(on(YARDSTICK, &SizeOf), Some(vec![size_of::<Talc>() as f64]));
        assert_eq!(on(Nothing::NAME, &SizeOf), Some(vec![size_of::<Nothing>() as f64]));
        assert_eq!(on("nobody", &SizeOf), None);
    }
}

//! What can go wrong, as small closed types.
//!
//! `thiserror-no-std` derives `Display` alone, but also implements `std::error::Error` as soon as anyone in the build
//! turns its `std` feature on. The derive therefore stands on a private enum, and the public type around it implements
//! `core::error::Error` by hand: exactly one implementation, whatever the features.

use core::error::Error;
use core::fmt;

/// Emits a public enum whose `Display` comes from `thiserror-no-std`, and its `core::error::Error`.
macro_rules! error_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[doc = $doc:literal])* #[error($text:literal)] $variant:ident,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $doc])* $variant,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                #[derive(Debug, thiserror_no_std::Error)]
                enum Message {
                    $(#[error($text)] $variant,)*
                }

                match self {
                    $(Self::$variant => Message::$variant.fmt(f),)*
                }
            }
        }

        impl Error for $name {}
    };
}

/// The heap cannot serve the request: no room, or a size or alignment that no region could satisfy.
///
/// The heap and all of its blocks are as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AllocError;

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[derive(Debug, thiserror_no_std::Error)]
        #[error("the heap cannot serve this request")]
        struct Message;

        Message.fmt(f)
    }
}

impl Error for AllocError {}

error_enum! {
    /// Why a region could not be claimed, grown or shrunk. The region is as before.
    pub enum RegionError {
        /// The region never changes its size.
        #[error("the region has a fixed size")]
        Fixed,
        /// The source of the memory has no more of it, or refused.
        #[error("the region's source has no more memory to give")]
        Exhausted,
        /// The region is being claimed or grown already: its source called the heap that it feeds.
        #[error("the region is being claimed or grown already")]
        Busy,
        /// Another region value owns this memory.
        #[error("the region's memory is claimed by another region value")]
        Claimed,
        /// The bytes to be given back are more than the region holds, or fewer than it can give.
        #[error("the region cannot give back that many bytes")]
        Shortfall,
    }
}

error_enum! {
    /// Why a heap could not be laid out on its region. The heap stays usable: it is empty and refuses requests.
    pub enum InitError {
        /// The region's memory is claimed by another region value.
        #[error("the region's memory is claimed by another region value")]
        Claimed,
        /// The region could not be claimed for another reason.
        #[error("the region could not be claimed")]
        Refused,
        /// The region's own code called the heap while being claimed.
        #[error("the heap is being laid out already")]
        Busy,
        /// The region cannot hold the heap's own state and one block.
        #[error("the region is too small for the heap's state and one block")]
        TooSmall,
    }
}

impl From<RegionError> for InitError {
    fn from(error: RegionError) -> Self {
        match error {
            RegionError::Claimed => Self::Claimed,
            RegionError::Busy => Self::Busy,
            RegionError::Fixed | RegionError::Exhausted | RegionError::Shortfall => Self::Refused,
        }
    }
}

/// A heap's state contradicts itself: somebody wrote where they should not, or the heap has a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Corruption {
    /// The number of the broken invariant in `docs/invariants.md`, such as `"P3"`.
    pub invariant: &'static str,
    /// Where it shows: bytes from the start of the region.
    pub offset: usize,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[derive(Debug, thiserror_no_std::Error)]
        #[error("invariant {0} does not hold at byte {1} of the region")]
        struct Message(&'static str, usize);

        Message(self.invariant, self.offset).fmt(f)
    }
}

impl Error for Corruption {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn every_error_says_what_happened_and_is_an_error() {
        let errors: [&dyn Error; 4] = [
            &AllocError,
            &RegionError::Busy,
            &InitError::TooSmall,
            &Corruption {
                invariant: "P3",
                offset: 64,
            },
        ];
        for error in errors {
            assert!(error.to_string().len() > 10);
        }
        assert_eq!(
            errors[3].to_string(),
            "invariant P3 does not hold at byte 64 of the region"
        );
    }
}

//! What a heap should do, in the plainest terms: `shadow` knows which blocks are live and what is in them, `naive`
//! knows which memory is free.

pub mod naive;
pub mod shadow;

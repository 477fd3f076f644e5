//! Chance, for those who are given it by `main`.

use std::hash::{BuildHasher, RandomState};

/// Bits that differ from call to call and from process to process. They spread retries and tell owners
/// apart; they are no secret, so the standard library's seeds of its hash maps are random enough.
#[must_use]
pub fn bits() -> u64 {
    RandomState::new().hash_one(0_u8)
}

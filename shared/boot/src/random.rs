//! Random bits. Only `main` reads them and passes them on.

use std::hash::{BuildHasher, RandomState};

/// Bits that differ from call to call and from process to process. They spread retries and tell
/// lease owners apart. They need not be secret, so the seeds of the standard library's hash maps
/// are random enough.
#[must_use]
pub fn random_bits() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// Bytes from the operating system that nobody can guess. `None`: it has returned none.
#[must_use]
pub fn secret_bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).ok().map(|()| bytes)
}

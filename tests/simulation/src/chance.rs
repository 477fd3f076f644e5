//! Chance that depends on a seed and on names, not on the order of the draws.
//!
//! The third write of a media file draws the same value whatever other files do meanwhile, so a
//! small change of the code leaves the rest of a seed's history unchanged.

use std::{fmt::Display, time::Duration};

/// A source of random choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The root of a world's chance.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(finish_splitmix64(seed ^ 0x77_6f72_6c64))
    }

    /// The chance of one named event.
    #[must_use]
    pub fn named(self, name: impl Display) -> Self {
        let bytes = name.to_string();
        let hash =
            bytes.bytes().fold(self.0, |hash, byte| finish_splitmix64(hash ^ u64::from(byte)));
        Self(finish_splitmix64(hash))
    }

    /// A random number of 64 bits.
    #[must_use]
    pub fn number(self) -> u64 {
        finish_splitmix64(self.0)
    }

    /// A random number below `limit`, which must not be zero.
    #[must_use]
    pub fn below(self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }

    /// True in `per_mille` of a thousand cases.
    #[must_use]
    pub fn happens(self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A random element, if there is one.
    #[must_use]
    pub fn pick<T: Clone>(self, of: &[T]) -> Option<T> {
        let index = self.below(of.len() as u64);
        of.get(usize::try_from(index).unwrap_or_default()).cloned()
    }

    /// A random time up to `most`, in whole milliseconds.
    #[must_use]
    pub fn random_time(self, most: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(most.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The finalizer of splitmix64.
fn finish_splitmix64(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

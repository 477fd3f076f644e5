//! Chance that follows from a seed and from names, not from the order in which it is asked.
//!
//! What happens to the third write of one media is the same whatever the others do meanwhile, so a small
//! change of the code leaves the rest of a seed's history as it was.

use std::{fmt::Display, time::Duration};

/// A source of choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The root of a world's chance.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(mix(seed ^ 0x77_6f72_6c64))
    }

    /// The chance of one thing.
    #[must_use]
    pub fn of(self, name: impl Display) -> Self {
        let bytes = name.to_string();
        let hash = bytes
            .bytes()
            .fold(self.0, |hash, byte| mix(hash ^ u64::from(byte)));
        Self(mix(hash))
    }

    /// Any number.
    #[must_use]
    pub fn number(self) -> u64 {
        mix(self.0)
    }

    /// A number below a limit that is not zero.
    #[must_use]
    pub fn below(self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }

    /// Yes in so many of a thousand cases.
    #[must_use]
    pub fn happens(self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of several.
    #[must_use]
    pub fn pick<T: Clone>(self, of: &[T]) -> Option<T> {
        let index = self.below(of.len() as u64);
        of.get(usize::try_from(index).unwrap_or_default()).cloned()
    }

    /// A time of at most so long, in whole milliseconds.
    #[must_use]
    pub fn time(self, most: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(most.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The finisher of splitmix64.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

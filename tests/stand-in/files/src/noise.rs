//! Bytes and names derived from a seed.

use sha2::{Digest, Sha256};

/// SHA-256 of a seed and a purpose.
pub fn digest_seed(seed: &str, purpose: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(purpose.as_bytes());
    hasher.update([0]);
    hasher.update(seed.as_bytes());
    hasher.finalize().into()
}

/// A number derived from a seed and a purpose.
pub fn derive_number(seed: &str, purpose: &str) -> u64 {
    digest_seed(seed, purpose).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The eight noise bytes at offset `index * 8` for `seed` (splitmix64, so every offset costs the
/// same).
pub fn noise_word(seed: u64, index: u64) -> [u8; 8] {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

/// Appends `len` noise bytes, the first of which is at `offset` of the noise.
pub fn append_noise(out: &mut Vec<u8>, seed: u64, offset: u64, len: usize) {
    out.reserve(len);
    let mut index = offset / 8;
    let mut skip = usize::try_from(offset % 8).unwrap_or(0);
    let mut left = len;
    while left > 0 {
        let word = noise_word(seed, index);
        let part = word.get(skip..).unwrap_or(&[]);
        let part = part.get(..left.min(part.len())).unwrap_or(part);
        out.extend_from_slice(part);
        left -= part.len();
        skip = 0;
        index += 1;
    }
}

/// The first `len` noise bytes.
pub fn noise_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    append_noise(&mut out, seed, 0, len);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_from_any_offset() {
        let whole = noise_bytes(7, 100);
        for offset in 0..100_u8 {
            let mut part = Vec::new();
            append_noise(&mut part, 7, u64::from(offset), 100 - usize::from(offset));
            assert_eq!(whole.get(usize::from(offset)..), Some(part.as_slice()));
        }
    }
}

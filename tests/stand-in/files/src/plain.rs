//! A file's plain bytes, generated on demand: gigabytes need no memory.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::noise;

/// The size in bytes of a piece of [`Plain::chunks`]. A multiple of AES's block.
pub const CHUNK: usize = 64 * 1024;

/// The content between the beginning and the end of a padded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filler {
    /// Pseudo-random bytes.
    Noise,
    /// Lower-case letters in lines of 64.
    Letters,
}

/// A file: its beginning, filler derived from a seed, its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    head: Bytes,
    filler: Filler,
    filler_seed: u64,
    filler_len: u64,
    tail: Bytes,
}

impl Plain {
    /// A file without filler.
    pub fn unpadded(head: impl Into<Bytes>) -> Self {
        Self::padded(head, Filler::Noise, 0, 0, Bytes::new())
    }

    /// A file with `filler_len` bytes between its beginning and its end.
    pub fn padded(
        head: impl Into<Bytes>,
        filler: Filler,
        filler_seed: u64,
        filler_len: u64,
        tail: impl Into<Bytes>,
    ) -> Self {
        Self { head: head.into(), filler, filler_seed, filler_len, tail: tail.into() }
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.filler_end() + self.tail.len() as u64
    }

    /// Reads up to `len` bytes from `offset`; fewer at the end of the file.
    pub fn read_at(&self, offset: u64, len: usize) -> Bytes {
        let end = self.size().min(offset.saturating_add(len as u64));
        let mut out = Vec::with_capacity(len.min(CHUNK));
        let mut at = offset;
        while at < end {
            let before = out.len();
            self.read_part(&mut out, at, end);
            at += (out.len() - before) as u64;
            if out.len() == before {
                break;
            }
        }
        out.into()
    }

    /// The whole file in memory.
    pub fn bytes(&self) -> Bytes {
        let mut out = Vec::new();
        for chunk in self.chunks() {
            out.extend_from_slice(&chunk);
        }
        out.into()
    }

    /// The file in pieces of 64 KiB.
    pub fn chunks(&self) -> Chunks {
        self.chunks_from(0)
    }

    /// The file from `offset` on, in pieces of 64 KiB.
    pub fn chunks_from(&self, offset: u64) -> Chunks {
        Chunks { plain: self.clone(), offset }
    }

    /// Its SHA-256 in lower-case hex, computed in one pass.
    pub fn sha256_hex(&self) -> String {
        HEXLOWER.encode(&self.sha256())
    }

    /// Its SHA-256, computed in one pass.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for chunk in self.chunks() {
            hasher.update(&chunk);
        }
        hasher.finalize().into()
    }

    fn filler_end(&self) -> u64 {
        self.head.len() as u64 + self.filler_len
    }

    /// Appends the bytes of `at..end`, which lie in one of the three parts.
    fn read_part(&self, out: &mut Vec<u8>, at: u64, end: u64) {
        let head_len = self.head.len() as u64;
        if at < head_len {
            out.extend_from_slice(clamped_slice(&self.head, at, end.min(head_len)));
        } else if at < self.filler_end() {
            let from = at - head_len;
            let len = usize::try_from(end.min(self.filler_end()) - at).unwrap_or(0);
            match self.filler {
                Filler::Noise => noise::append_noise(out, self.filler_seed, from, len),
                Filler::Letters => append_letters(out, self.filler_seed, from, len),
            }
        } else {
            let start = self.filler_end();
            out.extend_from_slice(clamped_slice(&self.tail, at - start, end - start));
        }
    }
}

fn clamped_slice(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let to = usize::try_from(to).unwrap_or(usize::MAX);
    bytes.get(from..to).unwrap_or(&[])
}

fn append_letters(out: &mut Vec<u8>, seed: u64, from: u64, len: usize) {
    let start = out.len();
    noise::append_noise(out, seed, from, len);
    for (place, byte) in (from..).zip(out.iter_mut().skip(start)) {
        *byte = if place % 64 == 63 { b'\n' } else { b'a' + *byte % 26 };
    }
}

/// The pieces of a [`Plain`].
#[derive(Debug, Clone)]
pub struct Chunks {
    plain: Plain,
    offset: u64,
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let chunk = self.plain.read_at(self.offset, CHUNK);
        self.offset += chunk.len() as u64;
        (!chunk.is_empty()).then_some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_window_equals_the_whole_file() {
        for filler in [Filler::Noise, Filler::Letters] {
            let plain = Plain::padded(&b"head"[..], filler, 9, 100, &b"tail"[..]);
            let whole = plain.bytes();
            assert_eq!(whole.len(), 108);
            for from in 0..=108_usize {
                for to in from..=108 {
                    let window = plain.read_at(from as u64, to - from);
                    assert_eq!(whole.get(from..to), Some(window.as_ref()));
                }
            }
        }
    }

    #[test]
    fn reading_stops_at_the_end() {
        let plain = Plain::unpadded(&b"abc"[..]);
        assert_eq!(plain.read_at(1, 100).as_ref(), b"bc");
        assert!(plain.read_at(3, 1).is_empty());
        assert_eq!(plain.chunks().count(), 1);
    }
}

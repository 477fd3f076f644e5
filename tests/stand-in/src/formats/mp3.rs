//! MP3: an ID3 tag and frames of silence.

use anyhow::{Result, ensure};
use data_encoding::HEXLOWER;

use super::FileEnds;
use crate::noise;
use crate::plain::Filler;

/// MPEG 1 layer III, 128 kbit/s, 44.1 kHz, mono, without checksum.
const FRAME_HEADER: [u8; 4] = [0xff, 0xfb, 0x90, 0xc4];
/// The length of such a frame in bytes.
const FRAME_LEN: usize = 417;
/// About one second.
const FRAMES: usize = 38;

/// The owner identifier of a private frame.
const OWNER: &[u8] = b"filler\0";

/// A file of about one second. Filler is a private frame of the tag.
///
/// # Errors
/// If the filler does not fit into a tag, which is limited to 256 MiB.
pub(super) fn make_mp3(seed: &str, filler_len: u64) -> Result<FileEnds> {
    let title = HEXLOWER.encode(&noise::digest_seed(seed, "mp3"));
    let mut frames = b"TIT2".to_vec();
    frames.extend_from_slice(&synchsafe(title.len() as u64 + 1)?);
    frames.extend_from_slice(&[0, 0, 0]);
    frames.extend_from_slice(title.as_bytes());
    if filler_len > 0 {
        frames.extend_from_slice(b"PRIV");
        frames.extend_from_slice(&synchsafe(OWNER.len() as u64 + filler_len)?);
        frames.extend_from_slice(&[0, 0]);
        frames.extend_from_slice(OWNER);
    }
    let mut head = b"ID3\x04\0\0".to_vec();
    head.extend_from_slice(&synchsafe(frames.len() as u64 + filler_len)?);
    head.append(&mut frames);
    let mut tail = Vec::new();
    for _ in 0..FRAMES {
        let end = tail.len() + FRAME_LEN;
        tail.extend_from_slice(&FRAME_HEADER);
        tail.resize(end, 0);
    }
    Ok(FileEnds { head, tail, filler: Filler::Noise })
}

/// Encodes a number as four times seven bits.
fn synchsafe(number: u64) -> Result<[u8; 4]> {
    ensure!(number < 1 << 28, "a tag of MP3 ends at 256 MiB");
    Ok([21, 14, 7, 0].map(|shift| u8::try_from(number >> shift & 0x7f).unwrap_or(0)))
}

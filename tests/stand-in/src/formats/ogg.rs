//! Ogg Opus: two header pages and a page of silence.

use super::checksum::crc32_ogg;
use crate::noise;

/// One packet of 20 ms of silence, mono.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
/// Packets on the only audio page: one second.
const PACKETS: u8 = 50;
/// Samples of 48 kHz in a packet.
const SAMPLES: u64 = 960;
const FIRST_PAGE: u8 = 2;
const LAST_PAGE: u8 = 4;

/// A file of one second.
pub(super) fn make_ogg(seed: &str) -> Vec<u8> {
    let [a, b, c, d, ..] = noise::noise_word(noise::derive_number(seed, "ogg serial"), 0);
    let serial = [a, b, c, d];
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend_from_slice(&0_u16.to_le_bytes()); // pre-skip
    head.extend_from_slice(&48_000_u32.to_le_bytes());
    head.extend_from_slice(&[0, 0, 0]); // gain, mapping
    let mut tags = b"OpusTags".to_vec();
    append_text(&mut tags, "stand-in");
    tags.extend_from_slice(&1_u32.to_le_bytes());
    let title =
        format!("TITLE={}", data_encoding::HEXLOWER.encode(&noise::digest_seed(seed, "ogg")));
    append_text(&mut tags, &title);
    let silence: Vec<&[u8]> = (0..PACKETS).map(|_| SILENCE.as_slice()).collect();
    [
        make_page(FIRST_PAGE, 0, serial, 0, &[&head]),
        make_page(0, 0, serial, 1, &[&tags]),
        make_page(LAST_PAGE, u64::from(PACKETS) * SAMPLES, serial, 2, &silence),
    ]
    .concat()
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).unwrap_or(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// A page of whole packets, each shorter than 255 bytes.
fn make_page(kind: u8, position: u64, serial: [u8; 4], number: u32, packets: &[&[u8]]) -> Vec<u8> {
    let mut out = b"OggS\0".to_vec();
    out.push(kind);
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(&serial);
    out.extend_from_slice(&number.to_le_bytes());
    let checksum_at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(u8::try_from(packets.len()).unwrap_or(0));
    out.extend(packets.iter().map(|packet| u8::try_from(packet.len()).unwrap_or(0)));
    out.extend(packets.iter().copied().flatten());
    let checksum = crc32_ogg(&out);
    out.splice(checksum_at..checksum_at + 4, checksum.to_le_bytes());
    out
}

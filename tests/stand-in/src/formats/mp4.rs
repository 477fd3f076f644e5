//! MP4 with one H.264 track, written box by box.

use super::h264;
use crate::noise;

const FRAMES: u32 = 5;
/// Ticks per second of the track.
const TIMESCALE: u32 = 10;
/// The unity matrix of movie and track headers.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

fn make_box(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = be32(body.len() + 8).to_vec();
    out.extend_from_slice(name);
    out.extend_from_slice(&body);
    out
}

/// Everything here is a few KiB long, so no length is truncated.
fn be32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn be_words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn be_halves(halves: &[u16]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_be_bytes()).collect()
}

/// A length of two bytes, followed by the bytes.
fn length_prefixed(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// A file whose last box, `free`, has room for `filler_len` bytes.
pub(super) fn make_mp4(seed: &str, filler_len: u64) -> Vec<u8> {
    let frames: Vec<Vec<u8>> = (0..FRAMES).map(|number| encode_frame(seed, number)).collect();
    let ftyp = make_box(b"ftyp", &[b"isom", &be_words(&[0x200]), b"isomiso2avc1mp41"]);
    let sizes: Vec<usize> = frames.iter().map(Vec::len).collect();
    // The offset of the first frame depends on the length of `moov`, not the other way round.
    let first_frame = ftyp.len() + make_moov(&sizes, 0).len() + 8;
    let mut out =
        [ftyp, make_moov(&sizes, first_frame), make_box(b"mdat", &[&frames.concat()])].concat();
    if filler_len > 0 {
        out.extend_from_slice(&be_words(&[1]));
        out.extend_from_slice(b"free");
        out.extend_from_slice(&(filler_len + 16).to_be_bytes());
    }
    out
}

fn encode_frame(seed: &str, number: u32) -> Vec<u8> {
    let texture = noise::noise_bytes(noise::derive_number(seed, "frame") ^ u64::from(number), 97);
    let nal = h264::encode_picture(number, &texture);
    let mut out = be32(nal.len()).to_vec();
    out.extend_from_slice(&nal);
    out
}

fn make_moov(sizes: &[usize], first_frame: usize) -> Vec<u8> {
    let mut header = be_words(&[0, 0, 0, TIMESCALE, FRAMES, 0x0001_0000, 0x0100_0000, 0, 0]);
    header.extend_from_slice(&be_words(&MATRIX));
    header.extend_from_slice(&be_words(&[0, 0, 0, 0, 0, 0, 2]));
    let edge = u32::from(h264::EDGE) << 16;
    let mut track = be_words(&[3, 0, 0, 1, 0, FRAMES, 0, 0, 0, 0]);
    track.extend_from_slice(&be_words(&MATRIX));
    track.extend_from_slice(&be_words(&[edge, edge]));
    let media = [
        // Language `und`.
        make_box(b"mdhd", &[&be_words(&[0, 0, 0, TIMESCALE, FRAMES, 0x55c4_0000])]),
        make_box(b"hdlr", &[&be_words(&[0, 0]), b"vide", &be_words(&[0, 0, 0]), b"video\0"]),
        media_information(sizes, first_frame),
    ];
    let track = [make_box(b"tkhd", &[&track]), make_box(b"mdia", &[&media.concat()])];
    make_box(b"moov", &[&make_box(b"mvhd", &[&header]), &make_box(b"trak", &[&track.concat()])])
}

fn media_information(sizes: &[usize], first_frame: usize) -> Vec<u8> {
    let here = make_box(b"url ", &[&be_words(&[1])]);
    let references = make_box(b"dref", &[&be_words(&[0, 1]), &here]);
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| be32(*size)).collect();
    let table = [
        make_box(b"stsd", &[&be_words(&[0, 1]), &sample_entry()]),
        make_box(b"stts", &[&be_words(&[0, 1, FRAMES, 1])]),
        make_box(b"stsc", &[&be_words(&[0, 1, 1, FRAMES, 1])]),
        make_box(b"stsz", &[&be_words(&[0, 0, FRAMES]), &sizes]),
        make_box(b"stco", &[&be_words(&[0, 1]), &be32(first_frame)]),
    ];
    let parts = [
        make_box(b"vmhd", &[&be_words(&[1, 0, 0])]),
        make_box(b"dinf", &[&references]),
        make_box(b"stbl", &[&table.concat()]),
    ];
    make_box(b"minf", &[&parts.concat()])
}

fn sample_entry() -> Vec<u8> {
    let configuration = [
        // Version 1, baseline, lengths of four bytes, one SPS.
        vec![1, 66, 0xc0, 10, 0xff, 0xe1],
        length_prefixed(&h264::sequence_parameters()),
        vec![1],
        length_prefixed(&h264::picture_parameters()),
    ];
    make_box(
        b"avc1",
        &[
            &be_halves(&[0, 0, 0, 1]),
            &[0; 16],
            &be_halves(&[h264::EDGE, h264::EDGE]),
            &be_words(&[0x0048_0000, 0x0048_0000, 0]),
            // One frame per sample, no compressor name, 24 bits per pixel.
            &be_halves(&[1]),
            &[0; 32],
            &be_halves(&[24, 0xffff]),
            &make_box(b"avcC", &[&configuration.concat()]),
        ],
    )
}

//! MP4 with one H.264 track, written box by box.

use super::h264;
use crate::noise;

const FRAMES: u32 = 5;
/// Ticks per second of the track.
const TIMESCALE: u32 = 10;
/// The unity matrix of movie and track headers.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

fn atom(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = be32(body.len() + 8).to_vec();
    out.extend_from_slice(name);
    out.extend_from_slice(&body);
    out
}

/// Everything here is a few KiB, so no length is ever cut.
fn be32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn halves(halves: &[u16]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_be_bytes()).collect()
}

/// A length of two bytes, then the bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes()
        .to_vec();
    out.extend_from_slice(bytes);
    out
}

/// A file whose last box, `free`, has room for `filler_len` bytes.
pub(super) fn file(seed: &str, filler_len: u64) -> Vec<u8> {
    let frames: Vec<Vec<u8>> = (0..FRAMES).map(|number| frame(seed, number)).collect();
    let ftyp = atom(b"ftyp", &[b"isom", &words(&[0x200]), b"isomiso2avc1mp41"]);
    let sizes: Vec<usize> = frames.iter().map(Vec::len).collect();
    // The offset of the first frame is known once the length of `moov` is, which does not depend on it.
    let first_frame = ftyp.len() + moov(&sizes, 0).len() + 8;
    let mut out = [
        ftyp,
        moov(&sizes, first_frame),
        atom(b"mdat", &[&frames.concat()]),
    ]
    .concat();
    if filler_len > 0 {
        out.extend_from_slice(&words(&[1]));
        out.extend_from_slice(b"free");
        out.extend_from_slice(&(filler_len + 16).to_be_bytes());
    }
    out
}

fn frame(seed: &str, number: u32) -> Vec<u8> {
    let texture = noise::bytes(noise::number(seed, "frame") ^ u64::from(number), 97);
    let nal = h264::picture(number, &texture);
    let mut out = be32(nal.len()).to_vec();
    out.extend_from_slice(&nal);
    out
}

fn moov(sizes: &[usize], first_frame: usize) -> Vec<u8> {
    let mut header = words(&[0, 0, 0, TIMESCALE, FRAMES, 0x0001_0000, 0x0100_0000, 0, 0]);
    header.extend_from_slice(&words(&MATRIX));
    header.extend_from_slice(&words(&[0, 0, 0, 0, 0, 0, 2]));
    let edge = u32::from(h264::EDGE) << 16;
    let mut track = words(&[3, 0, 0, 1, 0, FRAMES, 0, 0, 0, 0]);
    track.extend_from_slice(&words(&MATRIX));
    track.extend_from_slice(&words(&[edge, edge]));
    let media = [
        // Language `und`.
        atom(
            b"mdhd",
            &[&words(&[0, 0, 0, TIMESCALE, FRAMES, 0x55c4_0000])],
        ),
        atom(
            b"hdlr",
            &[&words(&[0, 0]), b"vide", &words(&[0, 0, 0]), b"video\0"],
        ),
        information(sizes, first_frame),
    ];
    let track = [atom(b"tkhd", &[&track]), atom(b"mdia", &[&media.concat()])];
    atom(
        b"moov",
        &[
            &atom(b"mvhd", &[&header]),
            &atom(b"trak", &[&track.concat()]),
        ],
    )
}

fn information(sizes: &[usize], first_frame: usize) -> Vec<u8> {
    let here = atom(b"url ", &[&words(&[1])]);
    let references = atom(b"dref", &[&words(&[0, 1]), &here]);
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| be32(*size)).collect();
    let table = [
        atom(b"stsd", &[&words(&[0, 1]), &sample_entry()]),
        atom(b"stts", &[&words(&[0, 1, FRAMES, 1])]),
        atom(b"stsc", &[&words(&[0, 1, 1, FRAMES, 1])]),
        atom(b"stsz", &[&words(&[0, 0, FRAMES]), &sizes]),
        atom(b"stco", &[&words(&[0, 1]), &be32(first_frame)]),
    ];
    let parts = [
        atom(b"vmhd", &[&words(&[1, 0, 0])]),
        atom(b"dinf", &[&references]),
        atom(b"stbl", &[&table.concat()]),
    ];
    atom(b"minf", &[&parts.concat()])
}

fn sample_entry() -> Vec<u8> {
    let configuration = [
        // Version 1, baseline, lengths of four bytes, one SPS.
        vec![1, 66, 0xc0, 10, 0xff, 0xe1],
        counted(&h264::sps()),
        vec![1],
        counted(&h264::pps()),
    ];
    atom(
        b"avc1",
        &[
            &halves(&[0, 0, 0, 1]),
            &[0; 16],
            &halves(&[h264::EDGE, h264::EDGE]),
            &words(&[0x0048_0000, 0x0048_0000, 0]),
            // One frame per sample, a compressor without a name, 24 bits deep.
            &halves(&[1]),
            &[0; 32],
            &halves(&[24, 0xffff]),
            &atom(b"avcC", &[&configuration.concat()]),
        ],
    )
}

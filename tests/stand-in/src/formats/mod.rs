//! Generated files: valid, small, different for every seed, and padded if a size is given.
//!
//! The padding's place: a box, chunk, stream, gap or tag in MP4, WebP, PDF, ZIP and MP3 and the
//! text itself in text and HTML, so that the file stays valid; after the end in JPEG and PNG,
//! where readers ignore it; after the end in Ogg, whose first bytes still show its type but which
//! players refuse.

mod checksum;
mod document;
mod h264;
mod mp3;
mod mp4;
mod ogg;
mod picture;
mod zip;

use anyhow::Result;

use crate::noise;
use crate::plain::{Filler, Plain};
use crate::spec::Format;

pub(crate) use picture::make_thumbnail;

/// The beginning and the end of a file, and the filler allowed between them.
struct FileEnds {
    head: Vec<u8>,
    tail: Vec<u8>,
    filler: Filler,
}

impl FileEnds {
    /// A file that allows any bytes after its end.
    fn open(head: Vec<u8>) -> Self {
        Self { head, tail: Vec::new(), filler: Filler::Noise }
    }

    fn len(&self) -> u64 {
        (self.head.len() + self.tail.len()) as u64
    }
}

/// Generates a file, which depends on the arguments only. It is exactly `size` bytes long unless
/// the format's smallest file is longer.
///
/// # Errors
/// If an encoder fails, or the format cannot hold so many bytes (MP3 256 MiB, WebP 4 GiB).
pub fn make_file(format: Format, seed: &str, size: Option<u64>) -> Result<Plain> {
    let filler_seed = noise::derive_number(seed, "filler");
    if format == Format::Random {
        return Ok(make_random(seed, size.unwrap_or(1000)));
    }
    let mut smallest = make_ends(format, seed, 0)?;
    let missing = size.unwrap_or(0).saturating_sub(smallest.len());
    if missing == 0 {
        return Ok(Plain::padded(smallest.head, smallest.filler, 0, 0, smallest.tail));
    }
    // The frame around the filler has the same length for one byte as for many.
    let frame = make_ends(format, seed, 1)?.len() - smallest.len();
    if missing <= frame {
        let missing = usize::try_from(missing).unwrap_or(0);
        smallest.tail.append(&mut noise::noise_bytes(filler_seed, missing));
        return Ok(Plain::padded(smallest.head, smallest.filler, 0, 0, smallest.tail));
    }
    let filler_len = missing - frame;
    let ends = make_ends(format, seed, filler_len)?;
    Ok(Plain::padded(ends.head, ends.filler, filler_seed, filler_len, ends.tail))
}

fn make_random(seed: &str, size: u64) -> Plain {
    let digest = noise::digest_seed(seed, "random");
    let head: Vec<u8> = (0..size).zip(digest).map(|(_, byte)| byte).collect();
    let filler_len = size - head.len() as u64;
    Plain::padded(head, Filler::Noise, noise::derive_number(seed, "filler"), filler_len, Vec::new())
}

fn make_ends(format: Format, seed: &str, filler_len: u64) -> Result<FileEnds> {
    Ok(match format {
        Format::Jpeg => FileEnds::open(picture::make_jpeg(seed)?),
        Format::Png => FileEnds::open(picture::make_png(seed)?),
        Format::Webp => FileEnds::open(picture::make_webp(seed, filler_len)?),
        Format::Mp4 => FileEnds::open(mp4::make_mp4(seed, filler_len)),
        Format::Ogg => FileEnds::open(ogg::make_ogg(seed)),
        Format::Mp3 => mp3::make_mp3(seed, filler_len)?,
        Format::Pdf => document::make_pdf(seed, filler_len),
        Format::Txt => document::make_text(seed),
        Format::Html => document::make_html(seed),
        Format::Zip => zip::make_archive(seed, filler_len),
        Format::Docx => zip::make_docx(seed, filler_len),
        Format::Random => FileEnds::open(Vec::new()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ALL: [Format; 12] = [
        Format::Jpeg,
        Format::Png,
        Format::Webp,
        Format::Mp4,
        Format::Ogg,
        Format::Mp3,
        Format::Pdf,
        Format::Txt,
        Format::Html,
        Format::Zip,
        Format::Docx,
        Format::Random,
    ];

    /// Equal seeds give equal files, different seeds different ones.
    #[test]
    fn a_seed_decides_the_file() -> Result<()> {
        for format in ALL {
            let mut seen = HashSet::new();
            for seed in 0..50 {
                let seed = format!("seed-{seed}");
                assert_eq!(make_file(format, &seed, None)?, make_file(format, &seed, None)?);
                assert!(seen.insert(make_file(format, &seed, None)?.sha256()), "{format:?} {seed}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_file_has_the_requested_size() -> Result<()> {
        for format in ALL {
            let smallest = make_file(format, "size", Some(1))?.size();
            for more in [0, 1, 2, 7, 8, 9, 15, 16, 17, 60, 100, 127, 128, 1000, 65_536, 1_000_000] {
                let made = make_file(format, "size", Some(smallest + more))?;
                assert_eq!(made.size(), smallest + more, "{format:?}");
                assert_eq!(made.bytes().len() as u64, smallest + more, "{format:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn gigabytes_are_generated_only_when_read() -> Result<()> {
        for format in
            [Format::Jpeg, Format::Mp4, Format::Webp, Format::Pdf, Format::Zip, Format::Random]
        {
            assert_eq!(make_file(format, "big", Some(3 << 30))?.size(), 3 << 30);
        }
        Ok(())
    }
}

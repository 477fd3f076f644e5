//! Files that the stand-in makes itself: valid, small, distinct for every seed, padded to a size where one is asked for.
//!
//! Where the padding goes: inside a box, chunk, stream, gap or tag of MP4, WebP, PDF, ZIP and MP3 and in the text of text and HTML, so
//! that the file stays valid; behind the end of JPEG and PNG, where readers skip it; behind the end of Ogg too, where its first bytes
//! still tell what it is but players refuse it.

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

pub(crate) use picture::thumbnail;

/// The two ends of a file, and what may be put between them.
struct Ends {
    head: Vec<u8>,
    tail: Vec<u8>,
    filler: Filler,
}

impl Ends {
    /// A file that nothing follows, or any bytes.
    fn open(head: Vec<u8>) -> Self {
        Self {
            head,
            tail: Vec::new(),
            filler: Filler::Noise,
        }
    }

    fn len(&self) -> u64 {
        (self.head.len() + self.tail.len()) as u64
    }
}

/// Makes a file. It depends on nothing but the arguments. Exactly `size` bytes long, unless the format's smallest file is longer.
///
/// # Errors
/// If an encoder refuses, or the format cannot hold so many bytes (MP3 256 MiB, WebP 4 GiB).
pub fn make(format: Format, seed: &str, size: Option<u64>) -> Result<Plain> {
    let filler_seed = noise::number(seed, "filler");
    if format == Format::Random {
        return Ok(random(seed, size.unwrap_or(1000)));
    }
    let mut smallest = ends(format, seed, 0)?;
    let missing = size.unwrap_or(0).saturating_sub(smallest.len());
    if missing == 0 {
        return Ok(Plain::padded(
            smallest.head,
            smallest.filler,
            0,
            0,
            smallest.tail,
        ));
    }
    // The frame around the filler is as long for one byte as for many.
    let frame = ends(format, seed, 1)?.len() - smallest.len();
    if missing <= frame {
        let missing = usize::try_from(missing).unwrap_or(0);
        smallest
            .tail
            .append(&mut noise::bytes(filler_seed, missing));
        return Ok(Plain::padded(
            smallest.head,
            smallest.filler,
            0,
            0,
            smallest.tail,
        ));
    }
    let filler_len = missing - frame;
    let ends = ends(format, seed, filler_len)?;
    Ok(Plain::padded(
        ends.head,
        ends.filler,
        filler_seed,
        filler_len,
        ends.tail,
    ))
}

fn random(seed: &str, size: u64) -> Plain {
    let digest = noise::digest(seed, "random");
    let head: Vec<u8> = (0..size).zip(digest).map(|(_, byte)| byte).collect();
    let filler_len = size - head.len() as u64;
    Plain::padded(
        head,
        Filler::Noise,
        noise::number(seed, "filler"),
        filler_len,
        Vec::new(),
    )
}

fn ends(format: Format, seed: &str, filler_len: u64) -> Result<Ends> {
    Ok(match format {
        Format::Jpeg => Ends::open(picture::jpeg(seed)?),
        Format::Png => Ends::open(picture::png(seed)?),
        Format::Webp => Ends::open(picture::webp(seed, filler_len)?),
        Format::Mp4 => Ends::open(mp4::file(seed, filler_len)),
        Format::Ogg => Ends::open(ogg::file(seed)),
        Format::Mp3 => mp3::file(seed, filler_len)?,
        Format::Pdf => document::pdf(seed, filler_len),
        Format::Txt => document::text(seed),
        Format::Html => document::html(seed),
        Format::Zip => zip::archive(seed, filler_len),
        Format::Docx => zip::docx(seed, filler_len),
        Format::Random => Ends::open(Vec::new()),
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

    #[test]
    fn a_seed_gives_the_same_file_again_and_another_seed_another() -> Result<()> {
        for format in ALL {
            let mut seen = HashSet::new();
            for seed in 0..50 {
                let seed = format!("seed-{seed}");
                assert_eq!(make(format, &seed, None)?, make(format, &seed, None)?);
                assert!(
                    seen.insert(make(format, &seed, None)?.sha256()),
                    "{format:?} {seed}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn a_file_has_exactly_the_size_asked_for() -> Result<()> {
        for format in ALL {
            let smallest = make(format, "size", Some(1))?.size();
            for more in [
                0, 1, 2, 7, 8, 9, 15, 16, 17, 60, 100, 127, 128, 1000, 65_536, 1_000_000,
            ] {
                let made = make(format, "size", Some(smallest + more))?;
                assert_eq!(made.size(), smallest + more, "{format:?}");
                assert_eq!(made.bytes().len() as u64, smallest + more, "{format:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn gigabytes_cost_nothing_until_they_are_read() -> Result<()> {
        for format in [
            Format::Jpeg,
            Format::Mp4,
            Format::Webp,
            Format::Pdf,
            Format::Zip,
            Format::Random,
        ] {
            assert_eq!(make(format, "big", Some(3 << 30))?.size(), 3 << 30);
        }
        Ok(())
    }
}

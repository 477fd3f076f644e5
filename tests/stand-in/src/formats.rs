//! Files of every format: a committed fixture, made unique by a stamp derived from the seed, and
//! padded if a size is given.
//!
//! Stamp and padding are where readers skip them: in the last box of MP4, before the pointer to the
//! table of PDF, before the directory of ZIP and Word, in a comment of HTML, in the text of plain
//! text, and after the end of JPEG, PNG, WebP, MP3 and Ogg. Only players of MP3 and Ogg may refuse
//! much padding.

use data_encoding::HEXLOWER;

use crate::noise;
use crate::plain::{Filler, Plain};
use crate::spec::Format;

/// The JPEG of 16 × 16 that a webhook contains.
pub(crate) const THUMBNAIL: &[u8] = include_bytes!("../fixtures/thumbnail.jpg");

/// A valid file of a format, and where its stamp and padding go.
struct Fixture {
    bytes: &'static [u8],
    /// The beginning of the part that follows the stamp and the padding. If empty, nothing follows.
    tail_start: &'static [u8],
    filler: Filler,
}

impl Fixture {
    /// A fixture that allows any bytes after its end.
    fn open(bytes: &'static [u8]) -> Self {
        Self::split(bytes, b"")
    }

    fn split(bytes: &'static [u8], tail_start: &'static [u8]) -> Self {
        Self { bytes, tail_start, filler: Filler::Noise }
    }

    fn text(bytes: &'static [u8], tail_start: &'static [u8]) -> Self {
        Self { bytes, tail_start, filler: Filler::Letters }
    }

    /// The parts before and after the stamp and the padding.
    fn parts(&self) -> (&'static [u8], &'static [u8]) {
        let end = self.bytes.len();
        let is_tail = |at: &usize| {
            self.bytes.get(*at..).is_some_and(|rest| rest.starts_with(self.tail_start))
        };
        let first = if self.tail_start.is_empty() { end } else { 0 };
        self.bytes.split_at((first..end).find(is_tail).unwrap_or(end))
    }
}

/// The beginning of the directory of a ZIP archive.
const ZIP_DIRECTORY: &[u8] = b"PK\x01\x02";

/// The fixture of a format; `Random` has none.
fn find_fixture(format: Format) -> Option<Fixture> {
    Some(match format {
        Format::Jpeg => Fixture::open(include_bytes!("../fixtures/picture.jpg")),
        Format::Png => Fixture::open(include_bytes!("../fixtures/picture.png")),
        Format::Webp => Fixture::open(include_bytes!("../fixtures/picture.webp")),
        Format::Mp4 => Fixture::open(include_bytes!("../fixtures/video.mp4")),
        Format::Ogg => Fixture::open(include_bytes!("../fixtures/silence.ogg")),
        Format::Mp3 => Fixture::open(include_bytes!("../fixtures/silence.mp3")),
        Format::Pdf => Fixture::split(include_bytes!("../fixtures/document.pdf"), b"\nstartxref\n"),
        Format::Txt => Fixture::text(include_bytes!("../fixtures/text.txt"), b"\nfim\n"),
        Format::Html => Fixture::text(include_bytes!("../fixtures/page.html"), b" -->\n"),
        Format::Zip => Fixture::split(include_bytes!("../fixtures/archive.zip"), ZIP_DIRECTORY),
        Format::Docx => Fixture::split(include_bytes!("../fixtures/document.docx"), ZIP_DIRECTORY),
        Format::Random => return None,
    })
}

/// Generates a file, which depends on the arguments only. It is exactly `size` bytes long unless
/// the format's smallest file is longer. A ZIP archive is valid up to 4 GiB.
pub fn make_file(format: Format, seed: &str, size: Option<u64>) -> Plain {
    let filler_seed = noise::derive_number(seed, "filler");
    let Some(fixture) = find_fixture(format) else {
        return make_random(seed, filler_seed, size.unwrap_or(1000));
    };
    let (head, tail) = fixture.parts();
    let stamp = HEXLOWER.encode(&noise::digest_seed(seed, "stamp"));
    let head = [head, stamp.as_bytes()].concat();
    let smallest = (head.len() + tail.len()) as u64;
    let filler_len = size.unwrap_or(0).saturating_sub(smallest);
    let tail = match format {
        Format::Zip | Format::Docx => with_directory_at(tail, head.len() as u64 + filler_len),
        Format::Jpeg
        | Format::Png
        | Format::Webp
        | Format::Mp4
        | Format::Ogg
        | Format::Mp3
        | Format::Pdf
        | Format::Txt
        | Format::Html
        | Format::Random => tail.to_vec(),
    };
    Plain::padded(head, fixture.filler, filler_seed, filler_len, tail)
}

fn make_random(seed: &str, filler_seed: u64, size: u64) -> Plain {
    let digest = noise::digest_seed(seed, "random");
    let head: Vec<u8> = (0..size).zip(digest).map(|(_, byte)| byte).collect();
    let filler_len = size - head.len() as u64;
    Plain::padded(head, Filler::Noise, filler_seed, filler_len, Vec::new())
}

/// The directory of a ZIP archive, moved to this offset. The archive's last six bytes are the
/// offset and the length of its comment, which is zero.
fn with_directory_at(directory: &[u8], offset: u64) -> Vec<u8> {
    let offset = u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes();
    let (before, _) = directory.split_at(directory.len().saturating_sub(6));
    [before, &offset, &[0, 0]].concat()
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
    fn a_seed_decides_the_file() {
        for format in ALL {
            let mut seen = HashSet::new();
            for seed in 0..50 {
                let seed = format!("seed-{seed}");
                assert_eq!(make_file(format, &seed, None), make_file(format, &seed, None));
                assert!(seen.insert(make_file(format, &seed, None).sha256()), "{format:?} {seed}");
            }
        }
    }

    #[test]
    fn a_file_has_the_requested_size() {
        for format in ALL {
            let smallest = make_file(format, "size", Some(1)).size();
            for more in [0, 1, 2, 7, 8, 9, 15, 16, 17, 60, 100, 127, 128, 1000, 65_536, 1_000_000] {
                let made = make_file(format, "size", Some(smallest + more));
                assert_eq!(made.size(), smallest + more, "{format:?}");
                assert_eq!(made.bytes().len() as u64, smallest + more, "{format:?}");
            }
        }
    }

    #[test]
    fn gigabytes_are_generated_only_when_read() {
        for format in ALL {
            assert_eq!(make_file(format, "big", Some(3 << 30)).size(), 3 << 30);
        }
    }

    /// The text and the table of a file follow its stamp and its padding.
    #[test]
    fn every_file_ends_as_its_fixture() {
        for (format, end) in [
            (Format::Pdf, "startxref\n0000000427\n%%EOF\n"),
            (Format::Txt, "\nfim\n"),
            (Format::Html, " -->\n</body></html>\n"),
        ] {
            let made = make_file(format, "end", Some(5000)).bytes();
            assert!(made.ends_with(end.as_bytes()), "{format:?}");
        }
    }

    #[test]
    fn an_archive_points_to_its_directory() {
        for (format, size) in [(Format::Zip, None), (Format::Docx, Some(70_000))] {
            let made = make_file(format, "directory", size).bytes();
            let last = made.len() - 6;
            let offset = made.get(last..last + 4).and_then(|bytes| bytes.try_into().ok());
            let offset = offset.map_or(0, u32::from_le_bytes) as usize;
            assert!(made.get(offset..).is_some_and(|rest| rest.starts_with(ZIP_DIRECTORY)));
        }
    }
}

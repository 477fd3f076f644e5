//! Signatures: which family or format the first bytes belong to, and whether that could be chance.

use super::{containers, family::Family, types};
use crate::kind::MediaKind;

/// What bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// They are of this family, and hold what this extension says where they tell.
    Family(Family, Option<&'static str>),
    /// They are of one format, which no word changes.
    Format {
        /// Its extension.
        extension: &'static str,
        /// Its type.
        mimetype: &'static str,
        /// Whether a browser may show it in place.
        is_shown: bool,
    },
}

impl Evidence {
    /// The family, without more.
    pub(super) fn family(family: Family) -> Self {
        Self::Family(family, None)
    }

    /// A format that is downloaded.
    pub(super) fn format(extension: &'static str, mimetype: &'static str) -> Self {
        Self::Format {
            extension,
            mimetype,
            is_shown: false,
        }
    }

    /// Whether files with this extension have such bytes.
    pub(super) fn has(self, said: &str) -> bool {
        match self {
            Self::Family(family, _) => family.has(said),
            Self::Format { extension, .. } => types::are_alike(extension, said),
        }
    }
}

/// A signature that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    /// What it says.
    pub(super) evidence: Evidence,
    /// Whether it is too long, or too well confirmed by what follows, to be chance.
    pub(super) is_sure: bool,
    /// Whether the format begins with text, so that text is no evidence against it.
    pub(super) is_text: bool,
}

impl Signature {
    fn sure(evidence: Evidence) -> Self {
        Self {
            evidence,
            is_sure: true,
            is_text: false,
        }
    }

    fn doubtful(evidence: Evidence) -> Self {
        Self {
            evidence,
            is_sure: false,
            is_text: false,
        }
    }

    /// Looks for a signature in the head. The kind of the message tells audio from video.
    pub(super) fn read(head: &[u8], kind: MediaKind) -> Option<Self> {
        let container = containers::zip(head)
            .or_else(|| containers::ole(head))
            .or_else(|| containers::iso_media(head, kind))
            .or_else(|| containers::asn1(head))
            .or_else(|| containers::riff(head));
        container
            .map(Self::sure)
            .or_else(|| textual(head))
            .or_else(|| long(head))
            .or_else(|| confirmed(head))
            .or_else(|| of_library(head))
    }
}

/// PDF and RTF, which begin with words.
fn textual(head: &[u8]) -> Option<Signature> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let head = head.trim_ascii_start();
    let evidence = if head.starts_with(b"%PDF-") {
        Evidence::family(Family::Pdf)
    } else if head.starts_with(b"{\\rtf") {
        Evidence::format("rtf", "application/rtf")
    } else {
        return None;
    };
    Some(Signature {
        evidence,
        is_sure: true,
        is_text: true,
    })
}

/// Short signatures, and whether the bytes that follow confirm them.
fn confirmed(head: &[u8]) -> Option<Signature> {
    let (family, is_sure) = match head {
        [b'B', b'M', rest @ ..] => (Family::Bmp, is_bitmap(rest)),
        [b'M', b'Z', ..] => (Family::Program, is_windows_program(head)),
        [b'I', b'D', b'3', 2..=4, 0..=0xfe, _, size @ ..] => {
            let is_size = size.first_chunk::<4>().is_some_and(|size| size.is_ascii());
            (Family::Mp3, is_size)
        }
        [b'I', b'D', b'3', ..] => (Family::Mp3, false),
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => (Family::Aac, false),
        [0xff, second, third, ..] if is_mpeg_audio(*second, *third) => (Family::Mp3, false),
        [0, 0, 1, 0, ..] => (Family::Icon, false),
        _ => return None,
    };
    let signature = if is_sure {
        Signature::sure
    } else {
        Signature::doubtful
    };
    Some(signature(Evidence::family(family)))
}

/// Long signatures that the library lacks, or wants more bytes for.
fn long(head: &[u8]) -> Option<Signature> {
    let evidence = match head {
        [0x7f, b'E', b'L', b'F', ..] => Evidence::format("elf", "application/x-executable"),
        [b'L', 0, 0, 0, 1, 0x14, 2, 0, ..] => Evidence::format("lnk", "application/x-ms-shortcut"),
        [0x1a, 0x45, 0xdf, 0xa3, rest @ ..] => {
            let start = rest.get(..64).unwrap_or(rest);
            let names = |name: &[u8]| start.windows(name.len()).any(|some| some == name);
            let extension = match () {
                () if names(b"webm") => Some("webm"),
                () if names(b"matroska") => Some("mkv"),
                () => None,
            };
            Evidence::Family(Family::Matroska, extension)
        }
        _ => return None,
    };
    Some(Signature::sure(evidence))
}

/// Whether a bitmap's header follows `BM`: two reserved words of zero, and one of the header's
/// known sizes.
fn is_bitmap(rest: &[u8]) -> bool {
    let has_zeros = rest.get(4..8) == Some(&[0; 4]);
    let size = rest.get(12..).and_then(|rest| rest.first_chunk::<4>());
    let size = size.map(|size| u32::from_le_bytes(*size));
    has_zeros && size.is_some_and(|size| matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// Whether the header of DOS leads to one of Windows.
fn is_windows_program(head: &[u8]) -> bool {
    let offset = head.get(0x3c..).and_then(|rest| rest.first_chunk::<4>());
    let offset = offset.and_then(|offset| usize::try_from(u32::from_le_bytes(*offset)).ok());
    let header = offset.and_then(|offset| head.get(offset..));
    header.is_some_and(|header| {
        [b"PE", b"NE", b"LE", b"LX"]
            .iter()
            .any(|name| header.starts_with(*name))
    })
}

/// Whether a frame of MPEG audio can begin so: no reserved version, layer, bit rate or sampling
/// rate.
fn is_mpeg_audio(second: u8, third: u8) -> bool {
    second & 0xe0 == 0xe0
        && second & 0x18 != 0x08
        && second & 0x06 != 0
        && third & 0xf0 != 0xf0
        && third & 0x0c != 0x0c
}

/// What the library knows beyond.
fn of_library(head: &[u8]) -> Option<Signature> {
    let known = infer::get(head)?;
    let evidence = match known.extension() {
        "jpg" => Evidence::family(Family::Jpeg),
        "png" => Evidence::family(Family::Png),
        "gif" => Evidence::family(Family::Gif),
        "tif" => Evidence::family(Family::Tiff),
        "ogg" | "opus" => Evidence::family(Family::Ogg),
        "pdf" => Evidence::family(Family::Pdf),
        "gz" => Evidence::family(Family::Gzip),
        "sqlite" => Evidence::family(Family::Sqlite),
        "wmv" => Evidence::family(Family::Asf),
        // Two or three bytes without a structure, which any file can begin with; and what was
        // looked for above, with more care.
        "obj" | "bc" | "cpio" | "Z" | "jxr" | "ps" | "der" | "pem" | "html" | "xml" | "sh"
        | "exe" | "dll" | "webp" | "mov" | "m4a" | "mobi" => return None,
        extension => Evidence::Format {
            extension,
            mimetype: known.mime_type(),
            is_shown: ["audio/", "video/"]
                .iter()
                .any(|top| known.mime_type().starts_with(top)),
        },
    };
    let is_short = match known.extension() {
        "gif" => !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a"),
        "jxl" => head.starts_with(b"\xff\x0a"),
        // Anywhere in the first KiB.
        "pdf" | "bz2" | "swf" | "eot" => true,
        _ => false,
    };
    let signature = if is_short {
        Signature::doubtful
    } else {
        Signature::sure
    };
    Some(signature(evidence))
}

//! Detects the family or format of a file by its first bytes, and whether the match could be
//! chance.

use super::{containers, evidence::Evidence, family::Family};
use crate::kind::MediaKind;

/// A detected signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    /// What the signature proves.
    pub(super) evidence: Evidence,
    /// Whether the signature is too long, or too well confirmed by what follows, to be chance.
    pub(super) is_sure: bool,
    /// Whether the format begins with text, so that a text does not contradict it.
    pub(super) is_text: bool,
}

impl Signature {
    fn sure(evidence: Evidence) -> Self {
        Self { evidence, is_sure: true, is_text: false }
    }

    fn doubtful(evidence: Evidence) -> Self {
        Self { evidence, is_sure: false, is_text: false }
    }

    /// Finds a signature in the head. The message's kind tells audio from video.
    pub(super) fn from_head(head: &[u8], kind: MediaKind) -> Option<Self> {
        let container = containers::detect_zip(head)
            .or_else(|| containers::detect_ole(head))
            .or_else(|| containers::detect_iso_media(head, kind))
            .or_else(|| containers::detect_asn1(head))
            .or_else(|| containers::detect_riff(head));
        container
            .map(Self::sure)
            .or_else(|| detect_textual(head))
            .or_else(|| detect_long(head))
            .or_else(|| detect_short(head))
            .or_else(|| detect_with_library(head))
    }
}

/// Detects PDF and RTF, which begin with text.
fn detect_textual(head: &[u8]) -> Option<Signature> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let head = head.trim_ascii_start();
    let evidence = if head.starts_with(b"%PDF-") {
        Evidence::from_family(Family::Pdf)
    } else if head.starts_with(b"{\\rtf") {
        Evidence::from_format("rtf", "application/rtf")
    } else {
        return None;
    };
    Some(Signature { evidence, is_sure: true, is_text: true })
}

/// Detects short signatures, and whether the bytes after them confirm the match.
fn detect_short(head: &[u8]) -> Option<Signature> {
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
    let signature = if is_sure { Signature::sure } else { Signature::doubtful };
    Some(signature(Evidence::from_family(family)))
}

/// Detects long signatures that the library lacks or needs more bytes for.
fn detect_long(head: &[u8]) -> Option<Signature> {
    let evidence = match head {
        [0x7f, b'E', b'L', b'F', ..] => Evidence::from_format("elf", "application/x-executable"),
        [b'L', 0, 0, 0, 1, 0x14, 2, 0, ..] => {
            Evidence::from_format("lnk", "application/x-ms-shortcut")
        }
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

/// Whether a bitmap header follows `BM`: two reserved words of zero, and a known header size.
fn is_bitmap(rest: &[u8]) -> bool {
    let has_zeros = rest.get(4..8) == Some(&[0; 4]);
    let size = rest.get(12..).and_then(|rest| rest.first_chunk::<4>());
    let size = size.map(|size| u32::from_le_bytes(*size));
    has_zeros && size.is_some_and(|size| matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// Whether the DOS header points to a Windows header.
fn is_windows_program(head: &[u8]) -> bool {
    let offset = head.get(0x3c..).and_then(|rest| rest.first_chunk::<4>());
    let offset = offset.and_then(|offset| usize::try_from(u32::from_le_bytes(*offset)).ok());
    let header = offset.and_then(|offset| head.get(offset..));
    header.is_some_and(|header| {
        [b"PE", b"NE", b"LE", b"LX"].iter().any(|name| header.starts_with(*name))
    })
}

/// Whether these bytes can begin an MPEG audio frame: version, layer, bit rate and sampling rate
/// are not reserved values.
fn is_mpeg_audio(second: u8, third: u8) -> bool {
    second & 0xe0 == 0xe0
        && second & 0x18 != 0x08
        && second & 0x06 != 0
        && third & 0xf0 != 0xf0
        && third & 0x0c != 0x0c
}

/// Detects other signatures with the library `infer`.
fn detect_with_library(head: &[u8]) -> Option<Signature> {
    let known = infer::get(head)?;
    let evidence = match known.extension() {
        "jpg" => Evidence::from_family(Family::Jpeg),
        "png" => Evidence::from_family(Family::Png),
        "gif" => Evidence::from_family(Family::Gif),
        "tif" => Evidence::from_family(Family::Tiff),
        "ogg" | "opus" => Evidence::from_family(Family::Ogg),
        "pdf" => Evidence::from_family(Family::Pdf),
        "gz" => Evidence::from_family(Family::Gzip),
        "sqlite" => Evidence::from_family(Family::Sqlite),
        "wmv" => Evidence::from_family(Family::Asf),
        // Two or three bytes that any file may begin with, and formats that were checked more
        // carefully above.
        "obj" | "bc" | "cpio" | "Z" | "jxr" | "ps" | "der" | "pem" | "html" | "xml" | "sh"
        | "exe" | "dll" | "webp" | "mov" | "m4a" | "mobi" => return None,
        extension => Evidence::Format {
            extension,
            mimetype: known.mime_type(),
            is_shown: ["audio/", "video/"].iter().any(|top| known.mime_type().starts_with(top)),
        },
    };
    let is_short = match known.extension() {
        "gif" => !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a"),
        "jxl" => head.starts_with(b"\xff\x0a"),
        // The library matches these anywhere in the first KiB, or by few bytes.
        "pdf" | "bz2" | "swf" | "eot" => true,
        _ => false,
    };
    let signature = if is_short { Signature::doubtful } else { Signature::sure };
    Some(signature(evidence))
}

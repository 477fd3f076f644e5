//! Detects the content of containers by their first bytes: ZIP, OLE, ASN.1, ISO base media, RIFF.

use super::{evidence::Evidence, family::Family, types};
use crate::kind::MediaKind;

/// Detects a ZIP archive and, by the names of its entries, what it holds.
pub(super) fn detect_zip(head: &[u8]) -> Option<Evidence> {
    const SIGNATURES: [&[u8]; 4] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00PK\x03\x04"];
    if !SIGNATURES.iter().any(|start| head.starts_with(start)) {
        return None;
    }
    if let Some((extension, mimetype)) = named_type(head) {
        return Some(Evidence::from_format(extension, mimetype));
    }
    let (mut is_opc, mut is_android, mut is_java, mut has_macros) = (false, false, false, false);
    let (mut part, mut is_binary_book) = (None, false);
    for name in entry_names(head) {
        let is_below = |folder: &[u8]| name.starts_with(folder);
        is_opc |= name == b"[Content_Types].xml";
        is_android |= name == b"AndroidManifest.xml";
        is_java |= name == b"META-INF/MANIFEST.MF";
        has_macros |= name.ends_with(b"/vbaProject.bin");
        is_binary_book |= name == b"xl/workbook.bin";
        part = part.or(match () {
            () if is_below(b"word/") => Some((Family::ZipDocument, Family::ZipMacroDocument)),
            () if is_below(b"xl/") => Some((Family::ZipBook, Family::ZipMacroBook)),
            () if is_below(b"ppt/") => Some((Family::ZipSlides, Family::ZipMacroSlides)),
            () => None,
        });
    }
    Some(match part {
        Some(_) if is_opc && is_binary_book => Evidence::from_family(Family::ZipBinaryBook),
        Some((_, with_macros)) if is_opc && has_macros => Evidence::from_family(with_macros),
        Some((family, _)) if is_opc => Evidence::from_family(family),
        _ if is_android => Evidence::from_family(Family::ZipAndroid),
        _ => Evidence::Family(Family::Zip, is_java.then_some("jar")),
    })
}

/// The names of the entries whose headers are in the head. The packed content of an entry is
/// skipped if its header gives the size, because it may itself be an archive.
fn entry_names(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let at = rest.windows(4).position(|four| four == b"PK\x03\x04")?;
        let entry = rest.get(at..)?;
        let len = u16::from_le_bytes(*entry.get(26..)?.first_chunk()?);
        let (name, after) = entry.get(30..)?.split_at_checked(usize::from(len))?;
        rest = after.get(packed_size(entry).unwrap_or(0)..).unwrap_or_default();
        Some(name)
    })
}

/// The size of an entry's extra field and packed content, if the header gives it.
fn packed_size(entry: &[u8]) -> Option<usize> {
    const FOLLOWS_BYTES: u8 = 1 << 3;
    const IN_EXTRA_FIELD: u32 = u32::MAX;
    let flags = *entry.get(6)?;
    let size = u32::from_le_bytes(*entry.get(18..)?.first_chunk()?);
    let extra = u16::from_le_bytes(*entry.get(28..)?.first_chunk()?);
    let is_known = flags & FOLLOWS_BYTES == 0 && size != IN_EXTRA_FIELD;
    let size = usize::try_from(size).ok().filter(|_| is_known)?;
    size.checked_add(usize::from(extra))
}

/// The type that the first entry names, and its extension. `OpenDocument`, EPUB and other formats
/// write it there uncompressed.
fn named_type(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const MAX_NAME_BYTES: usize = 100;
    let extra = u16::from_le_bytes(*head.get(28..)?.first_chunk()?);
    let text = head.get(30..)?.strip_prefix(b"mimetype")?;
    let text = text.get(usize::from(extra)..)?;
    let text = text.get(..MAX_NAME_BYTES).unwrap_or(text);
    let is_of_type = |b: &u8| b.is_ascii_alphanumeric() || b"/.+-".contains(b);
    let text = text.get(..text.iter().position(|b| !is_of_type(b)).unwrap_or(MAX_NAME_BYTES))?;
    // The next header follows without a gap, so its `PK` may be read as part of the text.
    let text = std::str::from_utf8(text).ok()?;
    let declared = types::parse_declared(text.strip_suffix("PK").unwrap_or(text))?;
    let mimetype = types::mimetype_for_extension(declared.extension)?;
    (!declared.is_wide).then_some((declared.extension, mimetype))
}

/// Detects an OLE compound file and what it holds: by its directory, or by its first sector if the
/// directory lies beyond the head.
///
/// The library `cfb` would read more, but a file of 8 MiB can make it allocate a GiB for its
/// tables.
pub(super) fn detect_ole(head: &[u8]) -> Option<Evidence> {
    const FIRST_SECTORS: &[(&[u8], Family)] = &[
        (b"\xec\xa5\xc1\x00", Family::OleDocument),
        (b"\x09\x08\x10\x00\x00\x06\x05\x00", Family::OleBook),
        (b"\x00\x6e\x1e\xf0", Family::OleSlides),
        (b"\x0f\x00\xe8\x03", Family::OleSlides),
        (b"\xa0\x46\x1d\xf0", Family::OleSlides),
    ];
    if !head.starts_with(b"\xd0\xcf\x11\xe0") {
        return None;
    }
    let first = head.get(512..).unwrap_or_default();
    let of_sector = || {
        let mut sectors = FIRST_SECTORS.iter();
        sectors.find(|(start, _)| first.starts_with(start))
    };
    let family = ole_directory(head).or_else(|| of_sector().map(|(_, family)| *family));
    Some(Evidence::from_family(family.unwrap_or(Family::Ole)))
}

/// The family by the streams in the root directory, as far as the directory lies in the head
/// without gaps.
fn ole_directory(head: &[u8]) -> Option<Family> {
    const STREAMS: &[(&str, Family)] = &[
        ("WordDocument", Family::OleDocument),
        ("Workbook", Family::OleBook),
        ("Book", Family::OleBook),
        ("PowerPoint Document", Family::OleSlides),
        ("__properties_version1.0", Family::OleMail),
    ];
    /// Maximum entries visited: more than any of these files has besides its streams.
    const MAX_ENTRIES: usize = 1000;
    let number =
        |bytes: &[u8], at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let shift = u16::from_le_bytes(*head.get(0x1e..)?.first_chunk()?);
    let sector = usize::try_from(number(head, 0x30)?).ok()?;
    let size = 1_usize.checked_shl(u32::from(shift))?;
    let at = sector.checked_add(1)?.checked_mul(size)?;
    let (entries, _) = head.get(at..)?.as_chunks::<128>();
    // Entries form a tree: siblings to the left and right, and the first child of a folder.
    let mut next = vec![number(entries.first()?, 76)?];
    for _ in 0..MAX_ENTRIES {
        let Some(entry) = entries.get(usize::try_from(next.pop()?).ok()?) else {
            continue;
        };
        let (pairs, _) = entry.get(..64)?.as_chunks::<2>();
        let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
        let name = char::decode_utf16(units.take_while(|unit| *unit != 0));
        let name: String = name.filter_map(Result::ok).collect();
        if let Some((_, family)) = STREAMS.iter().find(|(stream, _)| *stream == name) {
            return Some(*family);
        }
        next.extend([number(entry, 68)?, number(entry, 72)?]);
    }
    None
}

/// Detects certificates and PKCS files by their first ASN.1 elements.
pub(super) fn detect_asn1(head: &[u8]) -> Option<Evidence> {
    /// Object identifiers of PKCS#7, 1.2.840.113549.1.7, without their last number.
    const PKCS7: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    const SEQUENCE: u8 = 0x30;
    let outer = element_content(head, SEQUENCE)?;
    if outer.starts_with(PKCS7) {
        return Some(Evidence::from_family(Family::Pkcs7));
    }
    // A PKCS#12 file: version 3, then PKCS#7 content.
    if let Some(rest) = outer.strip_prefix(b"\x02\x01\x03") {
        let is_store =
            element_content(rest, SEQUENCE).is_some_and(|inner| inner.starts_with(PKCS7));
        return is_store.then(|| Evidence::from_family(Family::Pkcs12));
    }
    // A certificate's version, 2 or 3, has a tag of its own.
    let inner = element_content(outer, SEQUENCE)?;
    let is_certificate = inner.starts_with(b"\xa0\x03\x02\x01");
    is_certificate.then(|| Evidence::from_family(Family::Certificate))
}

/// The bytes after tag and length. The length is one byte, or up to four after their count, or
/// indefinite.
fn element_content(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (length, rest) = bytes.strip_prefix(&[tag])?.split_first()?;
    let more = match length {
        0..=0x80 => 0,
        0x81..=0x84 => usize::from(length & 0x7f),
        _ => return None,
    };
    rest.get(more..)
}

/// Detects ISO base media by their brands. The message's kind tells audio from video.
pub(super) fn detect_iso_media(head: &[u8], kind: MediaKind) -> Option<Evidence> {
    let family = match kind {
        MediaKind::Video => Family::IsoVideo,
        MediaKind::Audio => Family::IsoAudio,
        MediaKind::Image | MediaKind::Document | MediaKind::Sticker => Family::IsoMedia,
    };
    let box_type = head.get(4..8)?;
    // QuickTime files from before brands existed.
    let is_old =
        [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"].contains(&box_type.first_chunk()?);
    if is_old && head.first() == Some(&0) {
        return Some(Evidence::Family(family, Some("mov")));
    }
    if box_type != b"ftyp" {
        return None;
    }
    let size = u32::from_be_bytes(*head.first_chunk()?);
    let brands = head.get(8..usize::try_from(size).ok()?.min(head.len()));
    let (brands, _) = brands.or(head.get(8..))?.as_chunks::<4>();
    // The second field is a version, not a brand.
    let (major, others) = (brands.first()?, brands.get(2..).unwrap_or_default());
    let has = |brand: &[u8; 4]| others.contains(brand);
    Some(match major {
        b"avif" | b"avis" => Evidence::from_family(Family::Avif),
        b"mif1" | b"msf1" | b"miaf" if has(b"avif") || has(b"avis") => {
            Evidence::from_family(Family::Avif)
        }
        b"heic" | b"heix" | b"heim" | b"heis" => Evidence::from_family(Family::Heif),
        b"hevc" | b"hevx" | b"hevm" | b"hevs" => Evidence::Family(Family::Heif, Some("heics")),
        b"mif1" | b"msf1" | b"miaf" if has(b"heic") || has(b"heix") => {
            Evidence::from_family(Family::Heif)
        }
        b"mif1" | b"msf1" | b"miaf" => Evidence::Family(Family::Heif, Some("heif")),
        b"crx " => Evidence::from_format("cr3", "image/x-canon-cr3"),
        b"qt  " => Evidence::Family(family, Some("mov")),
        b"M4A " | b"M4P " => Evidence::Family(family, Some("m4a")),
        b"M4B " => Evidence::Family(family, Some("m4b")),
        b"M4V " | b"M4VH" | b"M4VP" => Evidence::Family(family, Some("m4v")),
        [b'3', b'g', b'2', _] => Evidence::Family(family, Some("3g2")),
        [b'3', b'g', _, _] => Evidence::Family(family, Some("3gp")),
        _ => Evidence::from_family(family),
    })
}

/// Detects RIFF files by their form type.
pub(super) fn detect_riff(head: &[u8]) -> Option<Evidence> {
    let form = head.strip_prefix(b"RIFF")?.get(4..8)?;
    Some(match form {
        b"WEBP" => Evidence::from_family(Family::WebP),
        b"WAVE" => Evidence::Format { extension: "wav", mimetype: "audio/wav", is_shown: true },
        b"AVI " => {
            Evidence::Format { extension: "avi", mimetype: "video/x-msvideo", is_shown: true }
        }
        [b'C' | b'c', b'D' | b'd', b'R' | b'r', _] => Evidence::Family(Family::Riff, Some("cdr")),
        _ => Evidence::from_family(Family::Riff),
    })
}

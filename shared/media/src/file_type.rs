//! What a file is called and served as: its first bytes decide where they are recognised, else its
//! declared mimetype, else it is `bin`.

/// Formats that share their first bytes with others, so that those bytes alone cannot name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// ZIP archives: Office, `OpenDocument`, APK, EPUB, Lottie stickers.
    Zip,
    /// OLE compound files: Office before 2007.
    Ole,
    /// Anything that is text: HTML, XML, CSV, source code.
    Text,
    /// ISO base media: MP4, M4A, 3GP, `QuickTime` share `ftyp`.
    IsoMedia,
    /// Formats that say what they are.
    Plain,
}

/// One row: mimetype, extension, family. The first row of an extension gives its content type.
type Row = (&'static str, &'static str, Family);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("image/jpeg", "jpg", Family::Plain),
    ("image/jpg", "jpg", Family::Plain),
    ("image/png", "png", Family::Plain),
    ("image/webp", "webp", Family::Plain),
    ("image/gif", "gif", Family::Plain),
    ("image/heic", "heic", Family::Plain),
    ("image/bmp", "bmp", Family::Plain),
    ("image/tiff", "tif", Family::Plain),
    ("image/svg+xml", "svg", Family::Text),
    ("video/mp4", "mp4", Family::IsoMedia),
    ("video/3gpp", "3gp", Family::IsoMedia),
    ("video/quicktime", "mov", Family::IsoMedia),
    ("audio/mp4", "m4a", Family::IsoMedia),
    ("audio/m4a", "m4a", Family::IsoMedia),
    ("audio/x-m4a", "m4a", Family::IsoMedia),
    ("video/webm", "webm", Family::Plain),
    ("video/x-matroska", "mkv", Family::Plain),
    ("video/x-msvideo", "avi", Family::Plain),
    ("audio/ogg", "ogg", Family::Plain),
    ("audio/opus", "ogg", Family::Plain),
    ("audio/mpeg", "mp3", Family::Plain),
    ("audio/mp3", "mp3", Family::Plain),
    ("audio/aac", "aac", Family::Plain),
    ("audio/amr", "amr", Family::Plain),
    ("audio/wav", "wav", Family::Plain),
    ("audio/x-wav", "wav", Family::Plain),
    ("audio/flac", "flac", Family::Plain),
    ("application/pdf", "pdf", Family::Plain),
    ("application/rtf", "rtf", Family::Plain),
    ("application/zip", "zip", Family::Zip),
    ("application/x-zip-compressed", "zip", Family::Zip),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", Family::Zip),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", Family::Zip),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx", Family::Zip),
    ("application/vnd.oasis.opendocument.text", "odt", Family::Zip),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods", Family::Zip),
    ("application/vnd.oasis.opendocument.presentation", "odp", Family::Zip),
    ("application/epub+zip", "epub", Family::Zip),
    ("application/vnd.android.package-archive", "apk", Family::Zip),
    ("application/java-archive", "jar", Family::Zip),
    ("application/was", "was", Family::Zip),
    ("application/msword", "doc", Family::Ole),
    ("application/vnd.ms-excel", "xls", Family::Ole),
    ("application/vnd.ms-powerpoint", "ppt", Family::Ole),
    ("application/vnd.ms-outlook", "msg", Family::Ole),
    ("application/vnd.rar", "rar", Family::Plain),
    ("application/x-7z-compressed", "7z", Family::Plain),
    ("application/gzip", "gz", Family::Plain),
    ("text/plain", "txt", Family::Text),
    ("text/csv", "csv", Family::Text),
    ("text/html", "html", Family::Text),
    ("text/xml", "xml", Family::Text),
    ("application/xml", "xml", Family::Text),
    ("application/json", "json", Family::Text),
    ("text/javascript", "js", Family::Text),
    ("application/javascript", "js", Family::Text),
    ("text/vcard", "vcf", Family::Text),
    ("text/x-vcard", "vcf", Family::Text),
    ("text/calendar", "ics", Family::Text),
    ("application/x-pkcs12", "pfx", Family::Plain),
    ("application/octet-stream", "bin", Family::Plain),
];

/// Extension and content type of a stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileType {
    /// Without the dot; `[a-z0-9]`, at most [`FileType::MAX_EXTENSION_BYTES`].
    pub extension: &'static str,
    /// A mimetype without parameters.
    pub content_type: &'static str,
}

impl FileType {
    /// Longest extension, in bytes.
    pub const MAX_EXTENSION_BYTES: usize = 8;
    const UNKNOWN: Self = Self {
        extension: "bin",
        content_type: "application/octet-stream",
    };

    /// Decides from the file's first bytes (a few KiB are plenty) and the declared mimetype, whose
    /// parameters (`; codecs=opus`) are dropped.
    #[must_use]
    pub fn detect(head: &[u8], declared: Option<&str>) -> Self {
        let declared = declared.and_then(row_of_mimetype);
        match (sniffed(head), declared) {
            (Some(seen), Some(said)) if seen.2 == said.2 && seen.2 != Family::Plain => {
                Self::of(said)
            }
            (Some(seen), _) => Self::of(seen),
            (None, Some(said)) => Self::of(said),
            (None, None) => Self::UNKNOWN,
        }
    }

    fn of(row: Row) -> Self {
        let first = TABLE
            .iter()
            .find(|other| other.1 == row.1)
            .copied()
            .unwrap_or(row);
        Self {
            extension: row.1,
            content_type: first.0,
        }
    }

    /// Whether a browser may show it in place. What could run scripts, and what nobody knows, may not.
    #[must_use]
    pub fn is_shown_inline(&self) -> bool {
        !matches!(
            self.extension,
            "html" | "htm" | "xhtml" | "svg" | "xml" | "js" | "bin" | "exe" | "apk" | "jar"
        )
    }
}

fn row_of_mimetype(mimetype: &str) -> Option<Row> {
    let bare = mimetype
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    TABLE.iter().find(|row| row.0 == bare).copied()
}

/// What the first bytes say, with the families that cannot be told apart by them reduced to their sort.
fn sniffed(head: &[u8]) -> Option<Row> {
    let seen = infer::get(head)?;
    if let Some(row) = row_of_mimetype(seen.mime_type()) {
        return Some(row);
    }
    let mime = seen.mime_type();
    let is_zip = head.starts_with(b"PK\x03\x04");
    let is_ole = head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]);
    let is_iso_media = head.get(4..8) == Some(b"ftyp");
    let is_text = mime.starts_with("text/");
    Some(match () {
        () if is_zip => ("application/zip", "zip", Family::Zip),
        () if is_ole => ("application/x-ole-storage", "bin", Family::Ole),
        () if is_iso_media => ("video/mp4", "mp4", Family::IsoMedia),
        () if is_text => ("text/plain", "txt", Family::Text),
        () if seen.extension().len() <= FileType::MAX_EXTENSION_BYTES => {
            (mime, seen.extension(), Family::Plain)
        }
        () => return None,
    })
}

//! MIME types and extensions: the library's table of a thousand, and additions to it.

use crate::file_name::Extension;

/// MIME type of unknown files.
pub(super) const UNKNOWN: &str = "application/octet-stream";
/// MIME type of plain text.
pub(super) const PLAIN_TEXT: &str = "text/plain";

/// Types of extensions that the library does not know, or knows by a less accepted name.
#[rustfmt::skip]
const TYPES: &[(&str, &str)] = &[
    ("amr", "audio/amr"),
    ("cdr", "application/vnd.corel-draw"),
    ("db", "application/vnd.sqlite3"),
    ("exe", "application/vnd.microsoft.portable-executable"),
    ("m4a", "audio/mp4"),
    ("mdb", "application/msaccess"),
    ("mkv", "video/x-matroska"),
    ("msi", "application/x-msi"),
    ("ofx", "application/x-ofx"),
    ("pem", "application/x-pem-file"),
    ("qif", "application/x-qif"),
    ("sqlite", "application/vnd.sqlite3"),
    ("was", "application/was"),
];

/// Extensions of types that the library does not know, or that have several.
#[rustfmt::skip]
const EXTENSIONS: &[(&str, &str)] = &[
    // Pictures.
    ("image/jpeg", "jpg"), ("image/jpg", "jpg"), ("image/pjpeg", "jpg"), ("image/png", "png"),
    ("image/bmp", "bmp"), ("image/x-ms-bmp", "bmp"), ("image/x-bmp", "bmp"), ("image/tiff", "tif"),
    ("image/svg+xml", "svg"), ("image/x-adobe-dng", "dng"),
    // Audio.
    ("audio/mp4", "m4a"), ("audio/x-m4a", "m4a"), ("audio/ogg", "ogg"), ("audio/opus", "ogg"),
    ("application/ogg", "ogg"), ("audio/mpeg", "mp3"), ("audio/mp3", "mp3"), ("audio/x-mp3", "mp3"),
    ("audio/aac", "aac"), ("audio/x-aac", "aac"), ("audio/aacp", "aac"), ("audio/amr", "amr"),
    ("audio/amr-nb", "amr"), ("audio/wav", "wav"), ("audio/wave", "wav"), ("audio/x-wav", "wav"),
    ("audio/vnd.wave", "wav"), ("audio/x-flac", "flac"), ("audio/midi", "mid"),
    // Video.
    ("video/mp4", "mp4"), ("video/3gpp", "3gp"), ("audio/3gpp", "3gp"), ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"), ("video/avi", "avi"), ("video/msvideo", "avi"),
    ("video/mpeg", "mpg"),
    // Documents.
    ("application/x-pdf", "pdf"), ("application/acrobat", "pdf"), ("application/msword", "doc"),
    ("application/vnd.ms-word", "doc"), ("application/vnd.ms-excel", "xls"),
    ("application/excel", "xls"), ("application/msexcel", "xls"), ("application/x-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"), ("application/mspowerpoint", "ppt"),
    ("application/powerpoint", "ppt"), ("application/vnd.ms-outlook", "msg"), ("text/rtf", "rtf"),
    ("text/richtext", "rtf"), ("application/x-rtf", "rtf"), ("application/wps-office.doc", "doc"),
    ("application/wps-office.docx", "docx"), ("application/wps-office.ppt", "ppt"),
    ("application/wps-office.pptx", "pptx"), ("application/wps-office.xls", "xls"),
    ("application/wps-office.xlsx", "xlsx"), ("application/vnd.apple.pages", "pages"),
    ("application/vnd.apple.numbers", "numbers"), ("application/vnd.apple.keynote", "key"),
    ("application/postscript", "ps"), ("application/eps", "eps"),
    ("application/msaccess", "mdb"), ("application/vnd.ms-access", "mdb"),
    // Drawings.
    ("application/cdr", "cdr"), ("application/coreldraw", "cdr"), ("application/x-cdr", "cdr"),
    ("application/x-coreldraw", "cdr"), ("application/vnd.corel-draw", "cdr"), ("image/cdr", "cdr"),
    ("image/x-cdr", "cdr"), ("image/x-coreldraw", "cdr"),
    ("application/x-vnd.corel.zcf.draw.document+zip", "cdr"), ("application/dwg", "dwg"),
    ("application/x-dwg", "dwg"), ("application/x-autocad", "dwg"),
    ("application/autocad_dwg", "dwg"), ("drawing/dwg", "dwg"), ("image/x-dwg", "dwg"),
    ("application/dxf", "dxf"), ("image/x-dxf", "dxf"),
    // Archives and programs.
    ("application/x-zip", "zip"), ("application/x-zip-compressed", "zip"),
    ("multipart/x-zip", "zip"), ("application/x-rar", "rar"), ("application/rar", "rar"),
    ("application/x-compressed", "rar"), ("application/x-gzip", "gz"),
    ("application/x-bzip", "bz2"), ("application/java-archive", "jar"),
    ("application/x-java-archive", "jar"), ("application/x-msdownload", "exe"),
    ("application/x-msdos-program", "exe"),
    ("application/vnd.microsoft.portable-executable", "exe"), ("application/x-dosexec", "exe"),
    ("application/x-msi", "msi"), ("application/was", "was"), ("application/x-sqlite3", "sqlite"),
    ("application/vnd.sqlite3", "sqlite"),
    // Text.
    ("text/plain", "txt"), ("application/txt", "txt"), ("text/html", "html"), ("text/xml", "xml"),
    ("application/xml", "xml"), ("application/x-xml", "xml"), ("text/json", "json"),
    ("text/x-json", "json"), ("text/javascript", "js"), ("application/javascript", "js"),
    ("application/x-javascript", "js"), ("application/csv", "csv"), ("application/x-csv", "csv"),
    ("text/x-csv", "csv"), ("text/comma-separated-values", "csv"),
    ("text/x-comma-separated-values", "csv"), ("text/vcard", "vcf"), ("text/directory", "vcf"),
    ("text/calendar", "ics"), ("text/x-vcalendar", "ics"), ("application/ics", "ics"),
    ("message/rfc822", "eml"), ("application/x-ofx", "ofx"), ("application/ofx", "ofx"),
    ("application/vnd.ofx", "ofx"), ("text/ofx", "ofx"), ("text/x-ofx", "ofx"),
    ("application/x-qfx", "qfx"), ("application/x-qif", "qif"), ("application/qif", "qif"),
    // Certificates and signatures.
    ("application/pkcs12", "p12"), ("application/x-pkcs12", "p12"),
    ("application/x-pkcs12-certificate", "p12"), ("application/pkcs7-mime", "p7m"),
    ("application/x-pkcs7-mime", "p7m"), ("application/x-pkcs7-signature", "p7s"),
    ("application/x-pkcs7-certificates", "p7b"), ("application/x-x509-ca-cert", "der"),
    ("application/x-x509-user-cert", "der"), ("application/x-pem-file", "pem"),
];

/// Types that only say how a file is packed, so that its name may say more.
#[rustfmt::skip]
const WIDE: &[&str] = &[
    PLAIN_TEXT, "text/xml", "application/xml", "application/json", "application/zip",
    "application/x-zip", "application/x-zip-compressed", "multipart/x-zip", "application/gzip",
    "application/x-gzip", "video/mp4", "image/tiff", "application/x-x509-ca-cert",
    "application/pkcs7-mime", "application/x-pkcs7-mime", "application/x-ole-storage",
];

/// A declared type that the tables know.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeclaredType {
    /// The type's usual extension.
    pub(super) extension: &'static str,
    /// Whether the type only says how the file is packed.
    pub(super) is_wide: bool,
}

/// Parses a declared type and drops its parameters (`; codecs=opus`). `None` if the type is
/// unknown, or generic like `application/octet-stream`.
pub(super) fn parse_declared(mimetype: &str) -> Option<DeclaredType> {
    let bare = mimetype.split(';').next().unwrap_or_default();
    let bare = bare.trim().to_ascii_lowercase();
    if bare == UNKNOWN {
        return None;
    }
    let own = EXTENSIONS.iter().find(|(name, _)| *name == bare);
    let extension = match own {
        Some((_, extension)) => extension,
        None => extension_in_library(&bare)?,
    };
    let is_wide = WIDE.contains(&bare.as_str());
    Some(DeclaredType { extension, is_wide })
}

/// The library's first extension of the type that fits into an object key. The library reads
/// `image/*` as all images, so wildcards are excluded.
fn extension_in_library(mimetype: &str) -> Option<&'static str> {
    let all = mime_infer::get_mime_extensions_str(mimetype)?;
    let mut usable = all.iter().filter(|extension| Extension::parse(extension).is_some());
    usable.next().copied().filter(|_| !mimetype.contains('*'))
}

/// MIME type of an extension, if the tables know it.
pub(super) fn mimetype_for_extension(extension: &str) -> Option<&'static str> {
    let own = TYPES.iter().find(|(name, _)| *name == extension);
    match own {
        Some((_, mimetype)) => Some(mimetype),
        None => mime_infer::from_ext(extension).first_raw(),
    }
}

/// Whether the extension's type is a text type.
pub(super) fn is_text(extension: &str) -> bool {
    mimetype_for_extension(extension).is_some_and(|mimetype| {
        let (top, sub) = mimetype.split_once('/').unwrap_or_default();
        top == "text"
            || sub.ends_with("+xml")
            || sub.ends_with("+json")
            || matches!(
                sub,
                "xml"
                    | "json"
                    | "javascript"
                    | "x-sh"
                    | "sql"
                    | "hta"
                    | "x-subrip"
                    | "x-yaml"
                    | "toml"
            )
    })
}

/// Whether the extension's type is image, audio, video or font.
pub(super) fn is_media(extension: &str) -> bool {
    let mimetype = mimetype_for_extension(extension).unwrap_or_default();
    let top = mimetype.split('/').next().unwrap_or_default();
    matches!(top, "image" | "audio" | "video" | "font")
}

/// Whether two extensions have the same type, like `pfx` and `p12`.
pub(super) fn are_alike(one: &str, other: &str) -> bool {
    one == other
        || mimetype_for_extension(one)
            .is_some_and(|mimetype| mimetype_for_extension(other) == Some(mimetype))
}

#[cfg(test)]
mod tests {
    use super::{EXTENSIONS, TYPES, mimetype_for_extension, parse_declared};
    use crate::file_name::Extension;

    /// An entry that the library already has, or that no key can carry, is a mistake.
    #[test]
    fn the_tables_only_add_to_the_library() {
        for (extension, mimetype) in TYPES {
            assert!(Extension::parse(extension).is_some(), "{extension}");
            let library = mime_infer::from_ext(extension).first_raw();
            assert_ne!(library, Some(*mimetype), "{extension}");
        }
        for (mimetype, extension) in EXTENSIONS {
            assert!(Extension::parse(extension).is_some(), "{extension}");
            let library = mime_infer::get_mime_extensions_str(mimetype).unwrap_or_default();
            assert_ne!(library, [*extension], "{mimetype}");
        }
    }

    #[test]
    fn types_are_matched_in_any_case() {
        let xlsm = parse_declared("Application/vnd.ms-excel.sheet.MacroEnabled.12; x=y");
        assert_eq!(xlsm.map(|it| it.extension), Some("xlsm"));
        assert_eq!(
            mimetype_for_extension("xlsm"),
            Some("application/vnd.ms-excel.sheet.macroEnabled.12")
        );
        assert!(parse_declared("application/octet-stream").is_none());
        assert!(parse_declared("x/unheard-of").is_none());
        assert!(parse_declared("image/*").is_none());
    }
}

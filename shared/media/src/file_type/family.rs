//! Families of file formats: what the first bytes can prove, and which extensions such files have.

use super::types;

/// Formats whose first bytes are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Jpeg,
    Png,
    Gif,
    WebP,
    Bmp,
    Icon,
    Tiff,
    /// ISO base media with still pictures: the HEIF brands.
    Heif,
    /// ISO base media with AV1 still pictures.
    Avif,
    /// ISO base media of any other brand: audio and video.
    IsoMedia,
    /// ISO base media in a video message.
    IsoVideo,
    /// ISO base media in an audio message.
    IsoAudio,
    Matroska,
    Ogg,
    Mp3,
    Aac,
    Pdf,
    Riff,
    Gzip,
    /// Windows Media: audio and video.
    Asf,
    Sqlite,
    /// DOS and Windows programs.
    Program,
    /// OLE compound files of unknown content: Office before 2007, and installers.
    Ole,
    OleBook,
    OleDocument,
    OleSlides,
    OleMail,
    /// ZIP archives of unknown content.
    Zip,
    ZipBook,
    ZipMacroBook,
    /// A workbook whose parts are binary, not XML.
    ZipBinaryBook,
    ZipDocument,
    ZipMacroDocument,
    ZipSlides,
    ZipMacroSlides,
    /// ZIP archives with an Android manifest.
    ZipAndroid,
    /// ASN.1 with a certificate. The next two are ASN.1 as well.
    Certificate,
    Pkcs12,
    Pkcs7,
    /// Text of any syntax.
    Text,
}

/// What is known about a family.
struct Row {
    family: Family,
    /// Extensions of such files. The first is used if nothing but the bytes is known.
    extensions: &'static [&'static str],
    /// MIME type of all extensions; if `None`, each extension has its own.
    mimetype: Option<&'static str>,
    /// Whether a browser may show it inline: images that browsers display, audio, video, PDF. All
    /// others are downloaded. For text, [`super::FileType`] decides.
    is_shown: bool,
}

const fn row(
    family: Family,
    extensions: &'static [&'static str],
    mimetype: Option<&'static str>,
    is_shown: bool,
) -> Row {
    Row { family, extensions, mimetype, is_shown }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(Family::Jpeg, &["jpg", "jpeg", "jpe", "jfif"], Some("image/jpeg"), true),
    row(Family::Png, &["png", "apng"], Some("image/png"), true),
    row(Family::Gif, &["gif"], Some("image/gif"), true),
    row(Family::WebP, &["webp"], Some("image/webp"), true),
    row(Family::Bmp, &["bmp", "dib"], Some("image/bmp"), true),
    row(Family::Icon, &["ico"], Some("image/vnd.microsoft.icon"), true),
    row(Family::Tiff, &[
        "tif", "tiff", "dng", "nef", "arw", "pef", "nrw", "srw",
    ], Some("image/tiff"), false),
    row(Family::Heif, &["heic", "heif", "heics", "heifs", "hif"], None, false),
    row(Family::Avif, &["avif", "avifs"], Some("image/avif"), true),
    row(Family::IsoMedia, &[
        "mp4", "m4v", "mov", "qt", "3gp", "3g2", "m4a", "m4b", "m4r", "f4v",
    ], None, true),
    row(Family::IsoVideo, &["mp4", "m4v", "mov", "qt", "3gp", "3g2", "f4v"], None, true),
    row(Family::IsoAudio, &["m4a", "m4b", "m4r"], None, true),
    row(Family::Matroska, &["mkv", "webm", "mka", "weba", "mk3d", "mks"], None, true),
    row(Family::Ogg, &["ogg", "oga", "opus", "spx", "ogv", "ogx"], None, true),
    row(Family::Mp3, &["mp3", "mp2", "mpga"], Some("audio/mpeg"), true),
    row(Family::Aac, &["aac", "adts"], Some("audio/aac"), true),
    row(Family::Pdf, &["pdf", "ai"], Some("application/pdf"), true),
    row(Family::Riff, &["bin", "cdr", "cdt", "ani", "rmi", "sf2"], None, false),
    row(Family::Gzip, &["gz", "tgz", "taz", "svgz", "tgs", "emz", "wmz"], None, false),
    row(Family::Asf, &["wmv", "wma", "asf"], None, true),
    row(Family::Sqlite, &[
        "sqlite", "sqlite3", "db", "db3",
    ], Some("application/vnd.sqlite3"), false),
    row(Family::Program, &[
        "exe", "dll", "com", "scr", "sys", "cpl", "ocx", "drv", "pif", "efi",
    ], Some("application/vnd.microsoft.portable-executable"), false),
    row(Family::Ole, &[
        "bin", "xls", "xlt", "xla", "doc", "dot", "ppt", "pps", "pot", "msg", "oft", "msi", "msp",
        "vsd", "pub", "mpp", "wps", "rvt", "rfa", "max",
        // Current Office formats, with a password.
        "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm",
    ], None, false),
    row(Family::OleBook, &["xls", "xlt", "xla"], None, false),
    row(Family::OleDocument, &["doc", "dot", "wps"], None, false),
    row(Family::OleSlides, &["ppt", "pps", "pot", "ppa"], None, false),
    row(Family::OleMail, &["msg", "oft"], None, false),
    row(Family::Zip, &[
        "zip", "docx", "docm", "dotx", "dotm", "xlsx", "xlsm", "xlsb", "xltx", "xltm", "xlam",
        "pptx", "pptm", "ppsx", "ppsm", "potx", "potm", "odt", "ods", "odp", "odg", "odf", "odb",
        "ott", "ots", "otp", "epub", "apk", "aab", "xapk", "apks", "apkm", "aar", "jar", "war",
        "ear", "ipa", "xpi", "kmz", "cbz", "was", "cdr", "vsdx", "pages", "numbers", "key", "3mf",
        "xps", "oxps", "idml", "ora", "usdz",
    ], None, false),
    row(Family::ZipBook, &["xlsx", "xlsm", "xlsb", "xltx", "xltm", "xlam"], None, false),
    row(Family::ZipMacroBook, &["xlsm", "xlsb", "xltm", "xlam"], None, false),
    row(Family::ZipBinaryBook, &["xlsb"], None, false),
    row(Family::ZipDocument, &["docx", "docm", "dotx", "dotm"], None, false),
    row(Family::ZipMacroDocument, &["docm", "dotm"], None, false),
    row(Family::ZipSlides, &["pptx", "pptm", "ppsx", "ppsm", "potx", "potm", "ppam"], None, false),
    row(Family::ZipMacroSlides, &["pptm", "ppsm", "potm", "ppam"], None, false),
    row(Family::ZipAndroid, &["apk", "aar", "xapk", "apks", "apkm"], None, false),
    row(Family::Certificate, &["der", "cer", "crt", "crl"], None, false),
    row(Family::Pkcs12, &["p12", "pfx"], None, false),
    row(Family::Pkcs7, &["p7m", "p7s", "p7b", "p7c", "spc"], None, false),
    // All extensions whose type is text belong here too. These have another type: PEM, playlists,
    // drawings.
    row(Family::Text, &[
        "txt", "pem", "crt", "cer", "key", "csr", "crl", "p7b", "p7c", "p7m", "p7s", "asc", "sig",
        "ofx", "qfx", "qif", "eml", "mht", "mhtml", "bat", "ps", "eps", "ai", "prn", "m3u", "m3u8",
        "pls", "dxf", "xbm", "xpm", "ppm", "pgm", "pbm", "stp", "step", "stl", "ifc", "obj", "tex",
        "latex", "ldif", "url",
    ], None, false),
];

impl Family {
    fn table_row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.family == self)
    }

    /// The extension if nothing but the bytes is known.
    pub(super) fn usual_extension(self) -> &'static str {
        let extensions = self.table_row().map(|row| row.extensions).unwrap_or_default();
        extensions.first().copied().unwrap_or("bin")
    }

    /// Whether its files have more formats than the tables can list.
    pub(super) fn is_wide(self) -> bool {
        let wide = [
            Self::Text,
            Self::Zip,
            Self::Ole,
            Self::Riff,
            Self::IsoMedia,
            Self::Gzip,
            Self::Sqlite,
            Self::Program,
            Self::Pkcs7,
        ];
        wide.contains(&self)
    }

    /// Whether files with this extension may have such bytes.
    pub(super) fn has_extension(self, extension: &str) -> bool {
        self.table_row().is_some_and(|row| row.extensions.contains(&extension))
            || (self == Self::Text && types::is_text(extension))
    }

    /// MIME type of a file of this family with this extension.
    pub(super) fn mimetype_for(self, extension: &str) -> Option<&'static str> {
        let fixed = self.table_row().and_then(|row| row.mimetype);
        fixed.or_else(|| types::mimetype_for_extension(extension))
    }

    /// Whether a browser may show it inline.
    pub(super) fn is_shown(self) -> bool {
        self.table_row().is_some_and(|row| row.is_shown)
    }
}

/// Extensions whose files have a long signature of their own, besides those of images, audio,
/// video and fonts.
const FORMAT_EXTENSIONS: &[&str] = &[
    "7z", "accdb", "bz2", "cab", "class", "crx", "deb", "dex", "elf", "lnk", "lz", "lz4", "mdb",
    "mobi", "rar", "rpm", "rtf", "swf", "tar", "wasm", "xz", "zst",
];

/// Whether a file of any family may have this extension: no family or format claims it, and it is
/// not the extension of an image, audio, video or font.
pub(super) fn is_unclaimed(extension: &str) -> bool {
    let is_taken = is_claimed(extension) || FORMAT_EXTENSIONS.contains(&extension);
    !is_taken && !types::is_media(extension)
}

/// Whether some family claims this extension.
pub(super) fn is_claimed(extension: &str) -> bool {
    types::is_text(extension) || ROWS.iter().any(|row| row.extensions.contains(&extension))
}

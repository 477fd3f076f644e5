//! Decides the extension and content type of a file from its bytes, declared type, kind and name.
//!
//! | first bytes | extension | content type | inline |
//! |---|---|---|---|
//! | long signature of one format (RAR) | the format's | the format's | audio, video |
//! | long signature of a family (ZIP) | by the order below | the extension's | by the family |
//! | text | by the order below | the extension's, else `text/plain` | `text/plain`, no markup |
//! | short signature (`BM`) | as for a long one | as for a long one | if a hint agrees |
//! | short signature and a plausible hint | the hint's | the extension's | never |
//! | unknown | declared type, name, `bin` | the extension's | never |
//!
//! Within a family, the first extension that such bytes may have is taken:
//!
//! 1. the declared type's, or the name's if both have the same type (`pfx` and `p12`); types that
//!    only say how a file is packed (`application/zip`, `text/plain`) come last;
//! 2. the name's, if the tables know it;
//! 3. the one that the content suggests: names in an archive, brands, syntax of a text;
//! 4. the name's, if no other type uses it (`rem`) and the family has files of many formats;
//! 5. the declared type's that only says how the file is packed, then the family's usual one.
//!
//! A file is shown inline only if its bytes prove that it is an image that browsers display, audio,
//! video, PDF or plain text. What the sender declares cannot change that.

mod containers;
mod evidence;
mod family;
mod signature;
mod text;
mod types;

use evidence::Evidence;
use family::Family;
use signature::Signature;
use text::Text;
use types::DeclaredType;

use crate::{
    file_name::{Extension, remove_extension},
    kind::MediaKind,
};

/// Everything that suggests what a file is.
#[derive(Debug, Clone, Copy)]
pub struct FileEvidence<'a> {
    /// The file's first bytes. A few KiB suffice for most formats; archives need more.
    pub head: &'a [u8],
    /// The declared mimetype, with or without parameters.
    pub declared: Option<&'a str>,
    /// The kind of the message.
    pub kind: MediaKind,
    /// The name that the sender gave the file.
    pub file_name: Option<&'a str>,
}

/// Extension and content type of a stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileType {
    /// The extension in the key.
    pub extension: Extension,
    /// MIME type, with `charset` for plain text that is UTF-8 beyond ASCII: browsers do not detect
    /// it, and would show two characters for each accented one. Other plain text has no charset:
    /// browsers read it as Windows-1252 or by its byte order mark.
    pub content_type: &'static str,
    is_shown_inline: bool,
}

/// The type and name that the sender gave.
#[derive(Debug, Clone)]
struct SenderHints {
    declared: Option<DeclaredType>,
    name: Option<Extension>,
}

impl SenderHints {
    fn from_evidence(evidence: &FileEvidence<'_>) -> Self {
        let name = evidence.file_name.and_then(extension_in_name);
        // `bin` is no hint, and a single letter (`Empresa S.A`) only if a family claims it.
        let is_hint = |name: &str| {
            let is_letter = name.len() == 1 && !family::is_claimed(name);
            name != "bin" && !is_letter
        };
        Self {
            declared: evidence.declared.and_then(types::parse_declared),
            name: name.filter(|name| is_hint(name.as_str())),
        }
    }

    fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Extension::as_str)
    }

    /// The suggested extensions, the declared type's first.
    fn extensions(&self) -> impl Iterator<Item = &str> {
        let declared = self.declared.map(|declared| declared.extension);
        declared.into_iter().chain(self.name())
    }

    /// The extension within a family. `content` is the extension that the content suggests.
    fn extension_in<'a>(&'a self, family: Family, content: Option<&'static str>) -> &'a str {
        let name = self.name().filter(|name| family.has_extension(name));
        let content = content.filter(|content| family.has_extension(content));
        let declared = self.declared.filter(|declared| family.has_extension(declared.extension));
        if let Some(DeclaredType { extension, is_wide: false }) = declared {
            let better =
                name.filter(|name| types::are_alike(name, extension) || content == Some(*name));
            return better.unwrap_or(extension);
        }
        let open = self.name().filter(|name| family.is_wide() && family::is_unclaimed(name));
        name.or(content)
            .or(open)
            .or(declared.map(|declared| declared.extension))
            .unwrap_or(family.usual_extension())
    }

    /// The extension of a text. A page declared as plain text keeps that type; a text declared as a
    /// workbook is CSV, because Windows has one type for both. XML is the syntax of many formats,
    /// so the name may be more exact.
    fn extension_of_text(&self, text: Text) -> &str {
        let is_said =
            |extension: &str| self.declared.is_some_and(|declared| declared.extension == extension);
        let content = match text.extension {
            Some(_) if text.is_page() && is_said("txt") => Some("txt"),
            None if is_said("xls") => Some("csv"),
            Some("xml") if !is_said("xml") && self.name().is_some_and(family::is_unclaimed) => None,
            content => content,
        };
        self.extension_in(Family::Text, content)
    }

    /// The extension of bytes without a known signature. Files of a family would have one, so an
    /// extension that no family claims is more likely.
    fn likeliest_extension(&self) -> Option<&str> {
        let declared = self.declared.map(|declared| declared.extension);
        let (Some(declared), Some(name)) = (self.declared, self.name()) else {
            return declared.or(self.name());
        };
        let is_likelier = family::is_claimed(declared.extension) && !family::is_claimed(name);
        let is_better = declared.is_wide || types::are_alike(name, declared.extension);
        Some(if is_better || is_likelier { name } else { declared.extension })
    }
}

impl FileType {
    /// Decides the type. The same evidence always gives the same type.
    #[must_use]
    pub fn detect(evidence: FileEvidence<'_>) -> Self {
        let hints = SenderHints::from_evidence(&evidence);
        let signature = Signature::from_head(evidence.head, evidence.kind);
        // Few texts begin with a non-ASCII character, but many signatures do, on purpose.
        let is_plain = |signature: Signature| {
            !signature.is_sure || evidence.head.first().is_some_and(u8::is_ascii)
        };
        let text = Text::from_head(evidence.head).filter(|_| signature.is_none_or(is_plain));
        let is_agreed = |signature: Signature| {
            let mut extensions = hints.extensions();
            extensions.any(|extension| signature.evidence.has_extension(extension))
        };
        let may_be_another = || hints.extensions().any(family::is_unclaimed);
        match (signature, text) {
            (Some(signature), _) if signature.is_sure && signature.is_text => {
                Self::from_signature(signature, &hints, true)
            }
            (Some(signature), None) if signature.is_sure => {
                Self::from_signature(signature, &hints, true)
            }
            // A text may begin with any short signature.
            (Some(signature), Some(text)) if is_agreed(signature) && text.extension.is_none() => {
                Self::from_signature(signature, &hints, false)
            }
            (_, Some(text)) => Self::from_text(text, &hints),
            (Some(signature), None) if is_agreed(signature) || !may_be_another() => {
                Self::from_signature(signature, &hints, is_agreed(signature))
            }
            (Some(_) | None, None) => Self::from_hints(&hints),
        }
    }

    fn from_signature(signature: Signature, hints: &SenderHints, is_proven: bool) -> Self {
        match signature.evidence {
            Evidence::Family(family, content) => {
                let extension = hints.extension_in(family, content);
                let usual = || family.mimetype_for(family.usual_extension());
                let mimetype = family.mimetype_for(extension).or_else(usual);
                Self::new(extension, mimetype, is_proven && family.is_shown())
            }
            Evidence::Format { extension, mimetype, is_shown } => {
                let alike = hints.name().filter(|name| types::are_alike(name, extension));
                let extension = alike.unwrap_or(extension);
                Self::new(extension, Some(mimetype), is_proven && is_shown)
            }
        }
    }

    fn from_text(text: Text, hints: &SenderHints) -> Self {
        let extension = hints.extension_of_text(text);
        let syntax = || text.extension.and_then(types::mimetype_for_extension);
        let own = types::mimetype_for_extension(extension)
            .filter(|_| Family::Text.has_extension(extension));
        let mimetype = own.or_else(syntax).unwrap_or(types::PLAIN_TEXT);
        let is_plain = mimetype == types::PLAIN_TEXT;
        let mimetype = match text.is_utf8 {
            true if is_plain => "text/plain; charset=utf-8",
            _ => mimetype,
        };
        Self::new(extension, Some(mimetype), is_plain && text.extension.is_none())
    }

    fn from_hints(hints: &SenderHints) -> Self {
        let extension = hints.likeliest_extension().unwrap_or("bin");
        Self::new(extension, types::mimetype_for_extension(extension), false)
    }

    fn new(extension: &str, mimetype: Option<&'static str>, is_shown_inline: bool) -> Self {
        Self {
            extension: Extension::parse(extension).unwrap_or_default(),
            content_type: mimetype.unwrap_or(types::UNKNOWN),
            is_shown_inline,
        }
    }

    /// Whether a browser may show the file inline. The bytes must prove that it is an image that
    /// browsers display, audio, video, a PDF or plain text.
    #[must_use]
    pub fn is_shown_inline(&self) -> bool {
        self.is_shown_inline
    }
}

/// The extension in a file name.
fn extension_in_name(name: &str) -> Option<Extension> {
    Extension::from_name(name, is_known)
}

fn is_known(extension: &str) -> bool {
    family::is_claimed(extension) || types::mimetype_for_extension(extension).is_some()
}

/// A file name without its extension. A dot alone does not make an extension (`Empresa S.A`,
/// `Dr.Silva`): it must be known and longer than one letter, or be the file's own.
#[must_use]
pub fn file_stem<'a>(name: &'a str, file_type: &FileType) -> &'a str {
    match extension_in_name(name) {
        Some(extension) if extension == file_type.extension => remove_extension(name, &extension),
        Some(extension) if extension.as_str().len() > 1 && is_known(extension.as_str()) => {
            remove_extension(name, &extension)
        }
        Some(_) | None => name,
    }
}

//! What a file is called and served as: its bytes, declared type, kind and name decide together.
//!
//! | first bytes | extension | content type | inline |
//! |---|---|---|---|
//! | one format's long signature (RAR) | the format's | the format's | audio, video |
//! | a family's long signature (ZIP) | by the order below | the extension's | by the family |
//! | text | by the order below | the extension's, else `text/plain` | `text/plain`, no markup |
//! | a short signature (`BM`) | as for a long one | as for a long one | if a word agrees |
//! | a short signature, and a word that may be true | the word's | the extension's | never |
//! | none known | declared type, name, `bin` | the extension's | never |
//!
//! The order within a family takes the first extension that such bytes can have:
//!
//! 1. the declared type's, or the name's if it has the same type (`pfx` and `p12`); types that only
//!    say how a file is packed (`application/zip`, `text/plain`) come last;
//! 2. the name's, if the tables know it;
//! 3. what the bytes tell of their content: names in an archive, brands, syntax of a text;
//! 4. the name's, if nothing else is called so (`rem`) and the family holds files of many formats;
//! 5. the declared type that only says how the file is packed, and the family's usual extension.
//!
//! Inline is what the bytes prove to be a picture that browsers draw, audio, video, PDF or plain
//! text. No word of a sender's can change that.

mod containers;
mod family;
mod signature;
mod text;
mod types;

use family::Family;
use signature::{Evidence, Signature};
use text::Text;
use types::DeclaredType;

use crate::{
    file_name::{Extension, remove_extension},
    kind::MediaKind,
};

/// All that says what a file is.
#[derive(Debug, Clone, Copy)]
pub struct FileEvidence<'a> {
    /// The file's first bytes. A few KiB are plenty for most; archives tell more in more.
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
    /// A mimetype, with `charset` for plain text that is UTF-8 beyond ASCII: browsers do not look
    /// for that, and would show two signs for each accent. Other plain text has none: they take it
    /// for Windows-1252, or follow its byte order mark.
    pub content_type: &'static str,
    is_shown_inline: bool,
}

/// What the sender's words say.
#[derive(Debug, Clone)]
struct Words {
    declared: Option<DeclaredType>,
    name: Option<Extension>,
}

impl Words {
    fn read(evidence: &FileEvidence<'_>) -> Self {
        let name = evidence.file_name.and_then(extension_of);
        // `bin` says nothing, and a single letter (`Empresa S.A`) only what the tables know.
        let says = |name: &str| {
            let is_letter = name.len() == 1 && !family::is_of_some_family(name);
            name != "bin" && !is_letter
        };
        Self {
            declared: evidence.declared.and_then(types::declared),
            name: name.filter(|name| says(name.as_str())),
        }
    }

    fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Extension::as_str)
    }

    /// The extensions that are said, the declared type's first.
    fn extensions(&self) -> impl Iterator<Item = &str> {
        let declared = self.declared.map(|declared| declared.extension);
        declared.into_iter().chain(self.name())
    }

    /// The extension within a family; `content` is what the bytes tell of their content.
    fn extension_in<'a>(&'a self, family: Family, content: Option<&'static str>) -> &'a str {
        let name = self.name().filter(|name| family.has(name));
        let content = content.filter(|content| family.has(content));
        let declared = self
            .declared
            .filter(|declared| family.has(declared.extension));
        if let Some(DeclaredType {
            extension,
            is_wide: false,
        }) = declared
        {
            let better =
                name.filter(|name| types::are_alike(name, extension) || content == Some(*name));
            return better.unwrap_or(extension);
        }
        let open = self
            .name()
            .filter(|name| family.is_wide() && family::is_open(name));
        name.or(content)
            .or(open)
            .or(declared.map(|declared| declared.extension))
            .unwrap_or(family.usual_extension())
    }

    /// The extension of text. A page that is said to be plain text stays that; a workbook that is
    /// text is CSV, since Windows has one type for both. XML is the syntax of many formats, so the
    /// name may say more.
    fn extension_of_text(&self, text: Text) -> &str {
        let is_said = |extension: &str| {
            self.declared
                .is_some_and(|declared| declared.extension == extension)
        };
        let content = match text.extension {
            Some(_) if text.is_page() && is_said("txt") => Some("txt"),
            None if is_said("xls") => Some("csv"),
            Some("xml") if !is_said("xml") && self.name().is_some_and(family::is_open) => None,
            content => content,
        };
        self.extension_in(Family::Text, content)
    }

    /// The extension of bytes without a known signature. A family's files would have one, so an
    /// extension of no family is likelier.
    fn likeliest_extension(&self) -> Option<&str> {
        let declared = self.declared.map(|declared| declared.extension);
        let (Some(declared), Some(name)) = (self.declared, self.name()) else {
            return declared.or(self.name());
        };
        let is_likelier =
            family::is_of_some_family(declared.extension) && !family::is_of_some_family(name);
        let is_better = declared.is_wide || types::are_alike(name, declared.extension);
        Some(if is_better || is_likelier {
            name
        } else {
            declared.extension
        })
    }
}

impl FileType {
    /// Decides. The same evidence always gives the same type.
    #[must_use]
    pub fn detect(evidence: FileEvidence<'_>) -> Self {
        let words = Words::read(&evidence);
        let signature = Signature::read(evidence.head, evidence.kind);
        // Few texts begin beyond ASCII, and signatures do so on purpose.
        let is_plain = |signature: Signature| {
            !signature.is_sure || evidence.head.first().is_some_and(u8::is_ascii)
        };
        let text = Text::read(evidence.head).filter(|_| signature.is_none_or(is_plain));
        let is_agreed = |signature: Signature| {
            let mut extensions = words.extensions();
            extensions.any(|extension| signature.evidence.has(extension))
        };
        let may_be_another = || words.extensions().any(family::is_open);
        match (signature, text) {
            (Some(signature), _) if signature.is_sure && signature.is_text => {
                Self::of_signature(signature, &words, true)
            }
            (Some(signature), None) if signature.is_sure => {
                Self::of_signature(signature, &words, true)
            }
            // A text may begin like anything.
            (Some(signature), Some(text)) if is_agreed(signature) && text.extension.is_none() => {
                Self::of_signature(signature, &words, false)
            }
            (_, Some(text)) => Self::of_text(text, &words),
            (Some(signature), None) if is_agreed(signature) || !may_be_another() => {
                Self::of_signature(signature, &words, is_agreed(signature))
            }
            (Some(_) | None, None) => Self::of_words(&words),
        }
    }

    fn of_signature(signature: Signature, words: &Words, is_proven: bool) -> Self {
        match signature.evidence {
            Evidence::Family(family, content) => {
                let extension = words.extension_in(family, content);
                let usual = || family.mimetype(family.usual_extension());
                let mimetype = family.mimetype(extension).or_else(usual);
                Self::new(extension, mimetype, is_proven && family.is_shown())
            }
            Evidence::Format {
                extension,
                mimetype,
                is_shown,
            } => {
                let alike = words
                    .name()
                    .filter(|name| types::are_alike(name, extension));
                let extension = alike.unwrap_or(extension);
                Self::new(extension, Some(mimetype), is_proven && is_shown)
            }
        }
    }

    fn of_text(text: Text, words: &Words) -> Self {
        let extension = words.extension_of_text(text);
        let syntax = || text.extension.and_then(types::of_extension);
        let own = types::of_extension(extension).filter(|_| Family::Text.has(extension));
        let mimetype = own.or_else(syntax).unwrap_or(types::PLAIN_TEXT);
        let is_plain = mimetype == types::PLAIN_TEXT;
        let mimetype = match text.is_utf8 {
            true if is_plain => "text/plain; charset=utf-8",
            _ => mimetype,
        };
        Self::new(
            extension,
            Some(mimetype),
            is_plain && text.extension.is_none(),
        )
    }

    fn of_words(words: &Words) -> Self {
        let extension = words.likeliest_extension().unwrap_or("bin");
        Self::new(extension, types::of_extension(extension), false)
    }

    fn new(extension: &str, mimetype: Option<&'static str>, is_shown_inline: bool) -> Self {
        Self {
            extension: Extension::parse(extension).unwrap_or_default(),
            content_type: mimetype.unwrap_or(types::UNKNOWN),
            is_shown_inline,
        }
    }

    /// Whether a browser may show it in place. Only what its bytes prove to be a picture that
    /// browsers draw, audio, video, a PDF or plain text may.
    #[must_use]
    pub fn is_shown_inline(&self) -> bool {
        self.is_shown_inline
    }
}

/// The extension of a file's name.
fn extension_of(name: &str) -> Option<Extension> {
    Extension::of_name(name, is_known)
}

fn is_known(extension: &str) -> bool {
    family::is_of_some_family(extension) || types::of_extension(extension).is_some()
}

/// A file's name without its extension. A dot alone makes no extension (`Empresa S.A`, `Dr.Silva`):
/// it is one that the tables know, and longer than one letter, or the one that the file has.
#[must_use]
pub fn stem<'a>(name: &'a str, file_type: &FileType) -> &'a str {
    match extension_of(name) {
        Some(extension) if extension == file_type.extension => remove_extension(name, &extension),
        Some(extension) if extension.as_str().len() > 1 && is_known(extension.as_str()) => {
            remove_extension(name, &extension)
        }
        Some(_) | None => name,
    }
}

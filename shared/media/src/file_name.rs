//! File names chosen by senders: their extension, their safe display form, and how long names are
//! shortened.

use crate::message::truncate_bytes;

/// The extension of a file name, without the dot: `[a-z0-9]`, 1 to [`Extension::MAX_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension(String);

/// `bin`, the extension of unknown file types.
impl Default for Extension {
    fn default() -> Self {
        Self("bin".to_owned())
    }
}

impl Extension {
    /// Maximum length in bytes. The longest extensions in common use, such as `torrent`, have
    /// seven.
    pub const MAX_BYTES: usize = 8;

    /// Parses an extension and converts it to lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
        (fits && is_plain).then(|| Self(text.to_ascii_lowercase()))
    }

    /// Finds the extension of a file name. Digits alone are not an extension (`31.12.2026`), unless
    /// a known extension precedes them (`fotos.zip.002`). Mixed case is not one either, because it
    /// may be a person's name (`Dr.Silva`), unless `is_known` accepts it (`a.Pdf`).
    #[must_use]
    pub fn from_name(name: &str, is_known: impl Fn(&str) -> bool) -> Option<Self> {
        let name = remove_invisible(name);
        let (stem, text) = split_extension(&name)?;
        let extension = Self::parse(text)?;
        let before = || split_extension(stem).and_then(|(_, before)| Self::parse(before));
        let is_numbered = || before().is_some_and(|before| is_known(&before.0));
        let has_letter = text.bytes().any(|b| b.is_ascii_alphabetic());
        let has_upper = text.bytes().any(|b| b.is_ascii_uppercase());
        let has_lower = text.bytes().any(|b| b.is_ascii_lowercase());
        let is_extension = match (has_letter, has_upper && has_lower) {
            (false, _) => is_numbered(),
            (true, mixes_cases) => !mixes_cases || is_known(&extension.0),
        };
        is_extension.then_some(extension)
    }

    /// The extension as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Extension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits a name into stem and extension if it has the form of one: something, a dot, and 1 to 8
/// ASCII letters and digits. Dots and blanks at the end are ignored, as by Windows.
fn split_extension(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end_matches(['.', ' ']);
    let (stem, extension) = name.rsplit_once('.')?;
    let is_extension = Extension::parse(extension).is_some();
    let has_stem = !stem.trim_matches(['.', ' ']).is_empty();
    (is_extension && has_stem).then_some((stem, extension))
}

/// Removes `extension` from the end of the name, in any case of letters.
#[must_use]
pub fn remove_extension<'a>(name: &'a str, extension: &Extension) -> &'a str {
    match split_extension(name) {
        Some((stem, text)) if text.eq_ignore_ascii_case(extension.as_str()) => stem,
        Some(_) | None => name,
    }
}

/// Shortens a name to `max_bytes`. The stem is cut between characters; the extension is kept.
#[must_use]
pub fn shorten_name(name: &str, max_bytes: usize) -> String {
    if name.len() <= max_bytes {
        return name.to_owned();
    }
    // Invisible characters after the extension would hide it, such as a trailing space.
    let name = remove_invisible(name);
    match split_extension(&name) {
        Some((stem, extension)) if name.len() > max_bytes && extension.len() < max_bytes => {
            let stem = truncate_bytes(stem, max_bytes - extension.len() - 1);
            format!("{stem}.{extension}")
        }
        Some(_) | None => truncate_bytes(&name, max_bytes).to_owned(),
    }
}

/// The name as it may be displayed: without invisible characters or surrounding blanks.
#[must_use]
pub fn remove_invisible(name: &str) -> String {
    let seen: String = name.chars().filter(|c| !is_invisible(*c)).collect();
    seen.trim().to_owned()
}

/// Whether a character is invisible but changes how the rest is displayed or read: control
/// characters, direction marks, joiners, zero-width spaces, tags. This is Unicode's
/// `Default_Ignorable_Code_Point` without the variation selectors (they turn a heart red), plus
/// control characters and line separators.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e00ff}'
                | '\u{e01f0}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::{is_invisible, remove_invisible, shorten_name};

    #[test]
    fn a_long_name_keeps_its_extension() {
        let long = "ç".repeat(200);
        for (name, expected_end) in [
            (format!("{long}.ofx"), ".ofx"),
            (format!("{long}.TORRENT"), ".TORRENT"),
            (format!("{long}.pdf\u{202c} "), ".pdf"),
            (format!("{long}.p\u{202e}df"), ".pdf"),
            (format!("a.pdf{long}"), "ç"),
            (format!("{long}. fim"), "ç"),
            (format!("{long}.{long}"), "ç"),
        ] {
            let short = shorten_name(&name, 255);
            assert!((253..=255).contains(&short.len()), "{short}");
            assert!(short.ends_with(expected_end), "{short}");
        }
        for (name, max, expected) in [
            ("a.pdf", 5, "a.pdf"),
            ("ab.pdf", 5, "a.pdf"),
            ("ab.pdf", 4, ".pdf"),
            ("ab.pdf", 3, "ab."),
            ("ab.pdf", 0, ""),
            ("ç.pdf", 5, ".pdf"),
            (" a.pdf ", 6, "a.pdf"),
        ] {
            assert_eq!(shorten_name(name, max), expected, "{name} in {max}");
        }
    }

    #[test]
    fn visible_characters_are_kept() {
        for c in ['a', ' ', 'ã', '\u{1f4f7}', '\u{fe0f}', '中', 'ع', 'א', '\u{a0}', '\u{301}'] {
            assert!(!is_invisible(c), "{c:?}");
        }
        assert_eq!(
            remove_invisible(" nota \u{2764}\u{fe0f}.pdf\u{200e}"),
            "nota \u{2764}\u{fe0f}.pdf"
        );
    }
}

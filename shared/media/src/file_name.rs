//! A file name that a sender chose: what of it is shown, where its extension begins, how a long one
//! is cut.

use crate::message::cut;

/// The extension of a file name, without the dot: `[a-z0-9]`, 1 to [`Extension::MAX_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension(String);

/// `bin`, the extension of what nobody knows.
impl Default for Extension {
    fn default() -> Self {
        Self("bin".to_owned())
    }
}

impl Extension {
    /// Longest extension, in bytes. The longest in common use, such as `torrent`, have seven.
    pub const MAX_BYTES: usize = 8;

    /// Reads an extension, in lower case from now on.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
        (fits && is_plain).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The extension that a name has. Digits alone are none (`31.12.2026`), unless a known extension
    /// stands before them (`fotos.zip.002`); neither is a word that mixes upper and lower case as names
    /// of people do (`Dr.Silva`), unless `is_known` knows it (`a.Pdf`).
    #[must_use]
    pub fn of_name(name: &str, is_known: impl Fn(&str) -> bool) -> Option<Self> {
        let name = remove_invisible(name);
        let (stem, said) = split(&name)?;
        let extension = Self::parse(said)?;
        let before = || split(stem).and_then(|(_, before)| Self::parse(before));
        let is_numbered = || before().is_some_and(|before| is_known(&before.0));
        let has_letter = said.bytes().any(|b| b.is_ascii_alphabetic());
        let has_upper = said.bytes().any(|b| b.is_ascii_uppercase());
        let has_lower = said.bytes().any(|b| b.is_ascii_lowercase());
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

/// The stem and the extension of a name that has the form of one: something, a dot, 1 to 8 ASCII
/// letters and digits. Windows takes no notice of dots and blanks behind them.
fn split(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end_matches(['.', ' ']);
    let (stem, extension) = name.rsplit_once('.')?;
    let is_extension = Extension::parse(extension).is_some();
    let has_stem = !stem.trim_matches(['.', ' ']).is_empty();
    (is_extension && has_stem).then_some((stem, extension))
}

/// The name without `extension`, if it ends so in any case of letters.
#[must_use]
pub fn remove_extension<'a>(name: &'a str, extension: &Extension) -> &'a str {
    match split(name) {
        Some((stem, said)) if said.eq_ignore_ascii_case(extension.as_str()) => stem,
        Some(_) | None => name,
    }
}

/// At most `max_bytes` of a name. The stem is cut, between characters; the extension is kept.
#[must_use]
pub fn shorten(name: &str, max_bytes: usize) -> String {
    if name.len() <= max_bytes {
        return name.to_owned();
    }
    // What a reader does not see would hide the extension: `a.pdf` and a space.
    let name = remove_invisible(name);
    match split(&name) {
        Some((stem, extension)) if name.len() > max_bytes && extension.len() < max_bytes => {
            let stem = cut(stem, max_bytes - extension.len() - 1);
            format!("{stem}.{extension}")
        }
        Some(_) | None => cut(&name, max_bytes).to_owned(),
    }
}

/// A name as it may be shown: without invisible characters, and without blanks around it.
#[must_use]
pub fn remove_invisible(name: &str) -> String {
    let seen: String = name.chars().filter(|c| !is_invisible(*c)).collect();
    seen.trim().to_owned()
}

/// Whether a character of a sender's text shows nothing but changes how the rest is shown or read:
/// controls, marks of direction, joiners, blanks of no width, tags. Unicode's
/// `Default_Ignorable_Code_Point`, without the variation selectors (they make a heart red) and with
/// the controls and the line separators.
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
    use super::{is_invisible, remove_invisible, shorten};

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
            let short = shorten(&name, 255);
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
            assert_eq!(shorten(name, max), expected, "{name} in {max}");
        }
    }

    #[test]
    fn what_shows_is_kept() {
        for c in [
            'a',
            ' ',
            'ã',
            '\u{1f4f7}',
            '\u{fe0f}',
            '中',
            'ع',
            'א',
            '\u{a0}',
            '\u{301}',
        ] {
            assert!(!is_invisible(c), "{c:?}");
        }
        assert_eq!(
            remove_invisible(" nota \u{2764}\u{fe0f}.pdf\u{200e}"),
            "nota \u{2764}\u{fe0f}.pdf"
        );
    }
}

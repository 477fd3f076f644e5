//! Text that may come from outside, without control characters.

use media::file_name::is_invisible;

/// The text on one line. Line breaks and tabs become a space; other control characters, and those
/// that reorder text or cannot be seen, become `�`, because a terminal or browser would obey them.
pub(crate) fn to_plain_line(text: &str) -> String {
    text.trim().chars().map(visible_char).collect()
}

/// The character that is shown for this one: itself, a space, or `�`.
#[must_use]
pub fn visible_char(one: char) -> char {
    match one {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        hidden if is_invisible(hidden) => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_accents_stay() {
        assert_eq!(to_plain_line(" conteúdo\nvazio "), "conteúdo vazio");
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(to_plain_line("a\u{1b}[31mb\u{9b}c\u{202e}d\u{7}"), "a�[31mb�c�d�");
        assert_eq!(to_plain_line("a\u{200b}b\u{e0041}c\u{feff}\u{7f}d"), "a�b�c��d");
    }
}

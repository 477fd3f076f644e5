//! Text that may come from outside, without what steers a terminal or turns the reading direction.

/// The text on one line. What breaks lines becomes a space; every other control character, and
/// those that reorder what a reader sees, become `�`, because they would be obeyed where they are
/// shown.
pub(crate) fn to_plain_line(text: &str) -> String {
    text.trim().chars().map(visible_char).collect()
}

/// What is shown of a character: itself, a space, or `�`.
#[must_use]
pub fn visible_char(one: char) -> char {
    match one {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{061c}' => char::REPLACEMENT_CHARACTER,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
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
    fn what_steers_a_terminal_or_reorders_text_is_only_marked() {
        assert_eq!(to_plain_line("a\u{1b}[31mb\u{9b}c\u{202e}d\u{7}"), "a�[31mb�c�d�");
    }
}

//! Texts that would steer a terminal, through everything that the command prints.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use media::file_name::is_invisible;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::screen;

/// What a sender, a tenant or W-API could write: escape sequences in seven and eight bits, a title
/// and a clipboard set, direction marks, tags, and characters that nobody sees.
pub(super) const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{202e}\n",
    "\u{1b}]52;c;eA==\u{7}",
    "\u{9b}2J",
    "\u{9d}0;owned\u{9c}",
    "\u{90}$q\u{9c}",
    "\u{7f}\u{8}\u{0}",
    "\u{2066}a\u{2069}\u{200f}\u{61c}",
    "\u{200b}\u{feff}\u{ad}\u{2060}",
    "\u{e0041}\u{e007f}",
    "a\rb\u{b}c\u{c}d\u{85}e\u{2028}f",
];

/// No character steers a terminal, reorders the text or is invisible. Line breaks are the
/// command's own.
#[track_caller]
pub(super) fn assert_plain(text: &str) {
    let found = text.chars().find(|c| *c != '\n' && (c.is_control() || is_invisible(*c)));
    assert_eq!(found, None, "{text:?}");
}

proptest! {
    /// `Flags::print`, `print_error`, `print_question` and the progress bars use these.
    #[test]
    fn nothing_hostile_is_printed(
        pieces in vec(prop_oneof![select(HOSTILE).prop_map(str::to_owned), any::<String>()], 0..6)
    ) {
        let text = pieces.concat();
        assert_plain(&screen::replace_control(&text));
        let line = screen::join_lines(&text);
        assert_plain(&line);
        prop_assert!(!line.contains('\n'));
        let json = json!({ text.clone(): [text.clone(), { "a": text }] });
        let printed = screen::escape_json(&json);
        assert_plain(&printed);
        prop_assert!(!printed.contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Value>(&printed).ok(), Some(json));
    }
}

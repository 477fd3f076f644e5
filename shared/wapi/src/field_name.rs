//! Compares names that differ between dialects only in case or underscores.

/// Maximum bytes of a name that is compared: many times the longest known one. A longer name is
/// unknown, so that comparing it costs nothing.
const MAX_NAME_BYTES: usize = 128;

/// The name in lower case and without underscores: how all dialects spell it alike. Empty for a
/// name that is too long to be known.
pub(crate) fn plain_name(name: &str) -> String {
    if name.len() > MAX_NAME_BYTES {
        return String::new();
    }
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether two names are one, but for case and underscores.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
    }
    one.len() <= MAX_NAME_BYTES && letters(one).eq(letters(other))
}

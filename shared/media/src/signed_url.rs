//! What a path or URL of WhatsApp's CDN says of itself in its query: whether it is signed, and until when.

/// When a path or URL expires by its own word: `oe=` of its query, in seconds since 1970.
#[must_use]
pub fn expiry(url: &str) -> Option<i64> {
    i64::from_str_radix(parameter(url, "oe")?, 16).ok()
}

/// Whether it carries a signature (`oh`) and its expiry (`oe`). Without them the CDN answers 403 to a
/// medium that is there.
#[must_use]
pub fn is_signed(url: &str) -> bool {
    parameter(url, "oh").is_some() && parameter(url, "oe").is_some()
}

/// Whether `url` leads to a medium that `path` does not lead to as long: it has another path, or a
/// signature that `path` lacks, or one that outlives it.
#[must_use]
pub fn says_more_than(url: &str, path: &str) -> bool {
    let is_same_path = path_of(url) == path_of(path);
    let is_better_signed = is_signed(url)
        && (!is_signed(path) || expiry(path).unwrap_or_default() < expiry(url).unwrap_or_default());
    !is_same_path || is_better_signed
}

/// The path without host and query, which is the same for a URL and for a path alone.
#[must_use]
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| {
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    path.trim_start_matches('/')
}

/// A parameter of the query that says something.
fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name && !value.is_empty()).then_some(value)
    })
}

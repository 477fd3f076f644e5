//! Reads the query of a CDN path or URL: whether it is signed, and when it expires.

/// The expiry of a signed path or URL: `oe=` of its query, in seconds since 1970.
#[must_use]
pub fn parse_expiry(url: &str) -> Option<i64> {
    i64::from_str_radix(query_parameter(url, "oe")?, 16).ok()
}

/// Whether it has a signature (`oh`) and an expiry (`oe`). Without them the CDN answers 403, even
/// for a file that exists.
#[must_use]
pub fn is_signed(url: &str) -> bool {
    query_parameter(url, "oh").is_some() && query_parameter(url, "oe").is_some()
}

/// Whether `url` serves a file longer than `path`, or another file: its path differs, only `url` is
/// signed, or its signature expires later.
#[must_use]
pub fn improves_on(url: &str, path: &str) -> bool {
    let is_same_path = path_without_host(url) == path_without_host(path);
    let is_better_signed = is_signed(url)
        && (!is_signed(path)
            || parse_expiry(path).unwrap_or_default() < parse_expiry(url).unwrap_or_default());
    !is_same_path || is_better_signed
}

/// The path without host and query, from a URL or from a path alone.
#[must_use]
pub fn path_without_host(url: &str) -> &str {
    let rest = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    path.trim_start_matches('/')
}

/// A query parameter that is not empty.
fn query_parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name && !value.is_empty()).then_some(value)
    })
}

//! The configured origins: W-API's base and the CDN's.

use url::{Host, Url};

/// The configured origins. No request goes anywhere else.
#[derive(Debug, Clone)]
pub struct Origins {
    /// W-API's base, such as `https://api.w-api.app/v1/`. It must end in a slash so that paths can
    /// be joined.
    pub wapi_base: Url,
    /// WhatsApp's CDN hosts, in the order in which they are tried.
    pub cdn_bases: Vec<Url>,
}

/// A configured base URL has no host, or would carry secrets over a network in plain text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be an https URL with a host (plain http only for this machine)")]
pub struct InvalidBaseUrl {
    /// Name of the setting.
    pub name: &'static str,
}

impl Origins {
    /// Parses the base of W-API, for a program that requests nothing of the CDN.
    ///
    /// # Errors
    /// [`InvalidBaseUrl`] if it is not valid.
    pub fn for_wapi(wapi_base: &str) -> Result<Self, InvalidBaseUrl> {
        Ok(Self { wapi_base: parse_base("WAPI_BASE_URL", wapi_base)?, cdn_bases: Vec::new() })
    }

    /// Parses the base of W-API and the comma-separated bases of the CDN.
    ///
    /// # Errors
    /// [`InvalidBaseUrl`] names the setting that is wrong.
    pub fn parse(wapi_base: &str, cdn_bases: &str) -> Result<Self, InvalidBaseUrl> {
        let bases = cdn_bases.split(',').map(|base| parse_base("CDN_BASE_URLS", base));
        Ok(Self {
            wapi_base: parse_base("WAPI_BASE_URL", wapi_base)?,
            cdn_bases: bases.collect::<Result<_, _>>()?,
        })
    }
}

/// Parses a base URL, and appends a slash. Plain `http` is accepted for this machine alone, as
/// local stacks use it: elsewhere it would show the token or the webhook secret to the network.
/// `name` is the setting that an error names.
///
/// # Errors
/// [`InvalidBaseUrl`] if it is not such a URL, or has a user name, a query or a fragment.
pub fn parse_base(name: &'static str, text: &str) -> Result<Url, InvalidBaseUrl> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(&format!("{text}/")).map_err(|_| InvalidBaseUrl { name })?;
    let is_private = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_this_machine(&url),
        _ => false,
    };
    let is_bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_private && is_bare { Ok(url) } else { Err(InvalidBaseUrl { name }) }
}

/// Whether a configured base is on this machine, without TLS: only then is the stack a local one.
#[must_use]
pub fn is_local_base(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "http" && is_this_machine(&url))
}

/// Whether the host is a loopback address, or a name that always means one.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

//! The configured origins: W-API's base and the CDN's.

use url::Url;

/// The configured origins. No request goes anywhere else.
#[derive(Debug, Clone)]
pub struct Origins {
    /// W-API's base, such as `https://api.w-api.app/v1/`. It must end in a slash so that paths can
    /// be joined.
    pub wapi_base: Url,
    /// WhatsApp's CDN hosts, in the order in which they are tried.
    pub cdn_bases: Vec<Url>,
}

/// A configured base URL is not an `http` or `https` URL with a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be an http or https URL with a host")]
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

fn parse_base(name: &'static str, text: &str) -> Result<Url, InvalidBaseUrl> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(&format!("{text}/")).map_err(|_| InvalidBaseUrl { name })?;
    let is_valid =
        matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none();
    if is_valid { Ok(url) } else { Err(InvalidBaseUrl { name }) }
}

//! The one HTTP client, and the limits under which it works.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use url::Url;

use crate::{error::FetchError, guard::AddressGuard};

/// Where the origins are. Everything else is out of reach.
#[derive(Debug, Clone)]
pub struct Origins {
    /// W-API's base, such as `https://api.w-api.app/v1/`. Must end in a slash for paths to be joined.
    pub wapi_base: Url,
    /// WhatsApp's CDN hosts, in the order they are asked.
    pub cdn_bases: Vec<Url>,
}

/// A base URL in the configuration is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be an http or https URL with a host")]
pub struct BadBase {
    /// Which setting.
    pub name: &'static str,
}

impl Origins {
    /// Reads the base of W-API and the comma-separated bases of the CDN.
    ///
    /// # Errors
    /// [`BadBase`] names the setting that is wrong.
    pub fn parse(wapi_base: &str, cdn_bases: &str) -> Result<Self, BadBase> {
        let bases = cdn_bases
            .split(',')
            .map(|base| parse_base("CDN_BASE_URLS", base));
        Ok(Self {
            wapi_base: parse_base("WAPI_BASE_URL", wapi_base)?,
            cdn_bases: bases.collect::<Result<_, _>>()?,
        })
    }
}

fn parse_base(name: &'static str, text: &str) -> Result<Url, BadBase> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(&format!("{text}/")).map_err(|_| BadBase { name })?;
    let is_well =
        matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none();
    if is_well {
        Ok(url)
    } else {
        Err(BadBase { name })
    }
}

/// How long to wait and how much to take. The defaults are what W-API was seen to need.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For W-API's answer to the POST: it fetches and decrypts the whole file before it answers.
    pub post: Duration,
    /// For the status and headers of a GET.
    pub answer: Duration,
    /// Without a single byte of the body.
    pub idle: Duration,
    /// The stretch over which a body's speed is judged.
    pub speed_window: Duration,
    /// Bytes that each stretch must bring at least.
    pub bytes_per_window: u64,
    /// Bytes of a body in all.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            post: Duration::from_mins(1),
            answer: Duration::from_secs(20),
            idle: Duration::from_secs(10),
            speed_window: Duration::from_secs(20),
            bytes_per_window: 20 * 16 * 1024,
            // WhatsApp allows documents of 2 GB; twice that is nobody's message.
            max_bytes: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// Builds the client: no redirects, no proxy from the environment, no decompression, every name resolved
/// through the guard.
pub(crate) fn build(guard: &AddressGuard, limits: &Limits) -> Result<Client, FetchError> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(limits.connect)
        .dns_resolver(Arc::new(guard.clone()))
        .build()
        .map_err(FetchError::Client)
}

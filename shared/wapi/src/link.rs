//! The link in W-API's answer, and the only address it may be fetched from.

use media::message::Secret;
use url::{Host, Url};

/// The link names a host that is neither W-API's nor a raw address. It is never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file link does not lead to W-API")]
pub struct ForeignLink;

/// A link on the configured W-API origin. A capability: whoever has it reads the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLink(Secret);

impl FileLink {
    /// Moves `link` onto the origin of `base`.
    ///
    /// Since June 2026 W-API sometimes gives `http://<raw address>:8080/…` on nodes that often cannot be
    /// reached; the same path on its public name serves the same file.
    ///
    /// # Errors
    /// [`ForeignLink`] for any other host, another scheme than http, or a text that is no URL.
    pub fn on_origin_of(base: &Url, link: &str) -> Result<Self, ForeignLink> {
        let link = base.join(link).map_err(|_| ForeignLink)?;
        let is_raw_address = matches!(link.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        let is_wapi = link.host() == base.host();
        let is_http = matches!(link.scheme(), "http" | "https");
        if !is_http || !(is_raw_address || is_wapi) {
            return Err(ForeignLink);
        }
        let mut ours = base.clone();
        ours.set_path(link.path());
        ours.set_query(link.query());
        ours.set_fragment(None);
        Ok(Self(Secret::new(ours)))
    }

    /// The URL to GET.
    #[must_use]
    pub fn url(&self) -> &Secret {
        &self.0
    }
}

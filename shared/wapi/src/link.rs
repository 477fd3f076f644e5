//! The file link in W-API's answer, and the only origin from which it may be fetched.

use media::message::Secret;
use url::{Host, Url};

/// The link's host is neither W-API's nor an IP address. It is never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file link does not lead to W-API")]
pub struct ForeignLink;

/// A file link on the configured W-API origin. It is a credential: it is all that is needed to read
/// the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLink(Secret);

impl FileLink {
    /// Moves `link` onto the origin of `base`.
    ///
    /// Since June 2026 W-API sometimes returns `http://<IP address>:8080/…` of nodes that are often
    /// unreachable; the same path on its public name serves the same file.
    ///
    /// # Errors
    /// [`ForeignLink`] for any other host, a scheme other than http or https, or a text that is not
    /// a URL.
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

    /// The URL to request.
    #[must_use]
    pub fn url(&self) -> &Secret {
        &self.0
    }
}

//! Allows requests only to configured hosts and their addresses, so that a webhook cannot steer a
//! request into a private network.

use std::{
    collections::HashSet,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::origins::Origins;

/// The guard refused a URL. The error does not name it because the URL may be a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The host is neither a configured origin nor one of WhatsApp's CDN hosts.
    #[error("the address guard refuses a host that is not configured")]
    Host,
    /// The scheme is not https although the configured base's is, or the port differs from it.
    #[error("the address guard refuses the scheme or port")]
    Scheme,
    /// The host's name resolves to a private, loopback, link-local or otherwise special address.
    #[error("the address guard refuses the host's address")]
    Address,
}

/// Resolves a name to addresses.
type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// The configured origins, and the check of URLs and addresses against them.
#[derive(Clone)]
pub struct AddressGuard {
    origins: Arc<HashSet<url::Origin>>,
    may_be_local: bool,
    lookup: Arc<Lookup>,
}

impl fmt::Debug for AddressGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressGuard")
            .field("origins", &self.origins)
            .field("may_be_local", &self.may_be_local)
            .finish_non_exhaustive()
    }
}

/// The only name that may resolve to a private address, and only if it is configured.
const LOCALHOST: &str = "localhost";

/// Suffix of the hosts that serve WhatsApp's media files.
const WHATSAPP_SUFFIX: &str = ".whatsapp.net";

impl AddressGuard {
    /// Creates a guard that allows only `origins` and WhatsApp's CDN hosts.
    #[must_use]
    pub fn new(origins: &Origins) -> Self {
        Self::with_lookup(origins, |name| async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.collect())
        })
    }

    /// Creates a guard that resolves names with `lookup`.
    #[must_use]
    pub fn with_lookup<F>(
        origins: &Origins,
        lookup: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let bases = || std::iter::once(&origins.wapi_base).chain(&origins.cdn_bases);
        Self {
            origins: Arc::new(bases().map(Url::origin).collect()),
            may_be_local: bases().any(|base| base.host_str() == Some(LOCALHOST)),
            lookup: Arc::new(move |name| Box::pin(lookup(name))),
        }
    }

    /// Creates a guard for receivers: it allows no origin, and the names of receivers may have only
    /// public addresses; `localhost` may be local if `may_be_local`.
    #[must_use]
    pub fn for_receivers(may_be_local: bool) -> Self {
        let lookup = |name: String| async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok::<Vec<SocketAddr>, io::Error>(found.collect())
        };
        Self {
            origins: Arc::default(),
            may_be_local,
            lookup: Arc::new(move |name| Box::pin(lookup(name))),
        }
    }

    /// Checks the URL of a receiver: `https`, without a user name, and not an address that is not
    /// public. Plain `http` is allowed only to this machine, where stacks may be local. Names are
    /// checked when they are resolved.
    ///
    /// # Errors
    /// [`GuardError`] says which rule was broken.
    pub fn check_receiver(&self, url: &Url) -> Result<(), GuardError> {
        if !url.has_host() || !url.username().is_empty() || url.password().is_some() {
            return Err(GuardError::Host);
        }
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) | None => None,
        };
        let is_local = match address {
            Some(address) => address.is_loopback(),
            None => url.host_str() == Some(LOCALHOST),
        };
        match url.scheme() {
            "http" if self.may_be_local && is_local => Ok(()),
            "https" if address.is_none_or(is_public) => Ok(()),
            "https" => Err(GuardError::Address),
            _ => Err(GuardError::Scheme),
        }
    }

    /// Checks a URL before a request: it must be on a configured origin, or `https` on a WhatsApp
    /// CDN host. Names are checked again when they are resolved; literal addresses never reach the
    /// resolver, so they are checked here.
    ///
    /// # Errors
    /// [`GuardError`] says which rule was broken.
    pub fn check_url(&self, url: &Url) -> Result<(), GuardError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GuardError::Host);
        }
        // `has_host` excludes `blob:` URLs, which have the origin of the URL in them and no host.
        if url.has_host() && self.origins.contains(&url.origin()) {
            return check_literal(url);
        }
        match url.host() {
            Some(Host::Domain(name)) if is_whatsapp_host(name) => {}
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                return Err(GuardError::Host);
            }
        }
        let is_plain_https = url.scheme() == "https" && url.port().is_none();
        if is_plain_https { Ok(()) } else { Err(GuardError::Scheme) }
    }
}

/// Whether the name is below WhatsApp's suffix and has only the characters of DNS names. URLs allow
/// others.
fn is_whatsapp_host(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    name.ends_with(WHATSAPP_SUFFIX) && name.bytes().all(is_plain)
}

/// Checks an address that stands in place of a name, because it never reaches the resolver. A
/// special address is allowed only without TLS, which is the case for stacks on one machine.
fn check_literal(url: &Url) -> Result<(), GuardError> {
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if url.scheme() == "http" || is_public(address) { Ok(()) } else { Err(GuardError::Address) }
}

impl Resolve for AddressGuard {
    /// Resolves a name and drops every special address, unless the name is a configured
    /// `localhost`.
    fn resolve(&self, name: Name) -> Resolving {
        let is_trusted = self.may_be_local && name.as_str() == LOCALHOST;
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?.into_iter();
            let allowed: Vec<SocketAddr> =
                found.filter(|address| is_trusted || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(GuardError::Address.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address belongs to the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = a == 192 && b == 0 && c == 0;
    let is_relay = (a, b, c) == (192, 88, 99);
    let is_benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || is_shared
        || is_protocol
        || is_relay
        || is_benchmark
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

/// Whether an address is global unicast (`2000::/3`), except the ranges in it that embed an IPv4
/// address or are reserved.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_6to4 = first == 0x2002;
    let is_special = first == 0x2001 && second < 0x0200;
    let is_documentation = (first == 0x2001 && second == 0x0db8) || first & 0xfff0 == 0x3ff0;
    is_global_unicast && !is_6to4 && !is_special && !is_documentation
}

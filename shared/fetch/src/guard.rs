//! Refuses to talk to any host or address that the configuration did not name: what a webhook says must
//! not steer a request into a private network.

use std::{
    collections::HashSet,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::client::Origins;

/// The guard refused. It does not say which URL: that may be a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Neither a configured origin nor, for the CDN, a host of WhatsApp's.
    #[error("the address guard refuses a host that is not configured")]
    Host,
    /// Not https, although the configured base is; or another port than the configured one.
    #[error("the address guard refuses the scheme or port")]
    Scheme,
    /// The host's name leads to a private, loopback, link-local or otherwise special address.
    #[error("the address guard refuses the host's address")]
    Address,
}

/// How a name becomes addresses.
type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// Knows the configured origins, and the addresses that only they may have.
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

/// The only name that may lead to a private address, and only if it is configured as such.
const LOCALHOST: &str = "localhost";

/// Hosts under this name serve WhatsApp's media.
const WHATSAPP_SUFFIX: &str = ".whatsapp.net";

impl AddressGuard {
    /// Trusts what `origins` names, and nothing else.
    #[must_use]
    pub fn new(origins: &Origins) -> Self {
        Self::looking_up(origins, |name| async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.collect())
        })
    }

    /// The same with another name service.
    #[must_use]
    pub fn looking_up<F>(
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

    /// Checks a URL before it is asked: a configured origin, or `https` on a host of WhatsApp's. Names are
    /// checked again when they are resolved; literal addresses never reach the resolver.
    ///
    /// # Errors
    /// [`Forbidden`] says which rule was broken.
    pub fn check(&self, url: &Url) -> Result<(), Forbidden> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::Host);
        }
        // A `blob:` URL has the origin of the URL in it, and no host.
        if url.has_host() && self.origins.contains(&url.origin()) {
            return check_literal(url);
        }
        match url.host() {
            Some(Host::Domain(name)) if is_of_whatsapp(name) => {}
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                return Err(Forbidden::Host);
            }
        }
        let is_plain_https = url.scheme() == "https" && url.port().is_none();
        if is_plain_https {
            Ok(())
        } else {
            Err(Forbidden::Scheme)
        }
    }
}

/// Whether it is a name below WhatsApp's, of the characters that names in the DNS have: URLs may have others.
fn is_of_whatsapp(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    name.ends_with(WHATSAPP_SUFFIX) && name.bytes().all(is_plain)
}

/// An address in place of a name never reaches the resolver. A special one is only for stacks without TLS, which
/// are those on one machine.
fn check_literal(url: &Url) -> Result<(), Forbidden> {
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if url.scheme() == "http" || is_public(address) {
        Ok(())
    } else {
        Err(Forbidden::Address)
    }
}

impl Resolve for AddressGuard {
    /// Resolves a name and drops every special address, unless the configuration itself has that name.
    fn resolve(&self, name: Name) -> Resolving {
        let is_trusted = self.may_be_local && name.as_str() == LOCALHOST;
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?.into_iter();
            let allowed: Vec<SocketAddr> = found
                .filter(|address| is_trusted || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(Forbidden::Address.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of the open internet.
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

/// Only global unicast (`2000::/3`), without what embeds a v4 address or is set aside within it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_6to4 = first == 0x2002;
    let is_special = first == 0x2001 && second < 0x0200;
    let is_documentation = (first == 0x2001 && second == 0x0db8) || first & 0xfff0 == 0x3ff0;
    is_global_unicast && !is_6to4 && !is_special && !is_documentation
}

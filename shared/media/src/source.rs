//! A name for the sender of a refused webhook, in place of its address.

use std::net::IpAddr;

use aws_lc_rs::{hmac, rand};
use data_encoding::HEXLOWER;

/// Bytes of a name: enough to tell senders apart, and no more.
const NAME_BYTES: usize = 8;

/// The key that makes names of addresses. All processes of a stack have the same key, so one sender
/// has one name. Who does not have the key cannot find the address to a name, although there are
/// only four thousand million addresses to try.
#[derive(Debug, Clone)]
pub struct SourceKey(hmac::Key);

impl SourceKey {
    /// Length of the key, in bytes.
    pub const BYTES: usize = 32;

    /// Random bytes for a new key. `None`: the operating system returned none.
    #[must_use]
    pub fn create_bytes() -> Option<[u8; Self::BYTES]> {
        let mut bytes = [0; Self::BYTES];
        rand::fill(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The key with these bytes. `None`: they are not [`Self::BYTES`] bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::BYTES).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The name of an address: 16 hex digits. An IPv6 address has the name of its network of 64
    /// bits, because a sender has all addresses of it.
    #[must_use]
    pub fn name_source(&self, address: IpAddr) -> String {
        let named = match address.to_canonical() {
            IpAddr::V4(address) => hmac::sign(&self.0, &address.octets()),
            IpAddr::V6(address) => {
                let network = (address.to_bits() >> 64).to_be_bytes();
                hmac::sign(&self.0, &network)
            }
        };
        named.as_ref().get(..NAME_BYTES).map(|name| HEXLOWER.encode(name)).unwrap_or_default()
    }
}

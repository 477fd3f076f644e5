//! Random bytes from the operating system.

use anyhow::Context;
use boot::random::secret_bytes;
use data_encoding::BASE64;

/// Cryptographically secure random bytes.
pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    secret_bytes().context("the operating system returned no random bytes")
}

/// 32 random bytes in base64, the form of W-API's keys and hashes.
pub(crate) fn random_base64() -> anyhow::Result<String> {
    Ok(BASE64.encode(&random_bytes::<32>()?))
}

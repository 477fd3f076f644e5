//! Random bytes from the operating system.

use anyhow::Context;
use data_encoding::BASE64;

/// Bytes that nobody can predict.
pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).context("the system gave no random bytes")?;
    Ok(bytes)
}

/// 32 random bytes, as W-API writes keys and hashes.
pub(crate) fn random_base64() -> anyhow::Result<String> {
    Ok(BASE64.encode(&random_bytes::<32>()?))
}

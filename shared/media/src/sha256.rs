//! A SHA-256 digest: 32 bytes that can be compared, printed as hex, and parsed from W-API's base64.

use aws_lc_rs::digest;
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};

use crate::byte_text;

/// A SHA-256 digest. It is not a secret and prints as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; Sha256::BYTES]);

/// The text is not a SHA-256 in the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: 32 bytes in hex or base64 were expected")]
pub struct NotASha256;

impl Sha256 {
    /// Length of the digest, in bytes.
    pub const BYTES: usize = 32;

    /// Hashes `data`.
    #[must_use]
    pub fn from_data(data: &[u8]) -> Self {
        Self::from_digest(&digest::digest(&digest::SHA256, data))
    }

    /// An id that is made from this digest: the prefix and 32 characters of a-z and 2-7.
    pub(crate) fn to_id(self, prefix: &str) -> String {
        let part = self.as_bytes().get(..20).unwrap_or_default();
        format!("{prefix}{}", BASE32_NOPAD.encode(part).to_ascii_lowercase())
    }

    /// Wraps a finished digest. Anything but a SHA-256 digest, which no caller passes, gives
    /// zeroes.
    pub(crate) fn from_digest(digest: &digest::Digest) -> Self {
        Self(digest.as_ref().try_into().unwrap_or_default())
    }

    /// Parses a text in any form that [`byte_text::decode`] knows. W-API sends standard base64 of
    /// 32 bytes.
    ///
    /// # Errors
    /// [`NotASha256`] for any other text.
    pub fn from_base64(text: &str) -> Result<Self, NotASha256> {
        Self::from_bytes(&byte_text::decode(text).ok_or(NotASha256)?)
    }

    /// Parses 64 hex digits.
    ///
    /// # Errors
    /// [`NotASha256`] for any other text.
    pub fn from_hex(text: &str) -> Result<Self, NotASha256> {
        Self::from_bytes(&HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| NotASha256)?)
    }

    /// Takes exactly 32 bytes.
    ///
    /// # Errors
    /// [`NotASha256`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASha256> {
        bytes.try_into().map(Self).map_err(|_| NotASha256)
    }

    /// Encodes as 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// Encodes as standard base64, 44 characters: the form of W-API's fields and S3's checksum
    /// header.
    #[must_use]
    pub fn to_base64(self) -> String {
        BASE64.encode(&self.0)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl From<Sha256> for String {
    fn from(value: Sha256) -> Self {
        value.to_hex()
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotASha256;
    fn try_from(text: String) -> Result<Self, NotASha256> {
        Self::from_hex(&text)
    }
}

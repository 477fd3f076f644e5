//! Signs webhooks that are passed on, as the specification Standard Webhooks says.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";

/// Bytes of a secret that is made here.
pub const SIGNING_SECRET_BYTES: usize = 32;

/// A secret for signatures. Printed as `[redacted]` and wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// A text or bytes cannot be a secret: it is `whsec_` and base64 of 24 to 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and base64 of 24 to 64 bytes")]
pub struct InvalidSecret;

impl SigningSecret {
    /// The secret with these bytes. They must come from a cryptographic source of randomness.
    ///
    /// # Errors
    /// [`InvalidSecret`] unless there are 24 to 64 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        match bytes.len() {
            24..=64 => Ok(Self(Zeroizing::new(bytes.to_vec()))),
            _ => Err(InvalidSecret),
        }
    }

    /// Parses a secret.
    ///
    /// # Errors
    /// [`InvalidSecret`] if it is not one.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| InvalidSecret)?;
        Self::from_bytes(&Zeroizing::new(bytes))
    }

    /// The secret as text. The name makes every use easy to find in a review.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(&self.0)))
    }

    /// The signature of a message: `v1,` and base64 of HMAC-SHA-256 over id, time and body. `at` is
    /// in seconds since 1970.
    #[must_use]
    pub fn sign(&self, id: &str, at: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{at}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64.encode(context.sign().as_ref()))
    }
}

impl TryFrom<String> for SigningSecret {
    type Error = InvalidSecret;
    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        Self::parse(&Zeroizing::new(text))
    }
}

impl From<SigningSecret> for String {
    fn from(secret: SigningSecret) -> Self {
        secret.expose().to_string()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

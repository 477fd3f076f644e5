//! A receiver: an application of a tenant to which webhooks are passed on, with a signature.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    message::Secret,
    signature::{InvalidSecret, SigningSecret},
};

/// The most receivers of one instance, and of one tenant for all its instances.
pub const MAX_RECEIVERS: usize = 5;

/// How long a receiver may fail all along before it is paused, and how long a webhook is kept for
/// it, in seconds.
pub const MAX_DELIVERY_SECONDS: i64 = 3 * 24 * 60 * 60;

/// After this many failed attempts of one delivery, its receiver counts as failing, until an
/// attempt succeeds.
pub const FAILING_AFTER: u32 = 3;

/// How long a receiver fails before its circuit opens, in seconds: then new webhooks rest at once,
/// and only one at a time is tried.
const CIRCUIT_SECONDS: i64 = 10 * 60;

/// Whether the circuit of a receiver is open that has failed since this time, in seconds since
/// 1970.
#[must_use]
pub fn is_circuit_open(failing_since: Option<i64>, now: i64) -> bool {
    failing_since.is_some_and(|since| now.saturating_sub(since) >= CIRCUIT_SECONDS)
}

/// The time between two attempts at a receiver whose circuit is open, in seconds: an eighth of the
/// time for which it has failed, from one minute to half an hour.
#[must_use]
pub fn probe_interval(failing_since: i64, now: i64) -> i64 {
    (now.saturating_sub(failing_since) / 8).clamp(60, 30 * 60)
}

/// The id of a receiver: `rcv_` and 16 characters of a-z and 2-7.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReceiverId(String);

/// A text is not the id of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a receiver is rcv_ and 16 characters of a-z and 2-7")]
pub struct NotAReceiver;

impl ReceiverId {
    const PREFIX: &str = "rcv_";
    const CHARACTERS: usize = 16;
    /// Random bytes in an id.
    pub const RANDOM_BYTES: usize = 10;

    /// Makes an id of random bytes.
    #[must_use]
    pub fn from_random(random: [u8; Self::RANDOM_BYTES]) -> Self {
        Self(format!("{}{}", Self::PREFIX, BASE32_NOPAD.encode(&random).to_ascii_lowercase()))
    }

    /// Checks the rule and keeps the text unchanged.
    ///
    /// # Errors
    /// [`NotAReceiver`] if the text breaks the rule.
    pub fn parse(text: impl Into<String>) -> Result<Self, NotAReceiver> {
        let text = text.into();
        let is_of_id = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
        let rest = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        match rest.len() == Self::CHARACTERS && rest.bytes().all(is_of_id) {
            true => Ok(Self(text)),
            false => Err(NotAReceiver),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReceiverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ReceiverId> for String {
    fn from(id: ReceiverId) -> Self {
        id.0
    }
}

impl TryFrom<String> for ReceiverId {
    type Error = NotAReceiver;
    fn try_from(text: String) -> Result<Self, NotAReceiver> {
        Self::parse(text)
    }
}

impl std::str::FromStr for ReceiverId {
    type Err = NotAReceiver;
    fn from_str(text: &str) -> Result<Self, NotAReceiver> {
        Self::parse(text)
    }
}

/// Why a receiver gets nothing at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// An operator paused it.
    Operator,
    /// It answered 410.
    Gone,
    /// It failed for three days.
    Failing,
}

impl PauseReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Gone, Self::Failing];

    /// The word in the table, the log and the command's output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// The reason of a word. An unknown one, of a newer version, counts as an operator's.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.as_str() == word).unwrap_or(Self::Operator)
    }
}

/// What of a receiver is encrypted: its URL, whose path and query may be a credential, and the
/// secrets with which webhooks are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverEndpoint {
    /// The URL, with its query.
    pub url: Secret,
    /// The current secret.
    pub secret: SigningSecret,
    /// The secret before it, and until when it signs as well, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<OldSecret>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// Until when it signs as well, in seconds since 1970.
    pub until: i64,
}

impl ReceiverEndpoint {
    /// The longest URL, in bytes. KMS encrypts 4,096 bytes in all.
    pub const MAX_URL_BYTES: usize = 2048;

    /// Reads what [`Self::to_json`] wrote. `None`: it is something else.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The text that is encrypted. `None` does not happen: every field is a text or number.
    #[must_use]
    pub fn to_json(&self) -> Option<Zeroizing<Vec<u8>>> {
        serde_json::to_vec(self).ok().map(Zeroizing::new)
    }

    /// An endpoint with a new secret.
    ///
    /// # Errors
    /// [`InvalidSecret`] if the random bytes are too few.
    pub fn new(url: Secret, random: &[u8]) -> Result<Self, InvalidSecret> {
        Ok(Self { url, secret: SigningSecret::from_bytes(random)?, old: None })
    }

    /// The endpoint with a new secret. The current one signs as well until `until`.
    ///
    /// # Errors
    /// [`InvalidSecret`] if the random bytes are too few.
    pub fn rotated(self, random: &[u8], until: i64) -> Result<Self, InvalidSecret> {
        let old = Some(OldSecret { secret: self.secret, until });
        Ok(Self { url: self.url, secret: SigningSecret::from_bytes(random)?, old })
    }

    /// The header `webhook-signature` for a message at `now`, in seconds since 1970: during a
    /// rotation with two signatures.
    #[must_use]
    pub fn sign(&self, id: &str, now: i64, body: &[u8]) -> String {
        let old = self.old.as_ref().filter(|old| old.until > now);
        let secrets = std::iter::once(&self.secret).chain(old.map(|old| &old.secret));
        secrets.map(|secret| secret.sign(id, now, body)).collect::<Vec<_>>().join(" ")
    }
}

//! A media link: a URL of the stack that leads to one media file for as long as its tenant's rule
//! allows. The token in it is a secret, of which only the hash is stored.

use std::{fmt, str::FromStr};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sha256::Sha256;

/// The secret part of a media link: 128 random bits, in a URL 22 characters of base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(Zeroizing<[u8; LinkToken::BYTES]>);

impl LinkToken {
    /// Length of the token, in bytes.
    pub const BYTES: usize = 16;

    /// A new token of bytes from a cryptographically secure source.
    #[must_use]
    pub fn from_random(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the token of a URL. `None`: no link has this token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The hash under which the link is stored: SHA-256 in hex. From it the token cannot be
    /// computed.
    #[must_use]
    pub fn hash(&self) -> String {
        Sha256::from_data(&self.0[..]).to_hex()
    }

    /// The token as it stands in a URL.
    #[must_use]
    pub fn expose(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0[..])
    }

    /// The link itself, below the base URL of the stack's API.
    #[must_use]
    pub fn to_url(&self, base_url: &str) -> String {
        format!("{base_url}/m/{}", self.expose())
    }
}

/// Omits the token.
impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(redacted)")
    }
}

/// How long a tenant's media links work at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkRule {
    /// There are no links. Those that were made before do not work.
    #[default]
    #[serde(rename = "off")]
    Off,
    /// 7 days.
    #[serde(rename = "7d")]
    Days7,
    /// 30 days.
    #[serde(rename = "30d")]
    Days30,
    /// As long as the file is there.
    #[serde(rename = "forever")]
    Forever,
}

impl LinkRule {
    /// Every rule, the shortest first.
    pub const ALL: [Self; 4] = [Self::Off, Self::Days7, Self::Days30, Self::Forever];

    /// The word in commands and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Forever => "forever",
        }
    }

    /// When a link that is made at `now` ends at the latest, in seconds since 1970. `None`: it has
    /// no end of its own.
    #[must_use]
    pub fn latest_end(self, now: i64) -> Option<i64> {
        let days = |days: i64| Some(now.saturating_add(days * 24 * 60 * 60));
        match self {
            Self::Off => Some(now),
            Self::Days7 => days(7),
            Self::Days30 => days(30),
            Self::Forever => None,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The word is none of `off`, `7d`, `30d` and `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of off, 7d, 30d, forever")]
pub struct UnknownLinkRule;

impl FromStr for LinkRule {
    type Err = UnknownLinkRule;
    fn from_str(text: &str) -> Result<Self, UnknownLinkRule> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text).ok_or(UnknownLinkRule)
    }
}

/// What is stored of a media link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaLink {
    /// The tenant whose media file it is.
    pub tenant: String,
    /// The instance of the media message.
    pub instance: String,
    /// The sort key of the media message's record.
    pub record_key: String,
    /// When the link was made, in seconds since 1970.
    pub created_at: i64,
    /// When it ends, in seconds since 1970; `None`: with the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<i64>,
    /// How often it was opened.
    #[serde(default)]
    pub openings: u64,
}

impl MediaLink {
    /// Whether the link has ended at `now` (seconds since 1970).
    #[must_use]
    pub fn is_over(&self, now: i64) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }
}

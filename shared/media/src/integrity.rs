//! How far stored bytes are proven to be the sender's.

use serde::{Deserialize, Serialize};

/// How far stored bytes are proven to be the sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Integrity {
    /// The MAC and the announced plain hash agree.
    #[serde(rename = "mac+sha256")]
    MacAndSha256,
    /// The announced plain hash agrees. There was no MAC to check (W-API's link, channels).
    #[serde(rename = "sha256")]
    Sha256,
    /// The MAC agrees; no plain hash was announced. Older records also use this for a contradicted
    /// hash.
    #[serde(rename = "mac-only")]
    MacOnly,
    /// The MAC agrees and outranks the announced plain hash, which differs. Stored and flagged.
    #[serde(rename = "mac-sha256-mismatch")]
    MacAgainstSha256,
    /// Nothing was announced to check against.
    #[serde(rename = "unverified")]
    Unverified,
    /// W-API's bytes contradict the announced hash and no strategy served better ones. Stored and
    /// flagged.
    #[serde(rename = "mismatch")]
    Mismatch,
}

impl Integrity {
    /// The word in records, metadata and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MacAndSha256 => "mac+sha256",
            Self::Sha256 => "sha256",
            Self::MacOnly => "mac-only",
            Self::MacAgainstSha256 => "mac-sha256-mismatch",
            Self::Unverified => "unverified",
            Self::Mismatch => "mismatch",
        }
    }
}

impl std::fmt::Display for Integrity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

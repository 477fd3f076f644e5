//! The ways to get a medium's bytes, as a closed list.

use serde::{Deserialize, Serialize};

/// One way to fetch. An instance's record may name its own order; the default is [`Strategy::DEFAULT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// W-API's `POST /message/download-media`, then the link it gives.
    Wapi,
    /// W-API's older `POST /media/download`, which may not exist.
    WapiAlternate,
    /// WhatsApp's CDN and decryption on this side.
    Cdn,
}

/// A text names no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a strategy is one of wapi, wapi_alternate, cdn")]
pub struct UnknownStrategy;

impl Strategy {
    /// The usual order: W-API first because that is what is paid for, the CDN last because it needs no one.
    pub const DEFAULT: [Self; 3] = [Self::Wapi, Self::WapiAlternate, Self::Cdn];

    /// The word in records, metadata and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wapi => "wapi",
            Self::WapiAlternate => "wapi_alternate",
            Self::Cdn => "cdn",
        }
    }
}

impl std::fmt::Display for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Strategy {
    type Err = UnknownStrategy;
    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        Self::DEFAULT
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or(UnknownStrategy)
    }
}

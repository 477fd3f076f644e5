//! The strategies: the ways to get a media file.

use serde::{Deserialize, Serialize};

/// A way to get a media file. An instance's record may set the order; the default is
/// [`Strategy::DEFAULT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// W-API's `POST /message/download-media`, then the link it gives.
    Wapi,
    /// W-API's older `POST /media/download`, which may not exist.
    WapiAlternate,
    /// WhatsApp's CDN, decrypted here.
    Cdn,
}

/// The text is not the name of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a strategy is one of wapi, wapi_alternate, cdn")]
pub struct UnknownStrategy;

impl Strategy {
    /// The default order: W-API first, because the tenant pays for it; the CDN last, because it
    /// needs neither W-API nor a token.
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
        Self::DEFAULT.into_iter().find(|one| one.as_str() == text).ok_or(UnknownStrategy)
    }
}

//! The strategies: the ways to get a media file, and the facts in which they differ.
//!
//! Each fact is a `match` without a wildcard. A new strategy does not compile until every fact of
//! it is decided.

use serde::{Deserialize, Serialize};

/// A way to get a media file. [`StrategyOrder`] says which are tried, and in which order.
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

/// The strategies that are tried, in this order. Without a strategy in it, it is the default order,
/// which a later version may change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrategyOrder(Vec<Strategy>);

/// The text is not an order of strategies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an order is `default`, or some of wapi, wapi_alternate, cdn, each once, separated by commas"
)]
pub struct InvalidOrder;

impl StrategyOrder {
    /// The word for the default order.
    pub const DEFAULT_WORD: &str = "default";

    /// An order of these strategies; without any, the default order.
    #[must_use]
    pub fn new(strategies: impl IntoIterator<Item = Strategy>) -> Self {
        Self(strategies.into_iter().collect())
    }

    /// Whether nobody chose an order.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// The strategies that somebody chose; empty for the default order.
    #[must_use]
    pub fn chosen(&self) -> &[Strategy] {
        &self.0
    }

    /// The strategies to try, in order; [`Strategy::DEFAULT`] if nobody chose an order.
    #[must_use]
    pub fn strategies(&self) -> &[Strategy] {
        if self.is_default() { &Strategy::DEFAULT } else { &self.0 }
    }
}

/// The chosen order as an operator writes it, or `default`.
impl std::fmt::Display for StrategyOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_default() {
            return f.write_str(Self::DEFAULT_WORD);
        }
        let words: Vec<_> = self.0.iter().map(|one| one.as_str()).collect();
        f.write_str(&words.join(","))
    }
}

impl std::str::FromStr for StrategyOrder {
    type Err = InvalidOrder;
    fn from_str(text: &str) -> Result<Self, InvalidOrder> {
        if text == Self::DEFAULT_WORD {
            return Ok(Self::default());
        }
        let mut chosen = Vec::new();
        for word in text.split(',') {
            let strategy = word.trim().parse().map_err(|UnknownStrategy| InvalidOrder)?;
            if chosen.contains(&strategy) {
                return Err(InvalidOrder);
            }
            chosen.push(strategy);
        }
        Ok(Self(chosen))
    }
}

impl Strategy {
    /// The default order: W-API first, because the tenant pays for it; the CDN last, because it
    /// needs neither W-API nor a token. It names every strategy.
    pub const DEFAULT: [Self; 3] = [Self::Wapi, Self::WapiAlternate, Self::Cdn];

    /// The word in records, metadata and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wapi => "wapi",
            Self::WapiAlternate => "wapi_alternate",
            Self::Cdn => "cdn",
        }
    }

    /// Position in [`Strategy::DEFAULT`], from 0.
    const fn default_position(self) -> usize {
        match self {
            Self::Wapi => 0,
            Self::WapiAlternate => 1,
            Self::Cdn => 2,
        }
    }

    /// Whether its requests go to W-API. W-API serves an instance a limited number of downloads at
    /// a time.
    #[must_use]
    pub fn uses_wapi(self) -> bool {
        match self {
            Self::Wapi | Self::WapiAlternate => true,
            Self::Cdn => false,
        }
    }

    /// Whether its requests carry the instance's token. Without a token it cannot run, and a 401 or
    /// 403 means that the token was refused. A strategy without a token works while the token
    /// cannot be decrypted.
    #[must_use]
    pub fn needs_token(self) -> bool {
        match self {
            Self::Wapi | Self::WapiAlternate => true,
            Self::Cdn => false,
        }
    }

    /// Whether the origin serves an encrypted file as it was uploaded, so that its MAC can be
    /// checked. Other origins decrypt it first.
    #[must_use]
    pub fn serves_encrypted(self) -> bool {
        match self {
            Self::Wapi | Self::WapiAlternate => false,
            Self::Cdn => true,
        }
    }

    /// Whether bytes that contradict the sender's hash may be stored, flagged, if no strategy
    /// serves better ones. An origin that decrypts the file may change it for good. The CDN serves
    /// what the sender uploaded: bytes that differ are damaged, and only intact ones are kept.
    #[must_use]
    pub fn may_keep_mismatch(self) -> bool {
        match self {
            Self::Wapi | Self::WapiAlternate => true,
            Self::Cdn => false,
        }
    }
}

/// Compiles only if [`Strategy::DEFAULT`] has the order of [`Strategy::default_position`].
const _: () = {
    let mut left: &[Strategy] = &Strategy::DEFAULT;
    let mut position = 0;
    while let [first, others @ ..] = left {
        assert!(first.default_position() == position, "DEFAULT and default_position differ");
        position += 1;
        left = others;
    }
};

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

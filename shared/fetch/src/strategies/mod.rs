//! One file per strategy.

pub(crate) mod cdn;
mod wapi;
mod wapi_alternate;

pub use self::cdn::cdn_urls;

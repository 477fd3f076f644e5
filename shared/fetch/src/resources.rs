//! What all attempts of a process share to send their requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::Client;
use tokio::time::Instant;
use url::Url;

use crate::{
    client::{Limits, build_client},
    error::FetchError,
    guard::AddressGuard,
    origins::Origins,
    pool::PartPool,
};

/// Time for which a path counts as missing after a 404.
const MISSING_PATH_TTL: Duration = Duration::from_hours(1);

/// The client with its guard, the origins, the limits and the buffers.
pub(crate) struct Resources {
    pub(crate) client: Client,
    pub(crate) guard: AddressGuard,
    pub(crate) origins: Origins,
    pub(crate) limits: Limits,
    pub(crate) pool: Arc<PartPool>,
    /// W-API paths that answered 404, and until when they count as missing.
    missing_paths: Mutex<HashMap<String, Instant>>,
}

impl Resources {
    /// Builds the client.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub(crate) fn new(
        origins: Origins,
        limits: Limits,
        pool: Arc<PartPool>,
    ) -> Result<Self, FetchError> {
        let guard = AddressGuard::new(&origins);
        let client = build_client(&guard, &limits)?;
        Ok(Self { client, guard, origins, limits, pool, missing_paths: Mutex::default() })
    }

    /// Opens a connection to W-API and to the first CDN host. The answers are ignored.
    pub(crate) async fn connect(&self) {
        let ask = |url: Url| async move {
            let answer = self.client.head(url.clone()).timeout(self.limits.connect).send().await;
            if answer.is_err() {
                tracing::debug!(
                    host = url.host_str(),
                    "opening a connection to an origin failed at start"
                );
            }
        };
        let urls = std::iter::once(&self.origins.wapi_base).chain(self.origins.cdn_bases.first());
        futures_util::future::join_all(urls.cloned().map(ask)).await;
    }

    /// Whether W-API's `path` answered 404 within the last hour.
    pub(crate) fn is_known_missing(&self, path: &str) -> bool {
        let missing = self.missing_paths.lock().unwrap_or_else(PoisonError::into_inner);
        missing.get(path).is_some_and(|until| Instant::now() < *until)
    }

    /// Remembers for an hour that W-API's `path` answered 404.
    pub(crate) fn remember_missing(&self, path: &str) {
        let mut missing = self.missing_paths.lock().unwrap_or_else(PoisonError::into_inner);
        missing.insert(path.to_owned(), Instant::now() + MISSING_PATH_TTL);
    }
}

//! Downloads media files over HTTP: one guarded client, one file per strategy, one stream that
//! proves its bytes.
//!
//! A strategy finds a file and passes it, as a [`MediaStream`], to the caller's `store`. The last
//! part of the stream carries the proof. If a stream ends in an error, none of its bytes may be
//! kept.

pub mod account;
pub mod body;
mod breaker;
pub mod client;
pub mod error;
mod evidence;
pub mod guard;
pub mod pool;
mod strategies;
mod stream;
mod turns;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use media::{
    ids::InstanceId,
    message::{MediaMessage, Secret},
    record::Attempt,
    strategy::Strategy,
};
use tokio::time::Instant;

use crate::{
    breaker::{Breaker, CircuitOpen},
    evidence::Evidence,
    guard::AddressGuard,
    pool::PartPool,
    turns::Turns,
};
pub use crate::{
    client::{Limits, Origins},
    error::FetchError,
    strategies::cdn_urls,
    stream::MediaStream,
};

/// What to fetch, for which instance, and within which time.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// The media message to fetch.
    pub message: &'a MediaMessage,
    /// The instance whose credentials are used with W-API.
    pub instance: &'a InstanceId,
    /// The instance's token, for the strategies that use W-API. Sent to W-API's configured base and
    /// nowhere else.
    pub token: Option<&'a Secret>,
    /// Whether to accept W-API's bytes that contradict the sender's hash; see
    /// `ExpectedHashes::keep_mismatch`.
    pub keep_mismatch: bool,
    /// Maximum bytes of the file, if lower than [`Limits::max_bytes`].
    pub max_bytes: Option<u64>,
    /// Whether to try an origin whose circuit is open: on a job's last attempt, or with new
    /// credentials.
    pub insist: bool,
    /// When the whole attempt must have ended.
    pub deadline: Instant,
    /// The current time in seconds since 1970, for comparing expiries.
    pub now: i64,
}

/// State shared by all downloads of a process: connections, buffers and circuits.
pub struct Fetcher {
    client: reqwest::Client,
    guard: AddressGuard,
    origins: Origins,
    limits: Limits,
    pool: Arc<PartPool>,
    breaker: Breaker,
    turns: Turns,
    /// W-API paths that answered 404, and until when they count as missing.
    missing_paths: Mutex<HashMap<String, Instant>>,
}

impl Fetcher {
    /// Builds the client, once per process.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(origins: Origins, limits: Limits, pool: Arc<PartPool>) -> Result<Self, FetchError> {
        let guard = AddressGuard::new(&origins);
        let client = client::build_client(&guard, &limits)?;
        Ok(Self {
            client,
            guard,
            origins,
            limits,
            pool,
            breaker: Breaker::default(),
            turns: Turns::default(),
            missing_paths: Mutex::default(),
        })
    }

    /// Opens a connection to every origin, so that the first download does not wait for a
    /// handshake. The answers are ignored.
    pub async fn connect(&self) {
        let ask = |url: url::Url| async move {
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

    /// Runs one strategy. Each stream that it opens is passed to `store`, which returns the
    /// stream's own error if the stream fails. Some failures (a wrong hash, a wrong key family)
    /// only show at the end of a stream, so `store` may be called several times. A stream that it
    /// could not commit must leave no trace.
    ///
    /// # Errors
    /// The last [`FetchError`], whose [`FetchError::disposition`] decides what happens to the job.
    /// The attempt is returned in either case.
    pub async fn fetch<T, Store>(
        &self,
        strategy: Strategy,
        request: FetchRequest<'_>,
        store: Store,
    ) -> (Attempt, Result<T, FetchError>)
    where
        Store: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    {
        let evidence = Evidence::new(strategy);
        let FetchRequest { instance, now, .. } = request;
        if let Err(CircuitOpen { left, is_unauthorized }) =
            self.breaker.admit(strategy, instance, now)
            && !request.insist
        {
            let open_circuit = FetchError::CircuitOpen { left, is_unauthorized };
            return (evidence.into_attempt(Some(&open_circuit)), Err(open_circuit));
        }
        let started = Instant::now();
        let fetched = self.run_strategy(strategy, request, &evidence, store).await;
        if evidence.has_request() {
            let took = i64::try_from(started.elapsed().as_secs()).unwrap_or_default();
            let now = now.saturating_add(took);
            self.breaker.record_outcome(strategy, instance, fetched.as_ref().err(), now);
        }
        (evidence.into_attempt(fetched.as_ref().err()), fetched)
    }

    async fn run_strategy<T, Store>(
        &self,
        strategy: Strategy,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: Store,
    ) -> Result<T, FetchError>
    where
        Store: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    {
        // Held until the download has ended.
        let _turn = if strategy.uses_wapi() {
            let until = (Instant::now() + self.limits.post).min(request.deadline);
            Some(self.turns.wait_for_turn(request.instance, until).await?)
        } else {
            None
        };
        match strategy {
            Strategy::Wapi => self.fetch_from_wapi(request, evidence, store).await,
            Strategy::WapiAlternate => {
                self.fetch_from_wapi_alternate(request, evidence, store).await
            }
            Strategy::Cdn => self.fetch_from_cdn(request, evidence, store).await,
        }
    }

    /// Maximum bytes of the requested file.
    fn max_bytes(&self, request: &FetchRequest<'_>) -> u64 {
        let wanted = request.max_bytes.unwrap_or(u64::MAX);
        wanted.min(self.limits.max_bytes)
    }
}

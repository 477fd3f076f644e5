//! Bytes over HTTP: one guarded client, one file per strategy, one stream that proves what it brings.
//!
//! A strategy finds the bytes and hands them, as a [`MediaStream`], to whoever stores them. The stream's
//! last part carries the proof; a stream that ends in an error brought nothing that may be kept.

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
    breaker::{Breaker, Spared},
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

/// What to fetch, on whose behalf, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// The announced medium.
    pub message: &'a MediaMessage,
    /// Whose credentials W-API is asked with.
    pub instance: &'a InstanceId,
    /// The instance's token, for the strategies that ask W-API. Sent to its configured base and nowhere
    /// else.
    pub token: Option<&'a Secret>,
    /// Accept bytes of W-API that contradict the sender's hash; see `Expected::keep_mismatch`.
    pub keep_mismatch: bool,
    /// Bytes of the file that are wanted at most, if fewer than [`Limits::max_bytes`].
    pub max_bytes: Option<u64>,
    /// Ask even an origin that keeps failing: on a job's last try, or with credentials that are new.
    pub insist: bool,
    /// When the whole of it must be over.
    pub deadline: Instant,
    /// Seconds since 1970, for what expires.
    pub now: i64,
}

/// Everything that outlives one medium: connections, buffers, what was learnt about the origins.
pub struct Fetcher {
    client: reqwest::Client,
    guard: AddressGuard,
    origins: Origins,
    limits: Limits,
    pool: Arc<PartPool>,
    breaker: Breaker,
    turns: Turns,
    /// Paths of W-API that answered 404, and until when that is believed.
    missing_paths: Mutex<HashMap<String, Instant>>,
}

impl Fetcher {
    /// Builds the client, once per process.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(origins: Origins, limits: Limits, pool: Arc<PartPool>) -> Result<Self, FetchError> {
        let guard = AddressGuard::new(&origins);
        let client = client::build(&guard, &limits)?;
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

    /// Opens a connection to every origin, so that the first medium does not wait for a handshake.
    /// Whatever they answer is of no interest.
    pub async fn connect(&self) {
        let ask = |url: url::Url| async move {
            let asked = self
                .client
                .head(url.clone())
                .timeout(self.limits.connect)
                .send()
                .await;
            if asked.is_err() {
                tracing::debug!(
                    host = url.host_str(),
                    "an origin could not be reached at start"
                );
            }
        };
        let urls = std::iter::once(&self.origins.wapi_base).chain(self.origins.cdn_bases.first());
        futures_util::future::join_all(urls.cloned().map(ask)).await;
    }

    /// Tries one strategy: each stream it opens goes to `store`, which gives back the stream's own error
    /// if the stream failed. Some failures only show at the end of a stream (a wrong hash, a wrong key
    /// family), so `store` may be called several times; what it could not commit must leave no trace.
    ///
    /// # Errors
    /// The last [`FetchError`], whose [`FetchError::disposition`] says what it means. The attempt is
    /// recorded in either case.
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
        if let Err(Spared {
            left,
            is_unauthorized,
        }) = self.breaker.admit(strategy, instance, now)
            && !request.insist
        {
            let spared = FetchError::Spared {
                left,
                is_unauthorized,
            };
            return (evidence.into_attempt(Some(&spared)), Err(spared));
        }
        let started = Instant::now();
        let fetched = self.ask(strategy, request, &evidence, store).await;
        if evidence.has_asked() {
            let took = i64::try_from(started.elapsed().as_secs()).unwrap_or_default();
            let now = now.saturating_add(took);
            self.breaker
                .learn(strategy, instance, fetched.as_ref().err(), now);
        }
        (evidence.into_attempt(fetched.as_ref().err()), fetched)
    }

    async fn ask<T, Store>(
        &self,
        strategy: Strategy,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: Store,
    ) -> Result<T, FetchError>
    where
        Store: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    {
        if strategy == Strategy::Cdn {
            return self.by_cdn(request, evidence, store).await;
        }
        let until = (Instant::now() + self.limits.post).min(request.deadline);
        let _turn = self.turns.take(request.instance, until).await?;
        if strategy == Strategy::Wapi {
            self.by_wapi(request, evidence, store).await
        } else {
            self.by_wapi_alternate(request, evidence, store).await
        }
    }

    /// Bytes of a file at most.
    fn max_bytes(&self, request: &FetchRequest<'_>) -> u64 {
        let wanted = request.max_bytes.unwrap_or(u64::MAX);
        wanted.min(self.limits.max_bytes)
    }
}

//! Runs strategies: skips those whose circuit is open, and records how each attempt went.

use std::sync::Arc;

use media::{ids::InstanceId, message::MediaMessage, record::Attempt, strategy::Strategy};
use tokio::time::Instant;

use crate::{
    breaker::{Admission, Breaker, Cause, CircuitOpen},
    client::Limits,
    error::FetchError,
    evidence::Evidence,
    live_attempt::LiveAttempt,
    origins::Origins,
    pool::PartPool,
    request::FetchRequest,
    resources::Resources,
    strategies::cdn,
    stream::MediaStream,
};

/// State shared by all downloads of a process: connections, buffers and circuits.
pub struct Fetcher {
    resources: Resources,
    breaker: Breaker,
}

impl Fetcher {
    /// Builds the client, once per process.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(origins: Origins, limits: Limits, pool: Arc<PartPool>) -> Result<Self, FetchError> {
        Ok(Self { resources: Resources::new(origins, limits, pool)?, breaker: Breaker::default() })
    }

    /// Opens a connection to every origin, so that the first download does not wait for a
    /// handshake. The answers are ignored.
    pub async fn connect(&self) {
        self.resources.connect().await;
    }

    /// Whether the CDN can be asked now (in seconds since 1970): its circuit is closed, a path is
    /// announced that has not expired, and the bytes could be opened.
    #[must_use]
    pub fn can_ask_cdn(&self, message: &MediaMessage, instance: &InstanceId, now: i64) -> bool {
        !self.breaker.is_open(Strategy::Cdn, instance, now)
            && cdn::can_be_asked(&self.resources.origins, message, now)
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
        mut request: FetchRequest<'_>,
        store: Store,
    ) -> (Attempt, Result<T, FetchError>)
    where
        Store: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    {
        let evidence = Evidence::new(strategy);
        let FetchRequest { instance, now, .. } = request;
        match self.breaker.admit(strategy, instance, now) {
            // A probe that is left without an answer would say nothing.
            Ok(Admission::Probe) => request.is_cdn_next = false,
            Err(CircuitOpen { left, is_unauthorized }) if !request.insist => {
                let open_circuit = FetchError::CircuitOpen { left, is_unauthorized };
                return (evidence.into_attempt(Some(&open_circuit)), Err(open_circuit));
            }
            Ok(Admission::Ordinary) | Err(_) => {}
        }
        let started = Instant::now();
        let mut attempt = LiveAttempt { resources: &self.resources, request, evidence, store };
        let fetched = Self::run_strategy(strategy, &mut attempt).await;
        let LiveAttempt { evidence, .. } = attempt;
        if evidence.has_request() {
            let took = i64::try_from(started.elapsed().as_secs()).unwrap_or_default();
            let now = now.saturating_add(took);
            let failure = fetched.as_ref().err();
            self.breaker.record_outcome(strategy, &Cause::from_request(request), failure, now);
        }
        (evidence.into_attempt(fetched.as_ref().err()), fetched)
    }

    async fn run_strategy<T, Store>(
        strategy: Strategy,
        attempt: &mut LiveAttempt<'_, Store>,
    ) -> Result<T, FetchError>
    where
        Store: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    {
        match strategy {
            Strategy::Wapi => attempt.fetch_from_wapi().await,
            Strategy::WapiAlternate => attempt.fetch_from_wapi_alternate().await,
            Strategy::Cdn => attempt.fetch_from_cdn().await,
        }
    }
}

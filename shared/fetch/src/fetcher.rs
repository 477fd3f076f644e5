//! Runs strategies: skips those whose circuit is open, and records how each attempt went.

use std::sync::Arc;

use media::{record::Attempt, strategy::Strategy};
use tokio::time::Instant;

use crate::{
    breaker::{Breaker, Cause, CircuitOpen},
    client::Limits,
    error::FetchError,
    evidence::Evidence,
    live_attempt::LiveAttempt,
    origins::Origins,
    pool::PartPool,
    request::FetchRequest,
    resources::Resources,
    stream::MediaStream,
    turns::Turns,
};

/// State shared by all downloads of a process: connections, buffers and circuits.
pub struct Fetcher {
    resources: Resources,
    breaker: Breaker,
    turns: Turns,
}

impl Fetcher {
    /// Builds the client, once per process.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(origins: Origins, limits: Limits, pool: Arc<PartPool>) -> Result<Self, FetchError> {
        Ok(Self {
            resources: Resources::new(origins, limits, pool)?,
            breaker: Breaker::default(),
            turns: Turns::default(),
        })
    }

    /// Opens a connection to every origin, so that the first download does not wait for a
    /// handshake. The answers are ignored.
    pub async fn connect(&self) {
        self.resources.connect().await;
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
        let mut attempt = LiveAttempt {
            resources: &self.resources,
            turns: &self.turns,
            request,
            evidence,
            store,
        };
        let fetched = Self::run_strategy(strategy, &mut attempt).await;
        let LiveAttempt { evidence, .. } = attempt;
        if evidence.has_request() {
            let took = i64::try_from(started.elapsed().as_secs()).unwrap_or_default();
            let now = now.saturating_add(took);
            let failure = fetched.as_ref().err();
            self.breaker.record_outcome(strategy, Cause::from_request(request), failure, now);
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

//! Collects the facts of one attempt, for the record and the log line.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use media::{record::Attempt, strategy::Strategy};
use tokio::time::Instant;
use url::Url;

use crate::error::FetchError;

/// The facts so far. Shared by the strategy and the streams that it opens.
pub(crate) struct Evidence {
    strategy: Strategy,
    started: Instant,
    received_bytes: Arc<AtomicU64>,
    last_answer: Mutex<LastAnswer>,
}

#[derive(Default)]
struct LastAnswer {
    host: Option<String>,
    status: Option<u16>,
    excerpt: Option<String>,
}

impl Evidence {
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            started: Instant::now(),
            received_bytes: Arc::default(),
            last_answer: Mutex::default(),
        }
    }

    /// The counter that streams add their body bytes to.
    pub(crate) fn received_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received_bytes)
    }

    /// Starts a new request to the URL's host and forgets the previous answer.
    pub(crate) fn record_request(&self, url: &Url) {
        let host = url.host_str().map(|host| match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        self.update_answer(|last| *last = LastAnswer { host, ..LastAnswer::default() });
    }

    /// Whether any request was sent. An expired signed path is not requested.
    pub(crate) fn has_request(&self) -> bool {
        let last = self.last_answer.lock();
        last.unwrap_or_else(PoisonError::into_inner).host.is_some()
    }

    /// Records the answer's HTTP status.
    pub(crate) fn record_status(&self, status: u16) {
        self.update_answer(|last| last.status = Some(status));
    }

    /// Records the answer's error message, which is already redacted.
    pub(crate) fn record_excerpt(&self, excerpt: Option<String>) {
        self.update_answer(|last| last.excerpt = excerpt);
    }

    /// Builds the attempt for the record.
    pub(crate) fn into_attempt(self, failure: Option<&FetchError>) -> Attempt {
        let last = self.last_answer.into_inner().unwrap_or_else(PoisonError::into_inner);
        Attempt {
            strategy: self.strategy,
            host: last.host,
            status: last.status,
            excerpt: last.excerpt,
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
            duration_ms: self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            verdict: failure.map_or_else(|| "stored".to_owned(), FetchError::with_sources),
        }
    }

    fn update_answer(&self, change: impl FnOnce(&mut LastAnswer)) {
        change(&mut self.last_answer.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

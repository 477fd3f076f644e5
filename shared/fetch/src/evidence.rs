//! Collects what one attempt saw, for the record and the log line.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use media::{record::Attempt, strategy::Strategy};
use tokio::time::Instant;
use url::Url;

use crate::error::FetchError;

/// What was seen so far. Shared by the strategy and the streams it opens.
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

    /// A request goes to this host; what the previous one answered is history.
    pub(crate) fn asks(&self, url: &Url) {
        let host = url.host_str().map(|host| match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        self.change(|last| {
            *last = LastAnswer {
                host,
                ..LastAnswer::default()
            }
        });
    }

    /// Whether any request was made: a path that has expired by its own word asks nobody.
    pub(crate) fn has_asked(&self) -> bool {
        let last = self.last_answer.lock();
        last.unwrap_or_else(PoisonError::into_inner).host.is_some()
    }

    /// The answer's status.
    pub(crate) fn answered(&self, status: u16) {
        self.change(|last| last.status = Some(status));
    }

    /// The answer's own words, already redacted.
    pub(crate) fn said(&self, excerpt: Option<String>) {
        self.change(|last| last.excerpt = excerpt);
    }

    /// The attempt, now that it is over.
    pub(crate) fn into_attempt(self, failure: Option<&FetchError>) -> Attempt {
        let last = self
            .last_answer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Attempt {
            strategy: self.strategy,
            host: last.host,
            status: last.status,
            excerpt: last.excerpt,
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
            duration_ms: self
                .started
                .elapsed()
                .as_millis()
                .try_into()
                .unwrap_or(u64::MAX),
            verdict: failure.map_or_else(|| "stored".to_owned(), FetchError::with_sources),
        }
    }

    fn change(&self, change: impl FnOnce(&mut LastAnswer)) {
        change(
            &mut self
                .last_answer
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

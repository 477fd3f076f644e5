//! One attempt of one strategy while it runs: what it needs, and how it sends requests.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use tokio::time::timeout_at;
use url::Url;

use crate::{
    body::Body, error::FetchError, evidence::Evidence, request::FetchRequest, resources::Resources,
    waits::deadline_within,
};

/// An attempt that has not ended. The strategies are methods of this type, in their own files.
pub(crate) struct LiveAttempt<'a, S> {
    pub(crate) resources: &'a Resources,
    pub(crate) request: FetchRequest<'a>,
    /// What happened so far.
    pub(crate) evidence: Evidence,
    /// The caller's function that stores a stream. It may be called again after a failure.
    pub(crate) store: S,
}

impl<S> LiveAttempt<'_, S> {
    /// Sends a request to a URL that the guard allows, and waits up to `within` for the status and
    /// headers.
    ///
    /// # Errors
    /// [`FetchError::Forbidden`], [`FetchError::TimedOut`] or [`FetchError::Transport`].
    pub(crate) async fn send_request(
        &self,
        url: Url,
        within: Duration,
        build: impl FnOnce(Url) -> RequestBuilder,
    ) -> Result<Response, FetchError> {
        self.resources.guard.check_url(&url)?;
        self.evidence.record_request(&url);
        let (ends, late) = deadline_within(within, self.request.deadline);
        let sent = timeout_at(ends, build(url).send()).await;
        let response =
            sent.map_err(|_| FetchError::TimedOut(late))?.map_err(FetchError::from_transport)?;
        self.evidence.record_status(response.status().as_u16());
        Ok(response)
    }

    /// Wraps a response body with the limits of [`Body`].
    ///
    /// # Errors
    /// [`FetchError::TooLarge`] if the announced length is above `max_bytes`; no byte is read.
    pub(crate) fn guarded_body(
        &self,
        response: Response,
        max_bytes: u64,
    ) -> Result<Body, FetchError> {
        if response.content_length().is_some_and(|announced| announced > max_bytes) {
            return Err(FetchError::TooLarge { limit_bytes: max_bytes });
        }
        let counter = self.evidence.received_bytes();
        Ok(Body::new(response, &self.resources.limits, self.request.time_limit(), counter))
    }

    /// Maximum bytes of the requested file.
    pub(crate) fn max_bytes(&self) -> u64 {
        let wanted = self.request.max_bytes.unwrap_or(u64::MAX);
        wanted.min(self.resources.limits.max_bytes)
    }
}

//! Continues a broken transfer with a range request.

use std::time::Duration;

use reqwest::{
    RequestBuilder, Response,
    header::{CONTENT_RANGE, RANGE},
};
use tokio::time::{Instant, timeout_at};

use crate::{body::Body, error::FetchError, waits::deadline_within};

/// Maximum range requests for the rest of a broken body before the next host is tried.
pub(crate) const MAX_RESUMES: u32 = 2;

/// The range request that continues a broken body.
pub(crate) struct Resume {
    pub(crate) again: RequestBuilder,
    pub(crate) make_body: Box<dyn Fn(Response) -> Body + Send>,
    /// Time for the status and headers.
    pub(crate) answer: Duration,
    pub(crate) deadline: Instant,
    /// Requests left.
    pub(crate) left: u32,
}

impl Resume {
    /// Requests the body from byte `received` on. Only a 206 with exactly that range is accepted.
    pub(crate) async fn resume_at(
        &mut self,
        received: u64,
        broken: FetchError,
    ) -> Result<Body, FetchError> {
        let request = self.again.try_clone();
        let (Some(request), true) = (request, self.left > 0) else {
            return Err(broken);
        };
        self.left -= 1;
        let (ends, late) = deadline_within(self.answer, self.deadline);
        let sent =
            timeout_at(ends, request.header(RANGE, format!("bytes={received}-")).send()).await;
        let response =
            sent.map_err(|_| FetchError::TimedOut(late))?.map_err(FetchError::from_transport)?;
        let continues = response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|range| range.starts_with(&format!("bytes {received}-")));
        if response.status().as_u16() == 206 && continues {
            Ok((self.make_body)(response))
        } else {
            Err(FetchError::NotResumed)
        }
    }
}

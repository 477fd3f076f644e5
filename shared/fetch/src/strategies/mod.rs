//! One file per strategy, and the request code that they share.

mod cdn;
mod wapi;
mod wapi_alternate;

use std::time::{Duration, SystemTime};

use reqwest::{
    RequestBuilder, Response,
    header::{CONTENT_RANGE, RANGE, RETRY_AFTER},
};
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use self::cdn::cdn_urls;
use crate::{
    FetchRequest, Fetcher,
    body::Body,
    error::{FetchError, Wait},
    evidence::Evidence,
};

/// Maximum range requests for the rest of a broken body before the next host is tried.
const MAX_RESUMES: u32 = 2;

impl Fetcher {
    /// Sends a request to a URL that the guard allows, and waits for the status and headers.
    async fn send_request(
        &self,
        url: Url,
        within: Duration,
        deadline: Instant,
        evidence: &Evidence,
        build: impl FnOnce(Url) -> RequestBuilder,
    ) -> Result<Response, FetchError> {
        self.guard.check_url(&url)?;
        evidence.record_request(&url);
        let (ends, late) = deadline_within(within, deadline);
        let sent = timeout_at(ends, build(url).send()).await;
        let response =
            sent.map_err(|_| FetchError::TimedOut(late))?.map_err(FetchError::from_transport)?;
        evidence.record_status(response.status().as_u16());
        Ok(response)
    }

    /// Wraps a response body with the limits of [`Body`].
    fn guarded_body(
        &self,
        response: Response,
        request: &FetchRequest<'_>,
        evidence: &Evidence,
    ) -> Body {
        Body::new(response, &self.limits, request.deadline, evidence.received_bytes())
    }
}

/// The range request that continues a broken body.
pub(crate) struct Resume {
    again: RequestBuilder,
    make_body: Box<dyn Fn(Response) -> Body + Send>,
    answer: Duration,
    deadline: Instant,
    left: u32,
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

/// The deadline for an answer, and the error if it passes: the origin was silent, or the
/// invocation's own time is over.
fn deadline_within(within: Duration, deadline: Instant) -> (Instant, Wait) {
    let patience = Instant::now() + within;
    if patience < deadline { (patience, Wait::Answer) } else { (deadline, Wait::Deadline) }
}

/// The wait that `Retry-After` asks for, given as seconds or as a date; at most half a day.
fn retry_after(response: &Response, now: i64) -> Option<Duration> {
    const MAX_WAIT: Duration = Duration::from_hours(12);
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.try_into().ok()?);
            httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_WAIT))
}

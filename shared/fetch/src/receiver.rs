//! Posts webhooks to receivers: one guarded request, and of the answer only what decides.

use std::time::Duration;

use reqwest::{
    Client, Response,
    header::{CONTENT_TYPE, USER_AGENT},
};
use url::Url;

use crate::{
    client::{Limits, build_client},
    error::FetchError,
    guard::{AddressGuard, GuardError},
    waits::retry_after,
};

/// The whole time of one request, from the connection to the headers of the answer.
pub const MAX_POST_TIME: Duration = Duration::from_secs(15);

/// How much of an answer is read, so that its connection can be used again, and for how long.
const MAX_ANSWER_BYTES: usize = 4096;
const MAX_ANSWER_TIME: Duration = Duration::from_secs(1);

/// What the header `User-Agent` of a webhook that is passed on begins with. A webhook that comes
/// with it is not passed on again.
pub const SENDER_NAME: &str = "wapi-media/";

/// A webhook to post.
#[derive(Debug, Clone, Copy)]
pub struct SignedWebhook<'a> {
    /// The header `webhook-id`.
    pub id: &'a str,
    /// The header `webhook-timestamp`, in seconds since 1970.
    pub at: i64,
    /// The header `webhook-signature`.
    pub signature: &'a str,
    /// The header `content-type`, if the webhook came with one.
    pub content_type: Option<&'a str>,
}

/// The answer of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The guard refuses the URL or every address of its host.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// No headers came within [`MAX_POST_TIME`].
    #[error("no answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("no connection")]
    Connection,
    /// The URL is none, or the request could not be built.
    #[error("the URL cannot be requested")]
    Url,
}

impl PostError {
    /// One word for the log and the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guard(_) => "address",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Url => "url",
        }
    }
}

/// Posts webhooks to receivers. Redirects are answers like any other.
#[derive(Debug, Clone)]
pub struct ReceiverClient {
    client: Client,
    guard: AddressGuard,
    /// Where this stack receives webhooks itself: a receiver there would post in a circle.
    own_host: Option<String>,
}

impl ReceiverClient {
    /// Builds the client. Receivers on this machine are allowed only if `may_be_local`. No receiver
    /// may have the host of `own_base`.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(own_base: &str, may_be_local: bool) -> Result<Self, FetchError> {
        let guard = AddressGuard::for_receivers(may_be_local);
        let client = build_client(&guard, &Limits::default())?;
        let own_host = Url::parse(own_base).ok();
        let own_host = own_host.and_then(|base| base.host_str().map(str::to_owned));
        Ok(Self { client, guard, own_host })
    }

    /// Parses and checks the URL of a receiver.
    ///
    /// # Errors
    /// [`PostError`] says why nothing may be posted there.
    pub fn check_url(&self, url: &str) -> Result<Url, PostError> {
        let url = Url::parse(url).map_err(|_| PostError::Url)?;
        self.guard.check_receiver(&url)?;
        match url.host_str().map(str::to_owned) == self.own_host && !is_local(&url) {
            true => Err(GuardError::Host.into()),
            false => Ok(url),
        }
    }

    /// Posts a webhook.
    ///
    /// # Errors
    /// [`PostError`] when there is no answer.
    pub async fn post(
        &self,
        url: &str,
        signed: &SignedWebhook<'_>,
        body: Vec<u8>,
    ) -> Result<PostAnswer, PostError> {
        let url = self.check_url(url)?;
        let request = self
            .client
            .post(url)
            .timeout(MAX_POST_TIME + MAX_ANSWER_TIME)
            .header(USER_AGENT, format!("{SENDER_NAME}{}", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", signed.id)
            .header("webhook-timestamp", signed.at)
            .header("webhook-signature", signed.signature)
            .body(body);
        let request = match signed.content_type {
            Some(content_type) => request.header(CONTENT_TYPE, content_type),
            None => request,
        };
        let sent = tokio::time::timeout(MAX_POST_TIME, request.send()).await;
        let response =
            sent.map_err(|_late| PostError::Timeout)?.map_err(|error| classify(&error))?;
        let answer = PostAnswer {
            status: response.status().as_u16(),
            retry_after: retry_after(&response, signed.at),
        };
        // The status decides, whatever becomes of the rest.
        if tokio::time::timeout(MAX_ANSWER_TIME, drop_body(response)).await.is_err() {
            tracing::debug!("the body of a receiver's answer came slowly and was left");
        }
        Ok(answer)
    }
}

/// The local stack's own base has the host of every other program on this machine.
fn is_local(url: &Url) -> bool {
    url.scheme() == "http"
}

async fn drop_body(mut response: Response) {
    let mut read = 0;
    while read < MAX_ANSWER_BYTES
        && let Ok(Some(piece)) = response.chunk().await
    {
        read += piece.len();
    }
}

fn classify(error: &reqwest::Error) -> PostError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        if let Some(guard) = one.downcast_ref::<GuardError>() {
            return PostError::Guard(*guard);
        }
        cause = one.source();
    }
    if error.is_timeout() {
        PostError::Timeout
    } else if error.is_builder() {
        PostError::Url
    } else {
        PostError::Connection
    }
}

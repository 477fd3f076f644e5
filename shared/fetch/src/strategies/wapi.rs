//! Strategy `wapi`: POST for a link, then GET the link. W-API decrypts the file, so there is no MAC
//! to check; the sender's hash is the proof.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use media::{
    kind::MediaKind,
    media_key::MediaKey,
    message::{MediaMessage, Secret},
    open::{ExpectedHashes, Opener},
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;
use wapi::{
    download::{self, Answer, DownloadRequest, Refusal, RefusalRow},
    link::FileLink,
};

use crate::{
    body::read_at_most,
    error::{FetchError, Wait},
    live_attempt::LiveAttempt,
    request::FetchRequest,
    stream::{ErrorPages, MediaStream, StreamInput},
    waits::retry_after,
};

/// Maximum links requested before their failure counts as the strategy's. A failed link is not
/// requested again: each POST gives a new one.
const MAX_LINKS: usize = 2;

/// Maximum answer to a POST. An answer has about 200 bytes; the rest is for an error page.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Maximum time for the answer to a GET that only asks about a file.
const MAX_INFO_TIME: Duration = Duration::from_secs(10);

impl<T, S> LiveAttempt<'_, S>
where
    S: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
{
    /// Runs the strategy with `POST /message/download-media`.
    pub(crate) async fn fetch_from_wapi(&mut self) -> Result<T, FetchError> {
        self.fetch_through_links(download::PATH).await
    }

    /// Requests links from `path`, for each content type that may work, and stores what they serve.
    pub(super) async fn fetch_through_links(&mut self, path: &str) -> Result<T, FetchError> {
        let mut failure =
            FetchError::NotApplicable("the webhook announced no media key or no path");
        for question in DownloadRequest::candidates(self.request.message) {
            match self.try_content_type(path, &question).await {
                Ok(stored) => return Ok(stored),
                Err(error) => failure = error,
            }
            if !may_depend_on_content_type(&failure) {
                break;
            }
        }
        Err(failure)
    }

    async fn try_content_type(
        &mut self,
        path: &str,
        question: &DownloadRequest<'_>,
    ) -> Result<T, FetchError> {
        let mut failure = FetchError::NotTheFile;
        for _ in 0..MAX_LINKS {
            let link = self.request_link(path, question).await?;
            match self.download_link(&link).await {
                Err(error) if may_depend_on_link(&error) => failure = error,
                result => return result,
            }
        }
        Err(failure)
    }

    async fn download_link(&mut self, link: &FileLink) -> Result<T, FetchError> {
        let response = self.get_link(link).await?;
        let request = self.request;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status { status, after: retry_after(&response, request.now) });
        }
        let message = request.message;
        let expected = ExpectedHashes {
            file_sha256: message.file_sha256,
            file_enc_sha256: message.file_enc_sha256,
            keep_mismatch: request.keep_mismatch,
        };
        let key = message.media_key.as_ref();
        let key = key.and_then(|text| MediaKey::from_base64(text.expose()).ok());
        let stream = MediaStream::new(StreamInput {
            body: self.guarded_body(response, self.max_bytes())?,
            // It is not known whether W-API serves ranges, so a broken transfer starts over.
            resume: None,
            opener: Opener::decrypted_by_origin(key, expected),
            is_encrypted: false,
            error_pages: error_pages(message, request.keep_mismatch),
            pool: Arc::clone(&self.resources.pool),
            deadline: request.deadline,
            max_bytes: self.max_bytes(),
        });
        (self.store)(stream).await
    }
}

impl<S> LiveAttempt<'_, S> {
    /// Asks for a link.
    async fn request_link(
        &self,
        path: &str,
        question: &DownloadRequest<'_>,
    ) -> Result<FileLink, FetchError> {
        self.without_slot(self.post_question(path, question)).await
    }

    /// Asks W-API. Meanwhile the media message's slot is left to others.
    async fn without_slot<T>(
        &self,
        asked: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let FetchRequest { slot, deadline, .. } = self.request;
        if let Some(slot) = slot {
            slot.release();
        }
        let answer = asked.await;
        if let Some(slot) = slot {
            slot.retake(deadline).await;
        }
        let answer = answer?;
        if Instant::now() < deadline { Ok(answer) } else { Err(FetchError::TimedOut(Wait::Slot)) }
    }

    /// Sends a request to W-API, and waits up to `within` for the status and headers, or less while
    /// the CDN can still be asked.
    async fn ask_wapi(
        &self,
        url: Url,
        within: Duration,
        build: impl FnOnce(Url) -> RequestBuilder,
    ) -> Result<Response, FetchError> {
        if !self.request.is_cdn_next {
            return self.send_request(url, within, build).await;
        }
        let waited = within.min(self.resources.limits.answer_before_cdn);
        self.send_request(url, waited, build).await.map_err(|error| {
            let is_silent = matches!(error, FetchError::TimedOut(Wait::Answer));
            if is_silent { FetchError::NoAnswerYet { waited } } else { error }
        })
    }

    async fn post_question(
        &self,
        path: &str,
        question: &DownloadRequest<'_>,
    ) -> Result<FileLink, FetchError> {
        let (request, resources) = (self.request, self.resources);
        let url = self.wapi_url(path)?;
        let token = require_token(request)?;
        let post = |url| {
            resources.client.request(Method::POST, url).bearer_auth(token.expose()).json(question)
        };
        let response = self.ask_wapi(url, resources.limits.post, post).await?;
        let (status, retry_after) =
            (response.status().as_u16(), retry_after(&response, request.now));
        let body = self.read_answer(response).await?;
        let answer = Answer { status, retry_after, body: &body, token };
        let link = answer.file_link(&resources.origins.wapi_base, request.now);
        Ok(link.inspect_err(|refusal| self.evidence.record_excerpt(refusal.excerpt.clone()))?)
    }

    /// Reads a small answer whole, before the job's deadline.
    async fn read_answer(&self, response: Response) -> Result<Bytes, FetchError> {
        let left = self.request.deadline.saturating_duration_since(Instant::now());
        read_at_most(response, MAX_ANSWER_BYTES, self.resources.limits.idle.min(left)).await
    }

    /// Requests the link without the token, and once with it after a 401 or 403: most nodes want
    /// none on the link, but one was seen to. A [`FileLink`] is on W-API's own origin, so the token
    /// may go there.
    async fn get_link(&self, link: &FileLink) -> Result<Response, FetchError> {
        let (client, within) = (&self.resources.client, self.resources.limits.answer);
        let url = || Url::parse(link.url().expose()).map_err(|_| FetchError::NotTheFile);
        let bare = |url| client.get(url);
        let response = self.ask_wapi(url()?, within, bare).await?;
        if !matches!(response.status().as_u16(), 401 | 403) {
            return Ok(response);
        }
        let token = require_token(self.request)?;
        let with_token = |url| client.get(url).bearer_auth(token.expose());
        let response = self.ask_wapi(url()?, within, with_token).await?;
        match response.status().as_u16() {
            401 | 403 => Err(FetchError::LinkUnauthorized),
            _ => Ok(response),
        }
    }

    /// Builds the URL of a W-API endpoint for this instance.
    fn wapi_url(&self, path: &str) -> Result<Url, FetchError> {
        let joined = self.resources.origins.wapi_base.join(path);
        let mut url =
            joined.map_err(|_| FetchError::NotApplicable("the W-API base URL takes no paths"))?;
        url.query_pairs_mut().append_pair("instanceId", self.request.instance.as_str());
        Ok(url)
    }

    /// Sends `GET path` for this message. Returns the status, and the body if it is JSON.
    pub(super) async fn get_json(&self, path: &str) -> Result<(u16, Option<Value>), FetchError> {
        self.without_slot(self.get_json_now(path)).await
    }

    async fn get_json_now(&self, path: &str) -> Result<(u16, Option<Value>), FetchError> {
        let (request, resources) = (self.request, self.resources);
        let token = require_token(request)?;
        let mut url = self.wapi_url(path)?;
        url.query_pairs_mut().append_pair("messageId", request.message.message_id.as_str());
        let get = |url| resources.client.get(url).bearer_auth(token.expose());
        let response = self.send_request(url, MAX_INFO_TIME, get).await?;
        let status = response.status().as_u16();
        let body = self.read_answer(response).await?;
        Ok((status, serde_json::from_slice(&body).ok()))
    }
}

fn require_token<'a>(request: FetchRequest<'a>) -> Result<&'a Secret, FetchError> {
    request.token.ok_or(FetchError::NotApplicable("the instance's token is not available"))
}

/// Whether another content type may work: only if W-API could not download, or refused the fields.
fn may_depend_on_content_type(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Refused(Refusal {
            row: RefusalRow::DownloadFailed | RefusalRow::BadFields,
            ..
        })
    )
}

/// Whether a new link may work where this one failed.
fn may_depend_on_link(error: &FetchError) -> bool {
    matches!(error, FetchError::Status { status: 400..=499, .. })
}

/// W-API serves error pages with status 200. Where the file may be text, the hash decides. With
/// `keep_mismatch` the hash does not decide, so bytes that look like a page are refused.
fn error_pages(message: &MediaMessage, keep_mismatch: bool) -> ErrorPages {
    let mimetype = message.mimetype.as_deref().unwrap_or_default().to_ascii_lowercase();
    let names_text =
        ["text/", "json", "xml", "javascript"].iter().any(|part| mimetype.contains(part));
    let may_be_text = names_text || message.kind == MediaKind::Document;
    let is_proven = message.file_sha256.is_some() && !keep_mismatch;
    if may_be_text && is_proven { ErrorPages::LeaveToProof } else { ErrorPages::Refuse }
}

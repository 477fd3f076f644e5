//! W-API's own way: POST for a link, GET the link. Its bytes have no MAC; the sender's hash is the proof.

use std::time::Duration;

use bytes::Bytes;
use media::{
    kind::MediaKind,
    media_key::MediaKey,
    message::{MediaMessage, Secret},
    open::{Expected, Opener},
};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;
use wapi::{
    download::{self, Answer, DownloadRequest, Refusal, RefusalRow},
    link::FileLink,
};

use super::retry_after;
use crate::{
    FetchRequest, Fetcher, MediaStream,
    body::read_at_most,
    error::FetchError,
    evidence::Evidence,
    stream::{ErrorPages, Source},
};

/// Links asked for before a round of trouble with them counts as the strategy's failure. A link that
/// failed is not asked again: each POST gives a new one.
const MOST_LINKS: usize = 2;

/// An answer to the POST is about 200 bytes; this is room for a page that explains a failure.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

impl Fetcher {
    /// Tries `POST /message/download-media`.
    pub(crate) async fn by_wapi<T>(
        &self,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        mut store: impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        self.by_links(download::PATH, request, evidence, &mut store)
            .await
    }

    /// Asks `path` for links, of each content type that may work, and stores what they give.
    pub(super) async fn by_links<T>(
        &self,
        path: &str,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: &mut impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut failure =
            FetchError::NotApplicable("the webhook announced no media key or no path");
        for question in DownloadRequest::candidates(request.message) {
            match self
                .by_question(path, &question, request, evidence, store)
                .await
            {
                Ok(stored) => return Ok(stored),
                Err(error) => failure = error,
            }
            if !is_about_the_content(&failure) {
                break;
            }
        }
        Err(failure)
    }

    async fn by_question<T>(
        &self,
        path: &str,
        question: &DownloadRequest<'_>,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: &mut impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut failure = FetchError::NotTheFile;
        for _ in 0..MOST_LINKS {
            let link = self.ask_for_link(path, question, request, evidence).await?;
            match self.follow(&link, request, evidence, store).await {
                Err(error) if is_about_the_link(&error) => failure = error,
                settled => return settled,
            }
        }
        Err(failure)
    }

    async fn ask_for_link(
        &self,
        path: &str,
        question: &DownloadRequest<'_>,
        request: FetchRequest<'_>,
        evidence: &Evidence,
    ) -> Result<FileLink, FetchError> {
        let url = self.wapi_url(path, request)?;
        let token = token_of(request)?;
        let post = |url| {
            self.client
                .request(Method::POST, url)
                .bearer_auth(token.expose())
                .json(question)
        };
        let response = self
            .send(url, self.limits.post, request.deadline, evidence, post)
            .await?;
        let (status, retry_after) = (
            response.status().as_u16(),
            retry_after(&response, request.now),
        );
        let body = self.read_answer(response, request).await?;
        let answer = Answer {
            status,
            retry_after,
            body: &body,
        };
        let link = answer.file_link(&self.origins.wapi_base, request.now);
        Ok(link.inspect_err(|refusal| evidence.said(refusal.excerpt.clone()))?)
    }

    /// A small answer, whole, before the job's deadline.
    async fn read_answer(
        &self,
        response: Response,
        request: FetchRequest<'_>,
    ) -> Result<Bytes, FetchError> {
        let left = request.deadline.saturating_duration_since(Instant::now());
        read_at_most(response, MAX_ANSWER_BYTES, self.limits.idle.min(left)).await
    }

    async fn follow<T>(
        &self,
        link: &FileLink,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: &mut impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let response = self.get_link(link, request, evidence).await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status {
                status,
                after: retry_after(&response, request.now),
            });
        }
        let message = request.message;
        let expected = Expected {
            file_sha256: message.file_sha256,
            file_enc_sha256: message.file_enc_sha256,
            keep_mismatch: request.keep_mismatch,
        };
        let key = message.media_key.as_ref();
        let key = key.and_then(|text| MediaKey::from_base64(text.expose()).ok());
        store(MediaStream::new(Source {
            body: self.body(response, &request, evidence),
            resume: None,
            opener: Opener::opened_elsewhere(key, expected),
            is_sealed: false,
            error_pages: error_pages(message, request.keep_mismatch),
            pool: std::sync::Arc::clone(&self.pool),
            deadline: request.deadline,
            max_bytes: self.max_bytes(&request),
        }))
        .await
    }

    /// Most nodes want no token on the link, one was seen to: so without, then once with. The link is on
    /// W-API's own origin by its type.
    async fn get_link(
        &self,
        link: &FileLink,
        request: FetchRequest<'_>,
        evidence: &Evidence,
    ) -> Result<Response, FetchError> {
        let url = || Url::parse(link.url().expose()).map_err(|_| FetchError::NotTheFile);
        let (within, deadline) = (self.limits.answer, request.deadline);
        let bare = |url| self.client.get(url);
        let response = self.send(url()?, within, deadline, evidence, bare).await?;
        if !matches!(response.status().as_u16(), 401 | 403) {
            return Ok(response);
        }
        let token = token_of(request)?;
        let with_token = |url| self.client.get(url).bearer_auth(token.expose());
        let response = self
            .send(url()?, within, deadline, evidence, with_token)
            .await?;
        match response.status().as_u16() {
            401 | 403 => Err(FetchError::LinkUnauthorized),
            _ => Ok(response),
        }
    }

    /// A URL of W-API's API for this instance.
    pub(super) fn wapi_url(
        &self,
        path: &str,
        request: FetchRequest<'_>,
    ) -> Result<Url, FetchError> {
        let joined = self.origins.wapi_base.join(path);
        let mut url =
            joined.map_err(|_| FetchError::NotApplicable("the W-API base URL takes no paths"))?;
        url.query_pairs_mut()
            .append_pair("instanceId", request.instance.as_str());
        Ok(url)
    }

    /// What `GET path` answers for this message, if it answers JSON.
    pub(super) async fn ask_json(
        &self,
        path: &str,
        request: FetchRequest<'_>,
        evidence: &Evidence,
    ) -> Result<(u16, Option<Value>), FetchError> {
        let token = token_of(request)?;
        let mut url = self.wapi_url(path, request)?;
        url.query_pairs_mut()
            .append_pair("messageId", request.message.message_id.as_str());
        let get = |url| self.client.get(url).bearer_auth(token.expose());
        let response = self
            .send(
                url,
                Duration::from_secs(10),
                request.deadline,
                evidence,
                get,
            )
            .await?;
        let status = response.status().as_u16();
        let body = self.read_answer(response, request).await?;
        Ok((status, serde_json::from_slice(&body).ok()))
    }
}

fn token_of<'a>(request: FetchRequest<'a>) -> Result<&'a Secret, FetchError> {
    request.token.ok_or(FetchError::NotApplicable(
        "no token of the instance is at hand",
    ))
}

/// Whether another content type may be answered better: only W-API's word that it could not download.
fn is_about_the_content(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Refused(Refusal {
            row: RefusalRow::DownloadFailed | RefusalRow::BadFields,
            ..
        })
    )
}

/// Whether a fresh link may work where this one did not.
fn is_about_the_link(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Status {
            status: 400..=499,
            ..
        }
    )
}

/// W-API serves error pages with status 200. Where the file itself may be text the hash decides; bytes
/// that contradict it are never kept if they look like a page.
fn error_pages(message: &MediaMessage, keep_mismatch: bool) -> ErrorPages {
    let mimetype = message
        .mimetype
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let names_text = ["text/", "json", "xml", "javascript"]
        .iter()
        .any(|part| mimetype.contains(part));
    let may_be_text = names_text || message.kind == MediaKind::Document;
    let is_proven = message.file_sha256.is_some() && !keep_mismatch;
    if may_be_text && is_proven {
        ErrorPages::AreLeftToTheProof
    } else {
        ErrorPages::AreRefused
    }
}

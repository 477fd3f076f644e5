//! Strategy `cdn`: downloads from WhatsApp's CDN and decrypts here. It works while W-API is down
//! and proves the bytes end to end.

use std::sync::Arc;

use media::{
    failure::Disposition,
    kind::KeyType,
    media_key::MediaKey,
    message::{ChatKind, MediaMessage, Secret},
    open::{ExpectedHashes, OpenError, Opener},
    signed_url,
};
use reqwest::{
    Client, RequestBuilder,
    header::{ACCEPT_ENCODING, ORIGIN, REFERER, USER_AGENT},
};
use url::{Position, Url};

use crate::{
    body::Body,
    error::FetchError,
    live_attempt::LiveAttempt,
    origins::Origins,
    request::FetchRequest,
    resume::{MAX_RESUMES, Resume},
    stream::{ErrorPages, MediaStream, StreamInput},
    waits::retry_after,
};

/// Fixed request headers, as WhatsApp's web client sends them. The CDN needs no login: the signed
/// path is the credential.
const WEB_ORIGIN: &str = "https://web.whatsapp.com";
const WEB_REFERER: &str = "https://web.whatsapp.com/";
const WEB_USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) \
    AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// How to read the body. A failure at the end of a stream may change it.
enum Reading {
    /// Decrypt with one of the key families that have not failed yet, most likely first.
    Encrypted { key: MediaKey, families: Vec<KeyType> },
    /// Take the bytes as they are.
    Plain,
}

/// Where to try next after a stream failed.
enum NextStep {
    RetryHost,
    NextHost,
    NextPath,
    GiveUp,
}

/// One path with its query, on every host that may serve it.
struct CdnPath {
    urls: Vec<Url>,
    is_signed: bool,
    /// Expiry in the path's signature, in seconds since 1970.
    expires_at: Option<i64>,
}

impl CdnPath {
    fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|expiry| expiry <= now)
    }
}

impl<T, S> LiveAttempt<'_, S>
where
    S: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
{
    /// Tries the announced paths, signed ones first, each on its hosts in order.
    pub(crate) async fn fetch_from_cdn(&mut self) -> Result<T, FetchError> {
        let mut reading = Reading::from_message(self.request.message)?;
        let mut failure = FetchError::NotApplicable("the webhook announced no path on the CDN");
        for path in cdn_paths(&self.resources.origins, self.request.message) {
            let result = self.try_path(&path, &mut reading).await;
            let failed = match result {
                Ok(stored) => return Ok(stored),
                Err(failed) => failed,
            };
            if matches!(reading.next_step(&failed), NextStep::GiveUp) {
                return Err(failed);
            }
            failure = more_hopeful(failure, failed);
        }
        Err(failure)
    }

    /// Tries one path on its hosts. An expired signature, or a host's answer that the file is gone,
    /// holds for all hosts of the path.
    async fn try_path(&mut self, path: &CdnPath, reading: &mut Reading) -> Result<T, FetchError> {
        if path.has_expired(self.request.now) {
            return Err(FetchError::Expired);
        }
        let mut failure =
            FetchError::NotApplicable("the announced path does not form a URL on any CDN host");
        for url in &path.urls {
            loop {
                let result = self.get_from_cdn(url, reading).await;
                let failed = match result {
                    Ok(stored) => return Ok(stored),
                    Err(FetchError::Unsigned) if path.is_signed => FetchError::Gone,
                    Err(failed) => failed,
                };
                match reading.next_step(&failed) {
                    NextStep::RetryHost => {}
                    NextStep::NextHost => {
                        failure = more_hopeful(failure, failed);
                        break;
                    }
                    NextStep::NextPath | NextStep::GiveUp => return Err(failed),
                }
            }
        }
        Err(failure)
    }

    /// Sends the request to one host. A 401 or 403 is reported as [`FetchError::Unsigned`]; the
    /// caller corrects it if the path is signed.
    async fn get_from_cdn(&mut self, url: &Url, reading: &Reading) -> Result<T, FetchError> {
        let (request, resources) = (self.request, self.resources);
        let get = |url| cdn_get(&resources.client, url);
        let response = self.send_request(url.clone(), resources.limits.answer, get).await?;
        match response.status().as_u16() {
            200 => {}
            401 | 403 => return Err(FetchError::Unsigned),
            404 | 410 => return Err(FetchError::Gone),
            status => {
                return Err(FetchError::Status {
                    status,
                    after: retry_after(&response, request.now),
                });
            }
        }
        let max_bytes = self.max_bytes().saturating_add(reading.overhead_bytes());
        let stream = MediaStream::new(StreamInput {
            body: self.guarded_body(response, max_bytes)?,
            resume: Some(self.build_resume(url)),
            opener: reading.build_opener(&request),
            is_encrypted: matches!(reading, Reading::Encrypted { .. }),
            error_pages: ErrorPages::LeaveToProof,
            pool: Arc::clone(&resources.pool),
            deadline: request.deadline,
            max_bytes,
        });
        (self.store)(stream).await.map_err(|failed| {
            let is_encrypted = matches!(failed, FetchError::Open(OpenError::StillEncrypted));
            if is_encrypted && request.message.media_key.is_none() {
                FetchError::Keyless
            } else {
                failed
            }
        })
    }

    /// Prepares the request for the rest of the body, for when the transfer breaks.
    fn build_resume(&self, url: &Url) -> Resume {
        let counter = self.evidence.received_bytes();
        let (limits, time_limit) = (self.resources.limits.clone(), self.request.time_limit());
        Resume {
            again: cdn_get(&self.resources.client, url.clone()),
            answer: limits.answer,
            make_body: Box::new(move |response| {
                Body::new(response, &limits, time_limit, Arc::clone(&counter))
            }),
            deadline: time_limit.deadline,
            left: MAX_RESUMES,
        }
    }
}

/// A request as WhatsApp's web client sends it.
fn cdn_get(client: &Client, url: Url) -> RequestBuilder {
    client
        .get(url)
        .header(ORIGIN, WEB_ORIGIN)
        .header(REFERER, WEB_REFERER)
        .header(USER_AGENT, WEB_USER_AGENT)
        .header(ACCEPT_ENCODING, "identity")
}

impl Reading {
    /// Encrypted if the key can be read. Plain if the file cannot be encrypted: a channel's file
    /// without a key, or one that the plain hash can prove. An encrypted file without a key cannot
    /// be opened.
    fn from_message(message: &MediaMessage) -> Result<Self, FetchError> {
        const NO_KEY: FetchError = FetchError::NotApplicable(
            "the webhook announced an encrypted file without a media key that can be read",
        );
        let key = message.media_key.as_ref();
        if let Some(key) = key.and_then(|text| MediaKey::from_base64(text.expose()).ok()) {
            let families = KeyType::candidates(message.kind, message.mimetype.as_deref());
            return Ok(Self::Encrypted { key, families });
        }
        let is_channel = message.chat.kind() == ChatKind::Channel;
        if message.is_encrypted_on_cdn() || !(is_channel || message.file_sha256.is_some()) {
            return Err(NO_KEY);
        }
        Ok(Self::Plain)
    }

    /// Bytes that encryption adds at most: padding and MAC.
    fn overhead_bytes(&self) -> u64 {
        match self {
            Self::Encrypted { .. } => 16 + 10,
            Self::Plain => 0,
        }
    }

    fn build_opener(&self, request: &FetchRequest<'_>) -> Opener {
        let expected = ExpectedHashes {
            file_sha256: request.message.file_sha256,
            file_enc_sha256: request.message.file_enc_sha256,
            keep_mismatch: false,
        };
        match self {
            Self::Encrypted { key, families } => {
                Opener::encrypted(key.clone(), families.clone(), expected)
            }
            Self::Plain => Opener::plain(expected),
        }
    }

    /// Decides where to try next. Removes a key family whose MAC was wrong, and switches to plain
    /// bytes if the body was not encrypted.
    fn next_step(&mut self, failure: &FetchError) -> NextStep {
        match (failure, &mut *self) {
            (
                FetchError::Open(OpenError::MacDiffers { family, .. }),
                Self::Encrypted { families, .. },
            ) => {
                families.retain(|left| left != family);
                if families.is_empty() { NextStep::GiveUp } else { NextStep::RetryHost }
            }
            (FetchError::Open(OpenError::WasPlain), Self::Encrypted { .. }) => {
                *self = Self::Plain;
                NextStep::RetryHost
            }
            (FetchError::TooLarge { .. } | FetchError::TooSlow | FetchError::Keyless, _)
            | (FetchError::Open(OpenError::BadPadding), _) => NextStep::GiveUp,
            (FetchError::Gone | FetchError::Expired | FetchError::Unsigned, _) => {
                NextStep::NextPath
            }
            _ => NextStep::NextHost,
        }
    }
}

/// Of two failures, the one with the better chance of a later success; if equal, the later one.
fn more_hopeful(one: FetchError, other: FetchError) -> FetchError {
    let hope = |failure: &FetchError| match failure.disposition() {
        Disposition::Retry { .. } => 4,
        Disposition::Unauthorized | Disposition::Unopenable | Disposition::OverLimit => 3,
        Disposition::Gone | Disposition::Absent => 2,
        Disposition::Expired => 1,
        Disposition::NotApplicable => 0,
    };
    if hope(&one) > hope(&other) { one } else { other }
}

/// WhatsApp's usual hosts, for which the configured bases stand.
const USUAL_HOSTS: [&str; 2] = ["mmg.whatsapp.net", "mmg-fallback.whatsapp.net"];

/// The URLs at which WhatsApp's CDN may have the file, in the order tried. The guard has not
/// checked them yet.
#[must_use]
pub fn cdn_urls(origins: &Origins, message: &MediaMessage) -> Vec<Url> {
    let paths = cdn_paths(origins, message).into_iter();
    paths.flat_map(|path| path.urls).collect()
}

/// Whether a path is announced that has not expired by `now`, and bytes that could be opened.
pub(crate) fn can_be_asked(origins: &Origins, message: &MediaMessage, now: i64) -> bool {
    Reading::from_message(message).is_ok()
        && cdn_paths(origins, message)
            .iter()
            .any(|path| !path.urls.is_empty() && !path.has_expired(now))
}

/// The announced path and the path of the announced URL, with their queries unchanged. Signed paths
/// come first, because the CDN refuses an unsigned path even if the file exists.
fn cdn_paths(origins: &Origins, message: &MediaMessage) -> Vec<CdnPath> {
    let on_hosts = |path: &str| -> Vec<Url> {
        let path = path.trim_start_matches('/');
        let bases = origins.cdn_bases.iter();
        let urls = bases.map(|base| Url::parse(&format!("{base}{path}")));
        urls.filter_map(Result::ok).collect()
    };
    let cdn_path = |text: &str, urls| CdnPath {
        urls,
        is_signed: signed_url::is_signed(text),
        expires_at: signed_url::parse_expiry(text),
    };
    let path = message.direct_path.as_ref().map(Secret::expose);
    let own = message.url.as_ref().map(Secret::expose);
    let own = own.and_then(|text| Some((text, Url::parse(text).ok()?)));
    let own = own.map(|(text, url)| {
        let mut urls = on_hosts(&url[Position::BeforePath..Position::AfterQuery]);
        if !url.host_str().is_some_and(|host| USUAL_HOSTS.contains(&host)) {
            urls.insert(0, url);
        }
        cdn_path(text, urls)
    });
    let announced = path.map(|path| cdn_path(path, on_hosts(path)));
    let mut paths: Vec<_> = announced.into_iter().chain(own).collect();
    paths.sort_by_key(|path| !path.is_signed);
    paths
}

//! WhatsApp's CDN and decryption on this side: works when W-API is down, and proves the bytes end to end.

use std::sync::Arc;

use media::{
    failure::Disposition,
    kind::KeyType,
    media_key::MediaKey,
    message::{ChatKind, MediaMessage, Secret},
    open::{Expected, OpenError, Opener},
    signed_url,
};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT_ENCODING, ORIGIN, REFERER, USER_AGENT},
};
use url::{Position, Url};

use super::{MOST_RESUMES, Resume, retry_after};
use crate::{
    FetchRequest, Fetcher, MediaStream, Origins,
    body::Body,
    error::FetchError,
    evidence::Evidence,
    stream::{ErrorPages, Source},
};

/// What WhatsApp's own web client sends, fixed. The CDN wants no login: the signed path is the credential.
const WEB_ORIGIN: &str = "https://web.whatsapp.com";
const WEB_REFERER: &str = "https://web.whatsapp.com/";
const WEB_USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// How the bytes are to be read. It changes as streams fail at their end.
enum Reading {
    /// Decrypt, with the families that have not failed yet, most likely first.
    Sealed {
        key: MediaKey,
        families: Vec<KeyType>,
    },
    /// Take as they are.
    Plain,
}

/// What to do after a stream failed.
enum Then {
    AskAgain,
    AskNextHost,
    AskNextPath,
    GiveUp,
}

/// One path with its query, on every host that may have it.
struct Way {
    urls: Vec<Url>,
    is_signed: bool,
    /// Seconds since 1970, by its own word.
    expires_at: Option<i64>,
}

impl Fetcher {
    /// Tries the paths that were announced, the signed ones first, each on its hosts in order.
    pub(crate) async fn by_cdn<T>(
        &self,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        mut store: impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut reading = Reading::of(&request)?;
        let mut failure = FetchError::NotApplicable("the webhook announced no path on the CDN");
        for way in ways(&self.origins, request.message) {
            let tried = self
                .by_way(&way, &mut reading, request, evidence, &mut store)
                .await;
            let failed = match tried {
                Ok(stored) => return Ok(stored),
                Err(failed) => failed,
            };
            if matches!(reading.after(&failed), Then::GiveUp) {
                return Err(failed);
            }
            failure = more_hopeful(failure, failed);
        }
        Err(failure)
    }

    /// Tries one path on its hosts. What a path's own word or one host's says of it holds for all of them.
    async fn by_way<T>(
        &self,
        way: &Way,
        reading: &mut Reading,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: &mut impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        if way.expires_at.is_some_and(|expiry| expiry <= request.now) {
            return Err(FetchError::Expired);
        }
        let mut failure = FetchError::NotApplicable("the announced path leads to no host");
        for url in &way.urls {
            loop {
                let asked = self
                    .get_from_cdn(url, reading, request, evidence, store)
                    .await;
                let failed = match asked {
                    Ok(stored) => return Ok(stored),
                    Err(FetchError::Unsigned) if way.is_signed => FetchError::Gone,
                    Err(failed) => failed,
                };
                match reading.after(&failed) {
                    Then::AskAgain => {}
                    Then::AskNextHost => {
                        failure = more_hopeful(failure, failed);
                        break;
                    }
                    Then::AskNextPath | Then::GiveUp => return Err(failed),
                }
            }
        }
        Err(failure)
    }

    /// Asks one host. A 401 or 403 is taken for that of a path without a signature, which whoever knows the
    /// path knows better.
    async fn get_from_cdn<T>(
        &self,
        url: &Url,
        reading: &Reading,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: &mut impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let get = |url| self.cdn_get(url);
        let (answer, deadline) = (self.limits.answer, request.deadline);
        let response = self
            .send(url.clone(), answer, deadline, evidence, get)
            .await?;
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
        store(MediaStream::new(Source {
            body: self.body(response, &request, evidence),
            resume: Some(self.resume(url, &request, evidence)),
            opener: reading.opener(&request),
            is_sealed: matches!(reading, Reading::Sealed { .. }),
            error_pages: ErrorPages::AreLeftToTheProof,
            pool: Arc::clone(&self.pool),
            deadline,
            max_bytes: self.max_bytes(&request).saturating_add(reading.overhead()),
        }))
        .await
        .map_err(|failed| {
            let is_sealed = matches!(failed, FetchError::Open(OpenError::StillSealed));
            if is_sealed && request.message.media_key.is_none() {
                FetchError::Keyless
            } else {
                failed
            }
        })
    }

    /// How the rest is asked for when the transfer breaks.
    fn resume(&self, url: &Url, request: &FetchRequest<'_>, evidence: &Evidence) -> Resume {
        let counter = evidence.received_bytes();
        let (limits, deadline) = (self.limits.clone(), request.deadline);
        Resume {
            again: self.cdn_get(url.clone()),
            make_body: Box::new(move |response| {
                Body::new(response, &limits, deadline, Arc::clone(&counter))
            }),
            answer: self.limits.answer,
            deadline,
            left: MOST_RESUMES,
        }
    }

    fn cdn_get(&self, url: Url) -> RequestBuilder {
        self.client
            .get(url)
            .header(ORIGIN, WEB_ORIGIN)
            .header(REFERER, WEB_REFERER)
            .header(USER_AGENT, WEB_USER_AGENT)
            .header(ACCEPT_ENCODING, "identity")
    }
}

impl Reading {
    /// Sealed if there is a key. Plain for what cannot be encrypted: what a channel posts without a key, and
    /// what proves itself by the plain hash. What is encrypted and has no key is nobody's file.
    fn of(request: &FetchRequest<'_>) -> Result<Self, FetchError> {
        const NO_KEY: FetchError = FetchError::NotApplicable(
            "the webhook announced an encrypted file without a media key that can be read",
        );
        let message = request.message;
        let key = message.media_key.as_ref();
        if let Some(key) = key.and_then(|text| MediaKey::from_base64(text.expose()).ok()) {
            let families = KeyType::candidates(message.kind, message.mimetype.as_deref());
            return Ok(Self::Sealed { key, families });
        }
        let is_channel = message.chat.kind() == ChatKind::Channel;
        if message.is_sealed() || !(is_channel || message.file_sha256.is_some()) {
            return Err(NO_KEY);
        }
        Ok(Self::Plain)
    }

    /// Bytes that encryption may add to the file: its padding and its MAC.
    fn overhead(&self) -> u64 {
        match self {
            Self::Sealed { .. } => 16 + 10,
            Self::Plain => 0,
        }
    }

    fn opener(&self, request: &FetchRequest<'_>) -> Opener {
        let expected = Expected {
            file_sha256: request.message.file_sha256,
            file_enc_sha256: request.message.file_enc_sha256,
            keep_mismatch: false,
        };
        match self {
            Self::Sealed { key, families } => {
                Opener::sealed(key.clone(), families.clone(), expected)
            }
            Self::Plain => Opener::plain(expected),
        }
    }

    /// Learns from a failure: strikes out a family whose MAC was wrong, turns to plain bytes.
    fn after(&mut self, failure: &FetchError) -> Then {
        match (failure, &mut *self) {
            (
                FetchError::Open(OpenError::MacDiffers { family, .. }),
                Self::Sealed { families, .. },
            ) => {
                families.retain(|left| left != family);
                if families.is_empty() {
                    Then::GiveUp
                } else {
                    Then::AskAgain
                }
            }
            (FetchError::Open(OpenError::WasPlain), Self::Sealed { .. }) => {
                *self = Self::Plain;
                Then::AskAgain
            }
            (FetchError::TooLarge { .. } | FetchError::Keyless, _)
            | (FetchError::Open(OpenError::BadPadding), _) => Then::GiveUp,
            (FetchError::Gone | FetchError::Expired | FetchError::Unsigned, _) => Then::AskNextPath,
            _ => Then::AskNextHost,
        }
    }
}

/// Of two failures the one that leaves more hope; of two that are alike the later.
fn more_hopeful(one: FetchError, other: FetchError) -> FetchError {
    let hope = |failure: &FetchError| match failure.disposition() {
        Disposition::Retry { .. } => 4,
        Disposition::Unauthorized | Disposition::Unopenable | Disposition::OverLimit => 3,
        Disposition::Gone | Disposition::Absent => 2,
        Disposition::Expired => 1,
        Disposition::NotApplicable => 0,
    };
    if hope(&one) > hope(&other) {
        one
    } else {
        other
    }
}

/// WhatsApp's hosts for which the configured ones stand.
const USUAL_HOSTS: [&str; 2] = ["mmg.whatsapp.net", "mmg-fallback.whatsapp.net"];

/// Where WhatsApp's CDN may have a medium, in the order asked. The guard has not seen them yet.
#[must_use]
pub fn cdn_urls(origins: &Origins, message: &MediaMessage) -> Vec<Url> {
    let ways = ways(origins, message).into_iter();
    ways.flat_map(|way| way.urls).collect()
}

/// The announced path and that of the message's own URL, queries untouched: what is signed before what is
/// not, because a path that has lost its signature is refused although the medium is there.
fn ways(origins: &Origins, message: &MediaMessage) -> Vec<Way> {
    let on_hosts = |path: &str| -> Vec<Url> {
        let path = path.trim_start_matches('/');
        let bases = origins.cdn_bases.iter();
        let urls = bases.map(|base| Url::parse(&format!("{base}{path}")));
        urls.filter_map(Result::ok).collect()
    };
    let way = |said: &str, urls| Way {
        urls,
        is_signed: signed_url::is_signed(said),
        expires_at: signed_url::expiry(said),
    };
    let path = message.direct_path.as_ref().map(Secret::expose);
    let own = message.url.as_ref().map(Secret::expose);
    let own = own.and_then(|said| Some((said, Url::parse(said).ok()?)));
    let own = own.map(|(said, url)| {
        let mut urls = on_hosts(&url[Position::BeforePath..Position::AfterQuery]);
        if !url
            .host_str()
            .is_some_and(|host| USUAL_HOSTS.contains(&host))
        {
            urls.insert(0, url);
        }
        way(said, urls)
    });
    let announced = path.map(|path| way(path, on_hosts(path)));
    let mut ways: Vec<_> = announced.into_iter().chain(own).collect();
    ways.sort_by_key(|way| !way.is_signed);
    ways
}

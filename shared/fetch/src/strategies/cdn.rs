//! WhatsApp's CDN and decryption on this side: works when W-API is down, and proves the bytes end to end.

use std::sync::Arc;

use media::{
    kind::KeyType,
    media_key::MediaKey,
    message::{MediaMessage, Secret},
    open::{Expected, OpenError, Opener},
};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT_ENCODING, ORIGIN, REFERER, USER_AGENT},
};
use url::Url;

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
    GiveUp,
}

impl Fetcher {
    /// Tries the CDN's hosts in order.
    pub(crate) async fn by_cdn<T>(
        &self,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        mut store: impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut reading = Reading::of(&request)?;
        let urls = cdn_urls(&self.origins, request.message);
        if urls.is_empty() {
            return Err(FetchError::NotApplicable(
                "the webhook announced no path on the CDN",
            ));
        }
        if request
            .message
            .cdn_expiry()
            .is_some_and(|expiry| expiry <= request.now)
        {
            return Err(FetchError::Gone);
        }
        let mut failure = FetchError::Gone;
        for url in urls {
            loop {
                failure = match self
                    .get_from_cdn(&url, &reading, request, evidence, &mut store)
                    .await
                {
                    Ok(stored) => return Ok(stored),
                    Err(failure) => failure,
                };
                match reading.after(&failure) {
                    Then::AskAgain => {}
                    Then::AskNextHost => break,
                    Then::GiveUp => return Err(failure),
                }
            }
        }
        Err(failure)
    }

    async fn get_from_cdn<T>(
        &self,
        url: &Url,
        reading: &Reading,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        store: &mut impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let get = |url| self.cdn_get(url);
        let response = self
            .send(
                url.clone(),
                self.limits.answer,
                request.deadline,
                evidence,
                get,
            )
            .await?;
        match response.status().as_u16() {
            200 => {}
            401 | 403 | 404 | 410 => return Err(FetchError::Gone),
            status => {
                return Err(FetchError::Status {
                    status,
                    after: retry_after(&response, request.now),
                });
            }
        }
        let counter = evidence.received_bytes();
        let (limits, deadline) = (self.limits.clone(), request.deadline);
        let resume = Resume {
            again: self.cdn_get(url.clone()),
            make_body: Box::new(move |response| {
                Body::new(response, &limits, deadline, Arc::clone(&counter))
            }),
            answer: self.limits.answer,
            deadline,
            left: MOST_RESUMES,
        };
        store(MediaStream::new(Source {
            body: self.body(response, &request, evidence),
            resume: Some(resume),
            opener: reading.opener(&request),
            is_sealed: matches!(reading, Reading::Sealed { .. }),
            error_pages: ErrorPages::AreLeftToTheProof,
            pool: Arc::clone(&self.pool),
            deadline,
            max_bytes: self.max_bytes(&request).saturating_add(reading.overhead()),
        }))
        .await
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
    /// Sealed if there is a key; plain for channels, which have none.
    fn of(request: &FetchRequest<'_>) -> Result<Self, FetchError> {
        let Some(text) = &request.message.media_key else {
            return Ok(Self::Plain);
        };
        let key = MediaKey::from_base64(text.expose()).map_err(|_| {
            FetchError::NotApplicable("the announced media key is not 32 bytes of base64")
        })?;
        let families =
            KeyType::candidates(request.message.kind, request.message.mimetype.as_deref());
        Ok(Self::Sealed {
            key,
            families: families.to_vec(),
        })
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
            (FetchError::Gone | FetchError::TooLarge { .. }, _)
            | (FetchError::Open(OpenError::BadPadding), _) => Then::GiveUp,
            _ => Then::AskNextHost,
        }
    }
}

/// Where WhatsApp's CDN may have a medium: the signed path on every configured host, query untouched, then
/// the message's own URL. The guard has not seen them yet.
#[must_use]
pub fn cdn_urls(origins: &Origins, message: &MediaMessage) -> Vec<Url> {
    let path = message.direct_path.as_ref().map(Secret::expose);
    let on_host = |base: &Url| {
        let path = path?.trim_start_matches('/');
        Url::parse(&format!("{base}{path}")).ok()
    };
    let own = message.url.as_ref();
    let own = own.and_then(|url| Url::parse(url.expose()).ok());
    let bases = origins.cdn_bases.iter();
    bases.filter_map(on_host).chain(own).collect()
}

//! `POST /message/download-media`: the request, and every answer that was observed.

use std::time::Duration;

use media::{
    failure::Disposition,
    kind::{KeyType, MediaKind},
    message::{MediaMessage, Secret},
};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::{
    excerpt,
    fields::Fields,
    link::{FileLink, ForeignLink},
};

/// Path of the endpoint, below the base URL.
pub const PATH: &str = "message/download-media";
/// Path of the older endpoint, which takes the same request. It may not exist.
pub const ALTERNATE_PATH: &str = "media/download";
/// Path that old clients used to ask whether a file exists. It may not exist either.
pub const INFO_PATH: &str = "media/info";

/// Exactly these four fields; extra ones made W-API fail more often.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DownloadRequest<'a> {
    media_key: &'a str,
    direct_path: &'a str,
    #[serde(rename = "type")]
    content_type: &'static str,
    mimetype: &'a str,
}

impl<'a> DownloadRequest<'a> {
    /// The requests worth sending for this media message, most likely first. Empty if key or path
    /// was not announced, or W-API has no `type` for it. There are two for stickers, because it is
    /// not known which one works.
    #[must_use]
    pub fn candidates(message: &'a MediaMessage) -> Vec<Self> {
        if message.is_sticker_pack() {
            return Vec::new();
        }
        let (Some(key), Some(path)) = (&message.media_key, &message.direct_path) else {
            return Vec::new();
        };
        let request = |content_type| Self {
            media_key: key.expose(),
            direct_path: path.expose(),
            content_type,
            mimetype: message.mimetype.as_deref().unwrap_or("application/octet-stream"),
        };
        content_types(message.kind).iter().map(|one| request(one)).collect()
    }

    /// The request's `type`.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }
}

/// `type` follows the key family, not the MIME type: a JPEG sent as a document is a `document`.
fn content_types(kind: MediaKind) -> &'static [&'static str] {
    match (kind, kind.key_type()) {
        (MediaKind::Sticker, _) => &["image", "sticker"],
        (_, KeyType::Image) => &["image"],
        (_, KeyType::Video) => &["video"],
        (_, KeyType::Audio) => &["audio"],
        (_, KeyType::Document) => &["document"],
        (_, KeyType::StickerPack) => &[],
    }
}

/// An answer without a file. Its row decides what happens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{row}")]
pub struct Refusal {
    /// The row of the table of answers.
    pub row: RefusalRow,
    /// W-API's error message, redacted.
    pub excerpt: Option<String>,
}

/// The rows of the table of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusalRow {
    /// 500, or 200 with `error: true`: a bad or expired key, or a W-API node that is down. These
    /// cannot be told apart, so another strategy is tried, and this one again later.
    #[error("W-API could not download the content")]
    DownloadFailed,
    /// 400 and similar: W-API refuses the fields, and would refuse them later.
    #[error("W-API refused the request's fields")]
    BadFields,
    /// 401 or 403: the token is wrong or another instance's, or the instance is not connected.
    #[error("W-API refused the instance's credentials, or the instance is not connected")]
    Unauthorized,
    /// 404: the path or instance is wrong, or W-API is being deployed.
    #[error("W-API does not know the path or the instance")]
    NotFound,
    /// 429: too many requests.
    #[error("W-API asks to slow down")]
    TooMany {
        /// The wait that `Retry-After` asks for.
        after: Option<Duration>,
    },
    /// 408, 425, 502, 503, 504 or an HTML page: W-API's gateway or node failed.
    #[error("W-API's gateway failed")]
    Gateway {
        /// The wait that `Retry-After` asks for.
        after: Option<Duration>,
    },
    /// A redirect, which is never followed, or an unknown status.
    #[error("W-API answered with an unexpected status")]
    Unexpected,
    /// 200 without a link, or without JSON.
    #[error("W-API answered with success but without a link")]
    NoLink,
    /// 200 with a link to another host.
    #[error("W-API returned a link to another host")]
    ForeignLink,
    /// 200 with a link that has already expired.
    #[error("W-API returned a link that has expired")]
    ExpiredLink,
}

impl RefusalRow {
    /// What the row means for the job.
    #[must_use]
    pub fn disposition(self) -> Disposition {
        match self {
            Self::DownloadFailed
            | Self::NoLink
            | Self::ForeignLink
            | Self::ExpiredLink
            | Self::Unexpected => Disposition::Retry { after: None },
            Self::TooMany { after } | Self::Gateway { after } => Disposition::Retry { after },
            Self::Unauthorized => Disposition::Unauthorized,
            Self::BadFields => Disposition::NotApplicable,
            Self::NotFound => Disposition::Absent,
        }
    }
}

/// An answer as received.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The wait that `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// The body, whose size the caller limits.
    pub body: &'a [u8],
    /// The token that was sent, which no excerpt may repeat.
    pub token: &'a Secret,
}

/// Omits the body, which may hold a link.
impl std::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer<'_> {
    /// The link to the file, moved onto the origin of `base`. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`Refusal`] for every answer without a usable link.
    pub fn file_link(&self, base: &Url, now: i64) -> Result<FileLink, Refusal> {
        self.find_link(base, now)
            .map_err(|row| Refusal { row, excerpt: excerpt::from_answer(self.body, self.token) })
    }

    fn find_link(&self, base: &Url, now: i64) -> Result<FileLink, RefusalRow> {
        let after = self.retry_after;
        match self.status {
            200..=299 => self.find_link_in_success(base, now),
            400 | 405..=407 | 409..=424 | 426..=428 => Err(RefusalRow::BadFields),
            401 | 403 => Err(RefusalRow::Unauthorized),
            404 => Err(RefusalRow::NotFound),
            429 => Err(RefusalRow::TooMany { after }),
            _ if excerpt::looks_like_html(self.body) => Err(RefusalRow::Gateway { after }),
            408 | 425 | 501..=599 => Err(RefusalRow::Gateway { after }),
            500 => Err(RefusalRow::DownloadFailed),
            _ => Err(RefusalRow::Unexpected),
        }
    }

    fn find_link_in_success(&self, base: &Url, now: i64) -> Result<FileLink, RefusalRow> {
        if excerpt::looks_like_html(self.body) {
            return Err(RefusalRow::Gateway { after: self.retry_after });
        }
        let json: Value = serde_json::from_slice(self.body).map_err(|_| RefusalRow::NoLink)?;
        let fields = Fields::from_value(&json).ok_or(RefusalRow::NoLink)?;
        // The field alone means nothing: `"error": false` is normal.
        if fields.flag("error") {
            return Err(RefusalRow::DownloadFailed);
        }
        let has_expired = fields.integer("expires").is_some_and(|expires| expires / 1000 <= now);
        let names = ["fileLink", "link", "url", "mediaUrl"];
        let link =
            names.into_iter().find_map(|name| fields.text(name)).ok_or(RefusalRow::NoLink)?;
        if has_expired {
            return Err(RefusalRow::ExpiredLink);
        }
        FileLink::on_origin_of(base, link).map_err(|ForeignLink| RefusalRow::ForeignLink)
    }
}

//! `POST /message/download-media`: what is asked, and every answer it was seen to give.

use std::time::Duration;

use media::{
    failure::Disposition,
    kind::{KeyType, MediaKind},
    message::MediaMessage,
};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::{
    excerpt,
    fields::Fields,
    link::{FileLink, ForeignLink},
};

/// Path below the base URL.
pub const PATH: &str = "message/download-media";
/// Path of the older endpoint, which takes the same request. Nobody has proved that it exists.
pub const ALTERNATE_PATH: &str = "media/download";
/// Path that old clients asked whether a medium exists. Nobody has proved that it exists either.
pub const INFO_PATH: &str = "media/info";

/// The four fields, exactly: more made things worse.
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
    /// The requests worth sending for this medium, most likely first; none if it was announced
    /// without key or path, or is of a sort that W-API has no `type` for. For stickers nobody
    /// proved what works, so there are two.
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
            mimetype: message
                .mimetype
                .as_deref()
                .unwrap_or("application/octet-stream"),
        };
        content_types(message.kind)
            .iter()
            .map(|one| request(one))
            .collect()
    }

    /// The `type` that is sent.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }
}

/// `type` follows the family of the key, not the mimetype: a JPEG sent as a document is a `document`.
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

/// An answer that gives no file. Which row of the table it was says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{row}")]
pub struct Refusal {
    /// The row of the table.
    pub row: RefusalRow,
    /// W-API's own words, redacted.
    pub excerpt: Option<String>,
}

/// The rows of the table of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusalRow {
    /// 500, or 200 with `error: true`: a bad or expired key, or one of their nodes is down. Not to be told
    /// apart, so another strategy, and later again.
    #[error("W-API could not download the content")]
    DownloadFailed,
    /// 400: it does not like our fields. It will not like them later.
    #[error("W-API refused the request's fields")]
    BadFields,
    /// 401 or 403: wrong token, another instance's token, or the instance is not connected.
    #[error("W-API refused the instance's credentials, or the instance is not connected")]
    Unauthorized,
    /// 404: wrong path or instance, or a deploy of theirs.
    #[error("W-API knows no such path or instance")]
    NotFound,
    /// 429.
    #[error("W-API asks to slow down")]
    TooMany {
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// 408, 425, 502, 503, 504, an HTML page: their gateway or node.
    #[error("W-API's gateway failed")]
    Gateway {
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// A redirect, which is never followed, or a status nobody has seen.
    #[error("W-API answered with a status that means nothing here")]
    Unexpected,
    /// 200 without a link, or without JSON.
    #[error("W-API said all is well and gave no link")]
    NoLink,
    /// 200 with a link to somewhere else.
    #[error("W-API gave a link that does not lead to W-API")]
    ForeignLink,
    /// 200 with a link that has expired already.
    #[error("W-API gave a link that has expired")]
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

/// An answer as it came off the wire.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, already as a wait.
    pub retry_after: Option<Duration>,
    /// The body, bounded by whoever read it.
    pub body: &'a [u8],
}

/// Leaves out the body, which may hold a link.
impl std::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Answer<'_> {
    /// The link to the file, moved onto the origin of `base`. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`Refusal`] for every answer that leads to no file.
    pub fn file_link(&self, base: &Url, now: i64) -> Result<FileLink, Refusal> {
        self.link(base, now).map_err(|row| Refusal {
            row,
            excerpt: excerpt::of_answer(self.body),
        })
    }

    fn link(&self, base: &Url, now: i64) -> Result<FileLink, RefusalRow> {
        let after = self.retry_after;
        match self.status {
            200..=299 => self.link_of_success(base, now),
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

    fn link_of_success(&self, base: &Url, now: i64) -> Result<FileLink, RefusalRow> {
        if excerpt::looks_like_html(self.body) {
            return Err(RefusalRow::Gateway {
                after: self.retry_after,
            });
        }
        let json: Value = serde_json::from_slice(self.body).map_err(|_| RefusalRow::NoLink)?;
        let fields = Fields::of(&json).ok_or(RefusalRow::NoLink)?;
        // Its presence says nothing: `"error": false` is normal.
        if fields.flag("error") {
            return Err(RefusalRow::DownloadFailed);
        }
        let has_expired = fields
            .integer("expires")
            .is_some_and(|expires| expires / 1000 <= now);
        let names = ["fileLink", "link", "url", "mediaUrl"];
        let link = names
            .into_iter()
            .find_map(|name| fields.text(name))
            .ok_or(RefusalRow::NoLink)?;
        if has_expired {
            return Err(RefusalRow::ExpiredLink);
        }
        FileLink::on_origin_of(base, link).map_err(|ForeignLink| RefusalRow::ForeignLink)
    }
}

//! Everything that is written beside the bytes of a stored object: headers, user metadata, tags.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::UtcOffset;

use crate::{
    file_name::remove_invisible,
    file_type::{FileEvidence, FileType},
    job::Job,
    message::cut,
    object_key::ObjectKey,
    open::Proof,
    policy::Retention,
    record::Integrity,
    sha256::Sha256,
    strategy::Strategy,
};

/// S3's limit for the names and values of user metadata together, in bytes.
pub const MAX_METADATA_BYTES: usize = 2048;

/// RFC 5987's `attr-char`, and RFC 3986's unreserved characters: what may stay as it is in both places.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What the object says of its own bytes.
///
/// S3 fixes metadata before the bytes of a large object are all known, so there it is a promise: whoever
/// commits must compare it with the proof, and start over with [`Claims::proven`] if it does not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claims {
    /// SHA-256 of the plain bytes.
    pub sha256: Option<Sha256>,
    /// How far they are proven.
    pub integrity: Option<Integrity>,
}

impl Claims {
    /// What will hold if the sender told the truth and the strategy's bytes are the sender's. Claims
    /// nothing where the sender gave no hash.
    #[must_use]
    pub fn promised(file_sha256: Option<Sha256>, strategy: Strategy, is_sealed: bool) -> Self {
        let integrity = match (strategy, is_sealed) {
            (Strategy::Cdn, true) => Integrity::MacAndSha256,
            (Strategy::Cdn | Strategy::Wapi | Strategy::WapiAlternate, _) => Integrity::Sha256,
        };
        Self {
            sha256: file_sha256,
            integrity: file_sha256.map(|_| integrity),
        }
    }

    /// What does hold.
    #[must_use]
    pub fn proven(proof: &Proof) -> Self {
        Self {
            sha256: Some(proof.sha256),
            integrity: Some(proof.integrity),
        }
    }

    /// Whether the proof contradicts anything claimed.
    #[must_use]
    pub fn are_refuted_by(&self, proof: &Proof) -> bool {
        self.sha256.is_some_and(|claimed| claimed != proof.sha256)
            || self
                .integrity
                .is_some_and(|claimed| claimed != proof.integrity)
    }
}

/// A stored object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDescription {
    /// Where it is.
    pub key: ObjectKey,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Content-Disposition`, with the real name (RFC 5987) without its invisible characters.
    pub content_disposition: String,
    /// User metadata without the `x-amz-meta-` prefix; ASCII, within [`MAX_METADATA_BYTES`].
    pub metadata: Vec<(&'static str, String)>,
    /// Tags, without personal data.
    pub tags: Vec<(&'static str, String)>,
    /// What the metadata claims of the bytes.
    pub claims: Claims,
}

impl ObjectDescription {
    /// Describes the object of `job` whose plain bytes begin with `head`.
    #[must_use]
    pub fn new(
        job: &Job,
        strategy: Strategy,
        head: &[u8],
        claims: Claims,
        offset: UtcOffset,
    ) -> Self {
        let file_type = FileType::detect(FileEvidence {
            head,
            declared: job.message.mimetype.as_deref(),
            kind: job.message.kind,
            file_name: job.message.file_name.as_deref(),
        });
        let key = ObjectKey::new(&job.tenant, &job.instance, &job.message, &file_type, offset);
        let name = job.message.file_name.as_deref().map(remove_invisible);
        let name = name.as_deref().filter(|name| !name.is_empty());
        let name = name.unwrap_or(key.file_name());
        Self {
            content_type: file_type.content_type,
            content_disposition: content_disposition(name, file_type.is_shown_inline()),
            metadata: metadata(job, strategy, claims),
            tags: tags(job),
            claims,
            key,
        }
    }

    /// The same, to be removed by the bucket when this time is over.
    #[must_use]
    pub fn kept_for(mut self, retention: Option<Retention>) -> Self {
        let tag = retention.map(|class| (Retention::TAG, class.as_str().to_owned()));
        self.tags.extend(tag);
        self
    }
}

fn content_disposition(name: &str, inline: bool) -> String {
    let how = if inline { "inline" } else { "attachment" };
    let fallback: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let encoded = utf8_percent_encode(name, UNRESERVED);
    format!("{how}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}")
}

/// The facts first, then as much of the sender's words as fits.
fn metadata(job: &Job, strategy: Strategy, claims: Claims) -> Vec<(&'static str, String)> {
    let message = &job.message;
    let mut metadata = Metadata::default();
    metadata.add("message-id", message.message_id.as_str());
    metadata.add("chat", message.chat.as_str());
    if let Some(sender) = message.envelope.sender.word() {
        metadata.add("sender", &sender);
    }
    metadata.add("direction", message.direction.as_str());
    metadata.add("moment", &message.moment.to_string());
    metadata.add("kind", message.kind.as_str());
    metadata.add("strategy", strategy.as_str());
    if let Some(integrity) = claims.integrity {
        // `+` is no reserved word of S3; encoding it would only hide it.
        metadata.push("integrity", integrity.as_str().to_owned());
    }
    if let Some(sha256) = claims.sha256 {
        metadata.add("sha256", &sha256.to_hex());
    }
    for (name, flag) in [("ptt", message.ptt), ("view-once", message.view_once)] {
        if flag {
            metadata.add(name, "true");
        }
    }
    for (name, text) in [
        ("file-name", &message.file_name),
        ("caption", &message.caption),
    ] {
        if let Some(text) = text {
            metadata.add(name, text);
        }
    }
    metadata.entries
}

#[derive(Default)]
struct Metadata {
    entries: Vec<(&'static str, String)>,
    bytes: usize,
}

impl Metadata {
    /// Adds as much of `text` as fits, percent-encoded and cut between characters.
    fn add(&mut self, name: &'static str, text: &str) {
        let room = MAX_METADATA_BYTES.saturating_sub(self.bytes + name.len());
        let mut fits = cut(text, room);
        let mut encoded = utf8_percent_encode(fits, UNRESERVED).to_string();
        while encoded.len() > room {
            fits = cut(
                fits,
                fits.len()
                    .saturating_sub((encoded.len() - room).div_ceil(3)),
            );
            encoded = utf8_percent_encode(fits, UNRESERVED).to_string();
        }
        if !encoded.is_empty() {
            self.push(name, encoded);
        }
    }

    fn push(&mut self, name: &'static str, value: String) {
        self.bytes += name.len() + value.len();
        self.entries.push((name, value));
    }
}

fn tags(job: &Job) -> Vec<(&'static str, String)> {
    vec![
        ("tenant", job.tenant.to_string()),
        ("instance", job.instance.to_string()),
        ("kind", job.message.kind.to_string()),
        ("direction", job.message.direction.as_str().to_owned()),
        ("chat-kind", job.message.chat.kind().as_str().to_owned()),
    ]
}

//! Everything that is stored with an object's bytes: headers, user metadata and tags.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::UtcOffset;

use crate::{
    file_name::remove_invisible,
    file_type::{FileEvidence, FileType},
    integrity::Integrity,
    job::Job,
    message::truncate_bytes,
    object_key::ObjectKey,
    open::Proof,
    policy::Retention,
    sha256::Sha256,
    strategy::Strategy,
};

/// S3's limit for the names and values of user metadata together, in bytes.
pub const MAX_METADATA_BYTES: usize = 2048;

/// Characters that need no encoding in either place: RFC 5987's `attr-char` and RFC 3986's
/// unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the metadata claims about the object's bytes.
///
/// S3 fixes the metadata of a large object before all its bytes are known. So the claims must be
/// compared with the proof before the commit, and the upload restarted with [`Claims::from_proof`]
/// if they are wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claims {
    /// SHA-256 of the plain bytes.
    pub sha256: Option<Sha256>,
    /// How far the bytes are proven.
    pub integrity: Option<Integrity>,
}

impl Claims {
    /// The claims that hold if the announced hash is true and the strategy serves the sender's
    /// bytes. Empty if no hash was announced.
    #[must_use]
    pub fn from_announcement(
        file_sha256: Option<Sha256>,
        strategy: Strategy,
        is_encrypted: bool,
    ) -> Self {
        let has_mac = is_encrypted && strategy.serves_encrypted();
        let integrity = if has_mac { Integrity::MacAndSha256 } else { Integrity::Sha256 };
        Self { sha256: file_sha256, integrity: file_sha256.map(|_| integrity) }
    }

    /// The claims that the proof confirms.
    #[must_use]
    pub fn from_proof(proof: &Proof) -> Self {
        Self { sha256: Some(proof.sha256), integrity: Some(proof.integrity) }
    }

    /// Whether the proof contradicts a claim.
    #[must_use]
    pub fn are_refuted_by(&self, proof: &Proof) -> bool {
        self.sha256.is_some_and(|claimed| claimed != proof.sha256)
            || self.integrity.is_some_and(|claimed| claimed != proof.integrity)
    }
}

/// A stored object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDescription {
    /// Key of the object.
    pub key: ObjectKey,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Content-Disposition`, with the original name (RFC 5987) without invisible characters.
    pub content_disposition: String,
    /// User metadata without the `x-amz-meta-` prefix; ASCII, within [`MAX_METADATA_BYTES`].
    pub metadata: Vec<(&'static str, String)>,
    /// Tags, without personal data.
    pub tags: Vec<(&'static str, String)>,
    /// What the metadata claims about the bytes.
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
            metadata: build_metadata(job, strategy, claims),
            tags: build_tags(job),
            claims,
            key,
        }
    }

    /// The tag that names the run which stored the object, where more than one may have.
    pub const RUN_TAG: &str = "run";

    /// Adds the tag that tells this run's object from one that an earlier run may have stored.
    #[must_use]
    pub fn with_run(mut self, run: Option<&str>) -> Self {
        self.tags.extend(run.map(|run| (Self::RUN_TAG, run.to_owned())));
        self
    }

    /// Adds the tag by which the bucket removes the object after this time.
    #[must_use]
    pub fn with_retention(mut self, retention: Option<Retention>) -> Self {
        let tag = retention.map(|class| (Retention::TAG, class.as_str().to_owned()));
        self.tags.extend(tag);
        self
    }
}

fn content_disposition(name: &str, inline: bool) -> String {
    let how = if inline { "inline" } else { "attachment" };
    let fallback: String =
        name.chars()
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

/// Facts first, then as much of the sender's texts as fits.
fn build_metadata(job: &Job, strategy: Strategy, claims: Claims) -> Vec<(&'static str, String)> {
    let message = &job.message;
    let mut metadata = Metadata::default();
    metadata.add_text("message-id", message.message_id.as_str());
    metadata.add_text("chat", message.chat.as_str());
    if let Some(sender) = message.envelope.sender.display_id() {
        metadata.add_text("sender", &sender);
    }
    metadata.add_text("direction", message.direction.as_str());
    metadata.add_text("moment", &message.moment.to_string());
    metadata.add_text("kind", message.kind.as_str());
    metadata.add_text("strategy", strategy.as_str());
    if let Some(integrity) = claims.integrity {
        // `+` is not reserved in S3, so the value stays readable.
        metadata.push_entry("integrity", integrity.as_str().to_owned());
    }
    if let Some(sha256) = claims.sha256 {
        metadata.add_text("sha256", &sha256.to_hex());
    }
    for (name, flag) in [("ptt", message.ptt), ("view-once", message.view_once)] {
        if flag {
            metadata.add_text(name, "true");
        }
    }
    for (name, text) in [("file-name", &message.file_name), ("caption", &message.caption)] {
        if let Some(text) = text {
            metadata.add_text(name, text);
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
    fn add_text(&mut self, name: &'static str, text: &str) {
        let room = MAX_METADATA_BYTES.saturating_sub(self.bytes + name.len());
        let mut fits = truncate_bytes(text, room);
        let mut encoded = utf8_percent_encode(fits, UNRESERVED).to_string();
        while encoded.len() > room {
            fits =
                truncate_bytes(fits, fits.len().saturating_sub((encoded.len() - room).div_ceil(3)));
            encoded = utf8_percent_encode(fits, UNRESERVED).to_string();
        }
        if !encoded.is_empty() {
            self.push_entry(name, encoded);
        }
    }

    fn push_entry(&mut self, name: &'static str, value: String) {
        self.bytes += name.len() + value.len();
        self.entries.push((name, value));
    }
}

fn build_tags(job: &Job) -> Vec<(&'static str, String)> {
    vec![
        ("tenant", job.tenant.to_string()),
        ("instance", job.instance.to_string()),
        ("kind", job.message.kind.to_string()),
        ("direction", job.message.direction.as_str().to_owned()),
        ("chat-kind", job.message.chat.kind().as_str().to_owned()),
    ]
}

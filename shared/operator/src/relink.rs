//! Copies a stored file to another key inside S3, and proves the copy.

use aws::error::AwsError;
use aws_sdk_s3::{
    operation::{copy_object::CopyObjectOutput, head_object::HeadObjectOutput},
    types::{ChecksumAlgorithm, ChecksumMode, MetadataDirective, StorageClass, TaggingDirective},
};
use media::{malware::ScanVerdict, policy::Retention, sha256::Sha256};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    files::NO_CODE,
    tags::{BucketTags, FileTags},
};

const COPY_OBJECT: &str = "s3:CopyObject";

const HEAD_OBJECT: &str = "s3:HeadObject";

/// What needs no encoding in the name of a copy's source.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_');

/// The tag with the kind of chat.
const CHAT_KIND_TAG: &str = "chat-kind";

/// A copy of a file under another key.
#[derive(Debug, Clone, Copy)]
pub struct FileCopy<'a> {
    /// The key of the file.
    pub from: &'a str,
    /// The key of the copy.
    pub to: &'a str,
    /// The SHA-256 of the bytes, as the record says.
    pub sha256: Sha256,
    /// The kind of the new folder's chat, as the tag `chat-kind` has it.
    pub chat_kind: &'a str,
}

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CopyOutcome {
    /// The copy is there, and S3's own SHA-256 of it is the recorded one.
    Proven,
    /// The file has a retention, which S3 would count anew for a copy. Nothing was copied.
    HasRetention,
    /// There is no such file.
    Absent,
    /// The file's bytes are not as recorded. The copy was removed again.
    Changed,
    /// There is a file under the new key whose bytes are not proven to be the recorded ones.
    Occupied,
    /// S3 refuses to read the file or the copy: a malware scan closes it, it is archived, or the
    /// caller has no right to.
    Refused,
}

impl BucketTags {
    /// Copies a file, with its metadata, its storage class and its tags, unless there is one under
    /// the new key. S3 computes the SHA-256 of the copy, which is compared with the record's. The
    /// tag of the malware scan is left out: the copy is scanned as a new file.
    ///
    /// # Errors
    /// When an S3 call fails. A copy that was made may be there then, and the same call adopts it.
    pub async fn copy_file(&self, copy: &FileCopy<'_>) -> Result<CopyOutcome, AwsError> {
        let Some(mut tags) = self.find_tags(copy.from, None).await? else {
            return Ok(CopyOutcome::Absent);
        };
        if tags.contains_key(Retention::TAG) {
            return Ok(CopyOutcome::HasRetention);
        }
        tags.remove(ScanVerdict::TAG);
        tags.insert(CHAT_KIND_TAG.to_owned(), copy.chat_kind.to_owned());
        let source = match self.look_at(copy.from).await {
            Ok(source) => source,
            Err(error) => return sort_refusal(error),
        };
        match self.send_copy(copy, &tags, source.storage_class).await {
            Ok(answer) => self.judge_copy(copy, &answer).await,
            Err(error) if is_taken(&error) => self.prove_copy(copy).await,
            Err(error) => sort_refusal(error),
        }
    }

    async fn send_copy(
        &self,
        copy: &FileCopy<'_>,
        tags: &FileTags,
        class: Option<StorageClass>,
    ) -> Result<CopyObjectOutput, AwsError> {
        let source = format!("{}/{}", self.bucket, copy.from);
        let request = self.clients.s3.copy_object().bucket(&self.bucket).key(copy.to);
        let sent = request
            .copy_source(utf8_percent_encode(&source, PATH).to_string())
            .if_none_match("*")
            .metadata_directive(MetadataDirective::Copy)
            .tagging_directive(TaggingDirective::Replace)
            .tagging(write_tags(tags))
            .set_storage_class(class)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await;
        sent.map_err(AwsError::in_operation(COPY_OBJECT))
    }

    /// Compares the checksum in S3's answer to a copy. An answer without one proves nothing, and
    /// the copy is looked at.
    async fn judge_copy(
        &self,
        copy: &FileCopy<'_>,
        answer: &CopyObjectOutput,
    ) -> Result<CopyOutcome, AwsError> {
        let result = answer.copy_object_result.as_ref();
        let proven = match result.and_then(|result| result.checksum_sha256.as_deref()) {
            Some(sum) if sum == copy.sha256.to_base64() => CopyOutcome::Proven,
            Some(_) => CopyOutcome::Changed,
            None => self.prove_copy(copy).await?,
        };
        if matches!(proven, CopyOutcome::Changed | CopyOutcome::Occupied) {
            // This call has made it, and no record names it.
            let delete = self.clients.s3.delete_object().bucket(&self.bucket).key(copy.to);
            let delete = delete.set_version_id(answer.version_id.clone()).send().await;
            delete.map_err(AwsError::in_operation("s3:DeleteObject"))?;
            return Ok(CopyOutcome::Changed);
        }
        Ok(proven)
    }

    /// Whether the file under the new key has the recorded bytes, by S3's own SHA-256 of it.
    ///
    /// # Errors
    /// When `HeadObject` fails.
    pub async fn prove_copy(&self, copy: &FileCopy<'_>) -> Result<CopyOutcome, AwsError> {
        let found = match self.look_at(copy.to).await {
            Ok(found) => found,
            Err(error) => return sort_refusal(error),
        };
        let is_same = found.checksum_sha256.is_some_and(|sum| sum == copy.sha256.to_base64());
        Ok(if is_same { CopyOutcome::Proven } else { CopyOutcome::Occupied })
    }

    async fn look_at(&self, key: &str) -> Result<HeadObjectOutput, AwsError> {
        let head = self.clients.s3.head_object().bucket(&self.bucket).key(key);
        let head = head.checksum_mode(ChecksumMode::Enabled).send().await;
        head.map_err(AwsError::in_operation(HEAD_OBJECT))
    }
}

/// The tags as the query string that the header wants.
fn write_tags(tags: &FileTags) -> String {
    let encode = |part: &str| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string();
    let pair = |(name, value): (&String, &String)| format!("{}={}", encode(name), encode(value));
    tags.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Whether S3 found a file under the new key.
fn is_taken(error: &AwsError) -> bool {
    error.status == Some(412) || error.code == "PreconditionFailed"
}

/// A refusal that is about this file alone; any other failure is an error.
fn sort_refusal(error: AwsError) -> Result<CopyOutcome, AwsError> {
    match (error.code.as_str(), error.status) {
        ("NoSuchKey" | "NotFound", _) | (NO_CODE, Some(404)) => Ok(CopyOutcome::Absent),
        ("InvalidObjectState", _) => Ok(CopyOutcome::Refused),
        ("AccessDenied" | "Forbidden" | NO_CODE, Some(403)) => Ok(CopyOutcome::Refused),
        _ => Err(error),
    }
}

//! Stores one media file as one object, which becomes visible only after its last byte is verified.
//!
//! The stream's last part carries the proof. A small file is then written by one `PutObject`. The
//! parts of a large file are uploaded as they arrive, invisible, and `CompleteMultipartUpload` is
//! the commit. Both commits send `If-None-Match: *`: S3 answers a second commit with 412, which
//! means that the file is stored.

use aws_sdk_s3::{
    error::SdkError,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use data_encoding::BASE64;
use futures_util::{Stream, StreamExt, TryStreamExt, future, stream};
use media::{object::ObjectDescription, open::Proof, part::Part};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{clients::Clients, error::AwsError};

/// How many parts of one media file are uploaded to S3 at the same time.
const PARTS_IN_FLIGHT: usize = 2;

/// Whether the commit of a multipart upload sends S3 the checksum of the whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultipartChecksum {
    /// CRC-64/NVME over all bytes, which S3 compares with the assembled object. It is the strongest
    /// checksum that S3 supports for a whole multipart object: a SHA-256 would only cover the
    /// checksums of the parts.
    FullObject,
    /// Only the checksum of each part, for emulators that refuse the former.
    Composite,
}

impl std::str::FromStr for MultipartChecksum {
    type Err = UnknownChecksum;
    fn from_str(text: &str) -> Result<Self, UnknownChecksum> {
        match text {
            "full-object" => Ok(Self::FullObject),
            "composite" => Ok(Self::Composite),
            _ => Err(UnknownChecksum),
        }
    }
}

/// The setting is neither `full-object` nor `composite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the multipart checksum is full-object or composite")]
pub struct UnknownChecksum;

/// A media file that is in the bucket.
#[derive(Debug)]
pub struct StoredObject {
    /// Its key and its other metadata.
    pub description: ObjectDescription,
    /// What is proven of its bytes.
    pub proof: Proof,
    /// Whether this commit created the object, or found it.
    pub commit: Commit,
}

/// What a commit found under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// No object: this commit created it.
    Created,
    /// An object (412). It may be another run's, or this commit's own: the SDK repeats a request
    /// whose answer was lost. [`Bucket::find_run`] tells which.
    AlreadyThere,
}

/// Why nothing was stored. An upload that was begun is aborted.
#[derive(Debug, thiserror::Error)]
pub enum StoreError<E> {
    /// The stream failed. Its own error says what that means for the job.
    #[error(transparent)]
    Source(E),
    /// S3 failed. Retried by the queue.
    #[error(transparent)]
    S3(AwsError),
    /// Another writer was at the same key at the same moment (409). Start over.
    #[error("another writer was at the same key at the same moment")]
    Conflict,
    /// The proof contradicts the metadata that was sent before the last byte was known. Start over
    /// with claims made from this proof.
    #[error("the bytes are proven otherwise than their metadata claims")]
    ClaimsRefuted(Proof),
    /// The stream ended without a proof. This is a defect of the stream.
    #[error("the stream ended without a proof")]
    NoProof,
    /// The intent to commit could not be written: the table failed, or another run has taken over.
    /// Retried by the queue.
    #[error("what would be stored could not be written down")]
    IntentNotWritten,
}

/// The bucket that holds the media files.
#[derive(Debug)]
pub struct Bucket {
    clients: Clients,
    name: String,
    checksum: MultipartChecksum,
}

impl Bucket {
    /// Creates a handle for the bucket with this name.
    #[must_use]
    pub fn new(clients: &Clients, name: String, checksum: MultipartChecksum) -> Self {
        Self { clients: clients.clone(), name, checksum }
    }

    /// Opens the connection to S3, so that the first commit does not wait for the TLS handshake.
    /// The answer is ignored; without `s3:ListBucket` it is an error.
    pub async fn connect(&self) {
        if let Err(error) = self.clients.s3.head_bucket().bucket(&self.name).send().await {
            tracing::debug!(error = %AwsError::new("s3:HeadBucket", &error), "HeadBucket failed; only its connection is used");
        }
    }

    /// Stores the file that `parts` streams. `describe` gets the first plain bytes and, for a small
    /// file, the proof; its description contains the key. `write_intent` is called just before the
    /// commit, when everything is proven; if it returns `false`, nothing is committed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is visible then, and nothing is left behind.
    pub async fn store<E>(
        &self,
        parts: impl Stream<Item = Result<Part, E>>,
        describe: impl FnOnce(&[u8], Option<&Proof>) -> ObjectDescription,
        write_intent: impl AsyncFnOnce(&ObjectDescription, &Proof) -> bool,
    ) -> Result<StoredObject, StoreError<E>> {
        let mut parts = std::pin::pin!(parts);
        let first = parts.next().await.ok_or(StoreError::NoProof)?.map_err(StoreError::Source)?;
        let description = describe(&first.bytes, first.end.as_ref());
        match first.end {
            Some(proof) => {
                if !write_intent(&description, &proof).await {
                    return Err(StoreError::IntentNotWritten);
                }
                self.put(first.bytes, description, proof).await
            }
            None => {
                let all = stream::once(future::ready(Ok(first))).chain(parts);
                self.upload(all, description, write_intent).await
            }
        }
    }

    /// Reads which run stored the object under this key, from its tag. `None`: the first run that
    /// wrote an intent, which sets no tag, or a run of an earlier version.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn find_run(&self, key: &str) -> Result<Option<String>, AwsError> {
        let tags = self.clients.s3.get_object_tagging().bucket(&self.name).key(key).send().await;
        let tags = tags.map_err(|error| AwsError::new("s3:GetObjectTagging", &error))?;
        let run = tags.tag_set.into_iter().find(|tag| tag.key == ObjectDescription::RUN_TAG);
        Ok(run.map(|tag| tag.value))
    }

    /// Sends one `PutObject` with the SHA-256, which S3 verifies. It was computed for the proof, so
    /// it costs nothing. The payload is not hashed again for the signature, because TLS protects
    /// it.
    async fn put<E>(
        &self,
        bytes: Bytes,
        description: ObjectDescription,
        proof: Proof,
    ) -> Result<StoredObject, StoreError<E>> {
        let put = self
            .clients
            .s3
            .put_object()
            .bucket(&self.name)
            .key(description.key.as_str())
            .if_none_match("*")
            .content_type(description.content_type)
            .content_disposition(&description.content_disposition)
            .set_metadata(Some(metadata(&description)))
            .tagging(tagging(&description))
            .checksum_sha256(proof.sha256.to_base64())
            .content_length(bytes.len().try_into().unwrap_or(i64::MAX))
            .body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await;
        let commit = commit_outcome("s3:PutObject", put)?;
        Ok(StoredObject { description, proof, commit })
    }

    /// Runs a multipart upload, and aborts it unless this call commits it.
    async fn upload<E>(
        &self,
        parts: impl Stream<Item = Result<Part, E>>,
        description: ObjectDescription,
        write_intent: impl AsyncFnOnce(&ObjectDescription, &Proof) -> bool,
    ) -> Result<StoredObject, StoreError<E>> {
        const OPERATION: &str = "s3:CreateMultipartUpload";
        let created = self
            .clients
            .s3
            .create_multipart_upload()
            .bucket(&self.name)
            .key(description.key.as_str())
            .content_type(description.content_type)
            .content_disposition(&description.content_disposition)
            .set_metadata(Some(metadata(&description)))
            .tagging(tagging(&description))
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(|error| StoreError::S3(AwsError::new(OPERATION, &error)))?;
        let id = created
            .upload_id
            .ok_or(StoreError::S3(AwsError::unexpected(OPERATION, "no upload id")))?;
        let upload = Upload { bucket: self, key: description.key.as_str(), id: &id };
        let committed = upload.run(parts, &description, write_intent).await;
        if !matches!(committed, Ok((_, Commit::Created))) {
            upload.abort().await;
        }
        let (proof, commit) = committed?;
        Ok(StoredObject { description, proof, commit })
    }
}

/// A multipart upload in progress.
struct Upload<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    id: &'a str,
}

/// A part that was uploaded to S3.
struct UploadOutcome {
    part: CompletedPart,
    crc: u64,
    size_bytes: u64,
    end: Option<Proof>,
}

impl Upload<'_> {
    /// Uploads parts as they arrive, [`PARTS_IN_FLIGHT`] at a time, and commits them unless the
    /// proof contradicts the claims.
    async fn run<E>(
        &self,
        parts: impl Stream<Item = Result<Part, E>>,
        description: &ObjectDescription,
        write_intent: impl AsyncFnOnce(&ObjectDescription, &Proof) -> bool,
    ) -> Result<(Proof, Commit), StoreError<E>> {
        let numbered = parts
            .enumerate()
            .map(|(n, part)| part.map(|part| (n + 1, part)).map_err(StoreError::Source));
        let uploaded: Vec<UploadOutcome> = numbered
            .map_ok(|(number, part)| self.send(number, part))
            .try_buffered(PARTS_IN_FLIGHT)
            .try_collect()
            .await?;
        let proof = uploaded.last().and_then(|last| last.end).ok_or(StoreError::NoProof)?;
        if description.claims.are_refuted_by(&proof) {
            return Err(StoreError::ClaimsRefuted(proof));
        }
        if !write_intent(description, &proof).await {
            return Err(StoreError::IntentNotWritten);
        }
        let commit = self.complete(uploaded, &proof).await?;
        Ok((proof, commit))
    }

    async fn send<E>(&self, number: usize, part: Part) -> Result<UploadOutcome, StoreError<E>> {
        let number = i32::try_from(number)
            .map_err(|_| StoreError::S3(AwsError::unexpected("s3:UploadPart", "too many parts")))?;
        let (crc, size_bytes) =
            (checksum(CrcAlgorithm::Crc64Nvme, &part.bytes), part.bytes.len() as u64);
        let sent = self
            .bucket
            .clients
            .s3
            .upload_part()
            .bucket(&self.bucket.name)
            .key(self.key)
            .upload_id(self.id)
            .part_number(number)
            .checksum_crc64_nvme(base64_of(crc))
            .content_length(part.bytes.len().try_into().unwrap_or(i64::MAX))
            .body(ByteStream::from(part.bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| StoreError::S3(AwsError::new("s3:UploadPart", &error)))?;
        let part_done = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .checksum_crc64_nvme(base64_of(crc))
            .build();
        Ok(UploadOutcome { part: part_done, crc, size_bytes, end: part.end })
    }

    async fn complete<E>(
        &self,
        uploaded: Vec<UploadOutcome>,
        proof: &Proof,
    ) -> Result<Commit, StoreError<E>> {
        let whole = uploaded.iter().fold(0, |crc, next| {
            checksum_combine(CrcAlgorithm::Crc64Nvme, crc, next.crc, next.size_bytes)
        });
        let whole = match self.bucket.checksum {
            MultipartChecksum::FullObject => Some(base64_of(whole)),
            MultipartChecksum::Composite => None,
        };
        let parts = uploaded.into_iter().map(|one| one.part).collect();
        let completed = self
            .bucket
            .clients
            .s3
            .complete_multipart_upload()
            .bucket(&self.bucket.name)
            .key(self.key)
            .upload_id(self.id)
            .if_none_match("*")
            .checksum_type(ChecksumType::FullObject)
            .set_checksum_crc64_nvme(whole)
            .mpu_object_size(proof.size_bytes.try_into().unwrap_or(i64::MAX))
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await;
        commit_outcome("s3:CompleteMultipartUpload", completed)
    }

    /// Removes the parts. If that fails, the bucket's lifecycle rule does it after a day; the error
    /// that led here is the one that counts.
    async fn abort(&self) {
        let s3 = &self.bucket.clients.s3;
        let aborted = s3
            .abort_multipart_upload()
            .bucket(&self.bucket.name)
            .key(self.key)
            .upload_id(self.id)
            .send()
            .await;
        if let Err(error) = aborted {
            let error = AwsError::new("s3:AbortMultipartUpload", &error);
            tracing::warn!(%error, "an upload could not be aborted and waits for the lifecycle rule");
        }
    }
}

/// Reads the answer to a commit.
///
/// By status or by code: S3 may begin a slow commit's answer with 200 and put the error in its
/// body.
fn commit_outcome<T, X: ProvideErrorMetadata, E>(
    operation: &'static str,
    answer: Result<T, SdkError<X, HttpResponse>>,
) -> Result<Commit, StoreError<E>> {
    let Err(error) = answer else { return Ok(Commit::Created) };
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (status, error.code()) {
        (Some(412), _) | (_, Some("PreconditionFailed")) => Ok(Commit::AlreadyThere),
        (Some(409), _) | (_, Some("ConditionalRequestConflict")) => Err(StoreError::Conflict),
        _ => Err(StoreError::S3(AwsError::new(operation, &error))),
    }
}

/// S3's form of a CRC-64: base64 of its eight bytes, the most significant first.
fn base64_of(crc: u64) -> String {
    BASE64.encode(&crc.to_be_bytes())
}

fn metadata(description: &ObjectDescription) -> std::collections::HashMap<String, String> {
    description.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// The tags as the query string that the header wants.
fn tagging(description: &ObjectDescription) -> String {
    let pair = |(name, value): &(&str, String)| {
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    description.tags.iter().map(pair).collect::<Vec<_>>().join("&")
}

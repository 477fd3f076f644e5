//! S3 in memory behind s3s, which implements the wire protocol: conditional commits, checksums,
//! multipart uploads.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, checksum};
use data_encoding::{BASE64, HEXLOWER};
use futures_util::TryStreamExt;
use percent_encoding::percent_decode_str;
use s3s::{
    S3, S3Error, S3Request, S3Response, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CompletedPart, CreateBucketInput, CreateBucketOutput,
        CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectsInput,
        DeleteObjectsOutput, ETag, ETagCondition, GetObjectTaggingInput, GetObjectTaggingOutput,
        HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
        ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectVersionsInput,
        ListObjectVersionsOutput, MultipartUpload, ObjectVersion, PutObjectInput, PutObjectOutput,
        StreamingBlob, Tag, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};
use sha2::{Digest, Sha256};

use crate::{cleaner::next_midnight, clockwork::WORLD_START, plan::LifecycleRule};

/// Minimum size of every part except the last, in bytes.
const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// The version of an object that is current.
const CURRENT: &str = "current";
/// The versions under a delete marker.
const EXPIRED: &str = "expired";

/// An object as the bucket holds it.
#[derive(Debug, Clone)]
pub struct StoredObject {
    /// Its plain bytes.
    pub bytes: Bytes,
    /// The user metadata, by name without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
    /// The tags, by name.
    pub tags: BTreeMap<String, String>,
    /// The number of commits under its key.
    pub writes: u32,
    /// When it was committed, in time since the world began.
    pub committed_at: Duration,
}

impl StoredObject {
    /// SHA-256 of the bytes, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.bytes))
    }
}

/// An object before its commit.
struct UncommittedObject {
    bytes: Bytes,
    metadata: HashMap<String, String>,
    tags: BTreeMap<String, String>,
}

/// A multipart upload in progress.
#[derive(Debug)]
struct OpenUpload {
    key: String,
    metadata: HashMap<String, String>,
    tags: BTreeMap<String, String>,
    begun_at: Duration,
    parts: BTreeMap<i32, Bytes>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, StoredObject>,
    /// Versions under a delete marker, each with the time of the marker in seconds since 1970.
    noncurrent: Vec<(String, StoredObject, i64)>,
    uploads: BTreeMap<String, OpenUpload>,
    uploads_begun: u64,
}

/// The only bucket; it answers to any name.
#[derive(Clone)]
pub struct Bucket {
    inner: Arc<Mutex<Inner>>,
    now: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bucket")
    }
}

impl Bucket {
    /// Builds an empty bucket that uses this clock.
    #[must_use]
    pub fn new(now: Arc<dyn Fn() -> Duration + Send + Sync>) -> Self {
        Self { inner: Arc::default(), now }
    }

    /// Every object, by key.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, StoredObject> {
        self.lock_inner().objects.clone()
    }

    /// Removes the objects whose key contains this text.
    pub fn remove_objects(&self, text: &str) {
        self.lock_inner().objects.retain(|key, _| !key.contains(text));
    }

    /// Aborts uploads older than `age`, as a lifecycle rule does, and returns the keys of the
    /// remaining ones.
    #[must_use]
    pub fn abort_old_uploads(&self, age: Duration) -> Vec<String> {
        let now = (self.now)();
        let mut inner = self.lock_inner();
        inner.uploads.retain(|_, open| open.begun_at + age > now);
        inner.uploads.values().map(|open| open.key.clone()).collect()
    }

    /// The keys of versions that are not current, and of the delete markers above them. A marker
    /// goes with its last version, as the template's rule for lone markers has it.
    #[must_use]
    pub fn noncurrent_keys(&self) -> Vec<String> {
        self.lock_inner().noncurrent.iter().map(|(key, ..)| key.clone()).collect()
    }

    /// Applies lifecycle rules at this midnight (seconds since 1970): S3 adds the days to the time
    /// of the commit or of the marker, and rounds up to the next midnight.
    pub fn expire_versions(&self, rules: &[LifecycleRule], midnight: i64) {
        let is_over =
            |since: i64, days: u32| next_midnight(since + i64::from(days) * 86_400) <= midnight;
        let mut inner = self.lock_inner();
        let rule_of = |object: &StoredObject| {
            rules.iter().find(|rule| object.tags.get(&rule.tag.0) == Some(&rule.tag.1))
        };
        let committed = |one: &StoredObject| {
            WORLD_START + i64::try_from(one.committed_at.as_secs()).unwrap_or(0)
        };
        inner.noncurrent.retain(|(_, object, since)| {
            let days = rule_of(object).and_then(|rule| rule.noncurrent_days).unwrap_or(30);
            !is_over(*since, days)
        });
        let expired: Vec<String> = inner
            .objects
            .iter()
            .filter(|(_, one)| rule_of(one).is_some_and(|rule| is_over(committed(one), rule.days)))
            .map(|(key, _)| key.clone())
            .collect();
        for key in expired {
            if let Some(object) = inner.objects.remove(&key) {
                inner.noncurrent.push((key, object, midnight));
            }
        }
    }

    fn lock_inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Commits an object of either kind of upload. Nothing is overwritten unless the request
    /// allows it.
    fn commit_object(
        &mut self,
        key: &str,
        condition: Option<&ETagCondition>,
        (object, committed_at): (UncommittedObject, Duration),
    ) -> S3Result<()> {
        let writes = self.objects.get(key).map_or(0, |object| object.writes);
        if writes > 0 && matches!(condition, Some(ETagCondition::Any)) {
            return Err(s3_error!(PreconditionFailed));
        }
        let UncommittedObject { bytes, metadata, tags } = object;
        let stored = StoredObject { bytes, metadata, tags, writes: writes + 1, committed_at };
        self.objects.insert(key.to_owned(), stored);
        Ok(())
    }

    /// Joins the parts that the request names; each must exist with the tag it was answered with.
    fn assemble_parts(&self, upload: &str, named: &[CompletedPart]) -> S3Result<Bytes> {
        let open = self.uploads.get(upload).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let mut whole = BytesMut::new();
        for (n, part) in named.iter().enumerate() {
            let bytes = part
                .part_number
                .and_then(|number| open.parts.get(&number))
                .ok_or_else(|| s3_error!(InvalidPart))?;
            if part.e_tag.as_ref() != Some(&entity_tag(bytes)) {
                return Err(s3_error!(InvalidPart));
            }
            if n + 1 < named.len() && bytes.len() < MIN_PART_BYTES {
                return Err(s3_error!(EntityTooSmall));
            }
            whole.extend_from_slice(bytes);
        }
        Ok(whole.freeze())
    }
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn create_bucket(
        &self,
        _: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn head_bucket(
        &self,
        _: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let inner = self.lock_inner();
        let found = inner.objects.get(&request.input.key);
        let object = found.ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: i64::try_from(object.bytes.len()).ok(),
            metadata: Some(object.metadata.clone()),
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let inner = self.lock_inner();
        let object = inner.objects.get(&request.input.key).ok_or_else(|| s3_error!(NoSuchKey))?;
        let tag = |(key, value): (&String, &String)| Tag {
            key: Some(key.clone()),
            value: Some(value.clone()),
        };
        let tag_set = object.tags.iter().map(tag).collect();
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let bytes = read_body(input.body).await?;
        check_sha256(input.checksum_sha256.as_deref(), &bytes)?;
        check_crc64(input.checksum_crc64nvme.as_deref(), &bytes)?;
        let e_tag = Some(entity_tag(&bytes));
        let object = UncommittedObject {
            bytes,
            metadata: input.metadata.unwrap_or_default(),
            tags: parse_tags(input.tagging.as_deref()),
        };
        let condition = input.if_none_match.as_ref();
        let object = (object, (self.now)());
        self.lock_inner().commit_object(&input.key, condition, object)?;
        Ok(S3Response::new(PutObjectOutput { e_tag, ..PutObjectOutput::default() }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let begun_at = (self.now)();
        let mut inner = self.lock_inner();
        inner.uploads_begun += 1;
        let id = format!("upload-{}", inner.uploads_begun);
        let open = OpenUpload {
            key: input.key.clone(),
            metadata: input.metadata.unwrap_or_default(),
            tags: parse_tags(input.tagging.as_deref()),
            begun_at,
            parts: BTreeMap::new(),
        };
        inner.uploads.insert(id.clone(), open);
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let bytes = read_body(input.body).await?;
        check_crc64(input.checksum_crc64nvme.as_deref(), &bytes)?;
        let e_tag = Some(entity_tag(&bytes));
        let mut inner = self.lock_inner();
        let open = inner.uploads.get_mut(&input.upload_id);
        open.ok_or_else(|| s3_error!(NoSuchUpload))?.parts.insert(input.part_number, bytes);
        Ok(S3Response::new(UploadPartOutput {
            e_tag,
            checksum_crc64nvme: input.checksum_crc64nvme,
            ..UploadPartOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let mut inner = self.lock_inner();
        let named = input.multipart_upload.and_then(|it| it.parts);
        let whole = inner.assemble_parts(&input.upload_id, &named.unwrap_or_default())?;
        let size = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        if input.mpu_object_size.is_some_and(|said| said != size) {
            return Err(s3_error!(InvalidRequest, "the object has another size"));
        }
        check_crc64(input.checksum_crc64nvme.as_deref(), &whole)?;
        let open = inner.uploads.get(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let (metadata, tags) = (open.metadata.clone(), open.tags.clone());
        let object = (UncommittedObject { bytes: whole, metadata, tags }, (self.now)());
        inner.commit_object(&input.key, input.if_none_match.as_ref(), object)?;
        inner.uploads.remove(&input.upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong("whole".to_owned())),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let removed = self.lock_inner().uploads.remove(&request.input.upload_id);
        removed.ok_or_else(|| s3_error!(NoSuchUpload))?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let inner = self.lock_inner();
        let prefix = request.input.prefix.unwrap_or_default();
        let open = inner.uploads.iter().filter(|(_, open)| open.key.starts_with(&prefix));
        let uploads = open.map(|(id, open)| MultipartUpload {
            key: Some(open.key.clone()),
            upload_id: Some(id.clone()),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(request.input.bucket),
            uploads: Some(uploads.collect()),
            ..ListMultipartUploadsOutput::default()
        }))
    }

    /// Nothing is overwritten here: an object has one version, and before it those that expired.
    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let inner = self.lock_inner();
        let prefix = request.input.prefix.unwrap_or_default();
        let current = inner.objects.iter().map(|(key, object)| (key, object, CURRENT));
        let expired = inner.noncurrent.iter().map(|(key, object, _)| (key, object, EXPIRED));
        let found = current.chain(expired).filter(|(key, ..)| key.starts_with(&prefix));
        let versions = found.map(|(key, object, version)| ObjectVersion {
            key: Some(key.clone()),
            version_id: Some(version.to_owned()),
            size: i64::try_from(object.bytes.len()).ok(),
            is_latest: Some(version == CURRENT),
            ..ObjectVersion::default()
        });
        Ok(S3Response::new(ListObjectVersionsOutput {
            versions: Some(versions.collect()),
            is_truncated: Some(false),
            ..ListObjectVersionsOutput::default()
        }))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let mut inner = self.lock_inner();
        for meant in request.input.delete.objects {
            match meant.version_id.as_deref() {
                Some(EXPIRED) => inner.noncurrent.retain(|(key, ..)| *key != meant.key),
                Some(_) | None => drop(inner.objects.remove(&meant.key)),
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput::default()))
    }
}

async fn read_body(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else {
        return Ok(Bytes::new());
    };
    let chunks: Vec<Bytes> = body.try_collect().await.map_err(|_| s3_error!(IncompleteBody))?;
    // Copies the chunks: they are the sender's own buffers, and it reuses them.
    Ok(chunks.concat().into())
}

/// The tags of the `x-amz-tagging` header, which is a query string.
fn parse_tags(header: Option<&str>) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = header.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// An entity tag; two parts that differ have different ones.
fn entity_tag(bytes: &[u8]) -> ETag {
    ETag::Strong(format!("{:016x}", checksum(CrcAlgorithm::Crc64Nvme, bytes)))
}

fn check_sha256(said: Option<&str>, bytes: &[u8]) -> S3Result<()> {
    let agrees = said.is_none_or(|said| said == BASE64.encode(&Sha256::digest(bytes)));
    agrees.then_some(()).ok_or_else(bad_digest)
}

fn check_crc64(said: Option<&str>, bytes: &[u8]) -> S3Result<()> {
    let of = |bytes| BASE64.encode(&checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes());
    let agrees = said.is_none_or(|said| said == of(bytes));
    agrees.then_some(()).ok_or_else(bad_digest)
}

fn bad_digest() -> S3Error {
    s3_error!(BadDigest)
}

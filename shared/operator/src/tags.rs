//! The tags of stored files: those of this system, and the verdict of a malware scan.

use std::collections::BTreeMap;

use aws::{clients::Clients, error::AwsError};
use aws_sdk_s3::{
    error::SdkError,
    types::{Tag, Tagging},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

const GET_OBJECT_TAGGING: &str = "s3:GetObjectTagging";

const PUT_OBJECT_TAGGING: &str = "s3:PutObjectTagging";

/// The tag with which `GuardDuty` says what a scan found.
pub(crate) const SCAN_TAG: &str = "GuardDutyMalwareScanStatus";

/// The tags of one version of a file, by name.
pub type FileTags = BTreeMap<String, String>;

/// What a malware scan said about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanVerdict {
    /// `GuardDuty` found no threat.
    Clean,
    /// `GuardDuty` found a threat.
    Threat,
    /// There is no verdict: the scan has not ended, never came, or was not switched on.
    Missing,
    /// `GuardDuty` could not scan the file, for this reason (`UNSUPPORTED`, `ACCESS_DENIED`,
    /// `FAILED`).
    Failed(String),
}

impl ScanVerdict {
    /// Reads the tags of a file.
    #[must_use]
    pub fn from_tags(tags: &FileTags) -> Self {
        match tags.get(SCAN_TAG).map(String::as_str) {
            None => Self::Missing,
            Some("NO_THREATS_FOUND") => Self::Clean,
            Some("THREATS_FOUND") => Self::Threat,
            Some(other) => Self::Failed(other.to_owned()),
        }
    }

    /// The verdict in one word, as `media scans --verdict` takes it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Threat => "threat",
            Self::Missing => "missing",
            Self::Failed(_) => "failed",
        }
    }
}

/// Reads and replaces the tags of the files of a bucket.
#[derive(Debug)]
pub struct BucketTags {
    pub(crate) clients: Clients,
    pub(crate) bucket: String,
}

impl BucketTags {
    /// Uses the bucket with this name.
    #[must_use]
    pub fn new(clients: &Clients, bucket: &str) -> Self {
        Self { clients: clients.clone(), bucket: bucket.to_owned() }
    }

    /// The tags of a file, or of one of its versions. `None`: there is no such file or version.
    ///
    /// # Errors
    /// When `GetObjectTagging` fails.
    pub async fn find_tags(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<FileTags>, AwsError> {
        let get = self.clients.s3.get_object_tagging().bucket(&self.bucket).key(key);
        match get.set_version_id(version.map(str::to_owned)).send().await {
            Ok(output) => {
                let tags = output.tag_set.into_iter();
                Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(AwsError::new(GET_OBJECT_TAGGING, &error)),
        }
    }

    /// Shows the key of each current file of a folder to `each`, with the verdict of the malware
    /// scan, if it was stored at `from` (seconds since 1970) or later. Each costs one call.
    ///
    /// # Errors
    /// When `ListObjectsV2` or `GetObjectTagging` fails.
    pub async fn visit_verdicts(
        &self,
        folder: &str,
        from: i64,
        mut each: impl FnMut(String, ScanVerdict),
    ) -> Result<(), AwsError> {
        let list = self.clients.s3.list_objects_v2().bucket(&self.bucket).prefix(folder);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(AwsError::in_operation("s3:ListObjectsV2"))?;
            for object in page.contents.unwrap_or_default() {
                let stored_at = object.last_modified.map_or(i64::MAX, |at| at.secs());
                let Some(key) = object.key.filter(|_| stored_at >= from) else {
                    continue;
                };
                // It may be gone since it was listed.
                if let Some(tags) = self.find_tags(&key, None).await? {
                    each(key, ScanVerdict::from_tags(&tags));
                }
            }
        }
        Ok(())
    }

    /// Replaces all tags of a version of a file. `false`: there is no such version any more.
    ///
    /// # Errors
    /// When `PutObjectTagging` fails, or a tag has no name.
    pub async fn replace_tags(
        &self,
        (key, version): (&str, Option<&str>),
        tags: &FileTags,
    ) -> Result<bool, AwsError> {
        let not_built = |_| AwsError::unexpected(PUT_OBJECT_TAGGING, "the tags were not built");
        let tag = |(name, value): (&String, &String)| Tag::builder().key(name).value(value).build();
        let tags: Result<Vec<_>, _> = tags.iter().map(tag).collect();
        let tagging = Tagging::builder().set_tag_set(Some(tags.map_err(not_built)?)).build();
        let put = self.clients.s3.put_object_tagging().bucket(&self.bucket).key(key);
        let put = put.set_version_id(version.map(str::to_owned));
        match put.tagging(tagging.map_err(not_built)?).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(AwsError::new(PUT_OBJECT_TAGGING, &error)),
        }
    }
}

/// Whether S3 says that the file, the version or a file under a delete marker is not there.
fn is_absent<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed"))
}

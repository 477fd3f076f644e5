//! Erasing: every version of a file, delete markers, unfinished uploads and records; or counting them.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use media::ids::{InstanceId, MessageId, TenantId};
use serde::Serialize;

use super::records::MediaRecords;
use aws::{
    error::AwsError,
    ledger::{Erasable, place::MESSAGE},
};

use crate::Operator;

/// Whether anything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only count.
    Count,
    /// Remove for good.
    Remove,
}

/// What lay in a folder: of each thing how many were meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FilesCount {
    /// Versions of files, the current ones among them.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Markers that hide a deleted file.
    pub delete_markers: u64,
    /// Uploads that nobody finished.
    pub uploads: u64,
    /// What S3 refused to remove, of all these.
    pub failed: u64,
}

impl FilesCount {
    /// Adds another folder's.
    pub fn add(&mut self, other: Self) {
        self.versions += other.versions;
        self.bytes += other.bytes;
        self.delete_markers += other.delete_markers;
        self.uploads += other.uploads;
        self.failed += other.failed;
    }

    /// Nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions + self.delete_markers + self.uploads == 0
    }
}

impl Operator {
    /// Every version, delete marker and unfinished upload under `folder` whose key `is_meant`. Page by
    /// page, so that memory does not grow with the folder.
    ///
    /// # Errors
    /// When AWS fails. What single keys were refused for is counted instead.
    pub async fn files(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: impl Fn(&str) -> bool,
        mode: Mode,
    ) -> Result<FilesCount, AwsError> {
        let mut count = self.versions(bucket, folder, &is_meant, mode).await?;
        count.add(self.uploads(bucket, folder, &is_meant, mode).await?);
        Ok(count)
    }

    /// The folders directly under one, also those in which everything is deleted.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn folders_of_versions(
        &self,
        bucket: &str,
        folder: &str,
    ) -> Result<Vec<String>, AwsError> {
        let (mut found, mut at) = (Vec::new(), (None, None));
        loop {
            let asked = self.clients.s3.list_object_versions();
            let page = asked
                .bucket(bucket)
                .prefix(folder)
                .delimiter("/")
                .set_key_marker(at.0)
                .set_version_id_marker(at.1)
                .send()
                .await
                .map_err(|error| AwsError::new("s3:ListObjectVersions", &error))?;
            let folders = page.common_prefixes.unwrap_or_default().into_iter();
            found.extend(folders.filter_map(|one| one.prefix));
            at = (page.next_key_marker, page.next_version_id_marker);
            if !page.is_truncated.unwrap_or_default() || at.0.is_none() {
                return Ok(found);
            }
        }
    }

    async fn versions(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: &impl Fn(&str) -> bool,
        mode: Mode,
    ) -> Result<FilesCount, AwsError> {
        let (mut count, mut at) = (FilesCount::default(), (None, None));
        loop {
            let asked = self.clients.s3.list_object_versions();
            let asked = asked.bucket(bucket).prefix(folder);
            let page = asked
                .set_key_marker(at.0)
                .set_version_id_marker(at.1)
                .send()
                .await
                .map_err(|error| AwsError::new("s3:ListObjectVersions", &error))?;
            let mut meant = Vec::new();
            for version in page.versions.unwrap_or_default() {
                let size = u64::try_from(version.size.unwrap_or_default()).unwrap_or_default();
                if let Some(id) = identifier(version.key, version.version_id, is_meant) {
                    count.versions += 1;
                    count.bytes += size;
                    meant.push(id);
                }
            }
            for marker in page.delete_markers.unwrap_or_default() {
                if let Some(id) = identifier(marker.key, marker.version_id, is_meant) {
                    count.delete_markers += 1;
                    meant.push(id);
                }
            }
            if mode == Mode::Remove && !meant.is_empty() {
                count.failed += self.remove(bucket, meant).await?;
            }
            at = (page.next_key_marker, page.next_version_id_marker);
            if !page.is_truncated.unwrap_or_default() || at.0.is_none() {
                return Ok(count);
            }
        }
    }

    /// Removes up to a page of versions, and says how many S3 refused.
    async fn remove(&self, bucket: &str, meant: Vec<ObjectIdentifier>) -> Result<u64, AwsError> {
        const OPERATION: &str = "s3:DeleteObjects";
        let delete = Delete::builder()
            .set_objects(Some(meant))
            .quiet(true)
            .build();
        let delete = delete.map_err(|_| AwsError::unexpected(OPERATION, "no list of keys"))?;
        let asked = self
            .clients
            .s3
            .delete_objects()
            .bucket(bucket)
            .delete(delete);
        let answer = asked.send().await;
        let answer = answer.map_err(|error| AwsError::new(OPERATION, &error))?;
        Ok(answer.errors.unwrap_or_default().len() as u64)
    }

    async fn uploads(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: &impl Fn(&str) -> bool,
        mode: Mode,
    ) -> Result<FilesCount, AwsError> {
        let (mut count, mut at) = (FilesCount::default(), (None, None));
        loop {
            let asked = self.clients.s3.list_multipart_uploads();
            let asked = asked.bucket(bucket).prefix(folder);
            let page = asked
                .set_key_marker(at.0)
                .set_upload_id_marker(at.1)
                .send()
                .await
                .map_err(|error| AwsError::new("s3:ListMultipartUploads", &error))?;
            for upload in page.uploads.unwrap_or_default() {
                let (Some(key), Some(id)) = (upload.key, upload.upload_id) else {
                    continue;
                };
                if !key.starts_with(folder) || !is_meant(&key) {
                    continue;
                }
                count.uploads += 1;
                if mode == Mode::Remove {
                    let abort = self.clients.s3.abort_multipart_upload();
                    let abort = abort.bucket(bucket).key(key).upload_id(id).send().await;
                    abort.map_err(|error| AwsError::new("s3:AbortMultipartUpload", &error))?;
                }
            }
            at = (page.next_key_marker, page.next_upload_id_marker);
            if !page.is_truncated.unwrap_or_default() || at.0.is_none() {
                return Ok(count);
            }
        }
    }
}

fn identifier(
    key: Option<String>,
    version: Option<String>,
    is_meant: &impl Fn(&str) -> bool,
) -> Option<ObjectIdentifier> {
    let key = key.filter(|key| is_meant(key))?;
    let identifier = ObjectIdentifier::builder().key(key);
    identifier.set_version_id(version).build().ok()
}

impl MediaRecords {
    /// The records of a tenant's instance whose chat is one of `chats`, or, if there is none, of one
    /// message: read from the table itself and consistently, because this is also the proof that none is
    /// left.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn erasable(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        chats: &[String],
        message: Option<&MessageId>,
    ) -> Result<Vec<Erasable>, AwsError> {
        const OPERATION: &str = "dynamodb:Query";
        let mut found = Vec::new();
        for query in self.queries(instance, message) {
            let mut asked = query
                .filter_expression("tenant = :tenant")
                .projection_expression(
                    "message_id, #message, #state, chat, lease_until, chat_lid, chat_phone, chat_hash",
                )
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#message", MESSAGE)
                .expression_attribute_values(":tenant", super::records::text(tenant.as_str()))
                .consistent_read(true);
            if !chats.is_empty() {
                let names: Vec<_> = (0..chats.len()).map(|n| format!(":chat{n}")).collect();
                let filter = format!("tenant = :tenant AND chat IN ({})", names.join(", "));
                asked = asked.filter_expression(filter);
                for (name, chat) in names.into_iter().zip(chats) {
                    asked = asked.expression_attribute_values(name, super::records::text(chat));
                }
            }
            let mut items = asked.into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(|error| AwsError::new(OPERATION, &error))?;
                let unread = |_| AwsError::unexpected(OPERATION, "a record that makes no sense");
                found.push(serde_dynamo::from_item(item).map_err(unread)?);
            }
        }
        Ok(found)
    }
}

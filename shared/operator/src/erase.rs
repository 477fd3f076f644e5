//! Erasing: every version of a file, delete markers, unfinished uploads and records; or counting
//! them.

use aws::{error::AwsError, ledger::Erasable};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use media::ids::{InstanceId, MessageId, TenantId};
use serde::Serialize;

use crate::{Operator, records::MediaRecords};

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
        self.bytes = self.bytes.saturating_add(other.bytes);
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
    /// Every version, delete marker and unfinished upload under `folder` whose key `is_meant`. Page
    /// by page, so that memory does not grow with the folder.
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
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        while let Some((key, version)) = pages.next() {
            let asked = self.clients.s3.list_object_versions();
            let page = asked
                .bucket(bucket)
                .prefix(folder)
                .delimiter("/")
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .map_err(|error| AwsError::new("s3:ListObjectVersions", &error))?;
            let folders = page.common_prefixes.unwrap_or_default().into_iter();
            found.extend(folders.filter_map(|one| one.prefix));
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_version_id_marker));
        }
        Ok(found)
    }

    async fn versions(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: &impl Fn(&str) -> bool,
        mode: Mode,
    ) -> Result<FilesCount, AwsError> {
        let mut count = FilesCount::default();
        let mut pages = Pages::default();
        while let Some((key, version)) = pages.next() {
            let asked = self.clients.s3.list_object_versions();
            let page = asked
                .bucket(bucket)
                .prefix(folder)
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .map_err(|error| AwsError::new("s3:ListObjectVersions", &error))?;
            let mut meant = Vec::new();
            for version in page.versions.unwrap_or_default() {
                let size = u64::try_from(version.size.unwrap_or_default()).unwrap_or_default();
                if let Some(id) = identifier(version.key, version.version_id, is_meant) {
                    count.versions += 1;
                    count.bytes = count.bytes.saturating_add(size);
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
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_version_id_marker));
        }
        Ok(count)
    }

    /// Removes up to a page of versions, and says how many S3 refused.
    async fn remove(&self, bucket: &str, meant: Vec<ObjectIdentifier>) -> Result<u64, AwsError> {
        const OPERATION: &str = "s3:DeleteObjects";
        let delete = Delete::builder().set_objects(Some(meant)).quiet(true).build();
        let delete = delete.map_err(|_| AwsError::unexpected(OPERATION, "no list of keys"))?;
        let asked = self.clients.s3.delete_objects().bucket(bucket).delete(delete);
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
        let (mut count, mut pages) = (FilesCount::default(), Pages::default());
        while let Some((key, upload)) = pages.next() {
            let asked = self.clients.s3.list_multipart_uploads();
            let page = asked
                .bucket(bucket)
                .prefix(folder)
                .set_key_marker(key)
                .set_upload_id_marker(upload)
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
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_upload_id_marker));
        }
        Ok(count)
    }
}

/// Where a page of a listing begins: after which key, and which version or upload of it.
type Marker = (Option<String>, Option<String>);

/// The pages of a listing, each asked for with where the one before it ended.
struct Pages(Option<Marker>);

impl Default for Pages {
    fn default() -> Self {
        Self(Some((None, None)))
    }
}

impl Pages {
    /// Where the next one begins; nothing after the last.
    fn next(&mut self) -> Option<Marker> {
        self.0.take()
    }

    /// Another page follows if this one was cut and says where it goes on.
    fn turn(&mut self, is_truncated: Option<bool>, next: Marker) {
        let goes_on = is_truncated.unwrap_or_default() && next.0.is_some();
        self.0 = goes_on.then_some(next);
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

/// Records to erase.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Erasables {
    /// Those that are meant.
    pub meant: Vec<Erasable>,
    /// The keys of those of which nobody can tell whether they are: they do not say whose they are,
    /// or of which chat.
    pub unread: Vec<String>,
}

impl MediaRecords {
    /// The records of a tenant's instance whose chat is one of `chats`, or, if there is none, of
    /// one message: read from the table itself and consistently, because this is also the proof
    /// that none is left. Marks of what was erased are left out.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn erasable(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        chats: &[String],
        message: Option<&MessageId>,
    ) -> Result<Erasables, AwsError> {
        let mut found = Erasables::default();
        for query in self.queries(instance, message) {
            let mut asked = query.consistent_read(true);
            let mut names = Vec::new();
            for (n, attribute) in Erasable::ATTRIBUTES.into_iter().enumerate() {
                let name = format!("#a{n}");
                asked = asked.expression_attribute_names(&name, attribute);
                names.push(name);
            }
            asked = asked.projection_expression(names.join(", "));
            let mut items = asked.into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
                found.add(Erasable::of_item(&item), tenant, chats);
            }
        }
        Ok(found)
    }
}

impl Erasables {
    /// Takes a record that is the tenant's and of one of `chats`, if there are any.
    fn add(&mut self, record: Erasable, tenant: &TenantId, chats: &[String]) {
        let is_its = record.tenant.as_ref().map(|its| its == tenant.as_str());
        let is_there = match &record.chat {
            _ if chats.is_empty() => Some(true),
            Some(chat) => Some(chats.contains(chat)),
            None => None,
        };
        match (is_its, is_there) {
            _ if record.is_mark() => {}
            (Some(true), Some(true)) => self.meant.push(record),
            (Some(false), _) | (_, Some(false)) => {}
            (None, _) | (_, None) => self.unread.push(record.key),
        }
    }
}

//! Counts or erases everything that the stack keeps of media: versions of files, delete markers,
//! unfinished uploads, and records.

use aws::{dynamodb::Attributes, error::AwsError, ledger::Erasable};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use media::{
    ids::{InstanceId, MessageId, TenantId},
    message::{Chat, Direction},
    revocation::RevokedMessage,
};
use serde::Serialize;

use crate::{Operator, records::MediaRecords};

/// Whether files are counted or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraseMode {
    /// Only count.
    Count,
    /// Remove for good.
    Remove,
}

/// How many things in a folder are to be erased, or were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FilesCount {
    /// Versions of files, including the current ones.
    pub versions: u64,
    /// The size of all versions, in bytes.
    pub bytes: u64,
    /// Delete markers, which hide deleted files.
    pub delete_markers: u64,
    /// Unfinished multipart uploads.
    pub uploads: u64,
    /// Versions and delete markers that S3 refused to remove.
    pub failed: u64,
}

impl FilesCount {
    /// Adds the counts of another folder.
    pub fn add(&mut self, other: Self) {
        self.versions += other.versions;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.delete_markers += other.delete_markers;
        self.uploads += other.uploads;
        self.failed += other.failed;
    }

    /// Whether the folder has nothing to erase.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions + self.delete_markers + self.uploads == 0
    }
}

/// One thing that a listing of a folder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileItem {
    /// A version of a file.
    Version {
        /// Its size.
        bytes: u64,
        /// When it was written, in seconds since 1970; 0 if S3 does not say.
        written_at: i64,
    },
    /// A delete marker.
    Marker,
    /// An unfinished upload.
    Upload,
}

impl FilesCount {
    /// Counts one thing of a listing.
    pub fn count(&mut self, item: FileItem) {
        match item {
            FileItem::Version { bytes, .. } => {
                self.versions += 1;
                self.bytes = self.bytes.saturating_add(bytes);
            }
            FileItem::Marker => self.delete_markers += 1,
            FileItem::Upload => self.uploads += 1,
        }
    }
}

impl Operator {
    /// Shows the key of every version, delete marker and unfinished upload under `folder` to
    /// `each`, page by page.
    ///
    /// # Errors
    /// When `ListObjectVersions` or `ListMultipartUploads` fails.
    pub async fn visit_files(
        &self,
        bucket: &str,
        folder: &str,
        mut each: impl FnMut(&str, FileItem),
    ) -> Result<(), AwsError> {
        let mut pages = Pages::default();
        while let Some((key, version)) = pages.next() {
            let list = self.clients.s3.list_object_versions().bucket(bucket).prefix(folder);
            let list = list.set_key_marker(key).set_version_id_marker(version);
            let page = list.send().await;
            let page = page.map_err(AwsError::in_operation("s3:ListObjectVersions"))?;
            for version in page.versions.unwrap_or_default() {
                let size = u64::try_from(version.size.unwrap_or_default()).unwrap_or_default();
                let written_at = version.last_modified.map(|time| time.secs()).unwrap_or_default();
                let item = FileItem::Version { bytes: size, written_at };
                each(version.key.as_deref().unwrap_or_default(), item);
            }
            for marker in page.delete_markers.unwrap_or_default() {
                each(marker.key.as_deref().unwrap_or_default(), FileItem::Marker);
            }
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_version_id_marker));
        }
        let mut pages = Pages::default();
        while let Some((key, upload)) = pages.next() {
            let list = self.clients.s3.list_multipart_uploads().bucket(bucket).prefix(folder);
            let page = list.set_key_marker(key).set_upload_id_marker(upload).send().await;
            let page = page.map_err(AwsError::in_operation("s3:ListMultipartUploads"))?;
            for upload in page.uploads.unwrap_or_default() {
                each(upload.key.as_deref().unwrap_or_default(), FileItem::Upload);
            }
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_upload_id_marker));
        }
        Ok(())
    }

    /// Counts or removes every version, delete marker and unfinished upload under `folder` whose
    /// key `is_meant`. Works page by page, so that memory does not grow with the folder.
    ///
    /// # Errors
    /// When an S3 call fails. A refusal to remove a single key is counted instead.
    pub async fn erase_files(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: impl Fn(&str) -> bool,
        mode: EraseMode,
    ) -> Result<FilesCount, AwsError> {
        let mut count = self.erase_versions(bucket, folder, &is_meant, mode).await?;
        count.add(self.abort_uploads(bucket, folder, &is_meant, mode).await?);
        Ok(count)
    }

    /// The folders directly under `folder`, including those whose files are all deleted.
    ///
    /// # Errors
    /// When `ListObjectVersions` fails.
    pub async fn list_version_folders(
        &self,
        bucket: &str,
        folder: &str,
    ) -> Result<Vec<String>, AwsError> {
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        while let Some((key, version)) = pages.next() {
            let list = self.clients.s3.list_object_versions().bucket(bucket).prefix(folder);
            let page = list
                .delimiter("/")
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .map_err(AwsError::in_operation("s3:ListObjectVersions"))?;
            let folders = page.common_prefixes.unwrap_or_default().into_iter();
            found.extend(folders.filter_map(|one| one.prefix));
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_version_id_marker));
        }
        Ok(found)
    }

    /// Counts or removes versions and delete markers.
    async fn erase_versions(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: &impl Fn(&str) -> bool,
        mode: EraseMode,
    ) -> Result<FilesCount, AwsError> {
        let (mut count, mut pages) = (FilesCount::default(), Pages::default());
        while let Some((key, version)) = pages.next() {
            let list = self.clients.s3.list_object_versions().bucket(bucket).prefix(folder);
            let page = list
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .map_err(AwsError::in_operation("s3:ListObjectVersions"))?;
            let mut meant = Vec::new();
            for version in page.versions.unwrap_or_default() {
                let size = u64::try_from(version.size.unwrap_or_default()).unwrap_or_default();
                if let Some(id) = object_identifier(version.key, version.version_id, is_meant) {
                    count.versions += 1;
                    count.bytes = count.bytes.saturating_add(size);
                    meant.push(id);
                }
            }
            for marker in page.delete_markers.unwrap_or_default() {
                if let Some(id) = object_identifier(marker.key, marker.version_id, is_meant) {
                    count.delete_markers += 1;
                    meant.push(id);
                }
            }
            if mode == EraseMode::Remove && !meant.is_empty() {
                count.failed += self.delete_objects(bucket, meant).await?;
            }
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_version_id_marker));
        }
        Ok(count)
    }

    /// Deletes up to one page of versions, and returns how many of them S3 refused to delete.
    async fn delete_objects(
        &self,
        bucket: &str,
        objects: Vec<ObjectIdentifier>,
    ) -> Result<u64, AwsError> {
        const OPERATION: &str = "s3:DeleteObjects";
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|_| AwsError::unexpected(OPERATION, "no list of keys"))?;
        let delete = self.clients.s3.delete_objects().bucket(bucket).delete(delete);
        let output = delete.send().await.map_err(AwsError::in_operation(OPERATION))?;
        Ok(output.errors.unwrap_or_default().len() as u64)
    }

    /// Counts or aborts unfinished uploads.
    async fn abort_uploads(
        &self,
        bucket: &str,
        folder: &str,
        is_meant: &impl Fn(&str) -> bool,
        mode: EraseMode,
    ) -> Result<FilesCount, AwsError> {
        let (mut count, mut pages) = (FilesCount::default(), Pages::default());
        while let Some((key, upload)) = pages.next() {
            let list = self.clients.s3.list_multipart_uploads().bucket(bucket).prefix(folder);
            let page = list
                .set_key_marker(key)
                .set_upload_id_marker(upload)
                .send()
                .await
                .map_err(AwsError::in_operation("s3:ListMultipartUploads"))?;
            for upload in page.uploads.unwrap_or_default() {
                let (Some(key), Some(id)) = (upload.key, upload.upload_id) else {
                    continue;
                };
                if !key.starts_with(folder) || !is_meant(&key) {
                    continue;
                }
                count.uploads += 1;
                if mode == EraseMode::Remove {
                    let abort = self.clients.s3.abort_multipart_upload().bucket(bucket);
                    let aborted = abort.key(key).upload_id(id).send().await;
                    aborted.map_err(AwsError::in_operation("s3:AbortMultipartUpload"))?;
                }
            }
            pages.turn(page.is_truncated, (page.next_key_marker, page.next_upload_id_marker));
        }
        Ok(count)
    }
}

/// Where a page of a listing begins: after this key, and after this version or upload of the key.
type PageMarker = (Option<String>, Option<String>);

/// The markers of the pages of a listing: each begins where the page before it ended.
struct Pages(Option<PageMarker>);

impl Default for Pages {
    fn default() -> Self {
        Self(Some((None, None)))
    }
}

impl Pages {
    /// The marker of the next page; `None` after the last.
    fn next(&mut self) -> Option<PageMarker> {
        self.0.take()
    }

    /// Goes on to the next page if this page was truncated and has a marker of the next.
    fn turn(&mut self, is_truncated: Option<bool>, next: PageMarker) {
        let goes_on = is_truncated.unwrap_or_default() && next.0.is_some();
        self.0 = goes_on.then_some(next);
    }
}

/// The version to delete; `None` if it is not meant.
fn object_identifier(
    key: Option<String>,
    version: Option<String>,
    is_meant: &impl Fn(&str) -> bool,
) -> Option<ObjectIdentifier> {
    let key = key.filter(|key| is_meant(key))?;
    let identifier = ObjectIdentifier::builder().key(key);
    identifier.set_version_id(version).build().ok()
}

/// Names of which one must be a record's.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErasableNames<'a> {
    /// Folders of chats; empty for all.
    pub chats: &'a [String],
    /// The own chats of people whose media in other chats are meant as well.
    pub senders: &'a [String],
}

impl ErasableNames<'_> {
    fn include(&self, record: &Erasable) -> bool {
        let is_among = |names: &[String], chat: &Chat| names.iter().any(|one| one == chat.as_str());
        // By its folder, or by the phone number or the LID that another announcement gave.
        record.chats().any(|chat| is_among(self.chats, &chat))
            || record.senders().any(|sender| is_among(self.senders, &sender))
    }

    /// Whether the item says that a message in one of the chats was deleted.
    fn include_revocation(&self, item: &Erasable) -> bool {
        let chats = self.chats.iter().filter_map(|chat| Chat::try_from(chat.clone()).ok());
        let chats: Vec<_> = chats.collect();
        let mut ids = item.message_ids();
        let is_its = |message_id| {
            let (direction, senders) = (Direction::In, Vec::new());
            let said = RevokedMessage { message_id, chats: chats.clone(), direction, senders };
            said.item_keys().contains(&item.key)
        };
        self.chats.is_empty() || ids.any(is_its)
    }
}

/// The records to erase.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Erasables {
    /// The records that are meant.
    pub meant: Vec<Erasable>,
    /// The keys of records that may be meant: their tenant or their chat cannot be read.
    pub unread: Vec<String>,
}

impl MediaRecords {
    /// Shows every item of an instance, marks included, with all its attributes to `each`, page by
    /// page. They are read from the table itself, strongly consistent.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn visit_items(
        &self,
        instance: &InstanceId,
        mut each: impl FnMut(&Attributes),
    ) -> Result<(), AwsError> {
        for query in self.queries(instance, None) {
            let mut items = query.consistent_read(true).into_paginator().items().send();
            while let Some(item) = items.next().await {
                each(&item.map_err(AwsError::in_operation("dynamodb:Query"))?);
            }
        }
        Ok(())
    }

    /// The records of a tenant's instance whose chat or sender is one of `names`; without chats,
    /// those of one message, or all. They are read from the table itself, strongly consistent: an
    /// empty result proves that no record is left. Marks of erased media are left out.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_erasable(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        names: ErasableNames<'_>,
        message: Option<&MessageId>,
    ) -> Result<Erasables, AwsError> {
        let mut found = Erasables::default();
        for query in self.queries(instance, message) {
            let mut query = query.consistent_read(true);
            let mut attributes = Vec::new();
            for (n, attribute) in Erasable::ATTRIBUTES.into_iter().enumerate() {
                let name = format!("#a{n}");
                query = query.expression_attribute_names(&name, attribute);
                attributes.push(name);
            }
            query = query.projection_expression(attributes.join(", "));
            let mut items = query.into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
                found.add(Erasable::from_item(&item), tenant, names);
            }
        }
        Ok(found)
    }
}

impl Erasables {
    /// Adds a record that is the tenant's and has one of `names`, if there are any.
    fn add(&mut self, record: Erasable, tenant: &TenantId, names: ErasableNames<'_>) {
        let is_of_tenant = record.tenant.as_ref().map(|own| own == tenant.as_str());
        if record.is_revocation() {
            if is_of_tenant == Some(true) && names.include_revocation(&record) {
                self.meant.push(record);
            }
            return;
        }
        let is_of_chat = match &record.chat {
            _ if names.chats.is_empty() || names.include(&record) => Some(true),
            Some(_) => Some(false),
            None => None,
        };
        match (is_of_tenant, is_of_chat) {
            _ if record.is_mark() => {}
            (Some(true), Some(true)) => self.meant.push(record),
            (Some(false), _) | (_, Some(false)) => {}
            (None, _) | (_, None) => self.unread.push(record.key),
        }
    }
}

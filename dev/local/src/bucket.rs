//! The content of a local stack's bucket, read byte for byte.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use aws_sdk_s3::Client;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::endpoint::Endpoint;
use crate::inventory::{Holding, describe_version};

/// A bucket of a local stack.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// A file as the bucket returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its key in the bucket.
    pub key: String,
    /// The number of bytes received.
    pub size_bytes: u64,
    /// SHA-256 of the bytes received, lower-case hex.
    pub sha256_hex: String,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// Its metadata, names without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
    /// Its object tags.
    pub tags: HashMap<String, String>,
}

impl StoredFile {
    /// A value of its metadata, by name without `x-amz-meta-`.
    pub fn metadata_value(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }
}

impl Bucket {
    /// A client for the bucket of this name.
    pub fn new(endpoint: Endpoint, name: impl Into<String>) -> Self {
        Self { client: Client::new(&endpoint.sdk_config()), name: name.into() }
    }

    /// All keys, in order.
    ///
    /// # Errors
    /// If the bucket cannot be listed.
    pub async fn list_keys(&self) -> Result<Vec<String>> {
        let mut pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.with_context(|| format!("cannot list bucket {}", self.name))?;
            let listed = page.contents.unwrap_or_default();
            keys.extend(listed.into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }

    /// Downloads a small object as text.
    ///
    /// # Errors
    /// If it does not exist or the connection breaks.
    pub(crate) async fn read_text(&self, key: &str) -> Result<String> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let bytes = get.send().await?.body.collect().await?.to_vec();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Downloads a file and hashes it in pieces, so that it is never held as a whole.
    ///
    /// # Errors
    /// If it does not exist or the connection breaks.
    pub async fn read_file(&self, key: &str) -> Result<StoredFile> {
        let mut object = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .with_context(|| format!("cannot read {key}"))?;
        let mut hash = Sha256::new();
        let mut size_bytes = 0;
        while let Some(chunk) = object.body.next().await {
            let chunk = chunk.with_context(|| format!("the download of {key} was interrupted"))?;
            size_bytes += chunk.len() as u64;
            hash.update(&chunk);
        }
        Ok(StoredFile {
            key: key.to_owned(),
            size_bytes,
            sha256_hex: HEXLOWER.encode(&hash.finalize()),
            content_type: object.content_type,
            content_disposition: object.content_disposition,
            metadata: object.metadata.unwrap_or_default(),
            tags: self.read_tags(key).await?,
        })
    }

    async fn read_tags(&self, key: &str) -> Result<HashMap<String, String>> {
        let asked = self.client.get_object_tagging().bucket(&self.name).key(key);
        let tagging = asked.send().await;
        let tagging = tagging.with_context(|| format!("cannot read the tags of {key}"))?;
        let tags = tagging.tag_set.into_iter();
        let tags: HashMap<_, _> = tags.map(|tag| (tag.key, tag.value)).collect();
        redaction::note(redaction::Sink::Tags, &format!("{tags:?}"));
        Ok(tags)
    }

    /// How many times each key was written. The bucket keeps versions, so overwriting a file
    /// shows.
    ///
    /// # Errors
    /// If the versions cannot be listed.
    pub async fn count_writes(&self) -> Result<HashMap<String, u32>> {
        let mut writes = HashMap::new();
        let (mut key, mut version) = (None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.name)
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .with_context(|| format!("cannot list the versions of bucket {}", self.name))?;
            for one in page.versions.unwrap_or_default() {
                *writes.entry(one.key.unwrap_or_default()).or_default() += 1;
            }
            if page.is_truncated != Some(true) {
                return Ok(writes);
            }
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// The keys of every version and every delete marker, one entry for each.
    ///
    /// # Errors
    /// If they do not fit into one list, or cannot be listed.
    pub async fn versions_and_markers(&self, folder: &str) -> Result<Vec<String>> {
        let asked = self.client.list_object_versions();
        let page = asked.bucket(&self.name).prefix(folder).send().await;
        let page = page.with_context(|| format!("cannot list versions of {}", self.name))?;
        if page.is_truncated == Some(true) {
            bail!("{folder} has more versions than one list holds");
        }
        let versions = page.versions.unwrap_or_default().into_iter();
        let markers = page.delete_markers.unwrap_or_default().into_iter();
        let keys = versions.map(|one| one.key).chain(markers.map(|one| one.key));
        Ok(keys.flatten().collect())
    }

    /// Every version of every file with its tags, its metadata and the SHA-256 of its bytes, every
    /// delete marker, and every unfinished upload.
    ///
    /// # Errors
    /// If the bucket refuses a request.
    pub(crate) async fn list_holdings(&self) -> Result<Vec<Holding>> {
        let of = |place: &str, text: String| Holding { place: place.to_owned(), text };
        let uploads = self.open_uploads().await?.into_iter();
        let mut all: Vec<_> = uploads.map(|key| of("upload", key)).collect();
        let (mut key, mut version) = (None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.name)
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .with_context(|| format!("cannot list the versions of bucket {}", self.name))?;
            for marker in page.delete_markers.unwrap_or_default() {
                let place = (marker.key.unwrap_or_default(), marker.version_id.unwrap_or_default());
                all.push(of("marker", format!("{place:?}")));
            }
            for one in page.versions.unwrap_or_default() {
                let place = (one.key.unwrap_or_default(), one.version_id.unwrap_or_default());
                // Another test may have removed it meanwhile.
                if let Ok(text) = self.describe_version((&place.0, &place.1)).await {
                    all.push(of("object", text));
                }
            }
            if page.is_truncated != Some(true) {
                return Ok(all);
            }
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    async fn describe_version(&self, (key, version): (&str, &str)) -> Result<String> {
        let get = self.client.get_object().bucket(&self.name).key(key).version_id(version);
        let mut object = get.send().await?;
        let mut hash = Sha256::new();
        while let Some(chunk) = object.body.next().await {
            hash.update(&chunk?);
        }
        let asked = self.client.get_object_tagging().bucket(&self.name).key(key);
        let tags = asked.version_id(version).send().await?.tag_set.into_iter();
        let tags = tags.map(|tag| (tag.key, tag.value)).collect();
        let metadata = object.metadata.unwrap_or_default().into_iter().collect();
        let headers = [object.content_type.as_deref(), object.content_disposition.as_deref()];
        let facts = [("tags", tags), ("metadata", metadata)];
        Ok(describe_version((key, version), &HEXLOWER.encode(&hash.finalize()), facts, headers))
    }

    /// Overwrites a file, hides it behind a delete marker, and starts an upload that is neither
    /// completed nor aborted: what people and crashes leave in a bucket.
    ///
    /// # Errors
    /// If the bucket refuses a request.
    pub async fn leave_traces(&self, key: &str) -> Result<()> {
        let put = self.client.put_object().bucket(&self.name).key(key);
        put.body(b"another version".to_vec().into()).send().await?;
        let delete = self.client.delete_object().bucket(&self.name).key(key);
        delete.send().await?;
        let begin = self.client.create_multipart_upload();
        begin.bucket(&self.name).key(key).send().await?;
        Ok(())
    }

    /// The keys of multipart uploads that were neither completed nor aborted.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn open_uploads(&self) -> Result<Vec<String>> {
        let listed = self
            .client
            .list_multipart_uploads()
            .bucket(&self.name)
            .send()
            .await
            .with_context(|| format!("cannot list uploads to {}", self.name))?;
        if listed.is_truncated == Some(true) {
            bail!("bucket {} has more open uploads than one list holds", self.name);
        }
        let uploads = listed.uploads.unwrap_or_default();
        Ok(uploads.into_iter().filter_map(|one| one.key).collect())
    }

    /// Downloads every file.
    ///
    /// # Errors
    /// As [`Bucket::list_keys`] and [`Bucket::read_file`].
    pub async fn read_all(&self) -> Result<Vec<StoredFile>> {
        let mut files = Vec::new();
        for key in self.list_keys().await? {
            files.push(self.read_file(&key).await?);
        }
        Ok(files)
    }
}

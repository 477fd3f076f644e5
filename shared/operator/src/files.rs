//! Stored files, as an operator lists, shares and reads them.

use std::{collections::HashMap, time::Duration};

use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;

use aws::error::AwsError;

use crate::Operator;

/// The longest a presigned URL may be valid: what AWS allows.
pub const MAX_PRESIGN_TIME: Duration = Duration::from_hours(7 * 24);

/// What lies directly under a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Folders, each with its slash at the end.
    pub folders: Vec<String>,
    /// Files: key and bytes.
    pub files: Vec<(String, u64)>,
}

/// A file on its way.
#[derive(Debug)]
pub struct FileStream {
    body: aws_sdk_s3::primitives::ByteStream,
    /// Its user metadata, percent-encoded as it was stored.
    metadata: HashMap<String, String>,
}

impl FileStream {
    /// The next bytes; nothing at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, AwsError> {
        let broken = |_| AwsError::unexpected("s3:GetObject", "the file broke off");
        self.body.try_next().await.map_err(broken)
    }

    /// What its metadata says under this name, decoded.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<String> {
        let value = self.metadata.get(name)?;
        let text = percent_encoding::percent_decode_str(value);
        Some(text.decode_utf8_lossy().into_owned())
    }
}

impl Operator {
    /// A URL that gives the file to whoever has it, for this long.
    ///
    /// # Errors
    /// When it cannot be signed, or `valid` is longer than [`MAX_PRESIGN_TIME`].
    pub async fn presign(
        &self,
        bucket: &str,
        key: &str,
        valid: Duration,
    ) -> Result<String, AwsError> {
        const OPERATION: &str = "s3:GetObject";
        let config = PresigningConfig::expires_in(valid)
            .map_err(|_| AwsError::unexpected(OPERATION, "longer than AWS allows"))?;
        let signed = self.clients.s3.get_object().bucket(bucket).key(key);
        let signed = signed.presigned(config).await;
        let signed = signed.map_err(|error| AwsError::new(OPERATION, &error))?;
        Ok(signed.uri().to_owned())
    }

    /// Opens a file.
    ///
    /// # Errors
    /// When AWS fails, or there is none.
    pub async fn open(&self, bucket: &str, key: &str) -> Result<FileStream, AwsError> {
        let asked = self.clients.s3.get_object().bucket(bucket).key(key);
        let found = asked.send().await;
        let found = found.map_err(|error| AwsError::new("s3:GetObject", &error))?;
        Ok(FileStream { body: found.body, metadata: found.metadata.unwrap_or_default() })
    }

    /// What lies directly under a folder, at most `most` of it.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn list(&self, bucket: &str, folder: &str, most: usize) -> Result<Listing, AwsError> {
        let mut pages = self
            .clients
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(folder)
            .delimiter("/")
            .into_paginator()
            .send();
        let mut found = Listing::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::new("s3:ListObjectsV2", &error))?;
            let folders = page.common_prefixes.unwrap_or_default().into_iter();
            found.folders.extend(folders.filter_map(|one| one.prefix));
            for object in page.contents.unwrap_or_default() {
                let size = u64::try_from(object.size.unwrap_or_default()).unwrap_or_default();
                found.files.push((object.key.unwrap_or_default(), size));
            }
            if found.folders.len() + found.files.len() >= most {
                break;
            }
        }
        Ok(found)
    }
}

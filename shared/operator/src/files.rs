//! Stored files, as an operator lists, shares and reads them.

use std::{collections::HashMap, time::Duration};

use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;

use aws::error::AwsError;

use crate::Operator;

/// Maximum validity of a presigned URL, as AWS allows.
pub const MAX_PRESIGN_TIME: Duration = Duration::from_hours(7 * 24);

/// The folders and files directly under a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Keys of folders, each with a slash at the end.
    pub folders: Vec<String>,
    /// Files: key and size in bytes.
    pub files: Vec<(String, u64)>,
}

/// A file that is being downloaded.
#[derive(Debug)]
pub struct FileStream {
    body: aws_sdk_s3::primitives::ByteStream,
    /// The user metadata, percent-encoded as it was stored.
    metadata: HashMap<String, String>,
}

impl FileStream {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, AwsError> {
        let broken = |_| {
            AwsError::unexpected("s3:GetObject", "the connection broke before the end of the file")
        };
        self.body.try_next().await.map_err(broken)
    }

    /// The metadata with this name, decoded.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<String> {
        let value = self.metadata.get(name)?;
        let text = percent_encoding::percent_decode_str(value);
        Some(text.decode_utf8_lossy().into_owned())
    }
}

impl Operator {
    /// A URL from which anybody can download the file without credentials while it is `valid`.
    ///
    /// # Errors
    /// When the URL cannot be signed, or `valid` is longer than [`MAX_PRESIGN_TIME`].
    pub async fn presign_url(
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
        let signed = signed.map_err(AwsError::in_operation(OPERATION))?;
        Ok(signed.uri().to_owned())
    }

    /// Starts the download of a file.
    ///
    /// # Errors
    /// When `GetObject` fails, also because there is no such file.
    pub async fn open_file(&self, bucket: &str, key: &str) -> Result<FileStream, AwsError> {
        let get = self.clients.s3.get_object().bucket(bucket).key(key);
        let output = get.send().await.map_err(AwsError::in_operation("s3:GetObject"))?;
        Ok(FileStream { body: output.body, metadata: output.metadata.unwrap_or_default() })
    }

    /// Lists the folders and files directly under a folder: page by page, until `max` are found.
    ///
    /// # Errors
    /// When `ListObjectsV2` fails.
    pub async fn list_folder(
        &self,
        bucket: &str,
        folder: &str,
        max: usize,
    ) -> Result<Listing, AwsError> {
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
            let page = page.map_err(AwsError::in_operation("s3:ListObjectsV2"))?;
            let folders = page.common_prefixes.unwrap_or_default().into_iter();
            found.folders.extend(folders.filter_map(|one| one.prefix));
            for object in page.contents.unwrap_or_default() {
                let size = u64::try_from(object.size.unwrap_or_default()).unwrap_or_default();
                found.files.push((object.key.unwrap_or_default(), size));
            }
            if found.folders.len() + found.files.len() >= max {
                break;
            }
        }
        Ok(found)
    }
}

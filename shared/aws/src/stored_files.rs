//! Stored media files as the links function gives them out: found by their record, and signed for
//! one request.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use media::{
    ids::{InstanceId, TenantId},
    malware::ScanVerdict,
};

use crate::{
    clients::Clients,
    dynamodb::get_string,
    error::AwsError,
    ledger::{get_record_item, read_link_hashes},
};

/// How long a signed URL works: long enough for a browser to follow the redirect.
const MAX_SIGNED_TIME: Duration = Duration::from_mins(5);

/// What is done with a file at its signed URL, which is valid for this method only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMethod {
    /// Get the bytes, or a range of them.
    Get,
    /// Get the headers.
    Head,
}

/// The stored media files, and their records.
#[derive(Debug)]
pub struct StoredFiles {
    clients: Clients,
    media_table: String,
    bucket: String,
}

impl StoredFiles {
    /// Uses the media table and the bucket with these names.
    #[must_use]
    pub fn new(clients: &Clients, media_table: String, bucket: String) -> Self {
        Self { clients: clients.clone(), media_table, bucket }
    }

    /// The object key of a media file that this tenant has stored, from its record, read strongly
    /// consistent. `None`: it is erased, not stored, another tenant's, or its record does not name
    /// the link with this hash.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn find_key(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        (record_key, link_hash): (&str, &str),
    ) -> Result<Option<String>, AwsError> {
        let found = get_record_item(&self.clients, &self.media_table, instance, record_key).await?;
        let is_meant = |name, text| {
            found.as_ref().is_some_and(|record| get_string(record, name) == Some(text))
        };
        let links = found.as_ref().map(read_link_hashes).unwrap_or_default();
        let is_named = links.iter().any(|link| link == link_hash);
        if !is_meant("state", "stored") || !is_meant("tenant", tenant.as_str()) || !is_named {
            return Ok(None);
        }
        let key = found.as_ref().and_then(|record| get_string(record, "object_key"));
        Ok(key.map(str::to_owned))
    }

    /// What the malware scan says about a file. `None`: there is no such file.
    ///
    /// # Errors
    /// [`AwsError`] when `GetObjectTagging` fails.
    pub async fn find_verdict(&self, key: &str) -> Result<Option<ScanVerdict>, AwsError> {
        let get = self.clients.s3.get_object_tagging().bucket(&self.bucket).key(key);
        let tags = match get.send().await.map_err(AwsError::in_operation("s3:GetObjectTagging")) {
            Err(error) if error.status == Some(404) => return Ok(None),
            tags => tags?.tag_set,
        };
        let verdict = tags.iter().find(|tag| tag.key == ScanVerdict::TAG);
        Ok(Some(ScanVerdict::from_tag(verdict.map(|tag| tag.value.as_str()))))
    }

    /// A URL of the file that works for five minutes from `now` (seconds since 1970). It is a
    /// secret. Nothing is sent.
    ///
    /// # Errors
    /// [`AwsError`] when there are no credentials.
    pub async fn sign_url(
        &self,
        key: &str,
        method: FileMethod,
        now: i64,
    ) -> Result<String, AwsError> {
        const OPERATION: &str = "s3:GetObject";
        let since_1970 = Duration::from_secs(u64::try_from(now).unwrap_or_default());
        let config = PresigningConfig::builder().start_time(SystemTime::UNIX_EPOCH + since_1970);
        let config = config.expires_in(MAX_SIGNED_TIME).build();
        let config = config.map_err(|_| AwsError::unexpected(OPERATION, "not signed"))?;
        let s3 = &self.clients.s3;
        let signed = match method {
            FileMethod::Get => {
                let get = s3.get_object().bucket(&self.bucket).key(key);
                get.presigned(config).await.map_err(AwsError::in_operation(OPERATION))?
            }
            FileMethod::Head => {
                let head = s3.head_object().bucket(&self.bucket).key(key);
                head.presigned(config).await.map_err(AwsError::in_operation("s3:HeadObject"))?
            }
        };
        Ok(signed.uri().to_owned())
    }

    /// Opens the connection to `DynamoDB` by reading a record that does not exist. An error is only
    /// logged.
    pub async fn connect(&self) {
        if let Ok(absent) = InstanceId::parse("WARM-UP")
            && let Err(error) =
                get_record_item(&self.clients, &self.media_table, &absent, "-").await
        {
            tracing::debug!(%error, "the warm-up read of the media table failed");
        }
    }
}

//! Stored files, as an operator lists, shares and reads them.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{
    config::{Credentials, ProvideCredentials},
    presigning::PresigningConfig,
};
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

/// A URL that downloads a file without credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    /// The URL, which is a secret.
    pub url: String,
    /// When it stops working, as far as that is known.
    pub valid_until: SystemTime,
    /// Whether the credentials that signed it end before the time that was asked for.
    pub is_cut: bool,
    /// Whether those credentials are temporary and do not say when they end: the URL ends with
    /// them, perhaps before `valid_until`.
    pub may_end_early: bool,
}

/// Omits the URL.
impl std::fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresignedUrl")
            .field("valid_until", &self.valid_until)
            .finish_non_exhaustive()
    }
}

/// Why this one file cannot be read, although the others may be; `None` if the failure is not about
/// the file, such as credentials that have ended.
#[must_use]
pub fn find_file_problem(error: &AwsError) -> Option<&'static str> {
    match (error.code.as_str(), error.status) {
        ("NoSuchBucket", _) => None,
        ("NoSuchKey" | "NotFound" | "NoSuchVersion", _) | (_, Some(404)) => {
            Some("the bucket has no such file any more: its retention ended, or it was deleted")
        }
        ("MethodNotAllowed", _) | (_, Some(405)) => Some("the file was deleted"),
        ("InvalidObjectState", _) => Some("the file is archived, and must be restored first"),
        ("AccessDenied" | "Forbidden" | NO_CODE, Some(403)) => {
            Some("AWS refuses access to the file: it may be gone, or you may not read it")
        }
        _ => None,
    }
}

/// The code of an answer without a body, as `HeadObject` has it.
pub(crate) const NO_CODE: &str = "an error without a code";

/// When a URL ends that is signed now for `valid`: when `credentials` end, if that is earlier.
/// `told` is the end that the environment tells of credentials that have none of their own.
fn find_end(
    now: SystemTime,
    valid: Duration,
    credentials: &Credentials,
    told: Option<SystemTime>,
) -> (SystemTime, bool, bool) {
    let asked = now + valid;
    let is_temporary = credentials.session_token().is_some();
    let end = credentials.expiry().or(told.filter(|_| is_temporary));
    match end {
        Some(end) if end < asked => (end, true, false),
        Some(_) => (asked, false, false),
        None => (asked, false, is_temporary),
    }
}

/// When a URL is signed, and what is known of the credentials beyond what they say themselves.
#[derive(Debug, Clone, Copy)]
pub struct SigningTime {
    /// The present time.
    pub now: SystemTime,
    /// When the credentials in the environment end. See [`parse_credentials_end`].
    pub credentials_end: Option<SystemTime>,
}

/// The name of the variable that `aws configure export-credentials` writes beside temporary
/// credentials.
pub const CREDENTIALS_END: &str = "AWS_CREDENTIAL_EXPIRATION";

/// The time that [`CREDENTIALS_END`] holds: RFC 3339. `None` if it is something else.
#[must_use]
pub fn parse_credentials_end(text: &str) -> Option<SystemTime> {
    let format = aws_smithy_types::date_time::Format::DateTimeWithOffset;
    let time = aws_smithy_types::DateTime::from_str(text, format).ok()?;
    time.try_into().ok()
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
    /// A URL from which anybody can download the file without credentials. It ends after `valid`,
    /// or when the credentials that sign it end, whichever is earlier.
    ///
    /// # Errors
    /// When there are no credentials, the URL cannot be signed, or `valid` is longer than
    /// [`MAX_PRESIGN_TIME`].
    pub async fn presign_url(
        &self,
        bucket: &str,
        key: &str,
        valid: Duration,
        at: SigningTime,
    ) -> Result<PresignedUrl, AwsError> {
        const OPERATION: &str = "s3:GetObject";
        let unsigned = |problem| move || AwsError::unexpected(OPERATION, problem);
        let provider = self.credentials.as_ref().ok_or_else(unsigned("no credentials"))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|_| unsigned("no credentials")())?;
        let config = PresigningConfig::builder().start_time(at.now).expires_in(valid).build();
        let config = config.map_err(|_| unsigned("longer than AWS allows")())?;
        let (valid_until, is_cut, may_end_early) =
            find_end(at.now, valid, &credentials, at.credentials_end);
        // Signed by the very credentials whose end was read.
        let own = aws_sdk_s3::config::Builder::default().credentials_provider(credentials);
        let signed = self.clients.s3.get_object().bucket(bucket).key(key);
        let signed = signed.customize().config_override(own).presigned(config).await;
        let signed = signed.map_err(AwsError::in_operation(OPERATION))?;
        let url = signed.uri().to_owned();
        Ok(PresignedUrl { url, valid_until, is_cut, may_end_early })
    }

    /// Fails if the file cannot be read now.
    ///
    /// # Errors
    /// When `HeadObject` fails, also because there is no such file.
    pub async fn require_file(&self, bucket: &str, key: &str) -> Result<(), AwsError> {
        let head = self.clients.s3.head_object().bucket(bucket).key(key);
        head.send().await.map_err(AwsError::in_operation("s3:HeadObject")).map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_hours(1);

    fn credentials(token: Option<&str>, end: Option<SystemTime>) -> Credentials {
        Credentials::new("id", "secret", token.map(str::to_owned), end, "invented")
    }

    /// A URL that a role signs for 7 days ends with the role's session.
    #[test]
    fn a_url_ends_with_its_credentials() {
        let (soon, late) = (Some(NOW + HOUR), Some(NOW + 9 * HOUR));
        let asked = NOW + 2 * HOUR;
        for (token, own, told, end) in [
            (Some("t"), soon, None, (NOW + HOUR, true, false)),
            (Some("t"), late, None, (asked, false, false)),
            (Some("t"), None, soon, (NOW + HOUR, true, false)),
            (Some("t"), None, late, (asked, false, false)),
            (Some("t"), None, None, (asked, false, true)),
            (Some("t"), late, soon, (asked, false, false)),
            (None, None, soon, (asked, false, false)),
            (None, None, None, (asked, false, false)),
        ] {
            assert_eq!(find_end(NOW, 2 * HOUR, &credentials(token, own), told), end);
        }
    }

    #[test]
    fn exported_credentials_say_when_they_end() {
        let end = NOW + Duration::from_secs(1_787_438_879);
        for text in
            ["2026-08-22T22:47:59Z", "2026-08-22T22:47:59+00:00", "2026-08-22T19:47:59-03:00"]
        {
            assert_eq!(parse_credentials_end(text), Some(end), "{text}");
        }
        for text in ["", "soon", "1787438879"] {
            assert_eq!(parse_credentials_end(text), None, "{text}");
        }
    }

    #[test]
    fn one_files_problem_is_no_failure_of_all() {
        let error = |code: &str, status| AwsError {
            operation: "s3:GetObject",
            code: code.to_owned(),
            status: Some(status),
        };
        for (code, status) in [
            ("NoSuchKey", 404),
            ("NotFound", 404),
            (NO_CODE, 404),
            ("AccessDenied", 403),
            (NO_CODE, 403),
            ("InvalidObjectState", 403),
            ("MethodNotAllowed", 405),
        ] {
            assert!(find_file_problem(&error(code, status)).is_some(), "{code}");
        }
        for (code, status) in [
            ("NoSuchBucket", 404),
            ("ExpiredToken", 400),
            ("InvalidAccessKeyId", 403),
            ("SignatureDoesNotMatch", 403),
            ("SlowDown", 503),
        ] {
            assert_eq!(find_file_problem(&error(code, status)), None, "{code}");
        }
    }
}

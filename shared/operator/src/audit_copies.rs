//! Copies of audit lines in a bucket with Object Lock, where nobody who adds lines can change them.

use aws_sdk_s3::primitives::ByteStream;

use aws::{clients::Clients, error::AwsError};

use crate::audit_line::{AuditLine, BEGUN};

/// The folder of a stack in a bucket with Object Lock, which the deployer gave.
#[derive(Debug, Clone)]
pub struct AuditCopies {
    clients: Clients,
    bucket: String,
    stack: String,
}

impl AuditCopies {
    /// Uses the folder of this stack in this bucket.
    #[must_use]
    pub fn new(clients: &Clients, bucket: String, stack: String) -> Self {
        Self { clients: clients.clone(), bucket, stack }
    }

    /// The key of a line's copy: `wapi-media/2026-11-26/2026-11-26T12:00:00.000000001Z
    /// media-erase begin.json`, with `-` for each space.
    fn key_of(&self, line: &AuditLine) -> String {
        let part = if line.outcome == BEGUN { "begin" } else { "end" };
        let (date, _) = line.at.split_once('T').unwrap_or((&line.at, ""));
        let name = format!("{} {} {part}.json", line.at, line.action).replace(' ', "-");
        format!("{}/{date}/{name}", self.stack)
    }

    /// Writes the copy of a line, as JSON. No copy is ever replaced.
    ///
    /// # Errors
    /// When `PutObject` fails, also because the bucket has this copy already.
    pub(crate) async fn put_copy(&self, line: &AuditLine) -> Result<(), AwsError> {
        const OPERATION: &str = "s3:PutObject";
        let copy = serde_json::to_vec(line)
            .map_err(|_| AwsError::unexpected(OPERATION, "the copy could not be built"))?;
        let put = self.clients.s3.put_object().bucket(&self.bucket).key(self.key_of(line));
        let put = put.if_none_match("*").content_type("application/json");
        let put = put.body(ByteStream::from(copy)).send().await;
        put.map_err(AwsError::in_operation(OPERATION))?;
        Ok(())
    }

    /// How the bucket locks new objects, such as `COMPLIANCE, 365 days`. `None`: it does not.
    ///
    /// # Errors
    /// When `GetObjectLockConfiguration` fails.
    pub async fn describe_lock(&self) -> Result<Option<String>, AwsError> {
        const OPERATION: &str = "s3:GetObjectLockConfiguration";
        let get = self.clients.s3.get_object_lock_configuration().bucket(&self.bucket);
        let answer = match get.send().await.map_err(AwsError::in_operation(OPERATION)) {
            Err(error) if error.code == "ObjectLockConfigurationNotFoundError" => return Ok(None),
            answer => answer?,
        };
        let rule = answer.object_lock_configuration.and_then(|lock| lock.rule);
        let Some(retention) = rule.and_then(|rule| rule.default_retention) else {
            return Ok(None);
        };
        let span = match (retention.days, retention.years) {
            (Some(days), _) => format!("{days} days"),
            (None, years) => format!("{} years", years.unwrap_or_default()),
        };
        Ok(retention.mode.map(|mode| format!("{}, {span}", mode.as_str())))
    }
}

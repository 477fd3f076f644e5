//! The body of a queue message. It is versioned, because jobs outlive deploys.

use serde::{Deserialize, Serialize};

pub use crate::not_a_job::NotAJob;
use crate::{
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    queue_body::to_sqs_json,
    unread::UnreadBody,
};

/// The body of a queue message, if it is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueBody {
    /// A media file to fetch.
    Job(Box<Job>),
    /// A webhook body to read again.
    Unread(UnreadBody),
}

impl QueueBody {
    /// Parses the body of a queue message.
    ///
    /// # Errors
    /// [`NotAJob`]: retrying cannot help, so the message must be parked.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        match QueuedJob::parse(body) {
            Ok(job) => Ok(Self::Job(Box::new(job.into_job()))),
            Err(NotAJob) => UnreadBody::parse(body).map(Self::Unread),
        }
    }
}

/// A job as JSON in the queue. An unknown version does not parse, and the message is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum QueuedJob {
    /// The first format: about 1 to 2 KB.
    #[serde(rename = "1")]
    V1(Job),
}

/// The length of the file in bytes that the job in a queue message announces, without reading the
/// rest of it. `None`: it announces none. What is not a job has no file, and so 0 bytes.
#[must_use]
pub fn announced_bytes(body: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Announced {
        message: File,
    }
    #[derive(Deserialize)]
    struct File {
        file_length: Option<u64>,
    }
    let job = serde_json::from_str::<Announced>(body);
    job.map_or(Some(0), |job| job.message.file_length)
}

/// The job to fetch a media file of an instance and store it for a tenant. Created by
/// [`VerifiedInstance::create_job`](crate::access::VerifiedInstance::create_job), or parsed from a
/// queue message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// The tenant it is stored for, from the instance's record at the time of the webhook.
    pub tenant: TenantId,
    /// The instance whose credentials are used.
    pub instance: InstanceId,
    /// When the webhook was accepted or the job last redriven, in seconds since 1970.
    pub accepted_at: i64,
    /// When the webhook was first announced, in seconds since 1970, if that was before
    /// `accepted_at`: the job was redriven, or found in W-API's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    announced_at: Option<i64>,
    /// The media message to fetch.
    pub message: MediaMessage,
}

impl Job {
    /// A job whose webhook is accepted now.
    pub(crate) fn new(
        (tenant, instance): (TenantId, InstanceId),
        message: MediaMessage,
        accepted_at: i64,
    ) -> Self {
        Self { tenant, instance, accepted_at, announced_at: None, message }
    }

    /// When the media message was first announced, in seconds since 1970: a redrive does not change
    /// it. Jobs of earlier versions that were redriven only know the redrive.
    #[must_use]
    pub fn announced_at(&self) -> i64 {
        self.announced_at.unwrap_or(self.accepted_at)
    }
}

impl QueuedJob {
    /// Parses the body of a queue message.
    ///
    /// # Errors
    /// [`NotAJob`]: retrying cannot help, so the message must be parked.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        serde_json::from_str(body).map_err(|_| NotAJob)
    }

    /// Writes the body of a queue message, in the characters that SQS accepts.
    ///
    /// # Errors
    /// None in practice: every field is a text, number or flag.
    pub fn to_json(&self) -> Result<String, NotAJob> {
        to_sqs_json(self)
    }

    /// The job for a redrive. Its lifetime starts again, because the old one may be over. When it
    /// was announced stays.
    #[must_use]
    pub fn for_redrive(job: Job, now: i64) -> Self {
        let announced_at = Some(job.announced_at());
        Self::V1(Job { accepted_at: now, announced_at, ..job })
    }

    /// Converts the job to its present form. Earlier versions did not record whether a file is
    /// encrypted; it is if it has a key or an encrypted hash. Their moments may be invalid and are
    /// corrected.
    #[must_use]
    pub fn into_job(self) -> Job {
        match self {
            Self::V1(mut job) => {
                let message = &mut job.message;
                message.is_encrypted |=
                    message.media_key.is_some() || message.file_enc_sha256.is_some();
                Job { message: job.message.with_valid_moment(job.accepted_at), ..job }
            }
        }
    }
}

//! The body of a queue message. Versioned from the first day, because jobs outlive deploys.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    unread::UnreadBody,
};

/// What a message of the queues is, if it is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queued {
    /// A medium to fetch.
    Job(Box<Job>),
    /// A webhook's body to read again.
    Unread(UnreadBody),
}

impl Queued {
    /// Reads a queue message's body.
    ///
    /// # Errors
    /// [`NotAJob`]: retrying cannot help, the message must be parked.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        match QueuedJob::parse(body) {
            Ok(job) => Ok(Self::Job(Box::new(job.into_job()))),
            Err(NotAJob) => UnreadBody::parse(body).map(Self::Unread),
        }
    }
}

/// One job, as JSON in the queue. A version that this build does not know does not parse, and is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum QueuedJob {
    /// The first shape: about 1 to 2 KB.
    #[serde(rename = "1")]
    V1(Job),
}

/// Fetch this media of this instance and store it for this tenant. Made by
/// [`Verified::job`](crate::access::Verified::job), or read back from a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// Who it is stored for, from the instance's record at the time of the webhook.
    pub tenant: TenantId,
    /// The account whose credentials fetch it.
    pub instance: InstanceId,
    /// When the webhook was accepted, or the job was last redriven by a person, in seconds since 1970.
    pub accepted_at: i64,
    /// What to fetch.
    pub message: MediaMessage,
}

/// The body is not a job: unknown version, or not ours at all. Deliberately without a source: the
/// parser's message may quote the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue message is not a job that this version understands")]
pub struct NotAJob;

impl QueuedJob {
    /// Reads a queue message's body.
    ///
    /// # Errors
    /// [`NotAJob`]: retrying cannot help, the message must be parked.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        serde_json::from_str(body).map_err(|_| NotAJob)
    }

    /// Writes the body, in the characters that SQS takes: those of XML 1.0. JSON may hold two more as they
    /// are, U+FFFE and U+FFFF, and a sender may put them into a name; here they are escaped.
    ///
    /// # Errors
    /// None in practice: every field is text, number or flag.
    pub fn to_json(&self) -> Result<String, NotAJob> {
        let json = serde_json::to_string(self).map_err(|_| NotAJob)?;
        Ok(json
            .replace('\u{fffe}', "\\ufffe")
            .replace('\u{ffff}', "\\uffff"))
    }

    /// A job that a person sends again: with a new life, because the old one may be over.
    #[must_use]
    pub fn again(job: Job, now: i64) -> Self {
        Self::V1(Job {
            accepted_at: now,
            ..job
        })
    }

    /// The job in its present shape. Versions that did not write whether a medium is encrypted took
    /// one with a key for encrypted; what has an encrypted hash is so, too. Their moments may be ones
    /// that cannot be.
    #[must_use]
    pub fn into_job(self) -> Job {
        match self {
            Self::V1(mut job) => {
                let message = &mut job.message;
                message.is_encrypted |=
                    message.media_key.is_some() || message.file_enc_sha256.is_some();
                Job {
                    message: job.message.dated(job.accepted_at),
                    ..job
                }
            }
        }
    }
}

//! The attributes of a record that come from the webhook: the first run that claims the media
//! message writes them.

use media::job::Job;
use serde::Serialize;

/// The attributes that every claim sets again. The facts that tell the chat from others are not
/// among them: the record keeps the first that it was given.
#[derive(Serialize)]
pub(super) struct AnnouncedFields<'a> {
    tenant: &'a str,
    chat: &'a str,
    kind: &'static str,
    direction: &'static str,
    moment: i64,
    moment_source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_lid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_phone: Option<&'a str>,
    recoverable_until: i64,
    updated_at: i64,
}

impl<'a> AnnouncedFields<'a> {
    pub(super) fn from_job(job: &'a Job, now: i64) -> Self {
        let message = &job.message;
        let sender = &message.envelope.sender;
        Self {
            tenant: job.tenant.as_str(),
            chat: message.chat.as_str(),
            kind: message.kind.as_str(),
            direction: message.direction.as_str(),
            moment: message.moment,
            moment_source: message.envelope.moment_source.as_str(),
            sender_lid: sender.lid.as_deref(),
            sender_phone: sender.phone.as_deref(),
            recoverable_until: message.recoverable_until(),
            updated_at: now,
        }
    }
}

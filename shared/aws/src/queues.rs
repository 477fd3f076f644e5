//! The queue of jobs, and the one where jobs are parked for a person.

use std::time::Duration;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use media::{
    failure::FailureClass,
    ids::TenantId,
    job::{NotAJob, QueuedJob},
};

use crate::{clients::Clients, error::AwsError};

/// Entries that `SendMessageBatch` takes.
const MOST_ENTRIES: usize = 10;

/// Why jobs could not be made durable.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// AWS did not take the call, or took it and not every entry. The webhook answers 503, so that W-API
    /// sends it again; what was taken is idempotent.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A job could not be written as JSON, which does not happen.
    #[error(transparent)]
    Job(#[from] NotAJob),
}

/// The queue of jobs.
#[derive(Debug)]
pub struct JobsQueue {
    clients: Clients,
    url: String,
}

impl JobsQueue {
    /// Takes the queue's URL.
    #[must_use]
    pub fn new(clients: &Clients, url: String) -> Self {
        Self {
            clients: clients.clone(),
            url,
        }
    }

    /// Opens the connection to SQS. Whatever it answers is of no interest; without the permission to ask,
    /// it is a refusal.
    pub async fn connect(&self) {
        if let Err(error) = self
            .clients
            .sqs
            .get_queue_attributes()
            .queue_url(&self.url)
            .send()
            .await
        {
            tracing::debug!(error = %AwsError::new("sqs:GetQueueAttributes", &error), "the jobs queue was greeted");
        }
    }

    /// Makes the jobs durable. The tenant is the message group: on a standard queue that makes SQS fair
    /// between tenants.
    ///
    /// # Errors
    /// [`SendError`] unless SQS has accepted every single one.
    pub async fn send(&self, tenant: &TenantId, jobs: &[QueuedJob]) -> Result<(), SendError> {
        const OPERATION: &str = "sqs:SendMessageBatch";
        for chunk in jobs.chunks(MOST_ENTRIES) {
            let entries = chunk
                .iter()
                .enumerate()
                .map(|(n, job)| entry(n, tenant, job));
            let sent = self
                .clients
                .sqs
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries.collect::<Result<_, _>>()?))
                .send()
                .await
                .map_err(|error| AwsError::new(OPERATION, &error))?;
            // HTTP 200 says only that the call was understood.
            if let Some(failed) = sent.failed.first() {
                return Err(AwsError {
                    operation: OPERATION,
                    code: failed.code.clone(),
                    status: None,
                }
                .into());
            }
            if sent.successful.len() != chunk.len() {
                return Err(
                    AwsError::unexpected(OPERATION, "an answer that leaves out entries").into(),
                );
            }
        }
        Ok(())
    }

    /// Hides a received message for `wait` from now; SQS brings it back then.
    ///
    /// # Errors
    /// [`AwsError`]; the message then comes back after the queue's own visibility timeout.
    pub async fn postpone(&self, receipt: &str, wait: Duration) -> Result<(), AwsError> {
        self.clients
            .sqs
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(wait.as_secs().try_into().unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:ChangeMessageVisibility", &error))?;
        Ok(())
    }
}

fn entry(
    n: usize,
    tenant: &TenantId,
    job: &QueuedJob,
) -> Result<SendMessageBatchRequestEntry, SendError> {
    SendMessageBatchRequestEntry::builder()
        .id(n.to_string())
        .message_body(job.to_json()?)
        .message_group_id(tenant.as_str())
        .build()
        .map_err(|_| {
            AwsError::unexpected("sqs:SendMessageBatch", "an entry could not be built").into()
        })
}

/// Why a job is parked: what a person needs to act.
#[derive(Debug, Clone)]
pub struct ParkingTicket<'a> {
    /// The class of the failure.
    pub class: FailureClass,
    /// One sentence.
    pub reason: &'a str,
    /// Whose it is, if the body could be read.
    pub tenant: Option<&'a TenantId>,
    /// Until when it can be counted on, in seconds since 1970.
    pub recoverable_until: Option<i64>,
    /// Times it was received.
    pub receives: u32,
}

/// The queue where jobs wait for a person, for 14 days.
#[derive(Debug)]
pub struct ParkedQueue {
    clients: Clients,
    url: String,
}

impl ParkedQueue {
    /// Takes the queue's URL.
    #[must_use]
    pub fn new(clients: &Clients, url: String) -> Self {
        Self {
            clients: clients.clone(),
            url,
        }
    }

    /// Parks a message: its body unchanged, the ticket as attributes. Only then may the original be
    /// acknowledged.
    ///
    /// # Errors
    /// [`AwsError`]; the original must then be handed back.
    pub async fn park(&self, body: &str, ticket: &ParkingTicket<'_>) -> Result<(), AwsError> {
        const OPERATION: &str = "sqs:SendMessage";
        let mut send = self
            .clients
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body);
        let number = |n: i64| ("Number", n.to_string());
        let attributes = [
            ("class", Some(("String", ticket.class.to_string()))),
            ("reason", Some(("String", ticket.reason.to_owned()))),
            (
                "tenant",
                ticket.tenant.map(|tenant| ("String", tenant.to_string())),
            ),
            ("recoverable_until", ticket.recoverable_until.map(number)),
            ("receives", Some(number(ticket.receives.into()))),
        ];
        for (name, value) in attributes {
            let Some((data_type, text)) = value else {
                continue;
            };
            let attribute = MessageAttributeValue::builder()
                .data_type(data_type)
                .string_value(text)
                .build();
            let attribute = attribute
                .map_err(|_| AwsError::unexpected(OPERATION, "an attribute could not be built"))?;
            send = send.message_attributes(name, attribute);
        }
        send.set_message_group_id(ticket.tenant.map(ToString::to_string))
            .send()
            .await
            .map_err(|error| AwsError::new(OPERATION, &error))?;
        Ok(())
    }
}

//! The queue of jobs, and the one where jobs are parked for a person.

use std::time::Duration;

use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use media::{
    failure::FailureClass,
    ids::TenantId,
    job::{NotAJob, QueueBody, QueuedJob},
    parked::{Content, ParkedJob},
    unread::UnreadBody,
};

use crate::{clients::Clients, error::AwsError};

/// Entries that `SendMessageBatch` takes.
const MAX_ENTRIES: usize = 10;

/// Why jobs could not be made durable.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// AWS did not take the call, or took it and not every entry. The webhook answers 503, so that
    /// W-API sends it again; what was taken is idempotent.
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
        Self { clients: clients.clone(), url }
    }

    /// Opens the connection to SQS. Whatever it answers is of no interest; without the permission
    /// to ask, it is a refusal.
    pub async fn connect(&self) {
        if let Err(error) =
            self.clients.sqs.get_queue_attributes().queue_url(&self.url).send().await
        {
            tracing::debug!(error = %AwsError::new("sqs:GetQueueAttributes", &error), "the jobs queue was greeted");
        }
    }

    /// Makes the jobs durable. The tenant is the message group: on a standard queue that makes SQS
    /// fair between tenants.
    ///
    /// # Errors
    /// [`SendError`] unless SQS has accepted every single one.
    pub async fn send(&self, tenant: &TenantId, jobs: &[QueuedJob]) -> Result<(), SendError> {
        const OPERATION: &str = "sqs:SendMessageBatch";
        for chunk in jobs.chunks(MAX_ENTRIES) {
            let entries = chunk.iter().enumerate().map(|(n, job)| entry(n, tenant, job));
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
                    AwsError::unexpected(OPERATION, "an answer that leaves out entries").into()
                );
            }
        }
        Ok(())
    }

    /// Makes a body durable that could not be read. It goes alone: a call takes 1 MiB in all.
    ///
    /// # Errors
    /// [`SendError`] unless SQS has accepted it.
    pub async fn send_unread(&self, body: &UnreadBody) -> Result<(), SendError> {
        let message = body.to_json()?;
        Ok(self.requeue(&message, Some(body.tenant())).await?)
    }

    /// Sends a parked message again, as a new message. `tenant` is its group; a body that is no job
    /// has none.
    ///
    /// # Errors
    /// [`AwsError`]; it must then stay parked.
    pub async fn requeue(&self, body: &str, tenant: Option<&TenantId>) -> Result<(), AwsError> {
        self.clients
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_group_id(tenant.map(ToString::to_string))
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:SendMessage", &error))?;
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
    /// The record could not be written: it is written when the parked queue is next looked through.
    pub is_unrecorded: bool,
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
        Self { clients: clients.clone(), url }
    }

    /// Parks a message: its body unchanged, the ticket as attributes. Only then may the original be
    /// acknowledged.
    ///
    /// # Errors
    /// [`AwsError`]; the original must then be handed back.
    pub async fn park(&self, body: &str, ticket: &ParkingTicket<'_>) -> Result<(), AwsError> {
        const OPERATION: &str = "sqs:SendMessage";
        let mut send = self.clients.sqs.send_message().queue_url(&self.url).message_body(body);
        let number = |n: i64| ("Number", n.to_string());
        let attributes = [
            ("class", Some(("String", ticket.class.to_string()))),
            ("reason", Some(("String", ticket.reason.to_owned()))),
            ("tenant", ticket.tenant.map(|tenant| ("String", tenant.to_string()))),
            ("recoverable_until", ticket.recoverable_until.map(number)),
            ("receives", Some(number(ticket.receives.into()))),
            ("unrecorded", ticket.is_unrecorded.then(|| ("String", "yes".to_owned()))),
        ];
        for (name, value) in attributes {
            let Some((data_type, text)) = value else {
                continue;
            };
            let attribute =
                MessageAttributeValue::builder().data_type(data_type).string_value(text).build();
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

    /// Takes up to ten messages, hiding them from everyone else for `hidden`. An empty answer means
    /// that none is visible: the call waits for two seconds and asks all of the queue's servers.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn receive(&self, hidden: Duration) -> Result<Vec<ParkedMessage>, AwsError> {
        let received = self
            .clients
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .wait_time_seconds(2)
            .visibility_timeout(hidden.as_secs().try_into().unwrap_or(i32::MAX))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:ReceiveMessage", &error))?;
        let messages = received.messages.unwrap_or_default();
        Ok(messages.into_iter().map(ParkedMessage::of).collect())
    }

    /// Lets others see a message again.
    ///
    /// # Errors
    /// [`AwsError`]; it is then seen when its time is over.
    pub async fn release(&self, taken: &Receipt) -> Result<(), AwsError> {
        self.clients
            .sqs
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&taken.0)
            .visibility_timeout(0)
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:ChangeMessageVisibility", &error))?;
        Ok(())
    }

    /// Removes a message for good: only after it is safe elsewhere.
    ///
    /// # Errors
    /// [`AwsError`]; it is then seen again.
    pub async fn remove(&self, taken: &Receipt) -> Result<(), AwsError> {
        self.clients
            .sqs
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&taken.0)
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:DeleteMessage", &error))?;
        Ok(())
    }

    /// Starts SQS's own move of every parked message to `jobs`, at most `rate` in a second (1 to
    /// 500). It runs in SQS, for as long as it takes. Bodies stay as they are.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn move_all(&self, jobs: &JobsQueue, rate: i32) -> Result<(), AwsError> {
        let arn = async |url: &str| {
            const OPERATION: &str = "sqs:GetQueueAttributes";
            let asked = self
                .clients
                .sqs
                .get_queue_attributes()
                .queue_url(url)
                .attribute_names(QueueAttributeName::QueueArn)
                .send()
                .await
                .map_err(|error| AwsError::new(OPERATION, &error))?;
            let attributes = asked.attributes.unwrap_or_default();
            let arn = attributes.get(&QueueAttributeName::QueueArn).cloned();
            arn.ok_or_else(|| AwsError::unexpected(OPERATION, "a queue without an ARN"))
        };
        self.clients
            .sqs
            .start_message_move_task()
            .source_arn(arn(&self.url).await?)
            .destination_arn(arn(&jobs.url).await?)
            .max_number_of_messages_per_second(rate)
            .send()
            .await
            .map_err(|error| AwsError::new("sqs:StartMessageMoveTask", &error))?;
        Ok(())
    }
}

/// What a received message is put back or removed by.
#[derive(Debug, Clone)]
pub struct Receipt(String);

/// A message that was taken from the parked queue.
#[derive(Clone)]
pub struct ParkedMessage {
    /// SQS's name of it: the same at every receive.
    pub sqs_message_id: String,
    /// By which it is put back or removed.
    pub receipt: Receipt,
    /// Its body. It holds a media key, or a whole webhook.
    pub body: String,
    /// What it says.
    pub parked: ParkedJob,
}

/// Leaves out the body.
impl std::fmt::Debug for ParkedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParkedMessage")
            .field("sqs_message_id", &self.sqs_message_id)
            .finish_non_exhaustive()
    }
}

impl ParkedMessage {
    fn of(message: Message) -> Self {
        let attributes = message.message_attributes.unwrap_or_default();
        let text = |name: &str| {
            let value = attributes.get(name)?;
            value.string_value.as_deref()
        };
        let body = message.body.unwrap_or_default();
        let content = match QueueBody::parse(&body) {
            Ok(QueueBody::Job(job)) => Content::Job(job),
            Ok(QueueBody::Unread(body)) => Content::Unread(body.summary()),
            Err(NotAJob) => Content::Unknown,
        };
        let said = text("class");
        let class = said.and_then(|class| class.parse().ok());
        let moved = || ParkedJob::MOVED_BY_SQS.to_owned();
        let (unsaid_class, unsaid_reason) = match &content {
            Content::Job(_) => (FailureClass::Transient, moved()),
            Content::Unread(unread) => {
                (FailureClass::Unread, format!("{}: {}", unread.why, moved()))
            }
            Content::Unknown => (FailureClass::Poison, moved()),
        };
        let sent = message
            .attributes
            .as_ref()
            .and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp))
            .and_then(|millis| millis.parse::<i64>().ok());
        let parked = ParkedJob {
            class: class.unwrap_or(unsaid_class),
            unknown_class: said.filter(|_| class.is_none()).map(str::to_owned),
            reason: text("reason").map_or(unsaid_reason, str::to_owned),
            receives: text("receives").and_then(|n| n.parse().ok()),
            parked_at: sent.unwrap_or_default() / 1000,
            is_moved_by_sqs: said.is_none(),
            is_unrecorded: said.is_none() || text("unrecorded").is_some(),
            content,
        };
        Self {
            sqs_message_id: message.message_id.unwrap_or_default(),
            receipt: Receipt(message.receipt_handle.unwrap_or_default()),
            body,
            parked,
        }
    }
}

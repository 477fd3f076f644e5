//! The jobs queue, and the parked queue, where jobs wait for a person.

use std::time::Duration;

use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
};
use media::{
    failure::FailureClass,
    ids::TenantId,
    job::{NotAJob, QueueBody, QueuedJob},
    parked::{Content, ParkedJob, UnknownSummary},
    revocation::Revocation,
    unread::UnreadBody,
};

use crate::{
    body_key::BodyKey,
    clients::Clients,
    entry_key::EntryKey,
    error::AwsError,
    ledger::DueEntry,
    sending::{MAX_ENTRIES, MessageSender},
};

/// Why messages could not be sent to the jobs queue.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SQS refused the call or an entry of it. The webhook answers 503, so that W-API sends the
    /// webhook again; jobs that were sent twice do no harm.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A job could not be serialized as JSON. This does not happen.
    #[error(transparent)]
    Job(#[from] NotAJob),
}

/// The jobs queue.
#[derive(Debug)]
pub struct JobsQueue {
    clients: Clients,
    url: String,
}

impl JobsQueue {
    /// Uses the queue with this URL.
    #[must_use]
    pub fn new(clients: &Clients, url: String) -> Self {
        Self { clients: clients.clone(), url }
    }

    /// Opens the connection to SQS. The answer is ignored: usually it is `AccessDenied`, which is
    /// enough for a handshake.
    pub async fn connect(&self) {
        let answer = self.clients.sqs.get_queue_attributes().queue_url(&self.url).send().await;
        if let Err(error) = answer {
            let error = AwsError::new("sqs:GetQueueAttributes", &error);
            tracing::debug!(%error, "the warm-up call to the jobs queue failed");
        }
    }

    /// About how many messages wait to be received. Those in work and those that wait for their
    /// next try are not counted.
    ///
    /// # Errors
    /// [`AwsError`] when `GetQueueAttributes` fails.
    pub async fn count_waiting(&self) -> Result<u64, AwsError> {
        const OPERATION: &str = "sqs:GetQueueAttributes";
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self.clients.sqs.get_queue_attributes().queue_url(&self.url);
        let answer = asked.attribute_names(name.clone()).send().await;
        let answer = answer.map_err(AwsError::in_operation(OPERATION))?;
        let count = answer.attributes.and_then(|all| all.get(&name)?.parse().ok());
        count.ok_or_else(|| AwsError::unexpected(OPERATION, "a response without the number"))
    }

    /// Sends jobs. The tenant is the message group: on a standard queue, SQS then shares receives
    /// fairly between tenants. Entries of a batch that SQS fails to take are sent again, up to two
    /// times; the SDK repeats the calls that fail as a whole.
    ///
    /// # Errors
    /// [`SendError`] unless SQS has accepted every job.
    pub async fn send(&self, tenant: &TenantId, jobs: &[QueuedJob]) -> Result<(), SendError> {
        for chunk in jobs.chunks(MAX_ENTRIES) {
            let bodies = chunk.iter().map(QueuedJob::to_json).collect::<Result<Vec<_>, _>>()?;
            self.sender().send_messages(tenant, bodies).await?;
        }
        Ok(())
    }

    /// Sends the body of a webhook that could not be read, in a call of its own: a call may have at
    /// most 1 MiB.
    ///
    /// # Errors
    /// [`SendError`] unless SQS has accepted the body.
    pub async fn send_unread(&self, body: &UnreadBody) -> Result<(), SendError> {
        let message = body.to_json()?;
        Ok(self.sender().send_message(&message, Some(body.tenant()), None).await?)
    }

    /// Sends that a message was deleted by who sent it.
    ///
    /// # Errors
    /// [`SendError`] unless SQS has accepted it.
    pub async fn send_revocation(&self, revocation: &Revocation) -> Result<(), SendError> {
        let message = revocation.to_json()?;
        Ok(self.sender().send_message(&message, Some(revocation.tenant()), None).await?)
    }

    /// Sends the message of a body entry. It names the entry. `tenant` is its message group; a
    /// message of an unknown kind has none.
    ///
    /// # Errors
    /// [`AwsError`]; the entry stays as it is.
    pub async fn send_from_body(
        &self,
        body: &str,
        tenant: Option<&TenantId>,
        key: &BodyKey,
    ) -> Result<(), AwsError> {
        let entry = Some((BodyKey::ATTRIBUTE, key.to_string()));
        self.sender().send_message(body, tenant, entry).await
    }

    /// Sends what is due from an entry of the jobs table: a job, or a message that it keeps.
    ///
    /// # Errors
    /// [`AwsError`]; the entry must then be given back.
    pub async fn send_due(&self, due: &DueEntry) -> Result<(), AwsError> {
        let DueEntry { from, tenant, body } = due;
        match BodyKey::from_entry(&from.entry) {
            Some(key) => self.send_from_body(body, Some(tenant), &key).await,
            None => self.send_from_entry(body, tenant, &from.entry).await,
        }
    }

    /// Sends the job of an entry of the jobs table. The message names the entry.
    ///
    /// # Errors
    /// [`AwsError`]; the entry must then be given back.
    pub async fn send_from_entry(
        &self,
        body: &str,
        tenant: &TenantId,
        entry: &EntryKey,
    ) -> Result<(), AwsError> {
        let entry = Some((EntryKey::ATTRIBUTE, entry.to_string()));
        self.sender().send_message(body, Some(tenant), entry).await
    }

    /// How many messages wait to be received, approximately. Those that are hidden are not counted.
    ///
    /// # Errors
    /// [`AwsError`] when `GetQueueAttributes` fails.
    pub async fn count_visible(&self) -> Result<u64, AwsError> {
        const OPERATION: &str = "sqs:GetQueueAttributes";
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let call = self.clients.sqs.get_queue_attributes().queue_url(&self.url);
        let output = call
            .attribute_names(name.clone())
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        let count = output.attributes.unwrap_or_default().remove(&name);
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| AwsError::unexpected(OPERATION, "a response without the count"))
    }

    fn sender(&self) -> MessageSender<'_> {
        MessageSender { clients: &self.clients, url: &self.url }
    }

    /// Hides a received message for `timeout` from now; SQS delivers it again after that.
    ///
    /// # Errors
    /// [`AwsError`]; SQS then delivers the message after the queue's own visibility timeout.
    pub async fn change_visibility(
        &self,
        receipt: &str,
        timeout: Duration,
    ) -> Result<(), AwsError> {
        self.sender().change_visibility(receipt, timeout).await
    }
}

/// Why a message is parked: what a person needs to act on it. Sent as message attributes.
#[derive(Debug, Clone)]
pub struct ParkingTicket<'a> {
    /// The class of the failure.
    pub class: FailureClass,
    /// The reason, in one sentence.
    pub reason: &'a str,
    /// The tenant; `None` if the body could not be read.
    pub tenant: Option<&'a TenantId>,
    /// Until when the media file can be fetched, in seconds since 1970; `None` if that is unknown.
    pub recoverable_until: Option<i64>,
    /// How often the message was received.
    pub receives: u32,
    /// Whether the record could not be written. The next look through the parked queue writes it.
    pub is_unrecorded: bool,
}

/// The parked queue, where jobs wait for a person for up to 14 days.
#[derive(Debug)]
pub struct ParkedQueue {
    clients: Clients,
    url: String,
}

impl ParkedQueue {
    /// Uses the queue with this URL.
    #[must_use]
    pub fn new(clients: &Clients, url: String) -> Self {
        Self { clients: clients.clone(), url }
    }

    /// Parks a message: sends its unchanged body with the ticket as message attributes. The
    /// original may be acknowledged only after this.
    ///
    /// # Errors
    /// [`AwsError`]; the original must then be retried later.
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
            .map_err(AwsError::in_operation(OPERATION))?;
        Ok(())
    }

    /// Receives up to ten messages, and hides them from other receivers for `timeout`. An empty
    /// result means that no message is visible: the call waits for two seconds, and thus asks all
    /// of the queue's servers.
    ///
    /// # Errors
    /// [`AwsError`] when `ReceiveMessage` fails.
    pub async fn receive(&self, timeout: Duration) -> Result<Vec<ParkedMessage>, AwsError> {
        let received = self
            .clients
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .wait_time_seconds(2)
            .visibility_timeout(timeout.as_secs().try_into().unwrap_or(i32::MAX))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::DeadLetterQueueSourceArn)
            .send()
            .await
            .map_err(AwsError::in_operation("sqs:ReceiveMessage"))?;
        let messages = received.messages.unwrap_or_default();
        Ok(messages.into_iter().map(ParkedMessage::from_sqs).collect())
    }

    /// Makes a received message visible again at once.
    ///
    /// # Errors
    /// [`AwsError`]; the message then becomes visible after its visibility timeout.
    pub async fn release(&self, receipt: &Receipt) -> Result<(), AwsError> {
        self.clients
            .sqs
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&receipt.0)
            .visibility_timeout(0)
            .send()
            .await
            .map_err(AwsError::in_operation("sqs:ChangeMessageVisibility"))?;
        Ok(())
    }

    /// Deletes a received message. Call this only after the message's content is safe elsewhere.
    ///
    /// # Errors
    /// [`AwsError`]; the message then becomes visible again after its visibility timeout.
    pub async fn delete(&self, receipt: &Receipt) -> Result<(), AwsError> {
        self.clients
            .sqs
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&receipt.0)
            .send()
            .await
            .map_err(AwsError::in_operation("sqs:DeleteMessage"))?;
        Ok(())
    }

    /// Starts a task in SQS that moves every parked message to `jobs`, at most `per_second` in a
    /// second (1 to 500). The call does not wait for the end of the task. Bodies are not changed.
    ///
    /// # Errors
    /// [`AwsError`] when the task cannot be started.
    pub async fn start_move_task(&self, jobs: &JobsQueue, per_second: i32) -> Result<(), AwsError> {
        let arn = async |url: &str| {
            const OPERATION: &str = "sqs:GetQueueAttributes";
            let output = self
                .clients
                .sqs
                .get_queue_attributes()
                .queue_url(url)
                .attribute_names(QueueAttributeName::QueueArn)
                .send()
                .await
                .map_err(AwsError::in_operation(OPERATION))?;
            let attributes = output.attributes.unwrap_or_default();
            let arn = attributes.get(&QueueAttributeName::QueueArn).cloned();
            arn.ok_or_else(|| AwsError::unexpected(OPERATION, "a response without the queue's ARN"))
        };
        self.clients
            .sqs
            .start_message_move_task()
            .source_arn(arn(&self.url).await?)
            .destination_arn(arn(&jobs.url).await?)
            .max_number_of_messages_per_second(per_second)
            .send()
            .await
            .map_err(AwsError::in_operation("sqs:StartMessageMoveTask"))?;
        Ok(())
    }
}

/// The receipt handle of a received message, by which it is released or deleted.
#[derive(Debug, Clone)]
pub struct Receipt(String);

/// A message received from the parked queue.
#[derive(Clone)]
pub struct ParkedMessage {
    /// The message's id in SQS, the same at every receive.
    pub sqs_message_id: String,
    /// The handle of this receive.
    pub receipt: Receipt,
    /// The body. It contains a media key or a whole webhook, so it is never logged.
    pub body: String,
    /// What the body and the message attributes say.
    pub parked: ParkedJob,
}

/// Leaves out the body, which is confidential.
impl std::fmt::Debug for ParkedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParkedMessage")
            .field("sqs_message_id", &self.sqs_message_id)
            .finish_non_exhaustive()
    }
}

impl ParkedMessage {
    fn from_sqs(message: Message) -> Self {
        let attributes = message.message_attributes.unwrap_or_default();
        let is_moved = message.attributes.as_ref().is_some_and(|all| {
            all.contains_key(&MessageSystemAttributeName::DeadLetterQueueSourceArn)
        });
        // The ticket of a message that SQS moved is from before it was redriven.
        let text = |name: &str| {
            let value = attributes.get(name).filter(|_| !is_moved)?;
            value.string_value.as_deref()
        };
        let body = message.body.unwrap_or_default();
        let content = match QueueBody::parse(&body) {
            Ok(QueueBody::Job(job)) => Content::Job(job),
            Ok(QueueBody::Unread(body)) => Content::Unread(body.summary()),
            Err(NotAJob) => Content::Unknown(UnknownSummary::default()),
        };
        let class_text = text("class");
        let class = class_text.and_then(|class| class.parse().ok());
        let moved = || ParkedJob::MOVED_BY_SQS.to_owned();
        // Without a ticket, SQS parked the message by itself.
        let (default_class, default_reason) = match &content {
            Content::Job(_) | Content::Entry(_) => (FailureClass::Transient, moved()),
            Content::Unread(unread) => {
                (FailureClass::Unread, format!("{}: {}", unread.why, moved()))
            }
            Content::Unknown(_) => (FailureClass::Poison, moved()),
        };
        let sent_ms = message
            .attributes
            .as_ref()
            .and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp))
            .and_then(|millis| millis.parse::<i64>().ok());
        let parked = ParkedJob {
            class: class.unwrap_or(default_class),
            unknown_class: class_text.filter(|_| class.is_none()).map(str::to_owned),
            reason: text("reason").map_or(default_reason, str::to_owned),
            receives: text("receives").and_then(|n| n.parse().ok()),
            parked_at: sent_ms.unwrap_or_default() / 1000,
            is_moved_by_sqs: class_text.is_none(),
            is_unrecorded: class_text.is_none() || text("unrecorded").is_some(),
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

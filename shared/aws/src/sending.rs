//! Sends messages to a queue of jobs, and sends again what SQS fails to take.

use std::{collections::HashMap, time::Duration};

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use media::ids::TenantId;
use tokio::time::Instant;

use crate::{clients::Clients, error::AwsError};

/// Maximum number of entries in one `SendMessageBatch`.
pub(crate) const MAX_ENTRIES: usize = 10;
/// How often an entry is sent that SQS fails to take.
const MAX_SENDS: u32 = 3;
/// The wait before an entry is sent for the second time; before the third, it is twice as long.
const RESEND_WAIT: Duration = Duration::from_millis(100);
/// No entry is sent again later than this after the first time: the webhook waits for its answer.
const MAX_RESEND_TIME: Duration = Duration::from_secs(2);

/// A queue that takes messages. The SDK repeats a call that fails as a whole.
pub(crate) struct MessageSender<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) url: &'a str,
}

/// What SQS did not accept of a batch.
#[derive(Default)]
struct FailedEntries {
    /// The bodies that may be accepted if they are sent again.
    bodies: Vec<String>,
    /// Why the first of them was not accepted.
    error: Option<AwsError>,
    /// Why an entry will never be accepted, if there is one.
    rejected: Option<AwsError>,
}

impl MessageSender<'_> {
    /// Hides a received message for `timeout` from now.
    pub(crate) async fn change_visibility(
        &self,
        receipt: &str,
        timeout: Duration,
    ) -> Result<(), AwsError> {
        self.clients
            .sqs
            .change_message_visibility()
            .queue_url(self.url)
            .receipt_handle(receipt)
            .visibility_timeout(timeout.as_secs().try_into().unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(AwsError::in_operation("sqs:ChangeMessageVisibility"))?;
        Ok(())
    }

    /// Sends one message. A body of an unknown kind has no tenant, and so no message group. `entry`
    /// is the attribute that names the entry it is sent from, with its name.
    pub(crate) async fn send_message(
        &self,
        body: &str,
        tenant: Option<&TenantId>,
        entry: Option<(&'static str, String)>,
    ) -> Result<(), AwsError> {
        self.send_with_attributes(body, tenant.map(TenantId::as_str), entry).await
    }

    /// Sends one message with this message group, which the queue gives out after `wait`.
    pub(crate) async fn send_later(
        &self,
        body: &str,
        group: &str,
        wait: Duration,
    ) -> Result<(), AwsError> {
        let delay = i32::try_from(wait.as_secs()).unwrap_or(i32::MAX);
        self.send_one((body, Some(delay)), Some(group), None).await
    }

    /// Sends one message with this message group and these attributes, which are texts.
    pub(crate) async fn send_with_attributes(
        &self,
        body: &str,
        group: Option<&str>,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<(), AwsError> {
        self.send_one((body, None), group, attributes).await
    }

    async fn send_one(
        &self,
        (body, delay): (&str, Option<i32>),
        group: Option<&str>,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<(), AwsError> {
        const OPERATION: &str = "sqs:SendMessage";
        let attribute = |(name, text): (&str, String)| {
            let attribute = MessageAttributeValue::builder().data_type("String");
            attribute.string_value(text).build().map(|value| (name.to_owned(), value))
        };
        let attributes: HashMap<_, _> = attributes
            .into_iter()
            .map(attribute)
            .collect::<Result<_, _>>()
            .map_err(|_| AwsError::unexpected(OPERATION, "an attribute could not be built"))?;
        let sent = self
            .clients
            .sqs
            .send_message()
            .queue_url(self.url)
            .message_body(body)
            .set_delay_seconds(delay)
            .set_message_attributes((!attributes.is_empty()).then_some(attributes))
            .set_message_group_id(group.map(str::to_owned))
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        match sent.message_id {
            Some(_) => Ok(()),
            None => Err(AwsError::unexpected(OPERATION, "a response without a message id")),
        }
    }

    /// Sends at most [`MAX_ENTRIES`] messages of a tenant: one by `SendMessage`, more as a batch.
    /// The entries that SQS fails to take are sent again, up to two times.
    ///
    /// Fails unless SQS has accepted every message.
    pub(crate) async fn send_messages(
        &self,
        tenant: &TenantId,
        mut bodies: Vec<String>,
    ) -> Result<(), AwsError> {
        let started = Instant::now();
        let (mut sends, mut rejected) = (0, None);
        while !bodies.is_empty() {
            let failed = match bodies.as_slice() {
                [body] => {
                    self.send_message(body, Some(tenant), None).await?;
                    FailedEntries::default()
                }
                many => self.send_batch(tenant, many).await?,
            };
            sends += 1;
            rejected = rejected.or(failed.rejected);
            bodies = failed.bodies;
            if let Some(error) = failed.error {
                if sends == MAX_SENDS || started.elapsed() > MAX_RESEND_TIME {
                    return Err(error);
                }
                tokio::time::sleep(RESEND_WAIT * sends).await;
            }
        }
        rejected.map_or(Ok(()), Err)
    }

    /// Sends a batch. HTTP 200 does not mean that SQS accepted every entry.
    async fn send_batch(
        &self,
        tenant: &TenantId,
        bodies: &[String],
    ) -> Result<FailedEntries, AwsError> {
        const OPERATION: &str = "sqs:SendMessageBatch";
        let entries = bodies.iter().enumerate().map(|(n, body)| batch_entry(n, tenant, body));
        let sent = self
            .clients
            .sqs
            .send_message_batch()
            .queue_url(self.url)
            .set_entries(Some(entries.collect::<Result<_, _>>()?))
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        let mut failed = FailedEntries::default();
        for (n, body) in bodies.iter().enumerate() {
            let id = n.to_string();
            if sent.successful.iter().any(|entry| entry.id == id) {
                continue;
            }
            let answer = sent.failed.iter().find(|entry| entry.id == id);
            let code = answer.map_or("a response that leaves out entries", |entry| &entry.code);
            let error = AwsError { operation: OPERATION, code: code.to_owned(), status: None };
            if answer.is_some_and(|entry| entry.sender_fault) {
                failed.rejected.get_or_insert(error);
            } else {
                failed.error.get_or_insert(error);
                failed.bodies.push(body.clone());
            }
        }
        Ok(failed)
    }
}

/// An entry of `SendMessageBatch`. `n` is its id, unique within the batch.
fn batch_entry(
    n: usize,
    tenant: &TenantId,
    body: &str,
) -> Result<SendMessageBatchRequestEntry, AwsError> {
    SendMessageBatchRequestEntry::builder()
        .id(n.to_string())
        .message_body(body)
        .message_group_id(tenant.as_str())
        .build()
        .map_err(|_| AwsError::unexpected("sqs:SendMessageBatch", "an entry could not be built"))
}

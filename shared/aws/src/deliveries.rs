//! The deliveries queue: webhooks on their way to receivers.

use std::time::Duration;

use media::receiver::ReceiverId;

use crate::{clients::Clients, error::AwsError, ledger::RestingKey, sending::MessageSender};

/// The attribute of a message that was sent to try a receiver whose circuit is open.
pub const PROBE: &str = "probe";

/// The deliveries queue.
#[derive(Debug)]
pub struct DeliveriesQueue {
    clients: Clients,
    url: String,
}

impl DeliveriesQueue {
    /// Uses the queue with this URL.
    #[must_use]
    pub fn new(clients: &Clients, url: String) -> Self {
        Self { clients: clients.clone(), url }
    }

    /// Sends a delivery. The receiver is the message group: on a standard queue, SQS then shares
    /// receives fairly between receivers, and a slow one delays no other.
    ///
    /// # Errors
    /// [`AwsError`] unless SQS has accepted the message.
    pub async fn send(&self, body: &str, receiver: &ReceiverId) -> Result<(), AwsError> {
        self.sender().send_with_attributes(body, Some(receiver.as_str()), None).await
    }

    /// Sends a delivery that the queue gives out after `wait`: at most 15 minutes.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_later(
        &self,
        body: &str,
        receiver: &ReceiverId,
        wait: Duration,
    ) -> Result<(), AwsError> {
        self.sender().send_later(body, receiver.as_str(), wait).await
    }

    /// Sends a delivery that rested in the jobs table. The message names its item. A probe is tried
    /// although the circuit of its receiver is open.
    ///
    /// # Errors
    /// [`AwsError`]; the delivery must then be given back.
    pub async fn send_rested(
        &self,
        body: &str,
        rested: &RestingKey,
        is_probe: bool,
    ) -> Result<(), AwsError> {
        let probe = is_probe.then(|| (PROBE, "yes".to_owned()));
        let attributes = [(RestingKey::ATTRIBUTE, rested.to_string())].into_iter().chain(probe);
        let group = Some(rested.receiver.as_str());
        self.sender().send_with_attributes(body, group, attributes).await
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

    fn sender(&self) -> MessageSender<'_> {
        MessageSender { clients: &self.clients, url: &self.url }
    }
}

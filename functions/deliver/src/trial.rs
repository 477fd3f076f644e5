//! The attempt itself: reads the body, asks for orders to erase it, signs it and posts it.

use aws::{error::AwsError, receivers::Receiver};
use fetch::receiver::SignedWebhook;
use media::{delivery::Delivery, order::OrderSubject};
use wapi::webhook::list_subjects;

use crate::{
    Deliver,
    message::QueueMessage,
    outcome::{Attempt, Outcome},
};

/// The age in seconds from which on orders to erase a delivery are asked for. A younger one that is
/// received for the first time is posted without asking, as if it had been posted before the order.
/// Nothing older is posted, or kept for later, unasked.
const ASKED_FROM_SECONDS: i64 = 60;

/// How a trial ended.
pub(crate) enum Trial {
    /// It was posted, or the receiver could not be reached.
    Made(Attempt),
    /// It must not be posted, now or later.
    Ended(Outcome),
    /// AWS has not given what is needed.
    Unavailable,
}

impl Deliver {
    /// The body of a delivery for which orders to erase have to be asked first, or why it must
    /// never be posted. `None`: nothing has to be asked, and nothing was read.
    ///
    /// # Errors
    /// [`AwsError`] when the body or the orders cannot be read: then nobody knows whether it may be
    /// posted, or kept.
    pub(crate) async fn ask_for_orders(
        &self,
        delivery: &Delivery,
        message: &QueueMessage<'_>,
    ) -> Result<Option<Result<Vec<u8>, Outcome>>, AwsError> {
        let age = self.now().saturating_sub(delivery.accepted_at);
        let is_young = message.rested.is_none() && age < ASKED_FROM_SECONDS;
        if is_young && message.receives <= 1 && delivery.failed_attempts == 0 {
            return Ok(None);
        }
        let body = self.read_body(delivery).await?;
        let subjects = match &body {
            Some(body) => list_subjects(&delivery.instance, body),
            // Whom it was about, nobody can tell. It may have been erased with the whole instance.
            None => OrderSubject::list_all(&delivery.instance, [], []),
        };
        let (tenant, accepted_at) = (&delivery.tenant, delivery.accepted_at);
        let order = self.orders.find_delivery_erasure(tenant, subjects, accepted_at).await?;
        Ok(Some(match (order, body) {
            (Some(_), _) => Err(Outcome::Erased),
            (None, body) => body.ok_or(Outcome::Gone),
        }))
    }

    /// Signs and posts a delivery. Its body is read unless it was.
    pub(crate) async fn try_now(
        &self,
        delivery: &Delivery,
        receiver: &Receiver,
        body: Option<Vec<u8>>,
    ) -> Trial {
        let body = match body {
            Some(body) => body,
            None => match self.read_body(delivery).await {
                Ok(Some(body)) => body,
                Ok(None) => return Trial::Ended(Outcome::Gone),
                Err(error) => {
                    let receiver = &delivery.receiver;
                    tracing::error!(%receiver, %error, "the body of a delivery was not read");
                    return Trial::Unavailable;
                }
            },
        };
        let endpoint = match self.receivers.open(receiver).await {
            Ok(endpoint) => endpoint,
            Err(error) => {
                tracing::error!(receiver = %receiver.id, %error, "a receiver was not opened");
                return Trial::Unavailable;
            }
        };
        let (id, at) = (delivery.id.as_str(), self.now());
        let signature = endpoint.sign(id, at, &body);
        let content_type = delivery.content_type.as_deref();
        let signed = SignedWebhook { id, at, signature: &signature, content_type };
        let answer = self.client.post(endpoint.url.expose(), &signed, body).await;
        Trial::Made(Attempt::from_answer(answer))
    }

    /// The body, from the delivery or from the bucket. `None`: it is gone.
    async fn read_body(&self, delivery: &Delivery) -> Result<Option<Vec<u8>>, AwsError> {
        match delivery.expose() {
            Ok(body) => Ok(Some(body.to_vec())),
            Err(key) => self.bodies.get(key).await,
        }
    }
}

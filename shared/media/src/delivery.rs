//! A delivery: one webhook on its way to one receiver, as the deliveries queue has it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{InstanceId, TenantId},
    not_a_job::NotAJob,
    queue_body::RawBody,
    receiver::{MAX_DELIVERY_SECONDS, ReceiverId},
    sha256::Sha256,
};

/// The largest body that a delivery has in itself, in bytes. A larger one is an object in the
/// bucket of deliveries. In base64 it still fits into an item of the jobs table, and it is as large
/// as it may be before a message of SQS costs more than the object.
pub const MAX_INLINE_BYTES: usize = 190_000;

/// The largest body of a webhook, in bytes: Lambda's own limit.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The longest content type that is passed on, in bytes.
const MAX_TYPE_BYTES: usize = 200;

/// The id of a webhook that is passed on, the same for all its receivers and at every attempt:
/// `msg_` and 32 characters of a-z and 2-7.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The id of the webhook of one HTTP request. `request` is a text that no other request has.
    #[must_use]
    pub fn of_request(request: &str) -> Self {
        Self(Sha256::from_data(request.as_bytes()).to_id("msg_"))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of a body in the bucket of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyKey(String);

impl BodyKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of an object that a listing of the bucket names.
    #[must_use]
    pub fn from_listing(key: &str) -> Self {
        Self(key.to_owned())
    }

    /// The folder of an instance in the bucket.
    #[must_use]
    pub fn instance_prefix(tenant: &TenantId, instance: &InstanceId) -> String {
        format!("{tenant}/{instance}/")
    }
}

/// A webhook on its way to a receiver. It is versioned, because it outlives deploys: an unknown
/// version does not parse, and stays in the queue.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    version: Version,
    /// The id of the webhook, by which the receiver recognises a repetition.
    pub id: DeliveryId,
    /// The tenant of the instance.
    pub tenant: TenantId,
    /// The instance whose webhook it is.
    pub instance: InstanceId,
    /// The receiver.
    pub receiver: ReceiverId,
    /// The kind of event, in one word; `None` if the body could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The content type with which the webhook came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// When the webhook was accepted, in seconds since 1970.
    pub accepted_at: i64,
    /// How many attempts had failed when it was last put to rest.
    #[serde(default)]
    pub failed_attempts: u32,
    #[serde(flatten)]
    body: DeliveryBody,
}

/// Where the body of a delivery is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum DeliveryBody {
    #[serde(rename = "body")]
    Inline(RawBody),
    #[serde(rename = "body_key")]
    Stored(BodyKey),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "delivery-1")]
    V1,
}

/// What all deliveries of one webhook have in common.
#[derive(Debug, Clone, Copy)]
pub struct DeliverySource<'a> {
    /// The id of the webhook.
    pub id: &'a DeliveryId,
    /// The tenant of the instance.
    pub tenant: &'a TenantId,
    /// The instance whose webhook it is.
    pub instance: &'a InstanceId,
    /// The kind of event.
    pub event: Option<&'a str>,
    /// The content type with which the webhook came.
    pub content_type: Option<&'a str>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When the webhook was accepted, in seconds since 1970.
    pub accepted_at: i64,
}

impl DeliverySource<'_> {
    /// Under which key the body has to be stored before it is delivered. `None`: each delivery has
    /// the body in itself.
    #[must_use]
    pub fn body_key(&self) -> Option<BodyKey> {
        let folder = BodyKey::instance_prefix(self.tenant, self.instance);
        (self.body.len() > MAX_INLINE_BYTES).then(|| BodyKey(format!("{folder}{}", self.id)))
    }
}

impl Delivery {
    /// The delivery of a webhook to a receiver.
    #[must_use]
    pub fn new(source: &DeliverySource<'_>, receiver: &ReceiverId) -> Self {
        let is_shown = |text: &&str| {
            text.len() <= MAX_TYPE_BYTES && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        Self {
            version: Version::V1,
            id: source.id.clone(),
            tenant: source.tenant.clone(),
            instance: source.instance.clone(),
            receiver: receiver.clone(),
            event: source.event.map(str::to_owned),
            content_type: source.content_type.filter(is_shown).map(str::to_owned),
            accepted_at: source.accepted_at,
            failed_attempts: 0,
            body: match source.body_key() {
                Some(key) => DeliveryBody::Stored(key),
                None => DeliveryBody::Inline(RawBody::new(source.body)),
            },
        }
    }

    /// The delivery, after this many failed attempts.
    #[must_use]
    pub fn with_failed_attempts(self, failed_attempts: u32) -> Self {
        Self { failed_attempts, ..self }
    }

    /// Parses the body of a queue message.
    ///
    /// # Errors
    /// [`NotAJob`]: this version does not understand it.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        serde_json::from_str(body).map_err(|_| NotAJob)
    }

    /// Writes the body of a queue message, in the characters that SQS accepts.
    ///
    /// # Errors
    /// None in practice: every field is a text or number.
    pub fn to_json(&self) -> Result<String, NotAJob> {
        serde_json::to_string(self).map_err(|_| NotAJob)
    }

    /// The bytes as they were posted, or the key under which they are stored. The name makes every
    /// use easy to find: each one exposes media keys and personal data.
    ///
    /// # Errors
    /// The key, if the delivery does not have the bytes in itself.
    pub fn expose(&self) -> Result<&[u8], &BodyKey> {
        match &self.body {
            DeliveryBody::Inline(body) => Ok(body.as_bytes()),
            DeliveryBody::Stored(key) => Err(key),
        }
    }

    /// Until when it is delivered, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.accepted_at.saturating_add(MAX_DELIVERY_SECONDS)
    }
}

/// Leaves out the body.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

/// Waits after the n-th failed attempt; the last one repeats. The first six make half an hour in
/// the queue.
const STEPS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(10),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
];

/// The longest wait that a receiver may ask for.
pub const MAX_ASKED_WAIT: Duration = Duration::from_hours(1);

/// The longest wait in the queue. A delivery that waits longer rests in the jobs table.
pub const MAX_QUEUE_WAIT: Duration = Duration::from_mins(15);

/// How many attempts a delivery can have had at this age, in seconds: between two of them it waits
/// for half of a step at least. The queue counts more if it gave the delivery to a process that
/// left its receiver alone.
#[must_use]
pub fn possible_attempts(age: i64) -> u32 {
    let mut left = Duration::from_secs(u64::try_from(age).unwrap_or_default());
    let last = STEPS.last().copied().unwrap_or_default();
    let mut attempts = 1;
    for step in STEPS.into_iter().chain(std::iter::repeat(last)) {
        match left.checked_sub(step / 2) {
            Some(rest) if !step.is_zero() => (left, attempts) = (rest, attempts + 1),
            Some(_) | None => break,
        }
    }
    attempts
}

/// The wait before the next attempt after `failed` attempts (1 is the first): between half of the
/// step and all of it, but at least what the receiver asked for, up to [`MAX_ASKED_WAIT`].
///
/// `jitter` is uniform in `0.0..1.0`.
#[must_use]
pub fn delivery_wait(failed: u32, jitter: f64, asked: Option<Duration>) -> Duration {
    let index = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
    let step = STEPS.get(index).or(STEPS.last()).copied().unwrap_or_default();
    let spread = step.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    spread.max(asked.unwrap_or_default().min(MAX_ASKED_WAIT))
}

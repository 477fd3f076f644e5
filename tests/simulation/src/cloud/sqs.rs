//! SQS's JSON protocol, implemented with [`Queue`].

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::clockwork::WORLD_START;

use super::{
    answer::{Answer, BuildAnswer},
    queue::{Delivery, Luck, Queue, Refusal, SentMessage, Settings},
};

/// The beginning of every queue's URL.
pub const QUEUE_URL_BASE: &str = "http://127.0.0.1:1/000000000000/";
/// The beginning of every queue's ARN.
const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:";
/// Maximum number of entries in a batch.
const MAX_BATCH_ENTRIES: usize = 10;

/// All queues, by name.
#[derive(Debug, Default)]
pub struct Sqs {
    queues: BTreeMap<String, Queue>,
    sent: u64,
}

/// What an SQS call needs besides its body.
pub struct CallContext<'a> {
    /// The time since the world began.
    pub now: Duration,
    /// The luck of this call.
    pub luck: &'a mut dyn Luck,
    /// Which entries of a batch fail, by position.
    pub failing: &'a dyn Fn(usize) -> bool,
}

impl Sqs {
    /// Creates a queue; an existing one of this name stays.
    pub fn create_queue(&mut self, name: &str, settings: Settings) {
        self.queues.entry(name.to_owned()).or_insert_with(|| Queue::new(settings));
    }

    /// A queue by its name.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.get(name)
    }

    /// Drops the messages of every queue whose retention has ended.
    pub fn drop_expired(&mut self, now: Duration) {
        self.queues.values_mut().for_each(|queue| queue.drop_expired(now));
    }

    /// Receives messages as an event source does, without the wire.
    pub fn receive(
        &mut self,
        name: &str,
        most: usize,
        moment: &mut CallContext<'_>,
    ) -> Vec<Delivery> {
        self.receive_from(name, most, None, moment)
    }

    /// Stores a message with these attributes, without the wire.
    pub fn send_with_attributes(
        &mut self,
        name: &str,
        body: &str,
        attributes: Value,
        now: Duration,
    ) {
        let asked = json!({ "MessageBody": body, "MessageAttributes": attributes });
        self.store_message(name, &asked, now);
    }

    /// Deletes the messages of a queue whose bodies are meant, hidden ones included.
    pub fn purge_messages(&mut self, name: &str, is_meant: impl Fn(&str) -> bool) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.purge(is_meant);
        }
    }

    /// Moves all messages of one queue to another, as SQS's own task does.
    pub fn move_all_messages(&mut self, from: &str, to: &str, now: Duration) {
        let arn = |name: &str| format!("{ARN}{name}");
        let asked = json!({ "SourceArn": arn(from), "DestinationArn": arn(to) });
        let _ = self.move_messages(&asked, now);
    }

    /// Deletes a message that an event source acknowledges. An unknown receipt has no effect.
    pub fn acknowledge(&mut self, name: &str, receipt: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.delete(receipt).unwrap_or_default();
        }
    }

    /// Sends a message without the wire.
    pub fn send_directly(&mut self, name: &str, body: &str, group: Option<&str>, now: Duration) {
        let asked = json!({ "MessageBody": body, "MessageGroupId": group });
        self.store_message(name, &asked, now);
    }

    /// Answers one call of the JSON protocol.
    pub fn answer_call(
        &mut self,
        operation: &str,
        asked: &Value,
        moment: &mut CallContext<'_>,
    ) -> Answer {
        if operation == "CreateQueue" {
            return self.answer_create(asked);
        }
        if operation == "StartMessageMoveTask" {
            return self.move_messages(asked, moment.now);
        }
        let name = asked["QueueUrl"]
            .as_str()
            .and_then(|url| url.rsplit('/').next())
            .unwrap_or_default()
            .to_owned();
        if !self.queues.contains_key(&name) {
            return Answer::refusal("QueueDoesNotExist", "the specified queue does not exist");
        }
        match operation {
            "SendMessage" => {
                let id = self.store_message(&name, asked, moment.now);
                Answer::json(&json!({ "MessageId": id, "MD5OfMessageBody": "not computed" }))
            }
            "SendMessageBatch" => self.send_batch(&name, asked, moment),
            "ReceiveMessage" => self.answer_receive(&name, asked, moment),
            "DeleteMessage" | "ChangeMessageVisibility" => {
                self.answer_receipt_call(&name, operation, asked, moment.now)
            }
            "GetQueueAttributes" => self.answer_attributes(&name, moment.now),
            _ => Answer::refusal("InvalidAction", operation),
        }
    }

    fn receive_from(
        &mut self,
        name: &str,
        most: usize,
        visibility: Option<Duration>,
        moment: &mut CallContext<'_>,
    ) -> Vec<Delivery> {
        let Some(queue) = self.queues.get_mut(name) else {
            return Vec::new();
        };
        let (deliveries, leaving) = queue.receive(most, visibility, moment.now, moment.luck);
        let to = queue.settings.redrive.as_ref().map(|(_, to)| to.clone());
        if let Some(other) = to.and_then(|to| self.queues.get_mut(&to)) {
            for sent in leaving {
                let sent = SentMessage { is_dead_letter: true, ..sent };
                other.send(sent, moment.now, Duration::ZERO);
            }
        }
        deliveries
    }

    fn store_message(&mut self, name: &str, asked: &Value, now: Duration) -> String {
        self.sent += 1;
        let id = format!("message-{}", self.sent);
        let sent = SentMessage {
            id: id.clone(),
            body: text_field(asked, "MessageBody").unwrap_or_default(),
            attributes: asked["MessageAttributes"].clone(),
            group: text_field(asked, "MessageGroupId"),
            sent_at: now,
            is_dead_letter: false,
        };
        let delay = parse_seconds(&asked["DelaySeconds"]).unwrap_or_default();
        if let Some(queue) = self.queues.get_mut(name) {
            queue.send(sent, now, delay);
        }
        id
    }

    fn send_batch(&mut self, name: &str, asked: &Value, moment: &CallContext<'_>) -> Answer {
        let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
        if entries.is_empty() || entries.len() > MAX_BATCH_ENTRIES {
            return Answer::refusal("TooManyEntriesInBatchRequest", "one to ten entries");
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (n, entry) in entries.iter().enumerate() {
            if (moment.failing)(n) {
                failed.push(
                    json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }),
                );
            } else {
                let id = self.store_message(name, entry, moment.now);
                successful.push(json!({
                    "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "not computed"
                }));
            }
        }
        Answer::json(&json!({ "Successful": successful, "Failed": failed }))
    }

    fn answer_receive(
        &mut self,
        name: &str,
        asked: &Value,
        moment: &mut CallContext<'_>,
    ) -> Answer {
        let most = asked["MaxNumberOfMessages"].as_u64().unwrap_or(1);
        let most = usize::try_from(most).unwrap_or(1);
        let visibility = parse_seconds(&asked["VisibilityTimeout"]);
        let is_short_poll = asked["WaitTimeSeconds"].as_u64().unwrap_or_default() == 0;
        let is_full = self.queues.get(name).is_some_and(|queue| queue.is_full(moment.now));
        if is_full && is_short_poll {
            return Answer::refusal("OverLimit", "too many messages are in flight");
        }
        let deliveries = self.receive_from(name, most, visibility, moment);
        let messages: Vec<_> = deliveries.iter().map(delivery_json).collect();
        Answer::json(&json!({ "Messages": messages }))
    }

    fn answer_receipt_call(
        &mut self,
        name: &str,
        operation: &str,
        asked: &Value,
        now: Duration,
    ) -> Answer {
        let receipt = text_field(asked, "ReceiptHandle").unwrap_or_default();
        let Some(queue) = self.queues.get_mut(name) else {
            return Answer::refusal("QueueDoesNotExist", name);
        };
        let changed = match parse_seconds(&asked["VisibilityTimeout"]) {
            Some(wait) if operation == "ChangeMessageVisibility" => {
                queue.change_visibility(&receipt, wait, now)
            }
            Some(_) | None => queue.delete(&receipt),
        };
        match changed {
            Ok(()) => Answer::json(&json!({})),
            Err(Refusal::Unknown) => Answer::refusal("ReceiptHandleIsInvalid", &receipt),
            Err(Refusal::NotInFlight) => Answer::refusal("MessageNotInflight", &receipt),
            Err(Refusal::TooLong) => Answer::refusal("InvalidParameterValue", "beyond 12 hours"),
        }
    }

    fn answer_attributes(&self, name: &str, now: Duration) -> Answer {
        let (visible, hidden) = self.queues.get(name).map_or((0, 0), |it| it.count_messages(now));
        Answer::json(&json!({ "Attributes": {
            "QueueArn": format!("{ARN}{name}"),
            "ApproximateNumberOfMessages": visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
            "ApproximateNumberOfMessagesDelayed": "0",
        } }))
    }

    fn answer_create(&mut self, asked: &Value) -> Answer {
        let name = text_field(asked, "QueueName").unwrap_or_default();
        let said = |name: &str| asked["Attributes"][name].as_str();
        let mut settings = Settings::default();
        let time =
            |name: &str| said(name).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        settings.visibility = time("VisibilityTimeout").unwrap_or(settings.visibility);
        settings.retention = time("MessageRetentionPeriod").unwrap_or(settings.retention);
        let policy: Value = said("RedrivePolicy")
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        // The value is a number, or a string of digits, as people write it.
        let most = policy["maxReceiveCount"].to_string().trim_matches('"').parse().ok();
        settings.redrive = most.zip(name_of(&policy["deadLetterTargetArn"]));
        self.create_queue(&name, settings);
        Answer::json(&json!({ "QueueUrl": format!("{QUEUE_URL_BASE}{name}") }))
    }

    /// Moves all messages at once. A moved message is a new one: its count, age and id start
    /// again; its body and attributes stay.
    fn move_messages(&mut self, asked: &Value, now: Duration) -> Answer {
        let Some(from) = name_of(&asked["SourceArn"]) else {
            return Answer::refusal("ResourceNotFoundException", "no source");
        };
        let leads_here =
            |queue: &Queue| queue.settings.redrive.as_ref().is_some_and(|(_, to)| *to == from);
        let origin = self.queues.iter().find(|(_, queue)| leads_here(queue));
        let Some(origin) = origin.map(|(name, _)| name.clone()) else {
            return Answer::refusal("ResourceNotFoundException", "not a dead-letter queue");
        };
        let to = name_of(&asked["DestinationArn"]).unwrap_or(origin);
        let moved = self.queues.get_mut(&from).map(Queue::take_all).unwrap_or_default();
        for sent in moved {
            let again = json!({
                "MessageBody": sent.body, "MessageAttributes": sent.attributes,
                "MessageGroupId": sent.group
            });
            self.store_message(&to, &again, now);
        }
        Answer::json(&json!({ "TaskHandle": "moved" }))
    }
}

fn delivery_json(delivery: &Delivery) -> Value {
    let Delivery { message, receipt, receives } = delivery;
    let sent_at = Duration::from_secs(WORLD_START.unsigned_abs()) + message.sent_at;
    let mut attributes = json!({
        "ApproximateReceiveCount": receives.to_string(),
        "SentTimestamp": sent_at.as_millis().to_string(),
    });
    if message.is_dead_letter {
        attributes["DeadLetterQueueSourceArn"] = json!(format!("{ARN}the-source"));
    }
    if let Some(group) = &message.group {
        attributes["MessageGroupId"] = json!(group);
    }
    let mut json = json!({
        "MessageId": message.id, "ReceiptHandle": receipt, "Body": message.body,
        "Attributes": attributes
    });
    if message.attributes.is_object() {
        json["MessageAttributes"] = message.attributes.clone();
    }
    json
}

fn text_field(asked: &Value, name: &str) -> Option<String> {
    asked[name].as_str().map(str::to_owned)
}

fn parse_seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

fn name_of(arn: &Value) -> Option<String> {
    arn.as_str()?.rsplit(':').next().map(str::to_owned)
}

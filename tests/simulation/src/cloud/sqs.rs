//! SQS over its JSON protocol, on top of [`Queue`].

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    answer::{Answer, Answers},
    queue::{Delivery, Luck, Queue, Refusal, Sent, Settings},
};

/// Where every queue's URL begins.
pub const BASE: &str = "http://127.0.0.1:1/000000000000/";
/// How every queue's ARN begins.
const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:";
/// Entries that a batch may have.
const MOST_ENTRIES: usize = 10;

/// All queues, by name.
#[derive(Debug, Default)]
pub struct Sqs {
    queues: BTreeMap<String, Queue>,
    sent: u64,
}

/// What a call of SQS needs besides its body.
pub struct Moment<'a> {
    /// Since the world began.
    pub now: Duration,
    /// Of this call.
    pub luck: &'a mut dyn Luck,
    /// Entries of a batch that fail, by position.
    pub failing: &'a dyn Fn(usize) -> bool,
}

impl Sqs {
    /// Makes a queue.
    pub fn create(&mut self, name: &str, settings: Settings) {
        self.queues
            .entry(name.to_owned())
            .or_insert_with(|| Queue::new(settings));
    }

    /// A queue by name.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.get(name)
    }

    /// Receives as an event source does, without the wire.
    pub fn receive(&mut self, name: &str, most: usize, moment: &mut Moment<'_>) -> Vec<Delivery> {
        self.take(name, most, None, moment)
    }

    /// Removes what an event source acknowledges. An unknown receipt removes nothing.
    pub fn acknowledge(&mut self, name: &str, receipt: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.delete(receipt).unwrap_or_default();
        }
    }

    /// Puts a message into a queue, without the wire.
    pub fn put(&mut self, name: &str, body: &str, group: Option<&str>, now: Duration) {
        let asked = json!({ "MessageBody": body, "MessageGroupId": group });
        self.keep(name, &asked, now);
    }

    /// Answers one call.
    pub fn call(&mut self, operation: &str, asked: &Value, moment: &mut Moment<'_>) -> Answer {
        if operation == "CreateQueue" {
            return self.create_by_wire(asked);
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
                let id = self.keep(&name, asked, moment.now);
                Answer::json(&json!({ "MessageId": id, "MD5OfMessageBody": "not computed" }))
            }
            "SendMessageBatch" => self.send_batch(&name, asked, moment),
            "ReceiveMessage" => self.receive_by_wire(&name, asked, moment),
            "DeleteMessage" | "ChangeMessageVisibility" => {
                self.settle(&name, operation, asked, moment.now)
            }
            "GetQueueAttributes" => self.describe(&name, moment.now),
            _ => Answer::refusal("InvalidAction", operation),
        }
    }

    fn take(
        &mut self,
        name: &str,
        most: usize,
        visibility: Option<Duration>,
        moment: &mut Moment<'_>,
    ) -> Vec<Delivery> {
        let Some(queue) = self.queues.get_mut(name) else {
            return Vec::new();
        };
        let (deliveries, leaving) = queue.receive(most, visibility, moment.now, moment.luck);
        let to = queue.settings.redrive.as_ref().map(|(_, to)| to.clone());
        if let Some(other) = to.and_then(|to| self.queues.get_mut(&to)) {
            for sent in leaving {
                other.send(sent, moment.now, Duration::ZERO);
            }
        }
        deliveries
    }

    fn keep(&mut self, name: &str, asked: &Value, now: Duration) -> String {
        self.sent += 1;
        let id = format!("message-{}", self.sent);
        let sent = Sent {
            id: id.clone(),
            body: text(asked, "MessageBody").unwrap_or_default(),
            attributes: asked["MessageAttributes"].clone(),
            group: text(asked, "MessageGroupId"),
            sent_at: now,
        };
        let delay = seconds(&asked["DelaySeconds"]).unwrap_or_default();
        if let Some(queue) = self.queues.get_mut(name) {
            queue.send(sent, now, delay);
        }
        id
    }

    fn send_batch(&mut self, name: &str, asked: &Value, moment: &Moment<'_>) -> Answer {
        let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
        if entries.is_empty() || entries.len() > MOST_ENTRIES {
            return Answer::refusal("TooManyEntriesInBatchRequest", "one to ten entries");
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (n, entry) in entries.iter().enumerate() {
            if (moment.failing)(n) {
                failed.push(
                    json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }),
                );
            } else {
                let id = self.keep(name, entry, moment.now);
                successful.push(json!({ "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "not computed" }));
            }
        }
        Answer::json(&json!({ "Successful": successful, "Failed": failed }))
    }

    fn receive_by_wire(&mut self, name: &str, asked: &Value, moment: &mut Moment<'_>) -> Answer {
        let most = asked["MaxNumberOfMessages"].as_u64().unwrap_or(1);
        let most = usize::try_from(most).unwrap_or(1);
        let visibility = seconds(&asked["VisibilityTimeout"]);
        let deliveries = self.take(name, most, visibility, moment);
        let messages: Vec<_> = deliveries.iter().map(as_json).collect();
        Answer::json(&json!({ "Messages": messages }))
    }

    fn settle(&mut self, name: &str, operation: &str, asked: &Value, now: Duration) -> Answer {
        let receipt = text(asked, "ReceiptHandle").unwrap_or_default();
        let Some(queue) = self.queues.get_mut(name) else {
            return Answer::refusal("QueueDoesNotExist", name);
        };
        let settled = match seconds(&asked["VisibilityTimeout"]) {
            Some(wait) if operation == "ChangeMessageVisibility" => queue.hide(&receipt, wait, now),
            Some(_) | None => queue.delete(&receipt),
        };
        match settled {
            Ok(()) => Answer::json(&json!({})),
            Err(Refusal::Unknown) => Answer::refusal("ReceiptHandleIsInvalid", &receipt),
            Err(Refusal::NotInFlight) => Answer::refusal("MessageNotInflight", &receipt),
            Err(Refusal::TooLong) => Answer::refusal("InvalidParameterValue", "beyond 12 hours"),
        }
    }

    fn describe(&self, name: &str, now: Duration) -> Answer {
        let (visible, hidden) = self.queues.get(name).map_or((0, 0), |it| it.sizes(now));
        Answer::json(&json!({ "Attributes": {
            "QueueArn": format!("{ARN}{name}"),
            "ApproximateNumberOfMessages": visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
            "ApproximateNumberOfMessagesDelayed": "0",
        } }))
    }

    fn create_by_wire(&mut self, asked: &Value) -> Answer {
        let name = text(asked, "QueueName").unwrap_or_default();
        let said = |name: &str| asked["Attributes"][name].as_str();
        let mut settings = Settings::default();
        let time = |name: &str| {
            said(name)
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs)
        };
        settings.visibility = time("VisibilityTimeout").unwrap_or(settings.visibility);
        settings.retention = time("MessageRetentionPeriod").unwrap_or(settings.retention);
        let policy: Value = said("RedrivePolicy")
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        // A number or a text of digits, as people write it.
        let most = policy["maxReceiveCount"]
            .to_string()
            .trim_matches('"')
            .parse()
            .ok();
        settings.redrive = most.zip(name_of(&policy["deadLetterTargetArn"]));
        self.create(&name, settings);
        Answer::json(&json!({ "QueueUrl": format!("{BASE}{name}") }))
    }

    /// All at once, which SQS does as fast as it can. A moved message is a new one: its count, its age and
    /// its id begin again, its body and attributes stay.
    fn move_messages(&mut self, asked: &Value, now: Duration) -> Answer {
        let Some(from) = name_of(&asked["SourceArn"]) else {
            return Answer::refusal("ResourceNotFoundException", "no source");
        };
        let leads_here = |queue: &Queue| {
            queue
                .settings
                .redrive
                .as_ref()
                .is_some_and(|(_, to)| *to == from)
        };
        let origin = self.queues.iter().find(|(_, queue)| leads_here(queue));
        let Some(origin) = origin.map(|(name, _)| name.clone()) else {
            return Answer::refusal("ResourceNotFoundException", "not a dead-letter queue");
        };
        let to = name_of(&asked["DestinationArn"]).unwrap_or(origin);
        let moved = self
            .queues
            .get_mut(&from)
            .map(Queue::drain)
            .unwrap_or_default();
        for sent in moved {
            let again = json!({ "MessageBody": sent.body, "MessageAttributes": sent.attributes, "MessageGroupId": sent.group });
            self.keep(&to, &again, now);
        }
        Answer::json(&json!({ "TaskHandle": "moved" }))
    }
}

fn as_json(delivery: &Delivery) -> Value {
    let Delivery {
        message,
        receipt,
        receives,
    } = delivery;
    let mut attributes = json!({
        "ApproximateReceiveCount": receives.to_string(),
        "SentTimestamp": message.sent_at.as_millis().to_string(),
    });
    if let Some(group) = &message.group {
        attributes["MessageGroupId"] = json!(group);
    }
    let mut json = json!({ "MessageId": message.id, "ReceiptHandle": receipt, "Body": message.body, "Attributes": attributes });
    if message.attributes.is_object() {
        json["MessageAttributes"] = message.attributes.clone();
    }
    json
}

fn text(asked: &Value, name: &str) -> Option<String> {
    asked[name].as_str().map(str::to_owned)
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

fn name_of(arn: &Value) -> Option<String> {
    arn.as_str()?.rsplit(':').next().map(str::to_owned)
}

//! The back-fill: what it finds in W-API's log and sends, what it leaves alone, how it goes on, and
//! how it fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod asking;
mod failures;
mod found;
mod limits;
mod runs;
mod states;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use backfill::{Backfill, Pace, RunError, RunScope, config::Config};
use fetch::Origins;
use media::{
    ids::InstanceId,
    job::{Job, QueueBody},
    unread::UnreadBody,
};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, Clock, DEFAULT_INSTANCE, Kind, Spec, StandIn};
use tokio::time::Instant;

/// The time of the runs, in seconds since 1970.
const NOW: i64 = 1_787_440_000;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// More time than any run of these tests needs.
const PLENTY: Duration = Duration::from_mins(4);

/// The table of instances, the marks and the media records of a scripted AWS.
#[derive(Default)]
struct Tables {
    /// Items of the instances table.
    instances: Vec<Value>,
    /// Items of the marks table, by instance.
    marks: BTreeMap<String, Value>,
    /// What is known of instances, in the same table, by key.
    states: BTreeMap<String, Value>,
    /// Media records by the id of their message: the attributes beside the key.
    records: BTreeMap<String, Value>,
    /// Messages that wait in the jobs queue.
    waiting: u64,
    /// Items of the table of people of the default instance, by link.
    people: BTreeMap<String, Value>,
    /// Items of the table of orders, by sort key.
    orders: BTreeMap<String, Value>,
}

/// W-API, and an AWS with one registered instance.
struct World {
    origins: StandIn,
    aws: Aws,
    tables: Arc<Mutex<Tables>>,
    /// The time of W-API, in milliseconds since 1970.
    clock_ms: Arc<AtomicU64>,
}

/// An instance that was registered long ago. The token, `old`, is in base64; decrypting returns it
/// as it is.
fn instance_item(id: &str) -> Value {
    json!({
        "instance": { "S": id }, "tenant": { "S": "acme" }, "secret_hashes": { "L": [] },
        "sealed_token": { "S": "b2xk" }, "created_at": { "N": "1700000000" },
    })
}

fn to_ms(seconds: i64) -> u64 {
    u64::try_from(seconds).expect("a time after 1970") * 1000
}

impl Tables {
    fn answer(&mut self, seen: &RecordedRequest) -> Answer {
        if seen.text().contains("\"TableName\":\"people\"") {
            return asking::answer_people(seen, &mut self.people);
        }
        match seen.operation() {
            "Scan" => Answer::json(&json!({ "Items": self.instances })),
            "GetItem" => {
                let item = self.find_item(&seen.json());
                Answer::json(&item.map_or(json!({}), |item| json!({ "Item": item })))
            }
            "UpdateItem" => self.write_mark(seen),
            "BatchGetItem" => asking::answer_orders(seen, &self.orders),
            "Decrypt" => Answer::json(&json!({ "Plaintext": seen.json()["CiphertextBlob"] })),
            "GetQueueAttributes" => {
                let waiting = self.waiting.to_string();
                Answer::json(&json!({ "Attributes": { "ApproximateNumberOfMessages": waiting } }))
            }
            "SendMessage" => Answer::message_accepted(),
            "SendMessageBatch" => Answer::batch_accepted(seen),
            _ => Answer::json_error(400, "NothingScripted"),
        }
    }

    fn find_item(&self, asked: &Value) -> Option<Value> {
        if asked["TableName"] == "orders" {
            let key = asked["Key"]["order"]["S"].as_str().expect("a key");
            return self.orders.get(key).cloned();
        }
        let instance = asked["Key"]["instance"]["S"].as_str().expect("an instance");
        match asked["TableName"].as_str().expect("a table") {
            "instances" => {
                let mut all = self.instances.iter();
                all.find(|item| item["instance"]["S"] == instance).cloned()
            }
            "marks" => self.marks.get(instance).cloned(),
            "media" => {
                let key = asked["Key"]["message_id"]["S"].as_str().expect("a key");
                // The place of earlier versions, whose key is the id alone, is empty.
                let mut all = self.records.iter();
                let (id, record) = all.find(|(id, _)| key.starts_with(&format!("{id}#")))?;
                let mut item = record.clone();
                item["message"] = json!({ "S": id });
                Some(item)
            }
            other => unreachable!("the table {other}"),
        }
    }

    /// Writes the mark, if its condition holds: nobody wrote it since it was read.
    fn write_mark(&mut self, seen: &RecordedRequest) -> Answer {
        assert_eq!(seen.json()["TableName"], "marks");
        let update = Update::from_request(seen);
        let instance = update.key["instance"]["S"].as_str().expect("an instance").to_owned();
        if instance.starts_with("state#") {
            return states::write_state(&mut self.states, instance, update);
        }
        let present = self.marks.get(&instance);
        let written = present.and_then(|item| item["updated_at"]["N"].as_str());
        let expected = match written {
            Some(at) => format!("updated_at = {at}"),
            None => "attribute_not_exists(updated_at)".to_owned(),
        };
        if update.condition.as_deref() != Some(expected.as_str()) {
            return Answer::condition_failed(None);
        }
        let mut item = present.cloned().unwrap_or_else(|| json!({}));
        let attributes = item.as_object_mut().expect("an item");
        attributes.extend(update.sets);
        attributes.retain(|name, _| !update.removes.contains(name));
        self.marks.insert(instance, item);
        Answer::json(&json!({}))
    }
}

impl World {
    async fn start() -> Self {
        let origins = StandIn::start().await.expect("origins");
        origins.register_instance(DEFAULT_INSTANCE, "old");
        let clock_ms = Arc::new(AtomicU64::new(to_ms(NOW)));
        let clock = Arc::clone(&clock_ms);
        origins.set_clock(Clock::new(move || clock.load(Ordering::SeqCst)));
        let tables = Arc::new(Mutex::new(Tables {
            instances: vec![instance_item(DEFAULT_INSTANCE)],
            ..Tables::default()
        }));
        let scripted = Arc::clone(&tables);
        let aws = Aws::start(move |seen| scripted.lock().expect("the tables").answer(seen)).await;
        Self { origins, aws, tables, clock_ms }
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().expect("the tables")
    }

    /// Changes attributes of the registered instance.
    fn change_instance(&self, attributes: &Value) {
        let attributes = attributes.as_object().expect("an object").clone();
        let mut tables = self.tables();
        tables.instances[0].as_object_mut().expect("an item").extend(attributes);
    }

    /// A media message of the default instance that W-API logged this long ago.
    fn announce(&self, seed: &str, ago: i64) -> AnnouncedMedia {
        self.announce_spec(Spec::of(Kind::Image).seed(seed).moment(NOW - ago), ago)
    }

    fn announce_spec(&self, spec: Spec, ago: i64) -> AnnouncedMedia {
        self.clock_ms.store(to_ms(NOW - ago), Ordering::SeqCst);
        let announced = self.origins.announce(spec).expect("a media file");
        self.clock_ms.store(to_ms(NOW), Ordering::SeqCst);
        announced
    }

    /// Logs a webhook without media.
    fn log_status(&self, number: i64, ago: i64) {
        let body = json!({ "event": "webhookStatus", "messageId": format!("STATUS{number}") });
        self.origins.log_webhook(DEFAULT_INSTANCE, &body, Some(to_ms(NOW - ago)));
    }

    fn set_record(&self, announced: &AnnouncedMedia, record: Value) {
        self.tables().records.insert(announced.message_id.clone(), record);
    }

    /// The mark of the default instance; null if there is none.
    fn mark(&self) -> Value {
        self.tables().marks.get(DEFAULT_INSTANCE).cloned().unwrap_or_default()
    }

    fn set_mark(&self, mark: Value) {
        self.tables().marks.insert(DEFAULT_INSTANCE.to_owned(), mark);
    }

    fn backfill(&self, max_pages: u32) -> Backfill {
        let has_people = !self.tables().people.is_empty();
        let config = Config {
            region: "us-east-1".to_owned(),
            endpoint: None,
            instances_table: "instances".to_owned(),
            media_table: "media".to_owned(),
            marks_table: "marks".to_owned(),
            orders_table: "orders".to_owned(),
            // Only the tests of questions have numbers to ask for.
            people_table: Some("people".to_owned()).filter(|_| has_people),
            jobs_queue_url: "https://sqs.example.invalid/jobs".to_owned(),
            origins: Origins::for_wapi(&self.origins.wapi_base()).expect("a URL"),
        };
        let pace = Pace { pause: Duration::ZERO, max_pages, ask_pause: Duration::ZERO };
        Backfill::with_clients(&self.aws.clients, config, pace).expect("a client")
    }

    /// Runs the default instance's pass at this time.
    async fn try_run_at(&self, now: i64) -> Result<(), RunError> {
        let scope = RunScope::One(InstanceId::parse(DEFAULT_INSTANCE).expect("an id"));
        self.backfill(200).run(&scope, now, Instant::now() + PLENTY).await
    }

    async fn run_at(&self, now: i64) {
        self.try_run_at(now).await.expect("a run");
    }

    async fn run(&self) {
        self.run_at(NOW).await;
    }

    /// The bodies of all messages that were sent to the jobs queue.
    fn sent_bodies(&self) -> Vec<String> {
        let requests = self.aws.requests();
        let bodies = requests.iter().flat_map(|seen| match seen.operation() {
            "SendMessage" => vec![seen.json()["MessageBody"].clone()],
            "SendMessageBatch" => {
                let entries = seen.json()["Entries"].as_array().cloned().expect("entries");
                entries.iter().map(|entry| entry["MessageBody"].clone()).collect()
            }
            _ => Vec::new(),
        });
        bodies.map(|body| body.as_str().expect("a body").to_owned()).collect()
    }

    fn sent_jobs(&self) -> Vec<Job> {
        let bodies = self.sent_bodies();
        let parsed = bodies.iter().filter_map(|body| match QueueBody::parse(body) {
            Ok(QueueBody::Job(job)) => Some(*job),
            Ok(QueueBody::Unread(_)) => None,
            Err(error) => unreachable!("{error}"),
        });
        parsed.collect()
    }

    fn sent_unread(&self) -> Vec<UnreadBody> {
        let bodies = self.sent_bodies();
        bodies.iter().filter_map(|body| UnreadBody::parse(body).ok()).collect()
    }

    /// The message ids of all jobs, in order.
    fn sent_ids(&self) -> Vec<String> {
        let jobs = self.sent_jobs().into_iter();
        jobs.map(|job| job.message.message_id.as_str().to_owned()).collect()
    }

    /// How many times a mark was written.
    fn mark_writes(&self) -> usize {
        let updates = self.aws.requests_of("UpdateItem");
        updates.iter().filter(|seen| !seen.text().contains("state#")).count()
    }

    /// How many pages of W-API's log were requested.
    fn pages_read(&self) -> usize {
        let requests = self.origins.requests();
        requests.iter().filter(|one| one.path.ends_with("/webhook/fetch-webhook-logs")).count()
    }
}

//! The stream of the media table, read for the events function. At the end, what receivers were
//! told.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use media::{delivery::Delivery, media_link::LinkToken};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    cloud::Cloud,
    function::{DELIVERIES, JOBS_TABLE, LINKS, MEDIA, ProcessContext, RECEIVERS},
    plan::CUSTOMERS,
    stream::{StreamReader, WINDOW},
};

/// The tenant whose stored files get links.
pub(crate) const TENANT_WITH_LINKS: &str = "acme";

/// The final states of records, each of which is an event. Of an erased one, only the change says
/// whose it was.
const FINAL_STATES: [&str; 3] = ["stored", "parked", "skipped"];

/// A receiver of events for each tenant: the items of its table.
pub(crate) fn receiver_items() -> Vec<Value> {
    let tenants: BTreeSet<_> = CUSTOMERS.iter().map(|one| one.tenant).collect();
    let item = |(tenant, letter): (&str, char)| {
        let id = format!("*#rcv_{}", letter.to_string().repeat(16));
        let item = json!({
            "tenant": { "S": tenant }, "receiver": { "S": id }, "what": { "S": "media" },
            "host": { "S": "app.example.invalid" },
        });
        json!({ "TableName": RECEIVERS, "Item": item })
    };
    tenants.into_iter().zip('a'..).map(item).collect()
}

/// Reads the stream.
pub(crate) struct Publisher {
    around: Arc<ProcessContext>,
    state: Mutex<State>,
}

struct State {
    reader: StreamReader,
    /// The records that the stream saw erased.
    erased: BTreeSet<End>,
}

impl Publisher {
    /// A publisher at the beginning of the stream.
    pub(crate) fn new(around: &Arc<ProcessContext>) -> Arc<Self> {
        let reader = StreamReader::new(around, MEDIA, "events-0");
        let state = Mutex::new(State { reader, erased: BTreeSet::new() });
        Arc::new(Self { around: Arc::clone(around), state })
    }

    /// Publishes without end.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let changed = self.around.cloud.wait_for_queue_change();
            tokio::select! {
                () = changed => tokio::time::sleep(WINDOW).await,
                () = tokio::time::sleep(Duration::from_hours(1)) => {}
            }
            self.publish_all().await;
        }
    }

    /// Publishes everything that the stream has.
    pub(crate) async fn publish_all(&self) {
        let mut state = self.state.lock().await;
        loop {
            let changes = state.reader.publish_some().await;
            if changes.is_empty() {
                return;
            }
            state.erased.extend(changes.iter().filter_map(read_erased));
        }
    }

    /// The ends of which no receiver was told, and will not be: no delivery says so, in the queue
    /// or at rest. And the links to stored files that a delivery has and that lead nowhere.
    pub(crate) async fn untold(&self) -> Vec<String> {
        let cloud = &self.around.cloud;
        let bodies = delivered_bodies(cloud);
        let told: BTreeSet<_> = bodies.iter().filter_map(read_told).collect();
        let records = cloud.tables.items(MEDIA).unwrap_or_default();
        let ends: BTreeSet<_> = records.iter().filter_map(read_end).collect();
        let erased = self.state.lock().await.erased.clone();
        let untold = ends.union(&erased).filter(|end| !told.contains(*end));
        let untold = untold.map(|end| format!("nobody was told: {end:?}"));
        untold.chain(dead_links(cloud, &bodies, &records)).collect()
    }
}

/// What the events say that are in the queue or at rest.
fn delivered_bodies(cloud: &Cloud) -> Vec<Value> {
    let queued = {
        let sqs = cloud.lock_sqs();
        let queue = sqs.queue(DELIVERIES).expect("a queue");
        let bodies = queue.messages().map(|one| one.body.clone());
        bodies.collect::<Vec<_>>()
    };
    let resting = cloud.tables.items(JOBS_TABLE).unwrap_or_default();
    let resting = resting.iter().filter(|item| is_resting_delivery(item));
    let resting = resting.filter_map(|item| item["body"]["S"].as_str().map(str::to_owned));
    let event = |body: String| {
        let delivery = Delivery::parse(&body).ok()?;
        serde_json::from_slice(delivery.expose().ok()?).ok()
    };
    queued.into_iter().chain(resting).filter_map(event).collect()
}

/// What is wrong with the links of events about files that are still stored: an event has none, or
/// the table or the record does not know it.
fn dead_links(cloud: &Cloud, events: &[Value], records: &[Value]) -> Vec<String> {
    let links = cloud.tables.items(LINKS).unwrap_or_default();
    let find_fault = |event: &Value| {
        let data = &event["data"];
        let is_its = |record: &&Value| {
            record["instance"]["S"] == data["instance"] && record["object_key"]["S"] == data["key"]
        };
        let record = records.iter().find(is_its)?;
        let Some(url) = data["link"]["url"].as_str() else {
            return Some("no link");
        };
        let (_, token) = url.rsplit_once("/m/").expect("a token");
        let hash = LinkToken::parse(token).expect("a token").hash();
        let is_there = links.iter().any(|link| link["token"]["S"] == *hash);
        let known = record["links"]["SS"].as_array();
        let is_known = known.is_some_and(|known| known.iter().any(|one| *one == *hash));
        (!is_there || !is_known).then_some("a link that leads nowhere")
    };
    let is_meant = |event: &&Value| {
        event["type"] == "media.stored" && event["data"]["tenant"] == TENANT_WITH_LINKS
    };
    let faults = events.iter().filter(is_meant);
    let faults = faults.filter_map(|event| Some((find_fault(event)?, &event["id"])));
    faults.map(|(fault, id)| format!("{fault} in event {id}")).collect()
}

/// Whether an item of the jobs table is a delivery that rests, and not a job.
pub(crate) fn is_resting_delivery(item: &Value) -> bool {
    item["instance"]["S"].as_str().is_some_and(|instance| instance.starts_with("~rcv_"))
}

/// Tenant, instance, message and state.
type End = [String; 4];

fn read_told(event: &Value) -> Option<End> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let data = &event["data"];
    let state = event["type"].as_str()?.strip_prefix("media.")?.to_owned();
    Some([text(&data["tenant"])?, text(&data["instance"])?, text(&data["message_id"])?, state])
}

/// The end of a record in whose place a change puts the mark of an erased one.
fn read_erased(change: &Value) -> Option<End> {
    let (before, after) = (&change["dynamodb"]["OldImage"], &change["dynamodb"]["NewImage"]);
    let is_erased = |image: &Value| image["state"]["S"] == "erased";
    let tenant = before["tenant"]["S"].as_str().filter(|_| is_erased(after))?;
    let text = |name: &str| after[name]["S"].as_str().map(str::to_owned);
    let message = text("message").or_else(|| text("message_id"))?;
    Some([tenant.to_owned(), text("instance")?, message, "erased".to_owned()])
}

fn read_end(record: &Value) -> Option<End> {
    let text = |name: &str| record[name]["S"].as_str().map(str::to_owned);
    let state = text("state").filter(|state| FINAL_STATES.contains(&state.as_str()))?;
    let message = text("message").or_else(|| text("message_id"))?;
    Some([text("tenant")?, text("instance")?, message, state])
}

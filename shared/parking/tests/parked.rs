//! Looking through parked jobs, redriving and dropping them, against a scripted AWS with a small
//! queue.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod samples;

use std::sync::{Arc, Mutex};

use media::{failure::FailureClass, job::QueuedJob, parked::Filter, sha256::Sha256};
use parking::{DropSummary, Failures, RedriveMode, RedriveSummary};
use scripted_aws::{Answer, Aws, RecordedRequest as Request, Update};
use serde_json::{Value, json};

use samples::{message, parking};

const NOW: i64 = 1_787_440_000;
const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
const ALL_AT_ONCE: RedriveMode = RedriveMode::Send { per_second: 500 };

/// The body of a job in a queue.
fn job(tenant: &str, message: &str) -> String {
    json!({ "version": "1", "tenant": tenant, "instance": "LITE-AAAAAA-BBBBBB", "accepted_at": 1_787_000_000,
        "message": { "message_id": message, "chat": "5500900000002", "direction": "in", "moment": 1_787_000_000,
            "kind": "image" } })
    .to_string()
}

/// A job of the jobs table, or another message: what its entry says.
struct Entry {
    instance: &'static str,
    key: String,
    class: String,
    tenant: Option<String>,
    body: String,
}

impl Entry {
    /// The entry of a parked message. What SQS parked has none.
    fn of(message: &Value) -> Option<Self> {
        let body = message["Body"].as_str().expect("a body").to_owned();
        let class = message["MessageAttributes"]["class"]["StringValue"].as_str()?.to_owned();
        let Ok(job) = QueuedJob::parse(&body).map(QueuedJob::into_job) else {
            let digest = Sha256::from_data(body.as_bytes()).to_hex();
            let key = format!("~body.{digest}.{}", body.len());
            return Some(Self { instance: "~", key, class, tenant: None, body });
        };
        let key = job.message.identity().record_keys().next().expect("a key");
        let (key, tenant) = (key.as_str().to_owned(), Some(job.tenant.to_string()));
        Some(Self { instance: INSTANCE, key, class, tenant, body })
    }

    fn index_item(&self) -> Value {
        let mut item = json!({ "instance": { "S": self.instance }, "message_id": { "S": self.key },
            "reason": { "S": "a reason" }, "kind": { "S": "image" },
            "recoverable_until": { "N": "1788000000" }, "updated_at": { "N": "1787000000" } });
        if let Some(tenant) = &self.tenant {
            item["tenant"] = json!({ "S": tenant });
        }
        item
    }

    fn item(&self) -> Value {
        let mut item = json!({ "state": { "S": "parked" }, "class": { "S": self.class },
            "reason": { "S": "a reason" }, "body": { "S": self.body } });
        if let Some(tenant) = &self.tenant {
            item["tenant"] = json!({ "S": tenant });
        }
        item
    }
}

/// The item of the media table that a `GetItem` finds: a record in this state with an entry, under
/// its present key.
fn record_item(request: &Request, state: &str) -> Answer {
    let key = request.json()["Key"]["message_id"]["S"].clone();
    let id = key.as_str().and_then(|key| key.split_once('#')).map(|(id, _)| id.to_owned());
    let item = id.map(|id| {
        json!({ "state": { "S": state }, "message": { "S": id }, "message_id": { "S": key },
            "has_entry": { "BOOL": true } })
    });
    Answer::json(&json!({ "Item": item }))
}

/// AWS with these messages in the parked queue: each is received once. Those with a class are in
/// the jobs table as well. `stored` is the id of a message whose record is `stored`,
/// or `UNRECORDED` one that has none; `fails` is an operation that AWS refuses.
async fn aws(messages: Vec<Value>, stored: &'static str, fails: &'static str) -> Aws {
    let entries: Vec<_> = messages.iter().filter_map(Entry::of).collect();
    let visible = Arc::new(Mutex::new(messages));
    Aws::start(move |request: &Request| {
        let operation = request.operation();
        if operation == fails {
            return Answer::json_error(400, "AccessDeniedException");
        }
        let is_stored = !stored.is_empty() && request.text().contains(stored);
        match operation {
            "ReceiveMessage" => {
                let mut visible = visible.lock().expect("the queue");
                let most = visible.len().min(10);
                let taken: Vec<_> = visible.drain(..most).collect();
                Answer::json(&json!({ "Messages": taken }))
            }
            "Query" => {
                let asked = request.json();
                let values = &asked["ExpressionAttributeValues"];
                let is_asked = |entry: &&Entry| {
                    let tenant = &values[":tenant"]["S"];
                    values[":class"]["S"] == format!("parked#{}", entry.class)
                        && (tenant.is_null() || tenant.as_str() == entry.tenant.as_deref())
                };
                let items: Vec<_> =
                    entries.iter().filter(is_asked).map(Entry::index_item).collect();
                Answer::json(&json!({ "Items": items }))
            }
            "GetItem" if request.json()["TableName"] == "jobs-table" => {
                let key = request.json()["Key"]["message_id"]["S"].clone();
                let item = entries.iter().find(|entry| key == entry.key).map(Entry::item);
                Answer::json(&json!({ "Item": item }))
            }
            "GetItem" if request.text().contains("UNRECORDED") => Answer::json(&json!({})),
            "GetItem" if is_stored => record_item(request, "stored"),
            "GetItem" => record_item(request, "parked"),
            "TransactWriteItems" if is_stored => {
                Answer::transaction_cancelled(["ConditionalCheckFailed", "None"])
            }
            "GetQueueAttributes" => {
                let is_parked = request.text().contains("parked");
                let name = if is_parked { "parked" } else { "jobs" };
                Answer::json(&json!({ "Attributes": { "QueueArn": format!("arn:{name}") } }))
            }
            "SendMessage" => Answer::message_accepted(),
            _ => Answer::json(&json!({})),
        }
    })
    .await
}

async fn redrive(aws: &Aws, filter: &Filter, mode: RedriveMode) -> RedriveSummary {
    let redriven = parking(aws).redrive(filter, mode, NOW, |_| {}).await;
    redriven.expect("a redrive")
}

/// The receipt handles in the requests of an operation, in order.
fn receipts(aws: &Aws, operation: &str) -> Vec<String> {
    let calls = aws.requests_of(operation).into_iter();
    let receipt = |call: Request| call.json()["ReceiptHandle"].as_str().expect("one").to_owned();
    calls.map(receipt).collect()
}

/// One job failed, and its operator learns AWS's error: a command has no log.
fn must_name(failures: &Failures, operation: &str) {
    assert_eq!(failures.count, 1);
    let first = failures.first.as_ref().expect("an error");
    assert_eq!((first.operation, first.code.as_str()), (operation, "AccessDeniedException"));
}

/// A message that cannot be compared with its record stays, and the look says why.
#[tokio::test]
async fn a_look_says_what_it_could_not_compare() {
    let body = job("acme", "M1");
    let aws = aws(vec![message(0, &body, Some("expired"))], "", "GetItem").await;
    let seen = parking(&aws).look(NOW, |_| {}).await.expect("a look");
    assert_eq!((seen.messages, seen.removed), (1, 0));
    must_name(&seen.failures, "dynamodb:GetItem");
}

#[tokio::test]
async fn a_look_shows_every_message_once_and_releases_it() {
    let bodies: Vec<_> = (0..23).map(|n| job("acme", &format!("M{n}"))).collect();
    let messages = bodies.iter().enumerate();
    let messages = messages.map(|(n, body)| message(n, body, Some("expired")));
    let aws = aws(messages.collect(), "", "").await;
    let mut shown = Vec::new();
    let look = parking(&aws).look(NOW, |parked| shown.push(parked.clone())).await;
    let seen = look.expect("a look");
    assert_eq!((seen.messages, seen.reconciled), (23, 0));
    assert_eq!(shown.len(), 23);
    assert_eq!(shown[0].class, FailureClass::Expired);
    assert_eq!(shown[0].reason, "a reason");
    assert_eq!(shown[0].parked_at, 1_787_000_000);
    assert_eq!(receipts(&aws, "ChangeMessageVisibility").len(), 23);
    assert!(receipts(&aws, "DeleteMessage").is_empty());
}

/// SQS may keep copies of a message that was deleted. A copy of what stays is shown once.
#[tokio::test]
async fn a_look_deletes_every_copy() {
    let copy = |n: usize, id: usize, job_of: &str| {
        let mut copy = message(n, &job("acme", job_of), Some("expired"));
        copy["MessageId"] = json!(format!("id-{id}"));
        copy
    };
    let mut messages = vec![copy(0, 0, "SETTLED"), copy(1, 0, "SETTLED"), copy(2, 2, "STAYS")];
    messages.extend((3..10).map(|n| copy(n, n, &format!("M{n}"))));
    messages.extend([copy(10, 0, "SETTLED"), copy(11, 2, "STAYS"), copy(12, 12, "STAYS")]);
    let aws = aws(messages, "SETTLED", "").await;
    let seen = parking(&aws).look(NOW, |_| {}).await.expect("a look");
    assert_eq!((seen.messages, seen.removed), (9, 1));
    assert_eq!(receipts(&aws, "DeleteMessage"), ["receipt-0", "receipt-1", "receipt-10"]);
    assert_eq!(receipts(&aws, "ChangeMessageVisibility").len(), 10);
}

#[tokio::test]
async fn only_parking_by_sqs_is_reconciled() {
    let (ours, theirs) = (job("acme", "OURS"), job("acme", "UNRECORDED"));
    let messages = vec![
        message(0, &ours, Some("corrupt")),
        message(1, &theirs, None),
        message(2, "no job at all", None),
    ];
    let aws = aws(messages, "", "").await;
    let mut classes = Vec::new();
    let parking = parking(&aws);
    let look = parking.look(NOW, |parked| classes.push(parked.class));
    let seen = look.await.expect("a look");
    assert_eq!((seen.messages, seen.reconciled, seen.removed), (3, 2, 0));
    assert_eq!(seen.failures.count, 0);
    // The place of earlier versions has no record, and the transaction there creates none.
    let written = aws.requests_of("TransactWriteItems");
    let written: Vec<_> = written.iter().map(Request::text).collect();
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|text| text.contains("received too often")), "{written:?}");
    assert!(written.iter().any(|text| text.contains("UNRECORDED")), "{written:?}");
    // What is no job has an entry, and no record.
    let body = written.iter().find(|text| text.contains("no job at all")).expect("an entry");
    assert!(body.contains("parked#poison") && !body.contains(r#""TableName":"media""#), "{body}");
    assert_eq!(classes, [FailureClass::Corrupt, FailureClass::Transient, FailureClass::Poison]);
}

#[tokio::test]
async fn a_dry_run_sends_and_deletes_nothing() {
    let body = job("acme", "M1");
    let aws = aws(vec![message(0, &body, Some("expired"))], "", "").await;
    let redriven = redrive(&aws, &Filter::default(), RedriveMode::DryRun).await;
    assert_eq!(redriven.admitted, 1);
    assert!(
        aws.requests_of("SendMessage").is_empty() && aws.requests_of("ReceiveMessage").is_empty()
    );
}

/// After a crash between the two, the watch function sends it. The message in the parked queue is
/// left to the next look.
#[tokio::test]
async fn a_job_is_decided_before_it_is_sent() {
    let body = job("acme", "M1");
    let aws = aws(vec![message(0, &body, Some("transient"))], "", "").await;
    let redriven = redrive(&aws, &Filter::default(), ALL_AT_ONCE).await;
    assert_eq!((redriven.admitted, redriven.sent), (1, 1));
    let order = aws.operations();
    let at = |name: &str| order.iter().position(|one| *one == name).expect(name);
    assert!(at("TransactWriteItems") < at("SendMessage"), "{order:?}");
    let decided = aws.only_request("TransactWriteItems").json();
    let [record, entry] = [0, 1].map(|n| Update::from_body(&decided["TransactItems"][n]["Update"]));
    let now = json!({ "N": NOW.to_string() });
    assert_eq!(
        (&record.sets["state"]["S"], &record.sets["decided_at"]),
        (&json!("retrying"), &now)
    );
    assert!(record.removes.contains("lease_owner"));
    let parked = "state = parked AND (attribute_not_exists(lease_owner) OR lease_until < ";
    assert!(record.condition.is_some_and(|it| it.starts_with(parked)));
    assert_eq!(entry.condition.as_deref(), Some("state = parked"));
    assert_eq!(entry.sets["state_class"]["S"], "retrying#transient");
    let due = json!({ "N": (NOW + 7200).to_string() });
    assert_eq!((&entry.sets["due_at"], &record.sets["queued_until"]), (&due, &due));
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(
        (&sent["MessageGroupId"], &sent["MessageBody"]),
        (&json!("acme"), &entry.sets["body"]["S"])
    );
    let name = sent["MessageAttributes"]["entry"]["StringValue"].as_str().expect("an entry");
    assert!(name.starts_with("LITE-AAAAAA-BBBBBB/M1#"), "{name}");
    let again = QueuedJob::parse(sent["MessageBody"].as_str().expect("a body"));
    let again = again.expect("a job").into_job();
    assert_eq!((again.accepted_at, again.message.message_id.as_str()), (NOW, "M1"));
}

#[tokio::test]
async fn only_matching_jobs_are_redriven() {
    let (acme, other) = (job("acme", "M1"), job("other", "M2"));
    let messages = vec![
        message(0, &acme, Some("expired")),
        message(1, &other, Some("expired")),
        message(2, "no job at all", Some("poison")),
    ];
    let aws = aws(messages, "", "").await;
    let filter = Filter { tenant: Some("other".parse().expect("a tenant")), ..Filter::default() };
    let redriven = redrive(&aws, &filter, ALL_AT_ONCE).await;
    assert_eq!((redriven.admitted, redriven.sent), (1, 1));
    assert!(aws.only_request("SendMessage").text().contains("M2"));
    assert!(aws.requests_of("DeleteMessage").is_empty());
    let queries = aws.requests_of("Query");
    assert!(queries.iter().all(|query| query.json()["IndexName"] == "by_tenant"));
}

/// What a class needs is in one index; the queue, however long, is not received.
#[tokio::test]
async fn a_class_is_redriven_without_the_queue() {
    let bodies: Vec<_> = (0..3).map(|n| job("acme", &format!("M{n}"))).collect();
    let classes = ["expired", "transient", "expired"];
    let messages = bodies.iter().zip(classes).enumerate();
    let messages = messages.map(|(n, (body, class))| message(n, body, Some(class))).collect();
    let aws = aws(messages, "", "").await;
    let filter = Filter { class: Some(FailureClass::Expired), ..Filter::default() };
    let redriven = redrive(&aws, &filter, ALL_AT_ONCE).await;
    assert_eq!((redriven.admitted, redriven.sent), (2, 2));
    assert_eq!(aws.requests_of("ReceiveMessage").len(), 0);
    assert_eq!(aws.requests_of("Query").len(), 1);
}

/// The redrive removes its entry, and the next look its message.
#[tokio::test]
async fn a_job_stored_meanwhile_is_only_removed() {
    let body = job("acme", "DONE");
    let aws = aws(vec![message(0, &body, Some("transient"))], "DONE", "").await;
    let redriven = redrive(&aws, &Filter::default(), ALL_AT_ONCE).await;
    assert_eq!((redriven.sent, redriven.stored_already), (0, 1));
    assert!(aws.requests_of("SendMessage").is_empty());
    parking(&aws).look(NOW, |_| {}).await.expect("a look");
    assert_eq!(receipts(&aws, "DeleteMessage"), ["receipt-0"]);
    assert_eq!(aws.only_request("DeleteItem").json()["TableName"], "jobs-table");
}

/// It is due at once, so the watch function sends it.
#[tokio::test]
async fn a_job_that_was_not_sent_is_due() {
    let body = job("acme", "M1");
    let aws = aws(vec![message(0, &body, Some("transient"))], "", "SendMessage").await;
    let redriven = redrive(&aws, &Filter::default(), ALL_AT_ONCE).await;
    assert_eq!((redriven.sent, redriven.left_to_watch), (0, 1));
    must_name(&redriven.failures, "sqs:SendMessage");
    let given = Update::from_request(&aws.only_request("UpdateItem"));
    assert_eq!(given.sets["due_at"], json!({ "N": NOW.to_string() }));
}

#[tokio::test]
async fn a_body_that_cannot_be_sent_stays_parked() {
    let aws = aws(vec![message(0, "no job at all", Some("poison"))], "", "SendMessage").await;
    let redriven = redrive(&aws, &Filter::default(), ALL_AT_ONCE).await;
    let RedriveSummary { sent, left_to_watch, failures, .. } = redriven;
    assert_eq!((sent, left_to_watch), (0, 0));
    must_name(&failures, "sqs:SendMessage");
    assert!(aws.requests_of("TransactWriteItems").is_empty());
}

#[tokio::test]
async fn an_unknown_body_is_sent_unchanged() {
    let aws = aws(vec![message(0, "no job at all", Some("poison"))], "", "").await;
    let redriven = redrive(&aws, &Filter::default(), ALL_AT_ONCE).await;
    assert_eq!(redriven.sent, 1);
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageBody"], "no job at all");
    // It stays parked until a run has read it: the run finds the entry by its name.
    assert!(aws.requests_of("TransactWriteItems").is_empty());
    let name = sent["MessageAttributes"]["body_entry"]["StringValue"].as_str().expect("an entry");
    assert!(name.starts_with("~/~body.") && name.ends_with(".13"), "{name}");
}

async fn dropped(aws: &Aws, filter: &Filter) -> DropSummary {
    let dropped = parking(aws).drop(filter, NOW, |_| {}).await;
    dropped.expect("a drop")
}

/// Its message in the parked queue is left to the next look.
#[tokio::test]
async fn a_drop_is_recorded_with_the_entrys_end() {
    let messages = vec![
        message(0, &job("acme", "M1"), Some("expired")),
        message(1, &job("acme", "M2"), Some("corrupt")),
        message(2, "no job at all", Some("poison")),
    ];
    let aws = aws(messages, "", "").await;
    let of = |class| Filter { class: Some(class), ..Filter::default() };
    let one = dropped(&aws, &of(FailureClass::Expired)).await;
    assert_eq!((one.admitted, one.dropped, one.failures.count), (1, 1, 0));
    let items = aws.only_request("TransactWriteItems").json()["TransactItems"].clone();
    let record = items[0].to_string();
    assert!(record.contains("skipped") && record.contains("dropped by an operator"));
    assert!(record.contains("decided_at"), "an older copy of the job must not bring it back");
    assert_eq!(items[1]["Delete"]["TableName"], "jobs-table");
    assert!(aws.requests_of("ReceiveMessage").is_empty());
}

#[tokio::test]
async fn a_drop_that_cannot_be_recorded_fails() {
    let body = job("acme", "M1");
    let aws = aws(vec![message(0, &body, Some("expired"))], "", "TransactWriteItems").await;
    let none = dropped(&aws, &Filter::default()).await;
    assert_eq!((none.admitted, none.dropped, none.in_use), (1, 0, 0));
    must_name(&none.failures, "dynamodb:TransactWriteItems");
}

/// Its entry stays without the body, so that the copy in the parked queue does not bring it back.
#[tokio::test]
async fn an_unknown_body_is_dropped_without_a_record() {
    let aws = aws(vec![message(0, "no job at all", Some("poison"))], "", "").await;
    let gone = dropped(&aws, &Filter::default()).await;
    assert_eq!(gone.dropped, 1);
    let items = aws.only_request("TransactWriteItems").json()["TransactItems"].clone();
    let settled = Update::from_body(&items[0]["Update"]);
    assert_eq!(settled.table, "jobs-table");
    assert_eq!(settled.sets["state"]["S"], "settled");
    let of_index = ["state_class", "tenant", "recoverable_until", "due_at", "due_shard"];
    let removed = of_index.iter().chain(&["body", "reason"]);
    assert!(removed.into_iter().all(|name| settled.removes.contains(*name)), "{settled:?}");
    assert!(aws.requests_of("ReceiveMessage").is_empty());
}

#[tokio::test]
async fn sqs_moves_the_whole_queue_at_an_accepted_rate() {
    let aws = aws(Vec::new(), "", "").await;
    let moved = parking(&aws).redrive_all(9999).await;
    moved.expect("a task");
    let task = aws.only_request("StartMessageMoveTask").json();
    assert_eq!(
        task,
        json!({ "SourceArn": "arn:parked", "DestinationArn": "arn:jobs", "MaxNumberOfMessagesPerSecond": 500 })
    );
}

/// It fails at once and is parked again, at another place of the index, while the redrive reads on.
#[tokio::test]
async fn a_body_parked_again_is_not_sent_twice() {
    let entry = Entry::of(&message(0, "no job at all", Some("poison"))).expect("an entry");
    let (listed, found) = (entry.index_item(), entry.item());
    let aws = Aws::start(move |request: &Request| match request.operation() {
        "Query" => {
            let asked = request.json();
            let is_poison = asked["ExpressionAttributeValues"][":class"]["S"] == "parked#poison";
            let mut page = json!({ "Items": if is_poison { vec![&listed] } else { vec![] } });
            if is_poison && asked["ExclusiveStartKey"].is_null() {
                page["LastEvaluatedKey"] = json!({ "instance": { "S": "~" } });
            }
            Answer::json(&page)
        }
        "GetItem" => Answer::json(&json!({ "Item": found })),
        "SendMessage" => Answer::message_accepted(),
        _ => Answer::json(&json!({})),
    })
    .await;
    let redriven = redrive(&aws, &Filter::default(), ALL_AT_ONCE).await;
    assert_eq!((redriven.admitted, redriven.sent), (1, 1));
    assert_eq!(aws.requests_of("SendMessage").len(), 1);
}

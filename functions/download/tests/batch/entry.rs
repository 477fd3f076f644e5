//! The job entry: when a run writes, keeps and deletes the copy of its job.

use media::sha256::Sha256;
use scripted_aws::{Answer, RecordedRequest, Update};
use serde_json::{Value, json};
use stand_in::{CdnScenario, DEFAULT_INSTANCE, Kind, Spec, WapiScenario};

use crate::{
    PLENTY, create_worker, delayed_media, lost_media, queued_job,
    requests::{
        due_at, entry_writes, healthy_aws, is_claim, main_operations, outcome_updates,
        refuse_claim, written_entry,
    },
    retry_answer, run_batch, run_job, sqs_event, start_servers, success_answer,
};

/// Healthy AWS, and a claim that finds these attributes in the record.
fn aws_with_record(record: Value) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    move |seen: &RecordedRequest| match is_claim(seen) {
        true => Answer::json(&json!({ "Attributes": record })),
        false => healthy_aws(seen),
    }
}

/// The event of a job that was sent from the entry with this key.
fn event_from_entry(job: String, key: &str) -> aws_lambda_events::sqs::SqsEvent {
    let mut event = serde_json::to_value(sqs_event(&[job])).expect("JSON");
    event["Records"][0]["messageAttributes"] = json!({
        "entry": { "stringValue": format!("{DEFAULT_INSTANCE}/{key}"), "dataType": "String" }
    });
    serde_json::from_value(event).expect("an event")
}

/// The happy path pays for no entry.
#[tokio::test]
async fn a_first_run_that_stores_writes_no_entry() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    assert_eq!(aws.requests_of("TransactWriteItems").len(), 0);
    let is_of_table =
        |seen: &RecordedRequest| String::from_utf8_lossy(&seen.body).contains("jobs-table");
    assert!(!aws.requests().iter().any(is_of_table));
}

/// The entry has the whole job, and is due two hours after the queue should have delivered it.
#[tokio::test]
async fn a_first_failure_writes_the_whole_job() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let now = boot::clock::now();
    let job = queued_job(&origins.announce(delayed_media()).expect("a media file"));
    assert_eq!(run_job(&aws, &origins, job.clone()).await, retry_answer());
    let (record, entry) = (outcome_updates(&aws).remove(0), written_entry(&aws));
    assert_eq!(record.key, entry.key);
    assert_eq!(record.condition.map(|it| it.starts_with("lease_owner = ")), Some(true));
    assert_eq!(record.sets["has_entry"], json!({ "BOOL": true }));
    assert_eq!(record.sets["queued_until"], entry.sets["due_at"]);
    let set = |name: &str| entry.sets[name]["S"].clone();
    assert_eq!((set("body"), set("tenant")), (json!(job), json!("acme")));
    assert_eq!(
        (set("state"), set("state_class")),
        (json!("retrying"), json!("retrying#transient"))
    );
    assert_eq!(entry.sets["reason"], record.sets["reason"]);
    let shard = Sha256::from_data(DEFAULT_INSTANCE.as_bytes()).as_bytes()[0] % 8;
    assert_eq!(set("due_shard"), json!(format!("queue-{shard}")));
    let guard = due_at(&entry) - now;
    assert!((7200..7200 + 60).contains(&guard), "{guard} s");
}

/// The first half hour of every retry is in the queue, and one write is enough for it.
#[tokio::test]
async fn an_entry_that_still_holds_is_not_written_again() {
    let now = boot::clock::now();
    let record = |class: &str, until: i64| {
        json!({ "has_entry": { "BOOL": true }, "class": { "S": class },
            "queued_until": { "N": until.to_string() } })
    };
    for (record, writes) in [
        (record("transient", now + 6000), 0),
        (record("transient", now + 4000), 1),
        (record("instance", now + 6000), 1),
        (json!({ "has_entry": { "BOOL": true }, "class": { "S": "transient" } }), 1),
        (json!({}), 1),
    ] {
        let (aws, origins) = start_servers(aws_with_record(record.clone())).await;
        let job = queued_job(&origins.announce(delayed_media()).expect("a media file"));
        assert_eq!(run_job(&aws, &origins, job).await, retry_answer());
        assert_eq!(entry_writes(&aws).len(), writes, "{record}");
        assert_eq!(outcome_updates(&aws).len(), 1);
    }
}

#[tokio::test]
async fn storing_deletes_the_entry_with_the_same_write() {
    let (aws, origins) =
        start_servers(aws_with_record(json!({ "has_entry": { "BOOL": true } }))).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    let record = outcome_updates(&aws).remove(0);
    assert_eq!(record.sets["state"]["S"], "stored");
    assert!(record.removes.contains("has_entry") && record.removes.contains("queued_until"));
    let entry = entry_writes(&aws).remove(0);
    assert_eq!(
        (&entry["Delete"]["Key"], &entry["Delete"]["TableName"]),
        (&record.key, &json!("jobs-table"))
    );
}

#[tokio::test]
async fn parking_keeps_the_job_without_a_due_time() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let job = queued_job(&origins.announce(lost_media()).expect("a media file"));
    assert_eq!(run_job(&aws, &origins, job.clone()).await, success_answer());
    let entry = written_entry(&aws);
    assert_eq!(entry.sets["state_class"]["S"], "parked#expired");
    assert_eq!(entry.sets["body"]["S"], job);
    assert!(entry.removes.contains("due_at") && entry.removes.contains("due_shard"));
}

/// The webhook function wrote the entry, or another run has stored the media file.
#[tokio::test]
async fn a_settled_job_deletes_the_entry_it_came_from() {
    for state in ["stored", "erased"] {
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" => refuse_claim(seen, json!({ "state": { "S": state } })),
            _ => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let job = queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file"));
        let worker = create_worker(&aws, &origins, boot::clock::now);
        let event = event_from_entry(job, "3EB0#a-key");
        assert_eq!(run_batch(&worker, event, PLENTY).await, success_answer());
        assert_eq!(main_operations(&aws), ["GetItem", "UpdateItem", "DeleteItem"]);
        let deleted = aws.only_request("DeleteItem").json();
        assert_eq!(deleted["TableName"], "jobs-table");
        assert_eq!(deleted["ConditionExpression"], "body = :body");
        assert_eq!(deleted["Key"]["message_id"]["S"], "3EB0#a-key");
    }
}

/// Otherwise it would be sent again every two hours.
#[tokio::test]
async fn an_entry_under_another_key_is_deleted() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let job = queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file"));
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let event = event_from_entry(job, "3EB0#another-key");
    assert_eq!(run_batch(&worker, event, PLENTY).await, success_answer());
    let deleted = aws.only_request("DeleteItem").json();
    assert_eq!(deleted["Key"]["message_id"]["S"], "3EB0#another-key");
}

/// A newer version wrote it. Its entry waits for a person and is not sent again and again.
#[tokio::test]
async fn an_unknown_body_parks_its_entry() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let event = event_from_entry(r#"{"version":"99"}"#.to_owned(), "3EB0#a-key");
    assert_eq!(run_batch(&worker, event, PLENTY).await, success_answer());
    let entry = Update::from_request(&aws.only_request("UpdateItem"));
    assert_eq!(entry.sets["state_class"]["S"], "parked#poison");
    assert!(entry.removes.contains("due_at"));
    assert_eq!(aws.requests_of("SendMessage").len(), 1);
}

/// Thousands of jobs of an instance whose token is wrong must not wait in flight.
#[tokio::test]
async fn a_wait_for_a_person_is_not_in_the_queue() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let spec = Spec::of(Kind::Image)
        .wapi(WapiScenario::Unauthorized401)
        .cdn(CdnScenario::Gone { status: 404 });
    let now = boot::clock::now();
    let announced = origins.announce(spec.moment(now - 60)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    let entry = written_entry(&aws);
    let wait = due_at(&entry) - now;
    assert!((900..4000).contains(&wait), "{wait} s");
    assert!(entry.sets["due_shard"]["S"].as_str().is_some_and(|it| it.starts_with("table-")));
}

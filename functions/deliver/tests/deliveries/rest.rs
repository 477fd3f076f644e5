//! Deliveries that rest: which, until when, and how they are taken up again.

use serde_json::json;

use scripted_aws::{Answer, Aws, RecordedRequest};

use crate::{
    NOW, RECEIVER, SECRET, answer_for, create_deliver, delivery, handle, handle_record, hidden_for,
    record, start_aws, updates_of, with_status,
};

/// The item under which [`delivery`] rests, as a message names it.
pub(crate) fn rested_name(age: i64) -> String {
    let sort_key = format!("{:012}", NOW - age);
    let id = media::delivery::DeliveryId::of_request("a request");
    format!("{RECEIVER}/{sort_key}#{id}")
}

/// Half an hour of failures later it does not occupy the queue any more.
#[tokio::test]
async fn later_attempts_rest_in_the_jobs_table() {
    let application = with_status(500).await;
    let aws = start_aws(application.base(), json!({})).await;
    let deliver = create_deliver(&aws);
    assert!(!handle(&deliver, &delivery(b"caf\xe9", 3600), 7).await, "it is acknowledged");
    let rested = updates_of(&aws, "jobs-table");
    let (key, values) = (&rested[0]["Key"], &rested[0]["ExpressionAttributeValues"]);
    assert_eq!(key["instance"]["S"], format!("~{RECEIVER}"), "no instance has such an id");
    assert_eq!(values[":shard"]["S"], format!("delivery#{RECEIVER}"));
    assert_eq!(values[":due"]["N"], (NOW + 30 * 60).to_string());
    let end = NOW - 3600 + 3 * 24 * 60 * 60 + 60 * 60;
    assert_eq!(values[":forget"]["N"], end.to_string());
    let body = values[":body"]["S"].as_str().expect("a body");
    let kept = media::delivery::Delivery::parse(body).expect("a delivery");
    assert_eq!((kept.expose(), kept.failed_attempts), (Ok(&b"caf\xe9"[..]), 7));
    let named = updates_of(&aws, "receivers");
    assert_eq!(
        named[0]["ExpressionAttributeValues"][":failure"]["S"], "500",
        "it counts as failing"
    );
}

/// A dead receiver costs a write for each webhook, and no request.
#[tokio::test]
async fn with_an_open_circuit_only_a_probe_is_tried() {
    let application = with_status(200).await;
    let since = (NOW - 11 * 60).to_string();
    let aws = start_aws(application.base(), json!({ "failing_since": { "N": since } })).await;
    let deliver = create_deliver(&aws);
    assert!(!handle(&deliver, &delivery(b"{}", 5), 1).await);
    assert!(application.posted().is_empty());
    let rested = updates_of(&aws, "jobs-table");
    assert_eq!(rested[0]["ExpressionAttributeValues"][":due"]["N"], (NOW - 5).to_string());
    let body = delivery(b"{}", 5).to_json().expect("JSON");
    let name = rested_name(5);
    let probe = record("message", &body, 1, &[("entry", &name), ("probe", "yes")]);
    assert!(!handle_record(&deliver, probe).await);
    assert_eq!(application.posted().len(), 1);
    let update = updates_of(&aws, "receivers").pop().expect("an update");
    assert!(update["UpdateExpression"].as_str().expect("a text").contains("REMOVE failing_since"));
    let removed = aws.only_request("DeleteItem").json();
    assert_eq!(removed["Key"]["instance"]["S"], format!("~{RECEIVER}"));
}

/// What asked to be left alone is left alone by every process, until then.
#[tokio::test]
async fn with_a_wait_that_was_asked_for_nothing_is_tried() {
    for (until, posts) in [(NOW + 1, 0), (NOW, 1)] {
        let application = with_status(200).await;
        let fields = json!({ "asked_until": { "N": until.to_string() } });
        let aws = start_aws(application.base(), fields).await;
        assert!(!handle(&create_deliver(&aws), &delivery(b"{}", 5), 1).await);
        assert_eq!(application.posted().len(), posts);
        assert_eq!(updates_of(&aws, "jobs-table").len(), 1 - posts, "else it rests");
    }
}

/// Whoever resumes it finds what came meanwhile.
#[tokio::test]
async fn what_comes_during_a_pause_rests() {
    let application = with_status(200).await;
    let fields = json!({ "paused_at": { "N": "1" }, "pause_reason": { "S": "operator" } });
    let aws = start_aws(application.base(), fields).await;
    let body = delivery(b"{}", 0).to_json().expect("JSON");
    for attributes in [&[][..], &[("probe", "yes")]] {
        let one = record("message", &body, 1, attributes);
        assert!(!handle_record(&create_deliver(&aws), one).await);
    }
    assert!(application.posted().is_empty());
    assert_eq!(updates_of(&aws, "jobs-table").len(), 2);
}

#[tokio::test]
async fn after_three_days_a_delivery_is_given_up() {
    let application = with_status(200).await;
    let aws = start_aws(application.base(), json!({})).await;
    let age = 3 * 24 * 60 * 60;
    let body = delivery(b"{}", age).to_json().expect("JSON");
    let name = rested_name(age);
    let one = record("message", &body, 1, &[("entry", &name)]);
    assert!(!handle_record(&create_deliver(&aws), one).await);
    assert!(application.posted().is_empty());
    assert_eq!(aws.requests_of("DeleteItem").len(), 1);
}

/// The oldest one is taken for a probe: if it were given up unasked, nobody would learn that the
/// receiver works again.
#[tokio::test]
async fn a_probe_of_three_days_is_posted() {
    let application = with_status(200).await;
    let since = (NOW - 60 * 60).to_string();
    let aws = start_aws(application.base(), json!({ "failing_since": { "N": since } })).await;
    let age = 3 * 24 * 60 * 60 + 60;
    let (body, name) = (delivery(b"{}", age).to_json().expect("JSON"), rested_name(age));
    let probe = record("message", &body, 1, &[("entry", &name), ("probe", "yes")]);
    assert!(!handle_record(&create_deliver(&aws), probe).await);
    assert_eq!(application.posted().len(), 1);
    let update = updates_of(&aws, "receivers").pop().expect("an update");
    assert!(update["UpdateExpression"].as_str().expect("a text").contains("REMOVE failing_since"));
}

/// A process that has read a tenant's receivers before one was added does not know that one.
#[tokio::test]
async fn a_receiver_that_was_added_since_gets_its_delivery() {
    let application = with_status(200).await;
    let endpoint = json!({ "url": application.base(), "secret": SECRET });
    let queries = std::sync::atomic::AtomicUsize::new(0);
    let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "Query" if queries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            Answer::json(&json!({ "Items": [], "Count": 0 }))
        }
        _ => answer_for(&endpoint, &json!({}), seen),
    })
    .await;
    assert!(!handle(&create_deliver(&aws), &delivery(b"{}", 0), 1).await);
    assert_eq!(application.posted().len(), 1);
}

/// It is due again by itself; a message that is kept beside it would be posted as well.
#[tokio::test]
async fn what_rests_is_not_kept_in_the_queue_as_well() {
    let application = with_status(200).await;
    let endpoint = json!({ "url": application.base(), "secret": "" });
    let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "Decrypt" => Answer::json_error(400, "AccessDeniedException"),
        _ => answer_for(&endpoint, &json!({}), seen),
    })
    .await;
    let body = delivery(b"{}", 5).to_json().expect("JSON");
    let name = rested_name(5);
    for (attributes, is_kept) in [(&[][..], true), (&[("entry", &*name)], false)] {
        let one = record("message", &body, 1, attributes);
        assert_eq!(handle_record(&create_deliver(&aws), one).await, is_kept);
    }
    assert!(application.posted().is_empty());
    assert!(aws.requests_of("DeleteItem").is_empty(), "it is still in the table");
}

/// A message of a newer version must survive until that version runs again.
#[tokio::test]
async fn an_unknown_message_stays_in_the_queue() {
    let application = with_status(200).await;
    let aws = start_aws(application.base(), json!({})).await;
    let one = record("message", r#"{"version":"delivery-2"}"#, 1, &[]);
    assert!(handle_record(&create_deliver(&aws), one).await);
    assert_eq!(hidden_for(&aws), 3600);
}

/// Others of its batch must not wait for a receiver that has just failed three times.
#[tokio::test]
async fn a_failing_receiver_is_left_alone_for_a_while() {
    let application = with_status(500).await;
    let aws = start_aws(application.base(), json!({})).await;
    let deliver = create_deliver(&aws);
    for n in 1..=5 {
        assert_eq!(handle(&deliver, &delivery(b"{}", 0), 1).await, n <= 3);
    }
    assert_eq!((application.posted().len(), aws.requests_of("SendMessage").len()), (3, 2));
}

/// The queue counts receives in which a process left the receiver alone. They were no attempts, and
/// do not make the wait longer.
#[tokio::test]
async fn receives_without_an_attempt_do_not_count() {
    let application = with_status(500).await;
    let aws = start_aws(application.base(), json!({})).await;
    assert!(handle(&create_deliver(&aws), &delivery(b"{}", 20), 9).await, "it is in the queue");
    assert!(hidden_for(&aws) <= 120, "{} s", hidden_for(&aws));
    assert!(updates_of(&aws, "jobs-table").is_empty());
}

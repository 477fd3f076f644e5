//! Messages that their senders deleted: what is kept of it, and what is not stored then.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use samples::verified_instance;
use scripted_aws::{Answer, RecordedRequest};
use serde_json::{Value, json};
use stand_in::{Kind, Spec};
use wapi::webhook::WebhookBody;

use crate::{
    queued_job,
    requests::{aws_with_policy, outcome_updates, written_state},
    retry_answer, run_job, start_servers, success_answer,
};

/// The items that say that a message was deleted, by their keys.
type Items = Arc<Mutex<BTreeMap<String, Value>>>;

fn item_key(request: &Value) -> Option<String> {
    let key = request["Key"]["message_id"]["S"].as_str()?;
    key.starts_with("revoked#").then(|| key.to_owned())
}

/// AWS that keeps these items, and an instance whose tenant has this rule.
fn remembering_aws(
    items: &Items,
    rule: &'static str,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    let rest = aws_with_policy(json!({ "revoked": { "S": rule } }));
    let items = Arc::clone(items);
    move |seen| {
        if !matches!(seen.operation(), "GetItem" | "UpdateItem") {
            return rest(seen);
        }
        let request = seen.json();
        let Some(key) = item_key(&request) else {
            return rest(seen);
        };
        let mut items = items.lock().expect("the items");
        if seen.operation() == "GetItem" {
            let found = items.get(&key);
            return Answer::json(&found.map_or_else(|| json!({}), |item| json!({ "Item": item })));
        }
        let values = &request["ExpressionAttributeValues"];
        let item = json!({
            "message_id": { "S": key }, "state": values[":revoked"], "tenant": values[":tenant"],
            "message": values[":message"], "revoked_at": values[":at"], "revoked_by": values[":by"],
        });
        items.insert(key, item);
        Answer::json(&json!({}))
    }
}

/// The queue message of the deletion of an announced message.
fn queued_deletion(announced: &Value, changes: impl Fn(&mut Value)) -> String {
    let mut webhook = announced.clone();
    let id = webhook["messageId"].clone();
    webhook["messageId"] = json!("3EB0REVOKE");
    webhook["msgContent"] = json!({ "protocolMessage": { "type": "REVOKE", "key": { "ID": id } } });
    changes(&mut webhook);
    let verified = verified_instance();
    let body = WebhookBody::parse(webhook.to_string().as_bytes()).expect("JSON");
    let revoked = body.announcement(&verified).expect("the same instance").revoked;
    let revocation = verified.create_revocation(revoked.expect("a deletion"), boot::clock::now());
    revocation.to_json().expect("JSON")
}

/// With the rule `erase`, and only if the sender deleted it.
#[tokio::test]
async fn a_deleted_message_is_not_stored() {
    let same = |_: &mut Value| {};
    let by_the_other = |webhook: &mut Value| webhook["fromMe"] = json!(true);
    for (rule, is_same, is_kept, state) in [
        ("erase", true, true, "skipped"),
        ("erase", false, true, "stored"),
        ("flag", true, true, "stored"),
        ("keep", true, false, "stored"),
    ] {
        let items = Items::default();
        let (aws, origins) = start_servers(remembering_aws(&items, rule)).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
        let deletion = match is_same {
            true => queued_deletion(&announced.webhook, same),
            false => queued_deletion(&announced.webhook, by_the_other),
        };
        // Twice, because the queue may repeat it.
        for _ in 0..2 {
            assert_eq!(run_job(&aws, &origins, deletion.clone()).await, success_answer());
        }
        assert_eq!(!items.lock().expect("the items").is_empty(), is_kept, "{rule}");
        assert!(aws.requests_of("SendMessage").is_empty(), "it is not parked");
        let kept = format!("{:?}", items.lock().expect("the items"));
        assert!(!kept.contains("55009"), "{kept}");
        assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
        let writes = outcome_updates(&aws);
        let states: Vec<_> = writes.iter().filter_map(|write| written_state(write).0).collect();
        assert_eq!(states.last(), Some(&state), "{rule}");
        assert_eq!(aws.requests_of("PutObject").is_empty(), state == "skipped", "{rule}");
    }
}

#[tokio::test]
async fn a_deletion_that_is_not_written_is_retried() {
    let rest = aws_with_policy(json!({ "revoked": { "S": "erase" } }));
    let (aws, origins) = start_servers(move |seen: &RecordedRequest| {
        let is_item = seen.operation() == "UpdateItem" && item_key(&seen.json()).is_some();
        if is_item { Answer::json_error(400, "AccessDeniedException") } else { rest(seen) }
    })
    .await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    let deletion = queued_deletion(&announced.webhook, |_| {});
    assert_eq!(run_job(&aws, &origins, deletion).await, retry_answer());
}

/// Otherwise what its sender deleted could be stored.
#[tokio::test]
async fn without_an_answer_nothing_is_stored() {
    let rest = aws_with_policy(json!({ "revoked": { "S": "erase" } }));
    let (aws, origins) = start_servers(move |seen: &RecordedRequest| {
        let is_item = seen.operation() == "GetItem" && item_key(&seen.json()).is_some();
        if is_item { Answer::json_error(400, "AccessDeniedException") } else { rest(seen) }
    })
    .await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    run_job(&aws, &origins, queued_job(&announced)).await;
    assert!(aws.requests_of("PutObject").is_empty());
    assert!(origins.requests().is_empty());
}

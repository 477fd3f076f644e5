//! A receiver from its addition to its removal, as an operator sees it.

use std::collections::BTreeSet;

use media::{
    delivery::{Delivery, DeliveryId, DeliverySource},
    ids::{InstanceId, TenantId},
    receiver::ReceiverId,
};
use serde_json::{Value, json};
use stand_in::{AppAnswer, Application};

use crate::{
    INSTANCE, TENANT, put_tenant, register,
    stack::{Ended, Stack},
    text, unix_now,
};

async fn run(stack: &Stack, verb: &str, id: &str, more: &[&str]) -> Ended {
    let command = ["receiver", verb, id, "--tenant", TENANT];
    stack.run(&[&command[..], more].concat()).await
}

/// A webhook that rests for the receiver since it was accepted so many seconds ago.
pub(crate) async fn rest(stack: &Stack, id: &str, words: &str, seconds: i64) {
    rest_until(stack, id, words, (seconds, unix_now() - seconds)).await;
}

/// As [`rest`], due at this time.
async fn rest_until(stack: &Stack, id: &str, words: &str, times: (i64, i64)) {
    rest_body(stack, id, (words, words), times).await;
}

/// A body that rests for the receiver, under the id of a request.
pub(crate) async fn rest_body(
    stack: &Stack,
    id: &str,
    (request, body): (&str, &str),
    (seconds, due_at): (i64, i64),
) {
    let source = DeliverySource {
        id: &DeliveryId::of_request(request),
        tenant: &TenantId::parse(TENANT).expect("a tenant"),
        instance: &InstanceId::parse(INSTANCE).expect("an instance"),
        event: Some("received"),
        content_type: None,
        body: body.as_bytes(),
        accepted_at: unix_now() - seconds,
    };
    let delivery = Delivery::new(&source, &ReceiverId::parse(id).expect("a receiver"));
    let rested = stack.ledger().jobs.rest_delivery(&delivery, due_at).await;
    rested.expect("it rests");
}

/// Adds a receiver of the instance, on this machine as on a local stack.
async fn add(stack: &Stack, url: &str) -> Ended {
    stack.run(&["receiver", "add", "--instance", INSTANCE, "--url", url]).await
}

#[tokio::test]
async fn a_receiver_lives_as_the_page_says() {
    let stack = Stack::start().await;
    // Only a stack whose W-API is on this machine posts to this machine.
    stack.set_wapi_base("http://127.0.0.1:1/v1".to_owned());
    register(&stack, INSTANCE, TENANT);
    put_tenant(&stack);
    let application = Application::start(|_| AppAnswer::status(204)).await.expect("it starts");
    let url = format!("{}/hooks?key=a%20b", application.base());
    let added = add(&stack, &url).await;
    assert_eq!(added.code, Some(0), "{}", added.err);
    let id = added.out["receiver"].as_str().expect("an id");
    let secret = added.out["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && added.out["hooks"] == json!([]), "{:?}", added.out);
    assert_eq!(added.out["gets"], "webhooks");

    let shown = run(&stack, "show", id, &[]).await;
    assert_eq!((&shown.out["url"], &shown.out["old_secret_until"]), (&json!(url), &Value::Null));
    assert!(!shown.out.to_string().contains("whsec_"), "a secret is shown once");
    let tested = run(&stack, "test", id, &[]).await;
    assert_eq!((tested.code, &tested.out["status"]), (Some(0), &json!(204)), "{}", tested.err);
    let posted = application.posted();
    assert_eq!(posted[0].path_and_query, "/hooks?key=a%20b");
    assert!(posted[0].header("webhook-signature").starts_with("v1,"));

    let rotated = run(&stack, "rotate-secret", id, &["--overlap", "1h"]).await;
    assert_ne!(rotated.out["secret"], secret, "{}", rotated.err);
    let shown = run(&stack, "show", id, &[]).await;
    let until = shown.out["old_secret_until"].as_i64().expect("a time");
    assert!((unix_now() + 3500..unix_now() + 3700).contains(&until), "{until}");
    run(&stack, "test", id, &[]).await;
    let signatures = application.posted()[1].header("webhook-signature").to_owned();
    assert_eq!(signatures.split(' ').count(), 2, "both secrets sign");

    check_waiting(&stack, id).await;
    check_room(&stack, &url).await;
    let removed = run(&stack, "remove", id, &[]).await;
    assert_eq!(removed.out, json!({ "receiver": id, "removed_deliveries": 2 }), "{}", removed.err);
    assert!(stack.items("JobsTable").is_empty());
    let gone = run(&stack, "show", id, &[]).await;
    assert!(gone.code == Some(2) && gone.err.contains("receiver list"), "{}", gone.err);
    let told: BTreeSet<_> = stack.items("AuditTable").iter().map(action).collect();
    let verbs = ["add", "pause", "remove", "resume", "rotate-secret", "set", "show", "test"];
    assert_eq!(told, verbs.map(|verb| format!("receiver {verb}")).into());
}

fn action(line: &Value) -> String {
    line["action"]["S"].as_str().expect("an action").to_owned()
}

/// What waits while it is paused is counted, with its age.
async fn check_waiting(stack: &Stack, id: &str) {
    let paused = run(stack, "pause", id, &[]).await;
    assert_eq!(paused.out, json!({ "receiver": id, "paused": true }), "{}", paused.err);
    rest(stack, id, "one", 90).await;
    // What waits the longest was tried before, and is due after the other.
    rest_until(stack, id, "two", (7200, unix_now() + 600)).await;
    let waiting = stack.run(&["receiver", "deliveries", "--tenant", TENANT]).await;
    let (its, now) = (&waiting.out[0], unix_now());
    assert_eq!((&its["waiting"], &its["pause_reason"]), (&json!(2), &json!("operator")));
    let oldest = now - its["oldest_accepted_at"].as_i64().expect("a time");
    assert!((7200..7300).contains(&oldest), "{oldest}");
    // A pause by an operator is no finding.
    assert_eq!(stack.run(&["receiver", "list"]).await.code, Some(0));
    let resumed = run(stack, "resume", id, &[]).await;
    assert_eq!(resumed.out, json!({ "receiver": id, "paused": false }), "{}", resumed.err);
    let set = run(stack, "set", id, &["--gets", "all"]).await;
    assert_eq!(set.out, json!({ "receiver": id, "gets": "all" }), "{}", set.err);
    let listed = stack.run(&["receiver", "list"]).await;
    assert_eq!(
        (&listed.out[0]["gets"], &listed.out[0]["paused_at"]),
        (&json!("all"), &Value::Null)
    );
}

/// There may be five for an instance, and none twice, also not for all instances. The tenant's own
/// count for themselves.
async fn check_room(stack: &Stack, url: &str) {
    let same = add(stack, url).await;
    assert!(same.code == Some(2) && same.err.contains("has this URL already"), "{}", same.err);
    let of_tenant = stack.run(&["receiver", "add", "--tenant", TENANT, "--url", url]).await;
    assert_eq!(of_tenant.code, Some(2), "{of_tenant:?}");
    assert!(of_tenant.err.contains("webhooks twice"), "{}", of_tenant.err);
    let first = stack.items("ReceiversTable").remove(0);
    for n in ["b", "c", "d", "e"] {
        let mut copy = first.clone();
        copy["receiver"] = text(&format!("{INSTANCE}#rcv_{}", n.repeat(16)));
        stack.put("ReceiversTable", &copy);
    }
    let sixth = add(stack, "http://127.0.0.1:1/sixth").await;
    assert_eq!(sixth.code, Some(2));
    assert!(sixth.err.contains("5 receivers already, the most"), "{}", sixth.err);
    assert_eq!(stack.items("ReceiversTable").len(), 5);
}

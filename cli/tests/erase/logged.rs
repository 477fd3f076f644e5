//! What `receiver resume --since` takes from W-API's log: what the receiver lacks, in its order,
//! but nothing that was erased.

use std::collections::BTreeSet;

use media::delivery::Delivery;
use serde_json::{Value, json};
use stand_in::StandIn;

use crate::{
    INSTANCE, OTHER, PHONE, TENANT, put_tenant, register,
    stack::{Ended, Stack},
    text, unix_now,
};

const RECEIVER: &str = "rcv_aaaaaaaaaaaaaaaa";
const SECOND: &str = "LITE-AAAAAA-000002";
/// What the sealed token of each instance is.
const TOKEN: &str = "sealed";
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// A paused receiver of all webhooks that a hook of received messages brings.
fn put_receiver(stack: &Stack, kind: &str) {
    stack.put(
        "ReceiversTable",
        &json!({
            "tenant": text(TENANT), "receiver": text(&format!("*#{RECEIVER}")),
            "host": text("app.example.com"), "what": text(kind), "sealed": text("c2VhbGVk"),
            "hooks": { "SS": ["received"] }, "created_at": { "N": "1787000000" },
            "paused_at": { "N": "1787000000" }, "pause_reason": text("failing"),
        }),
    );
}

/// Logs a webhook as posted this long ago.
fn log(origins: &StandIn, instance: &str, event: &str, (chat, words): (&str, &str), ago: i64) {
    let at = unix_now() - ago;
    let webhook = json!({
        "event": event, "instanceId": instance, "messageId": format!("3EB0{words}"),
        "moment": at, "chat": { "id": chat }, "sender": { "id": chat },
        "msgContent": { "conversation": words },
    });
    origins.log_webhook(instance, &webhook, u64::try_from(at * 1000).ok());
}

/// The texts of the deliveries that rest, in the order in which they are due, and what must hold
/// for each of them.
fn resting(stack: &Stack) -> Vec<String> {
    let number = |item: &Value, name: &str| item[name]["N"].as_str()?.parse::<i64>().ok();
    let mut items = stack.items("JobsTable");
    items.sort_by_key(|item| number(item, "due_at"));
    let texts = items.iter().map(|item| {
        assert_eq!(item["instance"], text(&format!("~{RECEIVER}")));
        assert_eq!(item["due_shard"], text(&format!("delivery#{RECEIVER}")));
        // What was kept is due already.
        let due_in = number(item, "due_at").expect("a time") - unix_now();
        assert!((-60..HOUR).contains(&due_in), "{due_in}");
        let kept_for = number(item, "forget_at").expect("an end") - unix_now();
        assert!((3 * DAY - HOUR..=3 * DAY + HOUR).contains(&kept_for), "{kept_for}");
        let delivery = item["body"]["S"].as_str().expect("a delivery");
        let delivery = Delivery::parse(delivery).expect("a delivery");
        assert_eq!(delivery.content_type.as_deref(), Some("application/json"));
        let body: Value = serde_json::from_slice(delivery.expose().expect("a body")).expect("JSON");
        body["msgContent"]["conversation"].as_str().expect("a text").to_owned()
    });
    texts.collect()
}

fn delivery_id(item: &Value) -> String {
    let delivery = item["body"]["S"].as_str().expect("a delivery");
    Delivery::parse(delivery).expect("a delivery").id.to_string()
}

async fn start(kind: &str) -> (Stack, StandIn) {
    let (stack, origins) = (Stack::start().await, StandIn::start().await.expect("it starts"));
    stack.set_wapi_base(origins.wapi_base());
    for instance in [INSTANCE, SECOND] {
        register(&stack, instance, TENANT);
        origins.register_instance(instance, TOKEN);
    }
    put_tenant(&stack);
    put_receiver(&stack, kind);
    (stack, origins)
}

async fn resume(stack: &Stack, more: &[&str]) -> Ended {
    let resume = ["receiver", "resume", RECEIVER, "--tenant", TENANT];
    stack.run(&[&resume[..], more].concat()).await
}

fn is_paused(stack: &Stack) -> bool {
    stack.items("ReceiversTable")[0].get("paused_at").is_some()
}

#[tokio::test]
async fn what_the_receiver_lacks_rests_in_its_order() {
    let (stack, origins) = start("all").await;
    log(&origins, INSTANCE, "webhookReceived", (OTHER, "first"), 6 * DAY);
    log(&origins, SECOND, "webhookReceived", (OTHER, "second"), 5 * DAY);
    log(&origins, INSTANCE, "webhookReceived", (OTHER, "third"), 4 * DAY);
    // The queue's and the table's three days are not over, or it is too old, or not for it.
    log(&origins, INSTANCE, "webhookReceived", (OTHER, "kept"), 2 * DAY);
    log(&origins, INSTANCE, "webhookReceived", (OTHER, "older"), 11 * DAY);
    log(&origins, INSTANCE, "webhookDelivery", (OTHER, "sent"), 4 * DAY);
    let dry = resume(&stack, &["--since", "10d", "--dry-run"]).await;
    assert_eq!((dry.code, &dry.out["log"]["passed_on"]), (Some(0), &json!(3)), "{}", dry.err);
    assert!(resting(&stack).is_empty() && is_paused(&stack), "a dry run changes nothing");
    let done = resume(&stack, &["--since", "10d"]).await;
    assert_eq!((done.code, &done.out["log"]["passed_on"]), (Some(0), &json!(3)), "{}", done.err);
    assert_eq!(resting(&stack), ["first", "second", "third"]);
    assert!(!is_paused(&stack));
    let rest = resume(&stack, &["--since", "3d", "--until", "0s"]).await;
    assert_eq!(rest.out["log"]["passed_on"], 1, "{}", rest.err);
    assert!(resting(&stack).contains(&"kept".to_owned()));
}

/// A former tenant's webhooks, and those that were refused on purpose.
#[tokio::test]
async fn what_was_never_this_stacks_stays_in_the_log() {
    let (stack, origins) = start("webhooks").await;
    let ago = |days: i64| json!({ "N": (unix_now() - days * DAY).to_string() });
    let instance = |id: &str, more: Value| {
        let mut item = json!({
            "instance": text(id), "tenant": text(TENANT), "secret_hashes": { "L": [] },
            "sealed_token": text("c2VhbGVk"), "created_at": ago(7),
        });
        let more = more.as_object().expect("fields").clone();
        item.as_object_mut().expect("fields").extend(more);
        stack.put("InstancesTable", &item);
    };
    instance(
        INSTANCE,
        json!({
            "pause_began_at": ago(6), "resumed_at": ago(5), "earlier_pause_ended_at": { "N": "0" },
        }),
    );
    instance(SECOND, json!({ "paused_at": ago(4) }));
    for (id, words, days) in [
        (INSTANCE, "former", 8),
        (INSTANCE, "before", 7),
        (INSTANCE, "paused", 6),
        (INSTANCE, "after", 5),
        (SECOND, "early", 5),
        (SECOND, "late", 4),
    ] {
        log(&origins, id, "webhookReceived", (OTHER, words), days * DAY - HOUR);
    }
    let done = resume(&stack, &["--since", "10d"]).await;
    assert_eq!((done.code, &done.out["log"]["refused"]), (Some(0), &json!(3)), "{}", done.err);
    let mut passed_on = resting(&stack);
    passed_on.sort();
    assert_eq!(passed_on, ["after", "before", "early"]);
    let told = stack.items("AuditTable");
    assert!(told.iter().any(|line| line["scope"]["S"] == "receiver and log"), "{told:?}");
}

/// An event without a message may happen twice.
#[tokio::test]
async fn two_webhooks_with_one_body_are_two() {
    let (stack, origins) = start("webhooks").await;
    let body = json!({ "event": "webhookReceived", "instanceId": INSTANCE });
    for days in [4, 5] {
        let at = (unix_now() - days * DAY) * 1000;
        origins.log_webhook(INSTANCE, &body, u64::try_from(at).ok());
    }
    for _ in 0..2 {
        let done = resume(&stack, &["--since", "10d"]).await;
        assert_eq!(done.out["log"]["passed_on"], 2, "{}", done.err);
    }
    let ids: BTreeSet<_> = stack.items("JobsTable").iter().map(delivery_id).collect();
    assert_eq!(ids.len(), 2, "each has its own id, the same in both runs");
}

#[tokio::test]
async fn what_was_erased_is_not_passed_on() {
    let (stack, origins) = start("webhooks").await;
    log(&origins, INSTANCE, "webhookReceived", (PHONE, "erased"), 5 * DAY);
    log(&origins, INSTANCE, "webhookReceived", (OTHER, "other"), 5 * DAY);
    let erase = ["media", "erase", "--tenant", TENANT, "--phone", PHONE, "--group-media", "keep"];
    assert_eq!(stack.run(&erase).await.code, Some(0));
    let done = resume(&stack, &["--since", "10d"]).await;
    assert_eq!((done.code, &done.out["log"]["erased"]), (Some(0), &json!(1)), "{}", done.err);
    assert_eq!(resting(&stack), ["other"]);
}

/// The others' webhooks are passed on, and the command says which log to read again.
#[tokio::test]
async fn a_log_that_cannot_be_read_is_named() {
    let (stack, origins) = start("webhooks").await;
    origins.register_instance(SECOND, "another token");
    log(&origins, INSTANCE, "webhookReceived", (OTHER, "first"), 5 * DAY);
    let done = resume(&stack, &["--since", "10d"]).await;
    assert_eq!(done.code, Some(1), "{}", done.err);
    let failed = done.out["log"]["failed"].as_array().expect("a list");
    assert!(failed.len() == 1 && failed[0].as_str().expect("a text").starts_with(SECOND));
    assert_eq!(resting(&stack), ["first"]);
    assert!(!is_paused(&stack));
}

#[tokio::test]
async fn a_range_that_has_nothing_is_refused() {
    let (stack, _origins) = start("all").await;
    let refused = resume(&stack, &["--until", "1h"]).await;
    assert!(refused.code == Some(2) && refused.err.contains("--since"), "{}", refused.err);
    let refused = resume(&stack, &["--since", "48h"]).await;
    assert!(refused.code == Some(2) && refused.err.contains("--until"), "{}", refused.err);
    assert!(is_paused(&stack));
    let done = resume(&stack, &[]).await;
    assert_eq!((done.code, done.out), (Some(0), json!({ "receiver": RECEIVER, "paused": false })));
    assert!(!is_paused(&stack));
}

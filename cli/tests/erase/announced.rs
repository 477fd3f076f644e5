//! What `receiver resume --since` announces again: the files that were stored while the receiver's
//! events were lost, each under one id, with a link.

use media::delivery::Delivery;
use serde_json::{Value, json};

use crate::{
    INSTANCE, OTHER_INSTANCE, PHONE, TENANT, object_key, record, register,
    stack::{Ended, Stack},
    text, unix_now,
};

const RECEIVER: &str = "rcv_aaaaaaaaaaaaaaaa";
const DAY: i64 = 24 * 60 * 60;

/// A record in this state since so many days.
fn put_record(stack: &Stack, instance: &str, message: &str, (state, days): (&str, i64)) {
    let at = (unix_now() - days * DAY).to_string();
    let mut record = record(instance, message, PHONE, state);
    record["updated_at"] = json!({ "N": at });
    if state == "stored" {
        record["stored_at"] = json!({ "N": at });
        record["object_key"] = text(&object_key(instance, PHONE, message));
        record["size_bytes"] = json!({ "N": "9" });
    }
    stack.put("MediaTable", &record);
}

async fn start(kind: &str) -> Stack {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    register(&stack, OTHER_INSTANCE, "bravo");
    stack.put(
        "TenantsTable",
        &json!({ "tenant": text(TENANT), "created_at": { "N": "1" },
        "policy": { "M": { "links": text("7d") } } }),
    );
    stack.put(
        "ReceiversTable",
        &json!({
            "tenant": text(TENANT), "receiver": text(&format!("*#{RECEIVER}")),
            "host": text("app.example.com"), "what": text(kind), "sealed": text("c2VhbGVk"),
            "created_at": { "N": "1787000000" }, "paused_at": { "N": "1787000000" },
            "pause_reason": text("failing"),
        }),
    );
    for (message, state) in [
        ("3EB0A", ("stored", 5)),
        // Its event is kept in this stack.
        ("3EB0B", ("stored", 1)),
        ("3EB0C", ("stored", 12)),
        ("3EB0D", ("parked", 5)),
        ("3EB0E", ("erased", 5)),
    ] {
        put_record(&stack, INSTANCE, message, state);
    }
    put_record(&stack, OTHER_INSTANCE, "3EB0F", ("stored", 5));
    stack
}

async fn resume(stack: &Stack, more: &[&str]) -> Ended {
    let resume = ["receiver", "resume", RECEIVER, "--tenant", TENANT, "--since", "10d"];
    stack.run(&[&resume[..], more].concat()).await
}

/// The deliveries that rest: the id and the event of each.
fn resting(stack: &Stack) -> Vec<(String, Value)> {
    let items = stack.items("JobsTable").into_iter();
    let delivery = items.map(|item| {
        assert_eq!(item["instance"], text(&format!("~{RECEIVER}")));
        Delivery::parse(item["body"]["S"].as_str().expect("a body")).expect("a delivery")
    });
    delivery
        .map(|one| {
            let event = serde_json::from_slice(one.expose().expect("a body")).expect("JSON");
            (one.id.to_string(), event)
        })
        .collect()
}

#[tokio::test]
async fn a_file_that_was_stored_meanwhile_is_announced_with_a_link() {
    let stack = start("media").await;
    let dry = resume(&stack, &["--dry-run"]).await;
    assert_eq!((dry.code, &dry.out["events"]["announced"]), (Some(0), &json!(1)), "{dry:?}");
    assert!(stack.items("JobsTable").is_empty() && stack.items("LinksTable").is_empty());
    let resumed = resume(&stack, &[]).await;
    let told = &resumed.out["events"];
    assert_eq!((resumed.code, told), (Some(0), &json!({ "announced": 1, "failed": [] })));
    assert_eq!(resumed.out["log"], Value::Null, "it gets no webhooks");
    assert!(stack.items("ReceiversTable")[0]["paused_at"].is_null());
    let [(id, event)] = &resting(&stack)[..] else { panic!("one: {:?}", resting(&stack)) };
    let expected = [&json!("media.stored"), &json!("3EB0A"), &json!(9), &json!(id)];
    let data = &event["data"];
    assert_eq!([&event["type"], &data["message_id"], &data["size"], &event["id"]], expected);
    let url = data["link"]["url"].as_str().expect("a link");
    assert!(url.starts_with("https://hooks.example.invalid/m/"), "{url}");
    let links = stack.items("LinksTable");
    assert_eq!(links.len(), 1);
    let records = stack.items("MediaTable");
    let linked = records.iter().find(|one| one["message"] == text("3EB0A")).expect("a record");
    assert_eq!(linked["links"]["SS"], json!([links[0]["token"]["S"]]));
    // A second command repeats it under the same id.
    assert_eq!(resume(&stack, &[]).await.code, Some(0));
    let again = resting(&stack);
    assert_eq!((again.len(), &again[0].0), (1, id));
}

#[tokio::test]
async fn a_receiver_of_webhooks_hears_of_no_file() {
    let stack = start("webhooks").await;
    stack.set_wapi_base("http://127.0.0.1:1/v1".to_owned());
    // W-API does not answer: that is told, and what is not the receiver's is not looked for.
    let resumed = resume(&stack, &[]).await;
    assert_eq!((resumed.code, &resumed.out["events"]), (Some(1), &Value::Null), "{resumed:?}");
    assert!(stack.items("JobsTable").is_empty() && stack.items("LinksTable").is_empty());
}

//! What becomes of instances and receivers, and of media messages before their end, as events.

use serde_json::{Value, json};

use crate::{
    INSTANCE, Scene, assert_valid, change, create_events, delivered, handle, only_event, receiver,
    record,
};

/// What is known of an instance, as the marks table has it.
fn state(fields: &Value) -> Value {
    let mut item = json!({
        "instance": { "S": format!("state#{INSTANCE}") }, "tenant": { "S": "acme" },
    });
    let fields = fields.as_object().cloned().expect("fields");
    item.as_object_mut().expect("an item").extend(fields);
    item
}

fn paused_receiver(id: &str, reason: &str) -> Value {
    let mut item = receiver(id, "all", "*");
    let fields = json!({
        "paused_at": { "N": "1787438879" }, "pause_reason": { "S": reason },
        "paused_instance": { "S": INSTANCE },
    });
    let fields = fields.as_object().cloned().expect("fields");
    item.as_object_mut().expect("an item").extend(fields);
    item
}

#[tokio::test]
async fn an_instance_that_comes_and_goes_is_announced() {
    let aws = Scene::default().start().await;
    let events = create_events(&aws, None);
    let connected = state(&json!({ "connection": { "S": "connected" } }));
    let disconnected = state(&json!({ "connection": { "S": "disconnected" } }));
    let silent = state(&json!({
        "connection": { "S": "connected" }, "silent_since": { "N": "1787352479" },
    }));
    let changes = [
        change(1, &json!({}), &connected),
        change(2, &connected, &disconnected),
        change(3, &disconnected, &connected),
        change(4, &connected, &silent),
        // Nothing new: the end of a silence, a removal, a mark of the back-fill.
        change(5, &silent, &connected),
        change(6, &connected, &json!({})),
        change(7, &json!({}), &json!({ "instance": { "S": INSTANCE }, "tenant": { "S": "acme" } })),
    ];
    assert_eq!(handle(&events, &changes).await, None);
    let mut all: Vec<_> = delivered(&aws).into_iter().map(|(_, event)| event).collect();
    all.iter().for_each(assert_valid);
    all.sort_by_key(|event| event["type"].to_string());
    let types: Vec<_> = all.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    let expected =
        ["instance.connected", "instance.connected", "instance.disconnected", "instance.silent"];
    assert_eq!(types, expected);
    let silent = &all.last().expect("one")["data"];
    let data = json!({
        "tenant": "acme", "instance": INSTANCE, "last_webhook_at": "2026-08-21T22:47:59Z",
    });
    assert_eq!(*silent, data);
}

/// What the former tenant heard of a moved instance, the present one has not.
#[tokio::test]
async fn the_next_tenant_of_an_instance_hears_its_state() {
    let receivers = json!([receiver("rcv_aaaaaaaaaaaaaaaa", "media", "*")]);
    let aws = Scene { receivers, ..Scene::default() }.start().await;
    let events = create_events(&aws, None);
    let disconnected = json!({ "connection": { "S": "disconnected" } });
    let mut former = state(&disconnected);
    former["tenant"] = json!({ "S": "former" });
    assert_eq!(handle(&events, &[change(1, &former, &state(&disconnected))]).await, None);
    let event = only_event(&aws);
    assert_valid(&event);
    assert_eq!(
        (&event["type"], &event["data"]["tenant"]),
        (&json!("instance.disconnected"), &json!("acme"))
    );
}

/// The other receivers hear of it, and the bus; the paused one would only keep it waiting.
#[tokio::test]
async fn a_receiver_that_fails_is_announced_to_the_others() {
    let receivers = json!([
        receiver("rcv_aaaaaaaaaaaaaaaa", "media", "*"),
        receiver("rcv_bbbbbbbbbbbbbbbb", "all", "*"),
        receiver("rcv_cccccccccccccccc", "media", "LITE-CCCCCC-DDDDDD"),
    ]);
    let aws = Scene { receivers, ..Scene::default() }.start().await;
    let events = create_events(&aws, Some("default"));
    let active = receiver("rcv_bbbbbbbbbbbbbbbb", "all", "*");
    let paused = |reason| paused_receiver("rcv_bbbbbbbbbbbbbbbb", reason);
    let changes = [
        change(1, &active, &paused("failing")),
        // Nothing new: it fails on, and an operator pauses it.
        change(2, &paused("failing"), &paused("failing")),
        change(3, &active, &paused("operator")),
        change(4, &paused("failing"), &active),
    ];
    assert_eq!(handle(&events, &changes).await, None);
    let event = only_event(&aws);
    assert_valid(&event);
    assert_eq!(delivered(&aws)[0].0, "rcv_aaaaaaaaaaaaaaaa");
    let data = json!({
        "tenant": "acme", "instance": INSTANCE, "receiver": "rcv_bbbbbbbbbbbbbbbb",
        "reason": "failing",
    });
    assert_eq!((&event["type"], &event["data"]), (&json!("receiver.paused"), &data));
    let put = aws.only_request("PutEvents").json();
    assert_eq!(put["Entries"][0]["DetailType"], "receiver.paused");
    let detail = put["Entries"][0]["Detail"].as_str().expect("a detail");
    assert_eq!(serde_json::from_str::<Value>(detail).expect("JSON"), event);
}

/// Once for each record, and not when it is stored with the note.
#[tokio::test]
async fn what_expires_soon_is_announced_once() {
    let aws = Scene::default().start().await;
    let events = create_events(&aws, None);
    let noted = |state| {
        let mut record = record("3EB0A", state);
        record["expiring_at"] = json!({ "N": "1787438879" });
        record["recoverable_until"] = json!({ "N": "1787600000" });
        record
    };
    let changes = [
        change(1, &record("3EB0A", "parked"), &noted("parked")),
        change(2, &noted("parked"), &noted("retrying")),
        change(3, &noted("retrying"), &noted("retrying")),
        change(4, &record("3EB0B", "retrying"), &noted("retrying")),
        change(5, &noted("retrying"), &noted("stored")),
    ];
    assert_eq!(handle(&events, &changes).await, None);
    let all: Vec<_> = delivered(&aws).into_iter().map(|(_, event)| event).collect();
    all.iter().for_each(assert_valid);
    let types: Vec<_> = all.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    let count = |word| types.iter().filter(|one| **one == word).count();
    assert_eq!((count("media.expiring"), count("media.stored")), (2, 1), "{types:?}");
    let expiring = all.iter().find(|event| event["type"] == "media.expiring").expect("it");
    assert_eq!(expiring["data"]["recoverable_until"], "2026-08-24T19:33:20Z");
}

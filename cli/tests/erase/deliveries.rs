//! What is erased includes what is on its way to receivers: of a tenant everything, of a person
//! what is of that person's chat.

use media::delivery::MAX_INLINE_BYTES;
use serde_json::{Value, json};

use crate::{
    INSTANCE, LID, OTHER, PHONE, SHORT, TENANT, erase, put_tenant,
    receivers::{rest, rest_body},
    register,
    stack::{Ended, Stack},
    unix_now,
};

const RECEIVER: &str = "rcv_aaaaaaaaaaaaaaaa";

async fn erase_all(stack: &Stack) -> Ended {
    stack.run(&erase(&["--all"])).await
}

/// A tenant with a receiver, for which one webhook rests, and the body of a large one.
async fn start() -> Stack {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    put_tenant(&stack);
    let receiver =
        json!({ "tenant": { "S": TENANT }, "receiver": { "S": format!("*#{RECEIVER}") } });
    stack.put("ReceiversTable", &receiver);
    rest(&stack, RECEIVER, "one", 90).await;
    stack.store_body(&format!("{TENANT}/{INSTANCE}/msg_one"), "{}");
    stack.store_body("bravo/LITE-BBBBBB-000003/msg_of_another", PHONE);
    stack
}

fn counts(ended: &Ended) -> [Value; 3] {
    let of = |name: &str| ended.out[name]["deliveries"].clone();
    [of("found"), of("removed"), of("left")]
}

#[tokio::test]
async fn what_is_on_its_way_is_removed_and_counted() {
    let stack = start().await;
    let ended = erase_all(&stack).await;
    assert_eq!((ended.code, &ended.out["proven"]), (Some(0), &json!(true)), "{ended:?}");
    assert_eq!(counts(&ended), [json!(2), json!(2), json!(0)], "{ended:?}");
    assert!(stack.items("JobsTable").is_empty());
    assert_eq!(stack.bodies(), ["bravo/LITE-BBBBBB-000003/msg_of_another"]);
    // The receiver failed, and what was in the queue came to rest.
    rest(&stack, RECEIVER, "two", 30).await;
    let order = ended.out["order"].as_str().expect("an order");
    let verify = ["media", "verify", order, "--tenant", TENANT];
    let verified = stack.run(&verify).await;
    assert_eq!((verified.code, &verified.out["proven"]), (Some(1), &json!(false)), "{verified:?}");
    assert_eq!(verified.out["left"]["deliveries"], 1);
}

#[tokio::test]
async fn a_body_that_s3_keeps_is_no_proof() {
    let stack = start().await;
    stack.keep_bodies(true);
    let ended = erase_all(&stack).await;
    assert_eq!((ended.code, &ended.out["proven"]), (Some(1), &json!(false)), "{ended:?}");
    assert_eq!(ended.out["left"]["deliveries"], 1, "{ended:?}");
    stack.keep_bodies(false);
    assert_eq!(erase_all(&stack).await.out["proven"], true);
}

/// A webhook of W-API about a message in this chat from this sender.
fn webhook(id: &str, chat: &str, sender: &str, text: &str) -> String {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": id,
        "isGroup": chat.ends_with("@g.us"), "chat": { "id": chat }, "sender": { "id": sender },
        "msgContent": { "conversation": text },
    })
    .to_string()
}

/// An event of this stack about a file in this chat.
fn media_event(id: &str, chat: &str, sender_phone: &str) -> String {
    json!({
        "id": "msg_a", "type": "media.stored", "schema_version": 1, "timestamp": "2026-08-22",
        "data": { "tenant": TENANT, "instance": INSTANCE, "message_id": id, "chat": chat,
            "sender_phone": sender_phone },
    })
    .to_string()
}

/// What rests, by the request under whose id it does, was accepted two minutes ago.
async fn rest_all(stack: &Stack, bodies: &[(&str, String)]) {
    for (request, body) in bodies {
        rest_body(stack, RECEIVER, (*request, body), (120, unix_now())).await;
    }
}

/// What is of the person's chat, in every shape in which a receiver gets it; and what is not.
fn bodies_of(phone: &str) -> [(&'static str, String); 6] {
    [
        ("message", webhook("3EB0A1", phone, phone, "oi")),
        ("other spelling", webhook("3EB0A2", SHORT, SHORT, "oi")),
        ("event", media_event("3EB0A3", phone, "")),
        ("broken", format!("{{\"chat\": \"{phone}@s.whatsapp.net\", \"x\"")),
        (
            "no chat",
            json!({ "event": "webhookX", "instanceId": INSTANCE, "to": phone }).to_string(),
        ),
        ("relay", json!([{ "body": webhook("3EB0A4", phone, phone, "oi") }]).to_string()),
    ]
}

fn bodies_of_others() -> [(&'static str, String); 4] {
    let group = "120363000000000001";
    [
        ("mentioned", webhook("3EB0B1", OTHER, OTHER, &format!("fala com {PHONE}"))),
        ("in a group", webhook("3EB0B2", &format!("{group}@g.us"), PHONE, "oi")),
        ("event of a group", media_event("3EB0B3", &format!("group-{group}"), PHONE)),
        ("another's", media_event("3EB0B4", OTHER, "")),
    ]
}

/// What names the person, or the person's message, only in what somebody else wrote.
fn answers_to(phone: &str) -> [(&'static str, String); 2] {
    let answer = |content: Value| {
        json!({
            "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0F1",
            "chat": { "id": OTHER, "name": phone }, "sender": { "id": OTHER, "pushName": phone },
            "msgContent": content,
        })
        .to_string()
    };
    let key = json!({ "ID": "3EB0A1", "participant": phone });
    let context = json!({ "stanzaID": "3EB0A1", "participant": phone });
    [
        ("a reaction", answer(json!({ "reactionMessage": { "key": key, "text": "ok" } }))),
        ("a reply", answer(json!({ "extendedTextMessage": { "contextInfo": context } }))),
    ]
}

#[tokio::test]
async fn of_one_person_only_what_is_of_the_persons_chat_is_removed() {
    let stack = start().await;
    let large = webhook("3EB0A9", PHONE, PHONE, &"a".repeat(MAX_INLINE_BYTES));
    let large_of_another = webhook("3EB0B9", OTHER, OTHER, &"a".repeat(MAX_INLINE_BYTES));
    stack.store_body(&format!("{TENANT}/{INSTANCE}/msg_large"), &large);
    stack.store_body(&format!("{TENANT}/{INSTANCE}/msg_others"), &large_of_another);
    rest_all(&stack, &bodies_of(PHONE)).await;
    rest_all(&stack, &bodies_of_others()).await;
    let ended = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(counts(&ended), [json!(7), json!(7), json!(0)], "{ended:?}");
    assert_eq!((ended.code, &ended.out["proven"]), (Some(0), &json!(true)), "{ended:?}");
    // The words of the start, and what is of others.
    assert_eq!(stack.items("JobsTable").len(), 1 + bodies_of_others().len());
    let left = stack.bodies();
    assert!(!left.iter().any(|key| key.ends_with("msg_large")) && left.len() == 3, "{left:?}");
    // A receiver that fails brings one back, after the erasure.
    rest_all(&stack, &bodies_of(PHONE)[..1]).await;
    let order = ended.out["order"].as_str().expect("an order");
    let verify = ["media", "verify", order, "--tenant", TENANT, "--phone", PHONE];
    let verified = stack.run(&verify).await;
    assert_eq!((verified.code, &verified.out["proven"]), (Some(1), &json!(false)), "{verified:?}");
    assert_eq!(verified.out["left"]["deliveries"], 1, "{verified:?}");
}

#[tokio::test]
async fn with_groups_what_the_person_sent_to_them_is_removed_as_well() {
    let stack = start().await;
    rest_all(&stack, &bodies_of_others()).await;
    let command =
        ["media", "erase", "--tenant", TENANT, "--phone", PHONE, "--group-media", "erase"];
    let ended = stack.run(&command).await;
    assert_eq!(counts(&ended), [json!(2), json!(2), json!(0)], "{ended:?}");
    assert_eq!((ended.code, &ended.out["proven"]), (Some(0), &json!(true)), "{ended:?}");
}

#[tokio::test]
async fn of_a_message_or_a_lid_only_its_own_is_removed() {
    let stack = start().await;
    let lid = format!("{LID}@lid");
    rest_all(&stack, &[("lid", webhook("3EB0C1", &lid, &lid, "oi"))]).await;
    rest_all(&stack, &bodies_of(PHONE)).await;
    let ended = stack.run(&erase(&["--message", "3EB0A1"])).await;
    assert_eq!(counts(&ended), [json!(1), json!(1), json!(0)], "{ended:?}");
    let chat = format!("lid-{LID}");
    let ended = stack.run(&erase(&["--chat", &chat, "--group-media", "keep"])).await;
    assert_eq!(counts(&ended), [json!(1), json!(1), json!(0)], "{ended:?}");
    assert_eq!(stack.items("JobsTable").len(), 6);
}

/// Whoever answers a message, or takes the person's number for a name, makes no proof impossible.
#[tokio::test]
async fn what_only_answers_is_no_trace() {
    for subject in [&["--phone", PHONE][..], &["--message", "3EB0A1"]] {
        let stack = start().await;
        rest_all(&stack, &answers_to(PHONE)).await;
        let ended = stack.run(&erase(subject)).await;
        assert_eq!(counts(&ended), [json!(0), json!(0), json!(0)], "{ended:?}");
        assert_eq!((ended.code, &ended.out["proven"]), (Some(0), &json!(true)), "{ended:?}");
    }
}

/// gzip as base64, as a relay may pack what it passes on: nobody can tell who is in it.
#[tokio::test]
async fn what_cannot_be_searched_is_no_proof() {
    let stack = start().await;
    let packed = "H4sIAAAAAAAAA6tWSs5ILFGyUqpWykxRslIyNTUwsLCwAAIDpdpaAPdLuZQeAAAA";
    let body = json!({ "event": "webhookReceived", "instanceId": INSTANCE, "payload": packed });
    rest_all(&stack, &[("packed", body.to_string())]).await;
    let ended = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(ended.out["left"]["unclear_deliveries"], 1, "{ended:?}");
    assert_eq!((ended.code, &ended.out["proven"]), (Some(1), &json!(false)), "{ended:?}");
    assert_eq!(stack.run(&erase(&["--all"])).await.code, Some(0));
}

/// A receiver hears of an erasure, also if it was erased again meanwhile.
#[tokio::test]
async fn what_tells_of_an_erasure_is_told() {
    let stack = start().await;
    let event = media_event("3EB0A1", PHONE, "").replace("media.stored", "media.erased");
    rest_all(&stack, &[("erased", event)]).await;
    for subject in [&["--message", "3EB0A1"][..], &["--phone", PHONE]] {
        let ended = stack.run(&erase(subject)).await;
        assert_eq!((ended.code, counts(&ended)), (Some(0), [json!(0), json!(0), json!(0)]));
    }
    assert_eq!(stack.items("JobsTable").len(), 2);
}

/// What came after the order is another matter: a receiver gets what comes later.
#[tokio::test]
async fn what_was_accepted_after_the_order_stays() {
    let stack = start().await;
    let ended = stack.run(&erase(&["--phone", PHONE])).await;
    let order = ended.out["order"].as_str().expect("an order");
    let body = webhook("3EB0D1", PHONE, PHONE, "oi");
    rest_body(&stack, RECEIVER, ("later", &body), (-60, unix_now())).await;
    let verify = ["media", "verify", order, "--tenant", TENANT, "--phone", PHONE];
    let verified = stack.run(&verify).await;
    assert_eq!((verified.code, &verified.out["proven"]), (Some(0), &json!(true)), "{verified:?}");
}

/// What the selection would leave out, because it reads a field otherwise, is no proof.
#[tokio::test]
async fn the_proof_judges_a_webhook_by_its_own_names() {
    let stack = start().await;
    let mut body: Value =
        serde_json::from_str(&webhook("3EB0E1", OTHER, OTHER, "oi")).expect("JSON");
    body["chatOfALaterVersion"] = json!(PHONE);
    rest_all(&stack, &[("later version", body.to_string())]).await;
    let ended = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(
        (ended.code, counts(&ended)),
        (Some(1), [json!(0), json!(0), json!(1)]),
        "{ended:?}"
    );
}

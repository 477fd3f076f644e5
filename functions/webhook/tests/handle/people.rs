//! The register of people: learnt from every message, and used for the folder of new media.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use media::job::QueuedJob;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::{
    INSTANCE, create_asking_webhook, create_webhook, healthy_aws, image_webhook,
    instance_answer_with, post_request, webhook_request,
};

/// When the messages were sent.
const MOMENT: i64 = 1_787_438_879;

/// The items of the table of people.
type Items = Arc<Mutex<Vec<Value>>>;

/// The key of the tenant's orders, in base64.
const ORDER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// The order about the chat 5500900000002: its HMAC-SHA256 under the key, computed elsewhere.
const ORDER: &str = "erase#chat#*#ukfsooea7xqro6nnfqy3sykfj4tm4pxc5zfmor7qulaotsh4rpzq";

/// Healthy AWS with a table of people that remembers what is put into it.
async fn start_aws(items: &Items) -> Aws {
    start_aws_with_order(items, None).await
}

/// As [`start_aws`], with an order to erase the person of 5500900000002 of before this time.
async fn start_aws_with_order(items: &Items, before: Option<i64>) -> Aws {
    let items = Arc::clone(items);
    Aws::start(move |seen: &RecordedRequest| {
        let is_about = |name: &str| before.is_some() && seen.text().contains(name);
        match seen.operation() {
            "GetItem" if is_about("\"orders\"") => {
                let item = json!({ "sealed_key": { "S": "c2VhbGVk" } });
                return Answer::json(&json!({ "Item": item }));
            }
            "Decrypt" if before.is_some() => {
                return Answer::json(&json!({ "Plaintext": ORDER_KEY, "KeyId": "key" }));
            }
            "BatchGetItem" if is_about(ORDER) => {
                let until = json!({ "N": before.unwrap_or_default().to_string() });
                let order = json!({ "order": { "S": ORDER }, "before": until,
                    "from_now_on": { "BOOL": false }, "id": { "S": "order1" } });
                return Answer::json(&json!({ "Responses": { "orders": [order] } }));
            }
            _ => {}
        }
        if !seen.text().contains("\"people\"") {
            return healthy_aws(seen);
        }
        let (request, mut items) = (seen.json(), items.lock().expect("the items"));
        match seen.operation() {
            "GetItem" => {
                let link = &request["Key"]["link"];
                let found = items.iter().find(|item| item["link"] == *link);
                Answer::json(&found.map_or_else(|| json!({}), |item| json!({ "Item": item })))
            }
            "PutItem" => {
                items.push(request["Item"].clone());
                Answer::json(&json!({}))
            }
            "Query" => {
                let prefix = &request["ExpressionAttributeValues"][":prefix"]["S"];
                let prefix = prefix.as_str().expect("a prefix");
                let of_prefix = |item: &&Value| {
                    item["link"]["S"].as_str().is_some_and(|link| link.starts_with(prefix))
                };
                let found: Vec<_> = items.iter().filter(of_prefix).collect();
                Answer::json(&json!({ "Items": found }))
            }
            _ => Answer::json_error(400, "AccessDeniedException"),
        }
    })
    .await
}

/// A message of a contact, with what the webhook names of it.
fn message(chat: &str, sender: &Value, content: &Value) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0B", "moment": MOMENT,
        "chat": { "id": chat }, "sender": sender, "msgContent": content,
    })
}

fn text_of(lid: &str, phone: &str) -> Value {
    let sender = json!({ "id": phone, "senderLid": format!("{lid}@lid") });
    message(&format!("{lid}@lid"), &sender, &json!({ "conversation": "oi" }))
}

/// An image that the account sent: the webhook names only the chat's LID.
fn sent_image(lid: &str) -> Value {
    let image = image_webhook()["msgContent"].clone();
    let mut sent = message(&format!("{lid}@lid"), &json!({ "id": "5500900000001" }), &image);
    (sent["event"], sent["fromMe"]) = (json!("webhookDelivery"), json!(true));
    sent
}

/// Waits until the table has this many items: the writes are not part of the answer.
async fn wait_for_items(items: &Items, count: usize) {
    let started = Instant::now();
    while items.lock().expect("the items").len() < count
        && started.elapsed() < Duration::from_secs(5)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(items.lock().expect("the items").len(), count, "items of the table of people");
}

/// The chats of the jobs that were sent, as their folders.
fn sent_chats(aws: &Aws) -> Vec<String> {
    let sent = aws.requests_of("SendMessage").into_iter();
    let chat = |message: RecordedRequest| {
        let body = message.json()["MessageBody"].as_str().expect("a body").to_owned();
        let job = QueuedJob::parse(&body).expect("a job").into_job();
        job.message.chat.as_str().to_owned()
    };
    sent.map(chat).collect()
}

/// A text message says whose LID it is. An image that the account sends later names only the LID,
/// and goes to the folder of the phone number, also in another process.
#[tokio::test]
async fn media_of_a_known_person_go_to_one_folder() {
    let items = Items::default();
    let aws = start_aws(&items).await;
    let webhook = create_webhook(&aws);
    let image = webhook_request(INSTANCE, "secret", &sent_image("200000000000002"));
    post_request(&webhook, &image).await;
    let text = text_of("200000000000002", "5500900000002");
    let (status, body, _) =
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &text)).await;
    assert_eq!((status, body), (200, json!({ "ignored": "no_media" })));
    wait_for_items(&items, 2).await;
    assert_eq!(sent_chats(&aws), ["lid-200000000000002"]);
    for webhook in [webhook, create_webhook(&aws)] {
        // A lookup is given up after half a second, which a loaded machine may need.
        for _ in 0..20 {
            post_request(&webhook, &image).await;
            if sent_chats(&aws).last().is_some_and(|chat| !chat.starts_with("lid-")) {
                break;
            }
        }
        assert_eq!(sent_chats(&aws).last().map(String::as_str), Some("5500900000002"));
    }
}

/// Each process reads a pair once, and writes it only if the table does not have it.
#[tokio::test]
async fn a_known_pair_is_not_written_again() {
    let items = Items::default();
    let aws = start_aws(&items).await;
    let text = webhook_request(INSTANCE, "secret", &text_of("200000000000002", "5500900000002"));
    for _process in 0..2 {
        let webhook = create_webhook(&aws);
        for _message in 0..3 {
            post_request(&webhook, &text).await;
            wait_for_items(&items, 2).await;
            // Time for a write that would be too many.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let reads = aws.requests_of("GetItem").into_iter();
    let reads = reads.filter(|read| read.text().contains("\"people\"")).count();
    assert_eq!((reads, items.lock().expect("the items").len()), (2, 2));
}

/// Neither number is preferred: the file stays in the folder of the LID.
#[tokio::test]
async fn a_lid_with_two_numbers_keeps_its_folder() {
    let items = Items::default();
    let aws = start_aws(&items).await;
    let webhook = create_webhook(&aws);
    for (n, phone) in ["5500900000002", "5500900000003"].into_iter().enumerate() {
        let text = text_of("200000000000002", phone);
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &text)).await;
        wait_for_items(&items, 2 * (n + 1)).await;
    }
    let image = webhook_request(INSTANCE, "secret", &sent_image("200000000000002"));
    post_request(&webhook, &image).await;
    assert_eq!(sent_chats(&aws), ["lid-200000000000002"]);
}

/// Both are one number, which WhatsApp knows without its ninth digit.
#[tokio::test]
async fn a_lid_with_two_spellings_has_the_folder_of_the_number() {
    const SPELLINGS: [&str; 2] = ["5500988880000", "550088880000"];
    let items = Items::default();
    let aws = start_aws(&items).await;
    let webhook = create_webhook(&aws);
    for (n, phone) in SPELLINGS.into_iter().enumerate() {
        let text = text_of("200000000000002", phone);
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &text)).await;
        wait_for_items(&items, 2 * (n + 1)).await;
    }
    let image = webhook_request(INSTANCE, "secret", &sent_image("200000000000002"));
    post_request(&webhook, &image).await;
    let chats = sent_chats(&aws);
    assert!(chats.len() == 1 && SPELLINGS.contains(&chats[0].as_str()), "{chats:?}");
}

/// W-API posts it again, or an operator replays it: what was sent before the order is not written
/// down again, and what is sent after it is.
#[tokio::test]
async fn an_old_text_does_not_bring_an_erased_person_back() {
    let items = Items::default();
    let aws = start_aws_with_order(&items, Some(MOMENT - 100)).await;
    let webhook = create_asking_webhook(&aws, true);
    let mut text = text_of("200000000000002", "5500900000002");
    let (phone, content) = ("5500900000002", json!({ "conversation": "oi" }));
    let mut only_number = message(phone, &json!({ "id": phone }), &content);
    for body in [&mut text, &mut only_number] {
        body["moment"] = json!(MOMENT - 200);
        post_request(&webhook, &webhook_request(INSTANCE, "secret", body)).await;
    }
    // Time for a write that would be too many.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(items.lock().expect("the items").is_empty());
    assert!(aws.requests_of("BatchGetItem").len() >= 2, "orders were not asked for");
    (text["moment"], only_number["moment"]) = (json!(MOMENT - 50), json!(MOMENT - 50));
    post_request(&webhook, &webhook_request(INSTANCE, "secret", &only_number)).await;
    wait_for_items(&items, 1).await;
    post_request(&webhook, &webhook_request(INSTANCE, "secret", &text)).await;
    wait_for_items(&items, 3).await;
}

/// The sender of a group is learnt, too. A LID that is repeated as a number is no pair.
#[tokio::test]
async fn only_a_lid_and_a_number_are_a_pair() {
    let items = Items::default();
    let aws = start_aws(&items).await;
    let webhook = create_webhook(&aws);
    let same = text_of("200000000000004", "200000000000004");
    let in_group = message(
        "120363000000000001@g.us",
        &json!({ "id": "5500900000005", "senderLid": "200000000000005@lid" }),
        &json!({ "conversation": "oi" }),
    );
    for body in [same, in_group] {
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &body)).await;
    }
    wait_for_items(&items, 2).await;
    // Time for a write that would be too many.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let items = items.lock().expect("the items");
    let links: Vec<_> = items.iter().map(|item| item["link"]["S"].clone()).collect();
    assert_eq!(links, ["lid#200000000000005#5500900000005", "phone#5500900000005#200000000000005"]);
}

/// A table that refuses or does not answer costs the person's folder, and no media message.
#[tokio::test]
async fn a_broken_register_loses_no_media() {
    let refusal = || Answer::json_error(400, "AccessDeniedException");
    for broken in [refusal, Answer::silence] {
        let aws = Aws::start(move |seen: &RecordedRequest| {
            let is_people = seen.text().contains("\"people\"");
            if is_people { broken() } else { healthy_aws(seen) }
        })
        .await;
        let image = webhook_request(INSTANCE, "secret", &sent_image("200000000000002"));
        let (status, body, _) = post_request(&create_webhook(&aws), &image).await;
        assert_eq!((status, body), (200, json!({ "queued": 1 })));
        assert_eq!(sent_chats(&aws), ["lid-200000000000002"]);
    }
}

/// A class that only a newer version knows, or a rule of another form, refuses no webhook.
#[tokio::test]
async fn a_pair_ends_with_the_tenants_retention() {
    for (rule, end) in [
        (json!({ "M": { "retention": { "S": "30d" } } }), Some("1790030879")),
        (json!({ "M": { "retention": { "S": "7y" } } }), None),
        (json!({ "M": { "retention": { "N": "30" } } }), None),
        (json!({ "S": "30d" }), None),
    ] {
        let items = Items::default();
        let (fields, known) = (json!({ "policy": rule }), Arc::clone(&items));
        let aws = Aws::start(move |seen: &RecordedRequest| {
            let is_put = seen.operation() == "PutItem";
            if is_put && seen.text().contains("\"people\"") {
                known.lock().expect("the items").push(seen.json()["Item"].clone());
            }
            let is_instance = seen.operation() == "GetItem"
                && seen.text().contains(INSTANCE)
                && !seen.text().contains("\"people\"");
            match is_instance {
                true => instance_answer_with(&["secret"], &fields),
                false => Answer::json(&json!({})),
            }
        })
        .await;
        let text = text_of("200000000000002", "5500900000002");
        let request = webhook_request(INSTANCE, "secret", &text);
        let (status, ..) = post_request(&create_webhook(&aws), &request).await;
        assert_eq!(status, 200, "{end:?}");
        wait_for_items(&items, 2).await;
        let items = items.lock().expect("the items");
        for item in items.iter() {
            assert_eq!(item["forget_at"]["N"].as_str(), end, "{item}");
        }
    }
}

/// The number alone: its LID can only be asked for. Of a pair, a group or a LID, nothing is noted.
#[tokio::test]
async fn a_number_without_a_lid_is_noted_if_lids_are_asked_for() {
    for asks_lids in [true, false] {
        let items = Items::default();
        let aws = start_aws(&items).await;
        let content = json!({ "conversation": "oi" });
        let known = text_of("200000000000003", "5500900000003");
        let by_number = |phone: &str| message(phone, &json!({ "id": phone }), &content);
        let of_group =
            message("120363000000000001@g.us", &json!({ "id": "5500900000004" }), &content);
        let of_lid = message("200000000000005@lid", &json!({}), &content);
        let webhook = create_asking_webhook(&aws, asks_lids);
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &known)).await;
        wait_for_items(&items, 2).await;
        for body in [by_number("5500900000003"), of_group, of_lid, by_number("5500900000002")] {
            post_request(&webhook, &webhook_request(INSTANCE, "secret", &body)).await;
        }
        wait_for_items(&items, if asks_lids { 3 } else { 2 }).await;
        let links: Vec<_> =
            items.lock().expect("the items").iter().map(|item| item["link"].clone()).collect();
        let is_noted = links.contains(&json!({ "S": "open#5500900000002" }));
        assert_eq!(is_noted, asks_lids, "{links:?}");
    }
}

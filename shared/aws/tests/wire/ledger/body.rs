//! Body entries: a whole message in as many items as it needs, and nothing of it once it is
//! settled.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws::{
    body_key::BodyKey,
    entry_key::EntryKey,
    ledger::{DueKey, JobsTable, KeptBody, NoteTerms, ParkOutcome, ParkedBody},
};
use media::{
    failure::FailureClass,
    identity::RecordKey,
    parked::{Content, UnknownSummary},
    unread::UnreadBody,
};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};

use super::helpers::{JOBS_TABLE, NOW};
use crate::samples::{INSTANCE, instance};

const TERMS: NoteTerms = NoteTerms { now: NOW, retention: None };

type Items = BTreeMap<(String, String), serde_json::Map<String, Value>>;

/// A jobs table that keeps what is written, without conditions.
async fn small_table() -> (Aws, Arc<Mutex<Items>>) {
    let items = Arc::new(Mutex::new(Items::new()));
    let kept = Arc::clone(&items);
    let key_of = |key: &Value| {
        let part = |name: &str| key[name]["S"].as_str().expect("a key").to_owned();
        (part("instance"), part("message_id"))
    };
    let aws = Aws::start(move |seen: &RecordedRequest| {
        let (mut items, asked) = (kept.lock().expect("the items"), seen.json());
        match seen.operation() {
            "TransactWriteItems" => {
                for write in asked["TransactItems"].as_array().expect("writes") {
                    if let Some(delete) = write.get("Delete") {
                        items.remove(&key_of(&delete["Key"]));
                        continue;
                    }
                    let update = Update::from_body(&write["Update"]);
                    let item = items.entry(key_of(&update.key)).or_default();
                    item.extend(update.sets);
                    item.retain(|name, _| !update.removes.contains(name));
                }
                Answer::json(&json!({}))
            }
            "GetItem" => {
                let item = items.get(&key_of(&asked["Key"]));
                Answer::json(&item.map_or(json!({}), |item| json!({ "Item": item })))
            }
            "UpdateItem" => {
                let item = items.get(&key_of(&asked["Key"]));
                Answer::json(&json!({ "Attributes": item }))
            }
            "Query" => {
                let values = &asked["ExpressionAttributeValues"];
                let its = items.iter().filter(|((partition, sort_key), _)| {
                    let prefix = values[":prefix"]["S"].as_str().expect("a prefix");
                    values[":partition"]["S"] == *partition && sort_key.starts_with(prefix)
                });
                let its = its.map(|((partition, sort_key), item)| {
                    let mut item = item.clone();
                    item.insert("instance".to_owned(), json!({ "S": partition }));
                    item.insert("message_id".to_owned(), json!({ "S": sort_key }));
                    item
                });
                Answer::json(&json!({ "Items": its.collect::<Vec<_>>() }))
            }
            _ => Answer::json_error(400, "NothingScripted"),
        }
    })
    .await;
    (aws, items)
}

fn table(aws: &Aws) -> JobsTable {
    JobsTable::new(&aws.clients, JOBS_TABLE.to_owned())
}

/// An unread body with this many bytes, as the queue has it.
fn unread_of(size: usize) -> String {
    let body = data_encoding::BASE64.encode(&vec![b'{'; size]);
    json!({ "version": "unread-1", "tenant": "acme", "instance": INSTANCE,
        "accepted_at": NOW, "why": "bad_body", "body": body })
    .to_string()
}

fn content_of(body: &str) -> Content {
    let unread = UnreadBody::parse(body);
    let unknown = || Content::Unknown(UnknownSummary::default());
    unread.map_or_else(|_| unknown(), |unread| Content::Unread(unread.summary()))
}

async fn park(aws: &Aws, body: &str) -> BodyKey {
    let (key, content) = (BodyKey::from_body(body), content_of(body));
    let why = (FailureClass::Unread, "bad_body: a reason");
    let parked = ParkedBody::new((&key, body), &content, why, TERMS);
    assert_eq!(table(aws).park_body(&parked).await, Ok(ParkOutcome::Parked));
    key
}

/// The largest body that is kept has 780,000 bytes, and an item 400 KB.
#[tokio::test]
async fn the_largest_body_is_kept_whole() {
    for (size, parts) in [(2, 1), (200_000, 1), (300_000, 2), (780_000, 3)] {
        let (aws, items) = small_table().await;
        let body = unread_of(size);
        let key = park(&aws, &body).await;
        let lengths: Vec<_> = {
            let items = items.lock().expect("the items");
            let texts = items.values().map(|item| item["body"]["S"].as_str().expect("a text"));
            texts.map(str::len).collect()
        };
        assert_eq!(lengths.len(), parts, "{size}");
        assert!(lengths.iter().all(|length| *length <= 380_000), "{lengths:?}");
        let kept = table(&aws).read_body(&key).await.expect("an answer").expect("a body");
        assert_eq!((kept.body == body, kept.tenant.is_some()), (true, true));
        assert!(!format!("{kept:?}").contains("e3t7"), "a body is confidential");
        let mut visited = Vec::new();
        let each = |key: BodyKey, kept: KeptBody| visited.push((key, kept.body == body));
        table(&aws).visit_bodies(INSTANCE, each).await.expect("a visit");
        assert_eq!(visited, [(key.clone(), true)]);
        // What is due is sent whole.
        let entry = key.to_string();
        let entry = EntryKey::parse(&entry).expect("a key of an instance");
        let due = DueKey { entry, due_at: NOW };
        let taken = table(&aws).take_due(&due, NOW + 7200, "a taker").await;
        assert_eq!(taken.expect("an answer").expect("a body").body.len(), body.len());
    }
}

/// Its text is not ASCII, and an item's part ends at a character.
#[tokio::test]
async fn a_message_of_any_text_is_kept_whole() {
    let (aws, items) = small_table().await;
    let body = "ação €".repeat(50_000);
    let key = park(&aws, &body).await;
    assert_eq!(key.instance(), None);
    assert!(items.lock().expect("the items").keys().all(|(partition, _)| partition == "~"));
    let kept = table(&aws).read_body(&key).await.expect("an answer").expect("a body");
    assert!(kept.body == body && kept.tenant.is_none());
}

/// What was read or dropped leaves no text, and nothing that an index shows.
#[tokio::test]
async fn a_settled_entry_has_nothing_of_its_message() {
    let (aws, items) = small_table().await;
    let key = park(&aws, &unread_of(780_000)).await;
    assert_eq!(table(&aws).settle_body(&key, NOW).await, Ok(true));
    let items = items.lock().expect("the items").clone();
    let item = items.values().next().expect("an entry");
    assert_eq!(items.len(), 1, "{:?}", items.keys());
    let mut names: Vec<_> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["decided_at", "forget_at", "state"]);
    // As long as any queue has a copy.
    assert_eq!(item["forget_at"]["N"], (NOW + 30 * 24 * 60 * 60).to_string());
    assert_eq!(table(&aws).read_body(&key).await, Ok(None));
    let mut visited = 0;
    table(&aws).visit_bodies(INSTANCE, |_, _| visited += 1).await.expect("a visit");
    assert_eq!(visited, 0);
}

/// Neither a job's entry nor an id that only looks like the key of a body is one.
#[test]
fn only_the_key_of_a_body_is_one() {
    let body = unread_of(2);
    let key = BodyKey::from_body(&body);
    assert_eq!(key, BodyKey::from_body(&body), "each copy of a message has the same entry");
    assert_ne!(key, BodyKey::from_body(&unread_of(3)));
    let text = key.to_string();
    assert_eq!(BodyKey::parse(&text), Some(key.clone()));
    assert_eq!((key.instance(), key.size_bytes()), (Some(&instance()), 2));
    let sort_key = text.split_once('/').expect("two parts").1;
    let others = [
        format!("{sort_key}#MFRGGZDFMZTWQ2LKNNWG23TPOA"),
        sort_key.to_uppercase(),
        format!("{sort_key}0x"),
        sort_key.replace('.', "#"),
        "~body.".to_owned(),
        "3EB0D8C2DC513BD63DC4".to_owned(),
    ];
    for other in others {
        assert_eq!(BodyKey::from_item(INSTANCE, &other), None, "{other}");
        let key = RecordKey::from_record(other);
        assert_eq!(BodyKey::from_entry(&EntryKey { instance: instance(), key }), None);
    }
}

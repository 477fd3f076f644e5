//! Collects what a world's cloud holds at the end.

use media::object_key::{KeyFolders, ObjectKey};
use redaction::Sink;
use serde_json::Value;

use crate::{
    accounting::{Evidence, FileFacts, Identity, JobEntry, Object, ParkedTicket, Record},
    cloud::{Cloud, bucket::StoredObject, queue::SentMessage},
    function::{JOBS, JOBS_TABLE, MEDIA, PARKED},
    publisher::is_resting_delivery,
};

/// Collects all evidence. `uploads` are the keys of uploads that were not swept.
pub(crate) fn gather_evidence(cloud: &Cloud, uploads: Vec<String>) -> Evidence {
    let objects = cloud.bucket.objects();
    let mut sqs = cloud.lock_sqs();
    sqs.drop_expired(cloud.clock.now());
    let sent = |queue| -> Vec<SentMessage> {
        let queue = sqs.queue(queue);
        queue.map(|it| it.messages().cloned().collect()).unwrap_or_default()
    };
    let items = cloud.tables.items(MEDIA).unwrap_or_default();
    items.iter().for_each(|item| redaction::note(Sink::Record, &item.to_string()));
    for ticket in sent(PARKED) {
        redaction::note(Sink::Ticket, &ticket.attributes.to_string());
    }
    let entries = cloud.tables.items(JOBS_TABLE).unwrap_or_default();
    let is_text_of_event =
        |item: &&Value| item["instance"]["S"].as_str().is_some_and(|id| id.starts_with("texts#"));
    for entry in entries.iter().filter(|item| !is_text_of_event(item)) {
        let mut beside = entry.clone();
        // The job, which holds keys and rests encrypted, as in the queue.
        beside.as_object_mut().and_then(|fields| fields.remove("body"));
        redaction::note(Sink::Record, &beside.to_string());
    }
    Evidence {
        objects: objects.iter().map(|(key, stored)| object_evidence(key, stored)).collect(),
        parked: sent(PARKED).iter().map(parked_ticket).collect(),
        queued: sent(JOBS).iter().map(|one| Identity::from_body(&one.body)).collect(),
        records: items.iter().map(record_evidence).collect(),
        entries: entries.iter().filter(|item| is_job(item)).map(entry_evidence).collect(),
        bodies: entries.iter().filter(|item| is_body(item)).map(entry_evidence).collect(),
        dropped: cloud.dropped.lock().expect("what was dropped").clone(),
        uploads,
    }
}

fn object_evidence(key: &str, stored: &StoredObject) -> Object {
    let KeyFolders { instance, chat, .. } = ObjectKey::find_folders(key).unwrap_or_default();
    let said = |name: &str| stored.metadata.get(name).cloned();
    let (sha256, message_id) = (stored.sha256(), said("message-id").unwrap_or_default());
    Object {
        key: key.to_owned(),
        identity: Identity::new(instance, message_id).with_content(chat, &sha256),
        facts: Some(FileFacts {
            size_bytes: Some(stored.bytes.len() as u64),
            sha256: Some(sha256.clone()),
            integrity: said("integrity"),
            strategy: said("strategy"),
        }),
        sha256,
        writes: stored.writes,
    }
}

fn parked_ticket(sent: &SentMessage) -> ParkedTicket {
    let said = |name: &str| sent.attributes[name]["StringValue"].as_str().map(str::to_owned);
    ParkedTicket {
        identity: Identity::from_body(&sent.body),
        class: said("class"),
        reason: said("reason"),
    }
}

/// An entry that has its message. What was read or dropped is gone from its entry.
fn has_message(item: &Value) -> bool {
    item["body"]["S"].is_string()
}

/// The keys of the body entries, each with the identity in its message.
pub(crate) fn body_identities(cloud: &Cloud) -> Vec<(String, Identity)> {
    let items = cloud.tables.items(JOBS_TABLE).unwrap_or_default();
    let bodies = items.iter().filter(|item| is_body(item));
    bodies
        .map(|item| {
            let key = item["message_id"]["S"].as_str().unwrap_or_default().to_owned();
            (key, entry_evidence(item).identity)
        })
        .collect()
}

fn is_job(item: &Value) -> bool {
    has_message(item) && !is_body(item) && !is_resting_delivery(item)
}

/// Worlds have no message that would need several items.
fn is_body(item: &Value) -> bool {
    let key = item["message_id"]["S"].as_str().unwrap_or_default();
    has_message(item) && key.starts_with("~body.")
}

fn entry_evidence(item: &Value) -> JobEntry {
    let text = |name: &str| item[name]["S"].as_str().map(str::to_owned);
    JobEntry {
        identity: Identity::from_body(&text("body").unwrap_or_default()),
        state: text("state").unwrap_or_default(),
        class: text("class"),
        reason: text("reason"),
    }
}

fn record_evidence(item: &Value) -> Record {
    let text = |name: &str| item[name]["S"].as_str().map(str::to_owned);
    let message_id = text("message").or_else(|| text("message_id"));
    let named = Identity::new(text("instance").unwrap_or_default(), message_id.unwrap_or_default());
    let size_bytes = item["size_bytes"]["N"].as_str();
    Record {
        identity: match (text("chat"), text("sha256")) {
            (Some(chat), Some(sha256)) => named.with_content(&chat, &sha256),
            (Some(_) | None, _) => named,
        },
        facts: FileFacts {
            size_bytes: size_bytes.and_then(|n| n.parse().ok()),
            sha256: text("sha256"),
            integrity: text("integrity"),
            strategy: text("strategy"),
        },
        state: text("state").unwrap_or_default(),
        object_key: text("object_key"),
        class: text("class"),
    }
}

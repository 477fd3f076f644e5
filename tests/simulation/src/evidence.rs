//! Gathers what a world's cloud holds at the end.

use redaction::Sink;
use serde_json::Value;

use crate::{
    accounting::{Evidence, Identity, Object, Parked, Record, Said},
    cloud::{Cloud, bucket::Stored, queue::Sent},
    function::{JOBS, MEDIA, PARKED},
};

/// All of it. `uploads` are the keys of uploads that were not swept.
pub(crate) fn gather(cloud: &Cloud, uploads: Vec<String>) -> Evidence {
    let objects = cloud.bucket.objects();
    let sqs = cloud.sqs();
    let sent = |queue| -> Vec<Sent> {
        let queue = sqs.queue(queue);
        queue
            .map(|it| it.all().cloned().collect())
            .unwrap_or_default()
    };
    let items = cloud.tables.items(MEDIA).unwrap_or_default();
    items
        .iter()
        .for_each(|item| redaction::note(Sink::Record, &item.to_string()));
    for ticket in sent(PARKED) {
        redaction::note(Sink::Ticket, &ticket.attributes.to_string());
    }
    Evidence {
        objects: objects
            .iter()
            .map(|(key, stored)| object(key, stored))
            .collect(),
        parked: sent(PARKED).iter().map(parked).collect(),
        queued: sent(JOBS)
            .iter()
            .map(|one| Identity::of_body(&one.body))
            .collect(),
        records: items.iter().map(record).collect(),
        uploads,
    }
}

fn object(key: &str, stored: &Stored) -> Object {
    let instance = key.split('/').nth(1).unwrap_or_default();
    let chat = key.split('/').nth(2).unwrap_or_default();
    let said = |name: &str| stored.metadata.get(name).cloned();
    let (sha256, message_id) = (stored.sha256(), said("message-id").unwrap_or_default());
    Object {
        key: key.to_owned(),
        identity: Identity::new(instance, message_id).holding(chat, &sha256),
        said: Some(Said {
            size_bytes: Some(stored.bytes.len() as u64),
            sha256: Some(sha256.clone()),
            integrity: said("integrity"),
            strategy: said("strategy"),
        }),
        sha256,
        writes: stored.writes,
    }
}

fn parked(sent: &Sent) -> Parked {
    let said = |name: &str| {
        sent.attributes[name]["StringValue"]
            .as_str()
            .map(str::to_owned)
    };
    Parked {
        identity: Identity::of_body(&sent.body),
        class: said("class"),
        reason: said("reason"),
    }
}

fn record(item: &Value) -> Record {
    let text = |name: &str| item[name]["S"].as_str().map(str::to_owned);
    let message_id = text("message").or_else(|| text("message_id"));
    let named = Identity::new(
        text("instance").unwrap_or_default(),
        message_id.unwrap_or_default(),
    );
    let size_bytes = item["size_bytes"]["N"].as_str();
    Record {
        identity: match (text("chat"), text("sha256")) {
            (Some(chat), Some(sha256)) => named.holding(&chat, &sha256),
            (Some(_) | None, _) => named,
        },
        said: Said {
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

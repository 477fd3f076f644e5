//! Gathers what a world's cloud holds at the end.

use overheard::Sink;
use serde_json::Value;

use crate::{
    accounting::{Evidence, Identity, Object, Parked, Record},
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
        .for_each(|item| overheard::note(Sink::Record, &item.to_string()));
    for ticket in sent(PARKED) {
        overheard::note(Sink::Ticket, &ticket.attributes.to_string());
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
    let message_id = stored.metadata.get("message-id").cloned();
    Object {
        key: key.to_owned(),
        identity: Identity::new(instance, message_id.unwrap_or_default()),
        sha256: stored.sha256(),
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
    Record {
        identity: Identity::new(
            text("instance").unwrap_or_default(),
            text("message_id").unwrap_or_default(),
        ),
        state: text("state").unwrap_or_default(),
        object_key: text("object_key"),
    }
}

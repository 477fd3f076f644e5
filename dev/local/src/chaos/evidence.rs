//! What is found afterwards: every object byte by byte, both queues, every record, every upload left open.

use std::collections::HashMap;
use std::sync::Arc;

use accounting::{Evidence, Identity, Object, Parked, Record, Said};
use anyhow::{Context, Result};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{Bucket, Stack, StoredFile};

/// Objects read at the same time.
const AT_ONCE: usize = 8;

/// What was found, and what the bucket will see to by itself.
#[derive(Debug)]
pub(crate) struct Found {
    /// For the books.
    pub(crate) evidence: Evidence,
    /// Open uploads of killed functions, no more than were killed. No orphans: the template's rule ends them after a
    /// day, which a test holds against the template, for the emulator has no such rules.
    pub(crate) uploads_left_to_the_rule: usize,
}

/// Gathers all of it. Nothing is changed and nothing is swept. `killed` are the download functions that were killed:
/// each may have left one upload open, because the last thing that it could do was nothing.
///
/// # Errors
/// If the stack does not answer.
pub(crate) async fn gather(stack: &Stack, killed: usize) -> Result<Found> {
    let (bucket, outputs) = (stack.bucket(), stack.outputs());
    let open = bucket.open_uploads().await?;
    let (uploads, left) = if open.len() <= killed {
        (Vec::new(), open.len())
    } else {
        (open, 0)
    };
    let evidence = Evidence {
        objects: objects(&bucket).await?,
        parked: queue(stack, &outputs.parked_queue_url)
            .await?
            .iter()
            .map(parked)
            .collect(),
        queued: queue(stack, &outputs.jobs_queue_url)
            .await?
            .iter()
            .map(|message| Identity::of_body(body(message)))
            .collect(),
        records: stack.media_records().await?.iter().map(record).collect(),
        uploads,
    };
    Ok(Found {
        evidence,
        uploads_left_to_the_rule: left,
    })
}

async fn objects(bucket: &Bucket) -> Result<Vec<Object>> {
    let writes = bucket.writes().await?;
    let bucket = Arc::new(bucket.clone());
    let mut keys = bucket.keys().await?.into_iter();
    let mut reading = JoinSet::new();
    let mut objects = Vec::new();
    loop {
        while reading.len() < AT_ONCE
            && let Some(key) = keys.next()
        {
            let bucket = Arc::clone(&bucket);
            reading.spawn(async move { bucket.read(&key).await });
        }
        let Some(read) = reading.join_next().await else {
            return Ok(objects);
        };
        objects.push(object(read.context("reading objects")??, &writes));
    }
}

/// The key is `tenant/instance/…`; the message stands in the metadata.
fn object(file: StoredFile, writes: &HashMap<String, u32>) -> Object {
    let instance = file.key.split('/').nth(1).unwrap_or_default().to_owned();
    let chat = file.key.split('/').nth(2).unwrap_or_default();
    let message_id = file.meta("message-id").unwrap_or_default().to_owned();
    Object {
        identity: Identity::new(instance, message_id).holding(chat, &file.sha256_hex),
        writes: writes.get(&file.key).copied().unwrap_or(1),
        said: None,
        sha256: file.sha256_hex,
        key: file.key,
    }
}

/// Every message of a queue, hidden ones included, without receiving any.
async fn queue(stack: &Stack, queue_url: &str) -> Result<Vec<Value>> {
    let looked = stack.endpoint().look_into_queue(queue_url).await?;
    looked.context("the emulator knows no such queue")
}

fn body(message: &Value) -> &str {
    message
        .get("Body")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn parked(message: &Value) -> Parked {
    let attribute = |name: &str| {
        let value = message
            .get("MessageAttributes")?
            .get(name)?
            .get("StringValue")?;
        value.as_str().map(str::to_owned)
    };
    Parked {
        identity: Identity::of_body(body(message)),
        class: attribute("class"),
        reason: attribute("reason"),
    }
}

fn record(item: &Value) -> Record {
    let text = |name: &str| {
        let value = item.get(name)?.get("S")?;
        value.as_str().map(str::to_owned)
    };
    let or_empty = |name: &str| text(name).unwrap_or_default();
    let message = text("message").unwrap_or_else(|| or_empty("message_id"));
    let named = Identity::new(or_empty("instance"), message);
    Record {
        identity: match (text("chat"), text("sha256")) {
            (Some(chat), Some(sha256)) => named.holding(&chat, &sha256),
            (Some(_) | None, _) => named,
        },
        state: or_empty("state"),
        object_key: text("object_key"),
        class: text("class"),
        said: Said::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use accounting::Identity;
    use serde_json::json;

    use super::{object, parked, record};
    use crate::StoredFile;

    #[test]
    fn an_object_says_by_key_and_metadata_whose_it_is_and_versions_say_how_often_it_was_written() {
        let key = "acme/LITE-CHAOS0-000001/group-5500900000001-1600000000/2026-11/1.jpg";
        let file = StoredFile {
            key: key.to_owned(),
            size_bytes: 3,
            sha256_hex: "aa".to_owned(),
            content_type: None,
            content_disposition: None,
            metadata: HashMap::from([("message-id".to_owned(), "3EB0".to_owned())]),
            tags: HashMap::new(),
        };
        let found = object(file, &HashMap::from([(key.to_owned(), 2)]));
        let named = Identity::new("LITE-CHAOS0-000001", "3EB0");
        let chat = "5500900000001-1600000000@g.us";
        assert_eq!(found.identity, named.holding(chat, "aa"));
        assert_eq!(found.writes, 2);
    }

    #[test]
    fn a_parked_message_and_a_record_are_read_as_the_emulator_gives_them() {
        let message = json!({
            "Body": r#"{"version":"1","instance":"I","message":{"message_id":"m"}}"#,
            "MessageAttributes": { "class": { "DataType": "String", "StringValue": "expired" } },
        });
        let message = parked(&message);
        assert_eq!(message.identity, Identity::new("I", "m"));
        assert_eq!(
            (message.class.as_deref(), message.reason),
            (Some("expired"), None)
        );
        let item = json!({
            "instance": { "S": "I" }, "message_id": { "S": "m#digest" }, "message": { "S": "m" }, "state": { "S": "stored" },
            "object_key": { "S": "acme/I/k" }, "moment": { "N": "1" },
        });
        let record = record(&item);
        assert_eq!(record.identity, Identity::new("I", "m"));
        assert_eq!(
            (record.state.as_str(), record.object_key.as_deref()),
            ("stored", Some("acme/I/k"))
        );
    }
}

//! The evidence after a chaos run: every object byte by byte, both queues, every record, every
//! open upload.

use std::collections::HashMap;
use std::sync::Arc;

use accounting::{Evidence, FileFacts, Identity, JobEntry, Object, ParkedTicket, Record};
use anyhow::{Context, Result};
use media::object_key::{KeyFolders, ObjectKey};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{Bucket, Stack, StoredFile};

/// Maximum number of objects read at the same time.
const MAX_CONCURRENT_READS: usize = 8;

/// What was found, and what the bucket's rules will remove.
#[derive(Debug)]
pub(crate) struct ChaosEvidence {
    /// The evidence for the audit.
    pub(crate) evidence: Evidence,
    /// Open uploads of killed functions, at most one for each. They are not orphans: the
    /// template's rule removes them after a day. Another test checks that rule, because the
    /// emulator has none.
    pub(crate) uploads_left_to_the_rule: usize,
}

/// Collects all evidence without changing anything. `killed` is the number of download functions
/// that were killed: each may have left one upload open.
///
/// # Errors
/// If the stack does not answer.
pub(crate) async fn gather_evidence(stack: &Stack, killed: usize) -> Result<ChaosEvidence> {
    let (bucket, outputs) = (stack.bucket(), stack.outputs());
    let open = bucket.open_uploads().await?;
    let (uploads, left) = if open.len() <= killed { (Vec::new(), open.len()) } else { (open, 0) };
    let entries = stack.scan(&outputs.jobs_table).await?;
    // What was read or dropped is gone from its entry.
    let entries = entries.iter().filter(|item| item_text(item, "body").is_some());
    let is_body =
        |item: &&Value| item_text(item, "message_id").is_some_and(|key| key.starts_with("~body."));
    let (bodies, entries): (Vec<_>, Vec<_>) = entries.partition(is_body);
    let evidence = Evidence {
        objects: read_objects(&bucket).await?,
        parked: read_queue(stack, &outputs.parked_queue_url)
            .await?
            .iter()
            .map(parked_ticket)
            .collect(),
        queued: read_queue(stack, &outputs.jobs_queue_url)
            .await?
            .iter()
            .map(|message| Identity::from_body(message_body(message)))
            .collect(),
        records: stack.media_records().await?.iter().map(record_evidence).collect(),
        entries: entries.into_iter().map(entry_evidence).collect(),
        bodies: bodies.into_iter().map(entry_evidence).collect(),
        dropped: Vec::new(),
        uploads,
    };
    Ok(ChaosEvidence { evidence, uploads_left_to_the_rule: left })
}

async fn read_objects(bucket: &Bucket) -> Result<Vec<Object>> {
    let writes = bucket.count_writes().await?;
    let bucket = Arc::new(bucket.clone());
    let mut keys = bucket.list_keys().await?.into_iter();
    let mut reading = JoinSet::new();
    let mut objects = Vec::new();
    loop {
        while reading.len() < MAX_CONCURRENT_READS
            && let Some(key) = keys.next()
        {
            let bucket = Arc::clone(&bucket);
            reading.spawn(async move { bucket.read_file(&key).await });
        }
        let Some(read) = reading.join_next().await else {
            return Ok(objects);
        };
        objects.push(object_evidence(read.context("reading objects")??, &writes));
    }
}

/// The key is `tenant/instance/…`; the message id is in the metadata.
fn object_evidence(file: StoredFile, writes: &HashMap<String, u32>) -> Object {
    let KeyFolders { instance, chat, .. } = ObjectKey::find_folders(&file.key).unwrap_or_default();
    let message_id = file.metadata_value("message-id").unwrap_or_default().to_owned();
    Object {
        identity: Identity::new(instance, message_id).with_content(chat, &file.sha256_hex),
        writes: writes.get(&file.key).copied().unwrap_or(1),
        facts: None,
        sha256: file.sha256_hex,
        key: file.key,
    }
}

/// Reads every message of a queue, hidden ones included, without receiving any.
async fn read_queue(stack: &Stack, queue_url: &str) -> Result<Vec<Value>> {
    let looked = stack.endpoint().look_into_queue(queue_url).await?;
    looked.context("the emulator does not have the queue")
}

fn message_body(message: &Value) -> &str {
    message.get("Body").and_then(Value::as_str).unwrap_or_default()
}

fn parked_ticket(message: &Value) -> ParkedTicket {
    let attribute = |name: &str| {
        let value = message.get("MessageAttributes")?.get(name)?.get("StringValue")?;
        value.as_str().map(str::to_owned)
    };
    ParkedTicket {
        identity: Identity::from_body(message_body(message)),
        class: attribute("class"),
        reason: attribute("reason"),
    }
}

/// The text of an item's attribute.
fn item_text(item: &Value, name: &str) -> Option<String> {
    item.get(name)?.get("S")?.as_str().map(str::to_owned)
}

fn entry_evidence(item: &Value) -> JobEntry {
    let text = |name: &str| item_text(item, name);
    JobEntry {
        identity: Identity::from_body(&text("body").unwrap_or_default()),
        state: text("state").unwrap_or_default(),
        class: text("class"),
        reason: text("reason"),
    }
}

fn record_evidence(item: &Value) -> Record {
    let text = |name: &str| item_text(item, name);
    let or_empty = |name: &str| text(name).unwrap_or_default();
    let message = text("message").unwrap_or_else(|| or_empty("message_id"));
    let named = Identity::new(or_empty("instance"), message);
    Record {
        identity: match (text("chat"), text("sha256")) {
            (Some(chat), Some(sha256)) => named.with_content(&chat, &sha256),
            (Some(_) | None, _) => named,
        },
        state: or_empty("state"),
        object_key: text("object_key"),
        class: text("class"),
        facts: FileFacts::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use accounting::Identity;
    use serde_json::json;

    use super::{object_evidence, parked_ticket, record_evidence};
    use crate::StoredFile;

    /// The versions of the bucket show how many times it was written.
    #[test]
    fn an_object_is_identified_by_key_and_metadata() {
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
        let found = object_evidence(file, &HashMap::from([(key.to_owned(), 2)]));
        let named = Identity::new("LITE-CHAOS0-000001", "3EB0");
        let chat = "5500900000001-1600000000@g.us";
        assert_eq!(found.identity, named.with_content(chat, "aa"));
        assert_eq!(found.writes, 2);
    }

    #[test]
    fn tickets_and_records_are_read_as_emulated() {
        let message = json!({
            "Body": r#"{"version":"1","instance":"I","message":{"message_id":"m"}}"#,
            "MessageAttributes": { "class": { "DataType": "String", "StringValue": "expired" } },
        });
        let message = parked_ticket(&message);
        assert_eq!(message.identity, Identity::new("I", "m"));
        assert_eq!((message.class.as_deref(), message.reason), (Some("expired"), None));
        let item = json!({
            "instance": { "S": "I" }, "message_id": { "S": "m#digest" }, "message": { "S": "m" },
            "state": { "S": "stored" },
            "object_key": { "S": "acme/I/k" }, "moment": { "N": "1" },
        });
        let record = record_evidence(&item);
        assert_eq!(record.identity, Identity::new("I", "m"));
        assert_eq!(
            (record.state.as_str(), record.object_key.as_deref()),
            ("stored", Some("acme/I/k"))
        );
    }
}

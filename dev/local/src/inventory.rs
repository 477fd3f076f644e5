//! Everything that a local AWS holds, read with plain calls to its services: what a test searches
//! that must not rely on the product's own search.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::endpoint::Endpoint;
use crate::stack::Stack;

/// The shortest text that is tried as base64.
const MIN_BASE64: usize = 24;

/// One thing that a service holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// The service and the name of the place: `object`, `marker`, `upload`, `body`, `table NAME`,
    /// `queue NAME` or `log NAME`.
    pub place: String,
    /// All of it as text. Of a version of a file: its key, its tags, its metadata and the SHA-256
    /// of its bytes, as JSON. Of the body of a large webhook: its key and the whole body.
    pub text: String,
}

impl Holding {
    /// Whether it contains one of these words, in any case, also within base64.
    pub fn has_any(&self, words: &[String]) -> bool {
        let text = format!("{}\n{}", self.text, decode_parts(&self.text)).to_lowercase();
        words.iter().any(|word| text.contains(&word.to_lowercase()))
    }
}

/// What the base64 in a text encodes: an unread webhook is kept in this form.
fn decode_parts(text: &str) -> String {
    let is_of_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let parts = text.split(|c| !is_of_base64(c)).filter(|part| part.len() >= MIN_BASE64);
    let decoded = parts.filter_map(|part| {
        let bytes = BASE64.decode(part.as_bytes());
        bytes.or_else(|_| BASE64_NOPAD.decode(part.as_bytes())).ok()
    });
    decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned() + "\n").collect()
}

impl Stack {
    /// Everything that the local AWS holds: tables, queues, logs and both buckets, read with plain
    /// calls to its services.
    ///
    /// # Errors
    /// If a service refuses a call.
    pub async fn take_inventory(&self) -> Result<Vec<Holding>> {
        let mut all = take_inventory(self.endpoint(), &self.bucket()).await?;
        let bodies = Bucket::new(self.endpoint(), &self.outputs().deliveries_bucket);
        for key in bodies.list_keys().await? {
            // Another test may have removed it meanwhile.
            if let Ok(body) = bodies.read_text(&key).await {
                all.push(Holding { place: "body".to_owned(), text: format!("{key}\n{body}") });
            }
        }
        Ok(all)
    }

    /// Sends a message to a queue, which delivers it after some seconds.
    ///
    /// # Errors
    /// If SQS does not take it.
    pub async fn send_later(&self, queue_url: &str, body: &str, seconds: u32) -> Result<()> {
        let message =
            json!({ "QueueUrl": queue_url, "MessageBody": body, "DelaySeconds": seconds });
        self.endpoint().call_json("sqs", "AmazonSQS.SendMessage", &message).await.map(drop)
    }
}

/// Reads every table, every message of every queue, every line of every log, and every version,
/// delete marker and unfinished upload of the bucket.
async fn take_inventory(endpoint: Endpoint, bucket: &Bucket) -> Result<Vec<Holding>> {
    let mut all = bucket.list_holdings().await?;
    for table in list_names(endpoint, Listing::TABLES).await? {
        for item in scan_items(endpoint, &table).await? {
            all.push(Holding { place: format!("table {table}"), text: item.to_string() });
        }
    }
    for (queue, messages) in endpoint.look_into_queues().await? {
        for message in messages {
            let part = |name: &str| message.get(name).cloned().unwrap_or_default();
            let text = json!([part("Body"), part("MessageAttributes")]).to_string();
            // The body once more without the escapes of JSON.
            let body = part("Body").as_str().unwrap_or_default().to_owned();
            all.push(Holding { place: format!("queue {queue}"), text: text + &body });
        }
    }
    for group in list_names(endpoint, Listing::LOGS).await? {
        for line in read_lines(endpoint, &group).await? {
            all.push(Holding { place: format!("log {group}"), text: line });
        }
    }
    Ok(all)
}

/// A call that lists names, page by page.
struct Listing {
    service: &'static str,
    target: &'static str,
    /// Where the answer has the names, and within each the name if it is an object.
    names: (&'static str, &'static str),
    /// What an answer calls the place where it ended, and what a request calls it.
    next: (&'static str, &'static str),
}

impl Listing {
    const TABLES: Self = Self {
        service: "dynamodb",
        target: "DynamoDB_20120810.ListTables",
        names: ("TableNames", ""),
        next: ("LastEvaluatedTableName", "ExclusiveStartTableName"),
    };
    const LOGS: Self = Self {
        service: "logs",
        target: "Logs_20140328.DescribeLogGroups",
        names: ("logGroups", "logGroupName"),
        next: ("nextToken", "nextToken"),
    };
}

async fn list_names(endpoint: Endpoint, listing: Listing) -> Result<Vec<String>> {
    let Listing { service, target, names: (list, name), next: (next, start) } = listing;
    let (mut asked, mut found) = (json!({}), Vec::new());
    loop {
        let page = endpoint.call_json(service, target, &asked).await?;
        let entries = page.get(list).and_then(Value::as_array).into_iter().flatten();
        let named = |one: &Value| one.get(name)?.as_str().map(str::to_owned);
        let text = |one: &Value| one.as_str().map(str::to_owned).or_else(|| named(one));
        found.extend(entries.filter_map(text));
        match page.get(next).filter(|next| next.is_string()) {
            Some(next) => asked = json!({ start: next }),
            None => return Ok(found),
        }
    }
}

async fn scan_items(endpoint: Endpoint, table: &str) -> Result<Vec<Value>> {
    let mut asked = json!({ "TableName": table, "ConsistentRead": true });
    let mut items = Vec::new();
    loop {
        let mut page = endpoint.call_json("dynamodb", "DynamoDB_20120810.Scan", &asked).await?;
        let found = page.get_mut("Items").map(Value::take).unwrap_or_default();
        items.extend(found.as_array().cloned().context("a scan without items")?);
        match page.get("LastEvaluatedKey").filter(|key| key.is_object()) {
            Some(key) => {
                asked = json!({
                    "TableName": table, "ConsistentRead": true, "ExclusiveStartKey": key,
                });
            }
            None => return Ok(items),
        }
    }
}

async fn read_lines(endpoint: Endpoint, group: &str) -> Result<Vec<String>> {
    let (mut asked, mut lines) = (json!({ "logGroupName": group }), Vec::new());
    loop {
        let page = endpoint.call_json("logs", "Logs_20140328.FilterLogEvents", &asked).await?;
        let events = page.get("events").and_then(Value::as_array).into_iter().flatten();
        let text = |event: &Value| event.get("message")?.as_str().map(str::to_owned);
        lines.extend(events.filter_map(text));
        match page.get("nextToken").filter(|token| token.is_string()) {
            Some(token) => asked = json!({ "logGroupName": group, "nextToken": token }),
            None => return Ok(lines),
        }
    }
}

/// A version of a file as text: equal texts are equal files.
pub(crate) fn describe_version(
    (key, version): (&str, &str),
    sha256_hex: &str,
    facts: [(&str, BTreeMap<String, String>); 2],
    headers: [Option<&str>; 2],
) -> String {
    let mut said = json!({
        "key": key, "version": version, "sha256": sha256_hex, "headers": headers,
    });
    for (name, fact) in facts {
        if let Some(said) = said.as_object_mut() {
            said.insert(name.to_owned(), json!(fact));
        }
    }
    said.to_string()
}

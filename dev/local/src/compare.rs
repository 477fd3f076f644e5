//! What should have been stored against what was.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::bucket::StoredFile;

/// A file that must be in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The event that told of it.
    pub event: String,
    /// The message that carried it.
    pub message_id: String,
    /// Its bytes.
    pub size_bytes: u64,
    /// Their SHA-256, lower-case hex.
    pub sha256_hex: String,
}

/// The outcome.
#[derive(Debug)]
pub struct Comparison {
    rows: Vec<[String; 6]>,
    /// Everything that is not as it must be, one sentence each. Empty means that all is well.
    pub faults: Vec<String>,
}

impl Comparison {
    /// Compares; `records` are the media table's, in DynamoDB's JSON, for what is known of a media only at its end.
    pub fn of(expected: &[Expected], stored: &[StoredFile], records: &[Value]) -> Self {
        let mut missing: BTreeMap<&str, &Expected> = expected
            .iter()
            .map(|expected| (expected.message_id.as_str(), expected))
            .collect();
        let mut comparison = Self {
            rows: Vec::new(),
            faults: Vec::new(),
        };
        for file in stored {
            let id = file.meta("message-id").unwrap_or_default();
            let verdict = verdict(missing.remove(id), file);
            comparison
                .rows
                .push(row(file, record_of(records, id), &verdict));
            comparison.faults.extend(verdict.err());
        }
        for expected in missing.into_values() {
            let record = record_of(records, &expected.message_id);
            comparison.faults.push(missing_sentence(expected, record));
        }
        comparison
    }

    /// The stored files as a table.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(["file", "size", "type", "strategy", "integrity", "bytes"]);
        for row in &self.rows {
            table.add_row(row);
        }
        table.to_string()
    }
}

fn verdict(expected: Option<&Expected>, file: &StoredFile) -> Result<(), String> {
    let key = &file.key;
    match expected {
        None => Err(format!("{key} should not be there, or not twice")),
        Some(expected) if expected.size_bytes != file.size_bytes => Err(format!(
            "{key} has {} bytes instead of {} (event {})",
            file.size_bytes, expected.size_bytes, expected.event
        )),
        Some(expected) if expected.sha256_hex != file.sha256_hex => Err(format!(
            "{key} has other bytes than were sent (event {})",
            expected.event
        )),
        Some(_) => Ok(()),
    }
}

fn row(file: &StoredFile, record: Option<&Value>, verdict: &Result<(), String>) -> [String; 6] {
    let known = |name: &str| {
        record
            .and_then(|record| text(record, name))
            .or_else(|| file.meta(name))
            .unwrap_or("?")
            .to_owned()
    };
    let name = file.key.rsplit('/').next().unwrap_or(&file.key);
    let bytes = if verdict.is_ok() { "equal" } else { "WRONG" };
    [
        name.to_owned(),
        file.size_bytes.to_string(),
        file.content_type.clone().unwrap_or_default(),
        known("strategy"),
        known("integrity"),
        bytes.to_owned(),
    ]
}

fn missing_sentence(expected: &Expected, record: Option<&Value>) -> String {
    let told = match record {
        None => "the media table does not know it".to_owned(),
        Some(record) => ["state", "class", "reason"]
            .iter()
            .filter_map(|name| text(record, name).map(|value| format!("{name}: {value}")))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let (event, id) = (&expected.event, &expected.message_id);
    format!("the file of event {event} (message {id}) is missing; {told}")
}

fn record_of<'r>(records: &'r [Value], message_id: &str) -> Option<&'r Value> {
    records
        .iter()
        .find(|record| text(record, "message") == Some(message_id))
}

/// A string attribute of a record in DynamoDB's JSON.
fn text<'r>(record: &'r Value, name: &str) -> Option<&'r str> {
    record.get(name)?.get("S")?.as_str()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::{Comparison, Expected};
    use crate::StoredFile;

    fn expected() -> Expected {
        Expected {
            event: "2026-image".to_owned(),
            message_id: "3EB0".to_owned(),
            size_bytes: 3,
            sha256_hex: "aa".to_owned(),
        }
    }

    fn stored() -> StoredFile {
        StoredFile {
            key: "acme/x/1.jpg".to_owned(),
            size_bytes: 3,
            sha256_hex: "aa".to_owned(),
            content_type: Some("image/jpeg".to_owned()),
            content_disposition: None,
            metadata: HashMap::from([("message-id".to_owned(), "3EB0".to_owned())]),
            tags: HashMap::new(),
        }
    }

    #[test]
    fn the_same_bytes_are_well() {
        let record = json!({ "message": { "S": "3EB0" }, "strategy": { "S": "cdn" } });
        let comparison = Comparison::of(&[expected()], &[stored()], &[record]);
        assert!(comparison.faults.is_empty(), "{:?}", comparison.faults);
        assert!(comparison.table().contains("cdn"));
    }

    #[test]
    fn one_other_byte_is_a_fault() {
        let other = StoredFile {
            sha256_hex: "ab".to_owned(),
            ..stored()
        };
        let comparison = Comparison::of(&[expected()], &[other], &[]);
        assert_eq!(comparison.faults.len(), 1, "{:?}", comparison.faults);
    }

    #[test]
    fn a_file_stored_twice_is_a_fault() {
        let comparison = Comparison::of(&[expected()], &[stored(), stored()], &[]);
        assert_eq!(comparison.faults.len(), 1, "{:?}", comparison.faults);
    }

    #[test]
    fn a_missing_file_is_told_with_its_state() {
        let record = json!({ "message": { "S": "3EB0" }, "state": { "S": "retrying" } });
        let comparison = Comparison::of(&[expected()], &[], &[record]);
        let told = comparison.faults.join("\n");
        assert!(
            told.contains("2026-image") && told.contains("state: retrying"),
            "{told}"
        );
    }
}

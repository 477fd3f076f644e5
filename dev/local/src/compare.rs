//! Compares the stored files with the files that were sent.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use media::object_key::ObjectKey;
use serde_json::Value;

use crate::bucket::StoredFile;

/// A file that must be in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFile {
    /// The event that announced it.
    pub event: String,
    /// The message that carried it.
    pub message_id: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Their SHA-256, lower-case hex.
    pub sha256_hex: String,
}

/// The result of a comparison.
#[derive(Debug)]
pub struct Comparison {
    rows: Vec<[String; 6]>,
    /// Every difference, one sentence each. Empty if there are none.
    pub faults: Vec<String>,
}

impl Comparison {
    /// Compares. `records` are the media table's items in DynamoDB's JSON, whose facts explain a
    /// missing file.
    pub fn compare(expected: &[ExpectedFile], stored: &[StoredFile], records: &[Value]) -> Self {
        let mut missing: BTreeMap<&str, &ExpectedFile> =
            expected.iter().map(|expected| (expected.message_id.as_str(), expected)).collect();
        let mut comparison = Self { rows: Vec::new(), faults: Vec::new() };
        for file in stored {
            let id = file.metadata_value("message-id").unwrap_or_default();
            let verdict = check_file(missing.remove(id), file);
            comparison.rows.push(table_row(file, record_of(records, id), &verdict));
            comparison.faults.extend(verdict.err());
        }
        for expected in missing.into_values() {
            let record = record_of(records, &expected.message_id);
            comparison.faults.push(missing_sentence(expected, record));
        }
        comparison
    }

    /// The stored files as a table.
    pub fn render_table(&self) -> String {
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

fn check_file(expected: Option<&ExpectedFile>, file: &StoredFile) -> Result<(), String> {
    let key = &file.key;
    match expected {
        None => Err(format!("{key} is not expected, or is stored twice")),
        Some(expected) if expected.size_bytes != file.size_bytes => Err(format!(
            "{key} has {} bytes instead of {} (event {})",
            file.size_bytes, expected.size_bytes, expected.event
        )),
        Some(expected) if expected.sha256_hex != file.sha256_hex => {
            Err(format!("{key} differs from the bytes that were sent (event {})", expected.event))
        }
        Some(_) => Ok(()),
    }
}

fn table_row(
    file: &StoredFile,
    record: Option<&Value>,
    verdict: &Result<(), String>,
) -> [String; 6] {
    let known = |name: &str| {
        record
            .and_then(|record| text_attribute(record, name))
            .or_else(|| file.metadata_value(name))
            .unwrap_or("?")
            .to_owned()
    };
    let name = ObjectKey::find_file_name(&file.key);
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

fn missing_sentence(expected: &ExpectedFile, record: Option<&Value>) -> String {
    let told = match record {
        None => "it has no record".to_owned(),
        Some(record) => ["state", "class", "reason"]
            .iter()
            .filter_map(|name| text_attribute(record, name).map(|value| format!("{name}: {value}")))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let (event, id) = (&expected.event, &expected.message_id);
    format!("the file of event {event} (message {id}) is missing; {told}")
}

fn record_of<'r>(records: &'r [Value], message_id: &str) -> Option<&'r Value> {
    records.iter().find(|record| text_attribute(record, "message") == Some(message_id))
}

/// A string attribute of a record in DynamoDB's JSON.
fn text_attribute<'r>(record: &'r Value, name: &str) -> Option<&'r str> {
    record.get(name)?.get("S")?.as_str()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::{Comparison, ExpectedFile};
    use crate::StoredFile;

    fn sample_expectation() -> ExpectedFile {
        ExpectedFile {
            event: "2026-image".to_owned(),
            message_id: "3EB0".to_owned(),
            size_bytes: 3,
            sha256_hex: "aa".to_owned(),
        }
    }

    fn sample_file() -> StoredFile {
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
    fn equal_bytes_are_no_fault() {
        let record = json!({ "message": { "S": "3EB0" }, "strategy": { "S": "cdn" } });
        let comparison = Comparison::compare(&[sample_expectation()], &[sample_file()], &[record]);
        assert!(comparison.faults.is_empty(), "{:?}", comparison.faults);
        assert!(comparison.render_table().contains("cdn"));
    }

    #[test]
    fn one_different_byte_is_a_fault() {
        let other = StoredFile { sha256_hex: "ab".to_owned(), ..sample_file() };
        let comparison = Comparison::compare(&[sample_expectation()], &[other], &[]);
        assert_eq!(comparison.faults.len(), 1, "{:?}", comparison.faults);
    }

    #[test]
    fn a_file_stored_twice_is_a_fault() {
        let comparison =
            Comparison::compare(&[sample_expectation()], &[sample_file(), sample_file()], &[]);
        assert_eq!(comparison.faults.len(), 1, "{:?}", comparison.faults);
    }

    #[test]
    fn a_missing_file_is_shown_with_its_state() {
        let record = json!({ "message": { "S": "3EB0" }, "state": { "S": "retrying" } });
        let comparison = Comparison::compare(&[sample_expectation()], &[], &[record]);
        let told = comparison.faults.join("\n");
        assert!(told.contains("2026-image") && told.contains("state: retrying"), "{told}");
    }
}

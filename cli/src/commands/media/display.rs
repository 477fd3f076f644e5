//! Records as tables. A missing attribute is shown as `-`, one of an unexpected type as it is.

use comfy_table::Table;
use operator::records::MediaRecord;
use serde_json::{Value, json};

use crate::screen;

/// The table of records, one row each.
pub(crate) fn records_table(found: &[MediaRecord]) -> Table {
    let mut table = screen::new_table([
        "sent",
        "state",
        "kind",
        "tenant",
        "instance",
        "message",
        "chat",
        "bytes",
        "file or class",
    ]);
    for record in found {
        let json = json!(record);
        let told = |name| attribute_text(&json, name);
        let file = match json.get("object_key") {
            None | Some(Value::Null) => told("class"),
            Some(_) => told("object_key"),
        };
        table.add_row([
            told("moment"),
            match record.revoked_at {
                Some(_) => format!("{}, revoked", told("state")),
                None => told("state"),
            },
            told("kind"),
            told("tenant"),
            told("instance"),
            told("message_id"),
            told("chat"),
            told("size_bytes"),
            file,
        ]);
    }
    table
}

/// All attributes of a record, and its attempts.
pub(crate) fn describe_record(record: &MediaRecord) -> String {
    let mut table = screen::new_table(["", ""]);
    let json = json!(record);
    let fields = json.as_object().into_iter().flatten();
    let is_below = |name: &str| name == "attempts" && !record.attempts.is_empty();
    for (name, _) in fields.filter(|(name, _)| !is_below(name)) {
        table.add_row([name.clone(), attribute_text(&json, name)]);
    }
    let missing = record.not_understood.iter();
    for name in missing.filter(|name| json.get(name.as_str()).is_none()) {
        table.add_row([name.clone(), attribute_text(&json, name)]);
    }
    let tried = screen::attempts_table(&record.attempts);
    format!("{table}\n\nThe attempts, oldest first:\n{tried}")
}

/// The value of an attribute as text.
fn attribute_text(record: &Value, name: &str) -> String {
    match record.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if is_time(name) => {
            number.as_i64().map_or_else(|| number.to_string(), screen::format_time)
        }
        Some(other) => other.to_string(),
    }
}

fn is_time(name: &str) -> bool {
    let times = ["moment", "recoverable_until", "lease_until", "lost_since", "forget_at"];
    times.contains(&name) || name.ends_with("_at")
}

#[cfg(test)]
mod tests {
    use operator::records::MediaRecord;
    use serde_json::{from_value, json};

    use super::records_table;

    /// With its file, or its failure class.
    #[test]
    fn each_record_is_one_row() {
        let records = json!([
            {
                "instance": "LITE-AAAAAA-000001", "message_id": "3EB0000001", "tenant": "acme",
                "chat": "5500900000001", "kind": "image", "moment": 1_787_432_100,
                "state": "stored",
                "object_key": "acme/LITE-AAAAAA-000001/5500900000001/2026/08/a.jpg",
                "size_bytes": 81_920, "updated_at": 1_787_432_110,
            },
            {
                "instance": "LITE-AAAAAA-000001", "message_id": "3EB0000002", "tenant": "acme",
                "chat": "5500900000001", "kind": "voice", "moment": 1_787_432_200,
                "state": "parked",
                "class": "expired", "updated_at": 1_787_432_210,
            },
        ]);
        let records: Vec<MediaRecord> = from_value(records).expect("records");
        insta::assert_snapshot!(records_table(&records));
    }
}

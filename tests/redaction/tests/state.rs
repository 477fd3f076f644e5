//! What is searched of the state of a local stack.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{fs, path::Path};

use redaction::{Sink, read_stack_texts};
use serde_json::{Value, json};

/// The text of all records in a state with this table, which a folder of this name holds.
fn record_text(name: &str, items: &Value) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redaction-state").join(name);
    fs::create_dir_all(folder.join("state")).expect("a folder");
    let tables = json!({ "tables": { "t": { "items": items } } });
    for (name, state) in [
        ("dynamodb", &tables),
        ("cloudwatch_logs", &json!({})),
        ("sqs", &json!({})),
        ("cloudwatch", &json!({})),
    ] {
        let path = folder.join("state").join(format!("{name}.json"));
        fs::write(path, state.to_string()).expect("a file");
    }
    let texts = read_stack_texts(&folder).expect("the texts");
    let records = texts.into_iter().filter(|(sink, _)| *sink == Sink::Record);
    records.map(|(_, text)| text).collect()
}

/// The job of an entry rests as it does in the queue, and so does a delivery. A body anywhere else
/// is a leak.
#[test]
fn only_the_bodies_of_the_jobs_table_are_left_out() {
    let text = |text: &str| json!({ "S": text });
    let entry = json!({ "state_class": text("parked#expired"), "body": text("in an entry"),
        "reason": text("the reason of an entry") });
    let delivery = json!({ "of_instance": text("LITE-AAAAAA-BBBBBB"), "body": text("at rest") });
    let record = json!({ "state": text("parked"), "body": text("in a record") });
    let found = record_text("bodies", &json!([entry, delivery, record]));
    assert!(found.contains("in a record") && found.contains("the reason of an entry"));
    assert!(!found.contains("in an entry") && !found.contains("at rest"), "{found}");
}

/// The caption and the file's name are beside the records. Anywhere else they are a leak.
#[test]
fn only_the_texts_of_a_stored_message_are_left_out() {
    let item = |instance: &str, caption: &str, name: &str| {
        json!({ "instance": { "S": instance }, "caption": { "S": caption },
            "file_name": { "S": name }, "note": { "S": format!("beside {caption}") } })
    };
    let texts = item("texts#LITE-AAAAAA-BBBBBB", "a caption", "a name");
    let record = item("LITE-AAAAAA-BBBBBB", "a leaked caption", "a leaked name");
    let found = record_text("texts", &json!([texts, record]));
    assert!(found.contains(r#""a leaked caption""#) && found.contains(r#""a leaked name""#));
    assert!(found.contains("beside a caption"), "{found}");
    assert!(!found.contains(r#""a caption""#) && !found.contains(r#""a name""#), "{found}");
}

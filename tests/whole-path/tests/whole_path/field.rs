//! Bodies observed in the field, posted one by one: each stored file is compared with its
//! `.plain`.
//!
//! `make field` prints the table. The bodies and the expected results are in `tests/field`.

use std::{fs, path::PathBuf, time::Instant};

use media::sha256::Sha256;
use serde_json::{Value, json};

use crate::{Account, MAX_WAIT, World, on_the_stack};

/// The instance that the bodies name.
const NAMED_INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
const THUMBNAIL: &str = "<1,100,000 characters of base64>";

fn read_field_file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/field");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn replace_bytes(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from.as_bytes()) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(to.as_bytes());
        rest = &rest[at + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// A row of `cases.json`, and the instance that it is posted to.
struct FieldCase {
    row: Value,
    account: Account,
    answers: Vec<Value>,
}

impl FieldCase {
    fn text(&self, name: &str) -> &str {
        self.row[name].as_str().unwrap_or_default()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.row[name].as_array().expect("a list")
    }

    /// The expected result, in the form of `World::seen`.
    fn expected_result(&self) -> Value {
        let mut files: Vec<_> = self.list("files").iter().map(expected_file).collect();
        files.sort_by_key(Value::to_string);
        let state = self.row.get("state").cloned();
        let stored = vec![json!("stored"); files.len()];
        let states = state.map_or(stored, |state| vec![state]);
        json!({ "answers": self.list("answers"), "states": states, "files": files })
    }
}

fn expected_file(file: &Value) -> Value {
    let plain = read_field_file(&format!("media/{}", file["plain"].as_str().expect("a name")));
    json!({
        "sha256": Sha256::from_data(&plain).to_string(),
        "folder": file["folder"],
        "ends": file["ends"],
        "type": file["type"],
        "disposition": file["disposition"],
        "sender": file.get("sender").cloned().unwrap_or_default(),
    })
}

impl World {
    /// Serves the encrypted files on the CDN, posts every case, and waits until each has ended.
    async fn post_cases(&self) -> Vec<FieldCase> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/field/media");
        for entry in fs::read_dir(folder).expect("the media") {
            let name = entry.expect("a file").file_name().into_string().expect("a name");
            if name.ends_with(".enc") {
                self.origins.serve_file(&name, read_field_file(&format!("media/{name}")));
            }
        }
        let rows: Vec<Value> =
            serde_json::from_slice(&read_field_file("cases.json")).expect("cases");
        let mut cases = Vec::new();
        for row in rows {
            let account = self.new_account().await;
            let mut case = FieldCase { row, account, answers: Vec::new() };
            for body in case.list("post").to_vec() {
                let body = read_field_file(body.as_str().expect("a name"));
                let body = replace_bytes(&body, NAMED_INSTANCE, &case.account.id);
                let body = replace_bytes(&body, THUMBNAIL, &"/9j/".repeat(1_100_000 / 4));
                let answer = self.stack().post_bytes(&case.account.url, body).await;
                case.answers.push(answer.expect("an answer").body);
            }
            cases.push(case);
        }
        cases
    }

    /// The state of a case.
    async fn observed_result(&self, case: &FieldCase) -> Value {
        let records = self.stack().media_records().await.expect("the media table");
        let is_its = |record: &&Value| record["instance"]["S"] == case.account.id.as_str();
        let states = records.iter().filter(is_its).map(|record| record["state"]["S"].clone());
        let mut files = Vec::new();
        for key in self.instance_keys(&case.account).await {
            files.push(self.observed_file(case, &key).await);
        }
        files.sort_by_key(Value::to_string);
        json!({ "answers": case.answers, "states": states.collect::<Vec<_>>(), "files": files })
    }

    /// A stored file: the expected file of the case that it matches, otherwise the file as it is.
    async fn observed_file(&self, case: &FieldCase, key: &str) -> Value {
        let file = self.stack().bucket().read_file(key).await.expect("the object is there");
        let disposition = file.content_disposition.as_deref().unwrap_or_default();
        // Direction overrides would display a name differently.
        let is_honest = !disposition.contains("%E2%80%AE");
        let agrees =
            |wanted: &&Value, name: &str| key.contains(wanted[name].as_str().unwrap_or_default());
        let files = case.list("files");
        let folder = files.iter().find(|wanted| agrees(wanted, "folder"));
        let ending =
            files.iter().find(|wanted| key.ends_with(wanted["ends"].as_str().unwrap_or_default()));
        let key_or = |found: Option<&Value>, name: &str| {
            found.map_or_else(|| json!(key), |wanted| wanted[name].clone())
        };
        let sender = if key.contains("/group-") { file.metadata_value("sender") } else { None };
        let kept = if is_honest { disposition.split(';').next() } else { Some(disposition) };
        json!({
            "sha256": file.sha256_hex,
            "folder": key_or(folder, "folder"),
            "ends": key_or(ending, "ends"),
            "type": file.content_type,
            "disposition": kept,
            "sender": sender,
        })
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "`make field` shows the table")]
fn bodies_of_the_field_end_as_expected() {
    on_the_stack(async |world| {
        let cases = world.post_cases().await;
        let begun = Instant::now();
        let mut wrong = Vec::new();
        println!("\n{:<5} {:<56} {:<26} seen", "case", "what is posted", "expected");
        for case in &cases {
            let expected = case.expected_result();
            let seen = loop {
                let seen = world.observed_result(case).await;
                if seen == expected || begun.elapsed() > MAX_WAIT {
                    break seen;
                }
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            };
            let mark = if seen == expected { "the same" } else { "OTHER" };
            println!(
                "{:<5} {:<56} {:<26} {mark}",
                case.text("case"),
                case.text("what"),
                summarize(&expected)
            );
        }
        // By now a duplicate would have been stored as a second file.
        for case in &cases {
            let (expected, seen) = (case.expected_result(), world.observed_result(case).await);
            if seen != expected {
                wrong.push(format!(
                    "{}:\n  expected {expected}\n  seen     {seen}",
                    case.text("case")
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// `1 file, .png`, `skipped`, or the word of the answer.
fn summarize(expected: &Value) -> String {
    let files = expected["files"].as_array().expect("files");
    let states = expected["states"].as_array().expect("states");
    match (files.first(), states.first()) {
        (Some(file), _) => {
            let ends = file["ends"].as_str().unwrap_or_default();
            format!("{} file(s), …{ends}", files.len())
        }
        (None, Some(state)) => state.as_str().unwrap_or_default().to_owned(),
        (None, None) => {
            format!("ignored: {}", expected["answers"][0]["ignored"].as_str().unwrap_or(""))
        }
    }
}

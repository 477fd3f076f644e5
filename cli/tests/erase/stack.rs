//! A stack in this process that the command operates: tables of a real engine, and a bucket, a
//! queue and a key as far as erasing uses them.

use std::{
    collections::BTreeMap,
    process::{Output, Stdio},
    sync::{Arc, Mutex, MutexGuard},
};

use aws::ledger::{Ledger, LedgerTables};
use dynoxide::Database;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{
    copies::Copies,
    deployed::Deployed,
    files::Files,
    tables::{answer_table, create_tables},
};

/// The bucket: the retention tag of each file, by key.
pub(crate) type Bucket = BTreeMap<String, Option<String>>;

/// A message of the parked queue.
#[derive(Clone)]
struct Parked {
    body: String,
    is_hidden: bool,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    /// The bucket of deliveries.
    bodies: Bucket,
    /// Whether that one refuses to delete what it has.
    keeps_bodies: bool,
    files: Files,
    copies: Copies,
    parked: BTreeMap<String, Parked>,
    fault: Option<Fault>,
    calls: usize,
    deployed: Deployed,
}

/// The call that fails, counted from 1, and whether AWS does what it asks for before its answer is
/// lost. Every call after it fails as well: the command has died.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) call: usize,
    pub(crate) is_done: bool,
}

/// The stack, and the server that the command reaches it by.
pub(crate) struct Stack {
    aws: Aws,
    tables: Arc<Database>,
    state: Arc<Mutex<State>>,
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Value,
    pub(crate) err: String,
}

impl Stack {
    /// A stack with empty tables.
    pub(crate) async fn start() -> Self {
        let tables = Arc::new(create_tables());
        let state = Arc::new(Mutex::new(State::default()));
        let (known, engine) = (Arc::clone(&state), Arc::clone(&tables));
        let aws = Aws::start(move |seen| {
            let mut state = lock(&known);
            state.calls += 1;
            match state.fault {
                Some(fault) if state.calls >= fault.call => {
                    if fault.is_done && state.calls == fault.call {
                        answer(seen, &engine, &mut state);
                    }
                    Answer::json_error(400, "UnrecognizedClientException")
                }
                Some(_) | None => answer(seen, &engine, &mut state),
            }
        })
        .await;
        Self { aws, tables, state }
    }

    pub(crate) fn put(&self, table: &str, item: &Value) {
        let put = serde_json::from_value(json!({ "TableName": table, "Item": item }));
        self.tables.put_item(put.expect("a request")).expect("an item");
    }

    /// Removes an item of a table of media or jobs.
    pub(crate) fn remove(&self, table: &str, item: &Value) {
        let key = json!({ "instance": item["instance"], "message_id": item["message_id"] });
        let delete = serde_json::from_value(json!({ "TableName": table, "Key": key }));
        self.tables.delete_item(delete.expect("a request")).expect("an item");
    }

    pub(crate) fn items(&self, table: &str) -> Vec<Value> {
        let scan = serde_json::from_value(json!({ "TableName": table })).expect("a request");
        let found = self.tables.scan(scan).expect("items");
        let found = serde_json::to_value(found).expect("JSON");
        found["Items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) fn store(&self, key: &str) {
        lock(&self.state).bucket.insert(key.to_owned(), None);
    }

    /// Stores the body of a large webhook on its way to a receiver.
    pub(crate) fn store_body(&self, key: &str, body: &str) {
        lock(&self.state).bodies.insert(key.to_owned(), Some(body.to_owned()));
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        lock(&self.state).bodies.keys().cloned().collect()
    }

    /// Whether the bucket of deliveries refuses to delete from now on.
    pub(crate) fn keep_bodies(&self, keeps: bool) {
        lock(&self.state).keeps_bodies = keeps;
    }

    /// The retention tag of a file.
    pub(crate) fn retention(&self, key: &str) -> Option<String> {
        lock(&self.state).bucket[key].clone()
    }

    /// Lets a call fail from now on, or none; whether the fault before was reached.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) -> bool {
        let mut state = lock(&self.state);
        let was_reached = state.fault.is_some_and(|fault| state.calls >= fault.call);
        (state.fault, state.calls) = (fault, 0);
        was_reached
    }

    /// How many calls there were since the fault was set.
    pub(crate) fn calls(&self) -> usize {
        lock(&self.state).calls
    }

    /// Lets the stack have this base URL of W-API.
    pub(crate) fn set_wapi_base(&self, base: String) {
        lock(&self.state).deployed.wapi_base = base;
    }

    /// Deploys the stack with a malware scan and this role that may read every file.
    pub(crate) fn scan_files(&self, break_glass: &'static str) {
        lock(&self.state).deployed.break_glass = Some(break_glass);
    }

    /// Lets the command run as this ARN.
    pub(crate) fn set_caller(&self, arn: &'static str) {
        lock(&self.state).deployed.caller = arn;
    }

    /// The files, with their bytes and tags.
    pub(crate) fn files<T>(&self, change: impl FnOnce(&mut Files) -> T) -> T {
        change(&mut lock(&self.state).files)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        lock(&self.state).bucket.keys().cloned().collect()
    }

    /// What the copies of audit lines say.
    pub(crate) fn copied_lines(&self) -> Vec<[String; 4]> {
        lock(&self.state).copies.lines()
    }

    pub(crate) fn park(&self, body: &str) {
        let mut state = lock(&self.state);
        let id = format!("m{}", state.parked.len());
        state.parked.insert(id, Parked { body: body.to_owned(), is_hidden: false });
    }

    pub(crate) fn parked(&self) -> usize {
        lock(&self.state).parked.len()
    }

    /// The tables of media, as a function reads and writes them.
    pub(crate) fn ledger(&self) -> Ledger {
        let tables = LedgerTables { media: "MediaTable".to_owned(), jobs: "JobsTable".to_owned() };
        Ledger::new(&self.aws.clients, tables)
    }

    /// Runs the command with `--json` and `--yes`.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "").await
    }

    /// As [`Self::run`], with this text on standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        self.run_whole(&[arguments, &["--yes"]].concat(), input, &[]).await
    }

    /// As [`Self::run`], with these variables in the environment.
    pub(crate) async fn run_within(&self, more: &[(&str, &str)], arguments: &[&str]) -> Ended {
        self.run_whole(arguments, "", more).await
    }

    /// As [`Self::run`], without `--yes`.
    pub(crate) async fn run_unconfirmed(&self, arguments: &[&str]) -> Ended {
        self.run_whole(arguments, "", &[]).await
    }

    async fn run_whole(&self, arguments: &[&str], input: &str, more: &[(&str, &str)]) -> Ended {
        let mut running = Command::new(env!("CARGO_BIN_EXE_wapi-media"))
            .args(arguments)
            .arg("--json")
            .env_clear()
            .env("AWS_ENDPOINT_URL", self.aws.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdin = running.stdin.take().expect("its standard input");
        // A command that reads nothing may have ended.
        drop(stdin.write_all(input.as_bytes()).await);
        drop(stdin);
        let ended = running.wait_with_output().await;
        let Output { status, stdout, stderr } = ended.expect("the command ends");
        Ended {
            code: status.code(),
            out: serde_json::from_slice(&stdout).unwrap_or_default(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no request panicked")
}

fn answer(seen: &RecordedRequest, tables: &Database, state: &mut State) -> Answer {
    let target = seen.header("x-amz-target").unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or(("", ""));
    match service {
        "DynamoDB_20120810" => answer_table(operation, &seen.json(), tables),
        "AmazonSQS" => answer_queue(operation, &seen.json(), state),
        "TrentService" => answer_key(operation, &seen.json()),
        _ if seen.text().contains("Action=DescribeStacks") => {
            Answer::new(200, state.deployed.describe())
        }
        _ if seen.text().contains("Action=GetCallerIdentity") => {
            Answer::new(200, state.deployed.describe_caller())
        }
        _ if seen.path.starts_with("/DeliveriesBucket/") && seen.method == "GET" => {
            let key = seen.path.replace("%2F", "/").replacen("/DeliveriesBucket/", "", 1);
            match state.bodies.get(&key) {
                Some(body) => Answer::new(200, body.clone().unwrap_or_default()),
                None if key.is_empty() => answer_bucket(seen, &mut state.bodies),
                None => Answer::new(404, "<Error><Code>NoSuchKey</Code></Error>"),
            }
        }
        _ if seen.path.starts_with("/DeliveriesBucket") => {
            let refuses = state.keeps_bodies && seen.query.contains_key("delete");
            match state.bodies.keys().next().filter(|_| refuses) {
                Some(key) => {
                    let error = format!("<Error><Key>{key}</Key><Code>AccessDenied</Code></Error>");
                    Answer::new(200, format!("<DeleteResult>{error}</DeleteResult>"))
                }
                None => answer_bucket(seen, &mut state.bodies),
            }
        }
        _ => {
            let copied = state.copies.answer(seen);
            copied
                .or_else(|| state.files.answer(seen, &mut state.bucket))
                .unwrap_or_else(|| answer_bucket(seen, &mut state.bucket))
        }
    }
}

/// A ciphertext is its plaintext.
fn answer_key(operation: &str, asked: &Value) -> Answer {
    match operation {
        "Encrypt" => Answer::json(&json!({ "CiphertextBlob": asked["Plaintext"] })),
        _ => Answer::json(&json!({ "Plaintext": asked["CiphertextBlob"], "KeyId": "key" })),
    }
}

fn answer_queue(operation: &str, asked: &Value, state: &mut State) -> Answer {
    let handle = asked["ReceiptHandle"].as_str().unwrap_or_default().to_owned();
    match operation {
        "ReceiveMessage" => {
            let visible = state.parked.iter_mut().filter(|(_, one)| !one.is_hidden).take(10);
            let messages = visible.map(|(id, one)| {
                one.is_hidden = true;
                json!({ "MessageId": id, "ReceiptHandle": id, "Body": one.body })
            });
            Answer::json(&json!({ "Messages": messages.collect::<Vec<_>>() }))
        }
        "ChangeMessageVisibility" => {
            if let Some(one) = state.parked.get_mut(&handle) {
                one.is_hidden = false;
            }
            Answer::json(&json!({}))
        }
        "DeleteMessage" => {
            state.parked.remove(&handle);
            Answer::json(&json!({}))
        }
        _ => {
            let hidden = state.parked.values().filter(|one| one.is_hidden).count();
            let count = |n: usize| n.to_string();
            Answer::json(&json!({ "Attributes": {
                "ApproximateNumberOfMessages": count(state.parked.len() - hidden),
                "ApproximateNumberOfMessagesNotVisible": count(hidden),
                "ApproximateNumberOfMessagesDelayed": "0",
            } }))
        }
    }
}

fn answer_bucket(seen: &RecordedRequest, bucket: &mut Bucket) -> Answer {
    let parameter = |name: &str| seen.query.get(name).cloned();
    // The other characters of keys are not encoded.
    let prefix = parameter("prefix").unwrap_or_default().replace("%2F", "/");
    if parameter("versions").is_some() {
        let keys = bucket.keys().filter(|key| key.starts_with(&prefix));
        let body = match parameter("delimiter") {
            Some(_) => list_folders(keys, &prefix),
            None => keys
                .map(|key| {
                    format!(
                        "<Version><Key>{key}</Key><VersionId>v1</VersionId><Size>9</Size></Version>"
                    )
                })
                .collect(),
        };
        let list = "ListVersionsResult";
        return Answer::new(
            200,
            format!("<{list}>{body}<IsTruncated>false</IsTruncated></{list}>"),
        );
    }
    if parameter("tagging").is_some() {
        return answer_tagging(seen, bucket);
    }
    if parameter("delete").is_some() {
        let keys = seen.text().split("<Key>").skip(1).filter_map(|rest| rest.split('<').next());
        for key in keys {
            bucket.remove(key);
        }
        return Answer::new(200, "<DeleteResult></DeleteResult>");
    }
    let list = "ListMultipartUploadsResult";
    Answer::new(200, format!("<{list}><IsTruncated>false</IsTruncated></{list}>"))
}

fn answer_tagging(seen: &RecordedRequest, bucket: &mut Bucket) -> Answer {
    let key = seen.path.trim_start_matches("/bucket/");
    let Some(tag) = bucket.get_mut(key) else {
        return Answer::s3_error(404, "NoSuchKey");
    };
    if seen.method == "PUT" {
        let value = seen.text().split("<Key>retention</Key><Value>").nth(1);
        *tag = value.and_then(|rest| rest.split('<').next()).map(str::to_owned);
        return Answer::new(200, "");
    }
    let one = |value| format!("<Tag><Key>retention</Key><Value>{value}</Value></Tag>");
    let set = tag.as_ref().map(one).unwrap_or_default();
    Answer::new(200, format!("<Tagging><TagSet>{set}</TagSet></Tagging>"))
}

fn list_folders<'a>(keys: impl Iterator<Item = &'a String>, prefix: &str) -> String {
    let folders = keys.filter_map(|key| key.strip_prefix(prefix)?.split_once('/'));
    let mut folders: Vec<_> = folders.map(|(folder, _)| folder).collect();
    folders.dedup();
    let one =
        |folder| format!("<CommonPrefixes><Prefix>{prefix}{folder}/</Prefix></CommonPrefixes>");
    folders.into_iter().map(one).collect()
}

//! `media export` against a scripted AWS: what it copies, what it tells, and what it leaves.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use clap::Parser;
use data_encoding::HEXLOWER;
use operator::{Operator, stack::Stack};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::{
    commands::media::export::Export,
    exit::Exit,
    session::{Flags, Session},
};

const INSTANCE: &str = "LITE-AAAAAA-000001";
const CHAT: &str = "5500900000001";

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    export: Export,
}

/// Who runs the command, as STS says it.
const CALLER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::123456789012:user/operator</Arn>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

/// A media message of the scripted stack: its tenant, its id, and what the bucket answers.
struct Sent {
    tenant: &'static str,
    id: &'static str,
    file: Result<&'static str, (u16, &'static str)>,
}

fn stored(id: &'static str, file: &'static str) -> Sent {
    Sent { tenant: "acme", id, file: Ok(file) }
}

fn refused(id: &'static str, status: u16, code: &'static str) -> Sent {
    Sent { tenant: "acme", id, file: Err((status, code)) }
}

impl Sent {
    fn object_key(&self) -> String {
        format!("{}/{INSTANCE}/{CHAT}/2026-08/{}.jpg", self.tenant, self.id)
    }

    fn record_key(&self) -> String {
        format!("{}#{}", self.id, "A".repeat(26))
    }

    /// The record says the hash of the file that was stored, which is its id if it is gone.
    fn item(&self) -> Value {
        let hash = digest::digest(&digest::SHA256, self.file.unwrap_or(self.id).as_bytes());
        let text = |text: &str| json!({ "S": text });
        let number = |number: &str| json!({ "N": number });
        json!({
            "instance": text(INSTANCE), "message_id": text(&self.record_key()),
            "message": text(self.id), "tenant": text(self.tenant), "chat": text(CHAT),
            "kind": text("image"), "direction": text("in"), "state": text("stored"),
            "moment": number("1787438879"), "updated_at": number("1787438880"),
            "object_key": text(&self.object_key()), "sha256": text(&HEXLOWER.encode(hash.as_ref())),
        })
    }
}

fn answer(sent: &[Sent], request: &RecordedRequest) -> Answer {
    let is_of = |one: &&Sent| request.path.ends_with(&one.object_key());
    match request.operation() {
        "Query" => {
            let items: Vec<_> = sent.iter().rev().map(Sent::item).collect();
            Answer::json(&json!({ "Items": items }))
        }
        "GetItem" => {
            let key = request.json()["Key"]["message_id"]["S"].clone();
            let found = sent.iter().find(|one| key == one.record_key().as_str());
            Answer::json(&found.map_or_else(|| json!({}), |one| json!({ "Item": one.item() })))
        }
        "BatchGetItem" => {
            let asked = request.json()["RequestItems"]["media"]["Keys"].clone();
            let keys = asked.as_array().expect("keys").iter().map(|key| &key["message_id"]["S"]);
            let find = |key: &Value| sent.iter().find(|one| *key == one.record_key().as_str());
            let items: Vec<_> = keys.filter_map(find).map(Sent::item).collect();
            Answer::json(&json!({ "Responses": { "media": items } }))
        }
        "ExecuteStatement" => Answer::json(&json!({})),
        _ if request.text().contains("Action=GetCallerIdentity") => Answer::new(200, CALLER),
        _ => match sent.iter().find(is_of).map(|one| one.file) {
            Some(Ok(bytes)) => {
                Answer::new(200, bytes).with_header("x-amz-meta-caption", "%3D1%2B1")
            }
            Some(Err((status, code))) => Answer::s3_error(status, code),
            None => Answer::s3_error(404, "NoSuchKey"),
        },
    }
}

/// A folder that is removed at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("export-{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("removed");
    }
}

/// Runs the export, and returns its exit and the keys that were read.
fn export(sent: Vec<Sent>, output: &Path, more: &[&str]) -> (anyhow::Result<Exit>, Vec<String>) {
    let output = output.display().to_string();
    let own = ["export", "--instance", INSTANCE, "--tenant", "acme", "--chat", CHAT, "-o", &output];
    let Arguments { flags, export } =
        Arguments::try_parse_from([&own[..], more].concat()).expect("arguments");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let aws = Aws::start(move |request| answer(&sent, request)).await;
        let parts = |parts: &[(&str, &str)]| {
            parts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        };
        let outputs =
            parts(&[("MediaBucket", "bucket"), ("MediaTable", "media"), ("AuditTable", "audit")]);
        let stack = Stack::from_parts("stack", outputs, parts(&[("UtcOffset", "-03:00")]));
        let operator = Operator::with_clients(aws.clients.clone(), aws.endpoint());
        let exit = export.run_export(&Session { flags, operator, stack }).await;
        let requests = aws.requests().into_iter();
        let read = requests.filter(|one| one.method == "GET").map(|one| one.path).collect();
        (exit, read)
    })
}

/// The lines of the index for programs, by message id.
fn index(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("index.jsonl")).expect("an index");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A person asks for a copy of a chat whose older files the retention rule has removed.
#[test]
fn files_that_are_gone_are_told_and_the_rest_copied() {
    let scratch = Scratch::new("gone");
    let folder = scratch.0.join("chat");
    let sent = vec![
        refused("3EB0A1GONE", 404, "NoSuchKey"),
        stored("3EB0A2HERE", "bytes"),
        refused("3EB0A3DENIED", 403, "AccessDenied"),
        stored("3EB0A4LAST", "more bytes"),
    ];
    let (exit, _) = export(sent, &folder, &[]);
    assert_eq!(exit.expect("an export"), Exit::Findings);
    let lines = index(&folder);
    let said: Vec<_> = lines.iter().map(|line| line["as_recorded"].as_str()).collect();
    assert_eq!(said, [Some("ABSENT"), Some("yes"), Some("ABSENT"), Some("yes")]);
    assert!(lines[0]["why_missing"].as_str().is_some_and(|why| why.contains("retention")));
    assert_eq!(lines[1]["sent"], "2026-08-22T19:47:59-03:00");
    assert_eq!((&lines[1]["tenant"], &lines[1]["caption"]), (&json!("acme"), &json!("=1+1")));
    for line in [&lines[1], &lines[3]] {
        let file = folder.join(line["file"].as_str().expect("a file"));
        assert_eq!(fs::metadata(file).expect("it").len(), line["bytes"].as_u64().expect("bytes"));
    }
    let people = fs::read_to_string(folder.join("index.csv")).expect("an index");
    assert!(people.contains(";\"’=1+1\"\r\n"), "{people}");
}

#[cfg(unix)]
#[test]
fn an_export_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = Scratch::new("modes");
    let (folder, archive) = (scratch.0.join("chat"), scratch.0.join("chat.zip"));
    for output in [&folder, &archive] {
        let (exit, _) = export(vec![stored("3EB0A2HERE", "bytes")], output, &[]);
        assert_eq!(exit.expect("an export"), Exit::Ok);
    }
    let mode = |path: PathBuf| fs::metadata(path).expect("it").permissions().mode() & 0o777;
    assert_eq!(mode(archive), 0o600);
    for (path, expected) in [
        ("", 0o700),
        (CHAT, 0o700),
        ("5500900000001/2026-08", 0o700),
        ("5500900000001/2026-08/3EB0A2HERE.jpg", 0o600),
        ("index.csv", 0o600),
        ("index.jsonl", 0o600),
    ] {
        assert_eq!(mode(folder.join(path)), expected, "{path}");
    }
}

/// An instance may have belonged to another tenant, whose media are not this one's to have.
#[test]
fn media_of_another_tenant_are_not_read() {
    let scratch = Scratch::new("tenant");
    let other = Sent { tenant: "other", ..stored("3EB0THEIRS", "theirs") };
    let (exit, read) =
        export(vec![other, stored("3EB0OURS", "ours")], &scratch.0.join("chat"), &[]);
    assert_eq!(exit.expect("an export"), Exit::Ok);
    assert_eq!(index(&scratch.0.join("chat")).len(), 1);
    assert!(read.iter().all(|path| !path.contains("other")) && read.len() == 1, "{read:?}");
}

/// The sender chooses the ids, and a disk may not tell them apart.
#[test]
fn ids_that_differ_in_case_are_two_files() {
    let scratch = Scratch::new("case");
    let folder = scratch.0.join("chat");
    let sent = vec![stored("3EB0abc", "one"), stored("3EB0ABC", "two"), stored("3eb0abc", "three")];
    let (exit, _) = export(sent, &folder, &[]);
    assert_eq!(exit.expect("an export"), Exit::Ok);
    let files: std::collections::BTreeSet<_> = index(&folder)
        .iter()
        .map(|line| line["file"].as_str().expect("a file").to_lowercase())
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
}

/// What is complete is kept, what is missing is fetched, and nothing is overwritten.
#[test]
fn an_export_is_completed_in_its_folder() {
    let scratch = Scratch::new("resume");
    let folder = scratch.0.join("chat");
    let first = vec![
        stored("3EB0B1KEPT", "kept"),
        stored("3EB0B2MINE", "mine"),
        refused("3EB0B3LATE", 404, "NoSuchKey"),
    ];
    let (exit, _) = export(first, &folder, &[]);
    assert_eq!(exit.expect("an export"), Exit::Findings);
    let month = folder.join(CHAT).join("2026-08");
    fs::write(month.join("3EB0B2MINE.jpg"), "changed by hand").expect("written");
    fs::write(folder.join("unfinished.part"), "of a killed process").expect("written");
    let all = || {
        vec![
            stored("3EB0B1KEPT", "kept"),
            stored("3EB0B2MINE", "mine"),
            stored("3EB0B3LATE", "late"),
        ]
    };
    let (exit, _) = export(all(), &folder, &[]);
    assert!(exit.is_err_and(|error| error.to_string().contains("--resume")));
    let (exit, _) = export(all(), &folder, &["--resume"]);
    assert_eq!(exit.expect("an export"), Exit::Findings);
    let said: Vec<_> = index(&folder).iter().map(|line| line["as_recorded"].clone()).collect();
    assert_eq!(said, ["yes", "ABSENT", "yes"]);
    let mine = fs::read_to_string(month.join("3EB0B2MINE.jpg")).expect("it");
    assert_eq!(mine, "changed by hand");
    fs::remove_file(month.join("3EB0B2MINE.jpg")).expect("removed");
    let (exit, _) = export(all(), &folder, &["--resume"]);
    assert_eq!(exit.expect("an export"), Exit::Ok);
    assert!(!folder.join("unfinished.part").exists());
}

#[test]
fn an_export_that_fails_leaves_no_part() {
    let scratch = Scratch::new("fails");
    for name in ["chat.zip", "chat"] {
        let sent = vec![stored("3EB0A2HERE", "bytes"), refused("3EB0", 403, "InvalidAccessKeyId")];
        let (exit, _) = export(sent, &scratch.0.join(name), &[]);
        assert!(exit.is_err(), "{name}");
    }
    let names = fs::read_dir(&scratch.0).expect("entries").flatten();
    let names: Vec<_> = names.map(|one| one.file_name().into_string().expect("a name")).collect();
    assert_eq!(names, ["chat"]);
    assert!(!scratch.0.join("chat/unfinished.part").exists());
}

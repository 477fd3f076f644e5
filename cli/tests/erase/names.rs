//! The names of a person that only records know, and the lines of those who only count.

use std::{fs, path::PathBuf, process};

use serde_json::{Value, json};

use crate::{
    INSTANCE, LID, OTHER, OTHER_INSTANCE, PHONE, TENANT, erase, object_key, record, register,
    relink::name_pair,
    stack::{Ended, Stack},
    store, text, unix_now,
};

/// A picture in the folder of a LID whose record has the number, which no pair connects with it.
fn store_by_lid(stack: &Stack, instance: &str, lid: &str, phone: &str) {
    let folder = format!("lid-{lid}");
    let (message, key) = ("3EB0C", object_key(instance, &folder, "3EB0C"));
    let mut record = record(instance, message, &folder, "stored");
    (record["chat_lid"], record["chat_phone"]) = (text(lid), text(phone));
    record["object_key"] = text(&key);
    stack.put("MediaTable", &record);
    stack.store(&key);
}

fn new_folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}-{}", process::id()))
}

async fn export(stack: &Stack, name: &str, options: &[&str]) -> Ended {
    let folder = new_folder(name);
    let output = folder.to_str().expect("a path");
    let export = ["media", "export", "--tenant", TENANT, "-o", output];
    let ended = stack.run(&[&export[..], options].concat()).await;
    drop(fs::remove_dir_all(folder));
    ended
}

#[tokio::test]
async fn an_export_has_the_folders_that_only_records_connect() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    store_by_lid(&stack, INSTANCE, LID, PHONE);
    store_by_lid(&stack, OTHER_INSTANCE, "700000000000009", PHONE);
    let exported = export(&stack, "names", &["--phone", PHONE]).await;
    assert_eq!((exported.code, &exported.out["files"]), (Some(0), &json!(2)), "{exported:?}");
    assert_eq!(exported.out["groups"], false, "{exported:?}");
    let folders = exported.out["folders"].to_string();
    assert!(folders.contains(LID) && !folders.contains("700000000000009"), "{folders}");
}

/// As for pairs: a LID with two numbers connects nothing.
#[tokio::test]
async fn a_lid_that_records_connect_with_two_numbers_is_left_out() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    store_by_lid(&stack, INSTANCE, LID, PHONE);
    name_pair(&stack, LID, OTHER);
    let exported = export(&stack, "doubtful", &["--phone", PHONE]).await;
    assert_eq!((exported.code, &exported.out["files"]), (Some(0), &json!(1)), "{exported:?}");
}

#[tokio::test]
async fn a_search_with_groups_reads_the_names_in_records() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store_by_lid(&stack, INSTANCE, LID, PHONE);
    let find = ["media", "find", "--tenant", TENANT, "--phone", PHONE, "--since", "36500days"];
    let found = stack.run(&find).await;
    assert_eq!(found.out, json!([]), "no index knows it: {found:?}");
    let found = stack.run(&[&find[..], &["--groups"]].concat()).await;
    assert_eq!(found.out.as_array().map(Vec::len), Some(1), "{found:?}");
}

/// A job that names only the LID is held as well.
#[tokio::test]
async fn a_hold_has_the_names_that_only_records_know() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store_by_lid(&stack, INSTANCE, LID, PHONE);
    let add = ["hold", "add", "--tenant", TENANT, "--phone", PHONE, "--reason", "PROCESS-7"];
    assert_eq!(stack.run(&add).await.code, Some(0));
    let folder = format!("lid-{LID}");
    let refused = stack.run(&erase(&["--chat", &folder, "--group-media", "keep"])).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("PROCESS-7"), "{refused:?}");
}

/// The outcomes of the lines about an action, the beginning first.
fn outcomes(stack: &Stack, action: &str) -> Vec<String> {
    let lines = stack.items("AuditTable").into_iter();
    let its = lines.filter(|line| line["action"]["S"] == action);
    let word = |line: Value| line["outcome"]["S"].as_str().map(str::to_owned);
    let mut found: Vec<_> = its.filter_map(word).collect();
    found.sort();
    found
}

/// How many media there are of a person is known to whoever only counts.
#[tokio::test]
async fn who_only_counts_a_persons_media_leaves_a_line() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    name_pair(&stack, LID, PHONE);
    let counted = export(&stack, "counted", &["--phone", PHONE, "--dry-run"]).await;
    assert!(counted.out["would"].to_string().contains("1 media"), "{counted:?}");
    assert_eq!(outcomes(&stack, "media export"), ["begun", "not exported"]);
    let relink = ["media", "relink", "--tenant", TENANT, "--phone", PHONE];
    let counted = stack.run(&[&relink[..], &["--dry-run"]].concat()).await;
    assert_eq!(counted.code, Some(0), "{counted:?}");
    assert_eq!(outcomes(&stack, "media relink"), ["begun", "not moved"]);
    assert_eq!(stack.run(&relink).await.code, Some(0));
    assert_eq!(outcomes(&stack, "media relink"), ["begun", "begun", "complete", "not moved"]);
}

/// A URL ends with the credentials that sign it, whose end another variable says.
#[tokio::test]
async fn a_url_says_when_its_credentials_end() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    let presign = ["media", "presign", INSTANCE, "3EB0A", "--for", "12h"];
    let in_an_hour = u64::try_from(unix_now() + 3600).expect("a time");
    let end = std::time::UNIX_EPOCH + std::time::Duration::from_secs(in_an_hour);
    let end = humantime::format_rfc3339_seconds(end).to_string();
    let ends = [("AWS_SESSION_TOKEN", "t"), ("AWS_CREDENTIAL_EXPIRATION", end.as_str())];
    let made = stack.run_within(&ends, &presign).await;
    assert_eq!(
        (made.code, &made.out["ends_with_credentials"]),
        (Some(0), &json!(true)),
        "{made:?}"
    );
    let said = made.out["valid_until"].as_str().unwrap_or_default();
    assert!(said.get(..16) == end.get(..16), "{said} {end}");
    let made = stack.run_within(&[], &presign).await;
    assert_eq!(made.out["ends_with_credentials"], false, "{made:?}");
}

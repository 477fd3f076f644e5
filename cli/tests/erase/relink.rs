//! `wapi-media media relink`, as an operator runs it: what it moves, what it leaves, and what a
//! death between any two of its calls leaves to the next run.

use std::collections::BTreeMap;

use aws::ledger::{Claim, WriteOutcome};
use media::{
    contact::Contact, identity::RecordKey, job::QueuedJob, message::Chat, record::Lease,
    sha256::Sha256,
};
use serde_json::{Value, json};

use crate::{
    DIGEST, INSTANCE, LID, OTHER, PHONE, SHORT, TENANT,
    files::File,
    job_body, object_key, record, register,
    stack::{Ended, Fault, Stack},
    text,
};

const BYTES: &[u8] = b"the bytes of a picture";

fn tags(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn name_pair(stack: &Stack, lid: &str, phone: &str) {
    for link in [format!("lid#{lid}#{phone}"), format!("phone#{phone}#{lid}")] {
        let pair = json!({ "instance": text(INSTANCE), "link": text(&link), "lid": text(lid),
            "phone": text(phone) });
        stack.put("PeopleTable", &pair);
    }
}

/// A picture that was stored before the number was known. Its key and its record's.
fn store_by_lid(stack: &Stack, message: &str) -> String {
    let folder = format!("lid-{LID}");
    let key = object_key(INSTANCE, &folder, message);
    let mut record = record(INSTANCE, message, &folder, "stored");
    record.as_object_mut().expect("an item").remove("chat_phone");
    record["chat_lid"] = text(LID);
    record["object_key"] = text(&key);
    record["sha256"] = text(&Sha256::from_data(BYTES).to_hex());
    stack.put("MediaTable", &record);
    stack.store(&key);
    let tags = tags(&[
        ("chat-kind", "lid"),
        ("kind", "image"),
        ("GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"),
    ]);
    stack.files(|files| {
        files.by_key.insert(key.clone(), File { bytes: BYTES.to_vec(), tags });
    });
    key
}

async fn relink(stack: &Stack, options: &[&str]) -> Ended {
    stack.run(&[&["media", "relink", "--tenant", TENANT], options].concat()).await
}

fn only_record(stack: &Stack) -> Value {
    let mut records = stack.items("MediaTable");
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[tokio::test]
async fn a_picture_of_a_lid_gets_to_the_numbers_folder() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    store_by_lid(&stack, "3EB0A");
    let dry = relink(&stack, &["--dry-run"]).await;
    assert_eq!((dry.code, &dry.out["found"]), (Some(0), &json!(1)), "{dry:?}");
    assert!(stack.keys()[0].contains("/lid-"), "{dry:?}");
    let done = relink(&stack, &["--phone", SHORT]).await;
    assert_eq!((done.code, &done.out["moved"]), (Some(0), &json!(1)), "{done:?}");
    let new = object_key(INSTANCE, PHONE, "3EB0A");
    assert_eq!(stack.keys(), std::slice::from_ref(&new));
    let moved = stack.files(|files| files.by_key[&new].clone());
    // The verdict of the scan was about another object.
    let kept = tags(&[("chat-kind", "person"), ("kind", "image")]);
    assert_eq!(moved, File { bytes: BYTES.to_vec(), tags: kept });
    let record = only_record(&stack);
    let names = ["object_key", "chat", "chat_phone", "chat_lid"].map(|name| record[name].clone());
    assert_eq!(names, [text(&new), text(PHONE), text(PHONE), text(LID)]);
    assert!(record["relinked_from"].is_null() && record["lease_owner"].is_null(), "{record}");
    let lines = stack.items("AuditTable");
    let is_done = |line: &&Value| line["outcome"] == text("complete");
    let line = lines.iter().find(is_done).expect("a line");
    assert_eq!((&line["action"], &line["scope"]), (&text("media relink"), &text("chat")));
    let again = relink(&stack, &[]).await;
    assert_eq!((again.code, &again.out["moved"]), (Some(0), &json!(0)), "{again:?}");
}

/// At each of its calls, once before AWS has done it and once after.
#[tokio::test]
async fn a_death_between_any_two_calls_loses_nothing() {
    let new = object_key(INSTANCE, PHONE, "3EB0A");
    let mut deaths = 0;
    let prepare = async || {
        let stack = Stack::start().await;
        register(&stack, INSTANCE, TENANT);
        name_pair(&stack, LID, PHONE);
        store_by_lid(&stack, "3EB0A");
        stack
    };
    // Until the question, the command only reads.
    let stack = prepare().await;
    relink(&stack, &["--dry-run"]).await;
    let first = stack.calls() + 1;
    for is_done in [false, true] {
        for call in first.. {
            let stack = prepare().await;
            stack.set_fault(Some(Fault { call, is_done }));
            relink(&stack, &[]).await;
            if !stack.set_fault(None) {
                break;
            }
            deaths += 1;
            let mut record = only_record(&stack);
            let named = record["object_key"]["S"].as_str().expect("a key").to_owned();
            let is_whole = |file: &File| file.bytes == BYTES;
            let is_there = stack.keys().contains(&named)
                && stack.files(|files| files.by_key.get(&named).is_some_and(is_whole));
            assert!(is_there, "{call} {is_done}: the record names a file that is not there");
            // Its lease ends at its own time.
            if !record["lease_until"].is_null() {
                let held = relink(&stack, &[]).await;
                let counts = (&held.out["busy"], &held.out["moved"]);
                assert_eq!(counts, (&json!(1), &json!(0)), "{call} {is_done}: {held:?}");
                record["lease_until"] = json!({ "N": "1" });
                stack.put("MediaTable", &record);
            }
            let done = relink(&stack, &[]).await;
            assert_eq!(done.code, Some(0), "{call} {is_done}: {done:?}");
            assert_eq!(stack.keys(), std::slice::from_ref(&new), "{call} {is_done}");
            let record = only_record(&stack);
            assert_eq!(record["object_key"], text(&new), "{call} {is_done}");
            assert!(record["relinked_from"].is_null(), "{call} {is_done}");
        }
    }
    assert!(deaths > 20, "{deaths} from {first}");
}

#[tokio::test]
async fn what_is_held_or_ordered_or_not_as_recorded_stays() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    let old = store_by_lid(&stack, "3EB0A");
    let stays = async |why: &str, code: i32| {
        let ended = relink(&stack, &[]).await;
        assert_eq!((ended.code, &ended.out[why]), (Some(code), &json!(1)), "{why}: {ended:?}");
        assert_eq!(stack.keys(), std::slice::from_ref(&old), "{why}");
        let record = only_record(&stack);
        assert_eq!(record["object_key"], text(&old), "{why}");
        assert!(record["lease_owner"].is_null(), "{why}: {record}");
    };
    let hold = ["hold", "add", "--tenant", TENANT, "--phone", SHORT, "--reason", "PROCESS-7"];
    let held = stack.run(&hold).await;
    stays("held", 1).await;
    let id = held.out["hold"].as_str().expect("an id");
    stack.run(&["hold", "release", id, "--tenant", TENANT]).await;
    stack.files(|files| files.spoils_copies = true);
    stays("changed", 1).await;
    stack.files(|files| files.spoils_copies = false);
    let change_tag = |class: Option<&str>| {
        stack.files(|files| {
            let tags = &mut files.by_key.get_mut(&old).expect("a file").tags;
            match class {
                Some(class) => tags.insert("retention".to_owned(), class.to_owned()),
                None => tags.remove("retention"),
            };
        });
    };
    change_tag(Some("90days"));
    stays("retained", 0).await;
    change_tag(None);
    // The order is there, and its command has died.
    let order = ["media", "erase", "--tenant", TENANT, "--phone", OTHER, "--group-media", "keep"];
    assert_eq!(stack.run(&order).await.code, Some(0));
    let mut record = only_record(&stack);
    record["chat_phone"] = text(OTHER);
    stack.put("MediaTable", &record);
    stays("doubtful", 1).await;
    record.as_object_mut().expect("an item").remove("chat_phone");
    stack.put("MediaTable", &record);
    let erase = ["media", "erase", "--tenant", TENANT, "--message", "3EB0A"];
    stack.set_fault(None);
    let erased = stack.run(&erase).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    stack.put("MediaTable", &record);
    stack.store(&old);
    stays("ordered", 1).await;
}

/// The record's key has no chat, and the record knows both names.
#[tokio::test]
async fn a_moved_record_is_found_by_either_name() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    let job = |lid: Option<&str>, phone: Option<&str>| {
        let chat = phone.map_or_else(|| format!("lid-{LID}"), str::to_owned);
        let mut job = QueuedJob::parse(&job_body(INSTANCE, "3EB0A", &chat)).expect("a job");
        let QueuedJob::V1(one) = &mut job;
        one.message.envelope.peer =
            Contact { lid: lid.map(str::to_owned), phone: phone.map(str::to_owned) };
        job.into_job()
    };
    store_by_lid(&stack, "3EB0A");
    let mut record = only_record(&stack);
    let first = job(Some(LID), None).message.identity().record_keys().next().expect("a key");
    stack.remove("MediaTable", &record);
    record["message_id"] = text(first.as_str());
    stack.put("MediaTable", &record);
    assert_eq!(relink(&stack, &[]).await.out["moved"], 1);
    let lease = Lease { owner: "a run".to_owned(), until: 1_787_000_100 };
    let claim = async |lid, phone| {
        let claimed = stack.ledger().claim(&job(lid, phone), &lease, 1_787_000_000).await;
        claimed.expect("an answer")
    };
    for (lid, phone) in
        [(Some(LID), None), (None, Some(PHONE)), (None, Some(SHORT)), (Some(LID), Some(PHONE))]
    {
        let claimed = claim(lid, phone).await;
        assert!(matches!(claimed, Claim::Stored), "{lid:?} {phone:?}: {claimed:?}");
    }
    let of_another = claim(None, Some(OTHER)).await;
    assert!(matches!(of_another, Claim::Mine { .. }), "{of_another:?}");
}

/// The number changed hands: whose the media are cannot be told.
#[tokio::test]
async fn a_lid_with_two_numbers_moves_nothing() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    name_pair(&stack, LID, OTHER);
    let old = store_by_lid(&stack, "3EB0A");
    let ended = relink(&stack, &["--lid", LID]).await;
    let counts = (&ended.out["moved"], &ended.out["unclear"]);
    assert_eq!((ended.code, counts), (Some(0), (&json!(0), &json!(1))), "{ended:?}");
    assert_eq!(stack.keys(), [old]);
}

/// Both have the plan of the same file; one has the lease.
#[tokio::test]
async fn two_relinks_at_once_move_it_once() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    for message in ["3EB0A", "3EB0B", "3EB0C"] {
        store_by_lid(&stack, message);
    }
    let (one, other) = tokio::join!(relink(&stack, &[]), relink(&stack, &[]));
    let moved = [&one, &other].map(|ended| ended.out["moved"].as_u64().unwrap_or_default());
    assert_eq!(moved.iter().sum::<u64>(), 3, "{one:?} {other:?}");
    let new = ["3EB0A", "3EB0B", "3EB0C"].map(|message| object_key(INSTANCE, PHONE, message));
    assert_eq!(stack.keys(), new);
}

/// Read while the first was between its two writes about the record, and leased after its end.
#[tokio::test]
async fn a_relink_that_another_one_ended_is_not_taken_up() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    let (old, new) = (store_by_lid(&stack, "3EB0A"), object_key(INSTANCE, PHONE, "3EB0A"));
    let (instance, key) =
        (INSTANCE.parse().expect("an id"), RecordKey::from_record(format!("3EB0A#{DIGEST}")));
    let lease = |owner: &str| Lease { owner: owner.to_owned(), until: 1_787_000_600 };
    let ledger = stack.ledger();
    let take = async |keys, owner| {
        let lease = lease(owner);
        let taken = ledger.lease_stored((&instance, &key), keys, &lease, 1_787_000_000);
        taken.await.expect("an answer")
    };
    let first = lease("first");
    assert_eq!(take((&*old, None), "first").await, WriteOutcome::Yes);
    let named = ledger.change_object((&instance, &key), (&old, &new), &first).await;
    assert_eq!(named.expect("an answer"), WriteOutcome::Yes);
    assert_eq!(take((&*new, Some(&*old)), "second").await, WriteOutcome::Overtaken, "leased");
    let folder = Chat::try_from(PHONE.to_owned()).expect("a chat");
    let ended = ledger.end_relink((&instance, &key), (&folder, PHONE), &first, 1_787_000_001);
    assert_eq!(ended.await.expect("an answer"), WriteOutcome::Yes);
    assert_eq!(take((&*new, Some(&*old)), "second").await, WriteOutcome::Overtaken, "ended");
    assert_eq!(take((&*new, None), "second").await, WriteOutcome::Yes);
}

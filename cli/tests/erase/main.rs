//! `wapi-media media erase`, as an operator runs it: what it removes, what it orders, what it
//! refuses, and what it writes down. And receivers, on the same stack.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod announced;
mod copies;
mod deliveries;
mod deployed;
mod files;
mod groups;
mod holds;
mod leftovers;
mod links;
mod logged;
mod looks;
mod names;
mod pairs;
mod receivers;
mod relink;
mod removed;
mod revoked;
mod scanned;
mod stack;
mod tables;

use std::time::SystemTime;

use media::job::QueuedJob;
use serde_json::{Value, json};

use crate::stack::Stack;

const TENANT: &str = "acme";
const INSTANCE: &str = "LITE-AAAAAA-000001";
const OTHER_INSTANCE: &str = "LITE-BBBBBB-000003";
const PHONE: &str = "5500988880000";
const SHORT: &str = "550088880000";
const OTHER: &str = "5500977770000";
const LID: &str = "700000000000001";
/// What follows the message id in a record's key: a digest in base32.
const DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAA";

fn unix_now() -> i64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("a clock that goes");
    i64::try_from(since_1970.as_secs()).expect("seconds")
}

fn text(text: &str) -> Value {
    json!({ "S": text })
}

fn register(stack: &Stack, instance: &str, tenant: &str) {
    stack.put(
        "InstancesTable",
        &json!({
            "instance": text(instance), "tenant": text(tenant), "secret_hashes": { "L": [] },
            "sealed_token": text("c2VhbGVk"), "created_at": { "N": "1787000000" },
        }),
    );
}

/// The tenant, without rules.
fn put_tenant(stack: &Stack) {
    let tenant = json!({ "tenant": text(TENANT), "created_at": { "N": "1" },
        "policy": { "M": {} } });
    stack.put("TenantsTable", &tenant);
}

/// A record, as a run writes it.
fn record(instance: &str, message: &str, chat: &str, state: &str) -> Value {
    let tenant = if instance == OTHER_INSTANCE { "bravo" } else { TENANT };
    json!({
        "instance": text(instance), "message_id": text(&format!("{message}#{DIGEST}")),
        "message": text(message), "tenant": text(tenant), "chat": text(chat),
        "chat_phone": text(chat), "state": text(state), "kind": text("image"),
        "moment": { "N": "1787000000" }, "updated_at": { "N": "1787000000" },
    })
}

fn object_key(instance: &str, chat: &str, message: &str) -> String {
    let tenant = if instance == OTHER_INSTANCE { "bravo" } else { TENANT };
    format!("{tenant}/{instance}/{chat}/2026-08/20260817-100000_in_image_{message}-{DIGEST}.jpg")
}

/// A stored picture: its record and its object.
fn store(stack: &Stack, instance: &str, message: &str, chat: &str) {
    let key = object_key(instance, chat, message);
    let mut record = record(instance, message, chat, "stored");
    record["object_key"] = text(&key);
    stack.put("MediaTable", &record);
    stack.store(&key);
}

fn job_body(instance: &str, message: &str, chat: &str) -> String {
    json!({
        "version": "1", "tenant": TENANT, "instance": instance, "accepted_at": 1_787_000_000,
        "message": { "message_id": message, "chat": chat, "direction": "in",
            "moment": 1_787_000_000, "kind": "image" },
    })
    .to_string()
}

/// A parked job: its record, its entry and its message.
fn park(stack: &Stack, instance: &str, message: &str, chat: &str) {
    let body = job_body(instance, message, chat);
    let job = QueuedJob::parse(&body).expect("a job").into_job();
    let key = job.message.identity().record_keys().next().expect("a key");
    let mut record = record(instance, message, chat, "parked");
    record["message_id"] = text(key.as_str());
    record["has_entry"] = json!({ "BOOL": true });
    stack.put("MediaTable", &record);
    stack.put(
        "JobsTable",
        &json!({
            "instance": text(instance), "message_id": record["message_id"], "tenant": text(TENANT),
            "state": text("parked"), "state_class": text("parked#expired"), "body": text(&body),
        }),
    );
    stack.park(&body);
}

/// The states of all records, in order.
fn states(stack: &Stack) -> Vec<String> {
    let items = stack.items("MediaTable");
    let state = |item: &Value| item["state"]["S"].as_str().map(str::to_owned);
    let mut states: Vec<_> = items.iter().filter_map(state).collect();
    states.sort();
    states
}

/// Of a person, only the person's own chats.
fn erase<'a>(subject: &[&'a str]) -> Vec<&'a str> {
    let groups: &[_] = match subject.contains(&"--phone") {
        true => &["--group-media", "keep"],
        false => &[],
    };
    [&["media", "erase", "--tenant", TENANT], subject, groups].concat()
}

/// The instances have neither a registration nor a file nor a folder, and one has no job either.
#[tokio::test]
async fn a_removed_instance_is_erased_with_its_tenant() {
    let stack = Stack::start().await;
    let without_job = "LITE-AAAAAA-000002";
    for instance in [INSTANCE, without_job] {
        register(&stack, instance, TENANT);
    }
    stack.put("MediaTable", &record(without_job, "3EB0A", PHONE, "skipped"));
    park(&stack, INSTANCE, "3EB0B", PHONE);
    for instance in [INSTANCE, without_job] {
        let removed = stack.run(&["instance", "remove", instance]).await;
        assert_eq!(removed.code, Some(0), "{removed:?}");
    }
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert_eq!(erased.out["removed"]["records"], 2, "{erased:?}");
    assert_eq!(states(&stack), ["erased", "erased"]);
    assert_eq!((stack.items("JobsTable").len(), stack.parked()), (0, 0));
    let left: String = ["MediaTable", "JobsTable", "OrdersTable", "AuditTable"]
        .map(|table| json!(stack.items(table)).to_string())
        .concat();
    assert!(!left.contains(PHONE) && !left.contains(SHORT), "{left}");
}

/// Arguments are in the shell's history, so a number may come from standard input.
#[tokio::test]
async fn a_phone_number_may_come_from_standard_input() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    store(&stack, INSTANCE, "3EB0B", OTHER);
    let find = ["media", "find", "--tenant", TENANT, "--phone", "-", "--since", "3650d"];
    let found = stack.run_with_input(&find, &format!(" {PHONE}\n")).await;
    assert_eq!((found.code, &found.out[0]["message_id"]), (Some(0), &json!("3EB0A")), "{found:?}");
    for (input, said) in [("\n", "no phone number was given"), ("Contato Exemplo\n", "phone")] {
        let refused = stack.run_with_input(&erase(&["--phone", "-"]), input).await;
        assert!(refused.code == Some(2) && refused.err.contains(said), "{refused:?}");
    }
    let erased = stack.run_with_input(&erase(&["--phone", "-"]), PHONE).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["records"]),
        (Some(0), &json!(1)),
        "{erased:?}"
    );
    assert_eq!(states(&stack), ["erased", "stored"]);
    assert!(!json!(stack.items("AuditTable")).to_string().contains(PHONE));
}

/// The request was answered, and what a queue still has must not be stored.
#[tokio::test]
async fn an_empty_result_leaves_an_order_and_a_line() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let began = unix_now();
    let erased = stack.run(&erase(&["--phone", SHORT, "--reference", "TICKET-12"])).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert_eq!((&erased.out["found"]["records"], &erased.out["proven"]), (&json!(0), &json!(true)));
    let listed = stack.run(&["media", "orders", "--tenant", TENANT]).await;
    let order = &listed.out[0];
    assert_eq!(order["order"], erased.out["order"], "{listed:?}");
    assert_eq!((&order["scope"], &order["instance"]), (&json!("chat"), &json!("*")));
    assert_eq!((&order["reference"], &order["from_now_on"]), (&json!("TICKET-12"), &json!(false)));
    assert!(order["before"].as_i64() >= Some(began), "{order}");
    let audit = stack.run(&["media", "audit"]).await;
    assert_eq!(audit.out[0]["outcome"], "complete", "{audit:?}");
    // The proof can be made again by whoever knows the number.
    let id = order["order"].as_str().expect("an id");
    let verify = ["media", "verify", id, "--tenant", TENANT];
    for (phone, code) in [(PHONE, 0), (SHORT, 0), (OTHER, 2)] {
        let verified = stack.run(&[&verify[..], &["--phone", phone]].concat()).await;
        assert_eq!(verified.code, Some(code), "{phone}: {verified:?}");
    }
    store(&stack, INSTANCE, "3EB0A", PHONE);
    let verified = stack.run(&[&verify[..], &["--phone", PHONE]].concat()).await;
    assert_eq!((verified.code, &verified.out["proven"]), (Some(1), &json!(false)), "{verified:?}");
    // A second order about the same chat keeps its id.
    let again = stack.run(&erase(&["--phone", PHONE, "--and-from-now-on"])).await;
    assert_eq!(again.out["order"], erased.out["order"], "{again:?}");
    let listed = stack.run(&["media", "orders", "--tenant", TENANT]).await;
    assert_eq!(listed.out.as_array().map(Vec::len), Some(1), "{listed:?}");
    assert_eq!(listed.out[0]["from_now_on"], true);
}

#[tokio::test]
async fn a_message_is_erased_with_all_its_media() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    for message in ["3EB0A", "3EB0A.1", "3EB0AB"] {
        store(&stack, INSTANCE, message, PHONE);
    }
    let mut second = record(INSTANCE, "3EB0A", PHONE, "stored");
    second["message_id"] = text("3EB0A#BBBBBBBBBBBBBBBBBBBBBBBBBB");
    stack.put("MediaTable", &second);
    let erased = stack.run(&erase(&["--message", "3EB0A"])).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["records"]),
        (Some(0), &json!(3)),
        "{erased:?}"
    );
    assert_eq!(stack.keys(), [object_key(INSTANCE, PHONE, "3EB0AB")]);
}

/// The hidden id came first, the number later: one record knows both.
/// A record of a LID's chat need not know the number; a webhook of another message did.
#[tokio::test]
async fn a_phone_is_erased_under_the_lids_that_webhooks_named() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let folder = format!("lid-{LID}");
    store(&stack, INSTANCE, "3EB0A", &folder);
    store(&stack, INSTANCE, "3EB0B", OTHER);
    for link in [format!("lid#{LID}#{SHORT}"), format!("phone#{SHORT}#{LID}")] {
        let pair = json!({ "instance": text(INSTANCE), "link": text(&link), "lid": text(LID),
            "phone": text(SHORT) });
        stack.put("PeopleTable", &pair);
    }
    // Noted without a LID, before the pair was known, and another person's.
    for open in [SHORT, OTHER] {
        let item = json!({ "instance": text(INSTANCE), "link": text(&format!("open#{open}")),
            "phone": text(open) });
        stack.put("PeopleTable", &item);
    }
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    let out = &erased.out;
    let counts = [&out["removed"]["records"], &out["people_removed"], &out["people_left"]];
    assert_eq!((erased.code, counts), (Some(0), [&json!(1), &json!(2), &json!(0)]), "{erased:?}");
    assert_eq!(stack.keys(), [object_key(INSTANCE, OTHER, "3EB0B")]);
    let left = stack.items("PeopleTable");
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["phone"], text(OTHER));
    // The order names nobody and the pair is gone: only who keeps these names can prove it again.
    let mut folders = [PHONE, SHORT, &folder].map(|name| json!(name));
    folders.sort_by_key(Value::to_string);
    assert_eq!(out["folders"], json!(folders), "{erased:?}");
    let order = out["order"].as_str().expect("an order");
    let verify = ["media", "verify", order, "--tenant", TENANT, "--phone", PHONE];
    let unnamed = stack.run(&verify).await;
    assert_eq!(unnamed.out["folders_not_named"], 1, "{unnamed:?}");
    let named = stack.run(&[&verify[..], &["--chat", &format!("lid-{LID}")]].concat()).await;
    assert_eq!((named.code, &named.out["proven"]), (Some(0), &json!(true)), "{named:?}");
}

#[tokio::test]
async fn a_chat_is_erased_under_each_of_its_names() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let folder = format!("lid-{LID}");
    let key = object_key(INSTANCE, &folder, "3EB0A");
    let mut both = record(INSTANCE, "3EB0A", &folder, "stored");
    (both["chat_lid"], both["chat_phone"]) = (text(LID), text(SHORT));
    both["object_key"] = text(&key);
    stack.put("MediaTable", &both);
    stack.store(&key);
    store(&stack, INSTANCE, "3EB0B", &folder);
    store(&stack, INSTANCE, "3EB0C", OTHER);
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["records"]),
        (Some(0), &json!(2)),
        "{erased:?}"
    );
    assert_eq!(stack.keys(), [object_key(INSTANCE, OTHER, "3EB0C")]);
    // What is announced by either name is not stored any more.
    let listed = stack.run(&["media", "orders", "--tenant", TENANT]).await;
    assert_eq!(listed.out.as_array().map(Vec::len), Some(2), "{listed:?}");
}

#[tokio::test]
async fn a_customer_who_leaves_is_erased_alone() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    register(&stack, OTHER_INSTANCE, "bravo");
    store(&stack, INSTANCE, "3EB0A", PHONE);
    park(&stack, INSTANCE, "3EB0B", OTHER);
    // Of an instance that an earlier version removed: only its folder is left.
    store(&stack, "LITE-AAAAAA-000002", "3EB0C", OTHER);
    store(&stack, OTHER_INSTANCE, "3EB0D", PHONE);
    for instance in ["LITE-AAAAAA-000002", OTHER_INSTANCE] {
        stack.put("MarksTable", &json!({ "instance": text(instance) }));
    }
    let receiver = "rcv_aaaaaaaaaaaaaaaa";
    let key = text(&format!("*#{receiver}"));
    stack.put("ReceiversTable", &json!({ "tenant": text(TENANT), "receiver": key }));
    let waiting = json!({ "instance": text(&format!("~{receiver}")),
        "message_id": text("001787438879#msg_a"), "of_instance": text(INSTANCE),
        "body": text("a webhook") });
    stack.put("JobsTable", &waiting);
    let erased = stack.run(&erase(&["--all", "--and-from-now-on"])).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["records"]),
        (Some(0), &json!(3)),
        "{erased:?}"
    );
    assert_eq!(stack.keys(), [object_key(OTHER_INSTANCE, PHONE, "3EB0D")]);
    assert_eq!(states(&stack), ["erased", "erased", "erased", "stored"]);
    assert_eq!((stack.items("JobsTable").len(), stack.parked()), (0, 0));
    let marks = stack.items("MarksTable");
    // What stays of the removed one says whose its log is.
    assert_eq!(
        marks,
        [
            json!({ "instance": text("LITE-AAAAAA-000002"), "tenant": text(TENANT) }),
            json!({ "instance": text(OTHER_INSTANCE) })
        ]
    );
}

/// The run cannot store it any more, but its record is there until it ends.
#[tokio::test]
async fn a_media_file_in_work_is_waited_for() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let mut leased = record(INSTANCE, "3EB0A", PHONE, "retrying");
    leased["lease_owner"] = text("a run");
    leased["lease_until"] = json!({ "N": (unix_now() + 8).to_string() });
    stack.put("MediaTable", &leased);
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(0), &json!(true)), "{erased:?}");
    assert_eq!(states(&stack), ["erased"]);
}

/// The proof does not search by the selection that was removed. An earlier version may have written
/// what that selection does not know: a mark with a number in clear, a record under another chat.
#[tokio::test]
async fn the_proof_finds_what_the_selection_left_out() {
    let mut under_another_chat = record(INSTANCE, "3EB0A", OTHER, "stored");
    under_another_chat["object_key"] = text(&object_key(INSTANCE, PHONE, "3EB0A"));
    let mut mark = record(INSTANCE, "3EB0A", SHORT, "erased");
    for name in ["tenant", "chat"] {
        mark.as_object_mut().expect("an item").remove(name);
    }
    for item in [under_another_chat, mark] {
        let stack = Stack::start().await;
        register(&stack, INSTANCE, TENANT);
        stack.put("MediaTable", &item);
        let erased = stack.run(&erase(&["--phone", PHONE])).await;
        let said = [&erased.out["left"]["records"], &erased.out["proven"]];
        assert_eq!((erased.code, said), (Some(1), [&json!(1), &json!(false)]), "{erased:?}");
        let order = erased.out["order"].as_str().expect("an order");
        let verify = ["media", "verify", order, "--tenant", TENANT, "--phone", PHONE];
        let verified = stack.run(&verify).await;
        assert_eq!(verified.out["left"]["records"], 1, "{verified:?}");
    }
}

/// A dry run gives no order. It says which folders are a person's, so it leaves a line.
#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    let dry = stack.run(&erase(&["--phone", PHONE, "--dry-run"])).await;
    let would = dry.out["would"].as_str().unwrap_or_default();
    assert!(would.contains("1 versions of files") && would.contains("1 records"), "{dry:?}");
    assert_eq!((stack.items("OrdersTable").len(), stack.keys().len()), (0, 1));
    let audit = stack.run(&["media", "audit"]).await;
    assert_eq!(audit.out[0]["outcome"], "not erased", "{audit:?}");
    // Without a terminal, the question is an error that says the same.
    let asked = stack.run_unconfirmed(&erase(&["--phone", PHONE])).await;
    assert_eq!((asked.code, stack.keys().len()), (Some(2), 1), "{asked:?}");
    let begun = stack.items("AuditTable").len();
    assert_eq!(begun, 4, "{asked:?}");
}

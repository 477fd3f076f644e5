//! Holds: what erase, drop, retain and the ends of files and records make of them.

use aws::{
    body_key::BodyKey,
    ledger::{NoteTerms, ParkOutcome, ParkedBody},
};
use media::{failure::FailureClass, parked::Content, unread::UnreadBody};
use serde_json::{Value, json};

use crate::{
    INSTANCE, OTHER, PHONE, SHORT, TENANT, erase, object_key, park, record, register, stack::Stack,
    states, store,
};

/// Holds something of the tenant, and returns the hold's id.
async fn hold(stack: &Stack, subject: &[&str]) -> String {
    let add = ["hold", "add", "--tenant", TENANT, "--reason", "PROCESS-7"];
    let held = stack.run(&[&add[..], subject].concat()).await;
    assert_eq!(held.code, Some(0), "{held:?}");
    held.out["hold"].as_str().expect("an id").to_owned()
}

/// An unread webhook as the download function parks it.
async fn keep_unread(stack: &Stack, body: &str) {
    let content = Content::Unread(UnreadBody::parse(body).expect("a webhook").summary());
    let (key, why) = (BodyKey::from_body(body), (FailureClass::Unread, "bad_body: a reason"));
    let terms = NoteTerms { now: 1_787_432_100, retention: None };
    let parked = ParkedBody::new((&key, body), &content, why, terms);
    let outcome = stack.ledger().jobs.park_body(&parked).await;
    assert_eq!(outcome, Ok(ParkOutcome::Parked));
}

#[tokio::test]
async fn a_hold_refuses_what_contains_it() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    store(&stack, INSTANCE, "3EB0B", OTHER);
    let hold = ["hold", "add", "--tenant", TENANT, "--message", "3EB0A", "--reason", "PROCESS-7"];
    let held = stack.run(&hold).await;
    assert_eq!(held.code, Some(0), "{held:?}");
    let id = held.out["hold"].as_str().expect("an id").to_owned();
    for subject in [&["--phone", PHONE][..], &["--message", "3EB0A"], &["--all"]] {
        let refused = stack.run(&erase(subject)).await;
        assert_eq!(refused.code, Some(2), "{subject:?}: {refused:?}");
        assert!(refused.err.contains("PROCESS-7") && refused.err.contains(&id), "{refused:?}");
        let audit = stack.run(&["media", "audit"]).await;
        assert_eq!(audit.out[0]["outcome"], "refused", "{audit:?}");
    }
    assert_eq!(stack.keys().len(), 2);
    assert_eq!(stack.run(&erase(&["--phone", OTHER])).await.code, Some(0));
    let released = stack.run(&["hold", "release", &id, "--tenant", TENANT]).await;
    assert_eq!(released.code, Some(0), "{released:?}");
    assert_eq!(stack.run(&erase(&["--phone", PHONE])).await.code, Some(0));
    assert!(stack.keys().is_empty(), "{:?}", stack.keys());
}

/// Two processes may need the same chat.
#[tokio::test]
async fn each_of_two_holds_lasts_until_its_own_release() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    let mut ids = Vec::new();
    for (number, reason) in [(PHONE, "PROCESS-7"), (SHORT, "PROCESS-9")] {
        let hold = ["hold", "add", "--tenant", TENANT, "--phone", number, "--reason", reason];
        let held = stack.run(&hold).await;
        ids.push(held.out["hold"].as_str().expect("an id").to_owned());
    }
    let refused = erase(&["--message", "3EB0A"]);
    for (id, code) in [("", 2), (&ids[1], 2), (&ids[0], 0)] {
        if !id.is_empty() {
            let released = stack.run(&["hold", "release", id, "--tenant", TENANT]).await;
            assert_eq!(released.code, Some(0), "{released:?}");
        }
        let ended = stack.run(&refused).await;
        assert_eq!(ended.code, Some(code), "{id}: {ended:?}");
    }
    assert!(stack.keys().is_empty(), "{:?}", stack.keys());
}

/// A record ends by its time to live, and an earlier version may have written none.
#[tokio::test]
async fn a_file_without_a_record_is_asked_for_its_hold() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.store(&object_key(INSTANCE, PHONE, "3EB0A"));
    let id = hold(&stack, &["--message", "3EB0A"]).await;
    let refused = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((refused.code, stack.keys().len()), (Some(2), 1), "{refused:?}");
    let released = stack.run(&["hold", "release", &id, "--tenant", TENANT]).await;
    assert_eq!(released.code, Some(0), "{released:?}");
    hold(&stack, &["--phone", SHORT]).await;
    let refused = stack.run(&erase(&["--message", "3EB0A"])).await;
    assert_eq!((refused.code, stack.keys().len()), (Some(2), 1), "{refused:?}");
    assert!(refused.err.contains("PROCESS-7"), "{refused:?}");
}

/// A parked job has no file yet.
#[tokio::test]
async fn a_record_without_a_file_is_asked_for_its_hold() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.put("MediaTable", &record(INSTANCE, "3EB0A", PHONE, "parked"));
    hold(&stack, &["--message", "3EB0A"]).await;
    let refused = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((refused.code, states(&stack)), (Some(2), vec!["parked".to_owned()]), "{refused:?}");
}

/// A key has only a part of a message's long id, and a hold only a hash of it.
#[tokio::test]
async fn a_file_whose_message_cannot_be_told_counts_as_held() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.store(&object_key(INSTANCE, PHONE, "3EB0A-0a1b2c3d"));
    hold(&stack, &["--message", "3EB0C"]).await;
    let refused = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((refused.code, stack.keys().len()), (Some(2), 1), "{refused:?}");
}

/// A webhook that could not be read names both: what is held of the one may be in it.
#[tokio::test]
async fn a_webhook_that_may_be_held_stays() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let body = data_encoding::BASE64.encode(format!("{PHONE} and {OTHER}").as_bytes());
    let unread = json!({ "version": "unread-1", "tenant": TENANT, "instance": INSTANCE,
        "accepted_at": 1_787_432_100, "why": "bad_body", "body": body });
    keep_unread(&stack, &unread.to_string()).await;
    stack.park(&unread.to_string());
    let id = hold(&stack, &["--phone", PHONE]).await;
    let erased = stack.run(&erase(&["--phone", OTHER])).await;
    let left = [&erased.out["proven"], &erased.out["left"]["held_bodies"]];
    assert_eq!((erased.code, left), (Some(1), [&json!(false), &json!(1)]), "{erased:?}");
    let kept = json!(stack.items("JobsTable")).to_string();
    assert!(kept.contains(&body) && stack.parked() == 1, "{kept}");
    stack.run(&["hold", "release", &id, "--tenant", TENANT]).await;
    let erased = stack.run(&erase(&["--phone", OTHER])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(0), &json!(true)), "{erased:?}");
    assert!(!json!(stack.items("JobsTable")).to_string().contains(&body));
    assert_eq!(stack.parked(), 0);
}

/// A dropped job has nothing left from which its media file could be fetched.
#[tokio::test]
async fn a_held_job_is_not_dropped() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    for (message, chat) in [("3EB0A", PHONE), ("3EB0B", OTHER)] {
        park(&stack, INSTANCE, message, chat);
    }
    let unread = json!({ "version": "unread-1", "tenant": TENANT, "instance": INSTANCE,
        "accepted_at": 1_787_432_100, "why": "bad_body", "body": "eyJzZWdyZWRvIjo=" });
    keep_unread(&stack, &unread.to_string()).await;
    let id = hold(&stack, &["--phone", SHORT]).await;
    let dropped = stack.run(&["parked", "drop", "--tenant", TENANT]).await;
    let counts = ["dropped", "held", "failed"].map(|name| dropped.out[name].clone());
    assert_eq!((dropped.code, json!(counts)), (Some(1), json!([1, 2, 0])), "{dropped:?}");
    assert_eq!(dropped.out["holds"], json!([format!("{id} of tenant {TENANT}")]));
    assert_eq!(states(&stack), ["parked", "skipped"]);
    let entries = stack.items("JobsTable");
    assert!(entries.len() == 2 && json!(entries).to_string().contains(PHONE), "{entries:?}");
    stack.run(&["hold", "release", &id, "--tenant", TENANT]).await;
    let dropped = stack.run(&["parked", "drop", "--tenant", TENANT]).await;
    // The webhook leaves an entry without its text, for the copy in the parked queue.
    let left = json!(stack.items("JobsTable")).to_string();
    assert_eq!((dropped.code, &dropped.out["dropped"]), (Some(0), &json!(2)), "{dropped:?}");
    assert!(!left.contains("eyJzZWdyZWRvIjo=") && !left.contains(PHONE), "{left}");
}

/// A redrive writes records of parked jobs, and a drop leaves one that says `skipped`.
#[tokio::test]
async fn what_was_ordered_to_be_erased_is_not_written_down_again() {
    for verb in ["redrive", "drop"] {
        let stack = Stack::start().await;
        register(&stack, INSTANCE, TENANT);
        let erased = stack.run(&erase(&["--phone", PHONE])).await;
        assert_eq!(erased.code, Some(0), "{erased:?}");
        park(&stack, INSTANCE, "3EB0A", PHONE);
        stack.run(&["parked", verb, "--tenant", TENANT]).await;
        let left = ["MediaTable", "JobsTable"].map(|table| json!(stack.items(table)).to_string());
        assert!(!left.concat().contains(PHONE), "{verb:?}: {left:?}");
        // The hourly look removes the message of the parked queue.
        assert_eq!(states(&stack), ["erased"], "{verb:?}");
    }
}

/// The same for a job that only the jobs table has.
#[tokio::test]
async fn an_entry_that_was_ordered_to_be_erased_leaves_no_record() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    park(&stack, INSTANCE, "3EB0A", PHONE);
    let drop = ["parked", "drop", "--tenant", TENANT, "--class", "expired"];
    let dropped = stack.run(&drop).await;
    assert_eq!((dropped.code, &dropped.out["dropped"]), (Some(0), &json!(1)), "{dropped:?}");
    assert_eq!((states(&stack), stack.items("JobsTable").len()), (vec!["erased".to_owned()], 0));
}

/// Whether the records of these messages have an end, and their files' retention.
fn ends(stack: &Stack) -> [(bool, Option<String>); 2] {
    [("3EB0A", PHONE), ("3EB0B", OTHER)].map(|(message, chat)| {
        let items = stack.items("MediaTable");
        let is_its = |item: &&Value| item["message"]["S"] == message;
        let its = items.iter().find(is_its).expect("a record");
        (its.get("forget_at").is_some(), stack.retention(&object_key(INSTANCE, chat, message)))
    })
}

/// Neither S3's lifecycle nor DynamoDB's time to live knows holds.
#[tokio::test]
async fn what_is_held_has_no_end() {
    let stack = Stack::start().await;
    let added = stack.run(&["tenant", "add", TENANT, "--retention", "30d"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    store(&stack, INSTANCE, "3EB0B", OTHER);
    let retain = ["media", "retain", "--tenant", TENANT];
    let ended = (true, Some("30d".to_owned()));
    assert_eq!(stack.run(&retain).await.code, Some(0));
    assert_eq!(ends(&stack), [ended.clone(), ended.clone()]);
    let id = hold(&stack, &["--phone", SHORT]).await;
    assert_eq!(ends(&stack), [(false, None), ended.clone()]);
    let retained = stack.run(&retain).await;
    let held = [&retained.out["files"]["held"], &retained.out["records"]["held"]];
    assert_eq!((retained.code, held), (Some(0), [&json!(1); 2]), "{retained:?}");
    assert_eq!(ends(&stack), [(false, None), ended.clone()]);
    // A second hold keeps what the first one kept.
    let other = hold(&stack, &["--message", "3EB0A"]).await;
    for (id, expected) in [(id, (false, None)), (other, ended.clone())] {
        let released = stack.run(&["hold", "release", &id, "--tenant", TENANT]).await;
        assert_eq!(released.code, Some(0), "{released:?}");
        assert_eq!(ends(&stack), [expected, ended.clone()]);
    }
}

/// What came after the hold was added has its class until this command takes it.
#[tokio::test]
async fn retain_takes_the_end_from_what_came_under_a_hold() {
    let stack = Stack::start().await;
    stack.run(&["tenant", "add", TENANT, "--retention", "30d"]).await;
    register(&stack, INSTANCE, TENANT);
    hold(&stack, &["--phone", PHONE]).await;
    let mut later = record(INSTANCE, "3EB0A", PHONE, "stored");
    later["forget_at"] = json!({ "N": "1789592000" });
    stack.put("MediaTable", &later);
    store(&stack, INSTANCE, "3EB0B", OTHER);
    stack.store(&object_key(INSTANCE, PHONE, "3EB0A"));
    let retained = stack.run(&["media", "retain", "--tenant", TENANT]).await;
    assert_eq!(retained.code, Some(0), "{retained:?}");
    assert_eq!(ends(&stack), [(false, None), (true, Some("30d".to_owned()))]);
}

/// A hold lasts until the end of its last day, and then needs no release.
#[tokio::test]
async fn a_hold_whose_last_day_is_over_refuses_nothing() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    let over = hold(&stack, &["--phone", PHONE, "--until", "2026-01-31"]).await;
    let listed = stack.run(&["hold", "list", "--tenant", TENANT]).await;
    assert_eq!((&listed.out[0]["hold"], &listed.out[0]["holds"]), (&json!(over), &json!(false)));
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    store(&stack, INSTANCE, "3EB0B", PHONE);
    hold(&stack, &["--phone", PHONE, "--until", "2999-12-31"]).await;
    assert_eq!(stack.run(&erase(&["--phone", PHONE])).await.code, Some(2));
}

/// What could not be read ends by the tenant's class as well, and so does what a removed instance
/// has left.
#[tokio::test]
async fn retain_reaches_unread_webhooks_and_removed_instances() {
    let stack = Stack::start().await;
    stack.run(&["tenant", "add", TENANT]).await;
    register(&stack, INSTANCE, TENANT);
    store(&stack, INSTANCE, "3EB0A", PHONE);
    let body = json!({ "version": "unread-1", "tenant": TENANT, "instance": INSTANCE,
        "accepted_at": 1_787_432_099, "why": "bad_body", "body": "b2k=" });
    keep_unread(&stack, &body.to_string()).await;
    let has_end = |item: &Value| item.get("forget_at").is_some();
    assert!(!stack.items("JobsTable").iter().any(has_end));
    assert_eq!(stack.run(&["instance", "remove", INSTANCE]).await.code, Some(0));
    stack.run(&["tenant", "set", TENANT, "--retention", "30d"]).await;
    let retained = stack.run(&["media", "retain", "--tenant", TENANT]).await;
    assert_eq!(retained.code, Some(0), "{retained:?}");
    assert!(stack.items("JobsTable").iter().all(has_end), "{:?}", stack.items("JobsTable"));
    assert!(stack.items("MediaTable").iter().all(has_end), "{:?}", stack.items("MediaTable"));
    let key = object_key(INSTANCE, PHONE, "3EB0A");
    assert_eq!(stack.retention(&key), Some("30d".to_owned()));
}

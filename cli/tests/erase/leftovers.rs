//! What an erased record may leave behind: captions, links, pairs of people, parked jobs that the
//! selection does not meet, and counts.

use serde_json::{Value, json};

use crate::{
    DIGEST, INSTANCE, LID, OTHER, OTHER_INSTANCE, PHONE, TENANT, erase, job_body, park, put_tenant,
    record, register,
    stack::{Ended, Stack},
    text, unix_now,
};

/// The mark of an erased message, and the caption and a link that its record left behind.
fn leave_behind(stack: &Stack, instance: &str, message: &str) {
    let mut mark = record(instance, message, PHONE, "erased");
    for name in ["tenant", "chat", "chat_phone"] {
        mark.as_object_mut().expect("an item").remove(name);
    }
    stack.put("MediaTable", &mark);
    put_texts(stack, instance, message);
    put_link(stack, instance, message);
}

fn put_texts(stack: &Stack, instance: &str, message: &str) {
    let texts = json!({ "instance": text(&format!("texts#{instance}")),
        "message_id": text(&format!("{message}#{DIGEST}")), "caption": text("oi") });
    stack.put("JobsTable", &texts);
}

fn put_link(stack: &Stack, instance: &str, message: &str) {
    let tenant = if instance == OTHER_INSTANCE { "bravo" } else { TENANT };
    let link = json!({ "token": text(&format!("hash-{instance}-{message}")),
        "tenant": text(tenant), "instance": text(instance), "created_at": { "N": "1" },
        "record_key": text(&format!("{message}#{DIGEST}")) });
    stack.put("LinksTable", &link);
}

async fn verify(stack: &Stack, erased: &Ended, subject: &[&str]) -> Ended {
    let order = erased.out["order"].as_str().expect("an order");
    stack.run(&[&["media", "verify", order, "--tenant", TENANT][..], subject].concat()).await
}

fn left_of(ended: &Ended) -> [&Value; 2] {
    ["texts", "links"].map(|name| &ended.out["left"][name])
}

/// The proof finds them, a verification says so and changes nothing, and the next erasure removes
/// them. What is of a record that is there stays.
#[tokio::test]
async fn captions_and_links_of_erased_records_are_found_and_removed() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.put("MediaTable", &record(INSTANCE, "3EB0B", OTHER, "stored"));
    put_texts(&stack, INSTANCE, "3EB0B");
    put_link(&stack, INSTANCE, "3EB0B");
    leave_behind(&stack, OTHER_INSTANCE, "3EB0C");
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(0), &json!(true)), "{erased:?}");
    leave_behind(&stack, INSTANCE, "3EB0A");
    let said = verify(&stack, &erased, &["--phone", PHONE]).await;
    assert_eq!((said.code, left_of(&said)), (Some(1), [&json!(1), &json!(1)]), "{said:?}");
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, left_of(&erased)), (Some(0), [&json!(0), &json!(0)]), "{erased:?}");
    assert_eq!([&erased.out["removed"]["texts"], &erased.out["removed"]["links"]], [1, 1]);
    assert_eq!((stack.items("JobsTable").len(), stack.items("LinksTable").len()), (2, 2));
    let said = verify(&stack, &erased, &["--phone", PHONE]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Of everything, also those whose record ended by its retention; and the counts of each day.
#[tokio::test]
async fn of_everything_nothing_is_left_behind() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    put_texts(&stack, INSTANCE, "3EB0A");
    put_link(&stack, INSTANCE, "3EB0A");
    put_link(&stack, OTHER_INSTANCE, "3EB0A");
    for (tenant, instance) in [(TENANT, INSTANCE), (TENANT, "LITE-AAAAAA-000002"), ("bravo", "X")] {
        let day = format!("2026-08-22#{instance}");
        stack.put("CountersTable", &json!({ "tenant": text(tenant), "day": text(&day) }));
    }
    let of_one = ["media", "erase", "--tenant", TENANT, "--instance", INSTANCE, "--all"];
    let erased = stack.run(&of_one).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["counters"]),
        (Some(0), &json!(1)),
        "{erased:?}"
    );
    assert_eq!((stack.items("JobsTable").len(), stack.items("LinksTable").len()), (0, 1));
    let erased = stack.run(&erase(&["--all"])).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["counters"]),
        (Some(0), &json!(1)),
        "{erased:?}"
    );
    assert_eq!(stack.items("CountersTable").len(), 1, "another tenant's");
    // The next run of a tenant that stays makes new ones: they are of no person.
    let day = json!({ "tenant": text(TENANT), "day": text("2026-08-23#X") });
    stack.put("CountersTable", &day);
    let said = verify(&stack, &erased, &[]).await;
    assert_eq!((said.code, &said.out["proven"]), (Some(0), &json!(true)), "{said:?}");
}

/// A pair that the selection does not meet, because only one of its two items is there.
#[tokio::test]
async fn half_a_pair_is_no_proof() {
    for link in [format!("lid#{LID}#{PHONE}"), format!("phone#{PHONE}#{LID}")] {
        let stack = Stack::start().await;
        register(&stack, INSTANCE, TENANT);
        let erased = stack.run(&erase(&["--phone", PHONE])).await;
        assert_eq!(erased.code, Some(0), "{erased:?}");
        let half = json!({ "instance": text(INSTANCE), "link": text(&link), "lid": text(LID),
            "phone": text(PHONE) });
        stack.put("PeopleTable", &half);
        let said = verify(&stack, &erased, &["--phone", PHONE]).await;
        assert_eq!((said.code, &said.out["people_left"]), (Some(1), &json!(1)), "{link}: {said:?}");
        let erased = stack.run(&erase(&["--phone", PHONE])).await;
        assert_eq!((erased.code, stack.items("PeopleTable").len()), (Some(0), 0), "{erased:?}");
    }
}

/// A parked job is judged by what its text says as well; who is only mentioned in it is not meant.
#[tokio::test]
async fn a_parked_job_is_found_by_its_text() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    put_tenant(&stack);
    park(&stack, INSTANCE, "3EB0A", OTHER);
    let mut mentions: Value =
        serde_json::from_str(&job_body(INSTANCE, "3EB0B", OTHER)).expect("JSON");
    mentions["message"]["caption"] = json!(format!("fala com {PHONE}"));
    mentions["accepted_at"] = json!(unix_now());
    stack.park(&mentions.to_string());
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    let left = ["parked_jobs", "entries"].map(|name| &erased.out["left"][name]);
    assert_eq!((erased.code, left), (Some(0), [&json!(0), &json!(0)]), "{erased:?}");
    let mut names: Value = serde_json::from_str(&job_body(INSTANCE, "3EB0C", OTHER)).expect("JSON");
    names["message"]["chat_of_a_later_version"] = json!(PHONE);
    stack.park(&names.to_string());
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(
        (erased.code, &erased.out["left"]["parked_jobs"]),
        (Some(1), &json!(1)),
        "{erased:?}"
    );
}

//! `wapi-media media erase` of a person, and what the person sent to groups.

use serde_json::{Value, json};

use crate::{
    INSTANCE, LID, OTHER, PHONE, SHORT, TENANT, erase, object_key, record, register, stack::Stack,
    states, store, text,
};

const GROUP: &str = "group-120363000000000001";
const OTHER_GROUP: &str = "group-120363000000000002";

/// A record of a picture that was sent to a group, with its sender.
fn group_record(message: &str, group: &str, sender: (&str, &str), state: &str) -> Value {
    let mut record = record(INSTANCE, message, group, state);
    record.as_object_mut().expect("an item").remove("chat_phone");
    record[sender.0] = text(sender.1);
    record
}

/// A stored picture that was sent to a group.
fn store_in_group(stack: &Stack, message: &str, group: &str, sender: (&str, &str)) {
    let key = object_key(INSTANCE, group, message);
    let mut record = group_record(message, group, sender, "stored");
    record["object_key"] = text(&key);
    stack.put("MediaTable", &record);
    stack.store(&key);
}

/// A parked job of a picture that was sent to a group, with its entry and without a record.
fn park_in_group(stack: &Stack, message: &str, sender: &str) {
    let body = json!({
        "version": "1", "tenant": TENANT, "instance": INSTANCE, "accepted_at": 1_787_000_000,
        "message": { "message_id": message, "chat": GROUP, "direction": "in",
            "moment": 1_787_000_000, "kind": "image",
            "envelope": { "sender": { "phone": sender } } },
    });
    stack.park(&body.to_string());
}

fn connect(stack: &Stack, lid: &str, phone: &str) {
    for link in [format!("lid#{lid}#{phone}"), format!("phone#{phone}#{lid}")] {
        let pair = json!({ "instance": text(INSTANCE), "link": text(&link), "lid": text(lid),
            "phone": text(phone) });
        stack.put("PeopleTable", &pair);
    }
}

/// One person in two groups, under each of the names, and somebody else.
fn fill(stack: &Stack) {
    register(stack, INSTANCE, TENANT);
    connect(stack, LID, SHORT);
    store(stack, INSTANCE, "3EB0A", PHONE);
    store_in_group(stack, "3EB0B", GROUP, ("sender_phone", SHORT));
    store_in_group(stack, "3EB0C", OTHER_GROUP, ("sender_lid", LID));
    store_in_group(stack, "3EB0D", GROUP, ("sender_phone", OTHER));
}

fn with_groups<'a>(decision: &[&'a str]) -> Vec<&'a str> {
    [&["media", "erase", "--tenant", TENANT, "--phone", PHONE], decision].concat()
}

/// The other members' pictures stay, and nothing of the person comes back.
#[tokio::test]
async fn what_a_person_sent_to_groups_is_erased() {
    let stack = Stack::start().await;
    fill(&stack);
    // Its run died between the commit and the record.
    let lost = object_key(INSTANCE, GROUP, "3EB0E");
    let mut meant = group_record("3EB0E", GROUP, ("sender_phone", PHONE), "retrying");
    meant["committing"] = json!({ "L": [{ "M": { "object_key": text(&lost) } }] });
    stack.put("MediaTable", &meant);
    stack.store(&lost);
    park_in_group(&stack, "3EB0F", SHORT);
    park_in_group(&stack, "3EB10", OTHER);
    let erased = stack.run(&with_groups(&["--group-media", "erase"])).await;
    let out = &erased.out;
    assert_eq!((erased.code, &out["proven"]), (Some(0), &json!(true)), "{erased:?}");
    let removed = ["versions", "records", "parked_jobs"].map(|name| out["removed"][name].as_u64());
    // The parked job got a record when it was looked at.
    assert_eq!(removed, [Some(4), Some(5), Some(1)], "{erased:?}");
    assert_eq!(out["groups"], json!({ GROUP: 2, OTHER_GROUP: 1 }), "{erased:?}");
    assert_eq!(stack.keys(), [object_key(INSTANCE, GROUP, "3EB0D")]);
    assert_eq!(states(&stack).iter().filter(|state| *state == "erased").count(), 5);
    assert_eq!(stack.parked(), 1);
    let left = json!([stack.items("MediaTable"), stack.items("JobsTable")]).to_string();
    assert!(left.contains(OTHER), "{left}");
    assert!(![PHONE, SHORT, LID].iter().any(|name| left.contains(name)), "{left}");
    let listed = stack.run(&["media", "orders", "--tenant", TENANT]).await;
    let orders = listed.out.as_array().cloned().unwrap_or_default();
    let mut scopes: Vec<_> = orders.iter().filter_map(|one| one["scope"].as_str()).collect();
    scopes.sort_unstable();
    // The number and the hidden id.
    assert_eq!(scopes, ["chat", "chat", "sender", "sender"], "{listed:?}");
    // The proof counts what is in groups, too.
    let id = out["order"].as_str().expect("an id");
    let folder = format!("lid-{LID}");
    let verify =
        ["media", "verify", id, "--tenant", TENANT, "--phone", PHONE, "--chat", folder.as_str()];
    assert_eq!(stack.run(&verify).await.code, Some(0));
    store_in_group(&stack, "3EB11", GROUP, ("sender_lid", LID));
    let verified = stack.run(&verify).await;
    assert_eq!((verified.code, &verified.out["left"]["records"]), (Some(1), &json!(1)));
    assert_eq!(verified.out["left"]["versions"], 1, "{verified:?}");
}

/// Nobody decided it.
#[tokio::test]
async fn without_a_decision_nothing_is_erased() {
    let stack = Stack::start().await;
    fill(&stack);
    let refused = stack.run(&with_groups(&[])).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = &refused.err;
    assert!(
        said.contains("--group-media") && said.contains("2 media that this person sent to groups"),
        "{said}"
    );
    assert!(said.contains(&format!("{GROUP} (1), {OTHER_GROUP} (1)")), "{said}");
    assert_eq!((stack.keys().len(), stack.items("OrdersTable").len()), (4, 0));
    let dry = stack.run(&with_groups(&["--dry-run"])).await;
    let would = dry.out["would"].as_str().unwrap_or_default();
    assert!(
        would.contains("2 media that this person sent to groups") && would.contains("3 records"),
        "{dry:?}"
    );
}

#[tokio::test]
async fn what_is_kept_in_groups_stays() {
    let stack = Stack::start().await;
    fill(&stack);
    let erased = stack.run(&with_groups(&["--group-media", "keep"])).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["records"]),
        (Some(0), &json!(1)),
        "{erased:?}"
    );
    assert_eq!((stack.keys().len(), &erased.out["groups_erased"]), (3, &json!(false)));
}

#[tokio::test]
async fn a_tenants_rule_decides_without_an_option() {
    for (rule, left) in [("erase", 1), ("keep", 3)] {
        let stack = Stack::start().await;
        fill(&stack);
        let tenant = json!({
            "tenant": text(TENANT), "created_at": { "N": "1787000000" },
            "policy": { "M": { "group_media": text(rule) } },
        });
        stack.put("TenantsTable", &tenant);
        let erased = stack.run(&with_groups(&[])).await;
        assert_eq!((erased.code, stack.keys().len()), (Some(0), left), "{rule}: {erased:?}");
    }
}

/// Also if a group or one message is erased in which nobody names the person.
#[tokio::test]
async fn a_hold_of_a_person_holds_their_group_media() {
    let stack = Stack::start().await;
    fill(&stack);
    let hold = ["hold", "add", "--tenant", TENANT, "--phone", PHONE, "--reason", "PROCESS-7"];
    let held = stack.run(&hold).await;
    assert_eq!(held.code, Some(0), "{held:?}");
    for subject in [["--chat", GROUP], ["--chat", OTHER_GROUP], ["--message", "3EB0C"]] {
        let refused = stack.run(&erase(&subject)).await;
        assert_eq!(refused.code, Some(2), "{subject:?}: {refused:?}");
        assert!(refused.err.contains("PROCESS-7"), "{subject:?}: {refused:?}");
    }
    assert_eq!(stack.keys().len(), 4);
    // Somebody else's message in the same group is not held.
    assert_eq!(stack.run(&erase(&["--message", "3EB0D"])).await.code, Some(0));
}

/// And the group's own erasure takes nobody's own chat with it.
#[tokio::test]
async fn erasing_a_group_leaves_the_members_chats() {
    let stack = Stack::start().await;
    fill(&stack);
    let erased = stack.run(&erase(&["--chat", GROUP])).await;
    assert_eq!(
        (erased.code, &erased.out["removed"]["records"]),
        (Some(0), &json!(2)),
        "{erased:?}"
    );
    let own = object_key(INSTANCE, PHONE, "3EB0A");
    assert_eq!(stack.keys(), [own, object_key(INSTANCE, OTHER_GROUP, "3EB0C")]);
}

#[tokio::test]
async fn media_in_groups_are_found_by_their_sender() {
    let stack = Stack::start().await;
    fill(&stack);
    let find = ["media", "find", "--phone", PHONE, "--since", "36500days", "--groups"];
    let found = stack.run(&find).await;
    assert_eq!(found.code, Some(0), "{found:?}");
    let found = found.out.as_array().cloned().unwrap_or_default();
    let mut ids: Vec<_> = found.iter().filter_map(|one| one["message_id"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["3EB0A", "3EB0B", "3EB0C"]);
}

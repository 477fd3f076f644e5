//! Media whose sender deleted the message: how an operator sees them, and has them erased.

use media::{
    ids::MessageId,
    message::{Chat, Direction},
    revocation::RevokedMessage,
};
use serde_json::{Value, json};

use crate::{
    INSTANCE, OTHER, PHONE, TENANT, erase, object_key, record, register, stack::Stack, states, text,
};

fn chat(name: &str) -> Chat {
    Chat::try_from(name.to_owned()).expect("a chat")
}

/// The items of a deletion, as the download function writes them.
fn delete(stack: &Stack, message: &str, chat_name: &str, direction: Direction) {
    let message_id = MessageId::parse(message).expect("an id");
    let (chats, senders) = (vec![chat(chat_name)], Vec::new());
    let said = RevokedMessage { message_id, chats, direction, senders };
    for key in said.item_keys() {
        let item = json!({
            "instance": text(INSTANCE), "message_id": text(&key), "message": text(message),
            "tenant": text(TENANT), "state": text("revoked"), "revoked_at": { "N": "1787000500" },
            "revoked_by": { "SS": said.authors() },
        });
        stack.put("MediaTable", &item);
    }
}

fn store_incoming(stack: &Stack, message: &str, chat: &str) {
    let key = object_key(INSTANCE, chat, message);
    let mut record = record(INSTANCE, message, chat, "stored");
    (record["object_key"], record["direction"]) = (text(&key), text("in"));
    stack.put("MediaTable", &record);
    stack.store(&key);
}

fn set_rule(stack: &Stack, rule: &str) {
    let tenant = json!({
        "tenant": text(TENANT), "created_at": { "N": "1787000000" },
        "policy": { "M": { "revoked": text(rule) } },
    });
    stack.put("TenantsTable", &tenant);
}

/// Two pictures of one person, one of which the person deleted; one that the other side claims to
/// have deleted; and one with the same id in another chat.
async fn start() -> Stack {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    for (message, chat) in [("3EB0A", PHONE), ("3EB0B", PHONE), ("3EB0C", PHONE)] {
        store_incoming(&stack, message, chat);
    }
    let mut other = record(INSTANCE, "3EB0A", OTHER, "stored");
    let key = object_key(INSTANCE, OTHER, "3EB0A");
    (other["object_key"], other["direction"]) = (text(&key), text("in"));
    other["message_id"] = text("3EB0A#BBBBBBBBBBBBBBBBBBBBBBBBBB");
    stack.put("MediaTable", &other);
    stack.store(&key);
    delete(&stack, "3EB0A", PHONE, Direction::In);
    delete(&stack, "3EB0C", PHONE, Direction::Out);
    stack
}

fn ids(list: &Value) -> Vec<&str> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|one| one["message_id"].as_str()).collect()
}

#[tokio::test]
async fn what_its_sender_deleted_is_erased_on_demand() {
    let stack = start().await;
    let list = ["media", "revoked", "--tenant", TENANT];
    let apply = [&list[..], &["--apply"]].concat();
    set_rule(&stack, "flag");
    let listed = stack.run(&list).await;
    assert_eq!((listed.code, ids(&listed.out)), (Some(0), vec!["3EB0A"]), "{listed:?}");
    assert_eq!(listed.out[0]["revoked_at"], 1_787_000_500);
    assert_eq!(stack.items("AuditTable").len(), 2, "a list of chats leaves a line and its end");
    let refused = stack.run(&apply).await;
    assert_eq!((refused.code, stack.keys().len()), (Some(2), 4), "{refused:?}");
    set_rule(&stack, "erase");
    let erased = stack.run(&apply).await;
    assert_eq!((erased.code, &erased.out["erased"]), (Some(0), &json!(1)), "{erased:?}");
    let gone = object_key(INSTANCE, PHONE, "3EB0A");
    assert!(!stack.keys().contains(&gone) && stack.keys().len() == 3, "{:?}", stack.keys());
    assert_eq!(states(&stack).iter().filter(|state| *state == "erased").count(), 1);
    let audit = stack.run(&["audit", "list", "--tenant", TENANT]).await;
    assert_eq!(audit.out[0]["action"], "media revoked", "{audit:?}");
    assert_eq!(ids(&stack.run(&list).await.out), Vec::<&str>::new());
}

/// A relink that was interrupted has left the file under its former key as well.
#[tokio::test]
async fn a_deleted_message_leaves_no_file_of_a_relink() {
    let stack = start().await;
    set_rule(&stack, "erase");
    let (new, old) = (object_key(INSTANCE, PHONE, "3EB0A"), object_key(INSTANCE, "lid-7", "3EB0A"));
    let mut moved = record(INSTANCE, "3EB0A", PHONE, "stored");
    (moved["object_key"], moved["direction"]) = (text(&new), text("in"));
    moved["relinked_from"] = text(&old);
    stack.put("MediaTable", &moved);
    stack.store(&old);
    let erased = stack.run(&["media", "revoked", "--tenant", TENANT, "--apply"]).await;
    assert_eq!((erased.code, &erased.out["erased"]), (Some(0), &json!(1)), "{erased:?}");
    let left = stack.keys();
    assert!(!left.contains(&new) && !left.contains(&old), "{left:?}");
}

#[tokio::test]
async fn what_is_held_stays_although_it_was_deleted() {
    let stack = start().await;
    set_rule(&stack, "erase");
    let hold = ["hold", "add", "--tenant", TENANT, "--phone", PHONE, "--reason", "PROCESS-7"];
    let held = stack.run(&hold).await;
    let kept = stack.run(&["media", "revoked", "--tenant", TENANT, "--apply"]).await;
    let counts = [&kept.out["erased"], &kept.out["held"]];
    assert_eq!((kept.code, counts), (Some(0), [&json!(0), &json!(1)]), "{kept:?}");
    assert_eq!(stack.keys().len(), 4);
    let listed = stack.run(&["media", "revoked", "--tenant", TENANT]).await;
    assert_eq!(listed.out[0]["hold"], held.out["hold"], "{listed:?}");
}

#[tokio::test]
async fn a_record_shows_that_its_sender_deleted_it() {
    let stack = start().await;
    for (message, expected) in [("3EB0A", json!(1_787_000_500)), ("3EB0C", Value::Null)] {
        let shown = stack.run(&["media", "show", INSTANCE, message]).await;
        let shown = shown.out.as_array().cloned().unwrap_or_default();
        let of_phone = shown.iter().find(|one| one["chat"] == PHONE).expect("a record");
        assert_eq!(of_phone["revoked_at"], expected, "{message}");
        let others = shown.iter().filter(|one| one["chat"] == OTHER);
        assert!(others.into_iter().all(|one| one["revoked_at"].is_null()), "{shown:?}");
    }
    let found = stack.run(&["media", "find", "--phone", PHONE, "--since", "36500days"]).await;
    let found = found.out.as_array().cloned().unwrap_or_default();
    let flagged = found.iter().filter(|one| !one["revoked_at"].is_null());
    assert_eq!(flagged.count(), 1, "{found:?}");
}

/// It is about the person's chat, although it names nobody.
#[tokio::test]
async fn a_deletion_is_erased_with_its_chat() {
    let stack = start().await;
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(0), &json!(true)), "{erased:?}");
    assert!(!states(&stack).contains(&"revoked".to_owned()), "{:?}", states(&stack));
    assert_eq!(stack.keys(), [object_key(INSTANCE, OTHER, "3EB0A")]);
}

//! Which media message a deletion is of, and how it is queued.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use media::{
    contact::Contact,
    job::{NotAJob, QueueBody},
    message::{Chat, Direction, MediaMessage},
    revocation::{Revocation, RevokedMessage},
};
use samples::{MOMENT, image_message, message_id, verified_instance};

fn chat(folder: &str) -> Chat {
    Chat::try_from(folder.to_owned()).expect("a chat")
}

fn deletion(chats: &[&str], direction: Direction, senders: &[&str]) -> RevokedMessage {
    let names = |names: &[&str]| names.iter().map(|name| chat(name)).collect();
    let message_id = message_id("3EB0");
    RevokedMessage { message_id, chats: names(chats), direction, senders: names(senders) }
}

/// Whether a record of the deletion would be found for the media message, and is its sender's.
fn is_of(deletion: &RevokedMessage, media: &MediaMessage) -> bool {
    let media = media.as_revoked();
    let keys = deletion.item_keys();
    let authors = deletion.authors();
    media.item_keys().iter().any(|key| keys.contains(key))
        && media.authors().iter().any(|author| authors.contains(author))
}

/// Ids are known to everyone in a chat: nobody else may delete a person's message by it.
#[test]
fn only_the_senders_deletion_counts() {
    let mut media = image_message();
    media.message_id = message_id("3EB0");
    media.chat = chat("550088880000");
    media.envelope.peer = Contact { lid: Some("700000000000001".to_owned()), phone: None };
    media.direction = Direction::In;
    for (deletion, expected) in [
        (deletion(&["5500988880000"], Direction::In, &[]), true),
        (deletion(&["lid-700000000000001"], Direction::In, &[]), true),
        (deletion(&["5500988880000"], Direction::Out, &[]), false),
        (deletion(&["5500977770000"], Direction::In, &[]), false),
        (deletion(&["group-1"], Direction::In, &["5500988880000"]), false),
    ] {
        assert_eq!(is_of(&deletion, &media), expected, "{deletion:?} {:?}", deletion.item_keys());
    }
    media.chat = chat("group-1");
    media.envelope.peer = Contact::default();
    media.envelope.sender = Contact { lid: None, phone: Some("550088880000".to_owned()) };
    for (senders, expected) in [
        (&["5500988880000"][..], true),
        (&["lid-700000000000001", "550088880000"], true),
        (&["lid-700000000000001"], false),
        (&[], false),
    ] {
        let deletion = deletion(&["group-1"], Direction::In, senders);
        assert_eq!(is_of(&deletion, &media), expected, "{senders:?}");
    }
}

/// Neither a number nor a chat can be read from what is kept.
#[test]
fn what_is_kept_names_nobody() {
    let deletion = deletion(&["5500988880000"], Direction::In, &["5500977770000"]);
    let kept = format!("{:?} {:?} {deletion:?}", deletion.item_keys(), deletion.authors());
    assert!(!kept.contains("88880000") && !kept.contains("77770000"), "{kept}");
    assert!(kept.contains("revoked#3EB0#chat-"), "{kept}");
}

/// An earlier version does not know it, and parks it.
#[test]
fn a_queued_deletion_is_read_back() {
    let message = deletion(&["5500988880000"], Direction::In, &[]);
    let revocation = verified_instance().create_revocation(message, MOMENT);
    let json = revocation.to_json().expect("JSON");
    assert_eq!(Revocation::parse(&json), Ok(revocation));
    assert_eq!(QueueBody::parse(&json), Err(NotAJob));
    assert_eq!(Revocation::parse(&json.replace("revoked-1", "revoked-2")), Err(NotAJob));
    assert_eq!(Revocation::parse("{}"), Err(NotAJob));
}

//! What an order is about: the same chat under each of its names, and nobody else's.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test and its helpers fail by panicking"
)]

use std::collections::BTreeSet;

use media::{
    contact::Contact,
    job::{Job, QueuedJob},
    message::{Chat, MediaMessage},
    order::{OrderKey, OrderKind, OrderSubject},
};
use samples::{MOMENT, image_message, instance_id, message_id, queued_job};

const HOUR: i64 = 60 * 60;

/// HMAC-SHA256 of `chat 5500988880000` under 32 bytes of 7, in base32, computed elsewhere.
const HASH: &str = "k3ptq3uopy5nwyvavoqc3yondynlz42oldivjc7j3h7osxfei3uq";

/// The same of `sender 5500988880000`.
const SENDER_HASH: &str = "aukmtlg6w3uqh3edij25iq6rqykm4tl6btesmn5u3seuuttu6qta";

fn key() -> OrderKey {
    OrderKey::from_bytes(&[7; 32]).expect("a key")
}

fn chat(folder: &str) -> Chat {
    Chat::try_from(folder.to_owned()).expect("a chat")
}

fn job_of(message: MediaMessage, accepted_at: i64) -> Job {
    queued_job(message, accepted_at).into_job()
}

fn order_keys(subjects: &BTreeSet<OrderSubject>) -> BTreeSet<String> {
    subjects.iter().map(|one| one.sort_key(OrderKind::Erase, &key())).collect()
}

#[test]
fn both_spellings_are_one_chat() {
    for spelling in ["5500988880000", "550088880000"] {
        let subject = OrderSubject::for_chat(None, &chat(spelling));
        assert_eq!(subject.sort_key(OrderKind::Erase, &key()), format!("erase#chat#*#{HASH}"));
    }
    let only =
        OrderSubject::for_chat(Some(instance_id("LITE-AAAAAA-BBBBBB")), &chat("5500988880000"));
    let hold = format!("hold#chat#LITE-AAAAAA-BBBBBB#{HASH}");
    assert_eq!(only.sort_key(OrderKind::Hold, &key()), hold);
    assert!(!format!("{only:?} {:?}", key()).contains("88880000"), "{only:?}");
}

#[test]
fn a_job_names_its_chat_in_every_way() {
    let mut message = image_message();
    message.chat = chat("550088880000");
    message.envelope.peer =
        Contact { lid: Some("700000000000001".to_owned()), phone: Some("550088880000".to_owned()) };
    let keys = order_keys(&job_of(message, MOMENT).order_subjects());
    for name in ["5500988880000", "lid-700000000000001"] {
        let subject = OrderSubject::for_chat(None, &chat(name));
        assert!(keys.contains(&subject.sort_key(OrderKind::Erase, &key())), "{name}");
    }
    let other = OrderSubject::for_chat(None, &chat("5500977770000"));
    assert!(!keys.contains(&other.sort_key(OrderKind::Erase, &key())));
}

/// A group's chat says nothing about who sent to it; in a chat with one person, the sender may be
/// the account itself, whose order is about something else.
#[test]
fn a_job_of_a_group_names_its_sender() {
    let sender =
        Contact { lid: Some("700000000000001".to_owned()), phone: Some("550088880000".to_owned()) };
    for (folder, is_named) in [
        ("group-120363000000000001", true),
        ("status", true),
        ("5500977770000", false),
        ("lid-700000000000009", false),
    ] {
        let mut message = image_message();
        message.chat = chat(folder);
        message.envelope.sender = sender.clone();
        let keys = order_keys(&job_of(message, MOMENT).order_subjects());
        let sender_key = format!("erase#sender#*#{SENDER_HASH}");
        assert_eq!(keys.contains(&sender_key), is_named, "{folder}");
        let lid = OrderSubject::for_sender(None, &chat("lid-700000000000001"));
        assert_eq!(keys.contains(&lid.sort_key(OrderKind::Erase, &key())), is_named, "{folder}");
        // An order about the person's own chat is not about the group.
        assert!(!keys.contains(&format!("erase#chat#*#{HASH}")), "{folder}");
    }
}

/// Earlier versions numbered the media of one message.
#[test]
fn an_order_about_a_message_covers_all_its_media() {
    let whole =
        OrderSubject::for_message(None, &message_id("3EB0")).sort_key(OrderKind::Erase, &key());
    for (id, is_covered) in
        [("3EB0", true), ("3EB0.1", true), ("3EB0.12", true), ("3EB0.x", false), ("3EB01", false)]
    {
        let mut message = image_message();
        message.message_id = message_id(id);
        let keys = order_keys(&job_of(message, MOMENT).order_subjects());
        assert_eq!(keys.contains(&whole), is_covered, "{id}");
    }
}

/// Neither a redrive nor a repeated announcement makes a media message younger.
#[test]
fn a_redriven_job_is_as_old_as_before() {
    let accepted_at = MOMENT + HOUR;
    let job = job_of(image_message(), accepted_at);
    assert_eq!((job.announced_at(), job.known_since()), (accepted_at, MOMENT));
    let mut undated = image_message();
    undated.moment = 0;
    let job = job_of(undated, accepted_at);
    assert_eq!(job.known_since(), accepted_at);
    let mut redriven = job;
    for n in 1..3 {
        let text = QueuedJob::for_redrive(redriven, accepted_at + n * HOUR).to_json();
        redriven = QueuedJob::parse(&text.expect("JSON")).expect("a job").into_job();
        assert_eq!(redriven.accepted_at, accepted_at + n * HOUR);
        assert_eq!((redriven.announced_at(), redriven.known_since()), (accepted_at, accepted_at));
    }
}

/// Jobs of earlier versions have one time.
#[test]
fn an_earlier_job_was_announced_when_accepted() {
    let text = queued_job(image_message(), MOMENT + HOUR).to_json().expect("JSON");
    assert!(!text.contains("announced_at"), "{text}");
    let job = QueuedJob::parse(&text).expect("a job").into_job();
    assert_eq!(job.announced_at(), MOMENT + HOUR);
}

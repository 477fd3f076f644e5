//! Which announcements are the same media message, and the moment of a message.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::collections::BTreeSet;

use media::{
    contact::Contact,
    envelope::{Envelope, MomentSource},
    identity::RecordKey,
    ids::MessageId,
    job::QueuedJob,
    message::{Chat, MediaMessage, Secret},
    sha256::Sha256,
};

const ACCEPTED: i64 = 1_787_440_000;
const SENT: i64 = 1_787_438_879;

/// An encrypted image in the chat of a phone number.
fn image_message() -> MediaMessage {
    MediaMessage {
        moment: SENT,
        mimetype: None,
        media_key: Some(Secret::new("RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=")),
        direct_path: Some(Secret::new("/v/1.enc?oh=1&oe=2")),
        file_sha256: Some(Sha256::from_data(b"plain")),
        file_enc_sha256: Some(Sha256::from_data(b"encrypted")),
        is_encrypted: true,
        ..samples::image_message()
    }
}

fn in_chat(jid: &str, lid: Option<&str>, phone: Option<&str>) -> MediaMessage {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let chat = Chat::from_jid(jid, phone);
    let chat_hash = chat.address_hash(jid);
    let peer = Contact { lid: text(lid), phone: text(phone) };
    MediaMessage {
        chat,
        envelope: Envelope { peer, chat_hash, ..Envelope::default() },
        ..image_message()
    }
}

/// A table of records, as the database keeps it: the first key that does not contradict, or a free
/// one.
#[derive(Default)]
struct Shelf(Vec<(RecordKey, Vec<(&'static str, String)>)>);

impl Shelf {
    fn find_place(&mut self, message: &MediaMessage) -> usize {
        let identity = message.identity();
        for key in identity.record_keys() {
            let found = self.0.iter().position(|(one, _)| *one == key);
            let Some(n) = found else {
                self.0.push((key, Vec::new()));
                return self.record_facts(self.0.len() - 1, message);
            };
            let contradicts = identity.chat_facts().iter().any(|fact| {
                let known = self.0[n].1.iter().find(|(name, _)| *name == fact.name);
                known.is_some_and(|(_, text)| {
                    *text != fact.text && Some(text) != fact.other_spelling.as_ref()
                })
            });
            if !contradicts {
                return self.record_facts(n, message);
            }
        }
        panic!("no place is left");
    }

    fn record_facts(&mut self, n: usize, message: &MediaMessage) -> usize {
        for fact in message.identity().chat_facts() {
            let facts = &mut self.0[n].1;
            if facts.iter().all(|(name, _)| *name != fact.name) {
                facts.push((fact.name, fact.text.clone()));
            }
        }
        n
    }
}

/// The number of media messages in a list of announcements.
fn count_media(messages: &[MediaMessage]) -> usize {
    let mut shelf = Shelf::default();
    let places: BTreeSet<_> = messages.iter().map(|one| shelf.find_place(one)).collect();
    places.len()
}

fn in_both_orders(one: &MediaMessage, other: &MediaMessage) -> [usize; 2] {
    let (one, other) = (one.clone(), other.clone());
    [count_media(&[one.clone(), other.clone()]), count_media(&[other, one])]
}

#[test]
fn equal_announcements_have_one_key() {
    assert_eq!(count_media(&[image_message(), image_message()]), 1);
    assert_eq!(image_message().identity().to_key_part(), image_message().identity().to_key_part());
}

#[test]
fn other_content_is_another_media_message() {
    let changes: [fn(MediaMessage) -> MediaMessage; 5] = [
        |it| MediaMessage { file_enc_sha256: Some(Sha256::from_data(b"other")), ..it },
        |it| MediaMessage { file_enc_sha256: None, ..it },
        |it| MediaMessage { file_enc_sha256: None, file_sha256: None, ..it },
        |it| MediaMessage { file_enc_sha256: None, file_sha256: None, media_key: None, ..it },
        |it| MediaMessage {
            file_enc_sha256: None,
            file_sha256: None,
            media_key: None,
            direct_path: None,
            ..it
        },
    ];
    let all: Vec<_> =
        changes.iter().map(|change| change(image_message())).chain([image_message()]).collect();
    assert_eq!(count_media(&all), all.len());
    let keys: BTreeSet<_> = all.iter().map(|one| one.identity().to_key_part()).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn another_id_is_another_media_message() {
    let mut edit = image_message();
    edit.message_id = MessageId::parse("3EB0BBBB").expect("an id");
    assert_eq!(in_both_orders(&image_message(), &edit), [2, 2]);
}

#[test]
fn a_new_signature_keeps_the_content() {
    let at = |path: Option<&str>, url: Option<&str>| MediaMessage {
        file_enc_sha256: None,
        file_sha256: None,
        media_key: None,
        direct_path: path.map(Secret::new),
        url: url.map(Secret::new),
        ..image_message()
    };
    let first = at(Some("/v/t62/1.enc?oh=1&oe=2"), None);
    for other in [
        at(Some("/v/t62/1.enc?oh=9&oe=8"), None),
        at(None, Some("https://mmg.whatsapp.net/v/t62/1.enc?oh=3")),
    ] {
        assert_eq!(in_both_orders(&first, &other), [1, 1]);
    }
    let another = at(Some("/v/t62/2.enc?oh=1&oe=2"), None);
    assert_eq!(in_both_orders(&first, &another), [2, 2]);
}

#[test]
fn every_base64_form_is_one_content() {
    let with = |key: &str, path: &str| MediaMessage {
        file_enc_sha256: None,
        file_sha256: None,
        media_key: Some(Secret::new(key)),
        direct_path: Some(Secret::new(path)),
        ..image_message()
    };
    let rest = "A".repeat(40);
    let key = with(&format!("+/8{rest}="), "/v/1");
    for other in [
        format!("-_8{rest}"),
        format!("-_8{rest}="),
        format!("+/8{rest}"),
        format!(" +/8{rest}=\r\n"),
    ] {
        assert_eq!(in_both_orders(&key, &with(&other, "/v/2")), [1, 1], "{other:?}");
    }
    let another = with(&format!("+/9{rest}="), "/v/1");
    assert_eq!(in_both_orders(&key, &another), [2, 2]);
    // A text that is not a key neither joins nor separates media messages.
    assert_eq!(in_both_orders(&with("k", "/v/1"), &with("k", "/v/2")), [2, 2]);
    assert_eq!(in_both_orders(&with("k", "/v/1"), &with("l", "/v/1")), [1, 1]);
}

#[test]
fn matching_lid_and_phone_are_one_chat() {
    let lid = in_chat("200000000000002@lid", Some("200000000000002"), None);
    let both = in_chat("200000000000002@lid", Some("200000000000002"), Some("5500900000002"));
    let phone = in_chat("5500900000002@s.whatsapp.net", None, Some("5500900000002"));
    for (one, other) in [(&lid, &both), (&lid, &phone), (&both, &phone)] {
        assert_eq!(in_both_orders(one, other), [1, 1]);
    }
    assert_eq!(count_media(&[lid.clone(), both.clone(), phone.clone()]), 1);
    assert_eq!(count_media(&[phone, lid, both]), 1);
}

/// Gateways write such a number with or without the ninth digit.
#[test]
fn both_brazilian_spellings_are_one_chat() {
    let with = in_chat("5500988880000", None, Some("5500988880000"));
    let without = in_chat("550088880000", None, Some("550088880000"));
    assert_eq!(in_both_orders(&with, &without), [1, 1]);
}

#[test]
fn different_chats_are_two_media_messages() {
    let chats = [
        in_chat("5500900000002", None, Some("5500900000002")),
        in_chat("5500900000003", None, Some("5500900000003")),
        in_chat("120363000000000001@g.us", None, None),
        in_chat("120363000000000002@g.us", None, None),
        in_chat("120363000000000001@newsletter", None, None),
        in_chat("status@broadcast", None, None),
        in_chat("123@broadcast", None, None),
    ];
    assert_eq!(count_media(&chats), chats.len());
    let keys: BTreeSet<_> = chats.iter().map(|one| one.identity().to_key_part()).collect();
    assert_eq!(keys.len(), chats.len());
    let lids = ["1@lid", "2@lid"].map(|jid| in_chat(jid, jid.strip_suffix("@lid"), None));
    assert_eq!(in_both_orders(&lids[0], &lids[1]), [2, 2]);
    let group = in_chat("5500900000002@g.us", None, None);
    assert_eq!(in_both_orders(&chats[0], &group), [2, 2]);
    // A number that was reassigned to another person: one folder, two contacts.
    let two = ["1", "2"].map(|lid| in_chat("5500900000002", Some(lid), Some("5500900000002")));
    assert_eq!(in_both_orders(&two[0], &two[1]), [2, 2]);
    assert_ne!(two[0].identity().to_key_part(), two[1].identity().to_key_part());
}

/// A later announcement finds the record of its chat, also if the first key belongs to another
/// chat.
#[test]
fn every_chat_is_found_by_either_id() {
    let phone = |n: u32| format!("55009000000{n:02}");
    let lid = |n: u32| format!("2000000000000{n:02}");
    let both = |n| in_chat(&phone(n), Some(&lid(n)), Some(&phone(n)));
    let by_phone = |n| in_chat(&phone(n), None, Some(&phone(n)));
    let by_lid = |n| in_chat(&format!("{}@lid", lid(n)), Some(&lid(n)), None);
    let firsts: Vec<_> = (0..5).map(both).collect();
    let again = (0..5).rev().flat_map(|n| [by_lid(n), by_phone(n), both(n)]);
    let all: Vec<_> = firsts.into_iter().chain(again).collect();
    assert_eq!(count_media(&all), 5);
    // A list of recipients: none of them is mistaken for another.
    let many: Vec<_> = (0..60).map(by_phone).chain((0..60).rev().map(by_phone)).collect();
    assert_eq!(count_media(&many), 60);
}

/// Folder names hold eight digits of an odd address's hash, for which a collision can be found by
/// trying.
#[test]
fn addresses_sharing_a_folder_are_two_chats() {
    let mut one = in_chat("a@odd", None, None);
    let mut other = one.clone();
    one.envelope.chat_hash = Some(Sha256::from_data(b"a@odd"));
    other.envelope.chat_hash = Some(Sha256::from_data(b"b@odd"));
    assert_eq!(one.chat, other.chat);
    assert_eq!(in_both_orders(&one, &other), [2, 2]);
    assert_ne!(one.identity().to_key_part(), other.identity().to_key_part());
    assert_eq!(image_message().chat.address_hash("5500900000002"), None);
    let group = Chat::from_jid("120363000000000001@g.us", None);
    assert_eq!(group.address_hash("120363000000000001@g.us"), None);
    let odd = Chat::from_jid("A.b@g.us", None);
    assert_eq!(odd.address_hash("A.b@g.us"), Some(Sha256::from_data(b"A.b@g.us")));
}

/// Message ids that end like a record key are still ids.
#[test]
fn a_record_key_names_only_its_message() {
    let of = |id: &str| MediaMessage {
        message_id: MessageId::parse(id).expect("an id"),
        ..image_message()
    };
    for id in ["3EB0AAAA", "a#b", "#", "3EB0AAAA.1", "ABCDEFGHIJKLMNOPQRSTUVWXYZ#"] {
        for key in of(id).identity().record_keys() {
            assert_eq!(key.message_id(), id, "{key:?}");
        }
        let earlier = of(id).identity().earlier_key();
        assert_eq!((earlier.as_str(), earlier.message_id()), (id, id));
    }
    let first = image_message().identity().record_keys().next().expect("a key");
    let second = of(first.as_str()).identity();
    assert!(second.record_keys().all(|key| key != first));
}

/// Jobs of the previous version have the folder and no other fact about the chat.
#[test]
fn an_earlier_job_keeps_its_identity() {
    let json = |chat: &str| {
        format!(
            r#"{{"version":"1","tenant":"acme","instance":"LITE-AAAAAA-BBBBBB",
            "accepted_at":{ACCEPTED},
            "message":{{"message_id":"3EB0AAAAAAAAAAAAAAAA","chat":"{chat}",
            "direction":"in","moment":{SENT},
            "kind":"image","file_enc_sha256":"{}"}}}}"#,
            Sha256::from_data(b"encrypted")
        )
    };
    let old = |chat: &str| QueuedJob::parse(&json(chat)).expect("a job").into_job().message;
    let both = in_chat("200000000000002@lid", Some("200000000000002"), Some("5500900000002"));
    assert_eq!(in_both_orders(&old("5500900000002"), &both), [1, 1]);
    assert_eq!(in_both_orders(&old("lid-200000000000002"), &both), [1, 1]);
    assert_eq!(in_both_orders(&old("5500900000003"), &both), [2, 2]);
    assert_eq!(in_both_orders(&old("lid-3"), &both), [2, 2]);
    let group = in_chat("120363000000000001@g.us", None, None);
    assert_eq!(in_both_orders(&old("group-120363000000000001"), &group), [1, 1]);
    assert_eq!(
        old("group-120363000000000001").identity().to_key_part(),
        group.identity().to_key_part()
    );
}

/// To the media key's timestamp, then to the acceptance of the webhook.
#[test]
fn an_invalid_moment_falls_back() {
    let dated = |moment, key_moment| {
        let mut message = image_message();
        (message.moment, message.envelope.key_moment) = (moment, key_moment);
        let message = message.with_valid_moment(ACCEPTED);
        assert_eq!(message.clone().with_valid_moment(ACCEPTED + 86_400 * 30), message, "it stays");
        (message.moment, message.envelope.moment_source)
    };
    const DAY: i64 = 86_400;
    for right in [SENT, SENT - 400 * DAY, ACCEPTED + DAY, 1_230_768_000] {
        assert_eq!(dated(right, Some(SENT - 1)), (right, MomentSource::Message));
    }
    for wrong in [0, -1, i64::MIN, i64::MAX, 1_230_767_999, ACCEPTED + DAY + 1] {
        assert_eq!(dated(wrong, Some(SENT)), (SENT, MomentSource::Key), "{wrong}");
        assert_eq!(dated(wrong, None), (ACCEPTED, MomentSource::Accepted), "{wrong}");
        assert_eq!(dated(wrong, Some(wrong)), (ACCEPTED, MomentSource::Accepted));
    }
}

/// Earlier versions read microseconds as milliseconds, and gave a media message of 1970 six hours.
#[test]
fn an_earlier_job_gets_a_valid_moment() {
    let job = |moment: i64| {
        let json = format!(
            r#"{{"version":"1","tenant":"acme","instance":"LITE-AAAAAA-BBBBBB",
            "accepted_at":{ACCEPTED},
            "message":{{"message_id":"A","chat":"5500900000002","direction":"in",
            "moment":{moment},"kind":"image"}}}}"#
        );
        QueuedJob::parse(&json).expect("a job").into_job().message
    };
    assert_eq!(job(1_787_438_879_000).moment, SENT);
    let undated = job(0);
    assert_eq!(undated.moment, ACCEPTED);
    let life = media::schedule::park_deadline(ACCEPTED, undated.recoverable_until()) - ACCEPTED;
    assert_eq!(life, 6 * 86_400);
}

#[test]
fn every_form_of_address_is_read() {
    let both = |lid: Option<&str>, phone: Option<&str>| Contact {
        lid: lid.map(str::to_owned),
        phone: phone.map(str::to_owned),
    };
    let (lid, phone) = (Some("200000000000002"), Some("5500900000002"));
    for (address, beside, read) in [
        (phone, Some("200000000000002@lid"), both(lid, phone)),
        (Some("5500900000002:7@s.whatsapp.net"), lid, both(lid, phone)),
        (Some("+5500900000002"), None, both(None, phone)),
        (Some("200000000000002@lid"), None, both(lid, None)),
        (Some("200000000000002:3@LID"), None, both(lid, None)),
        (lid, Some("200000000000002:9@lid"), both(lid, None)),
        (None, Some("200000000000002@lid"), both(lid, None)),
        (Some("Contato Exemplo"), None, both(None, None)),
        (Some("120363000000000001@g.us"), None, both(None, None)),
        (None, None, both(None, None)),
    ] {
        assert_eq!(Contact::from_address(address, beside), read);
    }
    assert_eq!(format!("{:?}", both(lid, phone)).find("9000"), None);
}

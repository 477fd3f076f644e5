//! What makes two announcements one medium or two, and the moment that a message is filed under.

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
    kind::MediaKind,
    message::{Chat, Direction, MediaMessage, Secret},
    sha256::Sha256,
};

const ACCEPTED: i64 = 1_787_440_000;
const SENT: i64 = 1_787_438_879;

/// A picture of a phone's chat.
fn picture() -> MediaMessage {
    MediaMessage {
        message_id: MessageId::parse("3EB0AAAAAAAAAAAAAAAA").expect("an id"),
        chat: Chat::from_jid("5500900000002", None),
        direction: Direction::In,
        moment: SENT,
        kind: MediaKind::Image,
        ptt: false,
        view_once: false,
        mimetype: None,
        media_key: Some(Secret::new("RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=")),
        direct_path: Some(Secret::new("/v/1.enc?oh=1&oe=2")),
        url: None,
        file_sha256: Some(Sha256::of(b"plain")),
        file_enc_sha256: Some(Sha256::of(b"encrypted")),
        is_encrypted: true,
        file_length: None,
        file_name: None,
        caption: None,
        envelope: Envelope::default(),
    }
}

fn in_chat(jid: &str, lid: Option<&str>, phone: Option<&str>) -> MediaMessage {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let chat = Chat::from_jid(jid, phone);
    let chat_hash = chat.hash_of(jid);
    let peer = Contact {
        lid: text(lid),
        phone: text(phone),
    };
    MediaMessage {
        chat,
        envelope: Envelope {
            peer,
            chat_hash,
            ..Envelope::default()
        },
        ..picture()
    }
}

/// A table of records as the database would keep it: the first that does not contradict, or a free
/// place.
#[derive(Default)]
struct Shelf(Vec<(RecordKey, Vec<(&'static str, String)>)>);

impl Shelf {
    fn place(&mut self, message: &MediaMessage) -> usize {
        let identity = message.identity();
        for key in identity.record_keys() {
            let found = self.0.iter().position(|(one, _)| *one == key);
            let Some(n) = found else {
                self.0.push((key, Vec::new()));
                return self.learn(self.0.len() - 1, message);
            };
            let contradicts = identity.chat_facts().iter().any(|fact| {
                let known = self.0[n].1.iter().find(|(name, _)| *name == fact.name);
                known.is_some_and(|(_, text)| {
                    *text != fact.text && Some(text) != fact.other_spelling.as_ref()
                })
            });
            if !contradicts {
                return self.learn(n, message);
            }
        }
        panic!("no place is left");
    }

    fn learn(&mut self, n: usize, message: &MediaMessage) -> usize {
        for fact in message.identity().chat_facts() {
            let facts = &mut self.0[n].1;
            if facts.iter().all(|(name, _)| *name != fact.name) {
                facts.push((fact.name, fact.text.clone()));
            }
        }
        n
    }
}

/// How many media a list of announcements is, in any order that `permute` gives.
fn count(messages: &[MediaMessage]) -> usize {
    let mut shelf = Shelf::default();
    let places: BTreeSet<_> = messages.iter().map(|one| shelf.place(one)).collect();
    places.len()
}

fn in_both_orders(one: &MediaMessage, other: &MediaMessage) -> [usize; 2] {
    let (one, other) = (one.clone(), other.clone());
    [count(&[one.clone(), other.clone()]), count(&[other, one])]
}

#[test]
fn equal_announcements_are_one_medium_with_one_key() {
    assert_eq!(count(&[picture(), picture()]), 1);
    assert_eq!(picture().identity().in_key(), picture().identity().in_key());
}

#[test]
fn other_content_under_one_id_is_another_medium() {
    let changes: [fn(MediaMessage) -> MediaMessage; 5] = [
        |it| MediaMessage {
            file_enc_sha256: Some(Sha256::of(b"other")),
            ..it
        },
        |it| MediaMessage {
            file_enc_sha256: None,
            ..it
        },
        |it| MediaMessage {
            file_enc_sha256: None,
            file_sha256: None,
            ..it
        },
        |it| MediaMessage {
            file_enc_sha256: None,
            file_sha256: None,
            media_key: None,
            ..it
        },
        |it| MediaMessage {
            file_enc_sha256: None,
            file_sha256: None,
            media_key: None,
            direct_path: None,
            ..it
        },
    ];
    let all: Vec<_> = changes
        .iter()
        .map(|change| change(picture()))
        .chain([picture()])
        .collect();
    assert_eq!(count(&all), all.len());
    let keys: BTreeSet<_> = all.iter().map(|one| one.identity().in_key()).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn another_id_is_another_medium_whatever_else_is_alike() {
    let mut edit = picture();
    edit.message_id = MessageId::parse("3EB0BBBB").expect("an id");
    assert_eq!(in_both_orders(&picture(), &edit), [2, 2]);
}

#[test]
fn a_signed_path_that_is_signed_anew_is_the_same_content() {
    let at = |path: Option<&str>, url: Option<&str>| MediaMessage {
        file_enc_sha256: None,
        file_sha256: None,
        media_key: None,
        direct_path: path.map(Secret::new),
        url: url.map(Secret::new),
        ..picture()
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
fn a_key_in_another_form_of_base64_is_the_same_content() {
    let with = |key: &str, path: &str| MediaMessage {
        file_enc_sha256: None,
        file_sha256: None,
        media_key: Some(Secret::new(key)),
        direct_path: Some(Secret::new(path)),
        ..picture()
    };
    let rest = "A".repeat(40);
    let key = with(&format!("+/8{rest}="), "/v/1");
    for other in [
        format!("-_8{rest}"),
        format!("-_8{rest}="),
        format!("+/8{rest}"),
        format!(" +/8{rest}=\r\n"),
    ] {
        assert_eq!(
            in_both_orders(&key, &with(&other, "/v/2")),
            [1, 1],
            "{other:?}"
        );
    }
    let another = with(&format!("+/9{rest}="), "/v/1");
    assert_eq!(in_both_orders(&key, &another), [2, 2]);
    // What is no key tells no media apart, nor that two are one.
    assert_eq!(
        in_both_orders(&with("k", "/v/1"), &with("k", "/v/2")),
        [2, 2]
    );
    assert_eq!(
        in_both_orders(&with("k", "/v/1"), &with("l", "/v/1")),
        [1, 1]
    );
}

#[test]
fn a_lid_and_a_phone_that_may_be_one_persons_are_one_chat() {
    let lid = in_chat("200000000000002@lid", Some("200000000000002"), None);
    let both = in_chat(
        "200000000000002@lid",
        Some("200000000000002"),
        Some("5500900000002"),
    );
    let phone = in_chat("5500900000002@s.whatsapp.net", None, Some("5500900000002"));
    for (one, other) in [(&lid, &both), (&lid, &phone), (&both, &phone)] {
        assert_eq!(in_both_orders(one, other), [1, 1]);
    }
    assert_eq!(count(&[lid.clone(), both.clone(), phone.clone()]), 1);
    assert_eq!(count(&[phone, lid, both]), 1);
}

/// Gateways write such a number with and without the ninth digit.
#[test]
fn both_spellings_of_a_brazilian_number_are_one_chat() {
    let with = in_chat("5500988880000", None, Some("5500988880000"));
    let without = in_chat("550088880000", None, Some("550088880000"));
    assert_eq!(in_both_orders(&with, &without), [1, 1]);
}

#[test]
fn two_chats_that_cannot_be_one_are_two_media() {
    let chats = [
        in_chat("5500900000002", None, Some("5500900000002")),
        in_chat("5500900000003", None, Some("5500900000003")),
        in_chat("120363000000000001@g.us", None, None),
        in_chat("120363000000000002@g.us", None, None),
        in_chat("120363000000000001@newsletter", None, None),
        in_chat("status@broadcast", None, None),
        in_chat("123@broadcast", None, None),
    ];
    assert_eq!(count(&chats), chats.len());
    let keys: BTreeSet<_> = chats.iter().map(|one| one.identity().in_key()).collect();
    assert_eq!(keys.len(), chats.len());
    let lids = ["1@lid", "2@lid"].map(|jid| in_chat(jid, jid.strip_suffix("@lid"), None));
    assert_eq!(in_both_orders(&lids[0], &lids[1]), [2, 2]);
    let group = in_chat("5500900000002@g.us", None, None);
    assert_eq!(in_both_orders(&chats[0], &group), [2, 2]);
    // A number that was given to somebody else: one folder, and two people.
    let two = ["1", "2"].map(|lid| in_chat("5500900000002", Some(lid), Some("5500900000002")));
    assert_eq!(in_both_orders(&two[0], &two[1]), [2, 2]);
    assert_ne!(two[0].identity().in_key(), two[1].identity().in_key());
}

/// Whoever comes later finds the record of the same chat, also where the first of the row is
/// another's.
#[test]
fn each_of_many_chats_is_found_again_by_lid_and_by_number() {
    let phone = |n: u32| format!("55009000000{n:02}");
    let lid = |n: u32| format!("2000000000000{n:02}");
    let both = |n| in_chat(&phone(n), Some(&lid(n)), Some(&phone(n)));
    let by_phone = |n| in_chat(&phone(n), None, Some(&phone(n)));
    let by_lid = |n| in_chat(&format!("{}@lid", lid(n)), Some(&lid(n)), None);
    let firsts: Vec<_> = (0..5).map(both).collect();
    let again = (0..5).rev().flat_map(|n| [by_lid(n), by_phone(n), both(n)]);
    let all: Vec<_> = firsts.into_iter().chain(again).collect();
    assert_eq!(count(&all), 5);
    // As many as a list of recipients has: none is taken for another.
    let many: Vec<_> = (0..60)
        .map(by_phone)
        .chain((0..60).rev().map(by_phone))
        .collect();
    assert_eq!(count(&many), 60);
}

/// Folders have eight digits of an odd address's hash, and such are found by trying.
#[test]
fn odd_addresses_of_one_folder_are_two_chats() {
    let mut one = in_chat("a@odd", None, None);
    let mut other = one.clone();
    one.envelope.chat_hash = Some(Sha256::of(b"a@odd"));
    other.envelope.chat_hash = Some(Sha256::of(b"b@odd"));
    assert_eq!(one.chat, other.chat);
    assert_eq!(in_both_orders(&one, &other), [2, 2]);
    assert_ne!(one.identity().in_key(), other.identity().in_key());
    assert_eq!(picture().chat.hash_of("5500900000002"), None);
    let group = Chat::from_jid("120363000000000001@g.us", None);
    assert_eq!(group.hash_of("120363000000000001@g.us"), None);
    let odd = Chat::from_jid("A.b@g.us", None);
    assert_eq!(odd.hash_of("A.b@g.us"), Some(Sha256::of(b"A.b@g.us")));
}

/// Ids that end as a key does are still ids.
#[test]
fn a_record_key_tells_its_message_and_meets_no_other() {
    let of = |id: &str| MediaMessage {
        message_id: MessageId::parse(id).expect("an id"),
        ..picture()
    };
    for id in [
        "3EB0AAAA",
        "a#b",
        "#",
        "3EB0AAAA.1",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ#",
    ] {
        for key in of(id).identity().record_keys() {
            assert_eq!(key.message_id(), id, "{key:?}");
        }
        let earlier = of(id).identity().earlier_key();
        assert_eq!((earlier.as_str(), earlier.message_id()), (id, id));
    }
    let first = picture().identity().record_keys().next().expect("a key");
    let second = of(first.as_str()).identity();
    assert!(second.record_keys().all(|key| key != first));
}

/// A job of the version before has a folder and nothing else of its chat.
#[test]
fn a_job_of_before_has_the_identity_of_its_announcement() {
    let json = |chat: &str| {
        format!(
            r#"{{"version":"1","tenant":"acme","instance":"LITE-AAAAAA-BBBBBB","accepted_at":{ACCEPTED},
            "message":{{"message_id":"3EB0AAAAAAAAAAAAAAAA","chat":"{chat}","direction":"in","moment":{SENT},
            "kind":"image","file_enc_sha256":"{}"}}}}"#,
            Sha256::of(b"encrypted")
        )
    };
    let old = |chat: &str| {
        QueuedJob::parse(&json(chat))
            .expect("a job")
            .into_job()
            .message
    };
    let both = in_chat(
        "200000000000002@lid",
        Some("200000000000002"),
        Some("5500900000002"),
    );
    assert_eq!(in_both_orders(&old("5500900000002"), &both), [1, 1]);
    assert_eq!(in_both_orders(&old("lid-200000000000002"), &both), [1, 1]);
    assert_eq!(in_both_orders(&old("5500900000003"), &both), [2, 2]);
    assert_eq!(in_both_orders(&old("lid-3"), &both), [2, 2]);
    let group = in_chat("120363000000000001@g.us", None, None);
    assert_eq!(
        in_both_orders(&old("group-120363000000000001"), &group),
        [1, 1]
    );
    assert_eq!(
        old("group-120363000000000001").identity().in_key(),
        group.identity().in_key()
    );
}

#[test]
fn a_moment_that_cannot_be_gives_way_to_the_keys_and_that_to_the_acceptance() {
    let dated = |moment, key_moment| {
        let mut message = picture();
        (message.moment, message.envelope.key_moment) = (moment, key_moment);
        let message = message.dated(ACCEPTED);
        assert_eq!(
            message.clone().dated(ACCEPTED + 86_400 * 30),
            message,
            "it stays"
        );
        (message.moment, message.envelope.moment_source)
    };
    const DAY: i64 = 86_400;
    for right in [SENT, SENT - 400 * DAY, ACCEPTED + DAY, 1_230_768_000] {
        assert_eq!(dated(right, Some(SENT - 1)), (right, MomentSource::Message));
    }
    for wrong in [0, -1, i64::MIN, i64::MAX, 1_230_767_999, ACCEPTED + DAY + 1] {
        assert_eq!(
            dated(wrong, Some(SENT)),
            (SENT, MomentSource::Key),
            "{wrong}"
        );
        assert_eq!(
            dated(wrong, None),
            (ACCEPTED, MomentSource::Accepted),
            "{wrong}"
        );
        assert_eq!(
            dated(wrong, Some(wrong)),
            (ACCEPTED, MomentSource::Accepted)
        );
    }
}

/// Versions before took microseconds for milliseconds, and gave a medium of 1970 six hours.
#[test]
fn a_job_of_before_with_an_impossible_moment_gets_one_and_its_full_life() {
    let job = |moment: i64| {
        let json = format!(
            r#"{{"version":"1","tenant":"acme","instance":"LITE-AAAAAA-BBBBBB","accepted_at":{ACCEPTED},
            "message":{{"message_id":"A","chat":"5500900000002","direction":"in","moment":{moment},"kind":"image"}}}}"#
        );
        QueuedJob::parse(&json).expect("a job").into_job().message
    };
    assert_eq!(job(1_787_438_879_000).moment, SENT);
    let undated = job(0);
    assert_eq!(undated.moment, ACCEPTED);
    let life = media::schedule::gives_up_at(ACCEPTED, undated.recoverable_until()) - ACCEPTED;
    assert_eq!(life, 6 * 86_400);
}

#[test]
fn a_contact_is_read_from_every_form_of_its_addresses() {
    let both = |lid: Option<&str>, phone: Option<&str>| Contact {
        lid: lid.map(str::to_owned),
        phone: phone.map(str::to_owned),
    };
    let (lid, phone) = (Some("200000000000002"), Some("5500900000002"));
    for (address, beside, read) in [
        (phone, Some("200000000000002@lid"), both(lid, phone)),
        (
            Some("5500900000002:7@s.whatsapp.net"),
            lid,
            both(lid, phone),
        ),
        (Some("+5500900000002"), None, both(None, phone)),
        (Some("200000000000002@lid"), None, both(lid, None)),
        (Some("200000000000002:3@LID"), None, both(lid, None)),
        (lid, Some("200000000000002:9@lid"), both(lid, None)),
        (None, Some("200000000000002@lid"), both(lid, None)),
        (Some("Contato Exemplo"), None, both(None, None)),
        (Some("120363000000000001@g.us"), None, both(None, None)),
        (None, None, both(None, None)),
    ] {
        assert_eq!(Contact::read(address, beside), read);
    }
    assert_eq!(format!("{:?}", both(lid, phone)).find("9000"), None);
}

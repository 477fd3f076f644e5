//! What of an instance's media is wanted: each rule alone, and together.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    ids::MessageId,
    kind::{MediaKind, UnknownKind},
    message::{Chat, ChatKind, Direction, MediaMessage, UnknownChatKind},
    policy::{Policy, SkipRule},
};

/// An address of each sort of chat.
const CHATS: [(&str, ChatKind); 6] = [
    ("5500900000002@c.us", ChatKind::Person),
    ("100000000000001@lid", ChatKind::Lid),
    ("120363000000000002@g.us", ChatKind::Group),
    ("120363000000000001@newsletter", ChatKind::Channel),
    ("status@broadcast", ChatKind::Status),
    ("someone@elsewhere", ChatKind::Other),
];

fn message(kind: MediaKind, chat: &str) -> MediaMessage {
    MediaMessage {
        message_id: MessageId::parse("3EB0AAAAAAAAAAAAAAAA").expect("an id"),
        chat: Chat::from_jid(chat, None),
        direction: Direction::In,
        moment: 1_787_431_679,
        kind,
        ptt: false,
        view_once: false,
        mimetype: None,
        media_key: None,
        direct_path: None,
        url: None,
        file_sha256: None,
        file_enc_sha256: None,
        // The sender's word is no limit.
        file_length: Some(u64::MAX),
        file_name: None,
        caption: None,
    }
}

/// Every kind in every sort of chat.
fn everything() -> impl Iterator<Item = (MediaKind, ChatKind, MediaMessage)> {
    MediaKind::ALL.into_iter().flat_map(|kind| {
        CHATS
            .iter()
            .map(move |(jid, chat)| (kind, *chat, message(kind, jid)))
    })
}

#[test]
fn without_rules_everything_is_wanted() {
    let policy = Policy::default();
    for (kind, chat, message) in everything() {
        assert_eq!(policy.skips(&message), None, "{kind} {chat:?}");
    }
}

#[test]
fn a_cap_skips_nothing_because_nobody_knows_a_size_before_it_comes() {
    let policy = Policy {
        max_bytes: Some(0),
        ..Policy::default()
    };
    for (kind, chat, message) in everything() {
        assert_eq!(policy.skips(&message), None, "{kind} {chat:?}");
    }
}

#[test]
fn kinds_that_are_not_named_are_skipped_in_every_chat() {
    let policy = Policy {
        kinds: vec![MediaKind::Image, MediaKind::Document],
        ..Policy::default()
    };
    for (kind, chat, message) in everything() {
        let wanted = matches!(kind, MediaKind::Image | MediaKind::Document);
        let skipped = (!wanted).then_some(SkipRule::Kind);
        assert_eq!(policy.skips(&message), skipped, "{kind} {chat:?}");
    }
}

#[test]
fn sorts_of_chat_that_are_not_named_are_skipped_whatever_the_kind() {
    for wanted in ChatKind::ALL {
        let policy = Policy {
            chats: vec![wanted],
            ..Policy::default()
        };
        for (kind, chat, message) in everything() {
            let skipped = (chat != wanted).then_some(SkipRule::Chat);
            assert_eq!(policy.skips(&message), skipped, "{kind} {chat:?}");
        }
    }
}

#[test]
fn with_both_rules_a_medium_must_pass_both_and_the_kind_is_named_first() {
    let policy = Policy {
        kinds: vec![MediaKind::Audio],
        chats: vec![ChatKind::Person, ChatKind::Lid],
        max_bytes: Some(1),
    };
    for (kind, chat, message) in everything() {
        let is_of_chat = matches!(chat, ChatKind::Person | ChatKind::Lid);
        let skipped = match (kind == MediaKind::Audio, is_of_chat) {
            (true, true) => None,
            (true, false) => Some(SkipRule::Chat),
            (false, _) => Some(SkipRule::Kind),
        };
        assert_eq!(policy.skips(&message), skipped, "{kind} {chat:?}");
    }
}

#[test]
fn a_lid_whose_number_is_known_is_a_person() {
    let policy = Policy {
        chats: vec![ChatKind::Person],
        ..Policy::default()
    };
    let mut message = message(MediaKind::Image, "100000000000001@lid");
    assert_eq!(policy.skips(&message), Some(SkipRule::Chat));
    message.chat = Chat::from_jid("100000000000001@lid", Some("5500900000002"));
    assert_eq!(policy.skips(&message), None);
}

#[test]
fn kinds_and_sorts_of_chat_are_read_by_the_words_they_are_written_with() {
    for kind in MediaKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    for (jid, kind) in CHATS {
        assert_eq!(Chat::from_jid(jid, None).kind(), kind, "{jid}");
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert_eq!(CHATS.map(|(_, kind)| kind), ChatKind::ALL);
    for wrong in ["", "Image", "person "] {
        assert_eq!(wrong.parse::<MediaKind>(), Err(UnknownKind));
        assert_eq!(wrong.parse::<ChatKind>(), Err(UnknownChatKind));
    }
}

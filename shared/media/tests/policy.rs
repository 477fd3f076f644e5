//! What of an instance's media is wanted: each rule alone, and together.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    envelope::Envelope,
    ids::MessageId,
    kind::{MediaKind, UnknownKind},
    message::{Chat, ChatKind, Direction, MediaMessage, UnknownChatKind},
    policy::{Policy, Retention, SkipRule, ViewOnce},
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
        is_encrypted: false,
        direct_path: None,
        url: None,
        file_sha256: None,
        file_enc_sha256: None,
        // The sender's word is no limit.
        file_length: Some(u64::MAX),
        file_name: None,
        caption: None,
        envelope: Envelope::default(),
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
        ..Policy::default()
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
fn a_new_tenant_gets_what_people_send_each_other_and_no_stories_or_channels() {
    let policy = Policy::of_new_tenant();
    for (kind, chat, message) in everything() {
        let is_public = matches!(chat, ChatKind::Status | ChatKind::Channel);
        let skipped = is_public.then_some(SkipRule::Chat);
        assert_eq!(policy.skips(&message), skipped, "{kind} {chat:?}");
    }
}

#[test]
fn one_direction_or_both_are_wanted() {
    for direction in Direction::ALL {
        let message = MediaMessage {
            direction,
            ..message(MediaKind::Image, CHATS[0].0)
        };
        assert_eq!(Policy::default().skips(&message), None);
        for only in Direction::ALL {
            let policy = Policy {
                direction: Some(only),
                ..Policy::default()
            };
            let skipped = (only != direction).then_some(SkipRule::Direction);
            assert_eq!(policy.skips(&message), skipped, "{only:?} {direction:?}");
        }
    }
}

#[test]
fn what_is_meant_to_be_seen_once_is_left_out_only_where_the_tenant_says_so() {
    let policy = Policy {
        view_once: ViewOnce::Skip,
        ..Policy::default()
    };
    let plain = message(MediaKind::Image, CHATS[0].0);
    let seen_once = MediaMessage {
        view_once: true,
        ..plain.clone()
    };
    assert_eq!(policy.skips(&plain), None);
    assert_eq!(policy.skips(&seen_once), Some(SkipRule::ViewOnce));
    assert_eq!(Policy::default().skips(&seen_once), None);
}

/// Ids and names are the sender's choice; the server of a chat's address is not.
#[test]
fn a_probe_is_known_by_an_address_that_no_sender_can_have() {
    let probe = message(MediaKind::Image, Chat::PROBE_JID);
    assert_eq!(Policy::default().skips(&probe), Some(SkipRule::Probe));
    for jid in ["probe@c.us", "probe@g.us", "probe", "probe@wapi-media2"] {
        let message = message(MediaKind::Image, jid);
        assert_eq!(Policy::default().skips(&message), None, "{jid}");
    }
}

#[test]
fn a_policy_is_written_without_what_it_does_not_say_and_read_back_whole() {
    let empty = serde_json::to_value(Policy::default()).expect("JSON");
    assert_eq!(empty, serde_json::json!({}));
    for retention in Retention::ALL {
        let policy = Policy {
            direction: Some(Direction::In),
            view_once: ViewOnce::Skip,
            retention: Some(retention),
            ..Policy::of_new_tenant()
        };
        let written = serde_json::to_value(&policy).expect("JSON");
        assert_eq!(written["retention"], retention.as_str());
        let read: Policy = serde_json::from_value(written).expect("a policy");
        assert_eq!(read, policy);
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

//! The policy: each rule alone, and rules together.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    envelope::MomentSource,
    job::Job,
    kind::{MediaKind, UnknownKind},
    message::{Chat, ChatKind, Direction, MediaMessage, UnknownChatKind},
    policy::{Policy, Retention, SkipRule, ViewOnce},
    strategy::{Strategy, StrategyOrder},
};
use samples::{MOMENT, image_message, queued_job};

/// An address of each kind of chat.
const CHATS: [(&str, ChatKind); 6] = [
    ("5500900000002@c.us", ChatKind::Person),
    ("100000000000001@lid", ChatKind::Lid),
    ("120363000000000002@g.us", ChatKind::Group),
    ("120363000000000001@newsletter", ChatKind::Channel),
    ("status@broadcast", ChatKind::Status),
    ("someone@elsewhere", ChatKind::Other),
];

fn message_in(kind: MediaKind, chat: &str) -> MediaMessage {
    MediaMessage {
        chat: Chat::from_jid(chat, None),
        kind,
        // The announced size is not used as a limit.
        file_length: Some(u64::MAX),
        ..image_message()
    }
}

fn image_job() -> Job {
    queued_job(image_message(), MOMENT).into_job()
}

/// Every kind in every kind of chat.
fn all_messages() -> impl Iterator<Item = (MediaKind, ChatKind, MediaMessage)> {
    MediaKind::ALL
        .into_iter()
        .flat_map(|kind| CHATS.iter().map(move |(jid, chat)| (kind, *chat, message_in(kind, jid))))
}

/// The time of a media key may be that of the message from which it was forwarded.
#[test]
fn only_a_message_that_is_old_itself_is_expired() {
    const DAY: i64 = 86_400;
    let policy = Policy { retention: Some(Retention::Days30), ..Policy::default() };
    let mut job = image_job();
    let sent_at = job.message.moment;
    job.accepted_at = sent_at + 40 * DAY;
    assert!(!policy.is_expired(&job, sent_at + 30 * DAY - 1));
    assert!(policy.is_expired(&job, sent_at + 30 * DAY));
    assert!(!Policy::default().is_expired(&job, i64::MAX));
    for source in [MomentSource::Key, MomentSource::Accepted] {
        job.message.envelope.moment_source = source;
        assert!(!policy.is_expired(&job, job.accepted_at + 30 * DAY - 1), "{source:?}");
        assert!(policy.is_expired(&job, job.accepted_at + 30 * DAY), "{source:?}");
    }
}

/// Otherwise a webhook could outlive its record, and store the file again.
#[test]
fn no_record_ends_before_its_message_is_expired() {
    for class in Retention::ALL {
        let policy = Policy { retention: Some(class), ..Policy::default() };
        for ahead in [-1_000_000_000, -1, 0, 1, 86_400] {
            let mut job = image_job();
            let now = job.message.moment;
            job.message.moment = now + ahead;
            job.accepted_at = now;
            let ends = [
                policy.stored_end(&job.message, now).expect("an end"),
                class.unstored_end(&job, now),
            ];
            for end in ends {
                assert!(policy.is_expired(&job, end) && end >= now, "{class:?} {ahead}");
            }
        }
    }
}

#[test]
fn without_rules_everything_is_stored() {
    let policy = Policy::default();
    for (kind, chat, message) in all_messages() {
        assert_eq!(policy.skip_rule(&message), None, "{kind} {chat:?}");
    }
}

/// A cap applies during the download, because the announced size is only a hint.
#[test]
fn a_cap_skips_nothing() {
    let policy = Policy { max_bytes: Some(0), ..Policy::default() };
    for (kind, chat, message) in all_messages() {
        assert_eq!(policy.skip_rule(&message), None, "{kind} {chat:?}");
    }
}

#[test]
fn other_kinds_are_skipped_in_every_chat() {
    let policy = Policy { kinds: vec![MediaKind::Image, MediaKind::Document], ..Policy::default() };
    for (kind, chat, message) in all_messages() {
        let wanted = matches!(kind, MediaKind::Image | MediaKind::Document);
        let skipped = (!wanted).then_some(SkipRule::Kind);
        assert_eq!(policy.skip_rule(&message), skipped, "{kind} {chat:?}");
    }
}

#[test]
fn other_chats_are_skipped_for_every_kind() {
    for wanted in ChatKind::ALL {
        let policy = Policy { chats: vec![wanted], ..Policy::default() };
        for (kind, chat, message) in all_messages() {
            let skipped = (chat != wanted).then_some(SkipRule::Chat);
            assert_eq!(policy.skip_rule(&message), skipped, "{kind} {chat:?}");
        }
    }
}

#[test]
fn both_rules_apply_and_kind_comes_first() {
    let policy = Policy {
        kinds: vec![MediaKind::Audio],
        chats: vec![ChatKind::Person, ChatKind::Lid],
        max_bytes: Some(1),
        ..Policy::default()
    };
    for (kind, chat, message) in all_messages() {
        let is_of_chat = matches!(chat, ChatKind::Person | ChatKind::Lid);
        let skipped = match (kind == MediaKind::Audio, is_of_chat) {
            (true, true) => None,
            (true, false) => Some(SkipRule::Chat),
            (false, _) => Some(SkipRule::Kind),
        };
        assert_eq!(policy.skip_rule(&message), skipped, "{kind} {chat:?}");
    }
}

#[test]
fn a_new_tenant_skips_stories_and_channels() {
    let policy = Policy::for_new_tenant();
    for (kind, chat, message) in all_messages() {
        let is_public = matches!(chat, ChatKind::Status | ChatKind::Channel);
        let skipped = is_public.then_some(SkipRule::Chat);
        assert_eq!(policy.skip_rule(&message), skipped, "{kind} {chat:?}");
    }
}

/// Its sender meant it to be seen once. A tenant of an earlier version has no such rule, and keeps
/// what it has.
#[test]
fn a_new_tenant_skips_view_once() {
    let seen_once = MediaMessage { view_once: true, ..message_in(MediaKind::Image, CHATS[0].0) };
    let new = Policy::for_new_tenant();
    assert_eq!(new.skip_rule(&seen_once), Some(SkipRule::ViewOnce));
    let written = serde_json::to_value(&new).expect("JSON");
    assert_eq!(written["view_once"], "skip");
    let earlier = r#"{ "chats": ["person", "lid", "group", "other"] }"#;
    let earlier: Policy = serde_json::from_str(earlier).expect("a policy");
    assert_eq!(earlier.skip_rule(&seen_once), None);
}

#[test]
fn one_or_both_directions_are_stored() {
    for direction in Direction::ALL {
        let message = MediaMessage { direction, ..message_in(MediaKind::Image, CHATS[0].0) };
        assert_eq!(Policy::default().skip_rule(&message), None);
        for only in Direction::ALL {
            let policy = Policy { direction: Some(only), ..Policy::default() };
            let skipped = (only != direction).then_some(SkipRule::Direction);
            assert_eq!(policy.skip_rule(&message), skipped, "{only:?} {direction:?}");
        }
    }
}

#[test]
fn view_once_is_skipped_on_request() {
    let policy = Policy { view_once: ViewOnce::Skip, ..Policy::default() };
    let plain = message_in(MediaKind::Image, CHATS[0].0);
    let seen_once = MediaMessage { view_once: true, ..plain.clone() };
    assert_eq!(policy.skip_rule(&plain), None);
    assert_eq!(policy.skip_rule(&seen_once), Some(SkipRule::ViewOnce));
    assert_eq!(Policy::default().skip_rule(&seen_once), None);
}

/// Senders choose ids and names, but not the server of a chat's address.
#[test]
fn a_probe_has_an_impossible_address() {
    let probe = message_in(MediaKind::Image, Chat::PROBE_JID);
    assert_eq!(Policy::default().skip_rule(&probe), Some(SkipRule::Probe));
    for jid in ["probe@c.us", "probe@g.us", "probe", "probe@wapi-media2"] {
        let message = message_in(MediaKind::Image, jid);
        assert_eq!(Policy::default().skip_rule(&message), None, "{jid}");
    }
}

/// The written policy is read back unchanged.
#[test]
fn a_policy_is_written_without_defaults() {
    let empty = serde_json::to_value(Policy::default()).expect("JSON");
    assert_eq!(empty, serde_json::json!({}));
    for retention in Retention::ALL {
        let policy = Policy {
            direction: Some(Direction::In),
            view_once: ViewOnce::Skip,
            retention: Some(retention),
            strategies: StrategyOrder::new([Strategy::Cdn]),
            ..Policy::for_new_tenant()
        };
        let written = serde_json::to_value(&policy).expect("JSON");
        assert_eq!(written["retention"], retention.as_str());
        assert_eq!(written["strategies"], serde_json::json!(["cdn"]));
        let read: Policy = serde_json::from_value(written).expect("a policy");
        assert_eq!(read, policy);
    }
}

#[test]
fn a_lid_with_number_is_a_person() {
    let policy = Policy { chats: vec![ChatKind::Person], ..Policy::default() };
    let mut message = message_in(MediaKind::Image, "100000000000001@lid");
    assert_eq!(policy.skip_rule(&message), Some(SkipRule::Chat));
    message.chat = Chat::from_jid("100000000000001@lid", Some("5500900000002"));
    assert_eq!(policy.skip_rule(&message), None);
}

#[test]
fn kinds_are_parsed_from_their_words() {
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

//! Object keys, by example and by property: whatever a sender writes, the file stays in its folder.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    ids::{InstanceId, MessageId, TenantId},
    job::{Job, QueuedJob},
    kind::MediaKind,
    message::{Chat, Direction, MediaMessage},
    object::{Claims, MAX_METADATA_BYTES, ObjectDescription},
    object_key::{KeyFolders, ObjectKey, parse_offset},
    record::Integrity,
    sha256::Sha256,
    strategy::Strategy as Way,
};
use proptest::{option, prelude::*};
use samples::{image_message, verify_instance};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00";

fn sample_job(tenant: &str, instance: &str, message: MediaMessage) -> Job {
    verify_instance(tenant, instance).create_job(message, 0).into_job()
}

fn describe_object(job: &Job, head: &[u8], claims: Claims) -> ObjectDescription {
    let offset = parse_offset("-03:00").expect("an offset");
    ObjectDescription::new(job, Way::Cdn, head, claims, offset)
}

fn key_of(message: MediaMessage, head: &[u8]) -> String {
    let job = sample_job("acme", "LITE-AAAAAA-BBBBBB", message);
    describe_object(&job, head, Claims::default()).key.as_str().to_owned()
}

#[test]
fn a_key_is_as_documented() {
    let key = key_of(image_message(), JPEG);
    let before = "acme/LITE-AAAAAA-BBBBBB/5500900000002/2026-08/\
                  20260822-174759_in_image_3EB0AAAAAAAAAAAAAAAA-";
    let digest = key.strip_prefix(before).and_then(|it| it.strip_suffix(".jpg"));
    let digest = digest.unwrap_or_else(|| panic!("{key}"));
    assert_eq!(digest.len(), 26, "{key}");
    assert!(digest.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')), "{key}");
    assert_eq!(ObjectKey::find_message_id(&key), Some("3EB0AAAAAAAAAAAAAAAA"));
}

#[test]
fn a_document_keeps_a_readable_name() {
    let named = |name: &str| MediaMessage {
        kind: MediaKind::Document,
        mimetype: Some("application/pdf".to_owned()),
        file_name: Some(name.to_owned()),
        direction: Direction::Out,
        ..image_message()
    };
    let slug = |name: &str| {
        let key = key_of(named(name), b"%PDF-1.7");
        let (_, after_id) = key.split_once("AAAAAAAAAAAAAAAA-").expect("the id");
        after_id.get(26..).expect("what follows the digest").to_owned()
    };
    assert_eq!(slug("Relatório de Março (2).pdf"), "_relatorio-de-marco-2.pdf");
    assert_eq!(slug("../../etc/passwd"), "_etc-passwd.pdf");
    assert_eq!(slug("\u{202e}fdp.exe"), "_fdp.pdf");
    assert_eq!(slug("   "), ".pdf");
    assert_eq!(slug(&"nome ".repeat(100)).len(), 1 + ObjectKey::MAX_SLUG_BYTES + ".pdf".len() - 1);
}

#[test]
fn every_kind_of_chat_has_a_folder() {
    let folder = |jid: &str, phone: Option<&str>| Chat::from_jid(jid, phone).as_str().to_owned();
    assert_eq!(folder("5500900000002", None), "5500900000002");
    assert_eq!(folder("5500900000002@s.whatsapp.net", None), "5500900000002");
    assert_eq!(folder("5500900000002:12@c.us", None), "5500900000002");
    assert_eq!(
        folder("120363000000000001@g.us", Some("5500900000003")),
        "group-120363000000000001"
    );
    assert_eq!(folder("5500900000001-1600000000@g.us", None), "group-5500900000001-1600000000");
    assert_eq!(folder("120363000000000002@newsletter", None), "channel-120363000000000002");
    assert_eq!(folder("200000000000002@lid", None), "lid-200000000000002");
    assert_eq!(folder("200000000000002:3@lid", Some("5500900000002")), "5500900000002");
    assert_eq!(folder("status", None), "status");
    assert_eq!(folder("status@broadcast", None), "status");
    assert_eq!(folder("", None), "other");
    assert!(folder("123@broadcast", None).starts_with("other-123broadcast-"));
    assert_ne!(folder("a.b@g.us", None), folder("ab@g.us", None));
}

#[test]
fn a_phone_has_both_spellings() {
    let folders = |phone: &str| {
        let chats = Chat::spellings_of_phone(phone);
        chats.iter().map(|chat| chat.as_str().to_owned()).collect::<Vec<_>>()
    };
    let mobile = ["5500988880000", "550088880000"];
    assert_eq!(folders("5500988880000"), mobile);
    assert_eq!(folders("+550088880000"), [mobile[1], mobile[0]]);
    // A landline, a number that is not a mobile's, and numbers of other countries have one
    // spelling.
    for one in ["550033330000", "5500900000002", "351900000000", "14150000000"] {
        assert_eq!(folders(one), [one]);
    }
    for none in ["", "Contato Exemplo", "group-1", "123", "+", "55 00 9 8888-0000"] {
        assert!(folders(none).is_empty(), "{none}");
    }
}

#[test]
fn media_ids_belong_to_their_message() {
    let id = |text: &str| MessageId::parse(text).expect("an id");
    let message = id("3EB0AAAA");
    for (other, is_of) in [
        ("3EB0AAAA", true),
        ("3EB0AAAA.1", true),
        ("3EB0AAAA.12", true),
        ("3EB0AAAA.", false),
        ("3EB0AAAA.x", false),
        ("3EB0AAAAB", false),
        ("3EB0AAAA1", false),
        ("3EB0", false),
    ] {
        assert_eq!(id(other).belongs_to(&message), is_of, "{other}");
    }
    assert!((0..3).all(|n| message.earlier_nth(n).belongs_to(&message)));
}

/// Earlier files have no digest. An id that had to be changed ends in eight digits of its hash.
#[test]
fn every_version_of_key_names_its_message() {
    let digest = "abcdefghijklmnopqrstuvwxy2";
    for (name, id) in [
        ("20260822-174759_in_image_3EB0AAAA.jpg".to_owned(), "3EB0AAAA"),
        ("20260822-174759_in_document_3EB0-0a1b2c3d_nota.pdf".to_owned(), "3EB0-0a1b2c3d"),
        (format!("20260822-174759_in_image_3EB0AAAA-{digest}.jpg"), "3EB0AAAA"),
        (format!("20260822-174759_in_document_3EB0-0a1b2c3d-{digest}_nota-2.pdf"), "3EB0-0a1b2c3d"),
    ] {
        assert_eq!(ObjectKey::find_message_id(&format!("a/B-C/1/2026-08/{name}")), Some(id));
    }
    assert_eq!(ObjectKey::find_message_id("acme/readme"), None);
}

#[test]
fn changed_message_ids_never_collide() {
    let in_key = |id: &str| MessageId::parse(id).expect("an id").to_key_part();
    assert_eq!(in_key("3EB0AAAA"), "3EB0AAAA");
    assert!(in_key("3EB0/AAAA").starts_with("3EB0AAAA-"));
    assert_ne!(in_key("3EB0/AAAA"), in_key("3EB0_AAAA"));
    assert_eq!(in_key(&"A".repeat(64)).len(), 64);
    assert_eq!(in_key(&"A".repeat(65)).len(), 64);
    assert_ne!(in_key(&"A".repeat(65)), in_key(&"A".repeat(66)));
    assert_ne!(in_key("!"), in_key("?"));
}

#[test]
fn tenants_and_instances_are_never_changed() {
    for good in ["acme", "a", "0-1_2", &"a".repeat(48)] {
        assert_eq!(TenantId::parse(good).expect(good).as_str(), good);
    }
    for bad in ["", "Acme", "-a", "_a", "a/b", "a b", "á", "a\0", &"a".repeat(49), ".."] {
        assert!(TenantId::parse(bad).is_err(), "{bad:?}");
    }
    for good in ["LITE-AAAAAA-BBBBBB", "AbCd12-AAAAAA-BBBBBB"] {
        assert_eq!(InstanceId::parse(good).expect(good).as_str(), good);
    }
    for bad in ["", "-", "A--B", "A/B", "A B", "A-", "..", "A\0", &"A".repeat(65)] {
        assert!(InstanceId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn active_content_is_downloaded_under_its_name() {
    let named = |name: &str, mimetype: &str, head: &[u8]| {
        let message = MediaMessage {
            kind: MediaKind::Document,
            file_name: Some(name.to_owned()),
            mimetype: Some(mimetype.to_owned()),
            ..image_message()
        };
        describe_object(&sample_job("acme", "A-B", message), head, Claims::default())
            .content_disposition
    };
    assert_eq!(
        named("orçamento\" 1.pdf", "application/pdf", b"%PDF-1.7"),
        "inline; filename=\"or_amento_ 1.pdf\"; filename*=UTF-8''or%C3%A7amento%22%201.pdf"
    );
    for (mimetype, head) in [
        ("text/html", b"<html>".as_slice()),
        ("image/svg+xml", b"<svg>"),
        ("text/javascript", b"alert(1)"),
        ("x/unheard-of", b"\x01"),
    ] {
        assert!(named("a", mimetype, head).starts_with("attachment; "), "{mimetype}");
    }
    assert!(!named("a\r\nSet-Cookie: b", "text/html", b"").contains('\n'));
}

#[test]
fn metadata_has_claims_and_tags_nothing_personal() {
    let message = MediaMessage {
        caption: Some("segue o orçamento".to_owned()),
        ptt: true,
        ..image_message()
    };
    let claims =
        Claims { sha256: Some(Sha256::from_data(b"x")), integrity: Some(Integrity::MacAndSha256) };
    let object = describe_object(&sample_job("acme", "LITE-AAAAAA-BBBBBB", message), JPEG, claims);
    let value = |name: &str| {
        object.metadata.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_str())
    };
    assert_eq!(value("integrity"), Some("mac+sha256"));
    assert_eq!(value("sha256"), Some(Sha256::from_data(b"x").to_hex().as_str()));
    assert_eq!(value("caption"), Some("segue%20o%20or%C3%A7amento"));
    assert_eq!((value("ptt"), value("view-once")), (Some("true"), None));
    let tags: Vec<_> = object.tags.iter().map(|(name, _)| *name).collect();
    assert_eq!(tags, ["tenant", "instance", "kind", "direction", "chat-kind"]);
    assert!(object.tags.iter().all(|(_, value)| !value.contains("5500900000002")));
}

#[test]
fn extreme_moments_still_give_a_key() {
    for (moment, month) in [(i64::MIN, "1970-01"), (0, "1970-01")] {
        let key = key_of(MediaMessage { moment, ..image_message() }, JPEG);
        assert!(key.contains(&format!("/{month}/")), "{key}");
    }
}

#[test]
fn an_offset_is_read_or_refused() {
    for good in ["-03:00", "+00:00", "+05:30", "+14:00"] {
        assert!(parse_offset(good).is_some(), "{good}");
    }
    for bad in ["", "03:00", "-3:00", "-03", "-03:60", "+15:00", "America/Belem"] {
        assert!(parse_offset(bad).is_none(), "{bad}");
    }
}

/// It is also parsed back unchanged.
#[test]
fn a_queued_job_prints_nothing_personal() {
    let message = MediaMessage {
        media_key: Some(media::message::Secret::new("RkFLRS1NRURJQS1LRVk=")),
        is_encrypted: true,
        direct_path: Some(media::message::Secret::new("/v/t62.0000-24/FAKE?oe=6AFAE000")),
        caption: Some("legenda".to_owned()),
        ..image_message()
    };
    let job = sample_job("acme", "LITE-AAAAAA-BBBBBB", message);
    let queued = QueuedJob::V1(job.clone());
    let json = queued.to_json().expect("a job is JSON");
    assert!(json.starts_with(r#"{"version":"1","#) && json.len() < 2048, "{json}");
    assert_eq!(QueuedJob::parse(&json), Ok(queued));
    assert!(QueuedJob::parse(&json.replace(r#""version":"1""#, r#""version":"99""#)).is_err());
    let printed = format!("{job:?}");
    for secret in ["RkFLRS", "/v/t62", "legenda", "5500900000002"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// SQS refuses a message with such a character, and the whole webhook could not be queued.
#[test]
fn a_job_has_only_sqs_characters() {
    let message = MediaMessage {
        caption: Some("\u{ffff}legenda\u{fffe}\u{0}\u{b}".to_owned()),
        file_name: Some("\u{1f4f7}\u{ffff}.pdf".to_owned()),
        ..image_message()
    };
    let queued = QueuedJob::V1(sample_job("acme", "LITE-AAAAAA-BBBBBB", message));
    let json = queued.to_json().expect("a job is JSON");
    let is_taken = |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(json.chars().all(is_taken), "{json:?}");
    assert_eq!(QueuedJob::parse(&json), Ok(queued));
}

#[test]
fn the_longest_id_survives_the_queue() {
    let longest = "A".repeat(MessageId::MAX_BYTES);
    let second = MessageId::parse(longest).expect("an id").earlier_nth(1);
    assert_eq!(MessageId::parse(second.as_str()), Ok(second));
}

prop_compose! {
    fn any_message()(
        id in "\\PC{1,300}|[A-Za-z0-9]{1,70}|(\\.\\./){1,20}|\u{0}{1,9}",
        jid in "\\PC{0,300}|\
                [0-9]{1,20}(:[0-9]{1,2})?@(lid|g\\.us|s\\.whatsapp\\.net|newsletter|\\PC{0,9})",
        phone in option::of("\\PC{0,40}|[0-9]{8,14}"),
        name in option::of("\\PC{0,500}|(\\.\\./){1,20}\\PC{0,9}|\u{202e}\\PC{0,9}|\u{0}"),
        caption in option::of("\\PC{0,2000}"),
        mimetype in option::of("\\PC{0,40}|(image|audio|text)/[a-z]{1,9}"),
        moment in prop_oneof![any::<i64>(), 0_i64..4_000_000_000],
        media_key in option::of("[A-Za-z0-9+/]{43}="),
        kind in prop::sample::select(MediaKind::ALL.to_vec()),
        out in any::<bool>(),
    ) -> MediaMessage {
        MediaMessage {
            message_id: MessageId::parse(id).expect("not empty"),
            chat: Chat::from_jid(&jid, phone.as_deref()),
            direction: if out { Direction::Out } else { Direction::In },
            moment,
            media_key: media_key.map(media::message::Secret::new),
            kind,
            mimetype,
            file_name: name,
            caption,
            ..image_message()
        }
    }
}

#[test]
fn text_that_is_no_key_has_no_parts() {
    assert_eq!(ObjectKey::find_folders("acme/LITE-AAAAAA-BBBBBB/5500900000002"), None);
    assert_eq!(ObjectKey::find_kind("acme/readme"), None);
    assert_eq!(ObjectKey::find_file_name("readme"), "readme");
    let tenant = TenantId::parse("acme").expect("a tenant");
    for folder in ["acme/", "acme/A-B", "acme/A-B/C/", "acmes/A-B/", "A-B/", "acme//"] {
        assert_eq!(ObjectKey::find_instance(folder, &tenant), None, "{folder}");
    }
}

proptest! {
    #[test]
    fn every_key_stays_in_its_folder(
        tenant in "[a-z0-9][a-z0-9_-]{0,47}",
        instance in "[A-Za-z0-9]{1,20}(-[A-Za-z0-9]{1,20}){0,2}",
        message in any_message(),
        head in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let job = sample_job(&tenant, &instance, message);
        let object = describe_object(&job, &head, Claims::default());
        let key = object.key.as_str();
        let prefix = format!("{tenant}/{instance}/");
        prop_assert!(key.starts_with(&prefix), "{}", key);
        prop_assert!(key.len() <= ObjectKey::MAX_BYTES, "{} bytes", key.len());
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
        prop_assert!(key.bytes().all(is_allowed), "{}", key);
        prop_assert_eq!(key.split('/').count(), 5);
        let id = job.message.message_id.to_key_part();
        prop_assert_eq!(ObjectKey::find_message_id(key), Some(id.as_str()));
        let is_folder = |part: &str| !part.is_empty() && part != "." && part != "..";
        prop_assert!(key.split('/').all(is_folder), "{}", key);
        prop_assert_eq!(describe_object(&job, &head, Claims::default()), object.clone());
        let bytes_of = |(name, value): &(&str, String)| name.len() + value.len();
        let metadata: usize = object.metadata.iter().map(bytes_of).sum();
        prop_assert!(metadata <= MAX_METADATA_BYTES, "{} bytes of metadata", metadata);
        let values = object.metadata.iter().map(|(_, value)| value);
        let headers = values.chain([&object.content_disposition]);
        for header in headers {
            prop_assert!(header.bytes().all(|b| (b' '..=b'~').contains(&b)), "{}", header);
        }
    }

    #[test]
    fn what_makes_a_key_can_be_read_back(
        tenant in "[a-z0-9][a-z0-9_-]{0,47}",
        instance in "[A-Za-z0-9]{1,20}(-[A-Za-z0-9]{1,20}){0,2}",
        message in any_message(),
        head in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let job = sample_job(&tenant, &instance, message);
        let object = describe_object(&job, &head, Claims::default());
        let (key, message) = (object.key.as_str(), &job.message);
        let folders = KeyFolders {
            tenant: &tenant,
            instance: &instance,
            chat: message.chat.as_str(),
        };
        prop_assert_eq!(ObjectKey::find_folders(key), Some(folders));
        prop_assert_eq!(ObjectKey::find_kind(key), Some(message.kind.as_str()));
        let id = message.message_id.to_key_part();
        prop_assert_eq!(ObjectKey::find_message_id(key), Some(id.as_str()));
        prop_assert_eq!(ObjectKey::find_file_name(key), object.key.file_name());
        let (tenant, instance) = (&job.tenant, &job.instance);
        let prefixes = [
            ObjectKey::tenant_prefix(tenant),
            ObjectKey::instance_prefix(tenant, instance),
            ObjectKey::chat_prefix(tenant, instance, &message.chat),
        ];
        for (n, prefix) in (1..).zip(&prefixes) {
            prop_assert!(key.starts_with(prefix), "{} {}", key, prefix);
            prop_assert_eq!(prefix.split_terminator('/').count(), n);
        }
        let found = ObjectKey::find_instance(&prefixes[1], tenant);
        prop_assert_eq!(found.as_ref(), Some(instance));
    }

    #[test]
    fn different_messages_never_share_a_key(
        one in any_message(),
        other in any_message(),
        instances in prop::sample::select(vec![("A-B", "A-B"), ("A-B", "a-B")]),
    ) {
        let is_other = one.message_id != other.message_id || one.media_key != other.media_key;
        prop_assume!(is_other || instances.0 != instances.1);
        let other = MediaMessage {
            moment: one.moment,
            chat: one.chat.clone(),
            kind: one.kind,
            ..other
        };
        let key = |instance: &str, message: MediaMessage| {
            describe_object(&sample_job("acme", instance, message), JPEG, Claims::default()).key
        };
        prop_assert_ne!(key(instances.0, one), key(instances.1, other));
    }

    #[test]
    fn lexical_order_is_time_order(
        earlier in MediaMessage::FIRST_MOMENT..4_000_000_000,
        seconds in 1_i64..100_000_000,
        one in any_message(),
        other in any_message(),
    ) {
        let other = MediaMessage { moment: earlier + seconds, chat: one.chat.clone(), ..other };
        let one = MediaMessage { moment: earlier, ..one };
        prop_assert!(key_of(one, JPEG) < key_of(other, JPEG));
    }
}

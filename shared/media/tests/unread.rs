//! Unread bodies in the queues: they are complete, fit into SQS and are never printed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    failure::FailureClass,
    ids::{InstanceId, TenantId},
    job::{NotAJob, QueueBody, announced_bytes},
    message::Chat,
    parked::{Content, Filter, ParkedJob},
    unread::{MAX_BODY_BYTES, TooLargeToKeep, UnreadBody},
};
use samples::{instance_id, tenant_id, verified_instance, verify_instance};
use serde_json::{Value, json};

const NOW: i64 = 1_787_432_000;
/// Maximum size of an SQS message, attributes included.
const MAX_SQS_BYTES: usize = 1_048_576;

fn kept(body: &[u8]) -> UnreadBody {
    verified_instance().keep_unread(body, "bad_body", NOW).expect("it fits")
}

/// Every byte is unchanged, and the body can be read again for its verified instance.
#[test]
fn an_unread_body_survives_the_queue() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let json = kept(&bytes).to_json().expect("JSON");
    assert!(json.is_ascii() && json.bytes().all(|byte| byte >= b' '), "{json}");
    let shape: Value = serde_json::from_str(&json).expect("JSON");
    let of_shape = |name: &str| shape[name].as_str().map(str::to_owned);
    assert_eq!(of_shape("version").as_deref(), Some("unread-1"));
    assert_eq!(of_shape("why").as_deref(), Some("bad_body"));
    let Ok(QueueBody::Unread(read)) = QueueBody::parse(&json) else {
        panic!("{json}");
    };
    assert_eq!(read.expose(), bytes);
    assert_eq!(read.verified_instance(), verified_instance());
    assert_eq!((read.accepted_at(), read.summary().size_bytes), (NOW, 1000));
}

/// With the longest names, and with the ticket of the parked queue.
#[test]
fn the_largest_parked_body_fits_into_one_message() {
    let tenant = "t".repeat(TenantId::MAX_BYTES);
    let verified = verify_instance(&tenant, &"I".repeat(InstanceId::MAX_BYTES));
    let body = vec![0xff; MAX_BODY_BYTES];
    let kept = verified.keep_unread(&body, &"w".repeat(32), i64::MIN);
    let json = kept.expect("it fits").to_json().expect("JSON");
    // Names, types and values of six attributes; the reason is longer than it ever is.
    let ticket = 6 * 64 + 4096;
    assert!(json.len() + ticket <= MAX_SQS_BYTES, "{} bytes", json.len());
    let more = verified.keep_unread(&[&body[..], b"x"].concat(), "bad_body", NOW);
    assert_eq!(more.expect_err("too large"), TooLargeToKeep);
}

/// It waits for no memory that only files need.
#[test]
fn an_unread_body_announces_no_file() {
    let body = kept(b"{").to_json().expect("it fits");
    for other in [body.as_str(), "", "[]", r#"{"version":"1","message":{"file_length":"9"}}"#] {
        assert_eq!(announced_bytes(other), Some(0), "{other}");
    }
    assert_eq!(announced_bytes(r#"{"version":"1","message":{}}"#), None);
    assert_eq!(announced_bytes(r#"{"version":"1","message":{"file_length":9}}"#), Some(9));
}

#[test]
fn other_bodies_are_not_unread_bodies() {
    let good = json!({ "version": "unread-1", "tenant": "acme", "instance": "LITE-AAAAAA-BBBBBB",
        "accepted_at": NOW, "why": "bad_body", "body": "e30=" });
    assert!(UnreadBody::parse(&good.to_string()).is_ok());
    let changes: [(&str, Value); 6] = [
        ("version", json!("unread-2")),
        ("tenant", json!("../other")),
        ("instance", json!("")),
        ("body", json!("no base64")),
        ("why", json!("Contato Exemplo 5500900000002")),
        ("accepted_at", json!("now")),
    ];
    for (name, value) in changes {
        let mut other = good.clone();
        other[name] = value;
        assert_eq!(QueueBody::parse(&other.to_string()), Err(NotAJob), "{other}");
    }
}

#[test]
fn nothing_of_the_body_is_printed() {
    let body = kept(b"{\"pushName\": \"Contato Exemplo\"");
    let content = Content::Unread(body.summary());
    let printed = format!("{body:?} {:?} {content:?}", QueueBody::Unread(body.clone()));
    assert!(printed.contains("acme") && printed.contains("bad_body"), "{printed}");
    for secret in ["pushName", "Exemplo", "eyJwdXNo", "112, 117, 115, 104"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn rules_about_tenant_instance_class_and_expiry_hold_for_unread_bodies() {
    let parked = ParkedJob {
        unknown_class: None,
        content: Content::Unread(kept(b"{").summary()),
        class: FailureClass::Unread,
        reason: "bad_body".to_owned(),
        receives: Some(1),
        parked_at: NOW,
        is_moved_by_sqs: false,
        is_unrecorded: false,
    };
    let with = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter.matches_job(&parked, NOW)
    };
    let tenant = |name: &str| Some(tenant_id(name));
    let instance = |name: &str| Some(instance_id(name));
    assert!(with(&|filter| filter.tenant = tenant("acme")));
    assert!(!with(&|filter| filter.tenant = tenant("other")));
    assert!(with(&|filter| filter.instance = instance("LITE-AAAAAA-BBBBBB")));
    assert!(!with(&|filter| filter.instance = instance("LITE-AAAAAA-CCCCCC")));
    for class in FailureClass::ALL {
        let is_its = with(&|filter| filter.class = Some(class));
        assert_eq!(is_its, class == FailureClass::Unread, "{class}");
    }
    let days = |n: u64| Some(std::time::Duration::from_hours(24 * n));
    assert!(with(&|filter| filter.expiring_within = days(14)));
    assert!(!with(&|filter| filter.expiring_within = days(13)));
}

#[test]
fn a_complete_folder_name_gives_the_address() {
    let in_address = |jid: &str| Chat::from_jid(jid, None).in_address().map(str::to_owned);
    for (jid, told) in [
        ("5500900000002@s.whatsapp.net", Some("5500900000002")),
        ("120363000000000001@g.us", Some("120363000000000001")),
        ("5500900000002-1400000000@g.us", Some("5500900000002-1400000000")),
        ("200000000000002@lid", Some("200000000000002")),
        ("120363000000000009@newsletter", Some("120363000000000009")),
        ("status@broadcast", Some("status")),
        ("1203630000_1@g.us", None),
        ("someone@elsewhere", None),
        ("", None),
    ] {
        assert_eq!(in_address(jid).as_deref(), told, "{jid}");
    }
}

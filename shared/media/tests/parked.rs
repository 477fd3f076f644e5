//! Which parked jobs a person means: each rule alone, together, and for bodies that are no job.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::Duration;

use media::{
    access::{SecretHashes, Verified},
    envelope::Envelope,
    failure::FailureClass,
    ids::{InstanceId, MessageId, TenantId},
    job::Job,
    kind::MediaKind,
    message::{Chat, Direction, MediaMessage},
    parked::{Content, Filter, ParkedJob},
    sha256::Sha256,
};

const NOW: i64 = 1_787_432_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant")
}

fn instance(name: &str) -> InstanceId {
    InstanceId::parse(name).expect("an instance")
}

/// A medium that can be counted on for three more days.
fn message() -> MediaMessage {
    MediaMessage {
        message_id: MessageId::parse("3EB0AAAAAAAAAAAAAAAA").expect("an id"),
        chat: Chat::from_jid("5500900000002", None),
        direction: Direction::In,
        moment: NOW - 11 * DAY,
        kind: MediaKind::Image,
        ptt: false,
        view_once: false,
        mimetype: None,
        media_key: None,
        is_encrypted: false,
        direct_path: None,
        url: None,
        file_sha256: None,
        file_enc_sha256: None,
        file_length: None,
        file_name: None,
        caption: None,
        envelope: Envelope::default(),
    }
}

fn job() -> Job {
    let secrets = SecretHashes::new([Sha256::of(b"s")]);
    let verified = Verified::check(
        &tenant("acme"),
        &instance("LITE-AAAAAA-BBBBBB"),
        &secrets,
        "s",
    );
    verified
        .expect("the right secret")
        .job(message(), NOW - DAY)
        .into_job()
}

/// Parked two hours ago.
fn parked() -> ParkedJob {
    ParkedJob {
        content: Content::Job(Box::new(job())),
        unknown_class: None,
        class: FailureClass::Instance,
        reason: "the instance is not connected".to_owned(),
        receives: Some(7),
        parked_at: NOW - 2 * HOUR,
        is_moved_by_sqs: false,
        is_unrecorded: false,
    }
}

/// A body that is no job, parked two hours ago.
fn no_job() -> ParkedJob {
    ParkedJob {
        content: Content::Unknown,
        unknown_class: None,
        class: FailureClass::Poison,
        ..parked()
    }
}

fn of_tenant(name: &str) -> Filter {
    Filter {
        tenant: Some(tenant(name)),
        ..Filter::default()
    }
}

fn of_instance(name: &str) -> Filter {
    Filter {
        instance: Some(instance(name)),
        ..Filter::default()
    }
}

fn of_class(class: FailureClass) -> Filter {
    Filter {
        class: Some(class),
        ..Filter::default()
    }
}

fn older_than(time: Duration) -> Filter {
    Filter {
        older_than: Some(time),
        ..Filter::default()
    }
}

fn expiring_within(time: Duration) -> Filter {
    Filter {
        expiring_within: Some(time),
        ..Filter::default()
    }
}

#[test]
fn without_rules_everything_is_meant_also_what_is_no_job() {
    let filter = Filter::default();
    assert!(filter.is_everything());
    assert!(filter.admits(&parked(), NOW) && filter.admits(&no_job(), NOW));
}

#[test]
fn a_tenants_jobs_are_its_own() {
    assert!(of_tenant("acme").admits(&parked(), NOW));
    assert!(!of_tenant("other").admits(&parked(), NOW));
}

#[test]
fn an_instances_jobs_are_its_own_and_case_tells_instances_apart() {
    assert!(of_instance("LITE-AAAAAA-BBBBBB").admits(&parked(), NOW));
    assert!(!of_instance("LITE-AAAAAA-CCCCCC").admits(&parked(), NOW));
    assert!(!of_instance("lite-AAAAAA-BBBBBB").admits(&parked(), NOW));
}

#[test]
fn a_class_means_its_own_jobs_also_what_is_no_job() {
    for class in FailureClass::ALL {
        let filter = of_class(class);
        assert_eq!(
            filter.admits(&parked(), NOW),
            class == FailureClass::Instance
        );
        assert_eq!(filter.admits(&no_job(), NOW), class == FailureClass::Poison);
    }
}

#[test]
fn an_age_means_what_was_parked_at_least_so_long_ago_also_what_is_no_job() {
    let hours = Duration::from_hours(2);
    for parked in [parked(), no_job()] {
        assert!(older_than(Duration::ZERO).admits(&parked, NOW));
        assert!(older_than(hours).admits(&parked, NOW));
        assert!(!older_than(hours + Duration::from_secs(1)).admits(&parked, NOW));
        assert!(!older_than(Duration::MAX).admits(&parked, NOW));
    }
}

#[test]
fn an_expiry_means_what_can_be_counted_on_no_longer_and_what_has_expired_already() {
    let days = Duration::from_hours(3 * 24);
    assert_eq!(parked().recoverable_until(), Some(NOW + 3 * DAY));
    assert!(expiring_within(days).admits(&parked(), NOW));
    assert!(!expiring_within(days - Duration::from_secs(1)).admits(&parked(), NOW));
    assert!(expiring_within(Duration::MAX).admits(&parked(), NOW));
    assert!(expiring_within(Duration::ZERO).admits(&parked(), NOW + 4 * DAY));
}

#[test]
fn a_body_that_is_no_job_is_left_out_by_every_rule_that_it_cannot_be_held_against() {
    assert_eq!(no_job().recoverable_until(), None);
    for filter in [
        of_tenant("acme"),
        of_instance("LITE-AAAAAA-BBBBBB"),
        expiring_within(Duration::MAX),
    ] {
        assert!(!filter.admits(&no_job(), NOW), "{filter:?}");
        let filter = Filter {
            class: Some(FailureClass::Poison),
            ..filter
        };
        assert!(!filter.admits(&no_job(), NOW), "{filter:?}");
    }
}

#[test]
fn of_several_rules_a_job_must_pass_every_one() {
    let all = Filter {
        tenant: Some(tenant("acme")),
        instance: Some(instance("LITE-AAAAAA-BBBBBB")),
        class: Some(FailureClass::Instance),
        older_than: Some(Duration::from_hours(1)),
        expiring_within: Some(Duration::from_hours(4 * 24)),
    };
    assert!(all.admits(&parked(), NOW) && !all.is_everything());
    let broken = [
        Filter {
            tenant: Some(tenant("other")),
            ..all.clone()
        },
        Filter {
            instance: Some(instance("LITE-AAAAAA-CCCCCC")),
            ..all.clone()
        },
        Filter {
            class: Some(FailureClass::Transient),
            ..all.clone()
        },
        Filter {
            older_than: Some(Duration::from_hours(3)),
            ..all.clone()
        },
        Filter {
            expiring_within: Some(Duration::from_hours(2 * 24)),
            ..all
        },
    ];
    for filter in broken {
        assert!(!filter.admits(&parked(), NOW), "{filter:?}");
    }
}

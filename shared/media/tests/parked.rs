//! The filter of parked jobs: each rule alone, rules together, and bodies that are not jobs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::Duration;

use media::{
    failure::FailureClass,
    job::Job,
    message::MediaMessage,
    parked::{Content, Filter, ParkedJob, UnknownSummary},
};
use samples::{image_message, instance_id, queued_job, tenant_id};

const NOW: i64 = 1_787_432_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A media message whose file can be expected to exist for three more days.
fn sample_message() -> MediaMessage {
    MediaMessage { moment: NOW - 11 * DAY, mimetype: None, ..image_message() }
}

fn sample_job() -> Job {
    queued_job(sample_message(), NOW - DAY).into_job()
}

/// Parked two hours ago.
fn parked_job() -> ParkedJob {
    ParkedJob {
        content: Content::Job(Box::new(sample_job())),
        unknown_class: None,
        class: FailureClass::Instance,
        reason: "the instance is not connected".to_owned(),
        receives: Some(7),
        parked_at: NOW - 2 * HOUR,
        is_moved_by_sqs: false,
        is_unrecorded: false,
    }
}

/// A body that is not a job, parked two hours ago.
fn no_job() -> ParkedJob {
    ParkedJob {
        content: Content::Unknown(UnknownSummary::default()),
        unknown_class: None,
        class: FailureClass::Poison,
        ..parked_job()
    }
}

fn of_tenant(name: &str) -> Filter {
    Filter { tenant: Some(tenant_id(name)), ..Filter::default() }
}

fn of_instance(name: &str) -> Filter {
    Filter { instance: Some(instance_id(name)), ..Filter::default() }
}

fn of_class(class: FailureClass) -> Filter {
    Filter { class: Some(class), ..Filter::default() }
}

fn older_than(time: Duration) -> Filter {
    Filter { older_than: Some(time), ..Filter::default() }
}

fn expiring_within(time: Duration) -> Filter {
    Filter { expiring_within: Some(time), ..Filter::default() }
}

#[test]
fn without_rules_every_message_matches() {
    let filter = Filter::default();
    assert!(filter.is_everything());
    assert!(filter.matches_job(&parked_job(), NOW) && filter.matches_job(&no_job(), NOW));
}

#[test]
fn a_tenants_jobs_are_its_own() {
    assert!(of_tenant("acme").matches_job(&parked_job(), NOW));
    assert!(!of_tenant("other").matches_job(&parked_job(), NOW));
}

#[test]
fn instances_differ_in_case_alone() {
    assert!(of_instance("LITE-AAAAAA-BBBBBB").matches_job(&parked_job(), NOW));
    assert!(!of_instance("LITE-AAAAAA-CCCCCC").matches_job(&parked_job(), NOW));
    assert!(!of_instance("lite-AAAAAA-BBBBBB").matches_job(&parked_job(), NOW));
}

/// Bodies that are not jobs have a class as well.
#[test]
fn a_class_selects_its_own_jobs() {
    for class in FailureClass::ALL {
        let filter = of_class(class);
        assert_eq!(filter.matches_job(&parked_job(), NOW), class == FailureClass::Instance);
        assert_eq!(filter.matches_job(&no_job(), NOW), class == FailureClass::Poison);
    }
}

/// Bodies that are not jobs have an age as well.
#[test]
fn an_age_selects_older_jobs() {
    let hours = Duration::from_hours(2);
    for parked in [parked_job(), no_job()] {
        assert!(older_than(Duration::ZERO).matches_job(&parked, NOW));
        assert!(older_than(hours).matches_job(&parked, NOW));
        assert!(!older_than(hours + Duration::from_secs(1)).matches_job(&parked, NOW));
        assert!(!older_than(Duration::MAX).matches_job(&parked, NOW));
    }
}

#[test]
fn an_expiry_selects_expiring_and_expired_jobs() {
    let days = Duration::from_hours(3 * 24);
    assert_eq!(parked_job().recoverable_until(), Some(NOW + 3 * DAY));
    assert!(expiring_within(days).matches_job(&parked_job(), NOW));
    assert!(!expiring_within(days - Duration::from_secs(1)).matches_job(&parked_job(), NOW));
    assert!(expiring_within(Duration::MAX).matches_job(&parked_job(), NOW));
    assert!(expiring_within(Duration::ZERO).matches_job(&parked_job(), NOW + 4 * DAY));
}

#[test]
fn rules_about_jobs_exclude_other_bodies() {
    assert_eq!(no_job().recoverable_until(), None);
    for filter in
        [of_tenant("acme"), of_instance("LITE-AAAAAA-BBBBBB"), expiring_within(Duration::MAX)]
    {
        assert!(!filter.matches_job(&no_job(), NOW), "{filter:?}");
        let filter = Filter { class: Some(FailureClass::Poison), ..filter };
        assert!(!filter.matches_job(&no_job(), NOW), "{filter:?}");
    }
}

#[test]
fn a_job_must_match_every_rule() {
    let all = Filter {
        tenant: Some(tenant_id("acme")),
        instance: Some(instance_id("LITE-AAAAAA-BBBBBB")),
        class: Some(FailureClass::Instance),
        older_than: Some(Duration::from_hours(1)),
        expiring_within: Some(Duration::from_hours(4 * 24)),
    };
    assert!(all.matches_job(&parked_job(), NOW) && !all.is_everything());
    let broken = [
        Filter { tenant: Some(tenant_id("other")), ..all.clone() },
        Filter { instance: Some(instance_id("LITE-AAAAAA-CCCCCC")), ..all.clone() },
        Filter { class: Some(FailureClass::Transient), ..all.clone() },
        Filter { older_than: Some(Duration::from_hours(3)), ..all.clone() },
        Filter { expiring_within: Some(Duration::from_hours(2 * 24)), ..all },
    ];
    for filter in broken {
        assert!(!filter.matches_job(&parked_job(), NOW), "{filter:?}");
    }
}

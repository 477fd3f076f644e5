//! How jobs end: the classes, the schedule, and who may announce.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::Duration;

use media::{
    access::{SecretHashes, Verified},
    failure::{Disposition, FailureClass, class_of, longest_wait},
    ids::{InstanceId, TenantId},
    kind::{KeyType, MediaKind},
    schedule,
    sha256::Sha256,
};

const LATER: Disposition = Disposition::Retry { after: None };

#[test]
fn the_most_hopeful_finding_decides_the_class() {
    use Disposition::{Gone, NotApplicable, OverLimit, Unauthorized, Unopenable};
    let cases: [(&[Disposition], FailureClass); 8] = [
        (&[LATER, NotApplicable, Gone], FailureClass::Transient),
        (
            &[Unauthorized, NotApplicable, LATER],
            FailureClass::Transient,
        ),
        (&[Unauthorized, NotApplicable, Gone], FailureClass::Instance),
        (&[NotApplicable, NotApplicable, Gone], FailureClass::Expired),
        (
            &[NotApplicable, NotApplicable, Unopenable],
            FailureClass::Corrupt,
        ),
        (
            &[OverLimit, NotApplicable, OverLimit],
            FailureClass::Refused,
        ),
        (
            &[NotApplicable, NotApplicable, NotApplicable],
            FailureClass::Corrupt,
        ),
        (&[], FailureClass::Corrupt),
    ];
    for (findings, class) in cases {
        assert_eq!(class_of(findings), class, "{findings:?}");
    }
}

#[test]
fn what_passes_by_itself_or_by_a_persons_work_is_retried_and_nothing_else() {
    use FailureClass::{Corrupt, Expired, Instance, Poison, Refused, Transient};
    for (class, retried) in [
        (Transient, true),
        (Instance, true),
        (Expired, false),
        (Corrupt, false),
        (Refused, false),
        (Poison, false),
    ] {
        assert_eq!(class.is_retried(), retried, "{class}");
    }
}

#[test]
fn the_longest_retry_after_is_honoured_within_what_sqs_can_hide() {
    let minutes = |n| Disposition::Retry {
        after: Some(Duration::from_mins(n)),
    };
    assert_eq!(
        longest_wait(&[minutes(3), LATER, minutes(7)]),
        Some(Duration::from_mins(7))
    );
    assert_eq!(
        schedule::wait(1, 0.5, Some(Duration::from_mins(7))),
        Duration::from_mins(7)
    );
    assert_eq!(
        schedule::wait(1, 0.5, Some(Duration::from_hours(40))),
        Duration::from_hours(11)
    );
}

#[test]
fn retries_begin_after_half_a_minute_and_end_up_four_hours_apart() {
    assert_eq!(schedule::wait(1, 0.0, None), Duration::from_secs(15));
    assert_eq!(schedule::wait(1, 1.0, None), Duration::from_secs(30));
    assert_eq!(schedule::wait(10, 1.0, None), Duration::from_hours(4));
    assert_eq!(schedule::wait(u32::MAX, 1.0, None), Duration::from_hours(4));
    assert_eq!(schedule::wait(0, 1.0, None), Duration::from_secs(30));
}

/// The receives that a job can burn before its time is over must stay below the queue's `maxReceiveCount`,
/// or SQS would park it without a reason. The number stands in `template.yaml`; a test there compares.
#[test]
fn six_days_of_retries_fit_the_queues_receive_count() {
    let life = Duration::from_hours(6 * 24);
    let receives = |jitter: f64| {
        let mut elapsed = Duration::ZERO;
        (1..).find(|receive| {
            elapsed += schedule::wait(*receive, jitter, None);
            elapsed > life
        })
    };
    assert_eq!((receives(0.0), receives(1.0)), (Some(80), Some(44)));
}

#[test]
fn a_job_is_given_up_when_the_media_is_no_longer_safe_but_never_at_once() {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    assert_eq!(schedule::gives_up_at(0, 100 * DAY), 6 * DAY);
    assert_eq!(schedule::gives_up_at(0, 3 * DAY), 3 * DAY);
    assert_eq!(
        schedule::gives_up_at(100 * DAY, 3 * DAY),
        100 * DAY + 6 * HOUR
    );
}

#[test]
fn only_a_valid_secret_gives_the_right_to_announce() {
    let tenant = TenantId::parse("acme").expect("a tenant");
    let instance = InstanceId::parse("A-B").expect("an instance");
    let both = SecretHashes::new([Sha256::of(b"old"), Sha256::of(b"new")]);
    let check = |secrets: &SecretHashes, presented: &str| {
        Verified::check(&tenant, &instance, secrets, presented).is_some()
    };
    assert!(check(&both, "old") && check(&both, "new"));
    for wrong in ["", "neither", "old ", "OLD"] {
        assert!(!check(&both, wrong), "{wrong:?}");
    }
    assert!(!check(&SecretHashes::default(), ""));
}

#[test]
fn key_families_are_tried_by_likelihood_and_each_once() {
    for kind in MediaKind::ALL {
        for mimetype in [
            None,
            Some("image/jpeg"),
            Some("video/mp4"),
            Some("audio/ogg; codecs=opus"),
            Some("?"),
        ] {
            let order = KeyType::candidates(kind, mimetype);
            assert_eq!(order[0], kind.key_type());
            assert!(
                KeyType::ALL.iter().all(|family| order.contains(family)),
                "{order:?}"
            );
        }
    }
    assert_eq!(
        KeyType::candidates(MediaKind::Document, Some("video/mp4"))[1],
        KeyType::Video
    );
}

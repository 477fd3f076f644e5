//! Failure classes, the retry schedule, and the check of webhook secrets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::Duration;

use media::{
    access::{SecretHashes, VerifiedInstance},
    failure::{
        Disposition, FailureClass, UnknownClass, class_from_findings, max_retry_after,
        may_be_mistaken,
    },
    ids::{InstanceId, TenantId},
    job::QueuedJob,
    kind::{KeyType, MediaKind},
    schedule,
    sha256::Sha256,
};

const LATER: Disposition = Disposition::Retry { after: None };

#[test]
fn the_most_hopeful_finding_decides_the_class() {
    use Disposition::{Absent, Expired, Gone, NotApplicable, OverLimit, Unauthorized, Unopenable};
    let cases: [(&[Disposition], FailureClass); 13] = [
        (&[LATER, NotApplicable, OverLimit], FailureClass::Refused),
        (&[OverLimit, Unauthorized], FailureClass::Refused),
        (&[Absent, NotApplicable, Expired], FailureClass::Expired),
        (&[Absent, NotApplicable, NotApplicable], FailureClass::Corrupt),
        (&[Absent, NotApplicable, LATER], FailureClass::Transient),
        (&[LATER, NotApplicable, Gone], FailureClass::Transient),
        (&[Unauthorized, NotApplicable, LATER], FailureClass::Transient),
        (&[Unauthorized, NotApplicable, Gone], FailureClass::Instance),
        (&[NotApplicable, NotApplicable, Gone], FailureClass::Expired),
        (&[NotApplicable, NotApplicable, Unopenable], FailureClass::Corrupt),
        (&[OverLimit, NotApplicable, OverLimit], FailureClass::Refused),
        (&[NotApplicable, NotApplicable, NotApplicable], FailureClass::Corrupt),
        (&[], FailureClass::Corrupt),
    ];
    for (findings, class) in cases {
        assert_eq!(class_from_findings(findings), class, "{findings:?}");
    }
}

/// A CDN edge, or W-API during a deploy, may report an existing file as missing.
#[test]
fn doubtful_findings_are_confirmed() {
    use Disposition::{Absent, Expired, Gone, NotApplicable, OverLimit, Unauthorized, Unopenable};
    let cases: [(&[Disposition], bool); 10] = [
        (&[NotApplicable, Gone], true),
        (&[Absent, Gone], true),
        (&[Absent, Expired], true),
        (&[Absent, Unopenable], true),
        (&[Absent, NotApplicable], true),
        (&[NotApplicable, Expired], false),
        (&[NotApplicable, Unopenable], false),
        (&[Absent, OverLimit], false),
        (&[Unauthorized, Gone], false),
        (&[LATER, Gone], false),
    ];
    for (findings, doubtful) in cases {
        assert_eq!(may_be_mistaken(findings), doubtful, "{findings:?}");
    }
}

/// The loss of an old file needs no confirmation.
#[test]
fn a_loss_is_confirmed_after_an_hour() {
    const NOW: i64 = 1_790_000_000;
    const DAY: i64 = 24 * 60 * 60;
    for (found_ago, sent_ago, left) in [
        (None, 60, Some(3600)),
        (Some(0), 60, Some(3600)),
        (Some(3599), 7200, Some(1)),
        (Some(3600), 7200, None),
        (Some(5 * DAY), 6 * DAY, None),
        (None, 14 * DAY - 1, Some(3600)),
        (None, 14 * DAY, None),
        (Some(10), 30 * DAY, None),
        // Clocks that differ, and a message from the future.
        (Some(-300), 60, Some(3600)),
        (None, -60, Some(3600)),
        (None, i64::MIN + NOW + 1, Some(3600)),
        // The moment is unknown.
        (None, NOW, Some(3600)),
        (Some(3600), NOW, None),
    ] {
        let since = found_ago.map(|ago| NOW - ago);
        let doubt = schedule::confirmation_wait(since, NOW.saturating_sub(sent_ago), NOW);
        assert_eq!(doubt.map(|it| it.as_secs()), left, "{found_ago:?} {sent_ago}");
    }
}

#[test]
fn only_transient_and_instance_are_retried() {
    use FailureClass::{Corrupt, Expired, Instance, Poison, Refused, Transient, Unread};
    for (class, retried) in [
        (Transient, true),
        (Instance, true),
        (Expired, false),
        (Corrupt, false),
        (Refused, false),
        (Unread, false),
        (Poison, false),
    ] {
        assert_eq!(class.is_retried(), retried, "{class}");
    }
}

#[test]
fn a_class_is_parsed_from_its_word() {
    for class in FailureClass::ALL {
        assert_eq!(class.as_str().parse(), Ok(class));
        assert_eq!(class.to_string(), class.as_str());
        let told = [class.cause(), class.consequence(), class.remedy()];
        assert!(told.iter().all(|text| !text.is_empty()), "{class}");
        assert_eq!(class.consequence().starts_with("retried"), class.is_retried());
    }
    for wrong in ["", "Transient", "unknown"] {
        assert_eq!(wrong.parse::<FailureClass>(), Err(UnknownClass), "{wrong:?}");
    }
}

#[test]
fn classes_are_listed_by_precedence() {
    use Disposition::{Gone, OverLimit, Unauthorized, Unopenable};
    let findings = [Unopenable, Gone, Unauthorized, LATER, OverLimit];
    let classes = (1..=findings.len()).map(|n| class_from_findings(&findings[..n]));
    let listed = FailureClass::ALL.into_iter().rev();
    // Poison and unread bodies are detected before any request, so no finding leads to them.
    assert!(classes.eq(listed.skip(2)));
}

/// The wait is limited to the time for which SQS can hide a message.
#[test]
fn the_longest_retry_after_is_honoured() {
    let minutes = |n| Disposition::Retry { after: Some(Duration::from_mins(n)) };
    assert_eq!(max_retry_after(&[minutes(3), LATER, minutes(7)]), Some(Duration::from_mins(7)));
    assert_eq!(schedule::retry_wait(1, 0.5, Some(Duration::from_mins(7))), Duration::from_mins(7));
    assert_eq!(
        schedule::retry_wait(1, 0.5, Some(Duration::from_hours(40))),
        Duration::from_hours(11)
    );
    let asked = Some(Duration::from_mins(7));
    assert_eq!(schedule::retry_wait(10, 1.0, asked), Duration::from_hours(4));
}

const STEPS_SECONDS: [u64; 10] = [30, 60, 120, 240, 480, 900, 1800, 3600, 7200, 14400];

/// Receives beyond the last step use the last step.
#[test]
fn a_wait_is_random_within_its_step() {
    for (receive, step) in (1..).zip(STEPS_SECONDS) {
        let waits = |jitter| schedule::retry_wait(receive, jitter, None);
        assert_eq!(waits(0.0), Duration::ZERO, "{receive}");
        assert_eq!(waits(0.5), Duration::from_secs(step) / 2, "{receive}");
        assert_eq!(waits(1.0), Duration::from_secs(step), "{receive}");
    }
    for receive in [11, 140, u32::MAX] {
        assert_eq!(schedule::retry_wait(receive, 1.0, None), Duration::from_hours(4));
    }
    // SQS counts from 1. A count that cannot be read counts as the first.
    assert_eq!(schedule::retry_wait(0, 1.0, None), Duration::from_secs(30));
}

#[test]
fn invalid_jitter_is_clamped() {
    assert_eq!(schedule::retry_wait(3, -1.0, None), Duration::ZERO);
    assert_eq!(schedule::retry_wait(3, 7.0, None), Duration::from_mins(2));
}

/// Uniform in `0.0..1.0` and the same in every run: the high bits of Knuth's MMIX generator.
struct Jitter(u64);

impl Jitter {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = u32::try_from(self.0 >> 32).unwrap_or_default();
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The queue's `maxReceiveCount` in `template.yaml`; a test there compares the two.
const MAX_RECEIVES: u32 = 140;

/// Number of receives of a job that fails until it is parked.
fn receives_of_a_life(jitter: &mut Jitter) -> u32 {
    let life = schedule::final_deadline(0).try_into().map(Duration::from_secs);
    let life = life.expect("a time to come");
    let mut elapsed = Duration::ZERO;
    let last = (1..).find(|receive| {
        elapsed += schedule::retry_wait(*receive, jitter.next(), None);
        elapsed > life
    });
    last.expect("every life ends")
}

/// A failing job must be parked before it reaches the queue's `maxReceiveCount`, or SQS would move
/// it without a reason. With full jitter the number varies, so many lives are simulated. The
/// reserve is for batches without time, other runs' leases and crashes.
#[test]
fn retries_stay_below_the_receive_limit() {
    let mut jitter = Jitter(1);
    let lives: Vec<_> = (0..20_000).map(|_| receives_of_a_life(&mut jitter)).collect();
    let (least, most) = (lives.iter().min(), lives.iter().max());
    assert!(most.is_some_and(|most| most + 20 <= MAX_RECEIVES), "{most:?}");
    // The jitter works: the lives differ.
    assert!(least < Some(&75) && most > Some(&90), "{least:?} {most:?}");
}

/// A job that crashes its function is received again only after the queue's visibility timeout. It
/// must be received often enough to be parked before the queue's retention drops it.
#[test]
fn a_crashing_job_is_parked_in_time() {
    let (visibility, retention) = (Duration::from_secs(3630), Duration::from_hours(7 * 24));
    assert!(visibility * MAX_RECEIVES < retention);
}

/// A job is parked when its file can no longer be expected to exist, but never at once.
#[test]
fn a_job_is_parked_after_its_grace() {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    assert_eq!(schedule::park_deadline(0, 100 * DAY), 6 * DAY);
    assert_eq!(schedule::park_deadline(0, 3 * DAY), 3 * DAY);
    assert_eq!(schedule::final_deadline(DAY), 7 * DAY + 12 * HOUR);
    assert_eq!(schedule::park_deadline(100 * DAY, 3 * DAY), 100 * DAY + 6 * HOUR);
}

#[test]
fn only_a_valid_secret_verifies() {
    let tenant = TenantId::parse("acme").expect("a tenant");
    let instance = InstanceId::parse("A-B").expect("an instance");
    let both = SecretHashes::new([Sha256::from_data(b"old"), Sha256::from_data(b"new")]);
    let check = |secrets: &SecretHashes, presented: &str| {
        VerifiedInstance::verify(&tenant, &instance, secrets, presented).is_some()
    };
    assert!(check(&both, "old") && check(&both, "new"));
    for wrong in ["", "neither", "old ", "OLD"] {
        assert!(!check(&both, wrong), "{wrong:?}");
    }
    assert!(!check(&SecretHashes::default(), ""));
}

#[test]
fn key_families_are_ordered_by_likelihood() {
    for kind in MediaKind::ALL {
        for mimetype in
            [None, Some("image/jpeg"), Some("video/mp4"), Some("audio/ogg; codecs=opus"), Some("?")]
        {
            let order = KeyType::candidates(kind, mimetype);
            assert_eq!(order[0], kind.key_type());
            assert!(KeyType::ALL.iter().all(|family| order.contains(family)), "{order:?}");
        }
    }
    assert_eq!(KeyType::candidates(MediaKind::Document, Some("video/mp4"))[1], KeyType::Video);
    let pack = KeyType::candidates(MediaKind::Sticker, Some("application/zip"));
    assert_eq!(pack[0], KeyType::StickerPack);
    assert!(pack.len() < KeyType::ALL.len(), "a sticker pack is not mistaken for another kind");
}

/// Jobs of versions without the field are encrypted if they have a key or the hash.
#[test]
fn an_older_jobs_encryption_is_derived() {
    let hash = Sha256::from_data(b"x").to_hex();
    for (fields, is_encrypted) in [
        (String::new(), false),
        (format!(r#","file_sha256":"{hash}""#), false),
        (r#","media_key":"?""#.to_owned(), true),
        (format!(r#","file_enc_sha256":"{hash}""#), true),
        (r#","is_encrypted":true"#.to_owned(), true),
    ] {
        let body = format!(
            r#"{{"version":"1","tenant":"acme","instance":"A-B","accepted_at":0,
            "message":{{"message_id":"3EB0A",
            "chat":"5500900000002","direction":"in","moment":0,"kind":"image"{fields}}}}}"#
        );
        let job = QueuedJob::parse(&body).expect("a job").into_job();
        assert_eq!(job.message.is_encrypted, is_encrypted, "{fields}");
        let said = body.contains("is_encrypted");
        let written = QueuedJob::parse(&body).expect("a job").to_json();
        let written = written.expect("JSON");
        assert_eq!(written.contains("is_encrypted"), said, "{fields}");
    }
}

//! Things that happen to a real deployment, one at a time: duplicates, deadlines, outages, poison, new tokens.

use std::{sync::Arc, time::Duration};

use simulation::{
    Outcome,
    accounting::Fate,
    fault::Fault,
    live,
    plan::{CUSTOMERS, Happening, Medium, Plan},
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

fn ten() -> Vec<Medium> {
    let kinds = [
        Kind::Voice,
        Kind::Document,
        Kind::Sticker,
        Kind::Audio,
        Kind::Image,
    ];
    let media = (0..10).zip(kinds.iter().cycle());
    media
        .map(|(n, kind)| Medium::healthy(*kind, &format!("one of ten: {n}")))
        .collect()
}

fn must_be_clean(name: &str, outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{name}\n{trace}\n{account}");
}

/// When a call was made, in seconds of the world, for every line of the trace that has all these words.
fn moments(outcome: &Outcome, words: &[&str]) -> Vec<f64> {
    let lines = outcome
        .trace
        .iter()
        .filter(|line| words.iter().all(|word| line.contains(word)));
    lines
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}

#[test]
fn five_posts_at_once_of_one_media_store_it_once() {
    for copies in [0, 500] {
        let medium = Medium {
            posts: 5,
            ..Medium::healthy(Kind::Voice, "five times")
        };
        let mut plan = Plan::healthy(vec![medium]);
        (plan.downloads, plan.copies_per_mille) = (5, copies);
        let outcome = live(plan);
        must_be_clean("five posts", &outcome);
        assert_eq!(outcome.account.stored, 1);
    }
}

#[test]
fn five_posts_at_once_of_a_media_of_two_parts_store_it_once_and_leave_no_upload() {
    let medium = Medium {
        posts: 5,
        ..Medium::healthy(Kind::Document, "five times, large")
    }
    .with(|spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000));
    let mut plan = Plan::healthy(vec![medium]);
    plan.downloads = 5;
    let outcome = live(plan);
    must_be_clean("five posts", &outcome);
    assert_eq!(outcome.account.stored, 1);
}

/// Below 80 s nothing is started; 8 s and 3 s before the end are where a run is cut. The steps go through
/// all three, with a source that is slow enough to be cut.
#[test]
fn wherever_an_invocation_ends_nothing_is_lost() {
    let steps = [(0, 400), (79_900, 80_400), (80_400, 92_000)];
    for (from, to) in steps {
        let step = if to - from > 1000 { 500 } else { 20 };
        for left in (from..to).step_by(step) {
            let slow = WapiScenario::Delay {
                millis: 55_000,
                then: Box::new(WapiScenario::SlowDrip {
                    bytes_per_second: 500,
                }),
            };
            let medium = Medium::healthy(Kind::Document, "slow").with(|spec| spec.wapi(slow));
            let mut plan = Plan::healthy(vec![medium, Medium::healthy(Kind::Voice, "quick")]);
            plan.time_left = Arc::new(move |nth| {
                if nth <= 2 {
                    Duration::from_millis(left)
                } else {
                    Duration::from_secs(600)
                }
            });
            must_be_clean(&format!("{left} ms left"), &live(plan));
        }
    }
}

#[test]
fn when_both_sources_are_down_for_a_day_nothing_is_parked_and_everything_arrives_afterwards() {
    let down = WapiScenario::CallStatus { status: 503 };
    let day = Duration::from_hours(24);
    let mut plan = Plan::healthy(ten());
    plan.happenings = vec![
        (Duration::ZERO, Happening::Wapi(Some(down))),
        (Duration::ZERO, Happening::Cdn(Some(CdnScenario::Hang))),
        (day, Happening::Wapi(None)),
        (day, Happening::Cdn(None)),
    ];
    let outcome = live(plan);
    must_be_clean("a day without sources", &outcome);
    assert_eq!((outcome.account.stored, outcome.account.parked), (10, 0));
    assert!(
        outcome.took > day && outcome.took < day + Duration::from_hours(5),
        "{:?}",
        outcome.took
    );
}

/// The queue would drop them without a word after seven days; they are parked before, even while every
/// third answer to a write is lost.
#[test]
fn when_both_sources_stay_down_everything_is_parked_with_a_reason_before_the_queue_forgets_it() {
    for every in [u32::MAX, 3] {
        let media = ten()
            .into_iter()
            .take(4)
            .map(|medium| medium.ending(Fate::Parked));
        let mut plan = Plan::healthy(media.collect()).with_faults(move |call| {
            let is_write = matches!(
                call.operation.as_str(),
                "dynamodb:UpdateItem" | "sqs:SendMessage"
            );
            let fails = is_write && call.nth_of_operation % every == 0;
            if fails {
                Fault::DoneBroken
            } else {
                Fault::None
            }
        });
        let down = WapiScenario::CallStatus { status: 503 };
        plan.happenings = vec![
            (Duration::ZERO, Happening::Wapi(Some(down))),
            (
                Duration::ZERO,
                Happening::Cdn(Some(CdnScenario::Status { code: 503 })),
            ),
        ];
        let outcome = live(plan);
        must_be_clean("never again", &outcome);
        assert_eq!((outcome.account.stored, outcome.account.parked), (0, 4));
        // An answer that gets lost may park a job twice, and nothing else does.
        assert!(every == 3 || outcome.account.parked_again == 0);
        assert!(
            outcome.took < Duration::from_hours(7 * 24),
            "{:?}",
            outcome.took
        );
    }
}

#[test]
fn one_poison_in_a_batch_of_ten_delays_no_other() {
    let mut plan = Plan::healthy(ten().into_iter().skip(1).collect());
    plan.strangers = vec![(Duration::ZERO, "no job at all".to_owned())];
    plan.downloads = 1;
    let outcome = live(plan);
    must_be_clean("poison", &outcome);
    assert_eq!((outcome.account.stored, outcome.account.parked), (9, 1));
    assert!(outcome.took < Duration::from_secs(10), "{:?}", outcome.took);
}

#[test]
fn a_media_that_cannot_be_parked_comes_back_until_it_can() {
    let nobody_has_it = Medium::healthy(Kind::Image, "by nobody")
        .with(|spec| {
            spec.wapi(WapiScenario::NotFound404)
                .cdn(CdnScenario::Gone { status: 404 })
        })
        .ending(Fate::Parked);
    let plan = Plan::healthy(vec![nobody_has_it]).with_faults(|call| {
        let fails = call.operation == "sqs:SendMessage" && call.at < Duration::from_hours(3);
        let (status, code) = (403, "AccessDeniedException");
        if fails {
            Fault::Refused { status, code }
        } else {
            Fault::None
        }
    });
    let outcome = live(plan);
    must_be_clean("no parking", &outcome);
    assert_eq!(outcome.account.parked, 1);
    assert!(outcome.took > Duration::from_hours(3), "{:?}", outcome.took);
}

#[test]
fn a_token_that_is_changed_in_the_middle_delays_media_and_loses_none() {
    let only_wapi =
        |medium: Medium| medium.with(|spec| spec.cdn(CdnScenario::Status { code: 503 }));
    let mut media: Vec<_> = ten().into_iter().map(only_wapi).collect();
    for (n, medium) in (0..).zip(&mut media) {
        medium.at = Duration::from_secs(20 * n);
    }
    let mut plan = Plan::healthy(media);
    let minute = Duration::from_mins(1);
    plan.happenings = vec![
        (
            minute,
            Happening::NewToken(CUSTOMERS[0], "invented-token-9"),
        ),
        (
            30 * minute,
            Happening::TokenWritten(CUSTOMERS[0], "invented-token-9"),
        ),
    ];
    let outcome = live(plan);
    must_be_clean("a new token", &outcome);
    assert_eq!(outcome.account.stored, 10);
}

#[test]
fn media_of_an_instance_that_is_removed_are_stored_before_or_parked_with_a_reason() {
    let mut media: Vec<_> = ten()
        .into_iter()
        .map(|medium| medium.ending(Fate::Either))
        .collect();
    for (n, medium) in (0..).zip(&mut media) {
        medium.at = Duration::from_mins(n);
        if n % 2 == 1 {
            medium.spec = medium
                .spec
                .clone()
                .wapi(WapiScenario::fail_times(4))
                .cdn(CdnScenario::fail_times(9));
        }
    }
    let mut plan = Plan::healthy(media);
    plan.happenings = vec![(Duration::from_mins(5), Happening::Removed(CUSTOMERS[0]))];
    let outcome = live(plan);
    must_be_clean("a removed instance", &outcome);
    assert!(
        outcome.account.stored > 0 && outcome.account.parked > 0,
        "{}",
        outcome.account
    );
}

#[test]
fn clocks_that_are_five_minutes_wrong_park_nothing() {
    for skew in [-300, 300] {
        let mut plan = Plan::healthy(ten());
        plan.skew = Arc::new(move |process| if process.ends_with('0') { skew } else { -skew });
        let outcome = live(plan);
        must_be_clean(&format!("{skew} s"), &outcome);
        assert_eq!(outcome.account.stored, 10);
    }
}

#[test]
fn broken_slow_and_lying_bodies_are_replaced_by_good_ones() {
    let scenarios = [
        (WapiScenario::FlipBit { at: 50 }, CdnScenario::Ok),
        (WapiScenario::CutEnd { bytes: 10 }, CdnScenario::Ok),
        (
            WapiScenario::WrongType,
            CdnScenario::TruncateWrongRange { at: 90 },
        ),
        (
            WapiScenario::EncryptedBytes,
            CdnScenario::TruncateNoRange { at: 90 },
        ),
        (WapiScenario::HangBody, CdnScenario::WrongMac),
        (WapiScenario::Html200, CdnScenario::NoLength),
        (
            WapiScenario::SlowDrip {
                bytes_per_second: 10,
            },
            CdnScenario::MainHostDown,
        ),
        (WapiScenario::Ok, CdnScenario::FlipBit { at: 70 }),
    ];
    let media = scenarios.into_iter().zip(0..).map(|((wapi, cdn), n)| {
        let cdn = if cdn == CdnScenario::WrongMac {
            CdnScenario::FailTimes {
                times: 3,
                first: Box::new(cdn),
                then: Box::new(CdnScenario::Ok),
            }
        } else {
            cdn
        };
        Medium::healthy(Kind::Document, &format!("bad body {n}"))
            .with(|spec| spec.wapi(wapi).cdn(cdn))
    });
    must_be_clean("bad bodies", &live(Plan::healthy(media.collect())));
}

/// What the first call of a retried job waits for is the queue, not a function.
#[test]
fn a_retry_takes_no_longer_than_its_schedule_says() {
    let medium = Medium::healthy(Kind::Voice, "once more").with(|spec| {
        spec.wapi(WapiScenario::fail_times(1))
            .cdn(CdnScenario::Status { code: 503 })
    });
    let outcome = live(Plan::healthy(vec![medium]));
    must_be_clean("a retry", &outcome);
    // Each run looks for a record of a version before, claims and writes; the last gives its word, too.
    let writes = moments(&outcome, &["dynamodb:UpdateItem", "media/"]);
    let [_, _, written, claimed, _, _, _] = writes[..] else {
        panic!("{:?}", outcome.trace)
    };
    assert!(
        (0.0..32.0).contains(&(claimed - written)),
        "{written} {claimed}"
    );
}

/// The table of media is out of reach around the moment at which a job would be given up: from an hour
/// before to two hours after. The queue keeps the job for another day, which is room for a try that can
/// read the table.
fn the_table_fails_at_the_last_try(sources_heal: bool) -> Outcome {
    let down = WapiScenario::CallStatus { status: 503 };
    let (hour, last) = (Duration::from_hours(1), Duration::from_hours(6 * 24));
    let fate = if sources_heal {
        Fate::Stored
    } else {
        Fate::Parked
    };
    let medium = Medium::healthy(Kind::Voice, "the last try").ending(fate);
    let plan = Plan::healthy(vec![medium]).with_faults(move |call| {
        let is_of_table = call.subject.starts_with("media/");
        let is_then = (last - hour..last + 2 * hour).contains(&call.at);
        if is_of_table && is_then {
            Fault::Broken
        } else {
            Fault::None
        }
    });
    let mut happenings = vec![
        (Duration::ZERO, Happening::Wapi(Some(down))),
        (
            Duration::ZERO,
            Happening::Cdn(Some(CdnScenario::Status { code: 503 })),
        ),
    ];
    if sources_heal {
        happenings.push((last - hour, Happening::Wapi(None)));
        happenings.push((last - hour, Happening::Cdn(None)));
    }
    live(Plan { happenings, ..plan })
}

#[test]
fn a_table_that_fails_at_the_last_try_leaves_no_record_that_says_retrying_of_what_is_parked() {
    must_be_clean("both are down", &the_table_fails_at_the_last_try(false));
}

#[test]
fn a_table_that_fails_at_the_last_try_parks_no_media_whose_sources_are_well() {
    must_be_clean(
        "only the table is down",
        &the_table_fails_at_the_last_try(true),
    );
}

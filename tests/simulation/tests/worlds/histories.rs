//! Events of a real deployment, one at a time: duplicates, deadlines, outages, poison, new
//! tokens.

use std::{sync::Arc, time::Duration};

use simulation::{
    Outcome,
    accounting::Fate,
    fault::Fault,
    plan::{CUSTOMERS, OutsideEvent, Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

fn ten_files() -> Vec<PlannedMedia> {
    let kinds = [Kind::Voice, Kind::Document, Kind::Sticker, Kind::Audio, Kind::Image];
    let media = (0..10).zip(kinds.iter().cycle());
    media.map(|(n, kind)| PlannedMedia::healthy(*kind, &format!("one of ten: {n}"))).collect()
}

fn must_be_clean(name: &str, outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{name}\n{trace}\n{account}");
}

/// The times of the calls whose trace lines contain all these words, in seconds of the world.
fn call_times(outcome: &Outcome, words: &[&str]) -> Vec<f64> {
    let lines = outcome.trace.iter().filter(|line| words.iter().all(|word| line.contains(word)));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

#[test]
fn five_posts_at_once_store_one_file() {
    for copies in [0, 500] {
        let planned = PlannedMedia { posts: 5, ..PlannedMedia::healthy(Kind::Voice, "five times") };
        let mut plan = Plan::healthy(vec![planned]);
        (plan.downloads, plan.copies_per_mille) = (5, copies);
        let outcome = run_world(plan);
        must_be_clean("five posts", &outcome);
        assert_eq!(outcome.account.stored, 1);
    }
}

/// Five posts at once of a file with two parts.
#[test]
fn five_posts_leave_no_open_upload() {
    let planned =
        PlannedMedia { posts: 5, ..PlannedMedia::healthy(Kind::Document, "five times, large") }
            .with_spec(|spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000));
    let mut plan = Plan::healthy(vec![planned]);
    plan.downloads = 5;
    let outcome = run_world(plan);
    must_be_clean("five posts", &outcome);
    assert_eq!(outcome.account.stored, 1);
}

/// Below 80 s nothing starts; a run is cut 8 s and 3 s before the end. The steps cover all three
/// limits, with a source that is slow enough to be cut.
#[test]
fn no_invocation_limit_loses_a_job() {
    let steps = [(0, 400), (79_900, 80_400), (80_400, 92_000)];
    for (from, to) in steps {
        let step = if to - from > 1000 { 500 } else { 20 };
        for left in (from..to).step_by(step) {
            let slow = WapiScenario::Delay {
                millis: 55_000,
                then: Box::new(WapiScenario::SlowDrip { bytes_per_second: 500 }),
            };
            // The CDN does not spare it the wait.
            let gone = CdnScenario::Gone { status: 404 };
            let planned = PlannedMedia::healthy(Kind::Document, "slow")
                .with_spec(|spec| spec.wapi(slow).cdn(gone));
            let mut plan =
                Plan::healthy(vec![planned, PlannedMedia::healthy(Kind::Voice, "quick")]);
            plan.time_left = Arc::new(move |nth| {
                if nth <= 2 { Duration::from_millis(left) } else { Duration::from_secs(600) }
            });
            must_be_clean(&format!("{left} ms left"), &run_world(plan));
        }
    }
}

/// Both sources are down for a day; everything is stored afterwards.
#[test]
fn a_day_without_sources_parks_nothing() {
    let down = WapiScenario::CallStatus { status: 503 };
    let day = Duration::from_hours(24);
    let mut plan = Plan::healthy(ten_files());
    plan.outside_events = vec![
        (Duration::ZERO, OutsideEvent::Wapi(Some(down))),
        (Duration::ZERO, OutsideEvent::Cdn(Some(CdnScenario::Hang))),
        (day, OutsideEvent::Wapi(None)),
        (day, OutsideEvent::Cdn(None)),
    ];
    let outcome = run_world(plan);
    must_be_clean("a day without sources", &outcome);
    assert_eq!((outcome.account.stored, outcome.account.parked), (10, 0));
    assert!(
        outcome.took > day && outcome.took < day + Duration::from_hours(5),
        "{:?}",
        outcome.took
    );
}

/// The queue would silently drop the jobs after seven days; they are parked before that, even
/// while every third answer to a write is lost.
#[test]
fn a_permanent_outage_parks_everything_in_time() {
    for every in [u32::MAX, 3] {
        let media = ten_files().into_iter().take(4).map(|planned| planned.with_fate(Fate::Parked));
        let mut plan = Plan::healthy(media.collect()).with_faults(move |call| {
            let is_write =
                call.operation.starts_with("dynamodb:") || call.operation == "sqs:SendMessage";
            let is_download = call.process.starts_with("download");
            let fails = is_write && is_download && call.nth_of_operation % every == 0;
            if fails { Fault::DoneBroken } else { Fault::None }
        });
        let down = WapiScenario::CallStatus { status: 503 };
        plan.outside_events = vec![
            (Duration::ZERO, OutsideEvent::Wapi(Some(down))),
            (Duration::ZERO, OutsideEvent::Cdn(Some(CdnScenario::Status { code: 503 }))),
        ];
        let outcome = run_world(plan);
        must_be_clean("never again", &outcome);
        assert_eq!((outcome.account.stored, outcome.account.parked), (0, 4));
        // An answer that gets lost may park a job twice, and nothing else does.
        assert!(every == 3 || outcome.account.parked_again == 0);
        assert!(outcome.took < Duration::from_hours(7 * 24), "{:?}", outcome.took);
    }
}

#[test]
fn poison_delays_no_job_in_its_batch() {
    let mut plan = Plan::healthy(ten_files().into_iter().skip(1).collect());
    plan.foreign_messages = vec![(Duration::ZERO, "not a job".to_owned())];
    plan.downloads = 1;
    let outcome = run_world(plan);
    must_be_clean("poison", &outcome);
    assert_eq!((outcome.account.stored, outcome.account.parked), (9, 1));
    assert!(outcome.took < Duration::from_secs(10), "{:?}", outcome.took);
}

#[test]
fn a_failed_parking_is_retried() {
    let nobody_has_it = PlannedMedia::healthy(Kind::Image, "by nobody")
        .with_spec(|spec| {
            spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
        })
        .with_fate(Fate::Parked);
    let plan = Plan::healthy(vec![nobody_has_it]).with_faults(|call| {
        let is_parking =
            call.operation == "sqs:SendMessage" && call.process.starts_with("download");
        let fails = is_parking && call.at < Duration::from_hours(3);
        let (status, code) = (403, "AccessDeniedException");
        if fails { Fault::Refused { status, code } } else { Fault::None }
    });
    let outcome = run_world(plan);
    must_be_clean("no parking", &outcome);
    assert_eq!(outcome.account.parked, 1);
    assert!(outcome.took > Duration::from_hours(3), "{:?}", outcome.took);
}

#[test]
fn a_new_token_loses_no_file() {
    let only_wapi = |planned: PlannedMedia| {
        planned.with_spec(|spec| spec.cdn(CdnScenario::Status { code: 503 }))
    };
    let mut media: Vec<_> = ten_files().into_iter().map(only_wapi).collect();
    for (n, planned) in (0..).zip(&mut media) {
        planned.at = Duration::from_secs(20 * n);
    }
    let mut plan = Plan::healthy(media);
    let minute = Duration::from_mins(1);
    plan.outside_events = vec![
        (minute, OutsideEvent::NewToken(CUSTOMERS[0], "invented-token-9")),
        (30 * minute, OutsideEvent::TokenWritten(CUSTOMERS[0], "invented-token-9")),
    ];
    let outcome = run_world(plan);
    must_be_clean("a new token", &outcome);
    assert_eq!(outcome.account.stored, 10);
}

/// Each is stored before the removal or parked with a reason.
#[test]
fn removing_an_instance_loses_no_file() {
    let mut media: Vec<_> =
        ten_files().into_iter().map(|planned| planned.with_fate(Fate::Either)).collect();
    for (n, planned) in (0..).zip(&mut media) {
        planned.at = Duration::from_mins(n);
        if n % 2 == 1 {
            planned.spec = planned
                .spec
                .clone()
                .wapi(WapiScenario::fail_times(4))
                .cdn(CdnScenario::fail_times(9));
        }
    }
    let mut plan = Plan::healthy(media);
    plan.outside_events = vec![(Duration::from_mins(5), OutsideEvent::Removed(CUSTOMERS[0]))];
    let outcome = run_world(plan);
    must_be_clean("a removed instance", &outcome);
    assert!(outcome.account.stored > 0 && outcome.account.parked > 0, "{}", outcome.account);
}

#[test]
fn clocks_wrong_by_five_minutes_park_nothing() {
    for skew in [-300, 300] {
        let mut plan = Plan::healthy(ten_files());
        plan.skew = Arc::new(move |process| if process.ends_with('0') { skew } else { -skew });
        let outcome = run_world(plan);
        must_be_clean(&format!("{skew} s"), &outcome);
        assert_eq!(outcome.account.stored, 10);
    }
}

#[test]
fn bad_bodies_are_replaced_by_good_ones() {
    let scenarios = [
        (WapiScenario::FlipBit { at: 50 }, CdnScenario::Ok),
        (WapiScenario::CutEnd { bytes: 10 }, CdnScenario::Ok),
        (WapiScenario::WrongType, CdnScenario::TruncateWrongRange { at: 90 }),
        (WapiScenario::EncryptedBytes, CdnScenario::TruncateNoRange { at: 90 }),
        (WapiScenario::HangBody, CdnScenario::WrongMac),
        (WapiScenario::Html200, CdnScenario::NoLength),
        (WapiScenario::SlowDrip { bytes_per_second: 10 }, CdnScenario::MainHostDown),
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
        PlannedMedia::healthy(Kind::Document, &format!("bad body {n}"))
            .with_spec(|spec| spec.wapi(wapi).cdn(cdn))
    });
    must_be_clean("bad bodies", &run_world(Plan::healthy(media.collect())));
}

/// The first call of a retried job waits for the queue, not for a function.
#[test]
fn a_retry_starts_when_its_schedule_says() {
    let planned = PlannedMedia::healthy(Kind::Voice, "once more").with_spec(|spec| {
        spec.wapi(WapiScenario::fail_times(1)).cdn(CdnScenario::Status { code: 503 })
    });
    let outcome = run_world(Plan::healthy(vec![planned]));
    must_be_clean("a retry", &outcome);
    // Each run looks for a record of the previous version, claims and writes; the last run also
    // records its result.
    let writes = call_times(&outcome, &["dynamodb:", "media/"]);
    let [_, _, written, claimed, _, _, _] = writes[..] else { panic!("{:?}", outcome.trace) };
    assert!((0.0..32.0).contains(&(claimed - written)), "{written} {claimed}");
}

/// The media table is out of reach around the moment at which a job would be parked: from an hour
/// before to two hours after. The queue keeps the job for another day, which leaves time for
/// an attempt that can read the table.
fn run_with_failing_table(sources_heal: bool) -> Outcome {
    let down = WapiScenario::CallStatus { status: 503 };
    let (hour, last) = (Duration::from_hours(1), Duration::from_hours(6 * 24));
    let fate = if sources_heal { Fate::Stored } else { Fate::Parked };
    let planned = PlannedMedia::healthy(Kind::Voice, "the last try").with_fate(fate);
    let plan = Plan::healthy(vec![planned]).with_faults(move |call| {
        let is_of_table = call.subject.starts_with("media/");
        let is_then = (last - hour..last + 2 * hour).contains(&call.at);
        if is_of_table && is_then { Fault::Broken } else { Fault::None }
    });
    let mut happenings = vec![
        (Duration::ZERO, OutsideEvent::Wapi(Some(down))),
        (Duration::ZERO, OutsideEvent::Cdn(Some(CdnScenario::Status { code: 503 }))),
    ];
    if sources_heal {
        happenings.push((last - hour, OutsideEvent::Wapi(None)));
        happenings.push((last - hour, OutsideEvent::Cdn(None)));
    }
    run_world(Plan { outside_events: happenings, ..plan })
}

/// No record says `retrying` when its job is parked.
#[test]
fn a_failing_table_leaves_no_retrying_record() {
    must_be_clean("both are down", &run_with_failing_table(false));
}

#[test]
fn a_failing_table_parks_no_available_file() {
    must_be_clean("only the table is down", &run_with_failing_table(true));
}

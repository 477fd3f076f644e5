//! Jobs that cannot be done: when they are parked, in which order, and when they are retried.

use std::sync::Arc;

use download::worker::ClockAndRandom;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::json;
use stand_in::{CdnScenario, Kind, Spec, StandIn, WapiScenario};

use crate::{
    PLENTY, create_worker, create_worker_with, delayed_media, hidden_seconds, job_accepted_at,
    lost_media, queued_job,
    requests::{
        closing_operations, due_at, healthy_aws, is_claim, is_instance_read, is_outcome,
        outcome_updates, written_entry, written_state,
    },
    retry_answer, run_batch, run_job, sqs_event, start_servers, success_answer, wapi_only_media,
};

#[tokio::test]
async fn parking_writes_record_then_queue_then_lease() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let job = queued_job(&origins.announce(lost_media()).expect("a media file"));
    assert_eq!(run_job(&aws, &origins, job.clone()).await, success_answer());
    let closing = ["UpdateItem", "TransactWriteItems", "SendMessage", "UpdateItem"];
    assert_eq!(closing_operations(&aws), closing);
    let writes = outcome_updates(&aws);
    let states: Vec<_> = writes.iter().map(written_state).collect();
    assert_eq!(states, [(Some("parked"), false), (None, true)]);
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageBody"], job);
    let said = |name: &str| sent["MessageAttributes"][name]["StringValue"].clone();
    assert_eq!(said("class"), "expired");
    assert_eq!(said("reason"), writes[0].sets["reason"]["S"]);
    assert_eq!((said("tenant"), said("receives")), (json!("acme"), json!("1")));
}

/// Healthy AWS, and a record that says since when no source has had the file.
fn aws_with_loss(since: Option<i64>) -> impl Fn(&RecordedRequest) -> Answer {
    move |seen: &RecordedRequest| match since.filter(|_| is_claim(seen)) {
        Some(since) => {
            Answer::json(&json!({ "Attributes": { "lost_since": { "N": since.to_string() } } }))
        }
        None => healthy_aws(seen),
    }
}

/// One 403 of one CDN edge, or a 404 while W-API is being deployed, must not park a recent file. It
/// is parked if the sources still do not have it an hour later.
#[tokio::test]
async fn a_recent_file_is_lost_after_an_hour() {
    let now = boot::clock::now();
    let day = 24 * 60 * 60;
    let wrong_key = lost_media().cdn(CdnScenario::Ok).seal(stand_in::Encryption::BadMac);
    let refused = lost_media().wapi(WapiScenario::BadRequest400);
    for (spec, since, sent_ago, parks) in [
        (lost_media(), None, 60, false),
        (lost_media(), Some(now - 1800), 7200, false),
        (lost_media(), Some(now - 3700), 7200, true),
        (lost_media(), None, 15 * day, true),
        (refused, None, 60, false),
        (wrong_key, None, 60, false),
    ] {
        let (aws, origins) = start_servers(aws_with_loss(since)).await;
        let announced = origins.announce(spec.moment(now - sent_ago)).expect("a media file");
        let answer = run_job(&aws, &origins, queued_job(&announced)).await;
        let written = &outcome_updates(&aws)[0].sets;
        let state = if parks { "parked" } else { "retrying" };
        assert_eq!(written["state"]["S"], state, "{since:?} {sent_ago} {:?}", written["reason"]);
        let kept = written.get("lost_since").map(|it| it["N"].clone());
        // The hour is waited for in the jobs table.
        assert_eq!(answer, success_answer());
        if !parks {
            let first = since.unwrap_or(now);
            let kept: i64 = kept.and_then(|n| n.as_str()?.parse().ok()).expect("a time");
            assert!((first..first + 60).contains(&kept), "{kept}");
            let (due, expected) = (due_at(&written_entry(&aws)), first + 3600);
            assert!((due - expected).abs() < 60, "due in {} s", due - now);
        }
    }
}

/// Waiting does not change the expiry in a signed path.
#[tokio::test]
async fn an_expired_path_is_parked_at_once() {
    let (aws, origins) = start_servers(healthy_aws).await;
    // W-API is not asked for a channel's media.
    let channel = Spec::of(Kind::NewsletterImage).oe(1_700_000_000);
    let young = channel.moment(boot::clock::now() - 60);
    let job = queued_job(&origins.announce(young).expect("a media file"));
    assert_eq!(run_job(&aws, &origins, job).await, success_answer());
    let written = &outcome_updates(&aws)[0].sets;
    assert_eq!(written["state"]["S"], "parked");
    assert_eq!(written["class"]["S"], "expired");
}

/// W-API answers again, so the file was not lost. A failure of AWS proves neither.
#[tokio::test]
async fn only_a_source_ends_a_loss() {
    let now = boot::clock::now();
    let (aws, origins) = start_servers(aws_with_loss(Some(now - 1800))).await;
    let announced = origins.announce(delayed_media().moment(now - 7200)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
    assert!(!outcome_updates(&aws)[0].sets.contains_key("lost_since"));
    let script = move |seen: &RecordedRequest| match seen.operation() {
        "Decrypt" => Answer::json_error(400, "AccessDeniedException"),
        _ => aws_with_loss(Some(now - 1800))(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(lost_media().moment(now - 7200)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
    assert_eq!(outcome_updates(&aws)[0].sets["lost_since"]["N"], (now - 1800).to_string());
}

/// The record says `retrying` again, and the message is retried.
#[tokio::test]
async fn a_refused_parking_restores_the_record() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(400, "QueueDoesNotExist"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(lost_media()).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
    let writes = outcome_updates(&aws);
    let states: Vec<_> = writes.iter().map(written_state).collect();
    assert_eq!(states, [(Some("parked"), false), (Some("retrying"), true)]);
    assert_eq!(writes[1].sets["class"], writes[0].sets["class"]);
    assert_eq!(writes[1].sets["reason"], writes[0].sets["reason"]);
    assert_eq!(hidden_seconds(&aws), 300);
}

/// The message is retried.
#[tokio::test]
async fn without_a_record_nothing_is_parked() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        _ if is_outcome(seen) => Answer::json_error(400, "ResourceNotFoundException"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(lost_media()).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
    assert_eq!(aws.requests_of("SendMessage").len(), 0);
    assert_eq!(hidden_seconds(&aws), 300);
}

/// A job whose time is over is parked for a failure of its sources, and retried for one of AWS.
#[tokio::test]
async fn a_failure_of_aws_parks_nothing() {
    let refused = |operation: &'static str| {
        move |seen: &RecordedRequest| match seen.operation() {
            name if name == operation && (name != "GetItem" || is_instance_read(seen)) => {
                Answer::json_error(400, "AccessDeniedException")
            }
            _ => healthy_aws(seen),
        }
    };
    let accepted_at = boot::clock::now() - 6 * 24 * 60 * 60;
    for (operation, spec) in [("GetItem", Spec::of(Kind::Image)), ("Decrypt", wapi_only_media())] {
        let (aws, origins) = start_servers(refused(operation)).await;
        let announced = origins.announce(spec).expect("a media file");
        let job = job_accepted_at(&announced, accepted_at);
        assert_eq!(run_job(&aws, &origins, job).await, retry_answer(), "{operation}");
        let waits = hidden_seconds(&aws);
        assert!(waits.as_u64() <= Some(12 * 60 * 60), "{operation}: {waits}");
    }
}

#[tokio::test]
async fn the_last_try_ignores_an_open_circuit() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let now = boot::clock::now();
    let worker = create_worker(&aws, &origins, move || now);
    let asked = || {
        let requests = origins.requests();
        let posts = requests.iter().filter(|one| one.path.ends_with("download-media"));
        posts.count()
    };
    origins.set_wapi(Some(WapiScenario::BadGateway502Html));
    let next = || origins.announce(Spec::of(Kind::Image)).expect("a media file");
    for _ in 0..6 {
        let answer = run_batch(&worker, sqs_event(&[queued_job(&next())]), PLENTY).await;
        assert_eq!(answer, success_answer(), "the CDN has it");
    }
    assert_eq!(asked(), 5);

    // Of an old message six hours are left from its acceptance; here five minutes of them.
    let nearly_over = now - 6 * 60 * 60 + 300;
    let job = job_accepted_at(&next(), nearly_over);
    assert_eq!(run_batch(&worker, sqs_event(&[job]), PLENTY).await, success_answer());
    assert_eq!(asked(), 6);
}

/// Runs a job that is delayed and was received this often, with the longest wait that its step
/// allows, and returns the seconds until its next run: it is hidden in the queue or, longer than a
/// quarter of an hour, only in the jobs table.
async fn wait_after(aws: &Aws, origins: &StandIn, receives: &str) -> u64 {
    let delayed =
        Spec::of(Kind::Image).wapi(WapiScenario::fail_500()).cdn(CdnScenario::Gone { status: 404 });
    let mut event = sqs_event(&[queued_job(&origins.announce(delayed).expect("a media file"))]);
    let count = event.records[0].attributes.get_mut("ApproximateReceiveCount");
    receives.clone_into(count.expect("a count"));
    let random = Arc::new(|| u64::MAX);
    let config = ClockAndRandom { random, ..ClockAndRandom::from_machine() };
    let worker = create_worker_with(aws, origins, config);
    let now = boot::clock::now();
    if run_batch(&worker, event, PLENTY).await == retry_answer() {
        return hidden_seconds(aws).as_u64().expect("seconds");
    }
    let entry = written_entry(aws);
    assert!(entry.sets["due_shard"]["S"].as_str().expect("a shard").starts_with("table-"));
    u64::try_from(due_at(&entry) - now).expect("a time to come")
}

/// Receives that led to no run (a batch without time, another run's lease, a crash) do not lengthen
/// the wait. A job from the jobs table is a new message, and its wait goes on growing.
#[tokio::test]
async fn the_wait_grows_with_runs_not_receives() {
    // Of the steps of the schedule, 30 s is the first and 4 min the fourth.
    for (receives, runs_before, longest) in [
        ("90", None, 30),
        ("90", Some("3"), 240),
        ("1", Some("5"), 15 * 60),
        ("1", Some("60"), 4 * 60 * 60),
        ("90", Some("60"), 4 * 60 * 60),
    ] {
        let script = move |seen: &RecordedRequest| match runs_before.filter(|_| is_claim(seen)) {
            Some(runs) => Answer::json(&json!({ "Attributes": { "runs": { "N": runs } } })),
            None => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let waited = wait_after(&aws, &origins, receives).await;
        assert!(
            (longest - 1..=longest + 2).contains(&waited),
            "{receives} {runs_before:?}: {waited}"
        );
        let runs = runs_before.map_or(0, |runs| runs.parse::<u32>().expect("a number")) + 1;
        assert_eq!(outcome_updates(&aws)[0].sets["runs"]["N"], runs.to_string());
    }
}

/// The record does not count these runs. Without the receives, the job would use up all of them
/// within the hour.
#[tokio::test]
async fn unrecorded_runs_wait_by_receives() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        _ if is_outcome(seen) => Answer::json_error(400, "ValidationException"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let waited = wait_after(&aws, &origins, "4").await;
    assert!((239..=240).contains(&waited), "{waited}");
}

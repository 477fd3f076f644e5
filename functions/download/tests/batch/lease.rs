//! Who works on a job: duplicates, leases, overtaken runs, a failing table.

use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::json;
use stand_in::{Kind, Spec};

use crate::{
    PLENTY, create_worker, delayed_media, hidden_seconds, job_accepted_at, lost_media, queued_job,
    requests::{
        closing_operations, healthy_aws, instance_answer, is_claim, is_instance_read, is_outcome,
        main_operations, outcome_updates, refuse_claim,
    },
    retry_answer, run_batch, run_job, sqs_event, start_servers, success_answer,
};

#[tokio::test]
async fn a_duplicate_is_not_downloaded() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => refuse_claim(seen, json!({ "state": { "S": "stored" } })),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    assert_eq!(main_operations(&aws), ["GetItem", "UpdateItem"]);
    assert_eq!(origins.requests().len(), 0);
}

/// Nothing is downloaded meanwhile.
#[tokio::test]
async fn a_leased_job_is_retried_after_the_lease() {
    const NOW: i64 = 1_795_000_000;
    // Two seconds are added; a lease longer than a run can have is not believed.
    for (lease_until, wait) in [(NOW + 125, 127), (NOW, 2), (NOW - 1000, 2), (NOW + 9999, 662)] {
        let item = json!({
            "state": { "S": "retrying" }, "lease_owner": { "S": "another run" },
            "lease_until": { "N": lease_until.to_string() },
        });
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" => refuse_claim(seen, item.clone()),
            _ => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
        let worker = create_worker(&aws, &origins, || NOW);
        let answer = run_batch(&worker, sqs_event(&[queued_job(&announced)]), PLENTY).await;
        assert_eq!(answer, retry_answer());
        assert_eq!(hidden_seconds(&aws), wait, "{lease_until}");
        let asked = ["GetItem", "UpdateItem", "ChangeMessageVisibility"];
        assert_eq!(main_operations(&aws), asked);
        assert_eq!(origins.requests().len(), 0);
    }
}

/// A lease lasts as long as the run can.
#[tokio::test]
async fn every_run_has_its_own_lease() {
    const NOW: i64 = 1_795_000_000;
    let (aws, origins) = start_servers(healthy_aws).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    let worker = create_worker(&aws, &origins, || NOW);
    for _ in 0..2 {
        let answer = run_batch(&worker, sqs_event(&[queued_job(&announced)]), PLENTY).await;
        assert_eq!(answer, success_answer());
    }
    let updates = aws.requests_of("UpdateItem");
    let claims: Vec<_> = updates
        .iter()
        .filter(|seen| is_claim(seen))
        .map(|seen| Update::from_request(seen).sets)
        .collect();
    assert_eq!(claims.len(), 2);
    assert_ne!(claims[0]["lease_owner"], claims[1]["lease_owner"]);
    for sets in claims {
        let until = sets["lease_until"]["N"].as_str().expect("a number");
        let until: i64 = until.parse().expect("a number");
        // Ten minutes, less what the batch keeps, and a minute on top.
        assert!((651..=652).contains(&(until - NOW)), "{until}");
    }
}

#[tokio::test]
async fn earlier_attempts_stay_in_the_record() {
    let earlier = json!({ "attempts": { "L": [{ "M": {
        "strategy": { "S": "cdn" }, "received_bytes": { "N": "0" }, "duration_ms": { "N": "1" },
        "verdict": { "S": "an earlier run's" },
    } }] } });
    let script = move |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if is_claim(seen) => Answer::json(&json!({ "Attributes": earlier })),
        _ => healthy_aws(seen),
    };
    for (spec, tried) in [(Spec::of(Kind::Image), 1), (delayed_media(), 3), (lost_media(), 3)] {
        let (aws, origins) = start_servers(script.clone()).await;
        let announced = origins.announce(spec).expect("a media file");
        run_job(&aws, &origins, queued_job(&announced)).await;
        let attempts = outcome_updates(&aws)[0].sets["attempts"]["L"].clone();
        let attempts = attempts.as_array().expect("a list");
        assert_eq!(attempts.len(), 1 + tried);
        assert_eq!(attempts[0]["M"]["verdict"]["S"], "an earlier run's");
    }
}

/// Its message is retried.
#[tokio::test]
async fn an_overtaken_run_writes_nothing_else() {
    let (plain, with_entry) = ("UpdateItem", "TransactWriteItems");
    for (spec, stores, write) in [
        (Spec::of(Kind::Image), 1, plain),
        (lost_media(), 0, with_entry),
        (delayed_media(), 0, with_entry),
        (Spec::of(Kind::Sticker), 0, plain),
    ] {
        let script = |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" if is_outcome(seen) => Answer::condition_failed(None),
            "TransactWriteItems" => {
                Answer::transaction_cancelled(["ConditionalCheckFailed", "None"])
            }
            _ if is_instance_read(seen) => {
                instance_answer(&json!({ "kinds": { "L": [{ "S": "image" }] } }), "c2VhbGVk")
            }
            _ => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let announced = origins.announce(spec).expect("a media file");
        assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
        assert_eq!(aws.requests_of("PutObject").len(), stores);
        assert_eq!(closing_operations(&aws), ["UpdateItem", write, "ChangeMessageVisibility"]);
    }
}

/// The lease expires, and the parked job is acknowledged.
#[tokio::test]
async fn a_failed_lease_release_fails_no_job() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if Update::from_request(seen).sets.is_empty() => {
            Answer::json_error(400, "ResourceNotFoundException")
        }
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(lost_media()).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    assert_eq!(aws.requests_of("SendMessage").len(), 1);
}

/// It is retried while the table fails, and parked shortly before SQS would drop it.
#[tokio::test]
async fn an_unclaimable_job_is_not_downloaded() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "ResourceNotFoundException"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
    let asked = ["GetItem", "UpdateItem", "ChangeMessageVisibility"];
    assert_eq!(main_operations(&aws), asked);

    // Past its time too, because no source was asked, until the queue is about to drop it.
    let ends = [(retry_answer(), "ChangeMessageVisibility"), (success_answer(), "SendMessage")];
    for (half_days, (answer, end)) in [(12, ends[0].clone()), (13, ends[1].clone())] {
        let aws = Aws::start(script).await;
        let accepted_at = boot::clock::now() - half_days * 12 * 60 * 60;
        let job = job_accepted_at(&announced, accepted_at);
        assert_eq!(run_job(&aws, &origins, job).await, answer);
        assert_eq!(main_operations(&aws), ["GetItem", "UpdateItem", end]);
    }
    assert_eq!(origins.requests().len(), 0);
}

/// While the table and the parked queue both fail, there is no place where an operator would find
/// it.
#[tokio::test]
async fn a_job_without_table_and_queue_is_retried() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "ResourceNotFoundException"),
        "SendMessage" => Answer::json_error(403, "AccessDeniedException"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    let job = job_accepted_at(&announced, boot::clock::now() - 7 * 24 * 60 * 60);
    assert_eq!(run_job(&aws, &origins, job).await, retry_answer());
    let asked = ["GetItem", "UpdateItem", "SendMessage", "ChangeMessageVisibility"];
    assert_eq!(main_operations(&aws), asked);
}

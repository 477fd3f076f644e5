//! What a run writes at its end, under its lease.

use std::collections::BTreeMap;

use aws::ledger::{Claim, EntryChange, LeaseAfter, MAX_ATTEMPTS, WriteOutcome};
use media::{
    policy::SkipRule,
    record::{Record, RunCounts, State},
};
use scripted_aws::{Answer, Aws};
use serde_json::json;

use super::helpers::{
    NOW, claim, job, key, lease, ledger, names, parked, retrying, run_fields, stored, update,
    without_earlier, write, written,
};
use crate::samples::{JPEG, instance, proof_of};

fn skipped() -> State {
    State::Skipped { rule: SkipRule::Chat }
}

fn every_state() -> [State; 4] {
    [stored(), retrying(), parked(), skipped()]
}

#[tokio::test]
async fn a_stored_media_file_clears_the_failure() {
    let update = written(&stored(), 1, LeaseAfter::Keep).await;
    let sets = run_fields(&[
        ("state", json!({ "S": "stored" })),
        ("object_key", json!({ "S": "acme/key.jpg" })),
        ("size_bytes", json!({ "N": JPEG.len().to_string() })),
        ("sha256", json!({ "S": proof_of(JPEG).sha256.to_hex() })),
        ("strategy", json!({ "S": "cdn" })),
        ("integrity", json!({ "S": "mac+sha256" })),
        ("stored_at", json!({ "N": "1787432000" })),
        ("mimetype", json!({ "S": "image/jpeg" })),
    ]);
    assert_eq!(update.sets, sets);
    assert_eq!(
        update.removes,
        names(&["class", "reason", "committing", "lost_since", "runs", "late_runs", "forget_at"])
    );
}

#[tokio::test]
async fn a_failure_is_written_with_class_and_reason() {
    for (state, name, class, reason) in [
        (retrying(), "retrying", "transient", "the CDN is down"),
        (parked(), "parked", "expired", "the CDN has lost it"),
    ] {
        let update = written(&state, 1, LeaseAfter::Keep).await;
        let sets = run_fields(&[
            ("state", json!({ "S": name })),
            ("class", json!({ "S": class })),
            ("reason", json!({ "S": reason })),
        ]);
        assert_eq!(update.sets, sets);
        assert_eq!(update.removes, names(&["lost_since", "runs", "late_runs", "forget_at"]));
    }
}

/// A media file counts as lost only when it is found lost again later, so the next run must know
/// when it was found lost first.
#[tokio::test]
async fn the_next_claim_returns_when_it_was_lost() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let job = job();
    let record = Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        key: &key(),
        state: &parked(),
        attempts: &[],
        lost_since: Some(NOW - 3600),
        runs: RunCounts::default(),
        now: NOW,
        forget_at: None,
    };
    let written = ledger(&aws).write(&record, &lease(), LeaseAfter::Keep, EntryChange::Keep).await;
    assert_eq!(written, Ok(WriteOutcome::Yes));
    let item = update(&aws.only_request("UpdateItem")).sets;
    assert_eq!(item["lost_since"], json!({ "N": "1787428400" }));
    for (item, since) in [
        (json!(item), Some(NOW - 3600)),
        (json!({}), None),
        (json!({ "lost_since": { "S": "long ago" } }), None),
    ] {
        let aws = without_earlier([Answer::json(&json!({ "Attributes": item }))]).await;
        let claimed = claim(&aws).await.expect("an answer");
        let Claim::Mine { lost_since, .. } = claimed else {
            panic!("{claimed:?}");
        };
        assert_eq!(lost_since, since);
    }
}

/// A record of an earlier version has no counts, which is 0.
#[tokio::test]
async fn the_next_claim_returns_the_runs() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let job = job();
    let runs = RunCounts { ended: 7, late: 2 };
    let record = Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        key: &key(),
        state: &retrying(),
        attempts: &[],
        lost_since: None,
        runs,
        now: NOW,
        forget_at: None,
    };
    let written =
        ledger(&aws).write(&record, &lease(), LeaseAfter::Release, EntryChange::Keep).await;
    assert_eq!(written, Ok(WriteOutcome::Yes));
    let item = update(&aws.only_request("UpdateItem")).sets;
    assert_eq!((&item["runs"], &item["late_runs"]), (&json!({ "N": "7" }), &json!({ "N": "2" })));
    for (item, expected) in [
        (json!(item), runs),
        (json!({}), RunCounts::default()),
        (json!({ "runs": { "N": "-1" }, "late_runs": { "S": "x" } }), RunCounts::default()),
    ] {
        let aws = without_earlier([Answer::json(&json!({ "Attributes": item }))]).await;
        let claimed = claim(&aws).await.expect("an answer");
        let Claim::Mine { runs, .. } = claimed else {
            panic!("{claimed:?}");
        };
        assert_eq!(runs, expected);
    }
}

#[tokio::test]
async fn a_skip_is_written_with_its_rule() {
    let update = written(&skipped(), 1, LeaseAfter::Keep).await;
    let rule = SkipRule::Chat.as_str();
    let sets =
        run_fields(&[("state", json!({ "S": "skipped" })), ("reason", json!({ "S": rule }))]);
    assert_eq!(update.sets, sets);
    assert_eq!(update.removes, names(&["class", "lost_since", "runs", "late_runs", "forget_at"]));
}

/// Only the last write of a run ends it.
#[tokio::test]
async fn every_write_needs_the_lease() {
    for state in every_state() {
        let kept = written(&state, 1, LeaseAfter::Keep).await;
        let released = written(&state, 1, LeaseAfter::Release).await;
        for update in [&kept, &released] {
            assert_eq!(update.condition.as_deref(), Some("lease_owner = this run"));
            assert_eq!(update.sets_once, BTreeMap::new());
        }
        assert_eq!(released.sets, kept.sets);
        let mut removes = kept.removes;
        removes.extend(names(&["lease_owner", "lease_until"]));
        assert_eq!(released.removes, removes, "{state:?}");
    }
}

#[tokio::test]
async fn every_write_of_an_overtaken_run_says_so() {
    for state in every_state() {
        for lease_after in [LeaseAfter::Keep, LeaseAfter::Release] {
            let aws = Aws::answer_in_order([Answer::condition_failed(None)]).await;
            let written = write(&aws, &state, 1, lease_after).await.expect("an answer");
            assert_eq!(written, WriteOutcome::Overtaken, "{state:?}");
            assert_eq!(aws.operations(), ["UpdateItem"]);
        }
    }
}

#[tokio::test]
async fn a_write_that_fails_is_an_error() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "ResourceNotFoundException")]).await;
    let refused = write(&aws, &stored(), 1, LeaseAfter::Release).await.expect_err("no table");
    assert_eq!(
        refused.to_string(),
        "dynamodb:UpdateItem failed: ResourceNotFoundException (HTTP 400)"
    );
}

#[tokio::test]
async fn the_latest_twenty_attempts_are_kept_in_order() {
    for (made, oldest, kept) in [(0, 1, 0), (20, 1, 20), (57, 38, 20)] {
        let update = written(&retrying(), made, LeaseAfter::Release).await;
        let attempts = update.sets["attempts"]["L"].as_array().expect("a list").clone();
        let verdicts: Vec<_> =
            attempts.iter().map(|one| one["M"]["verdict"]["S"].clone()).collect();
        let expected: Vec<_> =
            (oldest..oldest + kept).map(|n| json!(format!("attempt {n}"))).collect();
        assert_eq!(verdicts, expected);
    }
    assert_eq!(MAX_ATTEMPTS, 20);
}

#[tokio::test]
async fn a_release_only_ends_its_own_lease() {
    let failing = || Answer::json_error(400, "AccessDeniedException");
    let aws =
        Aws::answer_in_order([Answer::json(&json!({})), Answer::condition_failed(None), failing()])
            .await;
    let released = ledger(&aws).release(&instance(), &key(), &lease()).await;
    assert_eq!(released, Ok(WriteOutcome::Yes));
    let update = update(&aws.only_request("UpdateItem"));
    assert_eq!((update.sets.len(), update.sets_once.len()), (0, 0));
    assert_eq!(update.removes, names(&["lease_owner", "lease_until"]));
    assert_eq!(update.condition.as_deref(), Some("lease_owner = this run"));
    let released = ledger(&aws).release(&instance(), &key(), &lease()).await;
    assert_eq!(released, Ok(WriteOutcome::Overtaken));
    let refused = ledger(&aws).release(&instance(), &key(), &lease()).await;
    assert_eq!(refused.expect_err("refused").status, Some(400));
}

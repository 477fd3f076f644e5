//! The intent that a run writes before it commits.

use aws::ledger::{Claim, CommitIntent, WriteOutcome};
use media::{record::Integrity, sha256::Sha256, strategy::Strategy};
use scripted_aws::{Answer, Aws};
use serde_json::json;

use super::helpers::{claim, key, lease, ledger, update, without_earlier};
use crate::samples::{JPEG, instance};

fn intent(of: &str) -> CommitIntent {
    CommitIntent {
        object_key: "acme/key.jpg".to_owned(),
        strategy: Strategy::Cdn,
        size_bytes: JPEG.len() as u64,
        sha256: Sha256::from_data(of.as_bytes()),
        integrity: Integrity::MacOnly,
        run: (of == "mine").then(|| "the run's token".to_owned()),
    }
}

/// At most eight intents are kept: the first, whose object has no tag, and the latest. One that
/// this build cannot read hides no other, and one of another tenant is not returned.
#[tokio::test]
async fn the_next_claim_returns_every_intent() {
    let earlier: Vec<_> = (0..9).map(|n| intent(&n.to_string())).collect();
    let aws =
        Aws::answer_in_order([Answer::json(&json!({})), Answer::condition_failed(None)]).await;
    let ledger = ledger(&aws);
    let (instance, key, lease, mine) = (instance(), key(), lease(), intent("mine"));
    for written in [WriteOutcome::Yes, WriteOutcome::Overtaken] {
        let given = ledger.write_intent(&instance, &key, &lease, &earlier, &mine);
        assert_eq!(given.await, Ok(written));
    }
    let update = update(&aws.requests_of("UpdateItem")[0]);
    assert_eq!(update.condition.as_deref(), Some("lease_owner = this run"));
    let mut list = update.sets["committing"]["L"].as_array().expect("a list").clone();
    list.insert(3, json!({ "M": { "strategy": { "S": "of_a_newer_version" } } }));
    // A run for the tenant to whom the instance belonged before meant another folder.
    let mut former = list[4].clone();
    former["M"]["object_key"] = json!({ "S": "former/LITE-AAAAAA-BBBBBB/x.jpg" });
    list.insert(5, former);
    let given = json!({ "Attributes": { "committing": { "L": list } } });
    let aws = without_earlier([Answer::json(&given)]).await;
    let claimed = claim(&aws).await.expect("an answer");
    let Claim::Mine { intents, .. } = claimed else {
        panic!("{claimed:?}");
    };
    let (first, latest) = (earlier[0].clone(), earlier.into_iter().skip(3));
    let kept = [first].into_iter().chain(latest).chain([mine]);
    assert_eq!(intents, kept.collect::<Vec<_>>());
}

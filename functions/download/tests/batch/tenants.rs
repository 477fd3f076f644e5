//! Jobs and records of another tenant than the instance's.

use scripted_aws::{Answer, RecordedRequest, Update};
use serde_json::json;
use stand_in::{Kind, Spec};

use crate::{
    hidden_seconds, queued_job,
    requests::{healthy_aws, main_operations, refuse_claim},
    retry_answer, run_job, start_servers, success_answer,
};

/// No token is decrypted, and the record, which belongs to the other tenant, is not touched.
#[tokio::test]
async fn a_job_of_another_tenant_is_parked() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    let forged = queued_job(&announced).replace(r#""tenant":"acme""#, r#""tenant":"thief""#);
    let answer = run_job(&aws, &origins, forged.clone()).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "poison");
    // The instance was read again, and whether a record is the job's own.
    let parked = ["GetItem", "GetItem", "GetItem", "TransactWriteItems", "SendMessage"];
    assert_eq!(main_operations(&aws), parked);
    // An entry that is nobody's record's, with the job as it came.
    let items = aws.only_request("TransactWriteItems").json()["TransactItems"].clone();
    let entry = Update::from_body(&items[0]["Update"]);
    assert_eq!((items.as_array().map(Vec::len), entry.table.as_str()), (Some(1), "jobs-table"));
    assert!(entry.key["message_id"]["S"].as_str().is_some_and(|key| key.starts_with("~body.")));
    assert_eq!(
        (&entry.sets["tenant"]["S"], &entry.sets["body"]["S"]),
        (&json!("thief"), &json!(forged))
    );
    assert!(origins.requests().is_empty());
}

/// The job is parked instead.
#[tokio::test]
async fn a_former_tenants_file_is_no_duplicate() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => refuse_claim(
            seen,
            json!({ "state": { "S": "stored" }, "tenant": { "S": "the one before" } }),
        ),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "poison");
    let parked = ["GetItem", "UpdateItem", "TransactWriteItems", "SendMessage"];
    assert_eq!(main_operations(&aws), parked);
}

#[tokio::test]
async fn an_unparkable_job_of_another_tenant_is_retried() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(403, "AccessDeniedException"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    let forged = queued_job(&announced).replace(r#""tenant":"acme""#, r#""tenant":"thief""#);
    assert_eq!(run_job(&aws, &origins, forged).await, retry_answer());
    assert_eq!(hidden_seconds(&aws), 300);
}

//! The requests of a run to AWS: a healthy script, which request is which, and what was written.

use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use stand_in::DEFAULT_INSTANCE;

/// Whether the request reads the instance.
pub(crate) fn is_instance_read(seen: &RecordedRequest) -> bool {
    seen.operation() == "GetItem" && seen.text().contains("\"instances\"")
}

/// Whether the request asks for orders to erase.
pub(crate) fn is_orders_read(seen: &RecordedRequest) -> bool {
    matches!(seen.operation(), "GetItem" | "BatchGetItem") && seen.text().contains("\"orders\"")
}

/// The default instance as the table holds it.
pub(crate) fn instance_answer(policy: &Value, sealed_token: &str) -> Answer {
    Answer::json(&json!({ "Item": {
        "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "acme" }, "secret_hashes": { "L": [] },
        "policy": { "M": policy }, "sealed_token": { "S": sealed_token }, "created_at": { "N": "0" },
    } }))
}

/// Whether the request looks for a record of an earlier version, whose key was the message id.
pub(crate) fn is_legacy_lookup(seen: &RecordedRequest) -> bool {
    let key =
        |seen: &RecordedRequest| seen.json()["Key"]["message_id"]["S"].as_str().map(str::to_owned);
    seen.operation() == "GetItem" && key(seen).is_some_and(|key| !key.contains('#'))
}

/// Whether the request adds the counts of the invocation.
pub(crate) fn is_count(seen: &RecordedRequest) -> bool {
    seen.operation() == "UpdateItem" && seen.json()["TableName"] == "counters"
}

/// Refuses a claim. `item` is the present record; what the claim says about the media file is
/// added.
pub(crate) fn refuse_claim(seen: &RecordedRequest, mut item: Value) -> Answer {
    if is_count(seen) {
        return Answer::json(&json!({}));
    }
    let Update { sets, sets_once, .. } = Update::from_request(seen);
    let told = sets.into_iter().chain(sets_once);
    for (name, value) in told.filter(|(name, _)| name == "message" || name.starts_with("chat_")) {
        item[name] = value;
    }
    Answer::condition_failed(Some(&item))
}

/// Whether the request notes what the run is about to commit.
pub(crate) fn is_intent(seen: &RecordedRequest) -> bool {
    seen.operation() == "UpdateItem" && Update::from_request(seen).sets.contains_key("committing")
}

/// Healthy AWS: one instance, nothing is stored yet, and every claim succeeds.
pub(crate) fn healthy_aws(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        _ if is_instance_read(seen) => instance_answer(&json!({}), "c2VhbGVk"),
        "Decrypt" => Answer::json(
            &json!({ "Plaintext": "aW52ZW50ZWQtdG9rZW4tb2YtTElURS1BQUFBQUEtQkJCQkJCLWZyb20tdGhlLXN0YXJ0" }),
        ),
        "PutObject" => Answer::empty_success().with_header("etag", "\"e\""),
        _ => Answer::json(&json!({})),
    }
}

/// Healthy AWS, and an instance with this policy.
pub(crate) fn aws_with_policy(
    policy: Value,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    move |seen| {
        if is_instance_read(seen) {
            instance_answer(&policy, "c2VhbGVk")
        } else {
            healthy_aws(seen)
        }
    }
}

/// Whether the request takes the lease. Later updates only keep or release it.
pub(crate) fn is_claim(seen: &RecordedRequest) -> bool {
    seen.operation() == "UpdateItem"
        && !is_count(seen)
        && Update::from_request(seen).sets.contains_key("lease_owner")
}

/// Whether the request writes the outcome of a job, or releases a lease.
pub(crate) fn is_outcome(seen: &RecordedRequest) -> bool {
    let is_plain = seen.operation() == "UpdateItem";
    seen.operation() == "TransactWriteItems"
        || (is_plain && !is_claim(seen) && !is_count(seen) && !is_intent(seen))
}

/// The updates of the record after the claim: outcomes and released leases.
pub(crate) fn outcome_updates(aws: &Aws) -> Vec<Update> {
    let requests = aws.requests();
    let writes = requests.iter().filter(|seen| is_outcome(seen));
    let update_of_record = |seen: &RecordedRequest| match seen.operation() {
        "TransactWriteItems" => Update::from_body(&seen.json()["TransactItems"][0]["Update"]),
        _ => Update::from_request(seen),
    };
    writes.map(update_of_record).collect()
}

/// The writes of the job entry, in order: each is an `Update` or a `Delete`.
pub(crate) fn entry_writes(aws: &Aws) -> Vec<Value> {
    let transactions = aws.requests_of("TransactWriteItems");
    let writes = transactions.iter().map(|seen| seen.json()["TransactItems"][1].clone());
    writes.collect()
}

/// The attributes that the only write of the job entry sets.
pub(crate) fn written_entry(aws: &Aws) -> Update {
    let writes = entry_writes(aws);
    assert_eq!(writes.len(), 1, "{writes:?}");
    let update = Update::from_body(&writes[0]["Update"]);
    assert_eq!(update.table, "jobs-table");
    update
}

/// When the job entry is due, in seconds since 1970.
pub(crate) fn due_at(entry: &Update) -> i64 {
    entry.sets["due_at"]["N"].as_str().and_then(|n| n.parse().ok()).expect("a time")
}

/// The state that an update sets, if any, and whether it releases the lease.
pub(crate) fn written_state(write: &Update) -> (Option<&str>, bool) {
    let state = write.sets.get("state").and_then(|one| one["S"].as_str());
    (state, write.removes.contains("lease_owner"))
}

/// The operations on the record, the parked queue and the message, in order.
pub(crate) fn closing_operations(aws: &Aws) -> Vec<&'static str> {
    let is_end = |name: &&str| !["GetItem", "Decrypt", "PutObject"].contains(name);
    main_operations(aws).into_iter().filter(is_end).collect()
}

/// All operations, except lookups of records of an earlier version, notes of commits, counts, and
/// questions for orders.
pub(crate) fn main_operations(aws: &Aws) -> Vec<&'static str> {
    let seen = aws.requests();
    let is_beside = |seen: &RecordedRequest| {
        is_legacy_lookup(seen) || is_intent(seen) || is_count(seen) || is_orders_read(seen)
    };
    seen.iter().filter(|seen| !is_beside(seen)).map(RecordedRequest::operation).collect()
}

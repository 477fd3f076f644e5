//! The audit table: a line is inserted and never replaced, and an end belongs to its beginning.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::collections::HashMap;

use operator::audit::{AuditLine, AuditTable, BEGUN, COMPLETE, LineSpan};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

const AT: &str = "2026-11-26T12:00:00.000000001Z";

fn table(aws: &Aws) -> AuditTable {
    AuditTable::new(&aws.clients, "audit-table".to_owned())
}

fn line(outcome: &str) -> AuditLine {
    AuditLine {
        action: "media export".to_owned(),
        at: AT.to_owned(),
        who: "arn:aws:iam::123456789012:user/one".to_owned(),
        tenant: "acme".to_owned(),
        instance: Some("LITE-AAAAAA-000001".to_owned()),
        scope: "chat".to_owned(),
        outcome: outcome.to_owned(),
        ..AuditLine::default()
    }
}

/// What a statement inserts, by name.
fn inserted(request: &Value) -> HashMap<String, Value> {
    let statement = request["Statement"].as_str().expect("a statement");
    let values = statement.strip_prefix("INSERT INTO \"audit-table\" VALUE {").expect("an insert");
    let names = values.trim_end_matches('}').split(", ");
    let names = names.map(|pair| pair.strip_suffix(": ?").expect("a parameter").trim_matches('\''));
    let values = request["Parameters"].as_array().expect("parameters").iter().cloned();
    names.map(str::to_owned).zip(values).collect()
}

/// `INSERT` fails if the key is taken; `PutItem` would replace the line.
#[tokio::test]
async fn begin_and_end_are_inserted_as_two_items() {
    let aws = Aws::start(|_| Answer::json(&json!({}))).await;
    for outcome in [BEGUN, COMPLETE] {
        table(&aws).put_line(&line(outcome)).await.expect("written");
    }
    let requests = aws.requests_of("ExecuteStatement");
    let [begin, end] = [0, 1].map(|n| inserted(&requests[n].json()));
    assert_eq!(aws.operations(), ["ExecuteStatement"; 2]);
    assert_eq!(begin["at"], json!({ "S": AT }));
    assert_eq!(end["at"], json!({ "S": format!("{AT}~end") }));
    assert_eq!(
        (&begin["outcome"], &end["outcome"]),
        (&json!({"S": BEGUN}), &json!({"S": COMPLETE}))
    );
    assert_eq!(begin["instance"], json!({ "S": "LITE-AAAAAA-000001" }));
}

#[tokio::test]
async fn a_line_that_is_there_is_an_error() {
    let aws = Aws::start(|_| Answer::json_error(400, "DuplicateItemException")).await;
    let error = table(&aws).put_line(&line(BEGUN)).await.expect_err("it is there");
    assert_eq!(error.code, "DuplicateItemException");
}

fn item(at: &str, who: &str, outcome: &str) -> Value {
    json!({
        "action": { "S": "media export" }, "at": { "S": at }, "who": { "S": who },
        "tenant": { "S": "acme" }, "scope": { "S": "chat" }, "outcome": { "S": outcome },
        "removed": { "M": {} },
    })
}

/// The newest first; an end that another caller wrote is ignored.
#[tokio::test]
async fn a_line_has_the_outcome_of_its_own_end() {
    let items = json!({ "Items": [
        item("2026-11-26T03~end", "stranger", "complete"), item("2026-11-26T03", "one", "begun"),
        item("2026-11-26T02~end", "one", "incomplete"), item("2026-11-26T02", "one", "begun"),
        item("2026-11-26T01", "one", "complete"),
    ] });
    let aws = Aws::start(move |_| Answer::json(&items)).await;
    let span = LineSpan { since: "2026", before: None };
    let lines = table(&aws).list_lines(("media export", span), |_| true, 10).await;
    let lines = lines.expect("lines");
    let shown: Vec<_> = lines.iter().map(|line| (&*line.at, &*line.outcome)).collect();
    let expected = [
        ("2026-11-26T03", "begun"),
        ("2026-11-26T02", "incomplete"),
        ("2026-11-26T01", "complete"),
    ];
    assert_eq!(shown, expected);
    let values = aws.only_request("Query").json()["ExpressionAttributeValues"].clone();
    assert_eq!(values, json!({ ":action": { "S": "media export" }, ":since": { "S": "2026" } }));
}

/// A tenant's line is found behind more than a page of others', and the next page begins after the
/// last line that was shown.
#[tokio::test]
async fn lines_are_read_until_enough_are_meant() {
    let pages = |seen: &scripted_aws::RecordedRequest| {
        let asked = seen.json();
        let key = |at: &str| json!({ "action": { "S": "media export" }, "at": { "S": at } });
        match asked["ExclusiveStartKey"]["at"]["S"].as_str() {
            None => Answer::json(&json!({
                "Items": [item("2026-11-26T05", "other", "complete")],
                "LastEvaluatedKey": key("2026-11-26T05"),
            })),
            Some(_) => Answer::json(&json!({ "Items": [
                item("2026-11-26T04~end", "one", "complete"), item("2026-11-26T04", "one", "begun"),
                item("2026-11-26T03", "one", "begun"), item("2026-11-26T02", "one", "begun"),
            ] })),
        }
    };
    let aws = Aws::start(pages).await;
    let list = async |before, max| {
        let span = LineSpan { since: "2026", before };
        let is_meant = |line: &AuditLine| line.who == "one";
        let lines = table(&aws).list_lines(("media export", span), is_meant, max).await;
        let lines = lines.expect("lines").into_iter();
        lines.map(|line| format!("{} {}", line.at, line.outcome)).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 2).await, ["2026-11-26T04 complete", "2026-11-26T03 begun"]);
    assert_eq!(list(Some("2026-11-26T03"), 2).await[1], "2026-11-26T02 begun");
    let asked = aws.requests_of("Query").pop().expect("a query").json();
    assert_eq!(
        asked["KeyConditionExpression"],
        "#action = :action AND #at BETWEEN :since AND :before"
    );
}

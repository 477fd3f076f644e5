//! The audit table: a line is copied, inserted and never replaced, and an end belongs to its
//! beginning.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::collections::HashMap;

use operator::{
    audit::{AuditLine, AuditTable, BEGUN, COMPLETE, LineSpan},
    audit_copies::AuditCopies,
};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

const AT: &str = "2026-11-26T12:00:00.000000001Z";

fn table(aws: &Aws) -> AuditTable {
    AuditTable::new(&aws.clients, "audit-table".to_owned(), None)
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

fn copies(aws: &Aws) -> AuditCopies {
    AuditCopies::new(&aws.clients, "locked".to_owned(), "wapi-media".to_owned())
}

/// The copy is there before the line, each under a key of its own that nothing can take again.
#[tokio::test]
async fn each_line_is_copied_before_it_is_inserted() {
    let aws = Aws::start(|_| Answer::json(&json!({}))).await;
    let table = AuditTable::new(&aws.clients, "audit-table".to_owned(), Some(copies(&aws)));
    for outcome in [BEGUN, COMPLETE] {
        table.put_line(&line(outcome)).await.expect("written");
    }
    let requests = aws.requests();
    let methods: Vec<_> = requests.iter().map(|one| one.method.as_str()).collect();
    assert_eq!(methods, ["PUT", "POST", "PUT", "POST"]);
    for (n, part, outcome) in [(0, "begin", BEGUN), (2, "end", COMPLETE)] {
        let (copy, key) = (&requests[n], format!("{AT}-media-export-{part}.json"));
        let path = copy.path.replace("%3A", ":");
        assert_eq!(path, format!("/locked/wapi-media/2026-11-26/{key}"));
        assert_eq!(copy.header("if-none-match"), Some("*"));
        let text = copy.text();
        let copied = text.lines().find(|line| line.starts_with('{')).expect("a JSON text");
        let copied: AuditLine = serde_json::from_str(copied).expect("an audit line");
        assert_eq!(copied, line(outcome));
    }
}

/// Neither a bucket that refuses nor a copy that is there lets a line be inserted.
#[tokio::test]
async fn without_its_copy_no_line_is_inserted() {
    for status in [403, 412] {
        let aws = Aws::start(move |_| Answer::s3_error(status, "Refused")).await;
        let table = AuditTable::new(&aws.clients, "audit-table".to_owned(), Some(copies(&aws)));
        let error = table.put_line(&line(BEGUN)).await.expect_err("there is no copy");
        assert_eq!((error.operation, error.status), ("s3:PutObject", Some(status)));
        assert!(aws.requests().iter().all(|one| one.method == "PUT"), "it was inserted");
    }
}

/// A bucket without a default retention keeps nothing.
#[tokio::test]
async fn a_bucket_tells_how_it_locks() {
    let lock = |rule: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
        )
    };
    let rule = |mode: &str, span: &str| {
        lock(&format!(
            "<Rule><DefaultRetention><Mode>{mode}</Mode>{span}</DefaultRetention></Rule>"
        ))
    };
    for (answer, expected) in [
        (rule("COMPLIANCE", "<Days>365</Days>"), Some("COMPLIANCE, 365 days")),
        (rule("GOVERNANCE", "<Years>5</Years>"), Some("GOVERNANCE, 5 years")),
        (lock(""), None),
    ] {
        let aws = Aws::start(move |_| Answer::new(200, answer.clone())).await;
        assert_eq!(copies(&aws).describe_lock().await.expect("an answer").as_deref(), expected);
    }
    let not_found = |_: &_| Answer::s3_error(404, "ObjectLockConfigurationNotFoundError");
    let aws = Aws::start(not_found).await;
    assert_eq!(copies(&aws).describe_lock().await.expect("an answer"), None);
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

//! The counters table as an operator reads it, and the count of what is unsettled.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use operator::{
    counters::DayCounters,
    unsettled::{LimitedCount, UnsettledMedia},
};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

fn counters(aws: &Aws) -> DayCounters {
    DayCounters::new(&aws.clients, "counters".to_owned())
}

fn item(day: &str, counts: &[(&str, &str)]) -> Value {
    let mut item = json!({ "tenant": { "S": "acme" }, "day": { "S": day },
        "forget_at": { "N": "1829560000" } });
    let fields = item.as_object_mut().expect("an object");
    fields.extend(counts.iter().map(|(name, count)| ((*name).to_owned(), json!({ "N": count }))));
    item
}

/// All pages; strategies and classes of another version too; a count that cannot be read is 0.
#[tokio::test]
async fn days_are_read_with_every_count() {
    let first = item(
        "2026-08-22#LITE-AAAAAA-000001",
        &[
            ("announced", "9"),
            ("stored", "5"),
            ("bytes", "70"),
            ("stored_cdn", "4"),
            ("stored_by_post", "1"),
            ("puts", "6"),
            ("attempt_ms", "800"),
            ("skipped", "1"),
            ("parked_expired", "2"),
            ("parked_of_later", "1"),
        ],
    );
    let mut odd = item("2026-08-23#LITE-AAAAAA-000002", &[("stored", "1.5")]);
    odd["announced"] = json!({ "S": "many" });
    let aws = Aws::answer_in_order([
        Answer::json(&json!({ "Items": [first], "LastEvaluatedKey": item("x", &[]) })),
        Answer::json(&json!({ "Items": [odd] })),
    ])
    .await;
    let days = counters(&aws).list_days("acme", "2026-08-20", "2026-08-23").await;
    let days = days.expect("an answer");
    let [first, odd] = days.as_slice() else { unreachable!("{days:?}") };
    assert_eq!((&*first.day, &*first.instance), ("2026-08-22", "LITE-AAAAAA-000001"));
    let counts = &first.counts;
    let plain = [counts.announced, counts.stored, counts.bytes, counts.puts, counts.attempt_ms];
    assert_eq!((plain, counts.skipped), ([9, 5, 70, 6, 800], 1));
    assert_eq!(counts.strategies, [("by_post".to_owned(), 1), ("cdn".to_owned(), 4)].into());
    assert_eq!(counts.parked, [("expired".to_owned(), 2), ("of_later".to_owned(), 1)].into());
    assert_eq!((odd.counts.announced, odd.counts.stored), (0, 0));
    let asked = aws.requests_of("Query").first().expect("a query").json();
    assert_eq!(asked["KeyConditionExpression"], "tenant = :tenant AND #day BETWEEN :from AND :to");
    let values = &asked["ExpressionAttributeValues"];
    let [from, to] = [":from", ":to"].map(|name| values[name]["S"].as_str().unwrap_or_default());
    // Both days are included, and no other.
    assert!(from <= "2026-08-20#A" && from > "2026-08-19#z", "{from}");
    assert!(("2026-08-23#zzzz".."2026-08-24").contains(&to), "{to}");
}

#[tokio::test]
async fn counting_began_when_the_table_was_made() {
    let made = json!({ "Table": { "TableName": "counters", "CreationDateTime": 1_787_431_679.5 } });
    let aws = Aws::answer_in_order([Answer::json(&made), Answer::json(&json!({}))]).await;
    assert_eq!(counters(&aws).find_beginning().await, Ok(Some(1_787_431_679)));
    assert_eq!(counters(&aws).find_beginning().await, Ok(None));
}

/// `DynamoDB` counts, and returns no item. A count that ends early says that there are more.
#[tokio::test]
async fn unsettled_jobs_are_counted_until_a_limit() {
    let page = |count: u64, goes_on: bool| {
        let key = json!({ "tenant": { "S": "acme" }, "state_class": { "S": "parked#expired" },
            "instance": { "S": "LITE-AAAAAA-000001" }, "message_id": { "S": "3EB0" } });
        let mut page = json!({ "Count": count, "ScannedCount": count });
        if goes_on {
            page["LastEvaluatedKey"] = key;
        }
        Answer::json(&page)
    };
    for (pages, expected) in [
        ([page(3, true), page(0, true), page(4, false)], (7, false)),
        ([page(3, true), page(8, true), page(4, false)], (11, true)),
    ] {
        let aws = Aws::answer_in_order(pages).await;
        let unsettled = UnsettledMedia::new(&aws.clients, "jobs-table".to_owned());
        let (count, is_more) = expected;
        let counted = unsettled.count_by_tenant("acme", "parked", 10).await;
        assert_eq!(counted, Ok(LimitedCount { count, is_more }));
        let asked = aws.requests_of("Query").first().expect("a query").json();
        assert_eq!((&asked["Select"], &asked["IndexName"]), (&json!("COUNT"), &json!("by_tenant")));
        let values = &asked["ExpressionAttributeValues"];
        assert_eq!(values[":state"], json!({ "S": "parked#" }));
        assert_eq!(values[":tenant"], json!({ "S": "acme" }));
    }
}

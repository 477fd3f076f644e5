//! Numbers without a LID: noted once, unless a pair has them, and listed when they are due.

use aws::open_people::OpenPeople;
use media::ids::TenantId;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::json;

use crate::samples::instance;

const PHONE: &str = "5500900000002";

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

fn open_people(aws: &Aws) -> OpenPeople {
    OpenPeople::new(&aws.clients, "people".to_owned())
}

#[tokio::test]
async fn a_number_is_noted_unless_a_pair_has_it() {
    for (pairs, operations) in [(0, vec!["Query", "PutItem"]), (1, vec!["Query"])] {
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            "Query" => Answer::json(&json!({ "Items": vec![json!({}); pairs] })),
            // Another process was faster.
            _ => Answer::condition_failed(None),
        })
        .await;
        let people = open_people(&aws);
        assert!(people.is_new(&instance(), PHONE));
        people.note((&tenant(), &instance()), PHONE, (7, None)).await.expect("noted");
        assert!(!people.is_new(&instance(), PHONE), "it is looked up once");
        assert_eq!(aws.operations(), operations);
        let asked = aws.only_request("Query").json()["ExpressionAttributeValues"].clone();
        assert_eq!(asked[":prefix"]["S"], format!("phone#{PHONE}#"));
        if let Some(put) = aws.requests_of("PutItem").first() {
            let put = put.json();
            assert_eq!(put["Item"]["link"]["S"], format!("open#{PHONE}"));
            assert_eq!(put["Item"]["tenant"]["S"], "acme");
            let condition = "attribute_not_exists(link) OR NOT tenant = :tenant";
            assert_eq!(put["ConditionExpression"], condition);
        }
    }
}

#[tokio::test]
async fn a_number_that_could_not_be_noted_is_still_new() {
    let aws = Aws::start(|_| Answer::json_error(400, "AccessDeniedException")).await;
    let people = open_people(&aws);
    assert!(people.note((&tenant(), &instance()), PHONE, (7, None)).await.is_err());
    assert!(people.is_new(&instance(), PHONE));
}

/// The filter leaves pages empty, which are no end.
#[tokio::test]
async fn due_numbers_are_read_past_an_empty_page() {
    let aws = Aws::start(|seen: &RecordedRequest| {
        let start = seen.json()["ExclusiveStartKey"]["link"]["S"].as_str().map(str::to_owned);
        let key = json!({ "instance": { "S": "i" }, "link": { "S": "open#1" } });
        match start {
            None => Answer::json(&json!({ "Items": [], "LastEvaluatedKey": key })),
            Some(_) => Answer::json(&json!({ "Items": [{ "phone": { "S": PHONE } }] })),
        }
    })
    .await;
    let due = open_people(&aws).list_due(&instance(), 1000, 10).await.expect("numbers");
    assert_eq!(due, [PHONE]);
    let asked = aws.requests_of("Query")[0].json();
    assert_eq!(asked["FilterExpression"], "attribute_not_exists(ask_after) OR ask_after <= :now");
    assert_eq!(asked["ExpressionAttributeValues"][":now"]["N"], "1000");
}

/// It was erased meanwhile: nothing brings it back.
#[tokio::test]
async fn a_postponed_number_is_not_made_again() {
    let aws = Aws::start(|_| Answer::condition_failed(None)).await;
    open_people(&aws).postpone(&instance(), PHONE, 9).await.expect("no failure");
    assert_eq!(
        aws.only_request("UpdateItem").json()["ConditionExpression"],
        "attribute_exists(link)"
    );
}

//! The table of people: pairs are found from either side, and forgotten on both.

use std::collections::BTreeSet;

use aws::people::PeopleTable;
use media::contact::Contact;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::samples::instance;

fn contact(lid: Option<&str>, phone: Option<&str>) -> Contact {
    Contact { lid: lid.map(str::to_owned), phone: phone.map(str::to_owned) }
}

/// A table with these pairs of LID and phone number.
async fn start_aws(pairs: &'static [(&'static str, &'static str)]) -> Aws {
    Aws::start(move |seen: &RecordedRequest| {
        let request = seen.json();
        let prefix = request["ExpressionAttributeValues"][":prefix"]["S"].as_str();
        let Some(prefix) = prefix.filter(|_| seen.operation() == "Query") else {
            return Answer::json(&json!({}));
        };
        let is_found = |(lid, phone): &&(&str, &str)| {
            let links = [format!("lid#{lid}#{phone}"), format!("phone#{phone}#{lid}")];
            links.iter().any(|link| link.starts_with(prefix))
        };
        let found: Vec<Value> = pairs
            .iter()
            .filter(is_found)
            .map(|(lid, phone)| json!({ "lid": { "S": lid }, "phone": { "S": phone } }))
            .collect();
        Answer::json(&json!({ "Items": found }))
    })
    .await
}

/// A person changed the number and, with another device, the LID. The digits of a longer LID are
/// not part of it.
#[tokio::test]
async fn aliases_are_followed_to_the_end() {
    const PAIRS: &[(&str, &str)] = &[
        ("200000000000002", "5500900000002"),
        ("200000000000002", "5500900000003"),
        ("200000000000004", "5500900000003"),
        ("2000000000000029", "5500900000009"),
    ];
    let aws = start_aws(PAIRS).await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    for asked in [
        contact(None, Some("5500900000002")),
        contact(Some("200000000000004"), None),
        contact(Some("200000000000002"), Some("5500900000003")),
    ] {
        let found = people.list_aliases(&instance(), vec![asked]).await.expect("aliases");
        let found: BTreeSet<_> = found.iter().filter_map(Contact::as_pair).collect();
        assert_eq!(found, PAIRS.iter().take(3).copied().collect());
    }
    let unknown = vec![contact(None, Some("5500900000008"))];
    assert!(people.list_aliases(&instance(), unknown).await.expect("none").is_empty());
}

#[tokio::test]
async fn a_forgotten_pair_leaves_both_sides() {
    let aws = start_aws(&[]).await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    let pair = [contact(Some("200000000000002"), Some("5500900000002"))];
    people.forget(&instance(), &pair).await.expect("deleted");
    let deleted = aws.requests_of("DeleteItem").into_iter();
    let links: Vec<_> = deleted.map(|one| one.json()["Key"]["link"]["S"].clone()).collect();
    assert_eq!(links, ["lid#200000000000002#5500900000002", "phone#5500900000002#200000000000002"]);
}

/// A crash between the two writes leaves one item: the pair is written again.
#[tokio::test]
async fn a_half_written_pair_is_completed() {
    let aws = Aws::start(|seen: &RecordedRequest| {
        let by_phone = seen.text().contains("phone#") && seen.operation() == "PutItem";
        let seen_before = seen.operation() == "GetItem" && seen.text().contains("\"lid#");
        match (by_phone, seen_before) {
            (true, _) => Answer::json_error(400, "AccessDeniedException"),
            (_, true) => Answer::json(&json!({ "Item": { "lid": { "S": "1" } } })),
            _ => Answer::json(&json!({})),
        }
    })
    .await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    let pair = contact(Some("200000000000002"), Some("5500900000002"));
    for _ in 0..2 {
        assert!(people.learn(&instance(), &pair, 0).await.is_err());
        assert!(people.is_new(&instance(), &pair));
    }
    assert_eq!(aws.requests_of("PutItem").len(), 4);
}

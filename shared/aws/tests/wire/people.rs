//! The table of people: pairs are found from either side, and forgotten on both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use aws::{
    orders::Orders,
    people::{NamedContact, PeopleTable},
};
use media::{contact::Contact, ids::TenantId, policy::Retention};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::samples::instance;

fn contact(lid: Option<&str>, phone: Option<&str>) -> Contact {
    Contact { lid: lid.map(str::to_owned), phone: phone.map(str::to_owned) }
}

/// A table with these pairs of LID and phone number, the first of which was learnt first.
async fn start_aws(pairs: &[(&'static str, &'static str)]) -> Aws {
    let pairs = pairs.to_vec();
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
        let item = |(at, (lid, phone)): (usize, &(&str, &str))| {
            json!({ "lid": { "S": lid }, "phone": { "S": phone },
                "learnt_at": { "N": at.to_string() } })
        };
        let found = pairs.iter().enumerate().rev().filter(|(_, pair)| is_found(pair));
        let found: Vec<Value> = found.map(item).collect();
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

/// WhatsApp knows many Brazilian numbers without their ninth digit, and people write it: one number
/// in two spellings is no reason for a second folder. The one that was learnt first stays.
#[tokio::test]
async fn two_spellings_of_a_number_are_one_folder() {
    const LONG: &str = "5500988880000";
    const SHORT: &str = "550088880000";
    const LID: &str = "200000000000002";
    for (pairs, expected) in [
        (&[(LID, LONG), (LID, SHORT)][..], Some(LONG)),
        (&[(LID, SHORT), (LID, LONG)], Some(SHORT)),
        (&[(LID, LONG), (LID, SHORT), (LID, "5500900000003")], None),
        // The other spelling belongs to somebody else by now.
        (&[(LID, LONG), ("200000000000004", SHORT)], None),
        // A number that is not Brazilian has one spelling.
        (&[(LID, "4900988880000"), (LID, "490088880000")], None),
    ] {
        let aws = start_aws(pairs).await;
        let people = PeopleTable::new(&aws.clients, "people".to_owned());
        let found = people.find_phone((&tenant(), &instance()), LID).await.expect("an answer");
        assert_eq!(found.as_deref(), expected, "{pairs:?}");
    }
}

/// What a former tenant of the instance learnt is not told to the present one.
#[tokio::test]
async fn another_tenants_pair_gives_no_number() {
    const LID: &str = "200000000000002";
    for (writer, is_found) in [(Some("acme"), true), (Some("bravo"), false), (None, true)] {
        let mut pair = json!({ "lid": { "S": LID }, "phone": { "S": "5500900000002" } });
        if let Some(writer) = writer {
            pair["tenant"] = json!({ "S": writer });
        }
        let aws = Aws::start(move |_| Answer::json(&json!({ "Items": [pair] }))).await;
        let people = PeopleTable::new(&aws.clients, "people".to_owned());
        let found = people.find_phone((&tenant(), &instance()), LID).await.expect("an answer");
        assert_eq!(found.is_some(), is_found, "{writer:?}");
    }
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
    let orders = Orders::new(&aws.clients, "orders".to_owned());
    let (tenant, instance, person) = (tenant(), instance(), person());
    let named = named(&tenant, &instance, &person, (None, NOW));
    for _ in 0..2 {
        assert!(people.learn(named, &orders, || NOW).await.is_err());
        assert!(people.is_new(&named));
    }
    assert_eq!(aws.requests_of("PutItem").len(), 4);
}

const NOW: i64 = 1_787_438_879;
const DAY: i64 = 24 * 60 * 60;
/// The key of the tenant's orders, in base64.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// HMAC-SHA256 of `chat 5500900000002` under the key, in base32, computed elsewhere.
const CHAT_HASH: &str = "ukfsooea7xqro6nnfqy3sykfj4tm4pxc5zfmor7qulaotsh4rpzq";

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

fn person() -> Contact {
    contact(Some("200000000000002"), Some("5500900000002"))
}

fn named<'a>(
    tenant: &'a TenantId,
    instance: &'a media::ids::InstanceId,
    person: &'a Contact,
    (retention, now): (Option<Retention>, i64),
) -> NamedContact<'a> {
    NamedContact { tenant, instance, person, retention, now, announced_at: now }
}

/// The items of the table of people, by their links.
type Items = Arc<Mutex<BTreeMap<String, Value>>>;

/// A table of people that keeps what is written, and a tenant with an order about the person's chat
/// if there is one.
async fn start_table(items: &Items, order: Option<bool>) -> Aws {
    let items = Arc::clone(items);
    Aws::start(move |seen: &RecordedRequest| {
        let (request, mut items) = (seen.json(), items.lock().expect("the items"));
        match (seen.operation(), request["TableName"].as_str()) {
            ("GetItem", Some("orders")) if order.is_some() => {
                Answer::json(&json!({ "Item": { "sealed_key": { "S": "c2VhbGVk" } } }))
            }
            ("Decrypt", _) => Answer::json(&json!({ "Plaintext": KEY, "KeyId": "key" })),
            ("BatchGetItem", _) => {
                let key = format!("erase#chat#*#{CHAT_HASH}");
                let of_chat = json!({ "order": { "S": key }, "before": { "N": "1787000000" },
                    "from_now_on": { "BOOL": order }, "id": { "S": "order1" } });
                let is_asked = seen.text().contains(&key);
                let found = if is_asked { json!([of_chat]) } else { json!([]) };
                Answer::json(&json!({ "Responses": { "orders": found } }))
            }
            ("GetItem", Some("people")) => {
                let found = items.get(request["Key"]["link"]["S"].as_str().expect("a link"));
                Answer::json(&found.map_or_else(|| json!({}), |item| json!({ "Item": item })))
            }
            ("PutItem", Some("people")) => {
                let item = request["Item"].clone();
                items.insert(item["link"]["S"].as_str().expect("a link").to_owned(), item);
                Answer::json(&json!({}))
            }
            ("Query", Some("people")) => {
                Answer::json(&json!({ "Items": items.values().collect::<Vec<_>>() }))
            }
            _ => Answer::json(&json!({})),
        }
    })
    .await
}

/// The end of each item, and when the pair was learnt.
fn ends(items: &Items) -> Vec<(Option<i64>, i64)> {
    let number = |item: &Value, name: &str| item[name]["N"].as_str().and_then(|n| n.parse().ok());
    let items = items.lock().expect("the items");
    let end = |item| (number(item, "forget_at"), number(item, "learnt_at").expect("a time"));
    items.values().map(end).collect()
}

/// A webhook names the person at this time; returns how many items were written.
async fn name_at(
    people: &PeopleTable,
    aws: &Aws,
    (retention, now): (Option<Retention>, i64),
) -> usize {
    let before = aws.requests_of("PutItem").len();
    let orders = Orders::new(&aws.clients, "orders".to_owned());
    let (tenant, instance, person) = (tenant(), instance(), person());
    let named = named(&tenant, &instance, &person, (retention, now));
    if people.is_new(&named) {
        people.learn(named, &orders, || NOW).await.expect("learnt");
        assert!(!people.is_new(&named));
    }
    aws.requests_of("PutItem").len() - before
}

/// The class counts from when the person was last named, and no message costs a write.
#[tokio::test]
async fn a_pair_ends_with_the_class_and_is_renewed_rarely() {
    let items = Items::default();
    let aws = start_table(&items, None).await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    let class = Some(Retention::Days30);
    assert_eq!(name_at(&people, &aws, (class, NOW)).await, 2);
    assert_eq!(ends(&items), [(Some(NOW + 30 * DAY), NOW); 2]);
    // Neither this process nor another one writes again within the week.
    let other = PeopleTable::new(&aws.clients, "people".to_owned());
    for (process, day) in [(&people, 1), (&people, 3), (&other, 4), (&people, 6)] {
        assert_eq!(name_at(process, &aws, (class, NOW + day * DAY)).await, 0, "day {day}");
    }
    assert_eq!(name_at(&people, &aws, (class, NOW + 14 * DAY)).await, 2);
    assert_eq!(ends(&items), [(Some(NOW + 44 * DAY), NOW); 2]);
    // Another rule of the tenant applies at once.
    let later = NOW + 14 * DAY + 60;
    assert_eq!(name_at(&people, &aws, (Some(Retention::Days90), later)).await, 2);
    assert_eq!(ends(&items), [(Some(later + 90 * DAY), NOW); 2]);
    assert_eq!(name_at(&people, &aws, (class, later)).await, 2);
    assert_eq!(ends(&items), [(Some(later + 30 * DAY), NOW); 2]);
    assert_eq!(name_at(&people, &aws, (None, later)).await, 2);
    assert_eq!(ends(&items), [(None, NOW); 2]);
}

/// Of a person of whom nothing may be stored any more, nothing is learnt, and no end is renewed.
#[tokio::test]
async fn an_order_from_now_on_keeps_the_pair_away() {
    for (order, written) in [(None, 2), (Some(false), 2), (Some(true), 0)] {
        let items = Items::default();
        let aws = start_table(&items, order).await;
        let people = PeopleTable::new(&aws.clients, "people".to_owned());
        let named = (Some(Retention::Days30), NOW);
        assert_eq!(name_at(&people, &aws, named).await, written, "{order:?}");
        // The order is asked for once in a while, and not for each message.
        let asked = aws.requests_of("BatchGetItem").len();
        assert_eq!(name_at(&people, &aws, named).await, 0, "{order:?}");
        assert_eq!(aws.requests_of("BatchGetItem").len(), asked);
    }
}

/// A webhook of before the order comes again: W-API repeats it, or an operator replays it. What the
/// person sends afterwards is learnt, also by the same process.
#[tokio::test]
async fn what_was_announced_before_an_order_is_not_learnt() {
    let items = Items::default();
    let aws = start_table(&items, Some(false)).await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    let orders = Orders::new(&aws.clients, "orders".to_owned());
    let (tenant, instance, person) = (tenant(), instance(), person());
    let at = |announced_at| NamedContact {
        announced_at,
        ..named(&tenant, &instance, &person, (None, NOW))
    };
    for (announced_at, written) in [(1_787_000_000, 0), (1_786_000_000, 0), (NOW, 2)] {
        people.learn(at(announced_at), &orders, || NOW).await.expect("an answer");
        assert_eq!(items.lock().expect("the items").len(), written, "{announced_at}");
    }
}

/// Lambda freezes the process after it has asked, and an order is given meanwhile.
#[tokio::test]
async fn an_old_answer_about_orders_writes_nothing() {
    for (passes, written) in [(2, 2), (3, 0)] {
        let items = Items::default();
        let aws = start_table(&items, None).await;
        let people = PeopleTable::new(&aws.clients, "people".to_owned());
        let orders = Orders::new(&aws.clients, "orders".to_owned());
        let (tenant, instance, person) = (tenant(), instance(), person());
        let named = named(&tenant, &instance, &person, (None, NOW));
        let is_first = Mutex::new(true);
        let clock = || {
            let mut is_first = is_first.lock().expect("a flag");
            if std::mem::take(&mut *is_first) { NOW } else { NOW + passes }
        };
        people.learn(named, &orders, clock).await.expect("an answer");
        assert_eq!(items.lock().expect("the items").len(), written, "{passes} s");
        assert_eq!(people.is_new(&named), written == 0, "{passes} s");
    }
}

/// If it is not known whether a pair may be written, it is not.
#[tokio::test]
async fn without_an_answer_about_orders_nothing_is_learnt() {
    let aws = Aws::start(|seen: &RecordedRequest| match seen.text().contains("\"orders\"") {
        true => Answer::json_error(400, "AccessDeniedException"),
        false => Answer::json(&json!({})),
    })
    .await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    let orders = Orders::new(&aws.clients, "orders".to_owned());
    let (tenant, instance, person) = (tenant(), instance(), person());
    let named = named(&tenant, &instance, &person, (None, NOW));
    assert!(people.learn(named, &orders, || NOW).await.is_err());
    assert_eq!(aws.requests_of("PutItem").len(), 0);
    assert!(people.is_new(&named));
}

/// Pairs of earlier versions have no end, and a shorter class shortens one; nothing gets longer.
#[tokio::test]
async fn retain_gives_each_pair_its_end() {
    let item = |link: &str, end: Option<i64>| {
        let mut item = json!({ "link": { "S": link }, "learnt_at": { "N": "1787000000" } });
        if let Some(end) = end {
            item["forget_at"] = json!({ "N": end.to_string() });
        }
        (link.to_owned(), item)
    };
    let ends = [None, Some(NOW + 90 * DAY), Some(NOW + DAY)];
    let all = ends.iter().enumerate().map(|(n, end)| item(&format!("lid#{n}#5"), *end));
    let items = Items::new(Mutex::new(all.collect()));
    let aws = start_table(&items, None).await;
    let people = PeopleTable::new(&aws.clients, "people".to_owned());
    let (instance, class) = (instance(), Some(Retention::Days30));
    assert_eq!(people.retain(&instance, class, NOW, true).await, Ok(2));
    assert_eq!(aws.requests_of("UpdateItem").len(), 0);
    assert_eq!(people.retain(&instance, class, NOW, false).await, Ok(2));
    let written = aws.requests_of("UpdateItem");
    let links: Vec<_> = written.iter().map(|one| one.json()["Key"]["link"]["S"].clone()).collect();
    assert_eq!(links, ["lid#0#5", "lid#1#5"]);
    let end = written[0].json()["ExpressionAttributeValues"][":end"]["N"].clone();
    assert_eq!(end, (NOW + 30 * DAY).to_string());
    // Without a class, the ends are taken away.
    assert_eq!(people.retain(&instance, None, NOW, false).await, Ok(2));
}

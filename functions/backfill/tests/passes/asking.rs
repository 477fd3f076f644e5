//! Numbers without a LID: which are asked for at W-API, how often, and what the answer changes.

use std::collections::BTreeMap;

use media::{
    ids::InstanceId,
    message::Chat,
    order::{OrderKey, OrderKind, OrderSubject},
};
use scripted_aws::{Answer, RecordedRequest};
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, ManagementScenario};

use crate::{DAY, HOUR, NOW, World};

const PHONE: &str = "5500900000002";
const LID: &str = "200000000000002";

/// The table of people, as far as the function uses it.
pub(crate) fn answer_people(seen: &RecordedRequest, items: &mut BTreeMap<String, Value>) -> Answer {
    let asked = seen.json();
    let link = asked["Key"]["link"]["S"].as_str().unwrap_or_default().to_owned();
    match seen.operation() {
        "Query" => {
            let values = &asked["ExpressionAttributeValues"];
            let open = values[":open"]["S"].as_str().expect("a prefix");
            let now: i64 = values[":now"]["N"].as_str().expect("a time").parse().expect("seconds");
            let time = |item: &Value| item["ask_after"]["N"].as_str()?.parse::<i64>().ok();
            let is_due = |item: &&Value| time(item).is_none_or(|at| at <= now);
            let is_open = |(link, _): &(&String, &Value)| link.starts_with(open);
            let found = items.iter().filter(is_open).map(|(_, item)| item).filter(is_due);
            Answer::json(&json!({ "Items": found.collect::<Vec<_>>() }))
        }
        "GetItem" => Answer::json(&match items.get(&link) {
            Some(item) => json!({ "Item": item }),
            None => json!({}),
        }),
        "PutItem" => {
            let item = asked["Item"].clone();
            items.insert(item["link"]["S"].as_str().expect("a link").to_owned(), item);
            Answer::json(&json!({}))
        }
        "UpdateItem" => {
            let until = asked["ExpressionAttributeValues"][":until"].clone();
            items.get_mut(&link).expect("an open number")["ask_after"] = until;
            Answer::json(&json!({}))
        }
        "DeleteItem" => {
            items.remove(&link);
            Answer::json(&json!({}))
        }
        other => unreachable!("{other} of the table of people"),
    }
}

/// The orders with the keys that are asked for.
pub(crate) fn answer_orders(seen: &RecordedRequest, orders: &BTreeMap<String, Value>) -> Answer {
    let asked = seen.json();
    let keys = asked["RequestItems"]["orders"]["Keys"].as_array().cloned().unwrap_or_default();
    let keys = keys.iter().filter_map(|key| key["order"]["S"].as_str());
    let found: Vec<_> = keys.filter_map(|key| orders.get(key)).collect();
    Answer::json(&json!({ "Responses": { "orders": found } }))
}

impl World {
    fn open(&self, phone: &str) {
        let item = json!({ "instance": { "S": DEFAULT_INSTANCE },
            "link": { "S": format!("open#{phone}") }, "phone": { "S": phone } });
        self.tables().people.insert(format!("open#{phone}"), item);
    }

    fn links(&self) -> Vec<String> {
        self.tables().people.keys().cloned().collect()
    }

    /// The numbers that W-API was asked for, in order.
    fn asked(&self) -> Vec<String> {
        let requests = self.origins.requests().into_iter();
        let asked = requests.filter(|one| one.path.ends_with("/contacts/phone-exists"));
        let number = |query: String| {
            let (_, number) = query.split_once("phoneNumber=")?;
            number.split('&').next().map(str::to_owned)
        };
        asked.filter_map(|one| number(one.query?)).collect()
    }
}

#[tokio::test]
async fn a_number_is_linked_with_the_lid_that_wapi_names() {
    let world = World::start().await;
    world.open(PHONE);
    world.origins.set_contact(PHONE, Some(LID));
    world.run().await;
    assert_eq!(world.links(), [format!("lid#{LID}#{PHONE}"), format!("phone#{PHONE}#{LID}")]);
    assert_eq!(world.asked(), [PHONE]);
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.asked(), [PHONE], "it is asked for once");
    assert_eq!(world.origins.violations(), Vec::<String>::new());
}

/// WhatsApp restricts accounts that ask for many numbers.
#[tokio::test]
async fn few_numbers_are_asked_for_in_an_hour() {
    let world = World::start().await;
    for n in 0..25 {
        world.open(&format!("55009000000{n:02}"));
    }
    for (hour, asked) in [(0, 10), (1, 20), (2, 25), (3, 25)] {
        world.run_at(NOW + hour * HOUR).await;
        assert_eq!(world.asked().len(), asked, "hour {hour}");
    }
    // None of them is on WhatsApp: a week later, they are asked for again.
    world.run_at(NOW + 6 * DAY).await;
    assert_eq!(world.asked().len(), 25);
    world.run_at(NOW + 7 * DAY + HOUR / 2).await;
    assert_eq!(world.asked().len(), 35);
}

#[tokio::test]
async fn a_failure_ends_the_questions_of_the_hour() {
    for (status, is_postponed) in [(429, false), (503, false), (401, false), (404, true)] {
        let world = World::start().await;
        world.open(PHONE);
        world.open("5500900000003");
        world.origins.set_phone_status(Some(status));
        world.run().await;
        assert_eq!(world.asked(), [PHONE], "{status}");
        world.origins.set_phone_status(None);
        world.origins.set_contact(PHONE, Some(LID));
        world.run_at(NOW + HOUR).await;
        let is_learnt = world.links().contains(&format!("phone#{PHONE}#{LID}"));
        assert_eq!(is_learnt, !is_postponed, "{status}");
    }
}

/// W-API is in trouble: the log's answer said so.
#[tokio::test]
async fn nothing_is_asked_after_a_throttled_log() {
    let world = World::start().await;
    world.open(PHONE);
    world.origins.set_management(Some(ManagementScenario::Status(429)));
    world.run().await;
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_number_that_is_erased_from_now_on_is_forgotten() {
    let world = World::start().await;
    world.open(PHONE);
    world.origins.set_contact(PHONE, Some(LID));
    let key = [7; OrderKey::BYTES];
    let in_base64 = format!("{}Bwc=", "BwcH".repeat(10));
    let sealed = json!({ "sealed_key": { "S": in_base64 } });
    let chat = Chat::try_from(PHONE.to_owned()).expect("a chat");
    let subject = OrderSubject::for_chat(None::<InstanceId>, &chat);
    let order_key = OrderKey::from_bytes(&key).expect("a key");
    let sort_key = subject.sort_key(OrderKind::Erase, &order_key);
    let order = |from_now_on: bool| {
        json!({ "order": { "S": sort_key }, "before": { "N": (NOW - DAY).to_string() },
            "from_now_on": { "BOOL": from_now_on }, "id": { "S": "k3mq7r2a" } })
    };
    world.tables().orders.extend([("key".to_owned(), sealed), (sort_key.clone(), order(true))]);
    world.run().await;
    assert_eq!((world.links(), world.asked()), (Vec::new(), Vec::new()));
    // Of what was erased before, the person wrote again.
    world.tables().orders.insert(sort_key.clone(), order(false));
    world.open(PHONE);
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.asked(), [PHONE]);
}

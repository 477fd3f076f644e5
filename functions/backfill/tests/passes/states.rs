//! What is noted of an instance's connection and silence, hour by hour.

use std::collections::BTreeMap;

use scripted_aws::{Answer, Update};
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, ManagementScenario};

use crate::{DAY, HOUR, NOW, World};

/// Writes an item as the table would: each condition is about the attribute that is written.
pub(crate) fn write_state(
    states: &mut BTreeMap<String, Value>,
    key: String,
    update: Update,
) -> Answer {
    let item = states.get(&key).cloned().unwrap_or_else(|| json!({}));
    let changes = |(name, value): (&String, &Value)| item[name] != *value;
    let is_written = match update.condition.as_deref().unwrap_or_default() {
        text if text.contains("tenant <>") => update.sets.iter().any(changes),
        text if text.contains("<>") => item["connection"] != update.sets["connection"],
        text if text.starts_with("attribute_not_exists") => item["silent_since"].is_null(),
        _ => !item["silent_since"].is_null(),
    };
    if !is_written {
        return Answer::condition_failed(None);
    }
    let mut item = item;
    let attributes = item.as_object_mut().expect("an item");
    attributes.extend(update.sets);
    attributes.retain(|name, _| !update.removes.contains(name));
    states.insert(key, item);
    Answer::json(&json!({}))
}

impl World {
    fn state(&self) -> Value {
        let key = format!("state#{DEFAULT_INSTANCE}");
        self.tables().states.get(&key).cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn the_connection_is_asked_for_every_hour() {
    let world = World::start().await;
    world.run().await;
    let connected = json!({ "connection": { "S": "connected" }, "tenant": { "S": "acme" } });
    assert_eq!(world.state(), connected);
    world.origins.change_account(DEFAULT_INSTANCE, |account| account.connected = false);
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.state()["connection"]["S"], "disconnected");
    // What W-API does not say changes nothing, and fails nothing.
    world.origins.change_account(DEFAULT_INSTANCE, |account| account.connected = true);
    world.origins.set_management(Some(ManagementScenario::Status(500)));
    world.run_at(NOW + 2 * HOUR).await;
    assert_eq!(world.state()["connection"]["S"], "disconnected");
}

/// A day without a webhook, and then the first one.
#[tokio::test]
async fn an_instance_without_webhooks_is_silent() {
    let world = World::start().await;
    world.log_status(1, 3 * HOUR);
    world.run().await;
    assert!(world.state()["silent_since"].is_null());
    world.run_at(NOW + DAY - 4 * HOUR).await;
    assert!(world.state()["silent_since"].is_null());
    for hours in [2, 1] {
        world.run_at(NOW + DAY - hours * HOUR).await;
        assert_eq!(world.state()["silent_since"]["N"], (NOW - 3 * HOUR).to_string());
    }
    world.log_status(2, -DAY);
    world.run_at(NOW + DAY + HOUR).await;
    assert!(world.state()["silent_since"].is_null());
}

/// A move from another tenant: the item says what that one was told.
#[tokio::test]
async fn a_moved_instance_is_noted_for_its_tenant() {
    let world = World::start().await;
    world.run().await;
    world.change_instance(&json!({ "tenant": { "S": "next" } }));
    world.run_at(NOW + HOUR).await;
    let connected = json!({ "connection": { "S": "connected" }, "tenant": { "S": "next" } });
    assert_eq!(world.state(), connected);
}

/// The log of a moved instance ends before it was registered here, and a pass may begin in its
/// middle: neither says that the instance is silent, or that its silence has ended.
#[tokio::test]
async fn what_is_not_known_begins_and_ends_no_silence() {
    let world = World::start().await;
    world.log_status(1, 2 * DAY);
    world.change_instance(&json!({ "created_at": { "N": (NOW - HOUR).to_string() } }));
    world.run().await;
    assert!(world.state()["silent_since"].is_null());
    world.change_instance(&json!({ "created_at": { "N": "1700000000" } }));
    world.run_at(NOW + HOUR).await;
    let since = json!({ "N": (NOW - 2 * DAY).to_string() });
    assert_eq!(world.state()["silent_since"], since);
    // A pass that goes on in the middle of the log does not see its newest entry.
    let number = |number: i64| json!({ "N": number.to_string() });
    world.set_mark(json!({
        "pass_until": number(NOW), "pass_from": number(NOW - 3 * DAY), "pass_page": number(2),
    }));
    world.run_at(NOW + 2 * HOUR).await;
    assert_eq!(world.state()["silent_since"], since);
}

/// Who is not connected hears nothing, and a log without an entry says nothing.
#[tokio::test]
async fn only_a_connected_instance_is_silent() {
    let world = World::start().await;
    world.run().await;
    assert!(world.state()["silent_since"].is_null());
    world.log_status(1, 2 * DAY);
    world.origins.change_account(DEFAULT_INSTANCE, |account| account.connected = false);
    world.run_at(NOW + HOUR).await;
    assert!(world.state()["silent_since"].is_null());
    world.origins.change_account(DEFAULT_INSTANCE, |account| account.connected = true);
    world.run_at(NOW + 2 * HOUR).await;
    assert_eq!(world.state()["silent_since"]["N"], (NOW - 2 * DAY).to_string());
}

//! The tables of `template.yaml`, as requests that create them.

use serde_json::{Value, json};

use crate::function::{
    COUNTERS, INSTANCES, JOBS_TABLE, LINKS, MARKS_TABLE, MEDIA, ORDERS, PEOPLE_TABLE, RECEIVERS,
    TENANTS,
};

/// The table of instances.
#[must_use]
pub fn instances_table() -> Value {
    table(INSTANCES, &["instance"])
}

/// The table of tenants.
#[must_use]
pub fn tenants_table() -> Value {
    table(TENANTS, &["tenant"])
}

/// The table of media links.
#[must_use]
pub fn links_table() -> Value {
    table(LINKS, &["token"])
}

/// The table of records with its two indexes, by instance and by chat, and its stream.
#[must_use]
pub fn media_table() -> Value {
    json!({
        "TableName": MEDIA,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            attribute("instance", "S"), attribute("message_id", "S"),
            attribute("moment", "N"), attribute("chat", "S"),
        ],
        "KeySchema": key_schema(&["instance", "message_id"]),
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
        "GlobalSecondaryIndexes": [
            index("by_instance", "instance", "moment"),
            {
                "IndexName": "by_chat", "KeySchema": key_schema(&["chat", "instance"]),
                "Projection": {
                    "ProjectionType": "INCLUDE", "NonKeyAttributes": ["tenant", "moment"]
                },
            },
        ],
    })
}

/// The table of records without its stream: the engine looks through all of a stream at each write,
/// which takes hours at size.
#[must_use]
pub fn media_table_alone() -> Value {
    let mut request = media_table();
    if let Some(request) = request.as_object_mut() {
        request.remove("StreamSpecification");
    }
    request
}

/// The table of unsettled jobs with its three indexes, by due time, by class and by tenant.
#[must_use]
pub fn jobs_table() -> Value {
    json!({
        "TableName": JOBS_TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            attribute("instance", "S"), attribute("message_id", "S"),
            attribute("due_shard", "S"), attribute("due_at", "N"),
            attribute("state_class", "S"), attribute("recoverable_until", "N"),
            attribute("tenant", "S"),
        ],
        "KeySchema": key_schema(&["instance", "message_id"]),
        "GlobalSecondaryIndexes": [
            index("by_due", "due_shard", "due_at"),
            index("by_class", "state_class", "recoverable_until"),
            index("by_tenant", "tenant", "state_class"),
        ],
    })
}

/// The table of the back-fill's marks.
#[must_use]
pub fn marks_table() -> Value {
    table(MARKS_TABLE, &["instance"])
}

/// The table of people.
#[must_use]
pub fn people_table() -> Value {
    table(PEOPLE_TABLE, &["instance", "link"])
}

/// The table of counts.
#[must_use]
pub fn counters_table() -> Value {
    table(COUNTERS, &["tenant", "day"])
}

/// The table of orders.
#[must_use]
pub fn orders_table() -> Value {
    table(ORDERS, &["tenant", "order"])
}

/// The table of receivers.
#[must_use]
pub fn receivers_table() -> Value {
    table(RECEIVERS, &["tenant", "receiver"])
}

/// The request that creates a table, with a stream.
#[must_use]
pub fn with_stream(mut request: Value) -> Value {
    request["StreamSpecification"] =
        json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
    request
}

/// A table whose keys are texts: the hash, and the range if there is one.
fn table(name: &str, keys: &[&str]) -> Value {
    let attributes: Vec<_> = keys.iter().map(|key| attribute(key, "S")).collect();
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes,
        "KeySchema": key_schema(keys),
    })
}

fn attribute(name: &str, kind: &str) -> Value {
    json!({ "AttributeName": name, "AttributeType": kind })
}

fn key_schema(keys: &[&str]) -> Value {
    let roles = keys.iter().zip(["HASH", "RANGE"]);
    roles.map(|(key, role)| json!({ "AttributeName": key, "KeyType": role })).collect()
}

fn index(name: &str, hash: &str, range: &str) -> Value {
    json!({
        "IndexName": name, "KeySchema": key_schema(&[hash, range]),
        "Projection": { "ProjectionType": "ALL" }
    })
}

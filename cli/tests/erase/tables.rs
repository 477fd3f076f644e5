//! The tables of the stack in this process, in a real engine.

use dynoxide::Database;
use scripted_aws::Answer;
use serde_json::{Value, json};

/// Each table, with its keys.
const TABLES: &[(&str, [&str; 2])] = &[
    ("InstancesTable", ["instance", ""]),
    ("TenantsTable", ["tenant", ""]),
    ("MediaTable", ["instance", "message_id"]),
    ("JobsTable", ["instance", "message_id"]),
    ("MarksTable", ["instance", ""]),
    ("OrdersTable", ["tenant", "order"]),
    ("LinksTable", ["token", ""]),
    ("PeopleTable", ["instance", "link"]),
    ("AuditTable", ["action", "at"]),
    ("ReceiversTable", ["tenant", "receiver"]),
    ("CountersTable", ["tenant", "day"]),
];

/// An engine with the tables, all of them empty.
pub(crate) fn create_tables() -> Database {
    let tables = Database::memory().expect("an engine");
    for (name, keys) in TABLES {
        let request = serde_json::from_value(create_table(name, *keys)).expect("a request");
        tables.create_table(request).expect("a table");
    }
    tables
}

fn create_table(name: &str, keys: [&str; 2]) -> Value {
    let kinds = ["HASH", "RANGE"];
    let given = || keys.into_iter().zip(kinds).filter(|(key, _)| !key.is_empty());
    let schema = given().map(|(key, kind)| json!({ "AttributeName": key, "KeyType": kind }));
    let names: Vec<_> = given().map(|(key, _)| key).collect();
    let mut request = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema.collect::<Vec<_>>(),
    });
    let mut attributes = names;
    let index = |name: &str, hash: &str, range: &str| {
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        json!({ "IndexName": name, "Projection": { "ProjectionType": "ALL" },
            "KeySchema": [key(hash, "HASH"), key(range, "RANGE")] })
    };
    if name == "JobsTable" {
        attributes.extend(["tenant", "state_class", "due_shard", "due_at"]);
        request["GlobalSecondaryIndexes"] = json!([
            index("by_tenant", "tenant", "state_class"),
            index("by_due", "due_shard", "due_at"),
        ]);
    }
    if name == "MediaTable" {
        attributes.extend(["chat", "moment"]);
        request["GlobalSecondaryIndexes"] = json!([
            index("by_chat", "chat", "instance"),
            index("by_instance", "instance", "moment"),
        ]);
    }
    let define = |name: &str| {
        let kind = if ["moment", "due_at"].contains(&name) { "N" } else { "S" };
        json!({ "AttributeName": name, "AttributeType": kind })
    };
    request["AttributeDefinitions"] = attributes.into_iter().map(define).collect();
    request
}

/// Answers a call of DynamoDB.
pub(crate) fn answer_table(operation: &str, asked: &Value, db: &Database) -> Answer {
    macro_rules! run {
        ($call:ident) => {{
            let request = serde_json::from_value(asked.clone()).expect("a request");
            match db.$call(request) {
                Ok(done) => Answer::json(&serde_json::to_value(&done).expect("JSON")),
                Err(error) => Answer::new(error.status_code(), error.to_json()),
            }
        }};
    }
    match operation {
        "GetItem" => run!(get_item),
        "BatchGetItem" => run!(batch_get_item),
        "PutItem" => run!(put_item),
        "UpdateItem" => run!(update_item),
        "DeleteItem" => run!(delete_item),
        "Query" => run!(query),
        "Scan" => run!(scan),
        "TransactWriteItems" => run!(transact_write_items),
        "ExecuteStatement" => run!(execute_statement),
        _ => Answer::json_error(400, "UnknownOperationException"),
    }
}

//! `DynamoDB`: a real engine in memory, behind the wire's JSON.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::answer::{Answer, BuildAnswer};

/// The `DynamoDB` engine.
#[derive(Clone)]
pub struct Tables {
    engine: Database,
    items_read: Arc<AtomicU64>,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

impl Tables {
    /// Creates an engine without tables.
    ///
    /// # Errors
    /// If `SQLite` cannot allocate memory.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { engine: Database::memory()?, items_read: Arc::default() })
    }

    /// Answers one call in `DynamoDB`'s JSON.
    #[must_use]
    pub fn answer_call(&self, operation: &str, asked: &Value) -> Answer {
        let asked = asked.clone();
        let db = &self.engine;
        let answer = match operation {
            "CreateTable" => run_operation(asked, |it| db.create_table(it)),
            "DescribeTable" => run_operation(asked, |it| db.describe_table(it)),
            "BatchGetItem" => run_operation(asked, |it| db.batch_get_item(it)),
            "GetItem" => run_operation(asked, |it| db.get_item(it)),
            "PutItem" => run_operation(asked, |it| db.put_item(it)),
            "UpdateItem" => run_operation(asked, |it| db.update_item(it)),
            "DeleteItem" => run_operation(asked, |it| db.delete_item(it)),
            "Query" => run_operation(asked, |it| db.query(it)),
            "Scan" => run_operation(asked, |it| db.scan(it)),
            "TransactWriteItems" => run_operation(asked, |it| db.transact_write_items(it)),
            _ => Answer::refusal("UnknownOperationException", operation),
        };
        if matches!(operation, "Query" | "Scan" | "GetItem" | "BatchGetItem") {
            self.items_read.fetch_add(count_items(answer.body()), Ordering::Relaxed);
        }
        answer
    }

    /// Puts many items into a table, faster than one after the other.
    ///
    /// # Errors
    /// If an item is not one of this table.
    pub fn put_items(&self, table: &str, items: &[Value]) -> anyhow::Result<()> {
        for items in items.chunks(25) {
            let puts: Vec<_> =
                items.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
            let asked = json!({ "RequestItems": { (table): puts } });
            let answer = run_operation(asked, |it| self.engine.batch_write_item(it));
            anyhow::ensure!(answer.status() == 200, "{:?}", answer.body());
        }
        Ok(())
    }

    /// How many items were read so far, also those that a filter left out.
    #[must_use]
    pub fn items_read(&self) -> u64 {
        self.items_read.load(Ordering::Relaxed)
    }

    /// The sum of each attribute over all items of a table.
    ///
    /// # Errors
    /// If the engine cannot be read.
    pub fn sum_numbers(&self, table: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for item in self.items(table)? {
            for (name, value) in item.as_object().into_iter().flatten() {
                *sums.entry(name.clone()).or_default() += to_number(value);
            }
        }
        Ok(sums)
    }

    /// Every item of a table.
    ///
    /// # Errors
    /// If the table does not exist.
    pub fn items(&self, table: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.answer_call("Scan", &json!({ "TableName": table }));
        let answer: Value = serde_json::from_slice(answer.body())?;
        let items = answer["Items"].as_array().cloned();
        items.ok_or_else(|| anyhow::anyhow!("{answer}"))
    }
}

/// The number of an attribute; 0 if it has none.
fn to_number(value: &Value) -> u64 {
    value["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// How many items a call read, from its answer.
fn count_items(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let tables = answer["Responses"].as_object().into_iter().flatten();
    let in_batch = tables.filter_map(|(_, items)| items.as_array()).map(|items| items.len() as u64);
    let scanned = answer["ScannedCount"].as_u64().unwrap_or_default();
    scanned + u64::from(answer["Item"].is_object()) + in_batch.sum::<u64>()
}

fn run_operation<Request: DeserializeOwned, Response: Serialize>(
    asked: Value,
    call: impl FnOnce(Request) -> dynoxide::Result<Response>,
) -> Answer {
    let answered = serde_json::from_value(asked)
        .map_err(|error| DynoxideError::ValidationException(error.to_string()))
        .and_then(call);
    let body = match &answered {
        Ok(response) => serde_json::to_string(response).unwrap_or_default(),
        Err(error) => error.to_json(),
    };
    let mut answer = Answer::new(body.into());
    if let Err(error) = answered {
        *answer.status_mut() = http::StatusCode::from_u16(error.status_code()).unwrap_or_default();
    }
    answer
}

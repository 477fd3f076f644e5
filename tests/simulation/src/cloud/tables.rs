//! `DynamoDB`: a real engine in memory, behind the wire's JSON.

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::answer::{Answer, BuildAnswer};

/// The `DynamoDB` engine.
#[derive(Clone)]
pub struct Tables(Database);

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
        Ok(Self(Database::memory()?))
    }

    /// Answers one call in `DynamoDB`'s JSON.
    #[must_use]
    pub fn answer_call(&self, operation: &str, asked: &Value) -> Answer {
        let asked = asked.clone();
        let db = &self.0;
        match operation {
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
        }
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

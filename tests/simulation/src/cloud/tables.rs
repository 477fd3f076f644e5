//! `DynamoDB`: a real engine in memory, behind the wire's JSON, and a replica that lags behind.
//!
//! A read that does not ask for consistency, and every read of an index, may be answered by the
//! replica. It gets each write some seconds later.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::answer::{Answer, BuildAnswer};
use crate::clockwork::Clock;

/// The calls that change tables.
const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", TRANSACTION];

const TRANSACTION: &str = "TransactWriteItems";

/// The `DynamoDB` engine.
pub struct Tables {
    current: Database,
    clock: Clock,
    replica: Mutex<Option<Replica>>,
}

/// A copy that gets each write after the lag.
struct Replica {
    tables: Database,
    lag: Duration,
    /// The writes that are on their way, with the time at which each was made.
    waiting: VecDeque<(Duration, String, Value)>,
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
    pub fn new(clock: Clock) -> anyhow::Result<Self> {
        Ok(Self { current: Database::memory()?, clock, replica: Mutex::default() })
    }

    /// Lets reads that are not consistent lag behind by this time. To be called before the first
    /// table is created.
    ///
    /// # Errors
    /// If `SQLite` cannot allocate memory.
    pub fn lag_behind(&self, lag: Duration) -> anyhow::Result<()> {
        let tables = Database::memory()?;
        *self.lock_replica() = Some(Replica { tables, lag, waiting: VecDeque::new() });
        Ok(())
    }

    /// Answers one call in `DynamoDB`'s JSON. A read sees every write.
    #[must_use]
    pub fn answer_call(&self, operation: &str, asked: &Value) -> Answer {
        let answer = answer_from(&self.current, operation, asked);
        let mut replica = self.lock_replica();
        let Some(replica) = replica.as_mut().filter(|_| answer.status() == 200) else {
            return answer;
        };
        if operation == "CreateTable" {
            let _ = answer_from(&replica.tables, operation, asked);
        } else if WRITES.contains(&operation) {
            replica.waiting.push_back((self.clock.now(), operation.to_owned(), asked.clone()));
        }
        answer
    }

    /// Answers a read from the replica. `None`: there is no replica, the call is no read, or it
    /// must see every write.
    #[must_use]
    pub fn answer_late(&self, operation: &str, asked: &Value) -> Option<Answer> {
        let is_read = ["GetItem", "Query", "Scan"].contains(&operation);
        let is_consistent = asked["ConsistentRead"].as_bool().unwrap_or_default();
        let mut replica = self.lock_replica();
        let replica = replica.as_mut().filter(|_| is_read && !is_consistent)?;
        replica.catch_up(self.clock.now());
        Some(answer_from(&replica.tables, operation, asked))
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

    /// Deletes the items of a table of records whose time to live (`forget_at`) has ended, and
    /// returns how many.
    ///
    /// # Errors
    /// If the table does not exist.
    pub fn forget_items(&self, table: &str) -> anyhow::Result<usize> {
        let has_ended = |item: &Value| {
            let until = item["forget_at"]["N"].as_str().and_then(|text| text.parse().ok());
            until.is_some_and(|until: i64| until < self.clock.unix())
        };
        let ended: Vec<_> = self.items(table)?.into_iter().filter(has_ended).collect();
        for item in &ended {
            let key = json!({ "instance": item["instance"], "message_id": item["message_id"] });
            let deleted =
                self.answer_call("DeleteItem", &json!({ "TableName": table, "Key": key }));
            anyhow::ensure!(deleted.status() == 200, "{:?}", deleted.body());
        }
        Ok(ended.len())
    }

    fn lock_replica(&self) -> MutexGuard<'_, Option<Replica>> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replica {
    /// Makes the writes that are older than the lag.
    fn catch_up(&mut self, now: Duration) {
        while self.waiting.front().is_some_and(|(at, ..)| *at + self.lag <= now) {
            if let Some((_, operation, asked)) = self.waiting.pop_front() {
                let _ = answer_from(&self.tables, &operation, &asked);
            }
        }
    }
}

fn answer_from(db: &Database, operation: &str, asked: &Value) -> Answer {
    let asked = asked.clone();
    match operation {
        "CreateTable" => run_operation(asked, |it| db.create_table(it)),
        "DescribeTable" => run_operation(asked, |it| db.describe_table(it)),
        "GetItem" => run_operation(asked, |it| db.get_item(it)),
        "PutItem" => run_operation(asked, |it| db.put_item(it)),
        "UpdateItem" => run_operation(asked, |it| db.update_item(it)),
        "DeleteItem" => run_operation(asked, |it| db.delete_item(it)),
        "Query" => run_operation(asked, |it| db.query(it)),
        "Scan" => run_operation(asked, |it| db.scan(it)),
        TRANSACTION => run_operation(asked, |it| db.transact_write_items(it)),
        _ => Answer::refusal("UnknownOperationException", operation),
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

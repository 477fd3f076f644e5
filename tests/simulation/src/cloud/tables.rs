//! `DynamoDB`: a real engine in memory, behind the wire's JSON, and a replica that lags behind.
//!
//! A read that does not ask for consistency, and every read of an index, may be answered by the
//! replica. It gets each write some seconds later.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::answer::{Answer, BuildAnswer};
use crate::clockwork::Clock;

/// The calls that read items.
const READS: [&str; 4] = ["GetItem", "BatchGetItem", "Query", "Scan"];

/// The calls that change tables.
const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", TRANSACTION];

const TRANSACTION: &str = "TransactWriteItems";

/// The `DynamoDB` engine.
pub struct Tables {
    current: Database,
    clock: Clock,
    replica: Mutex<Option<Replica>>,
    items_read: AtomicU64,
    writes: AtomicU64,
    known: Mutex<BTreeMap<String, Known>>,
}

/// What was read of the tables after this many writes.
#[derive(Debug, Clone, Copy)]
struct Known {
    writes: u64,
    time: Option<i64>,
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
        let (current, replica) = (Database::memory()?, Mutex::default());
        Ok(Self {
            current,
            clock,
            replica,
            items_read: AtomicU64::default(),
            writes: AtomicU64::default(),
            known: Mutex::default(),
        })
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
        if READS.contains(&operation) {
            self.items_read.fetch_add(count_items(answer.body()), Ordering::Relaxed);
        } else {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
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
        let is_read = READS.contains(&operation);
        let mut replica = self.lock_replica();
        let replica = replica.as_mut().filter(|_| is_read && !is_consistent(asked))?;
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

    /// The first changes in the stream of a table after the one with this number, or from the
    /// beginning: up to 100.
    ///
    /// # Errors
    /// If the table has no stream.
    pub fn changes_after(&self, table: &str, number: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let db = &self.current;
        let streams = ask(json!({ "TableName": table }), |it| db.list_streams(it))?;
        let arn = &streams["Streams"][0]["StreamArn"];
        let stream = ask(json!({ "StreamArn": arn }), |it| db.describe_stream(it))?;
        let mut place = json!({
            "StreamArn": arn, "ShardIteratorType": "TRIM_HORIZON",
            "ShardId": stream["StreamDescription"]["Shards"][0]["ShardId"],
        });
        if let Some(number) = number {
            place["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
            place["SequenceNumber"] = json!(number);
        }
        let place = ask(place, |it| db.get_shard_iterator(it))?;
        let place = json!({ "ShardIterator": place["ShardIterator"], "Limit": 100 });
        let mut records = ask(place, |it| db.get_records(it))?;
        Ok(records["Records"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Puts many items into a table, faster than one after the other, and not into the replica.
    ///
    /// # Errors
    /// If an item is not one of this table.
    pub fn put_items(&self, table: &str, items: &[Value]) -> anyhow::Result<()> {
        for items in items.chunks(25) {
            let puts: Vec<_> =
                items.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
            let asked = json!({ "RequestItems": { (table): puts } });
            let answer = run_operation(asked, |it| self.current.batch_write_item(it));
            anyhow::ensure!(answer.status() == 200, "{:?}", answer.body());
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A time that depends on the tables alone, under a name. It is read again only after a write:
    /// a world asks for it whenever a queue changes, and the engine takes milliseconds.
    pub(crate) fn find_time(&self, name: &str, read: impl FnOnce() -> Option<i64>) -> Option<i64> {
        let writes = self.writes.load(Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(name) {
            Some(known) if known.writes == writes => known.time,
            Some(_) | None => {
                let time = read();
                known.insert(name.to_owned(), Known { writes, time });
                time
            }
        }
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
        "BatchGetItem" => run_operation(asked, |it| db.batch_get_item(it)),
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

/// Asks the engine what functions never ask it.
fn ask<Request: DeserializeOwned, Response: Serialize>(
    asked: Value,
    call: impl FnOnce(Request) -> dynoxide::Result<Response>,
) -> anyhow::Result<Value> {
    let answer = run_operation(asked, call);
    anyhow::ensure!(answer.status() == 200, "{:?}", answer.body());
    Ok(serde_json::from_slice(answer.body())?)
}

/// Whether a read must see every write, of each table that it names.
fn is_consistent(asked: &Value) -> bool {
    match asked["RequestItems"].as_object() {
        Some(tables) => tables.values().all(|one| one["ConsistentRead"] == true),
        None => asked["ConsistentRead"] == true,
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

//! The stream of a table, as Lambda reads it for the events function: in order, and a batch again
//! from the first change on that was not published.

use std::{sync::Arc, time::Duration};

use ::events::Events;
use serde_json::{Value, json};

use crate::{
    clockwork::WORLD_START,
    function::{InvocationEnd, ProcessContext, Slot},
};

/// How long Lambda waits before it sends a batch again.
const TRY_AGAIN: Duration = Duration::from_secs(20);

/// How long after a change the stream is read.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// The reader of one stream.
pub(crate) struct StreamReader {
    around: Arc<ProcessContext>,
    table: &'static str,
    slot: Slot<Arc<Events>>,
    /// The number of the last change that was published.
    read: Option<String>,
    /// How many were.
    published: usize,
}

impl StreamReader {
    /// A reader at the beginning of a table's stream, for the process with this name.
    pub(crate) fn new(around: &Arc<ProcessContext>, table: &'static str, process: &str) -> Self {
        let slot = Slot::new(around, process.to_owned());
        Self { around: Arc::clone(around), table, slot, read: None, published: 0 }
    }

    /// Publishes one batch, or waits if that fails. Returns the changes in it, which come again
    /// after a failure; none at the end of the stream.
    pub(crate) async fn publish_some(&mut self) -> Vec<Value> {
        let tables = &self.around.cloud.tables;
        let changes = tables.changes_after(self.table, self.read.as_deref()).expect("a stream");
        let numbers: Vec<_> = changes.iter().map(number_of).collect();
        let Some(last) = numbers.last().cloned() else {
            return changes;
        };
        let now = self.around.cloud.clock.now().as_secs();
        let placed = (self.published..).zip(&changes);
        let batch: Vec<_> =
            placed.map(|(place, one)| as_event(one.clone(), (self.table, place), now)).collect();
        let batch = serde_json::from_value(json!({ "Records": batch })).expect("a batch");
        match self.slot.publish_batch(batch).await {
            InvocationEnd::Answered(None) => {
                self.read = Some(last);
                self.published += numbers.len();
            }
            InvocationEnd::Answered(Some(failed)) => {
                let first = numbers.iter().position(|one| *one == failed).expect("its number");
                let before = first.checked_sub(1).and_then(|place| numbers.get(place).cloned());
                self.read = before.or_else(|| self.read.take());
                self.published += first;
                tokio::time::sleep(TRY_AGAIN).await;
            }
            InvocationEnd::Failed | InvocationEnd::Died(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
        changes
    }
}

fn number_of(change: &Value) -> String {
    change["dynamodb"]["SequenceNumber"].as_str().expect("a number").to_owned()
}

/// A change as Lambda passes it on, written now by the world's clock. The engine takes ids and
/// numbers from chance and time that no seed decides; the place in the stream is as good.
fn as_event(mut change: Value, (table, place): (&str, usize), now: u64) -> Value {
    let at = i64::try_from(now).expect("a time") + WORLD_START;
    change["eventID"] = json!(format!("change {place} of {table}"));
    change["dynamodb"]["ApproximateCreationDateTime"] = json!(at);
    change
}

//! What applications have to be told of instances and receivers, as the streams of their tables
//! say, and what each was told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::receivers::Arrival;

/// The type of the event that a change of the table of marks is.
fn event_of_marks(change: &Value) -> Option<&'static str> {
    let (before, after) = (&change["dynamodb"]["OldImage"], &change["dynamodb"]["NewImage"]);
    let is_state = after["instance"]["S"].as_str().is_some_and(|key| key.starts_with("state#"));
    let (old, new) = (before["connection"]["S"].as_str(), after["connection"]["S"].as_str());
    match new.filter(|_| is_state && old != new)? {
        "connected" => Some("instance.connected"),
        _ => Some("instance.disconnected"),
    }
}

/// The receiver that a change has paused because of its answers.
fn paused_by(change: &Value) -> Option<String> {
    let (before, after) = (&change["dynamodb"]["OldImage"], &change["dynamodb"]["NewImage"]);
    let reason = after["pause_reason"]["S"].as_str()?;
    let was_paused = before["pause_reason"]["S"].is_string();
    let is_told = ["gone", "failing"].contains(&reason) && !was_paused;
    let key = after["receiver"]["S"].as_str().filter(|_| is_told)?;
    key.split_once('#').map(|(_, id)| id.to_owned())
}

/// What must be told: how many events of each type about instances, and which receivers were
/// paused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToTell {
    instances: BTreeMap<&'static str, usize>,
    paused: BTreeSet<String>,
}

impl ToTell {
    /// What these changes of the table of marks and of the table of receivers say.
    pub(crate) fn from_changes(marks: &[Value], receivers: &[Value]) -> Self {
        let mut all = Self::default();
        for event in marks.iter().filter_map(event_of_marks) {
            *all.instances.entry(event).or_default() += 1;
        }
        all.paused.extend(receivers.iter().filter_map(paused_by));
        all
    }

    /// How many events there are at least.
    pub(crate) fn count(&self) -> usize {
        self.instances.values().sum::<usize>() + self.paused.len()
    }

    /// What an application, the receiver with this id, was not told. One that is paused is told
    /// nothing.
    pub(crate) fn untold(&self, id: &str, got: &[Arrival]) -> Vec<String> {
        if self.paused.contains(id) {
            return Vec::new();
        }
        let taken = got.iter().filter(|one| (200..300).contains(&one.status));
        let events: BTreeMap<_, Value> = taken
            .filter_map(|one| Some((one.id.clone(), serde_json::from_slice(&one.body).ok()?)))
            .collect();
        let of_type = |name: &str| events.values().filter(|one| one["type"] == name).count();
        let missing = self.instances.iter().filter(|(name, count)| of_type(name) < **count);
        let missing = missing.map(|(name, count)| format!("{} of {count} {name}", of_type(name)));
        let is_told = |paused: &str| {
            let mut all = events.values();
            all.any(|one| one["type"] == "receiver.paused" && one["data"]["receiver"] == paused)
        };
        let unnamed = self.paused.iter().filter(|paused| !is_told(paused));
        missing.chain(unnamed.map(|paused| format!("{paused} was paused"))).collect()
    }
}

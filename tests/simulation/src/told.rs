//! What applications have to be told of an instance and of each other, as what was posted and what
//! they answered says, and what each was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use crate::receivers::Arrival;

/// What must be told: how many events of each type about the instance, and which receivers were
/// paused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToTell {
    instances: BTreeMap<&'static str, usize>,
    paused: BTreeSet<String>,
}

impl ToTell {
    /// What follows from the webhooks that were answered 200, in their order, and from the
    /// receivers whose applications answered that they want nothing any more.
    pub(crate) fn new(accepted: &[(Duration, Vec<u8>)], gone: BTreeSet<String>) -> Self {
        let (mut instances, mut known) = (BTreeMap::new(), None);
        for (_, body) in accepted {
            let webhook: Value = serde_json::from_slice(body).unwrap_or_default();
            let event = match webhook["event"].as_str() {
                Some("webhookConnected") => "instance.connected",
                Some("webhookDisconnected") => "instance.disconnected",
                Some(_) | None => continue,
            };
            // That it is as it was is no news.
            if known.replace(event) != Some(event) {
                *instances.entry(event).or_default() += 1;
            }
        }
        Self { instances, paused: gone }
    }

    /// How many events there are.
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

//! A small in-memory cache whose entries grow stale but are not thrown away while they may be
//! needed.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Entries kept at most. Reached only by someone who guesses ids; then the cache starts afresh.
const MAX_ENTRIES: usize = 10_000;

/// Values and when they were read.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::default() }
    }

    /// The value and its age, however old.
    pub(crate) fn get(&self, key: &K) -> Option<(Duration, V)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).map(|(read, value)| (read.elapsed(), value.clone()))
    }

    /// The value, if it is younger than `most`. Every older one is dropped: for what must not stay
    /// in memory.
    pub(crate) fn younger_than(&self, most: Duration, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (read, _)| read.elapsed() < most);
        entries.get(key).map(|(_, value)| value.clone())
    }

    pub(crate) fn remove(&self, key: &K) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(key);
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, (Instant::now(), value));
    }
}

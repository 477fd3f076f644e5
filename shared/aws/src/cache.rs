//! A small in-memory cache. Stale entries stay in it until the caller drops them, because a stale
//! value may be better than none.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Maximum number of entries. Only someone who guesses ids reaches it; the cache is then emptied.
const MAX_ENTRIES: usize = 10_000;

/// Values by key, each with the time when it was read.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::default() }
    }

    /// The value and its age, whatever the age.
    pub(crate) fn get(&self, key: &K) -> Option<(Duration, V)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).map(|(read, value)| (read.elapsed(), value.clone()))
    }

    /// The value, if it is younger than `max_age`. Drops every older entry of the cache: for values
    /// that must not stay in memory.
    pub(crate) fn get_younger_than(&self, max_age: Duration, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (read, _)| read.elapsed() < max_age);
        entries.get(key).map(|(_, value)| value.clone())
    }

    pub(crate) fn remove(&self, key: &K) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(key);
    }

    pub(crate) fn put(&self, key: K, value: V) {
        self.put_as_of(Instant::now(), key, value);
    }

    /// [`Self::put`] of a value whose age counts from `read`.
    pub(crate) fn put_as_of(&self, read: Instant, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, (read, value));
    }
}

//! A cache of instances' records, which also remembers the instances that have none.

use std::{fmt::Display, sync::Arc, time::Duration};

use media::ids::InstanceId;
use tokio::time::Instant;

use crate::cache::Cache;

/// Records by instance. `read` reads the table; it is called only if it is needed.
#[derive(Debug)]
pub(crate) struct RecordCache<T> {
    records: Cache<InstanceId, Arc<T>>,
    /// Ids without a record. Kept apart from the records, because strangers invent ids, which must
    /// not displace records.
    absences: Cache<InstanceId, ()>,
    max_absence_age: Duration,
}

impl<T> RecordCache<T> {
    /// A missing record is remembered for `max_absence_age`.
    pub(crate) fn new(max_absence_age: Duration) -> Self {
        Self { records: Cache::new(), absences: Cache::new(), max_absence_age }
    }

    /// The record, cached for less than `max_age` or read. If the read fails, an older cached
    /// record is used.
    pub(crate) async fn find<E: Display>(
        &self,
        id: &InstanceId,
        max_age: Duration,
        read: impl AsyncFnOnce() -> Result<Option<T>, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let error = match self.find_fresh(id, max_age, read).await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let Some((_, stale)) = self.records.get(id) else {
            return Err(error);
        };
        let instance = id;
        tracing::warn!(%instance, %error, "an instance's record was not read: an older one is used");
        Ok(Some(stale))
    }

    /// [`Self::find`], which fails instead of using an older cached record.
    pub(crate) async fn find_fresh<E>(
        &self,
        id: &InstanceId,
        max_age: Duration,
        read: impl AsyncFnOnce() -> Result<Option<T>, E>,
    ) -> Result<Option<Arc<T>>, E> {
        if let Some((age, record)) = self.records.get(id)
            && age < max_age
        {
            return Ok(Some(record));
        }
        if self.absences.get_younger_than(self.max_absence_age, id).is_some() {
            return Ok(None);
        }
        self.refresh(id, read).await
    }

    /// Reads the record, whatever is cached, and caches what was read.
    pub(crate) async fn refresh<E>(
        &self,
        id: &InstanceId,
        read: impl AsyncFnOnce() -> Result<Option<T>, E>,
    ) -> Result<Option<Arc<T>>, E> {
        // A change during the read may be missing in its result: the age counts from its start.
        let asked = Instant::now();
        let record = read().await?.map(Arc::new);
        match &record {
            Some(record) => {
                self.absences.remove(id);
                self.records.put_as_of(asked, id.clone(), Arc::clone(record));
            }
            None => {
                self.records.remove(id);
                self.absences.put_as_of(asked, id.clone(), ());
            }
        }
        Ok(record)
    }
}

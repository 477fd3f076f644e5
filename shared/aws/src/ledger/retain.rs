//! Gives existing records the end that a tenant's present retention means, or takes it from them.

use media::{
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    policy::Retention,
};

use super::{
    condition::Condition,
    outcome::WriteOutcome,
    table::{FORGET_AT, HAS_ENTRY, Ledger},
    transaction::TransactionOutcome,
    update::Update,
};
use crate::{
    dynamodb::{Attributes, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// The states in which a record may have an end. What is tried again has none.
const SETTLED_STATES: [&str; 3] = ["stored", "parked", "skipped"];

/// When a record of a tenant ends, and from when on the tenant's retention counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordEnd {
    /// The record's sort key.
    pub key: String,
    state: String,
    /// When the record was last written, in seconds since 1970.
    updated_at: i64,
    /// From when the retention counts, in seconds since 1970.
    begins_at: i64,
    /// From when the record may be removed.
    forget_at: Option<i64>,
    has_entry: bool,
}

impl RecordEnd {
    /// The attributes that [`Self::from_item`] reads.
    pub const ATTRIBUTES: [&str; 9] = [
        "message_id",
        "tenant",
        "state",
        "moment",
        "moment_source",
        "stored_at",
        "updated_at",
        FORGET_AT,
        HAS_ENTRY,
    ];

    /// Reads an item. `None`: it is not the tenant's, is still worked on or the mark of an erased
    /// media file, or its times cannot be read.
    #[must_use]
    pub fn from_item(item: &Attributes, tenant: &TenantId) -> Option<Self> {
        let state = get_string(item, "state")?;
        let is_meant = get_string(item, "tenant") == Some(tenant.as_str());
        if !is_meant || !SETTLED_STATES.contains(&state) {
            return None;
        }
        let updated_at: i64 = get_number(item, "updated_at")?;
        let stored_at: i64 = get_number(item, "stored_at").unwrap_or(updated_at);
        let moment: i64 = get_number(item, "moment").unwrap_or(updated_at);
        // As `Policy::stored_end` and `Retention::unstored_end` have it.
        let begins_at = match get_string(item, "moment_source") {
            _ if state == "stored" => stored_at.max(moment),
            Some("message") => moment,
            Some(_) | None => updated_at,
        };
        Some(Self {
            key: get_string(item, "message_id")?.to_owned(),
            state: state.to_owned(),
            updated_at,
            begins_at,
            forget_at: get_number(item, FORGET_AT),
            has_entry: item.contains_key(HAS_ENTRY),
        })
    }

    /// Whether the record has the end that this retention means.
    #[must_use]
    pub fn agrees_with(&self, retention: Option<Retention>) -> bool {
        self.forget_at == self.end_under(retention)
    }

    fn end_under(&self, retention: Option<Retention>) -> Option<i64> {
        retention.map(|class| class.end_of(self.begins_at))
    }
}

impl Ledger {
    /// Gives a record the end that this retention means, and the entry of a parked job with it.
    /// [`WriteOutcome::Overtaken`]: the record changed since it was read.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` or `TransactWriteItems` fails.
    pub async fn set_end(
        &self,
        instance: &InstanceId,
        record: &RecordEnd,
        retention: Option<Retention>,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let key = RecordKey::from_record(&*record.key);
        let forget_at = record.end_under(retention).map(number_value);
        let update = || Update::default().set_or_remove(FORGET_AT, forget_at.clone());
        let has_state = || Condition::has_state(Some(string_value(&*record.state)));
        let is_unchanged = has_state()
            .and(Condition::not_leased(now))
            .and(Condition::updated_at(record.updated_at));
        if !(record.has_entry && record.state == "parked") {
            let request = update().request(&self.clients, &self.table, instance, &key);
            let updated = is_unchanged.add_to(request).send().await;
            return WriteOutcome::from_result("dynamodb:UpdateItem", updated);
        }
        let writes = vec![
            update().into_write(&self.table, instance, &key, is_unchanged)?,
            update().into_write(&self.jobs.name, instance, &key, has_state())?,
        ];
        Ok(match self.transact(writes).await? {
            TransactionOutcome::Written => WriteOutcome::Yes,
            TransactionOutcome::Refused { .. } => WriteOutcome::Overtaken,
        })
    }
}

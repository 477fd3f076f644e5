//! The conditions of writes to the media table. Each stands here once, with the values that it
//! needs.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue,
};
use media::{ids::TenantId, record::Lease};

use super::table::ERASED;
use crate::dynamodb::{number_value, string_value};

/// A condition expression, with the names and values behind its placeholders.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// The run has the lease.
    pub(super) fn leased_to(lease: &Lease) -> Self {
        Self::new("lease_owner = :me", [(":me", string_value(&*lease.owner))])
    }

    /// No run has the lease: there is none, or it ended before `now`.
    pub(super) fn not_leased(now: i64) -> Self {
        const TEXT: &str = "(attribute_not_exists(lease_owner) OR lease_until < :now)";
        Self::new(TEXT, [(":now", number_value(now))])
    }

    /// No other run has the lease: there is none, it is this run's, or it ended before `now`.
    pub(super) fn not_leased_to_another(lease: &Lease, now: i64) -> Self {
        const TEXT: &str = "(attribute_not_exists(lease_owner) OR lease_owner = :me \
             OR lease_until < :now)";
        let values = [(":me", string_value(&*lease.owner)), (":now", number_value(now))];
        Self::new(TEXT, values)
    }

    /// The media file remains to be fetched: it is neither stored nor erased.
    pub(super) fn not_stored_or_erased() -> Self {
        const TEXT: &str =
            "(attribute_not_exists(#state) OR (#state <> :stored AND #state <> :erased))";
        let values = [(":stored", string_value("stored")), (":erased", string_value(ERASED))];
        Self::new(TEXT, values).with_state_name()
    }

    /// No operator has decided about the job after it was accepted at this time.
    pub(super) fn not_decided_after(accepted_at: i64) -> Self {
        const TEXT: &str = "(attribute_not_exists(decided_at) OR decided_at <= :accepted)";
        Self::new(TEXT, [(":accepted", number_value(accepted_at))])
    }

    /// The record has no state, or `retrying`, or it is `parked` and has no job entry.
    pub(super) fn not_parked_with_entry() -> Self {
        const TEXT: &str = "(attribute_not_exists(#state) OR #state = :retrying OR (#state = \
             :parked AND attribute_not_exists(has_entry)))";
        let values = [(":retrying", string_value("retrying")), (":parked", string_value("parked"))];
        Self::new(TEXT, values).with_state_name()
    }

    /// The record has no state, or `retrying` or `parked`.
    pub(super) fn parked_or_unsettled() -> Self {
        const TEXT: &str = "(attribute_not_exists(#state) OR #state = :retrying OR #state = \
             :parked)";
        let values = [(":retrying", string_value("retrying")), (":parked", string_value("parked"))];
        Self::new(TEXT, values).with_state_name()
    }

    /// The record has the state `retrying` or `parked`, and does not say yet that it expires.
    pub(super) fn unsettled_and_not_expiring() -> Self {
        const TEXT: &str = "(#state = :retrying OR #state = :parked) AND \
             attribute_not_exists(expiring_at)";
        let values = [(":retrying", string_value("retrying")), (":parked", string_value("parked"))];
        Self::new(TEXT, values).with_state_name()
    }

    /// The record's state is `stored`.
    pub(super) fn stored() -> Self {
        Self::new("#state = :stored", [(":stored", string_value("stored"))]).with_state_name()
    }

    /// The record names this object.
    #[cfg(feature = "operator")]
    pub(super) fn has_object(object_key: &str) -> Self {
        Self::new("object_key = :object", [(":object", string_value(object_key))])
    }

    /// The record's object key is this value, whatever its type; with `None`, it has none.
    pub(super) fn has_object_value(object_key: Option<AttributeValue>) -> Self {
        match object_key {
            Some(object) => Self::new("object_key = :object", [(":object", object)]),
            None => Self::new("attribute_not_exists(object_key)", []),
        }
    }

    /// A relink that has begun, and not ended, names this old key.
    #[cfg(feature = "operator")]
    pub(super) fn is_relinked_from(object_key: &str) -> Self {
        let condition = "relinked_from = :relinked_from";
        Self::new(condition, [(":relinked_from", string_value(object_key))])
    }

    /// The record's state is this value, whatever its type; with `None`, the record has no state.
    pub(super) fn has_state(state: Option<AttributeValue>) -> Self {
        let condition = match state {
            Some(state) => Self::new("#state = :state", [(":state", state)]),
            None => Self::new("attribute_not_exists(#state)", []),
        };
        condition.with_state_name()
    }

    /// The record has this hash of a link, or fewer than `most`.
    pub(super) fn has_room_for_link(hash: &str, most: usize) -> Self {
        const TEXT: &str = "(attribute_not_exists(links) OR size(links) < :most \
             OR contains(links, :hash))";
        let most = number_value(i64::try_from(most).unwrap_or(i64::MAX));
        Self::new(TEXT, [(":most", most), (":hash", string_value(hash))])
    }

    /// The record has these hashes of links, a set of texts; with `None`, it has none.
    pub(super) fn has_links(hashes: Option<AttributeValue>) -> Self {
        match hashes {
            Some(hashes) => Self::new("links = :links", [(":links", hashes)]),
            None => Self::new("attribute_not_exists(links)", []),
        }
    }

    /// The item has another state than this, or none.
    pub(super) fn not_in_state(state: &str) -> Self {
        const TEXT: &str = "(attribute_not_exists(#state) OR #state <> :state)";
        Self::new(TEXT, [(":state", string_value(state))]).with_state_name()
    }

    /// The record was last written at this time.
    pub(super) fn updated_at(at: i64) -> Self {
        Self::new("updated_at = :updated", [(":updated", number_value(at))])
    }

    /// There is a job entry.
    pub(super) fn entry_exists() -> Self {
        Self::new("attribute_exists(body)", [])
    }

    /// There is no job entry.
    pub(super) fn no_entry() -> Self {
        Self::new("attribute_not_exists(body)", [])
    }

    /// The job entry is due at this time.
    pub(super) fn due_at(due_at: i64) -> Self {
        Self::new("due_at = :due", [(":due", number_value(due_at))])
    }

    /// The job entry is due at this time, or was already taken with this text.
    pub(super) fn due_at_or_taken_by(due_at: i64, taker: &str) -> Self {
        let values = [(":due", number_value(due_at)), (":taker", string_value(taker))];
        Self::new("(due_at = :due OR taken_by = :taker)", values)
    }

    /// The record names no tenant, or this one.
    pub(super) fn of_no_other_tenant(tenant: &TenantId) -> Self {
        const TEXT: &str = "(attribute_not_exists(tenant) OR tenant = :tenant)";
        Self::new(TEXT, [(":tenant", string_value(tenant.as_str()))])
    }

    fn new<const N: usize>(text: &str, values: [(&str, AttributeValue); N]) -> Self {
        let values = values.map(|(placeholder, value)| (placeholder.to_owned(), value));
        Self { text: text.to_owned(), names: HashMap::new(), values: values.into() }
    }

    /// Names the attribute behind `#state`: `state` is a word reserved by `DynamoDB`.
    pub(super) fn with_state_name(mut self) -> Self {
        self.names.insert("#state".to_owned(), "state".to_owned());
        self
    }

    /// Both conditions. A placeholder that occurs in both must stand for the same.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.require(&other.text);
        self.names.extend(other.names);
        self.values.extend(other.values);
        self
    }

    /// Adds an expression that must hold as well.
    pub(super) fn require(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push_str(" AND ");
        }
        self.text.push_str(text);
    }

    /// Binds a text to a new placeholder, and returns the placeholder.
    pub(super) fn bind_text(&mut self, text: &str) -> String {
        self.bind(string_value(text))
    }

    /// Binds a number to a new placeholder, and returns the placeholder.
    pub(super) fn bind_number(&mut self, number: i64) -> String {
        self.bind(number_value(number))
    }

    /// Binds each text to a new placeholder, and returns the placeholders as a list for `IN`.
    pub(super) fn bind_texts(&mut self, texts: &[String]) -> String {
        let list: Vec<_> = texts.iter().map(|text| self.bind_text(text)).collect();
        list.join(", ")
    }

    /// Binds an attribute's name to a new placeholder, and returns the placeholder.
    pub(super) fn bind_name(&mut self, name: &str) -> String {
        let placeholder = format!("#c{}", self.names.len() + 1);
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn bind(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":c{}", self.values.len() + 1);
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Adds the condition to an update, beside the update's own names and values.
    pub(super) fn add_to(self, request: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let request = request.condition_expression(self.text);
        let request = self.names.into_iter().fold(request, |request, (placeholder, name)| {
            request.expression_attribute_names(placeholder, name)
        });
        self.values.into_iter().fold(request, |request, (placeholder, value)| {
            request.expression_attribute_values(placeholder, value)
        })
    }
}

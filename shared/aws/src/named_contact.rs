//! What a webhook says about a contact, compared with what the table of people has.

use media::{
    contact::Contact,
    ids::{InstanceId, TenantId},
    policy::Retention,
};

use crate::{
    dynamodb::{Attributes, get_number, get_string},
    error::AwsError,
    ledger::FORGET_AT,
    orders::{Order, Orders},
};

/// After this time, in seconds, a pair that is named again is looked up and gets a new end.
pub(crate) const RENEWED_AFTER: u32 = 7 * 24 * 60 * 60;

/// The attribute with the tenant whose webhook named a pair, or an open number.
pub(crate) const TENANT: &str = "tenant";

/// What a webhook says about a contact, and for how long it may be kept.
#[derive(Debug, Clone, Copy)]
pub struct NamedContact<'a> {
    /// The tenant of the instance.
    pub tenant: &'a TenantId,
    /// The instance that got the webhook.
    pub instance: &'a InstanceId,
    /// The contact.
    pub person: &'a Contact,
    /// How long the tenant keeps what is known; `None` without an end.
    pub retention: Option<Retention>,
    /// When the webhook came, in seconds since 1970.
    pub now: i64,
    /// When what it announces was sent, in seconds since 1970: a webhook may come again after an
    /// order to erase.
    pub announced_at: i64,
}

impl NamedContact<'_> {
    /// When the pair ends if it is not named again, in seconds since 1970.
    pub(crate) fn end(&self) -> Option<i64> {
        self.retention.map(|class| class.end_of(self.now))
    }

    /// The order to erase that covers what the webhook announces of the contact.
    pub(crate) async fn find_erasure(&self, orders: &Orders) -> Result<Option<Order>, AwsError> {
        let owner = (self.tenant, self.instance);
        orders.find_contact_erasure(owner, self.person, self.announced_at).await
    }

    /// Whether an item of the pair is this tenant's.
    pub(crate) fn has_tenant(&self, item: &Attributes) -> bool {
        get_string(item, TENANT) == Some(self.tenant.as_str())
    }

    /// Whether an item of the pair has about this end.
    pub(crate) fn has_end(&self, item: &Attributes) -> bool {
        match (get_number::<i64>(item, FORGET_AT), self.end()) {
            (None, None) => true,
            (Some(has), Some(end)) => (0..i64::from(RENEWED_AFTER)).contains(&(end - has)),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

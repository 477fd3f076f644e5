//! Who may post an instance's webhooks: the part of its record that the webhook function needs.

use std::{sync::Arc, time::Duration};

use media::{
    access::{SecretHashes, VerifiedInstance},
    ids::{InstanceId, TenantId},
    policy::{Retention, Revoked},
    sha256::Sha256,
};
use serde::Deserialize;

use crate::{
    clients::Clients,
    dynamodb::{Attributes, get_item, get_string},
    instances::{InstanceError, parse_record},
    record_cache::RecordCache,
};

/// How long a record is used for a secret that matches it. A secret that was revoked, or whose
/// instance was paused, is valid in no process for longer than this, unless the table fails. It
/// costs at most one read per process, instance and minute.
pub const MAX_MATCHED_AGE: Duration = Duration::from_mins(1);

/// How long a record is used for a secret that does not match it, and how long a missing record is
/// remembered. A new secret is valid everywhere after this time. Strangers with wrong secrets cause
/// at most one read of an instance per process in this time.
pub const MAX_UNMATCHED_AGE: Duration = Duration::from_secs(1);

/// Waits until every webhook function accepts a secret that was written into an instance's record.
pub async fn wait_until_effective() {
    tokio::time::sleep(MAX_UNMATCHED_AGE).await;
}

/// The attributes of an instance's record that decide about its webhooks. No other is read, so that
/// nothing that a newer version writes into the record refuses webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookAccess {
    #[serde(rename = "instance")]
    id: InstanceId,
    tenant: TenantId,
    /// SHA-256 of the current webhook secret, then of the one before it.
    secret_hashes: Vec<Sha256>,
    /// When the secret before the current one ceases to be valid, in seconds since 1970.
    #[serde(default)]
    old_secret_until: Option<i64>,
    /// Since when the webhooks are refused, in seconds since 1970.
    #[serde(default)]
    paused_at: Option<i64>,
    /// Read by themselves, after the others.
    #[serde(skip)]
    rules: WebhookRules,
}

/// The tenant's rules that the webhook function obeys. What a newer version wrote and this one does
/// not know is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookRules {
    /// How long the tenant keeps what is known of people; `None` without an end.
    pub retention: Option<Retention>,
    /// What becomes of a message that its sender deletes.
    pub revoked: Revoked,
}

impl WebhookRules {
    /// Reads the rules in an instance's record.
    fn from_item(item: &Attributes) -> Self {
        let rules = item.get("policy").and_then(|policy| policy.as_m().ok());
        let word = |name: &str| rules.and_then(|rules| get_string(rules, name));
        let (class, revoked) = (word("retention"), word("revoked"));
        Self {
            retention: Retention::ALL.into_iter().find(|one| Some(one.as_str()) == class),
            revoked: Revoked::ALL
                .into_iter()
                .find(|one| Some(one.as_str()) == revoked)
                .unwrap_or_default(),
        }
    }
}

impl WebhookAccess {
    /// The webhook secrets that are valid at `now` (seconds since 1970). While the instance is
    /// paused, none is.
    #[must_use]
    pub fn secrets_at(&self, now: i64) -> SecretHashes {
        if self.paused_at.is_some() {
            return SecretHashes::default();
        }
        let old = self.secret_hashes.get(1);
        let old = old.filter(|_| self.old_secret_until.is_some_and(|until| now < until));
        let valid = self.secret_hashes.first().into_iter().chain(old);
        SecretHashes::new(valid.copied())
    }

    /// The tenant's rules.
    #[must_use]
    pub fn rules(&self) -> WebhookRules {
        self.rules
    }

    /// Verifies the secret of a webhook that came at `now` (seconds since 1970).
    #[must_use]
    pub fn verify_secret(&self, secret: &str, now: i64) -> Option<VerifiedInstance> {
        VerifiedInstance::verify(&self.tenant, &self.id, &self.secrets_at(now), secret)
    }
}

/// Reads the table of instances for the webhook function, and caches what it reads. Every read is
/// strongly consistent.
#[derive(Debug)]
pub struct AccessTable {
    clients: Clients,
    table: String,
    records: RecordCache<WebhookAccess>,
}

impl AccessTable {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        let records = RecordCache::new(MAX_UNMATCHED_AGE);
        Self { clients: clients.clone(), table, records }
    }

    /// Opens the connection to `DynamoDB` by reading a record that does not exist. An error is only
    /// logged.
    pub async fn connect(&self) {
        if let Ok(absent) = InstanceId::parse("WARM-UP")
            && let Err(error) = self.read(&absent).await
        {
            tracing::debug!(%error, "the warm-up read of the instances table failed");
        }
    }

    /// The instance's record: cached for [`MAX_MATCHED_AGE`] (a missing record for
    /// [`MAX_UNMATCHED_AGE`]), otherwise read. While `DynamoDB` fails, an older cached record is
    /// used.
    ///
    /// # Errors
    /// [`InstanceError`] when `DynamoDB` fails and no record is cached.
    pub async fn find(&self, id: &InstanceId) -> Result<Option<Arc<WebhookAccess>>, InstanceError> {
        self.records.find(id, MAX_MATCHED_AGE, async || self.read(id).await).await
    }

    /// [`Self::find`] for a secret that did not match: a record that was read more than
    /// [`MAX_UNMATCHED_AGE`] ago is read again, because it may have changed. No older record is
    /// used: the answer must not reveal whether the instance exists.
    ///
    /// # Errors
    /// [`InstanceError`] when `DynamoDB` fails and no record as young is cached.
    pub async fn find_changed(
        &self,
        id: &InstanceId,
    ) -> Result<Option<Arc<WebhookAccess>>, InstanceError> {
        self.records.find_fresh(id, MAX_UNMATCHED_AGE, async || self.read(id).await).await
    }

    async fn read(&self, id: &InstanceId) -> Result<Option<WebhookAccess>, InstanceError> {
        let item = get_item(&self.clients, &self.table, [("instance", id.as_str())]).await?;
        let Some(item) = item else {
            return Ok(None);
        };
        let rules = WebhookRules::from_item(&item);
        let access = parse_record::<WebhookAccess>(item)?;
        Ok(Some(WebhookAccess { rules, ..access }))
    }
}

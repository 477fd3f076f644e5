//! Makes the media link of an event.

use std::sync::Arc;

use aws::{
    clients::Clients,
    ledger::{Ledger, LedgerTables, WriteOutcome},
    links::{LinkRules, LinksTable},
};
use media::{
    media_event::{EventLink, MediaEvent},
    media_link::{LinkToken, MediaLink},
};

use crate::{config::Config, error::PublishError};

/// Returns bytes from a cryptographically secure source. `None`: it has none.
pub type TokenBytes = Arc<dyn Fn() -> Option<[u8; LinkToken::BYTES]> + Send + Sync>;

/// Makes links.
pub(crate) struct LinkMaker {
    ledger: Ledger,
    table: LinksTable,
    rules: LinkRules,
    base_url: String,
    token_bytes: TokenBytes,
}

impl std::fmt::Debug for LinkMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkMaker")
    }
}

impl LinkMaker {
    pub(crate) fn new(clients: &Clients, config: &Config, token_bytes: TokenBytes) -> Self {
        let tables =
            LedgerTables { media: config.media_table.clone(), jobs: config.jobs_table.clone() };
        Self {
            ledger: Ledger::new(clients, tables),
            table: LinksTable::new(clients, config.links_table.clone()),
            rules: LinkRules::new(clients, config.tenants_table.clone()),
            base_url: config.base_url.clone(),
            token_bytes,
        }
    }

    /// The link of an event. `None`: the tenant has no links, or the file is gone or has as many
    /// links as it may have.
    pub(crate) async fn make(
        &self,
        event: &MediaEvent,
        now: i64,
    ) -> Result<Option<EventLink>, PublishError> {
        let facts = &event.facts;
        let Some(rule) = self.rules.rule_for_new(&facts.tenant).await? else {
            return Ok(None);
        };
        let token = (self.token_bytes)().ok_or(PublishError::NoRandomBytes)?;
        let token = LinkToken::from_random(token);
        let link = MediaLink {
            tenant: facts.tenant.to_string(),
            instance: facts.instance.to_string(),
            record_key: facts.record_key.clone(),
            created_at: now,
            ends_at: rule.latest_end(now),
            openings: 0,
        };
        // The record first: whoever erases the file finds the link by it.
        let hash = token.hash();
        let added = self.ledger.add_link_hash(&facts.instance, &facts.record_key, &hash).await?;
        if added == WriteOutcome::Overtaken {
            return Ok(None);
        }
        self.table.add(&hash, &link).await?;
        let url = format!("{}/m/{}", self.base_url, token.expose());
        Ok(Some(EventLink::new(url, link.ends_at)))
    }
}

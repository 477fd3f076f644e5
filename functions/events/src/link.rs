//! Makes the media link of an event, and removes those of a record that is gone.

use std::sync::Arc;

use aws::{
    clients::Clients,
    error::AwsError,
    ledger::{Ledger, LedgerTables},
    links::{LinkRules, LinksTable},
};
use media::{
    media_event::{EventLink, MediaEvent},
    media_link::LinkToken,
};

use crate::{config::Config, error::PublishError};

/// Returns bytes from a cryptographically secure source. `None`: it has none.
pub type TokenBytes = Arc<dyn Fn() -> Option<[u8; LinkToken::BYTES]> + Send + Sync>;

/// Makes links, and removes them.
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
        let Some(rule) = self.rules.rule_for_new(&event.facts.tenant).await? else {
            return Ok(None);
        };
        let token = (self.token_bytes)().ok_or(PublishError::NoRandomBytes)?;
        let token = LinkToken::from_random(token);
        let terms = (rule, self.base_url.as_str(), now);
        Ok(self.table.make_for_event(&self.ledger, event, &token, terms).await?)
    }

    /// Removes the links whose tokens have these hashes.
    pub(crate) async fn remove(&self, hashes: &[String]) -> Result<(), AwsError> {
        self.table.remove_all(hashes).await
    }
}

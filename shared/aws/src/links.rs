//! The table of media links, by the hash of their tokens, and the tenants' rules for them. The
//! links function opens links; the command makes and removes them, and the events function makes
//! one for each media event.

use std::time::Duration;

use media::{
    ids::TenantId,
    media_event::{EventLink, MediaEvent},
    media_link::{LinkRule, LinkToken, MediaLink},
};

use crate::{
    cache::Cache,
    clients::Clients,
    dynamodb::{Attributes, get_item, get_string, number_value, string_value},
    error::AwsError,
    ledger::{FORGET_AT, Ledger, WriteOutcome},
};

/// The table's key: the hash of the token.
const TOKEN: &str = "token";

/// The table of media links.
#[derive(Debug)]
pub struct LinksTable {
    clients: Clients,
    table: String,
}

impl LinksTable {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// Reads the link whose token has this hash, strongly consistent. `None`: there is none, or a
    /// newer version wrote it in another form.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn find(&self, token_hash: &str) -> Result<Option<MediaLink>, AwsError> {
        let item = get_item(&self.clients, &self.table, [(TOKEN, token_hash)]).await?;
        Ok(item.and_then(|item| serde_dynamo::from_item(item).ok()))
    }

    /// Makes a link of the file of an event that works for as long as the tenant's rule allows.
    /// `base_url` is that of the stack's API, and `now` in seconds since 1970. `None`: the file is
    /// not stored any more, or has as many links as it may have.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` or `PutItem` fails.
    pub async fn make_for_event(
        &self,
        ledger: &Ledger,
        event: &MediaEvent,
        token: &LinkToken,
        (rule, base_url, now): (LinkRule, &str, i64),
    ) -> Result<Option<EventLink>, AwsError> {
        let facts = &event.facts;
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
        let added = ledger.add_link_hash(&facts.instance, &facts.record_key, &hash).await?;
        if added == WriteOutcome::Overtaken {
            return Ok(None);
        }
        self.add(&hash, &link).await?;
        Ok(Some(EventLink::new(token.to_url(base_url), link.ends_at)))
    }

    /// Adds a link. `DynamoDB` removes it some time after its end.
    ///
    /// # Errors
    /// [`AwsError`] when `PutItem` fails.
    pub async fn add(&self, token_hash: &str, link: &MediaLink) -> Result<(), AwsError> {
        const OPERATION: &str = "dynamodb:PutItem";
        let mut item: Attributes = serde_dynamo::to_item(link)
            .map_err(|_| AwsError::unexpected(OPERATION, "the item could not be built"))?;
        item.insert(TOKEN.to_owned(), string_value(token_hash));
        if let Some(end) = link.ends_at {
            item.insert(FORGET_AT.to_owned(), number_value(end));
        }
        let put = self.clients.dynamodb.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#token)")
            .expression_attribute_names("#token", TOKEN)
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION));
        match put {
            // A repetition, after the answer was lost: nobody else has this token.
            Err(error) if error.is_failed_condition() => Ok(()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the links whose tokens have these hashes, as far as there are any.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn remove_all(&self, token_hashes: &[String]) -> Result<(), AwsError> {
        for hash in token_hashes {
            let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
            let deleted = delete.key(TOKEN, string_value(hash)).send().await;
            deleted.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        }
        Ok(())
    }

    /// Counts one opening of a link that is still there.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails, also because the link was removed meanwhile.
    pub async fn count_opening(&self, token_hash: &str, now: i64) -> Result<(), AwsError> {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        update
            .key(TOKEN, string_value(token_hash))
            .condition_expression("attribute_exists(#token)")
            .update_expression("ADD openings :one SET opened_at = :now")
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":one", number_value(1))
            .expression_attribute_values(":now", number_value(now))
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:UpdateItem"))?;
        Ok(())
    }
}

/// Reads which tenants have media links at all.
#[derive(Debug)]
pub struct LinkRules {
    clients: Clients,
    tenants_table: String,
    known: Cache<TenantId, FoundRule>,
}

/// The rule of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FoundRule {
    Known(LinkRule),
    Newer,
}

/// How long a tenant's rule is used before it is read again.
const MAX_RULE_AGE: Duration = Duration::from_mins(1);

impl LinkRules {
    /// Uses the table of tenants with this name.
    #[must_use]
    pub fn new(clients: &Clients, tenants_table: String) -> Self {
        Self { clients: clients.clone(), tenants_table, known: Cache::new() }
    }

    /// Whether links of the tenant's media work. A rule of a newer version is not `off`: each link
    /// has its own end.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn allow_links(&self, tenant: &TenantId) -> Result<bool, AwsError> {
        Ok(self.find(tenant).await? != FoundRule::Known(LinkRule::Off))
    }

    /// For how long a link that is made now may work. `None`: for no time, or the rule is of a
    /// newer version.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn rule_for_new(&self, tenant: &TenantId) -> Result<Option<LinkRule>, AwsError> {
        Ok(match self.find(tenant).await? {
            FoundRule::Known(LinkRule::Off) | FoundRule::Newer => None,
            FoundRule::Known(rule) => Some(rule),
        })
    }

    async fn find(&self, tenant: &TenantId) -> Result<FoundRule, AwsError> {
        if let Some(known) = self.known.get_younger_than(MAX_RULE_AGE, tenant) {
            return Ok(known);
        }
        let key = [("tenant", tenant.as_str())];
        let item = get_item(&self.clients, &self.tenants_table, key).await?;
        let policy = item.as_ref().and_then(|item| item.get("policy")?.as_m().ok());
        let rule = match policy.and_then(|policy| get_string(policy, "links")) {
            None => FoundRule::Known(LinkRule::Off),
            Some(word) => word.parse().map_or(FoundRule::Newer, FoundRule::Known),
        };
        self.known.put(tenant.clone(), rule);
        Ok(rule)
    }
}

#[cfg(feature = "operator")]
impl LinksTable {
    /// Shows every link of a tenant to `each`, by the hash of its token. It reads the whole table:
    /// a link is found by its token, or by the record of its file, and by nothing else.
    ///
    /// # Errors
    /// [`AwsError`] when `Scan` fails.
    pub async fn visit_tenant(
        &self,
        tenant: &TenantId,
        mut each: impl FnMut(&str, &MediaLink),
    ) -> Result<(), AwsError> {
        let scan = self.clients.dynamodb.scan().table_name(&self.table).consistent_read(true);
        let mut items = scan
            .filter_expression("tenant = :tenant")
            .expression_attribute_values(":tenant", string_value(tenant.as_str()))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Scan"))?;
            let token = get_string(&item, TOKEN).unwrap_or_default().to_owned();
            if let Ok(link) = serde_dynamo::from_item(item) {
                each(&token, &link);
            }
        }
        Ok(())
    }
}

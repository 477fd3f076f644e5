//! `wapi-media media link` and `unlink`: links to one media file that work for long.

use std::time::Duration;

use anyhow::{Context, bail};
use aws::ledger::{MAX_LINKS, WriteOutcome};
use boot::clock;
use media::{
    ids::{InstanceId, TenantId},
    media_link::{LinkRule, LinkToken, MediaLink},
};
use operator::records::MediaRecord;
use serde::Serialize;
use serde_json::json;

use super::{
    message::{MessageArgument, key_of, record_of},
    one_file::message_scope,
    scan::require_clean,
};
use crate::{exit::Exit, random::random_bytes, screen, session::Session};

/// Makes a link of the file, and prints it.
pub(super) async fn make_link(
    one: &MessageArgument,
    valid: Option<Duration>,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (key, record) = key_of(one, session).await?;
    require_clean(&record.key, &key, session).await?;
    let tenant = TenantId::parse(record.tenant.clone())?;
    let rule = session.find_tenant(&tenant).await?.policy.links;
    let now = clock::now();
    let ends_at = choose_end(rule, valid, now, &tenant)?;
    if record.links.len() >= MAX_LINKS {
        bail!(
            "the file has {MAX_LINKS} links. Remove them: wapi-media media unlink {} {}",
            record.instance,
            record.key
        );
    }
    if !session.flags.may_change(&format!("make a link to the file of {}", record.key))? {
        return Ok(Exit::Ok);
    }
    let token = LinkToken::from_random(random_bytes()?);
    let link = MediaLink {
        tenant: record.tenant.clone(),
        instance: record.instance.clone(),
        record_key: record.key.clone(),
        created_at: now,
        ends_at,
        openings: 0,
    };
    let scope = message_scope("media link", &record);
    session.audit(scope, add_link(&record, &token, &link, session)).await??;
    let url = token.to_url(session.webhook_base()?);
    let end = ends_at.map(screen::format_time);
    let json = json!({ "url": url, "ends_at": end, "key": key });
    session.flags.print(&json, &url)?;
    screen::print_error(&match end {
        Some(end) => format!("Works until {end}, unless the file is removed before."),
        None => "Works as long as the file is there.".to_owned(),
    });
    Ok(Exit::Ok)
}

/// When the link ends, in seconds since 1970: at the asked time, if the tenant's rule allows that.
fn choose_end(
    rule: LinkRule,
    valid: Option<Duration>,
    now: i64,
    tenant: &TenantId,
) -> anyhow::Result<Option<i64>> {
    if rule == LinkRule::Off {
        bail!(
            "tenant {tenant} has no links. To allow them: wapi-media tenant set {tenant} --links 7d"
        );
    }
    let latest = rule.latest_end(now);
    let Some(valid) = valid else {
        return Ok(latest);
    };
    let asked = now.saturating_add(i64::try_from(valid.as_secs()).unwrap_or(i64::MAX));
    if latest.is_some_and(|latest| asked > latest) {
        bail!(
            "the links of tenant {tenant} work at most {}: see tenant set --links",
            rule.as_str()
        );
    }
    Ok(Some(asked))
}

/// Writes the token's hash into the record, and then the link: whoever erases the file finds it.
async fn add_link(
    record: &MediaRecord,
    token: &LinkToken,
    link: &MediaLink,
    session: &Session,
) -> anyhow::Result<()> {
    let (instance, hash) = (InstanceId::parse(record.instance.clone())?, token.hash());
    let mut after = record.links.clone();
    after.push(hash.clone());
    let ledger = session.ledger()?;
    let set = ledger.set_link_hashes(&instance, &record.key, &record.links, &after);
    if set.await? == WriteOutcome::Overtaken {
        bail!("the file is not stored any more, or another command changes its links; try again");
    }
    let links = session.links()?;
    links.add(&hash, link).await?;
    // It may have been erased between the two writes.
    let found = session.records()?.get(&instance, &record.key).await?;
    if !found.is_some_and(|found| found.links.contains(&hash)) {
        links.remove_all(&[hash]).await?;
        bail!("the file was erased meanwhile");
    }
    Ok(())
}

/// Removes all links of the file.
pub(super) async fn remove_links(one: &MessageArgument, session: &Session) -> anyhow::Result<Exit> {
    let record = record_of(one, session).await?;
    let count = record.links.len();
    if !session.flags.may_change(&format!("remove {count} links of message {}", one.message))? {
        return Ok(Exit::Ok);
    }
    let remove = async {
        let (links, ledger) = (session.links()?, session.ledger()?);
        let instance = InstanceId::parse(record.instance.clone())?;
        links.remove_all(&record.links).await?;
        let set = ledger.set_link_hashes(&instance, &record.key, &record.links, &[]);
        // If the record changed meanwhile, it names links that do not exist: that is harmless.
        let _named: WriteOutcome = set.await?;
        anyhow::Ok(())
    };
    session.audit(message_scope("media unlink", &record), remove).await?.context("not removed")?;
    let text = format!("{count} links of message {} are removed.", one.message);
    session.flags.print(&json!({ "removed": count }), text)?;
    Ok(Exit::Ok)
}

/// What there is of a file's links.
#[derive(Serialize)]
pub(super) struct LinkSummary {
    /// How many work.
    open: usize,
    /// How often these were opened.
    openings: u64,
    /// When the last one ends; `None`: with the file.
    last_ends_at: Option<String>,
}

impl LinkSummary {
    /// Reads the links of a record; `None` if it names none.
    pub(super) async fn of_record(
        record: &MediaRecord,
        session: &Session,
    ) -> anyhow::Result<Option<Self>> {
        if record.links.is_empty() {
            return Ok(None);
        }
        let (table, now) = (session.links()?, clock::now());
        let mut open = Vec::new();
        for hash in &record.links {
            open.extend(table.find(hash).await?.filter(|link| !link.is_over(now)));
        }
        let last = open.iter().map(|link| link.ends_at.unwrap_or(i64::MAX)).max();
        let last_ends_at = last.filter(|at| *at < i64::MAX).map(screen::format_time);
        let openings = open.iter().map(|link| link.openings).sum();
        Ok(Some(Self { open: open.len(), openings, last_ends_at }))
    }

    /// The summary in one sentence.
    pub(super) fn describe(&self) -> String {
        let Self { open, openings, last_ends_at } = self;
        match last_ends_at {
            _ if *open == 0 => "Links: none that works.".to_owned(),
            Some(end) => format!("Links: {open}, opened {openings} times, until {end}."),
            None => format!("Links: {open}, opened {openings} times, until the file is gone."),
        }
    }
}

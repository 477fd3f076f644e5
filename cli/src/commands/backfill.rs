//! `wapi-media backfill`: posts again the webhooks of W-API's log whose media files are not stored.

use std::{collections::BTreeSet, time::Duration};

use boot::clock;
use clap::Args;
use media::{envelope::MomentSource, ids::InstanceId, message::MediaMessage};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::replay::{MAX_PAGES, PostOutcome, WebhookPoster, affects_only_this_webhook};
use crate::{audit::AuditScope, exit::Exit, odd_records::OddRecords, screen, session::Session};

/// Which webhooks of W-API's log to post again, and how fast.
#[derive(Args)]
#[command(after_help = "Example:\n  \
        wapi-media backfill --instance LITE-AAAAAA-BBBBBB --since 48h --dry-run")]
pub(crate) struct Backfill {
    /// The instance.
    #[arg(long)]
    instance: InstanceId,
    /// Only messages sent within this time, such as 48h. W-API's log covers 30 days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Duration,
    /// How many webhooks to post per second, at most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
}

/// The result of a backfill.
#[derive(Debug, Default, serde::Serialize)]
struct BackfillSummary {
    webhooks: u64,
    with_media: u64,
    stored_already: u64,
    /// Media messages that an order to erase covers.
    erased: u64,
    queued: u64,
    not_understood: u64,
    /// Webhooks that could not be read in full, and were kept as unread bodies to be parked.
    unread: u64,
    /// Webhooks that this stack refused: their message ids, and the reason.
    refused: Vec<String>,
    #[serde(skip)]
    odd: OddRecords,
}

impl BackfillSummary {
    /// Counts the outcome of one post. If only this webhook was refused, the backfill goes on.
    fn add_outcome(
        &mut self,
        posted: anyhow::Result<PostOutcome>,
        media: &[MediaMessage],
    ) -> anyhow::Result<()> {
        match posted {
            Ok(posted) => {
                self.queued += posted.queued;
                self.unread += u64::from(posted.unread.is_some());
            }
            Err(error) if affects_only_this_webhook(&error) => {
                let ids = media.iter().map(|one| one.message_id.as_str());
                let ids = screen::join_words(ids.collect::<BTreeSet<_>>(), "-");
                self.refused.push(format!("{ids}: {error:#}"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Posts the webhooks of W-API's log whose media are not stored.
pub(crate) async fn run_backfill(backfill: Backfill, session: &Session) -> anyhow::Result<Exit> {
    if session.flags.dry_run {
        return post_missing(backfill, session).await;
    }
    let place = ("backfill", "webhooks");
    let scope = AuditScope::about_instance(place, &backfill.instance, session).await?;
    session.audit(scope, post_missing(backfill, session)).await?
}

async fn post_missing(backfill: Backfill, session: &Session) -> anyhow::Result<Exit> {
    let Backfill { instance: id, since, rate } = backfill;
    let (post, records) = (WebhookPoster::open(&id, session).await?, session.records()?);
    let age = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let from = clock::now().saturating_sub(age);
    let mut pace = interval(Duration::from_secs(1) / rate.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut filled, bar) =
        (BackfillSummary::default(), screen::new_counter("webhooks of W-API's log"));
    for n in 1..=MAX_PAGES {
        let page = post.fetch_page(n).await?;
        filled.not_understood += page.not_understood as u64;
        if page.webhooks.is_empty() {
            break;
        }
        for (webhook, time) in page.webhooks.into_iter().zip(page.times) {
            bar.inc(1);
            filled.webhooks += 1;
            let announcement = webhook.read_announcement();
            let mut media = announcement.media;
            // A message without a time of its own may have been sent at any time.
            let is_undated =
                |one: &MediaMessage| one.envelope.moment_source == MomentSource::Accepted;
            media.retain(|one| one.moment >= from || is_undated(one));
            if media.is_empty() {
                // An entry without a media message has no time, so `--since` cannot exclude it.
                filled.not_understood += u64::from(announcement.not_understood > 0);
                continue;
            }
            filled.with_media += 1;
            let (mut missing, mut erased) = (0, 0);
            for one in &media {
                let record = records.find(&id, one).await?;
                record.iter().for_each(|record| filled.odd.inspect_record(record));
                if record.as_ref().is_some_and(|record| record.state == "stored") {
                    continue;
                }
                let announced_at = time.unwrap_or(one.moment);
                match post.find_order(one, announced_at).await? {
                    Some(_) => erased += 1,
                    None => missing += 1,
                }
            }
            filled.erased += erased;
            if missing == 0 {
                filled.stored_already += u64::from(erased == 0);
            } else if session.flags.dry_run {
                filled.queued += missing;
            } else {
                pace.tick().await;
                filled.add_outcome(post.post_webhook(&webhook).await, &media)?;
            }
        }
    }
    bar.finish_and_clear();
    print_summary(&filled, session)
}

fn print_summary(filled: &BackfillSummary, session: &Session) -> anyhow::Result<Exit> {
    let BackfillSummary {
        webhooks,
        with_media,
        stored_already,
        erased,
        queued,
        not_understood,
        unread,
        refused,
        odd,
    } = filled;
    let queued = match session.flags.dry_run {
        true => format!("{queued} jobs would be queued; nothing was changed"),
        false => format!("{queued} jobs queued"),
    };
    let mut text = format!(
        "{webhooks} webhooks in W-API's log, {with_media} of them with media in that time; \
         {stored_already} stored already, {queued}."
    );
    if *erased > 0 {
        text += &format!("\n{erased} media messages were erased and are not posted again.");
    }
    if *not_understood > 0 {
        text +=
            &format!("\n{not_understood} entries of the log could not be parsed and were skipped.");
    }
    if *unread > 0 {
        text += &format!(
            "\n{unread} webhooks could not be read in full and are kept: `wapi-media parked list \
             --class unread`."
        );
    }
    if !refused.is_empty() {
        let lines = refused.join("\n  ");
        text += &format!("\n{} webhooks were refused:\n  {lines}", refused.len());
    }
    session.flags.print(&json!(filled), text)?;
    let exit = odd.print_notes();
    let is_whole = *not_understood == 0 && *unread == 0 && refused.is_empty();
    Ok(if is_whole { exit } else { Exit::Findings })
}

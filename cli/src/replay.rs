//! `wapi-media replay` and `backfill`: webhooks that never arrived, or whose media are wanted again, are
//! posted as W-API posts them. What is stored already is only found again.

use std::{io::Read, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use boot::clock;
use clap::Args;
use fetch::account::{AccountClient, Credentials};
use media::{
    envelope::MomentSource,
    ids::InstanceId,
    message::{MediaMessage, Secret},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use wapi::{
    account::{Hook, LOGS_PATH},
    logs::LogPage,
    webhook::WebhookBody,
};

use crate::{
    exit::Exit,
    hooks::Points,
    probe, screen,
    session::{Session, as_instance},
};

/// Webhooks asked for at once.
const PER_PAGE: &str = "100";

/// Pages that are read at most: W-API's log is 30 days long.
const MOST_PAGES: u32 = 10_000;

/// One webhook again.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media replay webhook.json\n  \
    wapi-media replay --instance LITE-AAAAAA-BBBBBB --message 3EB0AAAAAAAAAAAAAAAA")]
pub(crate) struct Replay {
    /// A file with the webhook's body; without it and --message, standard input.
    #[arg(conflicts_with = "message")]
    file: Option<PathBuf>,
    /// The instance; without it, the one that the body names.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Look this message up in W-API's own log.
    #[arg(long, requires = "instance")]
    message: Option<String>,
}

/// What W-API's log holds.
#[derive(Args)]
#[command(
    after_help = "Example:\n  wapi-media backfill --instance LITE-AAAAAA-BBBBBB --since 48h --dry-run"
)]
pub(crate) struct Backfill {
    /// The instance.
    #[arg(long)]
    instance: InstanceId,
    /// Messages sent no longer ago than this; W-API keeps 30days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Duration,
    /// Webhooks posted in a second, at most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
}

/// An instance, W-API as it speaks for it, and where its webhooks go.
struct Post<'a> {
    id: &'a InstanceId,
    token: Secret,
    wapi: AccountClient,
    url: Secret,
}

impl<'a> Post<'a> {
    async fn open(id: &'a InstanceId, session: &Session) -> anyhow::Result<Self> {
        let instance = session.instance(id).await?;
        let (token, wapi) = (session.token(&instance).await?, session.wapi()?);
        let account = wapi.fetch_account(as_instance(id, &token)).await?;
        let url = account.hook_url(Hook::Received);
        let points = Points::judge(url, session.webhook_base()?, &instance);
        match url.filter(|_| points.is_well(clock::now()) && instance.paused_at.is_none()) {
            Some(url) => Ok(Self {
                id,
                token: token.clone(),
                wapi,
                url: Secret::new(url),
            }),
            None => bail!(
                "the webhooks of {id} do not arrive here. See: wapi-media instance check {id}"
            ),
        }
    }

    fn who(&self) -> Credentials<'_> {
        as_instance(self.id, &self.token)
    }

    /// A page of W-API's log.
    async fn page(&self, n: u32) -> anyhow::Result<LogPage> {
        let n = n.to_string();
        let query = [("perPage", PER_PAGE), ("page", n.as_str())];
        let asked = self
            .wapi
            .send_request(Method::GET, LOGS_PATH, &query, self.who(), None::<&Value>)
            .await;
        asked.require_success()?;
        LogPage::parse(asked.body()).context("W-API's log is no JSON")
    }

    /// Posts a body, and says how many jobs were queued.
    async fn post(&self, body: &WebhookBody) -> anyhow::Result<u64> {
        let asked = probe::post_to(self.url.expose(), body.as_value()).await?;
        let answer: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
        asked.require_success()?;
        Ok(answer
            .get("queued")
            .and_then(Value::as_u64)
            .unwrap_or_default())
    }
}

/// Posts one webhook again.
pub(crate) async fn replay(replay: Replay, session: &Session) -> anyhow::Result<Exit> {
    let (body, id) = match (&replay.message, &replay.instance) {
        (Some(message), Some(id)) => (
            find(message, &Post::open(id, session).await?).await?,
            id.clone(),
        ),
        _ => {
            let body = read(replay.file)?;
            let named = body.instance().map(InstanceId::parse).transpose()?;
            let id = replay.instance.or(named);
            (
                body,
                id.context("the body names no instance: add --instance")?,
            )
        }
    };
    let post = Post::open(&id, session).await?;
    let media = body.read_announcement().media.len();
    if !session.flags.may(&format!(
        "post a webhook of {id} that announces {media} media"
    ))? {
        return Ok(Exit::Ok);
    }
    let queued = post.post(&body).await?;
    let text = format!("{queued} jobs queued. What is stored already is only found again.");
    session.flags.print(
        &json!({ "instance": id, "media": media, "queued": queued }),
        text,
    )?;
    Ok(Exit::Ok)
}

fn read(file: Option<PathBuf>) -> anyhow::Result<WebhookBody> {
    let bytes = match &file {
        Some(file) => {
            std::fs::read(file).with_context(|| format!("{} could not be read", file.display()))?
        }
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes)?;
            bytes
        }
    };
    Ok(WebhookBody::parse(&bytes)?)
}

/// A message in W-API's log.
async fn find(message: &str, post: &Post<'_>) -> anyhow::Result<WebhookBody> {
    let bar = screen::counter("pages of W-API's log");
    for n in 1..=MOST_PAGES {
        let page = post.page(n).await?;
        bar.inc(1);
        if page.webhooks.is_empty() {
            break;
        }
        let announces = |webhook: &WebhookBody| {
            let media = webhook.read_announcement().media;
            media.iter().any(|one| one.message_id.as_str() == message)
        };
        if let Some(found) = page.webhooks.into_iter().find(announces) {
            bar.finish_and_clear();
            return Ok(found);
        }
    }
    bail!("W-API's log has no medium of message {message}; it goes back 30 days")
}

/// What a backfill came to.
#[derive(Debug, Default, serde::Serialize)]
struct Filled {
    webhooks: u64,
    with_media: u64,
    stored_already: u64,
    queued: u64,
    not_understood: u64,
}

/// Posts the webhooks of W-API's log whose media are not stored.
pub(crate) async fn backfill(backfill: Backfill, session: &Session) -> anyhow::Result<Exit> {
    let Backfill {
        instance: id,
        since,
        rate,
    } = backfill;
    let (post, records) = (Post::open(&id, session).await?, session.records()?);
    let age = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let from = clock::now().saturating_sub(age);
    let mut pace = interval(Duration::from_secs(1) / rate.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut filled, bar) = (
        Filled::default(),
        screen::counter("webhooks of W-API's log"),
    );
    for n in 1..=MOST_PAGES {
        let page = post.page(n).await?;
        filled.not_understood += page.not_understood as u64;
        if page.webhooks.is_empty() {
            break;
        }
        for webhook in page.webhooks {
            bar.inc(1);
            filled.webhooks += 1;
            let mut media = webhook.read_announcement().media;
            // What says no time of its own may be of any.
            let is_undated =
                |one: &MediaMessage| one.envelope.moment_source == MomentSource::Accepted;
            media.retain(|one| one.moment >= from || is_undated(one));
            if media.is_empty() {
                continue;
            }
            filled.with_media += 1;
            let mut missing = 0;
            for one in &media {
                let record = records.of_media(&id, one).await?;
                missing += u64::from(record.is_none_or(|record| record.state != "stored"));
            }
            if missing == 0 {
                filled.stored_already += 1;
            } else if session.flags.dry_run {
                filled.queued += missing;
            } else {
                pace.tick().await;
                filled.queued += post.post(&webhook).await?;
            }
        }
    }
    bar.finish_and_clear();
    report(&filled, session)
}

fn report(filled: &Filled, session: &Session) -> anyhow::Result<Exit> {
    let Filled {
        webhooks,
        with_media,
        stored_already,
        queued,
        not_understood,
    } = filled;
    let queued = match session.flags.dry_run {
        true => format!("{queued} jobs would be queued; nothing was changed"),
        false => format!("{queued} jobs queued"),
    };
    let mut text = format!(
        "{webhooks} webhooks in W-API's log, {with_media} of them with media in that time; {stored_already} stored already, {queued}."
    );
    if *not_understood > 0 {
        text +=
            &format!("\n{not_understood} entries of the log were not understood and left alone.");
    }
    session.flags.print(&json!(filled), text)?;
    Ok(if *not_understood == 0 {
        Exit::Ok
    } else {
        Exit::Findings
    })
}

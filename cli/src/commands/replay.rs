//! `wapi-media replay`: posts webhooks as W-API does, for example those that never arrived. Media
//! that are stored already are not fetched again.

use std::{collections::HashMap, io::Read, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use aws::orders::{Order, Orders};
use boot::clock;
use clap::Args;
use fetch::account::{AccountClient, AccountError};
use media::{
    envelope::MomentSource,
    ids::{InstanceId, TenantId},
    message::{MediaMessage, Secret},
};
use serde_json::{Value, json};
use tokio::time::interval;
use wapi::{
    account::Hook,
    logs::LogPage,
    webhook::{WebhookBody, WebhookFile},
};

use crate::{
    audit::AuditScope,
    checks::{hooks::HookTarget, probe},
    exit::Exit,
    screen,
    session::{Session, as_instance},
};

/// How many pages of W-API's log are read, at most. The log covers 30 days.
pub(crate) const MAX_PAGES: u32 = 10_000;

/// Which webhooks to post.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media replay webhook.json\n  \
    wapi-media replay --instance LITE-AAAAAA-BBBBBB --message 3EB0AAAAAAAAAAAAAAAA")]
pub(crate) struct Replay {
    /// A file with one webhook body, a list of them, or the export of a workflow engine. Without a
    /// file and without --message, standard input is read.
    #[arg(conflicts_with = "message")]
    file: Option<PathBuf>,
    /// The instance to post to. Without it, each body is posted to the instance that it names.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Find this message in W-API's log, and post its webhook.
    #[arg(long, requires = "instance")]
    message: Option<String>,
}

/// Reads W-API's log of one instance, and posts webhooks to the instance's URL.
pub(crate) struct WebhookPoster {
    id: InstanceId,
    token: Secret,
    wapi: AccountClient,
    url: Secret,
    tenant: TenantId,
    orders: Orders,
}

impl WebhookPoster {
    pub(crate) async fn open(id: &InstanceId, session: &Session) -> anyhow::Result<Self> {
        let instance = session.find_instance(id).await?;
        let (token, wapi) = (session.decrypt_token(&instance).await?, session.wapi()?);
        let account = wapi.fetch_account(as_instance(id, &token)).await?;
        let url = account.hook_url(Hook::Received);
        let target = HookTarget::from_url(url, session.webhook_base()?, &instance);
        match url.filter(|_| target.is_accepted(clock::now()) && instance.paused_at.is_none()) {
            Some(url) => {
                let tenant = instance.tenant.clone();
                let (orders, url) = (session.orders()?, Secret::new(url));
                Ok(Self { id: id.clone(), token: token.clone(), wapi, url, tenant, orders })
            }
            None => bail!(
                "the webhooks of {id} do not arrive here. See: wapi-media instance check {id}"
            ),
        }
    }

    /// A page of W-API's log, with all that a receiver of the webhooks may read.
    pub(crate) async fn fetch_page(&self, n: u32) -> anyhow::Result<LogPage> {
        let who = as_instance(&self.id, &self.token);
        Ok(self.wapi.fetch_whole_log_page(n, who).await?)
    }

    /// The order to erase a media message that was announced at this time, in seconds since 1970.
    pub(crate) async fn find_order(
        &self,
        message: &MediaMessage,
        announced_at: i64,
    ) -> anyhow::Result<Option<Order>> {
        let owner = (&self.tenant, &self.id);
        Ok(self.orders.find_message_erasure(owner, message, announced_at).await?)
    }

    /// Fails if an order to erase covers what a body announces, with media or without. A message
    /// without a time of its own counts as older than every order.
    async fn refuse_erased(&self, body: &WebhookBody) -> anyhow::Result<()> {
        for message in body.read_announcement().media {
            let is_undated = message.envelope.moment_source != MomentSource::Message;
            let announced_at = if is_undated { MediaMessage::FIRST_MOMENT } else { message.moment };
            if let Some(order) = self.find_order(&message, announced_at).await? {
                bail!("what it announces was erased by order {}", order.id);
            }
        }
        // The text of a person would be passed on to receivers.
        let subjects = body.order_subjects(&self.id);
        let known_since = body.known_since(MediaMessage::FIRST_MOMENT);
        let order = self.orders.find_covering(&self.tenant, subjects, known_since).await?;
        if let Some(order) = order {
            bail!("what it announces was erased by order {}", order.id);
        }
        Ok(())
    }

    /// Posts a body, and returns what the webhook function answered.
    pub(crate) async fn post_webhook(&self, body: &WebhookBody) -> anyhow::Result<PostOutcome> {
        let asked = probe::post_webhook(self.url.expose(), body.as_value()).await?;
        let answer: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
        asked.require_success()?;
        let unread = answer.get("unread").and_then(Value::as_str).map(str::to_owned);
        let queued = answer.get("queued").and_then(Value::as_u64).unwrap_or_default();
        Ok(PostOutcome { queued, unread })
    }
}

/// The webhook function's answer to a posted webhook.
#[derive(Debug, Default)]
pub(crate) struct PostOutcome {
    /// Jobs that were queued.
    pub(crate) queued: u64,
    /// The reason word, if the body could not be read in full and was kept to be parked.
    pub(crate) unread: Option<String>,
}

/// Webhooks posted per second from a file.
const PER_SECOND: u32 = 5;

/// The result of a replay.
#[derive(Debug, Default, serde::Serialize)]
struct ReplaySummary {
    /// The instance, if all webhooks are of the same one.
    instance: Option<InstanceId>,
    /// Webhooks that were posted.
    webhooks: u64,
    /// Media messages in them.
    media: u64,
    /// Jobs that were queued.
    queued: u64,
    /// Webhooks that were not posted, and why.
    failed: Vec<String>,
    /// Webhooks that could not be read in full and are parked, and why.
    unread: Vec<String>,
}

/// Posts the webhook of a message, or each webhook of a file.
pub(crate) async fn run_replay(replay: Replay, session: &Session) -> anyhow::Result<Exit> {
    if session.flags.dry_run {
        return post_all(replay, session).await;
    }
    let scope = match &replay.instance {
        Some(id) => AuditScope::about_instance(("replay", "webhooks"), id, session).await?,
        None => AuditScope::new("replay", "webhooks"),
    };
    session.audit(scope, post_all(replay, session)).await?
}

async fn post_all(replay: Replay, session: &Session) -> anyhow::Result<Exit> {
    let mut posts = HashMap::new();
    let WebhookFile { webhooks, missed } = match (&replay.message, &replay.instance) {
        (Some(message), Some(id)) => {
            let post = WebhookPoster::open(id, session).await?;
            let found = find_in_log(message, &post).await?;
            posts.insert(id.clone(), Ok(post));
            WebhookFile { webhooks: vec![found], missed: Vec::new() }
        }
        _ => read_webhooks(replay.file)?,
    };
    let failed = missed.iter().map(|n| format!("entry {n} of the list is not a webhook of W-API"));
    let mut replayed = ReplaySummary { failed: failed.collect(), ..ReplaySummary::default() };
    let count = webhooks.len();
    let mut pace = interval(Duration::from_secs(1) / PER_SECOND);
    let bar = screen::new_bar("webhooks posted", count as u64);
    for (n, body) in (1..).zip(&webhooks) {
        pace.tick().await;
        let one = post_one(body, replay.instance.as_ref(), &mut posts, session).await;
        match one {
            Ok((id, posted)) => {
                let name = format!("webhook {n} of {count}");
                replayed.add_posted(id, body, posted, &name);
            }
            Err(error) if count > 1 && affects_only_this_webhook(&error) => {
                let said = format!("webhook {n} of {count}: {error:#}");
                replayed.failed.push(said);
            }
            Err(error) => {
                let posted = replayed.webhooks;
                return Err(error).context(format!("{posted} of {count} webhooks were posted"));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    replayed.print_summary(session)
}

/// Posts one body, unless this is a dry run, and returns its instance and the answer. `posts`
/// caches the poster, or the error, of each instance.
async fn post_one(
    body: &WebhookBody,
    only: Option<&InstanceId>,
    posts: &mut HashMap<InstanceId, Result<WebhookPoster, String>>,
    session: &Session,
) -> anyhow::Result<(InstanceId, PostOutcome)> {
    let named = || body.instance().map(InstanceId::parse).transpose();
    let id = match only {
        Some(id) => id.clone(),
        None => named()?.context("the body names no instance: add --instance")?,
    };
    if !posts.contains_key(&id) {
        let post = match WebhookPoster::open(&id, session).await {
            Err(error) if Exit::from_error(&error) != Exit::Aws => Err(format!("{error:#}")),
            post => Ok(post?),
        };
        posts.insert(id.clone(), post);
    }
    let post = match posts.get(&id) {
        Some(Ok(post)) => post,
        Some(Err(why)) => bail!("{why}"),
        None => bail!("instance {id} was not looked up"),
    };
    post.refuse_erased(body).await?;
    let posted = match session.flags.dry_run {
        true => PostOutcome::default(),
        false => post.post_webhook(body).await?,
    };
    Ok((id, posted))
}

/// Whether the error concerns this webhook alone, so that the next one may succeed.
pub(crate) fn affects_only_this_webhook(error: &anyhow::Error) -> bool {
    let refused = error.chain().find_map(|link| link.downcast_ref());
    match refused {
        Some(AccountError::Refused { status, .. }) => {
            (400..500).contains(status) && !matches!(status, 401 | 403 | 429)
        }
        Some(AccountError::NoAnswer { .. } | AccountError::Unreadable { .. }) => false,
        None => Exit::from_error(error) != Exit::Aws,
    }
}

impl ReplaySummary {
    fn add_posted(&mut self, id: InstanceId, body: &WebhookBody, posted: PostOutcome, name: &str) {
        self.instance = match self.instance.take() {
            None if self.webhooks == 0 => Some(id),
            known => known.filter(|known| *known == id),
        };
        self.webhooks += 1;
        self.media += body.read_announcement().media.len() as u64;
        self.queued += posted.queued;
        self.unread.extend(posted.unread.map(|why| format!("{name}: {why}")));
    }

    fn print_summary(&self, session: &Session) -> anyhow::Result<Exit> {
        let Self { webhooks, media, queued, failed, unread, .. } = self;
        let what = format!("post {webhooks} webhooks that announce {media} media");
        let (mut text, json) = match session.flags.dry_run {
            true => (
                format!("Would {what}. Nothing was changed."),
                json!({ "dry_run": true, "would": what, "failed": failed }),
            ),
            false => (
                format!(
                    "{queued} jobs queued. Media that are stored already are not fetched again."
                ),
                json!(self),
            ),
        };
        if !failed.is_empty() {
            let lines = failed.join("\n  ");
            text += &format!("\n{} were not posted:\n  {lines}", failed.len());
        }
        if !unread.is_empty() {
            let lines = unread.join("\n  ");
            text += &format!(
                "\n{} could not be read in full and are kept (`wapi-media parked list --class \
                 unread`):\n  {lines}",
                unread.len()
            );
        }
        session.flags.print(&json, text)?;
        Ok(if failed.is_empty() && unread.is_empty() { Exit::Ok } else { Exit::Findings })
    }
}

fn read_webhooks(file: Option<PathBuf>) -> anyhow::Result<WebhookFile> {
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
    Ok(WebhookFile::parse(&bytes)?)
}

/// Finds the webhook of a message in W-API's log.
async fn find_in_log(message: &str, post: &WebhookPoster) -> anyhow::Result<WebhookBody> {
    let bar = screen::new_counter("pages of W-API's log");
    for n in 1..=MAX_PAGES {
        let page = post.fetch_page(n).await?;
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
    bail!("W-API's log has no media of message {message}; it goes back 30 days")
}

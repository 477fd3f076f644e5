//! `wapi-media webhook`: sends an instance's events here, and proves that they arrive.

use std::time::Duration;

use anyhow::{Context, bail};
use aws::{
    instances::Instance,
    register::{NO_END, webhook_secret},
    webhook_access::wait_until_effective,
};
use boot::clock;
use clap::{Args, Subcommand};
use fetch::account::{AccountClient, Credentials};
use media::{
    ids::{InstanceId, MessageId},
    message::Secret,
    sha256::Sha256,
};
use report::Lang;
use serde_json::{Value, json};
use wapi::account::{Account, Hook};

use crate::{
    check::{self, Check, Verdict},
    exit::Exit,
    hooks::{Points, judge_all, secret_in, url_with},
    probe, screen,
    session::{Session, as_instance},
};

/// What can be done with webhooks.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Lets W-API send an instance's events here, and reads back that it will.
    ///
    /// Sets the hooks received and delivery, which announce media, and connected and disconnected.
    /// A hook that leads elsewhere is only changed after asking, and its old URL is printed.
    #[command(after_help = "Example:\n  wapi-media webhook register LITE-AAAAAA-BBBBBB")]
    Register(Register),
    /// Shows where W-API sends an instance's events.
    Show(One),
    /// Posts a probe to the instance's webhook URL and follows it, through queue and function, to
    /// its record.
    #[command(after_help = "Example:\n  wapi-media webhook verify LITE-AAAAAA-BBBBBB")]
    Verify(Verify),
    /// Gives the instance's webhook URL another secret, in W-API and here. The old one stays valid
    /// for a while.
    RotateSecret(Rotate),
    /// Takes the hooks that lead here out of W-API. Others are left alone.
    Unregister(One),
}

/// One instance.
#[derive(Args)]
pub(crate) struct One {
    /// The instance's id.
    instance: InstanceId,
}

/// The hooks of one instance.
#[derive(Args)]
pub(crate) struct Register {
    /// The instance's id.
    instance: InstanceId,
    /// Set all six hooks, also those that announce no media.
    #[arg(long)]
    all: bool,
}

/// The secret of one instance.
#[derive(Args)]
pub(crate) struct Rotate {
    /// The instance's id.
    instance: InstanceId,
    /// Set all six hooks, also those that announce no media.
    #[arg(long)]
    all: bool,
    /// How long the old secret stays valid.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = humantime::parse_duration)]
    overlap: Duration,
}

/// A probe of one instance.
#[derive(Args)]
pub(crate) struct Verify {
    /// The instance's id.
    instance: InstanceId,
    /// How long to wait for the record.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = humantime::parse_duration)]
    within: Duration,
}

/// The usual overlap of two secrets: long enough for W-API to repeat what it could not deliver.
const OVERLAP: Duration = Duration::from_hours(24);

/// Runs one verb.
pub(crate) async fn run(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Register(Register { instance, all }) => {
            let desk = Desk::open(&instance, session).await?;
            desk.register(hooks(all), false, OVERLAP).await
        }
        Verb::RotateSecret(Rotate { instance, all, overlap }) => {
            let desk = Desk::open(&instance, session).await?;
            desk.register(hooks(all), true, overlap).await
        }
        Verb::Show(one) => Desk::open(&one.instance, session).await?.show(),
        Verb::Unregister(one) => Desk::open(&one.instance, session).await?.unregister().await,
        Verb::Verify(Verify { instance, within }) => {
            let desk = Desk::open(&instance, session).await?;
            desk.verify(within).await
        }
    }
}

fn hooks(all: bool) -> &'static [Hook] {
    if all { &Hook::ALL } else { &Hook::WANTED }
}

/// The secret that an instance's hooks are to have.
struct Choice {
    secret: Secret,
    /// The hash of the one that stays valid beside it.
    kept: Option<Sha256>,
    /// It is not registered yet.
    is_new: bool,
    /// The end of the other one's time is to be set when W-API has this one.
    is_halfway: bool,
}

/// An instance, its token, and its hooks as W-API has them.
struct Desk<'a> {
    session: &'a Session,
    instance: Instance,
    token: Secret,
    wapi: AccountClient,
    account: Account,
    base: &'a str,
}

impl<'a> Desk<'a> {
    async fn open(id: &InstanceId, session: &'a Session) -> anyhow::Result<Self> {
        let instance = session.instance(id).await?;
        let token = session.token(&instance).await?;
        let wapi = session.wapi()?;
        let account = wapi.fetch_account(as_instance(id, &token)).await;
        let account = account.with_context(|| format!("the hooks of {id} could not be read"))?;
        Ok(Self { session, instance, token, wapi, account, base: session.webhook_base()? })
    }

    fn who(&self) -> Credentials<'_> {
        as_instance(&self.instance.id, &self.token)
    }

    fn judged(&self) -> [(Hook, Points); 6] {
        judge_all(&self.account, self.base, &self.instance)
    }

    /// The secrets that W-API has now, of those that are known here: the current one first.
    fn secrets_in_use(&self) -> Vec<Secret> {
        let urls = Hook::ALL.into_iter().filter_map(|hook| self.account.hook_url(hook));
        let secrets = urls.filter_map(|url| secret_in(url, self.base, &self.instance));
        let known = secrets.filter(|secret| self.instance.known_hash(secret).is_some());
        let mut known: Vec<_> = known.map(Secret::new).collect();
        known.sort_by_key(|secret| !self.is_current(secret));
        known.dedup();
        known
    }

    fn is_current(&self, secret: &Secret) -> bool {
        self.instance.known_hash(secret.expose()) == self.instance.secret_hash()
    }

    fn show(&self) -> anyhow::Result<Exit> {
        let now = clock::now();
        let mut table = screen::table(["hook", "leads"]);
        let mut found = Vec::new();
        for (hook, points) in self.judged() {
            // Whoever asks for it may have to give it back: the one place, with register, that
            // shows it whole.
            let leads = match &points {
                Points::Elsewhere(url) => format!("elsewhere: {url}"),
                Points::Here
                | Points::HereUntil(_)
                | Points::HereInVain
                | Points::ByAnotherName(_)
                | Points::Nowhere => points.text(now, Lang::En),
            };
            table.add_row([hook.as_str(), &leads]);
            let is_well = points.is_well(now);
            found.push(json!({ "hook": hook, "leads": leads, "arrives_here": is_well }));
        }
        self.session.flags.print(&Value::from(found), table)?;
        let is_well =
            |(hook, points): &(Hook, Points)| points.is_well(now) || !Hook::OF_MEDIA.contains(hook);
        Ok(if self.judged().iter().all(is_well) { Exit::Ok } else { Exit::Findings })
    }

    /// The secret that the hooks are to have, and the one that stays valid beside it. A new secret
    /// is made when it is wanted or when W-API does not have the current one, of which only the
    /// hash is known; but a change that was interrupted is brought to its end first, because only
    /// two can be valid.
    fn choose(&self, is_new: bool) -> anyhow::Result<Choice> {
        let in_use = self.secrets_in_use();
        let is_halfway = self.instance.old_secret_until == Some(NO_END) || in_use.len() > 1;
        let current = in_use.first().filter(|secret| self.is_current(secret));
        if let Some(current) = current.filter(|_| !is_new || is_halfway) {
            return Ok(Choice {
                secret: current.clone(),
                kept: self.instance.old_secret_hash(),
                is_new: false,
                is_halfway,
            });
        }
        let hash_of = |secret: &Secret| self.instance.known_hash(secret.expose());
        let kept = in_use.first().and_then(hash_of);
        Ok(Choice {
            secret: webhook_secret(probe::random()?),
            kept: kept.or(self.instance.secret_hash()),
            is_new: true,
            is_halfway: true,
        })
    }

    /// Sets the hooks to a URL with a secret that is valid, and believes only what it reads back.
    ///
    /// With a new secret both it and the one in use are valid, without an end, until W-API was seen
    /// to have the new one: however this is interrupted, webhooks are accepted.
    async fn register(
        mut self,
        hooks: &[Hook],
        is_new: bool,
        overlap: Duration,
    ) -> anyhow::Result<Exit> {
        let id = self.instance.id.clone();
        if !self.may_change(hooks)? {
            return Ok(Exit::Ok);
        }
        let (choice, register) = (self.choose(is_new)?, self.session.register()?);
        let hash = Sha256::from_data(choice.secret.expose().as_bytes());
        if choice.is_new {
            register.set_secret(&id, hash, choice.kept, NO_END).await?;
            wait_until_effective().await;
        }
        let url = url_with(choice.secret.expose(), self.base, &self.instance);
        for hook in hooks {
            let set = self.wapi.set_hook(*hook, &url, self.who()).await;
            set.with_context(|| {
                format!("hook {hook} of {id} was not set; both secrets stay valid, repeat this")
            })?;
        }
        self.account = self.wapi.fetch_account(self.who()).await?;
        let is_set = |hook: &Hook| self.account.hook_url(*hook) == Some(url.as_str());
        if hooks.iter().all(is_set) && choice.is_halfway {
            let overlap = i64::try_from(overlap.as_secs()).unwrap_or(NO_END);
            let until = clock::now().saturating_add(overlap).min(NO_END);
            register.set_secret(&id, hash, choice.kept, until).await?;
        }
        self.report(hooks, &url)
    }

    /// Asks before hooks are taken from whoever has them now.
    fn may_change(&self, hooks: &[Hook]) -> anyhow::Result<bool> {
        let id = &self.instance.id;
        let names = screen::words(hooks.iter().map(|hook| hook.as_str()), "none");
        let change = format!("let W-API send the events {names} of {id} here");
        let others = self.judged().into_iter().filter_map(|(hook, points)| match points {
            Points::Elsewhere(url) if hooks.contains(&hook) => Some(format!("  {hook}: {url}")),
            Points::ByAnotherName(address) if hooks.contains(&hook) => {
                Some(format!("  {hook}: {address}, with this instance's secret"))
            }
            Points::Elsewhere(_)
            | Points::ByAnotherName(_)
            | Points::Here
            | Points::HereUntil(_)
            | Points::HereInVain
            | Points::Nowhere => None,
        });
        let others: Vec<_> = others.collect();
        if others.is_empty() {
            return self.session.flags.may(&change);
        }
        eprintln!(
            "warning: these hooks lead elsewhere, and whoever listens there will hear nothing any more:\n{}",
            others.join("\n")
        );
        self.session.flags.confirm(&change)
    }

    fn report(&self, hooks: &[Hook], url: &str) -> anyhow::Result<Exit> {
        let is_set = |hook: &Hook| self.account.hook_url(*hook) == Some(url);
        let missing: Vec<_> = hooks.iter().filter(|hook| !is_set(hook)).collect();
        let json = json!({ "instance": self.instance.id, "hooks": hooks, "not_saved": missing });
        let id = &self.instance.id;
        if missing.is_empty() {
            let text = format!(
                "W-API sends the events {} of {id} here; each was read back.\nNext, try it: wapi-media webhook verify {id}",
                screen::words(hooks.iter().map(|hook| hook.as_str()), "none")
            );
            self.session.flags.print(&json, text)?;
            return Ok(Exit::Ok);
        }
        let text = format!(
            "W-API answered with success and did not save: {}. Both secrets stay valid. Repeat this, or set the hooks in W-API's panel.",
            screen::words(missing.iter().map(|hook| hook.as_str()), "none")
        );
        self.session.flags.print(&json, text)?;
        Ok(Exit::Findings)
    }

    async fn unregister(mut self) -> anyhow::Result<Exit> {
        let is_ours = |points: &Points| {
            matches!(points, Points::Here | Points::HereUntil(_) | Points::HereInVain)
        };
        let ours = self.judged().into_iter().filter(|(_, points)| is_ours(points));
        let ours: Vec<_> = ours.map(|(hook, _)| hook).collect();
        let id = self.instance.id.clone();
        let names = screen::words(ours.iter().map(|hook| hook.as_str()), "none");
        let change = format!(
            "take these hooks of {id} out of W-API: {names}; no media will be announced any more"
        );
        if ours.is_empty() {
            bail!("no hook of {id} leads here. See: wapi-media webhook show {id}");
        }
        if !self.session.flags.confirm(&change)? {
            return Ok(Exit::Ok);
        }
        for hook in &ours {
            self.wapi.set_hook(*hook, "", self.who()).await?;
        }
        self.account = self.wapi.fetch_account(self.who()).await?;
        let left: Vec<_> =
            ours.iter().filter(|hook| self.account.hook_url(**hook).is_some()).collect();
        let json = json!({ "instance": id, "hooks": ours, "left": left });
        let (text, exit) = if left.is_empty() {
            (format!("W-API sends nothing of {id} here any more: {names}."), Exit::Ok)
        } else {
            ("W-API answered with success and still has hooks that lead here; take them out in its panel.".to_owned(), Exit::Findings)
        };
        self.session.flags.print(&json, text)?;
        Ok(exit)
    }

    async fn verify(&self, within: Duration) -> anyhow::Result<Exit> {
        let id = &self.instance.id;
        let now = clock::now();
        let url = self.account.hook_url(Hook::Received);
        let points = Points::judge(url, self.base, &self.instance);
        let hook = Check::new("hook received", Verdict::Ok, points.text(now, Lang::En));
        let mut checks = Vec::new();
        match url.filter(|_| points.is_well(now)) {
            None => {
                let register = format!("wapi-media webhook register {id}");
                checks.push(Check { verdict: Verdict::Fail, ..hook }.with_remedy(register));
            }
            Some(url) => {
                checks.push(hook);
                let message = probe::message_id()?;
                let sent = probe::send(url, id, &message, now).await?;
                let is_sent = sent.verdict == Verdict::Ok;
                checks.push(sent);
                if is_sent {
                    checks.push(self.follow(&message, within).await?);
                }
            }
        }
        let is_well = checks.iter().all(|check| check.verdict == Verdict::Ok);
        let json = json!({ "instance": id, "checks": checks });
        self.session.flags.print(&json, check::table(&checks))?;
        Ok(if is_well { Exit::Ok } else { Exit::Findings })
    }

    /// Waits for the probe's record, which says that it was left out: nothing is stored of it.
    async fn follow(&self, message: &MessageId, within: Duration) -> anyhow::Result<Check> {
        const NAME: &str = "queue, download function, record";
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        let (records, began) = (self.session.records()?, tokio::time::Instant::now());
        let waiting = screen::spinner("waiting for the probe's record");
        let found = loop {
            let record = records.list_by_message(&self.instance.id, message).await?.pop();
            let is_over = record.as_ref().is_some_and(|record| record.state != "retrying");
            if is_over || began.elapsed() > within {
                break record;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        waiting.finish_and_clear();
        let took = began.elapsed().as_millis();
        Ok(match found.map(|record| record.state) {
            Some(state) if state == "skipped" => Check::new(
                NAME,
                Verdict::Ok,
                format!("the probe's record was there after {took} ms"),
            ),
            state => Check::new(
                NAME,
                Verdict::Fail,
                format!(
                    "after {} s the record is {}",
                    within.as_secs(),
                    state.as_deref().unwrap_or("not there")
                ),
            )
            .with_remedy("read the download function's log; is its trigger enabled?"),
        })
    }
}

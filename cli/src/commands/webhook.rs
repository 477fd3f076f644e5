//! `wapi-media webhook`: registers this stack's webhook URL in W-API, and verifies that events
//! arrive.

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
    checks::{
        check::{self, Check, CheckId, Verdict},
        hooks::{HookTarget, secret_in_url, targets_of_all, url_with_secret},
        probe,
    },
    exit::Exit,
    random::random_bytes,
    screen,
    session::{Session, as_instance},
};

/// The verbs of `wapi-media webhook`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Registers an instance's webhook URL in W-API, and reads the hooks back.
    ///
    /// Sets four hooks: received and delivery, which announce media, and connected and
    /// disconnected. If a hook leads to another application, prints its old URL and asks first.
    #[command(after_help = "Example:\n  wapi-media webhook register LITE-AAAAAA-BBBBBB")]
    Register(HookRegistration),
    /// Shows where each of an instance's hooks leads.
    Show(InstanceArgument),
    /// Posts a probe to the instance's webhook URL and follows it through the queue and the
    /// download function to its record.
    #[command(after_help = "Example:\n  wapi-media webhook verify LITE-AAAAAA-BBBBBB")]
    Verify(DeliveryProbe),
    /// Replaces the secret in the instance's webhook URL, in W-API and here. The old secret stays
    /// valid for the time of --overlap.
    RotateSecret(SecretRotation),
    /// Removes the hooks that lead here from W-API. Hooks that lead elsewhere stay.
    Unregister(InstanceArgument),
}

/// The instance that a verb is about.
#[derive(Args)]
pub(crate) struct InstanceArgument {
    /// The instance's id.
    instance: InstanceId,
}

/// Which hooks to register.
#[derive(Args)]
pub(crate) struct HookRegistration {
    /// The instance's id.
    instance: InstanceId,
    /// Set all six hooks, including those that announce no media.
    #[arg(long)]
    all: bool,
}

/// Which secret to replace, and how.
#[derive(Args)]
pub(crate) struct SecretRotation {
    /// The instance's id.
    instance: InstanceId,
    /// Set all six hooks, including those that announce no media.
    #[arg(long)]
    all: bool,
    /// How long the old secret stays valid.
    #[arg(
        long,
        default_value = "24h",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    overlap: Duration,
}

/// Which instance to verify, and for how long.
#[derive(Args)]
pub(crate) struct DeliveryProbe {
    /// The instance's id.
    instance: InstanceId,
    /// How long to wait for the record.
    #[arg(
        long,
        default_value = "60s",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    within: Duration,
}

/// How long the old secret stays valid after `register` made a new one: long enough for W-API to
/// repeat the webhooks it could not deliver.
const OVERLAP: Duration = Duration::from_hours(24);

/// Runs a verb of `wapi-media webhook`.
pub(crate) async fn run_webhook(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Register(HookRegistration { instance, all }) => {
            let desk = HookEditor::open(&instance, session).await?;
            desk.register_hooks(hooks_to_set(all), false, OVERLAP).await
        }
        Verb::RotateSecret(SecretRotation { instance, all, overlap }) => {
            let desk = HookEditor::open(&instance, session).await?;
            desk.register_hooks(hooks_to_set(all), true, overlap).await
        }
        Verb::Show(one) => HookEditor::open(&one.instance, session).await?.show_hooks(),
        Verb::Unregister(one) => {
            HookEditor::open(&one.instance, session).await?.unregister_hooks().await
        }
        Verb::Verify(DeliveryProbe { instance, within }) => {
            let desk = HookEditor::open(&instance, session).await?;
            desk.verify_delivery(within).await
        }
    }
}

fn hooks_to_set(all: bool) -> &'static [Hook] {
    if all { &Hook::ALL } else { &Hook::WANTED }
}

/// The secret to register in an instance's hooks.
struct SecretChoice {
    secret: Secret,
    /// The hash of the other secret that stays valid.
    kept: Option<Sha256>,
    /// Whether the secret is not registered here yet.
    is_new: bool,
    /// Whether the other secret's expiry has to be set once W-API has this one.
    is_halfway: bool,
}

/// An instance, its token, and its hooks as W-API has them now.
struct HookEditor<'a> {
    session: &'a Session,
    instance: Instance,
    token: Secret,
    wapi: AccountClient,
    account: Account,
    base: &'a str,
}

impl<'a> HookEditor<'a> {
    async fn open(id: &InstanceId, session: &'a Session) -> anyhow::Result<Self> {
        let instance = session.find_instance(id).await?;
        let token = session.decrypt_token(&instance).await?;
        let wapi = session.wapi()?;
        let account = wapi.fetch_account(as_instance(id, &token)).await;
        let account = account.with_context(|| format!("the hooks of {id} could not be read"))?;
        Ok(Self { session, instance, token, wapi, account, base: session.webhook_base()? })
    }

    fn as_credentials(&self) -> Credentials<'_> {
        as_instance(&self.instance.id, &self.token)
    }

    fn hook_targets(&self) -> [(Hook, HookTarget); 6] {
        targets_of_all(&self.account, self.base, &self.instance)
    }

    /// The valid secrets in W-API's hook URLs, the current one first.
    fn secrets_in_use(&self) -> Vec<Secret> {
        let urls = Hook::ALL.into_iter().filter_map(|hook| self.account.hook_url(hook));
        let secrets = urls.filter_map(|url| secret_in_url(url, self.base, &self.instance));
        let known = secrets.filter(|secret| self.instance.known_hash(secret).is_some());
        let mut known: Vec<_> = known.map(Secret::new).collect();
        known.sort_by_key(|secret| !self.is_current(secret));
        known.dedup();
        known
    }

    fn is_current(&self, secret: &Secret) -> bool {
        self.instance.known_hash(secret.expose()) == self.instance.secret_hash()
    }

    fn show_hooks(&self) -> anyhow::Result<Exit> {
        let now = clock::now();
        let mut table = screen::new_table(["hook", "leads"]);
        let mut found = Vec::new();
        for (hook, target) in self.hook_targets() {
            // Shown in full here and in `register` only: the operator may need to restore it.
            let leads = match &target {
                HookTarget::Elsewhere(url) => format!("elsewhere: {url}"),
                HookTarget::Here
                | HookTarget::HereUntil(_)
                | HookTarget::HereInvalidSecret
                | HookTarget::SecretElsewhere(_)
                | HookTarget::Nowhere => target.to_text(now, Lang::En),
            };
            table.add_row([hook.as_str(), &leads]);
            let is_well = target.is_accepted(now);
            found.push(json!({ "hook": hook, "leads": leads, "arrives_here": is_well }));
        }
        self.session.flags.print(&Value::from(found), table)?;
        let is_well = |(hook, target): &(Hook, HookTarget)| {
            target.is_accepted(now) || !Hook::OF_MEDIA.contains(hook)
        };
        Ok(if self.hook_targets().iter().all(is_well) { Exit::Ok } else { Exit::Findings })
    }

    /// Chooses the secret for the hooks, and the one that stays valid beside it.
    ///
    /// Makes a new secret if `is_new`, or if W-API does not have the current one, because only its
    /// hash is stored here. An interrupted change is completed first, because only two secrets can
    /// be valid at a time.
    fn choose_secret(&self, is_new: bool) -> anyhow::Result<SecretChoice> {
        let in_use = self.secrets_in_use();
        let is_halfway = self.instance.old_secret_until == Some(NO_END) || in_use.len() > 1;
        let current = in_use.first().filter(|secret| self.is_current(secret));
        if let Some(current) = current.filter(|_| !is_new || is_halfway) {
            return Ok(SecretChoice {
                secret: current.clone(),
                kept: self.instance.old_secret_hash(),
                is_new: false,
                is_halfway,
            });
        }
        let hash_of = |secret: &Secret| self.instance.known_hash(secret.expose());
        let kept = in_use.first().and_then(hash_of);
        Ok(SecretChoice {
            secret: webhook_secret(random_bytes()?),
            kept: kept.or(self.instance.secret_hash()),
            is_new: true,
            is_halfway: true,
        })
    }

    /// Sets the hooks to a URL with a valid secret, and reads them back.
    ///
    /// A new secret and the one in use are both valid, without expiry, until W-API is seen to have
    /// the new one. So webhooks are accepted wherever this is interrupted.
    async fn register_hooks(
        mut self,
        hooks: &[Hook],
        is_new: bool,
        overlap: Duration,
    ) -> anyhow::Result<Exit> {
        let id = self.instance.id.clone();
        if !self.may_change(hooks)? {
            return Ok(Exit::Ok);
        }
        let (choice, register) = (self.choose_secret(is_new)?, self.session.register()?);
        let hash = Sha256::from_data(choice.secret.expose().as_bytes());
        if choice.is_new {
            register.set_secret(&id, hash, choice.kept, NO_END).await?;
            wait_until_effective().await;
        }
        let url = url_with_secret(choice.secret.expose(), self.base, &self.instance);
        for hook in hooks {
            let set = self.wapi.set_hook(*hook, &url, self.as_credentials()).await;
            set.with_context(|| {
                format!("hook {hook} of {id} was not set; both secrets stay valid, try again")
            })?;
        }
        self.account = self.wapi.fetch_account(self.as_credentials()).await?;
        let is_set = |hook: &Hook| self.account.hook_url(*hook) == Some(url.as_str());
        if hooks.iter().all(is_set) && choice.is_halfway {
            let overlap = i64::try_from(overlap.as_secs()).unwrap_or(NO_END);
            let until = clock::now().saturating_add(overlap).min(NO_END);
            register.set_secret(&id, hash, choice.kept, until).await?;
        }
        self.report_registration(hooks, &url)
    }

    /// Asks for confirmation if one of the hooks leads to another application.
    fn may_change(&self, hooks: &[Hook]) -> anyhow::Result<bool> {
        let id = &self.instance.id;
        let names = screen::join_words(hooks.iter().map(|hook| hook.as_str()), "none");
        let change = format!("set the hooks {names} of {id} to this stack");
        let others = self.hook_targets().into_iter().filter_map(|(hook, target)| match target {
            HookTarget::Elsewhere(url) if hooks.contains(&hook) => {
                Some(format!("  {hook}: {}", screen::join_lines(&url)))
            }
            HookTarget::SecretElsewhere(address) if hooks.contains(&hook) => {
                Some(format!("  {hook}: {address}, with this instance's secret"))
            }
            HookTarget::Elsewhere(_)
            | HookTarget::SecretElsewhere(_)
            | HookTarget::Here
            | HookTarget::HereUntil(_)
            | HookTarget::HereInvalidSecret
            | HookTarget::Nowhere => None,
        });
        let others: Vec<_> = others.collect();
        if others.is_empty() {
            return self.session.flags.may_change(&change);
        }
        // Whoever has the instance's token chose these URLs.
        screen::print_error(&format!(
            "warning: these hooks lead elsewhere; the applications there will receive \
             no more events:\n{}",
            others.join("\n")
        ));
        self.session.flags.confirm(&change)
    }

    fn report_registration(&self, hooks: &[Hook], url: &str) -> anyhow::Result<Exit> {
        let is_set = |hook: &Hook| self.account.hook_url(*hook) == Some(url);
        let missing: Vec<_> = hooks.iter().filter(|hook| !is_set(hook)).collect();
        let json = json!({ "instance": self.instance.id, "hooks": hooks, "not_saved": missing });
        let id = &self.instance.id;
        if missing.is_empty() {
            let text = format!(
                "The hooks {} of {id} lead here now; each was read back.\n\
                 Next, test them: wapi-media webhook verify {id}",
                screen::join_words(hooks.iter().map(|hook| hook.as_str()), "none")
            );
            self.session.flags.print(&json, text)?;
            return Ok(Exit::Ok);
        }
        let text = format!(
            "W-API answered with success but did not save: {}. Both secrets stay valid. \
             Try again, or set the hooks in W-API's panel.",
            screen::join_words(missing.iter().map(|hook| hook.as_str()), "none")
        );
        self.session.flags.print(&json, text)?;
        Ok(Exit::Findings)
    }

    async fn unregister_hooks(mut self) -> anyhow::Result<Exit> {
        let is_ours = |target: &HookTarget| {
            matches!(
                target,
                HookTarget::Here | HookTarget::HereUntil(_) | HookTarget::HereInvalidSecret
            )
        };
        let ours = self.hook_targets().into_iter().filter(|(_, target)| is_ours(target));
        let ours: Vec<_> = ours.map(|(hook, _)| hook).collect();
        let id = self.instance.id.clone();
        let names = screen::join_words(ours.iter().map(|hook| hook.as_str()), "none");
        let change = format!(
            "remove these hooks of {id} from W-API: {names}; \
             no more media of it will be announced"
        );
        if ours.is_empty() {
            bail!("no hook of {id} leads here. See: wapi-media webhook show {id}");
        }
        if !self.session.flags.confirm(&change)? {
            return Ok(Exit::Ok);
        }
        for hook in &ours {
            self.wapi.set_hook(*hook, "", self.as_credentials()).await?;
        }
        self.account = self.wapi.fetch_account(self.as_credentials()).await?;
        let left: Vec<_> =
            ours.iter().filter(|hook| self.account.hook_url(**hook).is_some()).collect();
        let json = json!({ "instance": id, "hooks": ours, "left": left });
        let (text, exit) = if left.is_empty() {
            (format!("These hooks of {id} were removed from W-API: {names}."), Exit::Ok)
        } else {
            (
                "W-API answered with success but still has hooks that lead here; \
                 remove them in its panel."
                    .to_owned(),
                Exit::Findings,
            )
        };
        self.session.flags.print(&json, text)?;
        Ok(exit)
    }

    async fn verify_delivery(&self, within: Duration) -> anyhow::Result<Exit> {
        let id = &self.instance.id;
        let now = clock::now();
        let url = self.account.hook_url(Hook::Received);
        let target = HookTarget::from_url(url, self.base, &self.instance);
        let hook =
            Check::new(CheckId::Hook(Hook::Received), Verdict::Ok, target.to_text(now, Lang::En));
        let mut checks = Vec::new();
        match url.filter(|_| target.is_accepted(now)) {
            None => {
                let register = format!("wapi-media webhook register {id}");
                checks.push(Check { verdict: Verdict::Fail, ..hook }.with_remedy(register));
            }
            Some(url) => {
                checks.push(hook);
                let message = probe::new_message_id()?;
                let sent = probe::send_probe(url, id, &message, now).await?;
                let is_sent = sent.verdict == Verdict::Ok;
                checks.push(sent);
                if is_sent {
                    checks.push(self.await_record(&message, within).await?);
                }
            }
        }
        let is_well = checks.iter().all(|check| check.verdict == Verdict::Ok);
        let json = json!({ "instance": id, "checks": checks });
        self.session.flags.print(&json, check::checks_table(&checks))?;
        Ok(if is_well { Exit::Ok } else { Exit::Findings })
    }

    /// Waits for the probe's record, which says `skipped`: no file is stored of a probe.
    async fn await_record(&self, message: &MessageId, within: Duration) -> anyhow::Result<Check> {
        const ID: CheckId = CheckId::ProbeRecord;
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        let (records, began) = (self.session.records()?, tokio::time::Instant::now());
        let waiting = screen::new_spinner("waiting for the probe's record");
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
            Some(state) if state == "skipped" => {
                Check::new(ID, Verdict::Ok, format!("the probe's record appeared after {took} ms"))
            }
            state => Check::new(
                ID,
                Verdict::Fail,
                format!(
                    "after {} s the record is {}",
                    within.as_secs(),
                    state.as_deref().unwrap_or("missing")
                ),
            )
            .with_remedy("read the download function's log; is its trigger enabled?"),
        })
    }
}

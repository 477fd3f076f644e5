//! `wapi-media webhook`: registers this stack's webhook URL in W-API, and verifies that events
//! arrive.

mod change;
mod editor;
mod receivers;
mod revoke;
mod verify;

use std::time::Duration;

use anyhow::bail;
use boot::clock;
use clap::{Args, Subcommand};
use media::ids::InstanceId;
use report::Lang;
use serde_json::{Value, json};
use wapi::account::Hook;

use self::{
    editor::HookEditor,
    receivers::{describe_hosts, describe_removal, url_of_hook},
};
use crate::{audit::AuditScope, checks::hooks::HookTarget, exit::Exit, screen, session::Session};

/// The verbs of `wapi-media webhook`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Registers an instance's webhook URL in W-API, and reads the hooks back.
    ///
    /// Sets four hooks: received and delivery, which announce media, and connected and
    /// disconnected. If a hook leads to another application, asks first, and makes the old URL a
    /// receiver: from then on this stack passes the webhooks on to it.
    #[command(after_help = "Examples:\n  wapi-media webhook register LITE-AAAAAA-BBBBBB\n  \
        wapi-media webhook register LITE-AAAAAA-BBBBBB --drop-old-url")]
    Register(HookRegistration),
    /// Shows where each of an instance's hooks leads.
    Show(InstanceArgument),
    /// Posts a probe to the instance's webhook URL and follows it through the queue and the
    /// download function to its record.
    #[command(after_help = "Example:\n  wapi-media webhook verify LITE-AAAAAA-BBBBBB")]
    Verify(DeliveryProbe),
    /// Replaces the secret in the instance's webhook URL, in W-API and here. The old secret stays
    /// valid for the time of --overlap.
    ///
    /// With --compromised, the old secret ends at once, also while W-API does not answer. Until
    /// W-API's hooks have the new one, their webhooks are refused, and the back-fill brings them
    /// later.
    #[command(after_help = "Examples:\n  wapi-media webhook rotate-secret LITE-AAAAAA-BBBBBB\n  \
        wapi-media webhook rotate-secret LITE-AAAAAA-BBBBBB --compromised")]
    RotateSecret(SecretRotation),
    /// Removes the hooks that lead here from W-API. Hooks that lead elsewhere stay. A hook with a
    /// receiver of this instance gets that receiver's URL back.
    Unregister(HookRemoval),
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
    /// Do not pass webhooks on to the URLs that the hooks have now.
    #[arg(long)]
    drop_old_url: bool,
}

/// Which hooks to remove.
#[derive(Args)]
pub(crate) struct HookRemoval {
    /// The instance's id.
    instance: InstanceId,
    /// Leave the hooks empty instead of giving them back to the instance's receivers.
    #[arg(long)]
    leave_empty: bool,
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
    /// Somebody else may know the old secret: it ends at once, before W-API has the new one.
    #[arg(long, conflicts_with = "overlap")]
    compromised: bool,
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
        Verb::Register(HookRegistration { instance, all, drop_old_url }) => {
            let editor = HookEditor::open(&instance, session).await?;
            let registration = editor.plan_registration(hooks_to_set(all), drop_old_url).await?;
            editor.register_hooks(&registration, OVERLAP).await
        }
        Verb::RotateSecret(SecretRotation { instance, all, compromised: true, .. }) => {
            revoke::revoke_secret(&instance, hooks_to_set(all), session).await
        }
        Verb::RotateSecret(SecretRotation { instance, all, overlap, .. }) => {
            let editor = HookEditor::open(&instance, session).await?;
            editor.rotate_secret(hooks_to_set(all), overlap).await
        }
        Verb::Show(one) => {
            let scope = ("webhook show", "hooks");
            let scope = AuditScope::about_instance(scope, &one.instance, session).await?;
            let show = async { HookEditor::open(&one.instance, session).await?.show_hooks() };
            session.audit(scope, show).await?
        }
        Verb::Unregister(one) => {
            let editor = HookEditor::open(&one.instance, session).await?;
            editor.unregister_hooks(one.leave_empty).await
        }
        Verb::Verify(DeliveryProbe { instance, within }) => {
            let editor = HookEditor::open(&instance, session).await?;
            editor.verify_delivery(within).await
        }
    }
}

fn hooks_to_set(all: bool) -> &'static [Hook] {
    if all { &Hook::ALL } else { &Hook::WANTED }
}

impl HookEditor<'_> {
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

    async fn unregister_hooks(mut self, leave_empty: bool) -> anyhow::Result<Exit> {
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
        if ours.is_empty() {
            bail!("no hook of {id} leads here. See: wapi-media webhook show {id}");
        }
        let back = if leave_empty { Vec::new() } else { self.find_urls_to_give_back().await? };
        let given = match back.is_empty() {
            true => String::new(),
            false => format!(", and give those of its receivers back to {}", describe_hosts(&back)),
        };
        let change = format!(
            "remove these hooks of {id} from W-API: {names}{given}; \
             no more media of it will be announced"
        );
        if !self.session.flags.confirm(&change)? {
            return Ok(Exit::Ok);
        }
        let scope = self.audit_scope("webhook unregister");
        let removed = self.session.audit(scope, async {
            for hook in &ours {
                let url = url_of_hook(&back, *hook);
                self.wapi.set_hook(*hook, url, self.as_credentials()).await?;
            }
            self.wapi.fetch_account(self.as_credentials()).await
        });
        self.account = removed.await??;
        let is_left = |hook: &&Hook| {
            self.account.hook_url(**hook).unwrap_or_default() != url_of_hook(&back, **hook)
        };
        let left: Vec<_> = ours.iter().filter(is_left).collect();
        let json = json!({ "instance": id, "hooks": ours, "left": left });
        let (text, exit) = if left.is_empty() {
            (describe_removal(&id, &names, &back), Exit::Ok)
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
}

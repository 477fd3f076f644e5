//! The applications to which an instance's hooks led before: `register` makes their URLs receivers,
//! and `unregister` gives the URLs back.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use aws::receivers::{ReceivedKind, Receiver, wait_until_known};
use media::{ids::InstanceId, receiver::ReceiverId, signature::SigningSecret};
use wapi::account::Hook;

use super::editor::HookEditor;
use crate::{
    audit::AuditScope,
    checks::hooks::HookTarget,
    commands::receiver::{ReceiverPlan, add_receiver, check_url, find_same},
    screen,
};

/// The hooks to set, and the URLs that become receivers.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) hooks: Vec<Hook>,
    pub(super) old: Vec<OldUrl>,
}

/// The URL of another application.
#[derive(Debug)]
pub(super) struct OldUrl {
    text: String,
    host: String,
    /// The hooks that lead there.
    hooks: Vec<Hook>,
}

/// A receiver that was added, with its secret.
pub(super) type AddedReceiver = (ReceiverId, String, SigningSecret);

impl HookEditor<'_> {
    /// Which hooks to set: those that are wanted; with a receiver also those whose
    /// events it gets.
    pub(super) async fn plan_registration(
        &self,
        wanted: &[Hook],
        drop_old_url: bool,
    ) -> anyhow::Result<Registration> {
        let mut by_url = BTreeMap::<String, Vec<Hook>>::new();
        for (hook, target) in self.hook_targets() {
            if let HookTarget::Elsewhere(url) = target
                && !drop_old_url
            {
                by_url.entry(url).or_default().push(hook);
            }
        }
        let mut old = Vec::new();
        for (text, hooks) in by_url {
            let host = check_url(&text, self.session).with_context(|| {
                let names = screen::join_words(hooks.iter().map(|hook| hook.as_str()), "none");
                let id = &self.instance.id;
                format!(
                    "the hooks {names} lead to a URL to which webhooks cannot be passed on. To set \
                     them here all the same: wapi-media webhook register {id} --drop-old-url"
                )
            })?;
            old.push(OldUrl { text, host, hooks });
        }
        let receivers = self.session.receivers()?.list(&self.instance.tenant).await?;
        let its = receivers.iter().filter(|one| one.gets(&self.instance.id, None));
        let words: Vec<_> = its.map(|one| one.hooks.as_slice()).collect();
        let is_received = |hook: &Hook| {
            let is_of = |words: &&[String]| {
                words.is_empty() || words.iter().any(|word| word.as_str() == hook.as_str())
            };
            words.iter().any(is_of) || old.iter().any(|one| one.hooks.contains(hook))
        };
        let meant = |hook: &Hook| wanted.contains(hook) || is_received(hook);
        Ok(Registration { hooks: Hook::ALL.into_iter().filter(meant).collect(), old })
    }

    /// Says where the hooks lead, and asks.
    pub(super) fn confirm_receivers(&self, registration: &Registration) -> anyhow::Result<bool> {
        let lines = registration.old.iter().map(|one| {
            let names = screen::join_words(one.hooks.iter().map(|hook| hook.as_str()), "none");
            format!("  {}: {names}", screen::join_lines(&one.text))
        });
        // Whoever has the instance's token chose these URLs.
        screen::print_error(&format!(
            "these hooks lead to other applications, which become receivers: this stack passes \
             their webhooks on:\n{}",
            lines.collect::<Vec<_>>().join("\n")
        ));
        let hooks = registration.hooks.iter().map(|hook| hook.as_str());
        let change = format!(
            "set the hooks {} of {} to this stack, and pass their webhooks on to {}",
            screen::join_words(hooks, "none"),
            self.instance.id,
            screen::join_words(registration.old.iter().map(|one| one.host.as_str()), "none"),
        );
        self.session.flags.confirm(&change)
    }

    /// Makes the other URLs receivers, except those that are already, and waits until every
    /// function knows them. Each secret is shown at once, because what follows may fail, and a
    /// second run finds the receiver.
    pub(super) async fn add_receivers(&self, registration: &Registration) -> anyhow::Result<()> {
        let session = self.session;
        let (tenant, instance) = (&self.instance.tenant, Some(&self.instance.id));
        let kind = ReceivedKind::Webhooks;
        for OldUrl { text, host, hooks } in &registration.old {
            let mut plan = ReceiverPlan { tenant, instance, url: text, host, hooks, kind };
            let missing = match find_same(&plan, session).await? {
                Some(same) if same.kind == ReceivedKind::Media => bail!(
                    "receiver {id} has this URL, and gets media events only. First: wapi-media \
                     receiver set {id} --tenant {tenant} --gets all",
                    id = same.id
                ),
                Some(same) if same.pause.is_some() => {
                    bail!("receiver {} is paused: resume or remove it first", same.id)
                }
                Some(same) => hooks_without(&same, hooks, &self.instance.id),
                None => hooks.clone(),
            };
            if missing.is_empty() {
                continue;
            }
            plan.hooks = &missing;
            let scope = AuditScope::new("receiver add", "receiver").of_tenant(tenant);
            let scope = scope.of_instance(&self.instance.id);
            let (id, secret) = session.audit(scope, add_receiver(&plan, session)).await??;
            self.report_added(&(id, host.clone(), secret));
        }
        if !registration.old.is_empty() {
            let bar = screen::new_spinner("waiting until every function knows the receivers");
            wait_until_known().await;
            bar.finish_and_clear();
        }
        Ok(())
    }

    /// Prints the secret of a receiver that was added, on standard error: the result of the command
    /// follows.
    fn report_added(&self, (id, host, secret): &AddedReceiver) {
        screen::print_error(&format!(
            "Receiver {id} passes webhooks on to {host}. They are signed, and the application \
             need not verify them. The secret is shown only once: {}\nTo test it: wapi-media \
             receiver test {id} --tenant {}",
            &*secret.expose(),
            self.instance.tenant
        ));
    }

    /// The receivers of this instance whose URLs the hooks get back, with the URLs.
    pub(super) async fn find_urls_to_give_back(&self) -> anyhow::Result<Vec<(Receiver, String)>> {
        let receivers = self.session.receivers()?;
        let mut found = Vec::new();
        for receiver in receivers.list(&self.instance.tenant).await? {
            let is_its = receiver.instance.as_ref() == Some(&self.instance.id);
            if is_its && receiver.gets(&self.instance.id, None) {
                let endpoint = receivers.open(&receiver).await?;
                found.push((receiver, endpoint.url.expose().to_owned()));
            }
        }
        Ok(found)
    }
}

/// The hosts of receivers, in words.
pub(super) fn describe_hosts(receivers: &[(Receiver, String)]) -> String {
    screen::join_words(receivers.iter().map(|(one, _)| one.host.as_str()), "none")
}

/// The URL that a hook gets: that of the first receiver of its events, or none.
pub(super) fn url_of_hook(receivers: &[(Receiver, String)], hook: Hook) -> &str {
    let its = receivers.iter().find(|(one, _)| {
        one.instance.as_ref().is_some_and(|instance| one.gets(instance, Some(hook.as_str())))
    });
    its.map_or("", |(_, url)| url.as_str())
}

/// The hooks of these whose events a receiver does not get.
fn hooks_without(receiver: &Receiver, hooks: &[Hook], instance: &InstanceId) -> Vec<Hook> {
    let is_missing = |hook: &&Hook| !receiver.gets(instance, Some(hook.as_str()));
    hooks.iter().filter(is_missing).copied().collect()
}

/// What became of the hooks, and of the receivers, which may still have to get something.
pub(super) fn describe_removal(
    instance: &InstanceId,
    names: &str,
    receivers: &[(Receiver, String)],
) -> String {
    let mut text = format!("These hooks of {instance} no longer lead here: {names}.");
    for (receiver, _) in receivers {
        let Receiver { id, host, tenant, .. } = receiver;
        text += &format!(
            "\nW-API posts to {host} itself again. When nothing waits for it here any more: \
             wapi-media receiver remove {id} --tenant {tenant}"
        );
    }
    text
}

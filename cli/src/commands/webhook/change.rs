//! `wapi-media webhook register` and `rotate-secret`: set the hooks to a URL with a valid secret.
//!
//! A new secret and the one in use are both valid, without expiry, until W-API is seen to have the
//! new one. So webhooks are accepted wherever a change is interrupted. Only two secrets can be
//! valid at a time, and each write expects the secrets that were read. A command that set the hooks
//! looks at the secrets once more, so that of two commands at once the one that ends last repairs
//! what both did.

use std::time::Duration;

use anyhow::{Context, bail};
use aws::{
    register::{NO_END, RegisterError, webhook_secret},
    webhook_access::wait_until_effective,
};
use boot::clock;
use media::{message::Secret, sha256::Sha256};
use serde_json::json;
use wapi::account::Hook;

use super::{editor::HookEditor, receivers::Registration};
use crate::{
    checks::hooks::{HookTarget, secret_in_url, url_with_secret},
    exit::Exit,
    random::random_bytes,
    screen,
    session::as_instance,
};

/// How often a change begins again after another command changed the same instance.
const MAX_TRIES: usize = 4;

/// How long a command waits, at least, before it begins again. A random part of up to eight seconds
/// is added.
const MIN_WAIT: Duration = Duration::from_secs(3);

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

/// How a change of the hooks ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ChangeOutcome {
    /// W-API has this URL in each hook, and the secret in it is the current one.
    Saved(String),
    /// W-API answered with success and did not save the URL in each hook.
    NotSaved(String),
    /// Another command changed the instance's secrets.
    Overtaken,
}

impl HookEditor<'_> {
    /// Sets the hooks to a URL with the current secret, or with a new one if W-API does not have
    /// the current one. Reads them back.
    pub(super) async fn register_hooks(
        mut self,
        registration: &Registration,
        overlap: Duration,
    ) -> anyhow::Result<Exit> {
        let hooks = registration.hooks.as_slice();
        if !self.may_register(registration)? {
            return Ok(Exit::Ok);
        }
        // Before the hooks change, so that the applications miss nothing.
        self.add_receivers(registration).await?;
        let scope = self.audit_scope("webhook register");
        let session = self.session;
        let registered = session.audit(scope, async {
            for _ in 0..MAX_TRIES {
                let outcome = self.change_hooks(hooks, false, overlap).await?;
                if outcome != ChangeOutcome::Overtaken {
                    return Ok(outcome);
                }
                self.read_again().await?;
            }
            self.give_up()
        });
        let outcome = registered.await??;
        self.report_change(hooks, &outcome, false)
    }

    /// Asks for confirmation if one of the hooks leads to another application.
    fn may_register(&self, registration: &Registration) -> anyhow::Result<bool> {
        if registration.old.is_empty() {
            return self.may_change(&registration.hooks);
        }
        self.confirm_receivers(registration)
    }

    /// Makes a new secret, and sets the hooks to a URL with it, also those that lead here and are
    /// not in `hooks`. If an earlier change is unfinished, finishes it first.
    pub(super) async fn rotate_secret(
        mut self,
        hooks: &[Hook],
        overlap: Duration,
    ) -> anyhow::Result<Exit> {
        let hooks = self.with_own_hooks(hooks);
        if !self.may_change(&hooks)? {
            return Ok(Exit::Ok);
        }
        let scope = self.audit_scope("webhook rotate-secret");
        let session = self.session;
        let rotated = session.audit(scope, async {
            for _ in 0..MAX_TRIES {
                if self.has_unfinished_change() {
                    match self.change_hooks(&hooks, false, overlap).await? {
                        ChangeOutcome::Saved(_) => {}
                        outcome @ ChangeOutcome::NotSaved(_) => return Ok(outcome),
                        ChangeOutcome::Overtaken => {
                            self.read_again().await?;
                            continue;
                        }
                    }
                }
                let outcome = self.change_hooks(&hooks, true, overlap).await?;
                if outcome != ChangeOutcome::Overtaken {
                    return Ok(outcome);
                }
                self.read_again().await?;
            }
            self.give_up()
        });
        let outcome = rotated.await??;
        self.report_change(&hooks, &outcome, true)
    }

    /// These hooks, and those that lead here already.
    pub(super) fn with_own_hooks(&self, hooks: &[Hook]) -> Vec<Hook> {
        let leads_here = |target: &HookTarget| match target {
            HookTarget::Here | HookTarget::HereUntil(_) | HookTarget::HereInvalidSecret => true,
            HookTarget::SecretElsewhere(_) | HookTarget::Elsewhere(_) | HookTarget::Nowhere => {
                false
            }
        };
        let is_meant =
            |(hook, target): &(Hook, HookTarget)| hooks.contains(hook) || leads_here(target);
        self.hook_targets().into_iter().filter(is_meant).map(|(hook, _)| hook).collect()
    }

    /// Reads everything again after another command changed the secrets. First it waits for as long
    /// as that one may need to end: otherwise each of two could overtake the other all the time.
    async fn read_again(&mut self) -> anyhow::Result<()> {
        let [byte] = random_bytes()?;
        tokio::time::sleep(MIN_WAIT + Duration::from_millis(30 * u64::from(byte))).await;
        let id = self.instance.id.clone();
        self.instance = self.session.find_instance(&id).await?;
        self.account = self.wapi.fetch_account(as_instance(&id, &self.token)).await?;
        Ok(())
    }

    fn give_up<T>(&self) -> anyhow::Result<T> {
        let id = &self.instance.id;
        bail!(
            "another command changes the secret of {id} at the same time. \
             When it has ended: wapi-media webhook register {id}"
        )
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

    /// Whether an earlier change was interrupted that can be finished: W-API has the current secret
    /// in some hook, and another valid one in another, or the other one's end is not set yet.
    fn has_unfinished_change(&self) -> bool {
        let in_use = self.secrets_in_use();
        let is_open = self.instance.old_secret_until == Some(NO_END) || in_use.len() > 1;
        is_open && in_use.first().is_some_and(|secret| self.is_current(secret))
    }

    /// Chooses the secret for the hooks, and the one that stays valid beside it.
    ///
    /// Makes a new secret if `is_new`, or if W-API does not have the current one, because only its
    /// hash is stored here.
    fn choose_secret(&self, is_new: bool) -> anyhow::Result<SecretChoice> {
        let in_use = self.secrets_in_use();
        let current = in_use.first().filter(|secret| self.is_current(secret));
        if let Some(current) = current.filter(|_| !is_new) {
            return Ok(SecretChoice {
                secret: current.clone(),
                kept: self.instance.old_secret_hash(),
                is_new: false,
                is_halfway: self.has_unfinished_change(),
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

    /// Sets the hooks to a URL with the chosen secret, reads them back, and then sets the end of
    /// the other secret.
    async fn change_hooks(
        &mut self,
        hooks: &[Hook],
        is_new: bool,
        overlap: Duration,
    ) -> anyhow::Result<ChangeOutcome> {
        let (choice, register) = (self.choose_secret(is_new)?, self.session.register()?);
        let hash = Sha256::from_data(choice.secret.expose().as_bytes());
        if choice.is_new {
            match register.set_secret(&self.instance, hash, choice.kept, NO_END).await {
                Err(RegisterError::Changed) => return Ok(ChangeOutcome::Overtaken),
                set => self.instance = set?,
            }
            wait_until_effective().await;
        }
        let url = url_with_secret(choice.secret.expose(), self.base, &self.instance);
        self.set_hooks(hooks, &url).await?;
        // Another command may have written a new secret meanwhile, and set the hooks to it before
        // this one set them back.
        let found = self.session.find_instance(&self.instance.id).await?;
        if found.secret_hash() != Some(hash) {
            return Ok(ChangeOutcome::Overtaken);
        }
        let is_set = |hook: &Hook| self.account.hook_url(*hook) == Some(url.as_str());
        if !hooks.iter().all(is_set) {
            return Ok(ChangeOutcome::NotSaved(url));
        }
        if !choice.is_halfway {
            return Ok(ChangeOutcome::Saved(url));
        }
        let overlap = i64::try_from(overlap.as_secs()).unwrap_or(NO_END);
        let until = clock::now().saturating_add(overlap).min(NO_END);
        match register.set_secret(&self.instance, hash, choice.kept, until).await {
            Err(RegisterError::Changed) => return Ok(ChangeOutcome::Overtaken),
            set => self.instance = set?,
        }
        Ok(ChangeOutcome::Saved(url))
    }

    /// Sets the hooks to a URL, and reads them back.
    pub(super) async fn set_hooks(&mut self, hooks: &[Hook], url: &str) -> anyhow::Result<()> {
        let id = &self.instance.id;
        for hook in hooks {
            let set = self.wapi.set_hook(*hook, url, self.as_credentials()).await;
            set.with_context(|| format!("hook {hook} of {id} was not set; try again"))?;
        }
        self.account = self.wapi.fetch_account(self.as_credentials()).await?;
        Ok(())
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
             no more events, unless they are receivers (wapi-media receiver list):\n{}",
            others.join("\n")
        ));
        self.session.flags.confirm(&change)
    }

    /// Prints what became of the hooks. Success means that each hook was read back, and, after a
    /// rotation, that the table has the hash of the new secret: both were just seen.
    fn report_change(
        &self,
        hooks: &[Hook],
        outcome: &ChangeOutcome,
        is_rotation: bool,
    ) -> anyhow::Result<Exit> {
        let id = &self.instance.id;
        let names = screen::join_words(hooks.iter().map(|hook| hook.as_str()), "none");
        let url = match outcome {
            ChangeOutcome::Saved(url) | ChangeOutcome::NotSaved(url) => url.as_str(),
            ChangeOutcome::Overtaken => "",
        };
        let is_set = |hook: &Hook| self.account.hook_url(*hook) == Some(url);
        let missing: Vec<_> = hooks.iter().filter(|hook| !is_set(hook)).collect();
        let is_saved = matches!(outcome, ChangeOutcome::Saved(_));
        let json = json!({
            "instance": id, "hooks": hooks, "not_saved": missing,
            "secret_replaced": is_saved && is_rotation,
            "old_secret_until": self.instance.old_secret_until,
        });
        if is_saved {
            let mut text = format!("The hooks {names} of {id} lead here now; each was read back.");
            if is_rotation {
                let until = screen::format_time_if_known(self.instance.old_secret_until);
                text += &format!("\nThe secret is new; the old one is valid until {until}.");
            }
            text += &format!("\nNext, test them: wapi-media webhook verify {id}");
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
}

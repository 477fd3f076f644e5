//! `wapi-media webhook rotate-secret --compromised`: ends a secret that somebody else may know.

use anyhow::bail;
use aws::{
    instances::Instance,
    register::{Register, RegisterError, webhook_secret},
    webhook_access::MAX_MATCHED_AGE,
};
use boot::clock;
use media::{ids::InstanceId, message::Secret, sha256::Sha256};
use serde_json::json;
use wapi::account::Hook;

use super::editor::HookEditor;
use crate::{
    audit::AuditScope,
    checks::hooks::{HookTarget, url_with_secret},
    exit::Exit,
    random::random_bytes,
    screen,
    session::Session,
};

/// How often the secret is set again after another command changed it.
const MAX_TRIES: usize = 4;

/// Makes a new secret the only valid one, and then sets the hooks. The first step does not need
/// W-API. If the second one fails, the webhooks are refused, and the command says what is next.
pub(super) async fn revoke_secret(
    id: &InstanceId,
    hooks: &[Hook],
    session: &Session,
) -> anyhow::Result<Exit> {
    let instance = session.find_instance(id).await?;
    let change = format!(
        "end every webhook secret of {id} at once; its webhooks are refused until W-API's hooks \
         have the new one"
    );
    if !session.flags.confirm(&change)? {
        return Ok(Exit::Ok);
    }
    let scope = AuditScope::new("webhook revoke-secret", "secret").of_tenant(&instance.tenant);
    let register = session.register()?;
    let ended = session.audit(scope.of_instance(id), end_secrets(instance, &register)).await??;
    let set = set_own_hooks(&ended, hooks, (id, session)).await;
    report_hooks(id, set, session)
}

/// Makes a new secret the only valid one. Returns it.
async fn end_secrets(mut instance: Instance, register: &Register) -> anyhow::Result<Secret> {
    let secret = webhook_secret(random_bytes()?);
    let hash = Sha256::from_data(secret.expose().as_bytes());
    for _ in 0..MAX_TRIES {
        match register.set_secret(&instance, hash, None, clock::now()).await {
            Err(RegisterError::Changed) => {}
            set => return Ok(set.map(|_| secret)?),
        }
        // Another command's new secret may be the one that is known to others.
        let found = register.get_instance(&instance.id).await?;
        instance = found.ok_or(RegisterError::NotThere)?;
    }
    Err(RegisterError::Changed.into())
}

/// Sets the hooks to the URL with the new secret, except those that lead to other applications.
/// Returns the hooks that W-API has not saved.
async fn set_own_hooks(
    secret: &Secret,
    hooks: &[Hook],
    (id, session): (&InstanceId, &Session),
) -> anyhow::Result<Vec<Hook>> {
    let mut editor = HookEditor::open(id, session).await?;
    let others = editor.hook_targets().into_iter().filter(|(_, target)| {
        matches!(target, HookTarget::Elsewhere(_) | HookTarget::SecretElsewhere(_))
    });
    let others: Vec<_> = others.map(|(hook, _)| hook).collect();
    let mut meant = editor.with_own_hooks(hooks);
    let left_out: Vec<_> = meant.iter().filter(|hook| others.contains(hook)).copied().collect();
    meant.retain(|hook| !others.contains(hook));
    let url = url_with_secret(secret.expose(), editor.base, &editor.instance);
    editor.set_hooks(&meant, &url).await?;
    let found = session.find_instance(id).await?;
    if found.secret_hash() != Some(Sha256::from_data(secret.expose().as_bytes())) {
        bail!("another command has made a new secret meanwhile");
    }
    if meant.is_empty() && !left_out.is_empty() {
        let names = screen::join_words(left_out.iter().map(|hook| hook.as_str()), "none");
        bail!(
            "the hooks {names} lead elsewhere, so none was set. If that is your own domain, give \
             --webhook-base-url"
        );
    }
    let is_missing = |hook: &Hook| editor.account.hook_url(*hook) != Some(url.as_str());
    Ok(meant.into_iter().filter(is_missing).collect())
}

fn report_hooks(
    id: &InstanceId,
    set: anyhow::Result<Vec<Hook>>,
    session: &Session,
) -> anyhow::Result<Exit> {
    let seconds = MAX_MATCHED_AGE.as_secs();
    let ended = format!(
        "Every earlier webhook secret of {id} has ended; within {seconds} s no function accepts \
         it any more."
    );
    let problem = match set {
        Ok(missing) if missing.is_empty() => None,
        Ok(missing) => {
            let names = screen::join_words(missing.iter().map(|hook| hook.as_str()), "none");
            Some(format!("W-API answered with success but did not save: {names}"))
        }
        Err(error) => Some(format!("{error:#}")),
    };
    let register = format!("wapi-media webhook register {id}");
    let json = json!({
        "instance": id, "secret_replaced": true, "hooks_set": problem.is_none(),
        "problem": problem, "next": problem.as_ref().map(|_| &register),
    });
    let Some(problem) = problem else {
        let text = format!(
            "{ended}\nW-API's hooks have the new one; each was read back. What was refused \
             meanwhile: wapi-media backfill --instance {id} --since 1h"
        );
        session.flags.print(&json, text)?;
        return Ok(Exit::Ok);
    };
    let text = format!(
        "{ended}\nW-API's hooks do NOT have the new one: {problem}.\nUntil they have it, its \
         webhooks are refused. Next, as soon as W-API answers: {register}\nThen, for what was \
         refused: wapi-media backfill --instance {id} --since 24h"
    );
    session.flags.print(&json, text)?;
    Ok(Exit::Wapi)
}

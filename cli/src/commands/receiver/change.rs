//! `wapi-media receiver set`, `pause`, `rotate-secret` and `remove`.

use std::time::Duration;

use anyhow::bail;
use aws::{
    ledger::WriteOutcome,
    receivers::{MAX_RECEIVERS_AGE, ReceivedKind, Receiver, wait_until_known},
};
use boot::clock;
use clap::Args;
use media::{
    receiver::{PauseReason, ReceiverEndpoint},
    signature::SIGNING_SECRET_BYTES,
};
use serde_json::json;

use super::argument::{
    ReceiverArgument, describe_kind, explain_unopened, parse_kind, require_events,
};
use crate::{audit::AuditScope, exit::Exit, random::random_bytes, screen, session::Session};

/// Whose secret to replace, and how.
#[derive(Args)]
pub(crate) struct Rotation {
    #[command(flatten)]
    one: ReceiverArgument,
    /// How long webhooks are signed with the old secret, too.
    #[arg(
        long,
        default_value = "24h",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    overlap: Duration,
}

/// Which receiver, and what it gets.
#[derive(Args)]
pub(crate) struct Choice {
    #[command(flatten)]
    one: ReceiverArgument,
    /// What it gets: webhooks, media (the events of media files, instances and receivers) or all.
    #[arg(long, value_name = "WHAT", value_parser = parse_kind)]
    gets: ReceivedKind,
}

/// What is written down about a change of a receiver.
pub(super) fn audit_scope(action: &'static str, receiver: &Receiver) -> AuditScope {
    let scope = AuditScope::new(action, "receiver").of_tenant(&receiver.tenant);
    scope.of_instance(receiver.instance.as_ref())
}

pub(super) async fn set_kind(choice: &Choice, session: &Session) -> anyhow::Result<Exit> {
    let (receiver, receivers) = (choice.one.find(session).await?, session.receivers()?);
    let (id, what) = (&receiver.id, describe_kind(choice.gets));
    require_events(choice.gets, session)?;
    if !session.flags.may_change(&format!("post {what} to receiver {id}"))? {
        return Ok(Exit::Ok);
    }
    let set = receivers.set_kind(&receiver, choice.gets);
    match session.audit(audit_scope("receiver set", &receiver), set).await?? {
        WriteOutcome::Yes => {}
        WriteOutcome::Overtaken => bail!("receiver {id} was removed meanwhile"),
    }
    let seconds = MAX_RECEIVERS_AGE.as_secs();
    let text = format!("Receiver {id} at {} gets {what}, within {seconds} s.", receiver.host);
    session.flags.print(&json!({ "receiver": id, "gets": choice.gets.as_str() }), text)?;
    Ok(Exit::Ok)
}

pub(super) async fn pause_receiver(
    one: &ReceiverArgument,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (receiver, receivers) = (one.find(session).await?, session.receivers()?);
    let id = &receiver.id;
    if !session.flags.may_change(&format!("pause receiver {id}"))? {
        return Ok(Exit::Ok);
    }
    let pause = receivers.pause(&receiver, (PauseReason::Operator, None), clock::now());
    let paused = session.audit(audit_scope("receiver pause", &receiver), pause).await??;
    let text = match paused {
        WriteOutcome::Yes => format!(
            "Receiver {id} is paused: what comes for it is kept for three days. To go on: \
             wapi-media receiver resume {id} --tenant {}",
            receiver.tenant
        ),
        WriteOutcome::Overtaken => format!("Receiver {id} was paused already."),
    };
    session.flags.print(&json!({ "receiver": id, "paused": true }), text)?;
    Ok(Exit::Ok)
}

pub(super) async fn rotate_secret(rotation: &Rotation, session: &Session) -> anyhow::Result<Exit> {
    let (receiver, receivers) = (rotation.one.find(session).await?, session.receivers()?);
    let id = &receiver.id;
    if !session.flags.may_change(&format!("replace the secret of receiver {id}"))? {
        return Ok(Exit::Ok);
    }
    let overlap = i64::try_from(rotation.overlap.as_secs()).unwrap_or(i64::MAX);
    let until = clock::now().saturating_add(overlap);
    let rotate = async {
        let endpoint = receivers.open(&receiver).await;
        let endpoint = endpoint.map_err(|error| explain_unopened(error, &receiver))?;
        let random: [u8; SIGNING_SECRET_BYTES] = random_bytes()?;
        let endpoint = ReceiverEndpoint::clone(&endpoint).rotated(&random, until)?;
        let key = session.stack.output("TokenKeyId")?;
        match receivers.replace_endpoint(&receiver, &endpoint, key).await? {
            WriteOutcome::Yes => Ok(endpoint.secret),
            WriteOutcome::Overtaken => {
                bail!("another command changed receiver {id} at the same moment; try again")
            }
        }
    };
    let scope = audit_scope("receiver rotate-secret", &receiver);
    let secret = session.audit(scope, rotate).await??;
    let (secret, until) = (secret.expose(), screen::format_time(until));
    let seconds = MAX_RECEIVERS_AGE.as_secs();
    let text = format!(
        "The new secret of receiver {id} is shown only once. Webhooks are signed with it within \
         {seconds} s, and with the old one as well until {until}:\n\n  {}",
        &*secret
    );
    let json = json!({ "receiver": id, "secret": &*secret, "old_secret_until": until });
    session.flags.print(&json, text)?;
    Ok(Exit::Ok)
}

pub(super) async fn remove_receiver(
    one: &ReceiverArgument,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (receiver, receivers) = (one.find(session).await?, session.receivers()?);
    let id = &receiver.id;
    let change = format!(
        "remove receiver {id} at {}, with the webhooks that are kept for it; its application gets \
         no more webhooks",
        receiver.host
    );
    if !session.flags.confirm(&change)? {
        return Ok(Exit::Ok);
    }
    let ledger = session.ledger()?;
    let remove = async {
        receivers.remove(&receiver).await?;
        // Until then, functions that remember it may still write what waits for it.
        wait_until_known().await;
        ledger.jobs.remove_all_resting(id).await
    };
    let removed = session.audit(audit_scope("receiver remove", &receiver), remove).await??;
    let text = format!("Receiver {id} is removed, and {removed} webhooks that were kept for it.");
    session.flags.print(&json!({ "receiver": id, "removed_deliveries": removed }), text)?;
    Ok(Exit::Ok)
}

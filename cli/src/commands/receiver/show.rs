//! `wapi-media receiver list`, `show`, `test` and `deliveries`.

use aws::{ledger::RestingSurvey, receivers::Receiver};
use boot::clock;
use data_encoding::HEXLOWER;
use fetch::receiver::{PostAnswer, SignedWebhook};
use media::{ids::TenantId, receiver::is_circuit_open};
use report::Lang;
use serde_json::{Value, json};

use super::{
    argument::{
        ReceiverArgument, describe_hooks, describe_kind, describe_source, explain_unopened,
    },
    change::audit_scope,
};
use crate::{exit::Exit, random::random_bytes, screen, session::Session};

/// Deliveries of one receiver that are counted, at most.
const MAX_COUNT: u64 = 100_000;

/// How a receiver works, in words.
fn describe_state(receiver: &Receiver, now: i64) -> String {
    if let Some(pause) = receiver.pause {
        let (reason, at) = (pause.reason.as_str(), screen::format_time(pause.at));
        return format!("paused ({reason}) since {at}");
    }
    if let Some(until) = receiver.asked_until.filter(|_| receiver.is_left_alone(now)) {
        return format!("asked to be left alone until {}", screen::format_time(until));
    }
    match receiver.failing_since.map(screen::format_time) {
        Some(since) if is_circuit_open(receiver.failing_since, now) => {
            format!("failing since {since}; tried from time to time")
        }
        Some(since) => format!("failing since {since}"),
        None => "active".to_owned(),
    }
}

/// The latest failure that was noted, in words.
fn describe_failure(receiver: &Receiver) -> String {
    let failure = receiver.last_failure.as_ref();
    failure.map_or_else(
        || "-".to_owned(),
        |(word, at)| format!("{word}, {}", screen::format_time(*at)),
    )
}

fn to_json(receiver: &Receiver) -> Value {
    let failure = receiver.last_failure.as_ref();
    json!({
        "receiver": receiver.id, "tenant": receiver.tenant, "instance": receiver.instance,
        "host": receiver.host, "hooks": receiver.hooks,
        "gets": receiver.kind.as_str(), "created_at": receiver.created_at,
        "paused_at": receiver.pause.map(|pause| pause.at),
        "pause_reason": receiver.pause.map(|pause| pause.reason.as_str()),
        "failing_since": receiver.failing_since,
        "last_failure": failure.map(|(word, _)| word), "last_failure_at": failure.map(|(_, at)| at),
    })
}

/// [`to_json`] with more fields.
fn with_fields<const N: usize>(receiver: &Receiver, fields: [(&str, Value); N]) -> Value {
    let mut json = to_json(receiver);
    if let Some(known) = json.as_object_mut() {
        known.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    json
}

/// Whether a receiver needs a person: it is paused, but not by one, or it fails.
fn needs_attention(receiver: &Receiver, now: i64) -> bool {
    let pause = receiver.pause.map(|pause| pause.reason);
    pause.is_some_and(|reason| reason != media::receiver::PauseReason::Operator)
        || is_circuit_open(receiver.failing_since, now)
}

pub(super) async fn list_receivers(
    tenant: Option<&TenantId>,
    session: &Session,
) -> anyhow::Result<Exit> {
    let receivers = session.receivers()?;
    let mut all = match tenant {
        Some(tenant) => receivers.list(tenant).await?,
        None => receivers.list_everywhere().await?,
    };
    all.sort_by(|one, other| {
        (&one.tenant, &one.instance, &one.id).cmp(&(&other.tenant, &other.instance, &other.id))
    });
    let now = clock::now();
    let mut table =
        screen::new_table(["receiver", "tenant", "instance", "host", "gets", "hooks", "state"]);
    for one in &all {
        table.add_row([
            one.id.to_string(),
            one.tenant.to_string(),
            describe_source(one),
            one.host.clone(),
            one.kind.as_str().to_owned(),
            describe_hooks(&one.hooks),
            describe_state(one, now),
        ]);
    }
    let text = match all.is_empty() {
        true => "There are no receivers. To add one: wapi-media receiver add --help".to_owned(),
        false => table.to_string(),
    };
    session.flags.print(&all.iter().map(to_json).collect(), text)?;
    let is_odd = all.iter().any(|one| needs_attention(one, now));
    Ok(if is_odd { Exit::Findings } else { Exit::Ok })
}

pub(super) async fn show_receiver(
    one: &ReceiverArgument,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (receiver, receivers) = (one.find(session).await?, session.receivers()?);
    let open = receivers.open(&receiver);
    let endpoint = session.audit(audit_scope("receiver show", &receiver), open).await?;
    let endpoint = endpoint.map_err(|error| explain_unopened(error, &receiver))?;
    let (now, url) = (clock::now(), endpoint.url.expose());
    let old = endpoint.old.as_ref().map(|old| old.until).filter(|until| *until > now);
    let mut table = screen::new_table(["", ""]);
    for (name, value) in [
        ("receiver", receiver.id.to_string()),
        ("tenant", receiver.tenant.to_string()),
        ("instance", describe_source(&receiver)),
        ("url", screen::join_lines(url)),
        ("gets", describe_kind(receiver.kind).to_owned()),
        ("hooks", describe_hooks(&receiver.hooks)),
        ("added", screen::format_time(receiver.created_at)),
        ("state", describe_state(&receiver, now)),
        ("last failure", describe_failure(&receiver)),
        ("old secret until", screen::format_time_if_known(old)),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    let json = with_fields(&receiver, [("url", url.into()), ("old_secret_until", old.into())]);
    session.flags.print(&json, table)?;
    Ok(Exit::Ok)
}

pub(super) async fn test_receiver(
    one: &ReceiverArgument,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (receiver, receivers) = (one.find(session).await?, session.receivers()?);
    if !session.flags.may_change(&format!("post a test event to {}", receiver.host))? {
        return Ok(Exit::Ok);
    }
    let endpoint = receivers.open(&receiver).await;
    let endpoint = endpoint.map_err(|error| explain_unopened(error, &receiver))?;
    let (id, now) = (format!("msg_test{}", HEXLOWER.encode(&random_bytes::<8>()?)), clock::now());
    let body = json!({ "event": "wapiMediaTest", "receiver": receiver.id, "moment": now });
    let body = body.to_string().into_bytes();
    let signature = endpoint.sign(&id, now, &body);
    let content_type = Some("application/json");
    let signed = SignedWebhook { id: &id, at: now, signature: &signature, content_type };
    let client = session.receiver_client()?;
    let post = client.post(endpoint.url.expose(), &signed, body);
    let answer = session.audit(audit_scope("receiver test", &receiver), post).await?;
    let host = &receiver.host;
    let (status, text, exit) = match answer {
        Ok(PostAnswer { status: status @ 200..=299, .. }) => {
            (Some(status), format!("{host} answered {status}: it took the test event."), Exit::Ok)
        }
        Ok(PostAnswer { status, .. }) => {
            let text = format!("{host} answered {status}: webhooks would be tried again.");
            (Some(status), text, Exit::Findings)
        }
        Err(error) => (None, format!("{host}: {error}"), Exit::Findings),
    };
    let json = json!({ "receiver": receiver.id, "webhook_id": id, "status": status });
    session.flags.print(&json, text)?;
    Ok(exit)
}

pub(super) async fn count_deliveries(tenant: &TenantId, session: &Session) -> anyhow::Result<Exit> {
    let (ledger, now) = (session.ledger()?, clock::now());
    let header = ["receiver", "host", "waiting", "oldest", "state", "last failure"];
    let (mut table, mut found) = (screen::new_table(header), Vec::new());
    for one in session.receivers()?.list(tenant).await? {
        let RestingSurvey { count, is_more, oldest } =
            ledger.jobs.survey_resting(&one.id, MAX_COUNT).await?;
        let age = oldest.map(|at| screen::format_age(now.saturating_sub(at), Lang::En));
        table.add_row([
            one.id.to_string(),
            one.host.clone(),
            if is_more { format!("{count} or more") } else { count.to_string() },
            age.unwrap_or_else(|| "-".to_owned()),
            describe_state(&one, now),
            describe_failure(&one),
        ]);
        let waiting = [("waiting", count.into()), ("oldest_accepted_at", oldest.into())];
        found.push(with_fields(&one, waiting));
    }
    let text = match found.is_empty() {
        true => format!("Tenant {tenant} has no receivers."),
        false => format!("{table}\nThose that are tried again within 15 minutes are not counted."),
    };
    session.flags.print(&Value::from(found), text)?;
    Ok(Exit::Ok)
}

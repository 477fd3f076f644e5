//! The checks of one instance: its token, its connection, its hooks, and its latest media.

use aws::instances::Instance;
use fetch::account::{AccountError, Credentials};
use media::message::MediaMessage;
use report::Lang;
use reqwest::Method;
use wapi::{
    account::{Hook, LOGS_PATH},
    logs::LogPage,
};

use super::{
    check::{Check, CheckId, Verdict},
    hooks::targets_of_all,
    receivers::check_receivers,
};
use crate::{examination::Examination, say::say, screen, session::as_instance};

/// Seconds without media after which an instance is reported.
const SILENCE: i64 = 24 * 60 * 60;

/// Seconds in which a message may still be in transit.
const ON_ITS_WAY: i64 = 2 * 60;

/// Runs all checks of an instance.
pub(crate) async fn check_instance(
    instance: &Instance,
    examination: Examination<'_>,
) -> anyhow::Result<Vec<Check>> {
    let Examination { session, lang, .. } = examination;
    let mut checks = vec![check_open(instance, lang)];
    match session.decrypt_token(instance).await {
        Ok(token) => {
            let who = as_instance(&instance.id, &token);
            checks.push(check_connection(who, examination).await?);
            checks.extend(check_hooks(instance, who, examination).await?);
            checks.push(check_last_webhooks(who, examination).await?);
        }
        Err(error) => {
            let rotate = format!("wapi-media token rotate {}", instance.id);
            let failed = Check::new(
                CheckId::Token,
                Verdict::Fail,
                report::translate_reason(&format!("{error:#}"), lang),
            );
            checks.push(failed.with_remedy(rotate));
        }
    }
    checks.push(check_last_media(instance, examination).await?);
    checks.extend(check_receivers(instance, examination).await?);
    Ok(checks)
}

fn check_open(instance: &Instance, lang: Lang) -> Check {
    const ID: CheckId = CheckId::Open;
    let Some(since) = instance.paused_at.map(screen::format_time) else {
        let evidence = say!(lang, "its webhooks are accepted", "os webhooks são aceitos");
        return Check::new(ID, Verdict::Ok, evidence);
    };
    let evidence = say!(
        lang,
        "paused since {since}: its webhooks are answered 401",
        "em pausa desde {since}: os webhooks recebem 401"
    );
    let resume = format!("wapi-media instance resume {}", instance.id);
    Check::new(ID, Verdict::Warn, evidence).with_remedy(resume)
}

async fn check_connection(
    who: Credentials<'_>,
    examination: Examination<'_>,
) -> anyhow::Result<Check> {
    const ID: CheckId = CheckId::Connection;
    let Examination { session, lang, .. } = examination;
    let id = who.instance;
    Ok(match session.wapi()?.fetch_status(who).await {
        Ok(status) if status.connected => {
            let evidence = say!(
                lang,
                "W-API accepts the token, and the instance is connected to WhatsApp",
                "a W-API aceita o token, e a instância está conectada ao WhatsApp"
            );
            Check::new(ID, Verdict::Ok, evidence)
        }
        Ok(_) => {
            let evidence = say!(
                lang,
                "W-API accepts the token, but the instance is not connected to WhatsApp",
                "a W-API aceita o token, mas a instância não está conectada ao WhatsApp"
            );
            let remedy = say!(
                lang,
                "pair the phone again in W-API's panel",
                "pareie o telefone de novo no painel da W-API"
            );
            Check::new(ID, Verdict::Fail, evidence).with_remedy(remedy)
        }
        Err(error) if error.is_unauthorized() => {
            Check::new(ID, Verdict::Fail, report::translate_failure(&error, lang))
                .with_remedy(format!("wapi-media token rotate {id}"))
        }
        // If this machine cannot reach W-API, the functions may not either: fail, so that somebody
        // looks.
        Err(error) => Check::new(ID, Verdict::Fail, report::translate_failure(&error, lang)),
    })
}

async fn check_hooks(
    instance: &Instance,
    who: Credentials<'_>,
    examination: Examination<'_>,
) -> anyhow::Result<Vec<Check>> {
    let Examination { session, lang, now, .. } = examination;
    let base = session.webhook_base()?;
    let account = match session.wapi()?.fetch_account(who).await {
        Ok(account) => account,
        Err(error) => {
            let verdict = match error {
                AccountError::NoAnswer { .. } | AccountError::Unreadable { .. } => Verdict::Unknown,
                AccountError::Refused { .. } => Verdict::Fail,
            };
            return Ok(vec![Check::new(
                CheckId::Hooks,
                verdict,
                report::translate_failure(&error, lang),
            )]);
        }
    };
    let register = format!("wapi-media webhook register {}", instance.id);
    let judged = targets_of_all(&account, base, instance).into_iter();
    let wanted = judged.filter(|(hook, _)| Hook::WANTED.contains(hook));
    Ok(wanted
        .map(|(hook, target)| {
            let verdict = match (target.is_accepted(now), Hook::OF_MEDIA.contains(&hook)) {
                (true, _) => Verdict::Ok,
                (false, true) => Verdict::Fail,
                (false, false) => Verdict::Warn,
            };
            let check = Check::new(CheckId::Hook(hook), verdict, target.to_text(now, lang));
            if verdict == Verdict::Ok { check } else { check.with_remedy(&register) }
        })
        .collect())
}

/// Compares the media in W-API's own log with the records: media without a record were posted to
/// another URL, or lost.
async fn check_last_webhooks(
    who: Credentials<'_>,
    examination: Examination<'_>,
) -> anyhow::Result<Check> {
    const ID: CheckId = CheckId::LastWebhooks;
    let Examination { session, lang, now, .. } = examination;
    let id = who.instance;
    let page = [("perPage", "25"), ("page", "1")];
    let asked = session.wapi()?;
    let asked = asked.send_request(Method::GET, LOGS_PATH, &page, who, None::<&()>).await;
    let Some(log) = asked.require_success().ok().and_then(|()| LogPage::parse(asked.body())) else {
        let unread =
            say!(lang, "W-API's log could not be read", "o log da W-API não pôde ser lido");
        return Ok(Check::new(ID, Verdict::Unknown, unread));
    };
    let announced = log.webhooks.iter().flat_map(|body| body.read_announcement().media);
    let is_due = |one: &MediaMessage| (now - SILENCE..now - ON_ITS_WAY).contains(&one.moment);
    let due: Vec<_> = announced.filter(is_due).collect();
    let Some(newest) = due.iter().map(|one| one.moment).max() else {
        let none = say!(
            lang,
            "W-API's log names no media of the last day",
            "o log da W-API não traz mídias do último dia"
        );
        return Ok(Check::new(ID, Verdict::Ok, none));
    };
    let (records, mut missing) = (session.records()?, 0);
    for one in &due {
        let record = records.find(id, one).await?;
        missing += usize::from(record.is_none());
    }
    let (count, ago) = (due.len(), screen::format_age(now.saturating_sub(newest), lang));
    if missing == 0 {
        let evidence = say!(
            lang,
            "all {count} recent media in W-API's log are recorded here, \
             the newest sent {ago} ago",
            "todas as {count} mídias recentes do log da W-API estão registradas, \
             a mais nova enviada há {ago}"
        );
        return Ok(Check::new(ID, Verdict::Ok, evidence));
    }
    let evidence = say!(
        lang,
        "{missing} of the {count} recent media in W-API's log never arrived here",
        "{missing} das {count} mídias recentes do log da W-API nunca chegaram aqui"
    );
    let backfill = format!("wapi-media backfill --instance {id} --since 48h");
    Ok(Check::new(ID, Verdict::Fail, evidence).with_remedy(backfill))
}

async fn check_last_media(
    instance: &Instance,
    examination: Examination<'_>,
) -> anyhow::Result<Check> {
    const ID: CheckId = CheckId::LastMedia;
    let Examination { session, lang, now, .. } = examination;
    // A sender's clock may be ahead of this one, but not by more than a day.
    let until = now.saturating_add(SILENCE);
    let newest = session.records()?.find_newest(&instance.id, until).await?;
    let newest = newest.and_then(|newest| Some((newest.moment?, newest)));
    let Some((moment, newest)) = newest else {
        let none = say!(
            lang,
            "no media message was ever announced",
            "nenhuma mídia foi anunciada até hoje"
        );
        return Ok(Check::new(ID, Verdict::Warn, none));
    };
    let silence = now.saturating_sub(moment);
    let (ago, when) = (screen::format_age(silence, lang), screen::format_time(moment));
    let state = report::translate_state(&newest.state, lang);
    let evidence = say!(
        lang,
        "sent {ago} ago ({when}), now {state}",
        "enviada há {ago} ({when}), agora {state}"
    );
    let verdict = if silence > SILENCE { Verdict::Warn } else { Verdict::Ok };
    Ok(Check::new(ID, verdict, evidence))
}

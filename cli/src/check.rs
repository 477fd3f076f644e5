//! An instance under examination: what W-API says of it, and what came from it.

use aws::instances::Instance;
use boot::clock;
use comfy_table::Table;
use fetch::account::{AccountError, Credentials};
use report::Lang;
use serde::Serialize;
use wapi::account::Hook;

use crate::{
    doctor::say,
    hooks::judge_all,
    screen,
    session::{Session, as_instance},
};

/// An instance from which nothing came for this long is worth a look, in seconds.
const SILENCE: i64 = 24 * 60 * 60;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Media are or will be lost unless a person acts.
    Fail,
    /// It could not be checked.
    Unknown,
}

impl Verdict {
    /// The word for a person.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Unknown => "?",
        }
    }
}

/// One check with its evidence.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) evidence: String,
    /// The command or the step that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

impl Check {
    pub(crate) fn new(name: &'static str, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            evidence: evidence.into(),
            remedy: None,
        }
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// A check's name in the report's language.
pub(crate) fn label(name: &'static str, lang: Lang) -> &'static str {
    match (lang, name) {
        (Lang::En, _) => name,
        (Lang::PtBr, "open") => "aberta",
        (Lang::PtBr, "connection") => "conexão",
        (Lang::PtBr, "hooks") => "webhooks",
        (Lang::PtBr, "hook received") => "webhook received",
        (Lang::PtBr, "hook delivery") => "webhook delivery",
        (Lang::PtBr, "hook connected") => "webhook connected",
        (Lang::PtBr, "hook disconnected") => "webhook disconnected",
        (Lang::PtBr, "last media") => "última mídia",
        (Lang::PtBr, "cross-tenant") => "entre clientes",
        (Lang::PtBr, _) => name,
    }
}

/// The checks as a person reads them.
pub(crate) fn table(checks: &[Check]) -> Table {
    let mut table = screen::table(["", "check", "evidence", "what to do"]);
    for check in checks {
        table.add_row([
            check.verdict.as_str(),
            check.name,
            &check.evidence,
            check.remedy.as_deref().unwrap_or_default(),
        ]);
    }
    table
}

/// Examines an instance.
pub(crate) async fn instance(
    instance: &Instance,
    lang: Lang,
    session: &Session,
) -> anyhow::Result<Vec<Check>> {
    let mut checks = vec![is_open(instance, lang)];
    match session.token(instance).await {
        Ok(token) => {
            let who = as_instance(&instance.id, &token);
            checks.push(connection(who, lang, session).await?);
            checks.extend(hooks(instance, who, lang, session).await?);
        }
        Err(error) => {
            let rotate = format!("wapi-media token rotate {}", instance.id);
            let failed = Check::new("token", Verdict::Fail, format!("{error:#}"));
            checks.push(failed.with_remedy(rotate));
        }
    }
    checks.push(last_media(instance, lang, session).await?);
    Ok(checks)
}

fn is_open(instance: &Instance, lang: Lang) -> Check {
    const NAME: &str = "open";
    let Some(since) = instance.paused_at.map(screen::time) else {
        let evidence = say!(lang, "its webhooks are accepted", "os webhooks são aceitos");
        return Check::new(NAME, Verdict::Ok, evidence);
    };
    let evidence = say!(
        lang,
        "paused since {since}: its webhooks are answered 401",
        "em pausa desde {since}: os webhooks recebem 401"
    );
    let resume = format!("wapi-media instance resume {}", instance.id);
    Check::new(NAME, Verdict::Warn, evidence).with_remedy(resume)
}

async fn connection(who: Credentials<'_>, lang: Lang, session: &Session) -> anyhow::Result<Check> {
    const NAME: &str = "connection";
    let id = who.instance;
    Ok(match session.wapi()?.status(who).await {
        Ok(status) if status.connected => {
            let evidence = say!(
                lang,
                "W-API accepts the token and is connected to WhatsApp",
                "a W-API aceita o token e está conectada ao WhatsApp"
            );
            Check::new(NAME, Verdict::Ok, evidence)
        }
        Ok(_) => {
            let evidence = say!(
                lang,
                "W-API accepts the token and is not connected to WhatsApp",
                "a W-API aceita o token e não está conectada ao WhatsApp"
            );
            let remedy = say!(
                lang,
                "pair the telephone again in W-API's panel",
                "pareie o telefone de novo no painel da W-API"
            );
            Check::new(NAME, Verdict::Fail, evidence).with_remedy(remedy)
        }
        Err(error) if error.is_unauthorized() => Check::new(NAME, Verdict::Fail, error.to_string())
            .with_remedy(format!("wapi-media token rotate {id}")),
        // Whoever cannot reach W-API cannot be sure that the functions can: it is worth a person's look.
        Err(error) => Check::new(NAME, Verdict::Fail, error.to_string()),
    })
}

async fn hooks(
    instance: &Instance,
    who: Credentials<'_>,
    lang: Lang,
    session: &Session,
) -> anyhow::Result<Vec<Check>> {
    let (base, now) = (session.webhook_base()?, clock::now());
    let account = match session.wapi()?.account(who).await {
        Ok(account) => account,
        Err(error) => {
            let verdict = match error {
                AccountError::Silent { .. } | AccountError::Senseless { .. } => Verdict::Unknown,
                AccountError::Refused { .. } => Verdict::Fail,
            };
            return Ok(vec![Check::new("hooks", verdict, error.to_string())]);
        }
    };
    let register = format!("wapi-media webhook register {}", instance.id);
    let judged = judge_all(&account, base, instance).into_iter();
    let wanted = judged.filter(|(hook, _)| Hook::WANTED.contains(hook));
    Ok(wanted
        .map(|(hook, points)| {
            let verdict = match (points.is_well(now), Hook::OF_MEDIA.contains(&hook)) {
                (true, _) => Verdict::Ok,
                (false, true) => Verdict::Fail,
                (false, false) => Verdict::Warn,
            };
            let check = Check::new(name_of(hook), verdict, points.text(now, lang));
            if verdict == Verdict::Ok {
                check
            } else {
                check.with_remedy(&register)
            }
        })
        .collect())
}

fn name_of(hook: Hook) -> &'static str {
    match hook {
        Hook::Received => "hook received",
        Hook::Delivery => "hook delivery",
        Hook::MessageStatus => "hook message-status",
        Hook::Connected => "hook connected",
        Hook::Disconnected => "hook disconnected",
        Hook::ChatPresence => "hook chat-presence",
    }
}

async fn last_media(instance: &Instance, lang: Lang, session: &Session) -> anyhow::Result<Check> {
    const NAME: &str = "last media";
    let newest = session.records()?.of_instance(&instance.id, 0, 1).await?;
    let Some(newest) = newest.first() else {
        let none = say!(
            lang,
            "none was ever announced",
            "nenhuma foi anunciada até hoje"
        );
        return Ok(Check::new(NAME, Verdict::Warn, none));
    };
    let silence = clock::now().saturating_sub(newest.moment);
    let (ago, when) = (screen::ago(silence), screen::time(newest.moment));
    let state = &newest.state;
    let evidence = say!(
        lang,
        "sent {ago} ago ({when}), now {state}",
        "enviada há {ago} ({when}), agora {state}"
    );
    let verdict = if silence > SILENCE {
        Verdict::Warn
    } else {
        Verdict::Ok
    };
    Ok(Check::new(NAME, verdict, evidence))
}

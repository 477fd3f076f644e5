//! One check of an instance: which check, its result, its evidence and its remedy.

use comfy_table::Table;
use report::Lang;
use serde::{Serialize, Serializer};
use wapi::account::Hook;

use crate::screen;

/// Which check it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckId {
    /// Whether the instance's webhooks are accepted, or it is paused.
    Open,
    /// Whether the stored token opens.
    Token,
    /// Whether W-API accepts the token, and the instance is connected to WhatsApp.
    Connection,
    /// Whether W-API's settings of the hooks can be read at all.
    Hooks,
    /// Where one hook leads.
    Hook(Hook),
    /// Whether what W-API says it posted last is recorded here.
    LastWebhooks,
    /// When the last media message was sent.
    LastMedia,
    /// Whether the applications to which webhooks are passed on take them.
    Receivers,
    /// Whether W-API refuses the token for another tenant's instance.
    CrossTenant,
    /// Whether a probe is accepted by the API and the webhook function.
    ProbeWebhook,
    /// Whether a probe comes through queue and download function to its record.
    ProbeRecord,
}

impl CheckId {
    /// The check's name in the report's language.
    pub(crate) fn label(self, lang: Lang) -> &'static str {
        let (english, portuguese) = self.label_in_both();
        match lang {
            Lang::En => english,
            Lang::PtBr => portuguese,
        }
    }

    /// The name in English, which is also the one in the JSON, and in Brazilian Portuguese.
    fn label_in_both(self) -> (&'static str, &'static str) {
        match self {
            Self::Open => ("open", "aberta"),
            Self::Token => ("token", "token"),
            Self::Connection => ("connection", "conexão"),
            Self::Hooks => ("hooks", "hooks"),
            Self::Hook(Hook::Received) => ("hook received", "hook received"),
            Self::Hook(Hook::Delivery) => ("hook delivery", "hook delivery"),
            Self::Hook(Hook::MessageStatus) => ("hook message-status", "hook message-status"),
            Self::Hook(Hook::Connected) => ("hook connected", "hook connected"),
            Self::Hook(Hook::Disconnected) => ("hook disconnected", "hook disconnected"),
            Self::Hook(Hook::ChatPresence) => ("hook chat-presence", "hook chat-presence"),
            Self::LastWebhooks => ("last webhooks", "últimos webhooks"),
            Self::LastMedia => ("last media", "última mídia"),
            Self::Receivers => ("receivers", "receptores"),
            Self::CrossTenant => ("cross-tenant", "entre tenants"),
            Self::ProbeWebhook => ("API and webhook function", "API e função webhook"),
            Self::ProbeRecord => {
                ("queue, download function, record", "fila, função download, registro")
            }
        }
    }
}

impl Serialize for CheckId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.label(Lang::En))
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Nothing is wrong.
    Ok,
    /// It works, but an operator should look at it.
    Warn,
    /// Media are lost, or will be lost unless an operator acts.
    Fail,
    /// It could not be checked.
    Unknown,
}

impl Verdict {
    /// The word in the printed table.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Unknown => "?",
        }
    }
}

/// One check and its result.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    #[serde(rename = "name")]
    pub(crate) id: CheckId,
    pub(crate) verdict: Verdict,
    pub(crate) evidence: String,
    /// The command or the step that fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

impl Check {
    pub(crate) fn new(id: CheckId, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self { id, verdict, evidence: evidence.into(), remedy: None }
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// The checks as a table, one row each.
pub(crate) fn checks_table(checks: &[Check]) -> Table {
    let mut table = screen::new_table(["", "check", "evidence", "what to do"]);
    for check in checks {
        table.add_row([
            check.verdict.as_str(),
            check.id.label(Lang::En),
            &check.evidence,
            check.remedy.as_deref().unwrap_or_default(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Check, CheckId, Verdict, checks_table};

    #[test]
    fn a_check_shows_evidence_and_remedy() {
        let mut failed = Check::new(CheckId::Token, Verdict::Fail, "W-API answers 401");
        failed.remedy = Some("wapi-media token rotate LITE-AAAAAA-000001".to_owned());
        let checks = [Check::new(CheckId::Open, Verdict::Ok, "takes webhooks"), failed];
        insta::assert_snapshot!(checks_table(&checks));
    }
}

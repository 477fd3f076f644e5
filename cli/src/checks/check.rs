//! One check: how it ended, its evidence, and what to do.

use comfy_table::Table;
use report::Lang;
use serde::Serialize;

use crate::screen;

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
        Self { name, verdict, evidence: evidence.into(), remedy: None }
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
        (Lang::PtBr, "last webhooks") => "últimos webhooks",
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

#[cfg(test)]
mod tests {
    use super::{Check, Verdict, table};

    #[test]
    fn a_check_tells_its_evidence_and_what_to_do() {
        let mut failed = Check::new("token", Verdict::Fail, "W-API answers 401");
        failed.remedy = Some("wapi-media token rotate LITE-AAAAAA-000001".to_owned());
        let checks = [Check::new("open", Verdict::Ok, "takes webhooks"), failed];
        insta::assert_snapshot!(table(&checks));
    }
}

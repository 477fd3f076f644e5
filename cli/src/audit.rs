//! Writes down who does what: a line in the audit table before a command reveals or changes
//! something, and another one after it.

use std::{fmt::Display, pin::Pin};

use aws::register::RegisterError;
use media::ids::{InstanceId, TenantId};
use operator::{
    audit::{ANY_TENANT, AuditLine, AuditTable, BEGUN, COMPLETE, INCOMPLETE},
    audit_copies::AuditCopies,
};

use crate::{screen, session::Session};

/// Every action that has lines in the audit table.
pub(crate) const ACTIONS: [&str; 42] = [
    "backfill",
    "hold",
    "instance add",
    "instance pause",
    "instance remove",
    "instance resume",
    "instance set",
    "media download",
    "media erase",
    "media export",
    "media find",
    "media link",
    "media ls",
    "media presign",
    "media relink",
    "media retain",
    "media revoked",
    "media scans",
    "media show",
    "media unlink",
    "media verify",
    "parked drop",
    "parked redrive",
    "people show",
    "receiver add",
    "receiver pause",
    "receiver remove",
    "receiver resume",
    "receiver rotate-secret",
    "receiver set",
    "receiver show",
    "receiver test",
    "replay",
    "tenant add",
    "tenant remove",
    "tenant set",
    "token rotate",
    "webhook register",
    "webhook revoke-secret",
    "webhook rotate-secret",
    "webhook show",
    "webhook unregister",
];

/// What a command is about to do, without phone numbers, names and ids of messages.
#[derive(Debug, Clone)]
pub(crate) struct AuditScope {
    action: &'static str,
    tenant: String,
    instance: Option<String>,
    scope: String,
}

impl AuditScope {
    /// An action on what the word `scope` says, of all tenants. The action is one of [`ACTIONS`].
    pub(crate) fn new(action: &'static str, scope: &str) -> Self {
        debug_assert!(ACTIONS.contains(&action), "{action}");
        let (tenant, scope) = (ANY_TENANT.to_owned(), scope.to_owned());
        Self { action, tenant, instance: None, scope }
    }

    /// An action on what the word `scope` says, of this instance. The tenant of an instance whose
    /// record cannot be parsed is not known.
    pub(crate) async fn about_instance(
        (action, scope): (&'static str, &'static str),
        id: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let scope = Self::new(action, scope).of_instance(id);
        match session.register()?.get_instance(id).await {
            Ok(Some(instance)) => Ok(scope.of_tenant(&instance.tenant)),
            Ok(None) | Err(RegisterError::Malformed(_)) => Ok(scope),
            Err(error) => Err(error.into()),
        }
    }

    /// Of this tenant, if one is given.
    pub(crate) fn of_tenant<'a>(self, tenant: impl Into<Option<&'a TenantId>>) -> Self {
        match tenant.into() {
            Some(tenant) => Self { tenant: tenant.to_string(), ..self },
            None => self,
        }
    }

    /// Of this instance, if one is given.
    pub(crate) fn of_instance<'a>(self, instance: impl Into<Option<&'a InstanceId>>) -> Self {
        match instance.into() {
            Some(instance) => Self { instance: Some(instance.to_string()), ..self },
            None => self,
        }
    }

    /// And on what W-API's log has of it.
    pub(crate) fn with_log(self) -> Self {
        Self { scope: format!("{} and log", self.scope), ..self }
    }

    /// The line about the beginning.
    fn into_line(self, who: String) -> AuditLine {
        AuditLine {
            action: self.action.to_owned(),
            at: screen::format_now(),
            who,
            tenant: self.tenant,
            instance: self.instance,
            scope: self.scope,
            outcome: BEGUN.to_owned(),
            ..AuditLine::default()
        }
    }
}

impl Session {
    /// The audit table.
    pub(crate) fn audit_table(&self) -> anyhow::Result<AuditTable> {
        let name = self.stack.output("AuditTable")?.to_owned();
        Ok(AuditTable::new(&self.operator.clients, name, self.audit_copies()))
    }

    /// The bucket with the copies of audit lines, if the stack was deployed with one.
    pub(crate) fn audit_copies(&self) -> Option<AuditCopies> {
        let bucket = self.stack.find_output("AuditBucket")?.to_owned();
        Some(AuditCopies::new(&self.operator.clients, bucket, self.stack.name.clone()))
    }

    /// Writes the line about the beginning of an act, before anything is touched: what is not
    /// written down is not done.
    pub(crate) async fn begin_audit(
        &self,
        scope: AuditScope,
        reference: Option<String>,
    ) -> anyhow::Result<AuditLine> {
        let mut line = scope.into_line(self.operator.caller_arn().await?);
        line.reference = reference;
        self.audit_table()?.put_line(&line).await?;
        Ok(line)
    }

    /// Writes the line about the end of an act, with the outcome that it has now. What was done is
    /// shown although that fails.
    pub(crate) async fn end_audit(&self, line: &AuditLine) -> anyhow::Result<()> {
        write_end(&self.audit_table()?, line).await;
        Ok(())
    }

    /// Writes a line, acts, and writes how it ended. Nothing is done if the first line cannot be
    /// written.
    pub(crate) fn audit<T, E: Display>(
        &self,
        scope: AuditScope,
        act: impl Future<Output = Result<T, E>>,
    ) -> Pin<Box<impl Future<Output = anyhow::Result<Result<T, E>>>>> {
        let act = Box::pin(act);
        Box::pin(async move {
            let mut line = scope.into_line(self.operator.caller_arn().await?);
            line.reference.clone_from(&self.flags.reference);
            record_act(&self.audit_table()?, line, act, |_| COMPLETE).await
        })
    }

    /// As [`Self::audit`], for an act that may end with a look, after a dry run or a "no": `None`
    /// ends with this outcome.
    pub(crate) fn audit_unless<T>(
        &self,
        scope: AuditScope,
        only_looked: &'static str,
        act: impl Future<Output = anyhow::Result<Option<T>>>,
    ) -> Pin<Box<impl Future<Output = anyhow::Result<Option<T>>>>> {
        let act = Box::pin(act);
        Box::pin(async move {
            let mut line = scope.into_line(self.operator.caller_arn().await?);
            line.reference.clone_from(&self.flags.reference);
            let outcome = |done: &Option<T>| done.as_ref().map_or(only_looked, |_| COMPLETE);
            record_act(&self.audit_table()?, line, act, outcome).await?
        })
    }
}

/// Writes the line about the beginning, acts, and writes the line about the end.
async fn record_act<T, E: Display>(
    table: &AuditTable,
    mut line: AuditLine,
    act: impl Future<Output = Result<T, E>>,
    outcome: impl Fn(&T) -> &'static str,
) -> anyhow::Result<Result<T, E>> {
    // Before anything is touched: what is not written down is not done.
    table.put_line(&line).await?;
    let done = act.await;
    line.outcome = done.as_ref().map_or(INCOMPLETE, outcome).to_owned();
    write_end(table, &line).await;
    Ok(done)
}

/// Writes the line about the end, and warns if that fails: its beginning is there, which says who
/// and what.
async fn write_end(table: &AuditTable, line: &AuditLine) {
    if let Err(error) = table.put_line(line).await {
        let action = &line.action;
        screen::print_error(&format!(
            "warning: the audit table has no line about the end of {action}: {error}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeSet};

    use clap::CommandFactory;
    use scripted_aws::{Answer, Aws};
    use serde_json::json;

    use super::*;

    /// Runs an act that is written down, against a table that answers so; whether the act was
    /// done, and what came of it.
    async fn record(answer: fn() -> Answer, act: Result<(), &'static str>) -> (bool, bool, Aws) {
        let aws = Aws::start(move |_| answer()).await;
        let table = AuditTable::new(&aws.clients, "audit-table".to_owned(), None);
        let line = AuditScope::new("media export", "chat").into_line("arn:invented".to_owned());
        let is_done = Cell::new(false);
        let act = async {
            is_done.set(true);
            act
        };
        let recorded = record_act(&table, line, act, |()| COMPLETE).await;
        (is_done.get(), recorded.is_ok_and(|done| done.is_ok()), aws)
    }

    /// What only looks at settings, states and counts, which name nobody. And the probe of `webhook
    /// verify`, which is nobody's message.
    const LOOKS: [&str; 20] = [
        "audit list",
        "completion",
        "cost",
        "doctor",
        "hold list",
        "iam",
        "instance check",
        "instance list",
        "instance show",
        "media audit",
        "media orders",
        "parked list",
        "parked show",
        "receiver deliveries",
        "receiver list",
        "stats",
        "tail",
        "tenant list",
        "tenant show",
        "webhook verify",
    ];

    /// A new verb needs a line, or a reason why it has none.
    #[test]
    fn each_verb_has_a_line_or_only_looks() {
        let command = crate::Command::command();
        let mut verbs = BTreeSet::new();
        for noun in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let name = noun.get_name();
            let its = noun.get_subcommands().map(|verb| format!("{name} {}", verb.get_name()));
            let its: Vec<_> = its.filter(|verb| !verb.ends_with(" help")).collect();
            verbs.extend(if its.is_empty() { vec![name.to_owned()] } else { its });
        }
        // Both verbs of a hold are one action, and so is what is shared by two verbs.
        let named = |verb: &str| match verb {
            "hold add" | "hold release" => "hold".to_owned(),
            other => other.to_owned(),
        };
        let actions = ACTIONS.into_iter().filter(|one| *one != "webhook revoke-secret");
        let known: BTreeSet<_> = actions.chain(LOOKS).map(str::to_owned).collect();
        assert_eq!(verbs.iter().map(|verb| named(verb)).collect::<BTreeSet<_>>(), known);
        assert!(LOOKS.iter().all(|look| !ACTIONS.contains(look)));
    }

    /// Otherwise a caller without the right to add lines acts without a trace.
    #[tokio::test]
    async fn nothing_is_done_that_is_not_written_down() {
        let denied = || Answer::json_error(400, "AccessDeniedException");
        let (is_done, is_well, aws) = record(denied, Ok(())).await;
        assert!(!is_done && !is_well, "it was done without a line");
        assert_eq!(aws.operations(), ["ExecuteStatement"]);
    }

    #[tokio::test]
    async fn an_end_says_how_it_ended() {
        for (act, outcome) in [(Ok(()), COMPLETE), (Err("W-API does not answer"), INCOMPLETE)] {
            let (is_done, is_well, aws) = record(|| Answer::json(&json!({})), act).await;
            assert!(is_done && is_well == act.is_ok());
            let end = aws.requests_of("ExecuteStatement").pop().expect("an end");
            let end = end.text();
            assert!(end.contains(outcome) && end.contains("~end"), "{end}");
            assert_eq!(aws.operations(), ["ExecuteStatement"; 2]);
        }
    }
}

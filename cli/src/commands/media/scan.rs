//! What the malware scan says about stored files, in words. Without `MalwareScan=on`, nothing.

use std::time::Duration;

use anyhow::bail;
use boot::clock;
use clap::Args;
use media::{ids::TenantId, malware::ScanVerdict, object_key::ObjectKey};
use operator::tags;
use serde_json::json;

use crate::{audit::AuditScope, exit::Exit, screen, session::Session};

/// The verdicts by which files are listed.
const LISTED_VERDICTS: [&str; 3] = ["threat", "missing", "failed"];

/// Which files to list: without options, those of the last day.
#[derive(Args)]
pub(crate) struct Scans {
    /// Only files of this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only files with this verdict: threat, missing, failed.
    #[arg(long, value_name = "VERDICT", value_parser = LISTED_VERDICTS)]
    verdict: Option<String>,
    /// Only files stored within this time, such as 7days.
    #[arg(
        long,
        default_value = "24h",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    since: Duration,
}

impl Scans {
    /// Lists the files that the bucket's policy closes, with their verdicts.
    pub(super) async fn run_scans(self, session: &Session) -> anyhow::Result<Exit> {
        if !is_scanned(session) {
            bail!("stack {} does not scan files: MalwareScan is off", session.stack.name);
        }
        let scope = AuditScope::new("media scans", "files").of_tenant(self.tenant.as_ref());
        session.audit(scope, self.list_verdicts(session)).await?
    }

    async fn list_verdicts(self, session: &Session) -> anyhow::Result<Exit> {
        let folder = self.tenant.as_ref().map(ObjectKey::tenant_prefix).unwrap_or_default();
        let age = i64::try_from(self.since.as_secs()).unwrap_or(i64::MAX);
        let (mut values, mut lines) = (Vec::new(), Vec::new());
        let bar = screen::new_counter("files looked at");
        let from = clock::now().saturating_sub(age);
        let tags = session.tags()?;
        let visited = tags.visit_verdicts(&folder, from, |key, verdict| {
            bar.inc(1);
            let word = verdict.as_str();
            let is_meant = self.verdict.as_ref().is_none_or(|only| only == word);
            if verdict != ScanVerdict::Clean && is_meant {
                lines.push(format!("{word:<8} {key}"));
                values.push(json!({ "verdict": word, "key": key }));
            }
        });
        visited.await?;
        bar.finish_and_clear();
        let exit = if lines.is_empty() { Exit::Ok } else { Exit::Findings };
        if lines.is_empty() {
            lines.push("No file of this time lacks a clean verdict.".to_owned());
        }
        session.flags.print(&json!(values), lines.join("\n"))?;
        Ok(exit)
    }
}

/// The verdict of the scan in one sentence; `None` if the stack does not scan, or there is no such
/// file.
pub(super) async fn find_verdict(key: &str, session: &Session) -> anyhow::Result<Option<String>> {
    let verdict = read_verdict(key, session).await?;
    Ok(verdict.map(|verdict| describe_verdict(&verdict)))
}

/// Fails with the verdict if the bucket's policy denies reading the file. Whoever has the role of
/// `BreakGlassRoleArn` may read every file.
///
/// The message names the media file by its message: a key has the names of the chat and the file.
pub(super) async fn require_clean(
    message: &str,
    key: &str,
    session: &Session,
) -> anyhow::Result<()> {
    match find_obstacle(key, session).await? {
        Some(obstacle) => bail!("the file of {message}: {obstacle}"),
        None => Ok(()),
    }
}

/// Why the bucket's policy denies reading the file, in one sentence; `None` if it does not.
pub(super) async fn find_obstacle(key: &str, session: &Session) -> anyhow::Result<Option<String>> {
    match read_verdict(key, session).await? {
        None | Some(ScanVerdict::Clean) => Ok(None),
        Some(verdict) => {
            let role = session.stack.parameter("BreakGlassRoleArn").unwrap_or_default();
            let may_read = is_session_of(&session.operator.caller_arn().await?, role);
            Ok((!may_read).then(|| describe_verdict(&verdict)))
        }
    }
}

/// Whether the stack scans its files. An older stack has no such parameter, and one without TLS has
/// no bucket policy, and does not scan.
fn is_scanned(session: &Session) -> bool {
    let is = |name, value| session.stack.parameter(name).ok() == Some(value);
    is("MalwareScan", "on") && is("RequireTls", "true")
}

async fn read_verdict(key: &str, session: &Session) -> anyhow::Result<Option<ScanVerdict>> {
    if !is_scanned(session) {
        return Ok(None);
    }
    let tags = session.tags()?.find_tags(key, None).await?;
    Ok(tags.as_ref().map(tags::read_verdict))
}

fn describe_verdict(verdict: &ScanVerdict) -> String {
    match verdict {
        ScanVerdict::Clean => "the malware scan found no threat".to_owned(),
        ScanVerdict::Threat => {
            "the malware scan found a threat: the bucket does not give the file out".to_owned()
        }
        ScanVerdict::Missing => "the file is not scanned for malware yet, so the bucket does not \
            give it out. A scan takes minutes; a file that was stored before MalwareScan was on \
            must be sent to the scan: see docs/operating.md"
            .to_owned(),
        ScanVerdict::Failed(why) => {
            format!("GuardDuty could not scan the file ({why}), so the bucket does not give it out")
        }
    }
}

/// Whether the caller's ARN is a session of this role.
fn is_session_of(caller: &str, role: &str) -> bool {
    let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
    let name = role.split_once(":role/").and_then(|(_, path)| path.rsplit('/').next());
    let session = caller.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    name.is_some() && name == session && account(caller) == account(role)
}

#[cfg(test)]
mod tests {
    use media::malware::ScanVerdict;
    use operator::tags::{FileTags, read_verdict};

    use super::{describe_verdict, is_session_of};

    /// A tag that AWS adds later is not a clean one.
    #[test]
    fn only_one_tag_means_clean() {
        let tag = |value: &str| {
            FileTags::from([("GuardDutyMalwareScanStatus".to_owned(), value.to_owned())])
        };
        let said = |tags: &FileTags| describe_verdict(&read_verdict(tags));
        assert_eq!(read_verdict(&tag("NO_THREATS_FOUND")), ScanVerdict::Clean);
        assert!(said(&tag("THREATS_FOUND")).contains("found a threat"));
        assert!(said(&FileTags::new()).contains("not scanned for malware yet"));
        for word in ["UNSUPPORTED", "ACCESS_DENIED", "FAILED", "", "no_threats_found"] {
            assert!(said(&tag(word)).contains("could not scan"), "{word}");
        }
    }

    #[test]
    fn only_the_break_glass_role_is_let_through() {
        let caller = "arn:aws:sts::123456789012:assumed-role/Responders/someone";
        assert!(is_session_of(caller, "arn:aws:iam::123456789012:role/security/Responders"));
        for role in [
            "",
            "arn:aws:iam::123456789012:role/Respond",
            "arn:aws:iam::210987654321:role/Responders",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert!(!is_session_of(caller, role), "{role}");
        }
        assert!(!is_session_of("arn:aws:iam::123456789012:user/Responders", ""));
    }
}

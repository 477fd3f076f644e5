//! The copies of audit lines: whether the bucket that the deployer gave locks them.

use report::{Setting, Status};

use crate::{examination::Examination, say::say};

/// How the bucket with the copies of audit lines locks them. `None` for a stack without one.
pub(crate) async fn audit_copies_setting(examination: Examination<'_>) -> Option<Setting> {
    let Examination { session, lang, .. } = examination;
    let bucket = session.stack.find_output("AuditBucket")?;
    let name = say!(lang, "lock of the copies of audit lines", "trava das cópias da auditoria");
    let setting = |status, value| Setting { name, status, value, expected: None, remedy: None };
    Some(match session.audit_copies()?.describe_lock().await {
        Ok(Some(lock)) => setting(Status::Ok, lock),
        Ok(None) => Setting {
            remedy: Some(format!(
                "aws s3api put-object-lock-configuration --bucket {bucket} \
                 --object-lock-configuration '{{\"ObjectLockEnabled\": \"Enabled\", \"Rule\": \
                 {{\"DefaultRetention\": {{\"Mode\": \"COMPLIANCE\", \"Days\": 365}}}}}}'"
            )),
            ..setting(Status::Fail, say!(lang, "none", "nenhuma"))
        },
        Err(error) => setting(Status::Unknown, report::translate_failure(&error, lang)),
    })
}

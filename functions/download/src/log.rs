//! The log lines of a media message. Each reads alone and can be queried; no name, number, path or
//! key is in it.

use std::time::Duration;

use media::{
    job::Job,
    record::{Attempt, State},
};

/// Logs a run: what became of the media message, and what was tried.
pub(crate) fn log_run(job: &Job, state: &State, attempts: &[Attempt], took: Duration) {
    let outcome = state.as_str();
    // Counted by an alarm: a media file that another strategy stored would hide a token that no
    // longer works.
    let is_unauthorized =
        |one: &&Attempt| one.strategy.needs_token() && matches!(one.status, Some(401 | 403));
    let unauthorized = attempts.iter().filter(is_unauthorized).count();
    // One field of JSON, because the log's own fields are flat.
    let attempts = serde_json::to_string(attempts).unwrap_or_default();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    macro_rules! log_media {
        ($level:ident, $($fields:tt)*) => {
            tracing::$level!(
                tenant = %job.tenant,
                instance = %job.instance,
                message_id = %job.message.message_id,
                media_kind = %job.message.kind,
                outcome,
                attempts,
                unauthorized,
                duration_ms,
                $($fields)*
                "media"
            )
        };
    }
    match state {
        State::Stored { strategy, proof, .. } => log_media!(
            info,
            strategy = %strategy,
            integrity = %proof.integrity,
            size_bytes = proof.size_bytes,
        ),
        State::Retrying { class, reason } => log_media!(warn, class = %class, reason,),
        State::Parked { class, reason } => log_media!(error, class = %class, reason,),
        State::Skipped { rule } => log_media!(info, reason = rule.as_str(),),
    }
}

/// Logs a media message for which there was nothing to run.
pub(crate) fn log_without_run(job: &Job, outcome: &str) {
    tracing::info!(
        tenant = %job.tenant,
        instance = %job.instance,
        message_id = %job.message.message_id,
        media_kind = %job.message.kind,
        outcome,
        "media"
    );
}

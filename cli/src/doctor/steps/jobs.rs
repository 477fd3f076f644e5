//! Step 4: the jobs queue.

use operator::health::QueueHealth;
use report::{Setting, Status, Step, StepId};

use crate::{examination::Examination, say::say};

/// The jobs queue's settings in `template.yaml`.
const VISIBILITY_SECONDS: u64 = 3_630;
const RETENTION_SECONDS: u64 = 7 * 24 * 60 * 60;
const MAX_RECEIVES: u64 = 140;

/// The step. Adds the queue's settings to `settings`.
pub(crate) async fn jobs_queue_step(
    examination: Examination<'_>,
    settings: &mut Vec<Setting>,
) -> anyhow::Result<Step> {
    let Examination { session, lang, .. } = examination;
    let id = StepId::JobsQueue;
    let queue = match session.operator.queue_health(session.stack.output("JobsQueueUrl")?).await {
        Ok(queue) => queue,
        Err(error) => {
            return Ok(Step::new(id, Status::Unknown, report::translate_failure(&error, lang)));
        }
    };
    let QueueHealth { waiting, hidden, .. } = queue;
    let expected = [
        ("VisibilityTimeout", Some(queue.visibility_seconds), VISIBILITY_SECONDS),
        ("MessageRetentionPeriod", Some(queue.retention_seconds), RETENTION_SECONDS),
        ("maxReceiveCount", queue.max_receives, MAX_RECEIVES),
    ];
    for (name, is, should) in expected {
        let is_right = is == Some(should);
        settings.push(Setting {
            name: say!(lang, "jobs queue: {name}", "fila de jobs: {name}"),
            status: if is_right { Status::Ok } else { Status::Fail },
            value: is.map_or_else(|| "-".to_owned(), |is| is.to_string()),
            expected: Some(should.to_string()),
            remedy: (!is_right).then(|| "sam deploy".to_owned()),
        });
    }
    let evidence = say!(
        lang,
        "{waiting} jobs wait, {hidden} are being worked on or wait for a retry",
        "{waiting} jobs esperam, {hidden} estão em trabalho ou aguardam nova tentativa"
    );
    Ok(Step::new(id, Status::Ok, evidence))
}

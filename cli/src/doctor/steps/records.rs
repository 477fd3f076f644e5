//! Step 9: the records, and the parked queue.

use report::{Status, Step, StepId};

use crate::{
    doctor::past::{Past, SOON},
    examination::Examination,
    say::say,
};

/// The step. The number of parked media comes from the queue, or for one instance from its records.
pub(crate) async fn records_step(
    past: &Past,
    (expiring, is_of_one): (u64, bool),
    examination: Examination<'_>,
) -> anyhow::Result<Step> {
    let Examination { session, lang, .. } = examination;
    let id = StepId::Records;
    let (parked, retrying) = (past.parked, past.retrying);
    let url = session.stack.output("ParkedQueueUrl")?;
    let parked = match session.operator.queue_health(url).await {
        _ if is_of_one => parked,
        Ok(queue) => queue.waiting + queue.hidden,
        Err(error) => {
            return Ok(Step::new(id, Status::Unknown, report::translate_failure(&error, lang)));
        }
    };
    let mut evidence = say!(
        lang,
        "{parked} media are parked, {retrying} are retried",
        "{parked} mídias estão estacionadas, {retrying} em nova tentativa"
    );
    if past.is_more_unstored {
        evidence += &say!(lang, ", or more", ", ou mais");
    }
    let (unread, first) = (past.odd.count(), past.odd.first().unwrap_or_default());
    if unread > 0 {
        evidence += &say!(
            lang,
            "; {unread} records could not be parsed in full ({first}, …)",
            "; {unread} registros não puderam ser lidos por inteiro ({first}, …)"
        );
    }
    Ok(if parked > 0 || expiring > 0 {
        Step::new(id, Status::Warn, evidence).with_remedy("wapi-media parked list")
    } else if unread > 0 {
        Step::new(id, Status::Warn, evidence).with_remedy("wapi-media media find")
    } else {
        Step::new(id, Status::Ok, evidence)
    })
}

/// Counts the unstored media of the whole stack that may be lost within two days.
pub(crate) async fn count_expiring(examination: Examination<'_>) -> anyhow::Result<u64> {
    let Examination { session, now, .. } = examination;
    Ok(session.ledger()?.jobs.count_expiring(now, now + SOON).await?)
}
